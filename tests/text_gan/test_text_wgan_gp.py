"""WGAN-GP over rows of symbols: its penalty is over places and symbols, and samples are cut where they end."""

import pytest
import torch

from dovetail import Fields, Misfit, Padded, Tokens, Vocabulary
from dovetail_standard.cells import GruSpec
from dovetail_standard.wgan_gp import mixture
from dovetail_text_gan.continuous import ContinuousSpec
from dovetail_text_gan.relaxed import full_length, hardened, relaxed
from dovetail_text_gan.residual import ResidualCriticSpec, ResidualGeneratorSpec
from dovetail_text_gan.wgan_gp import TextWganGpSpec

TOKENS = Tokens(Vocabulary.of("ab", joiner=""), 5)
PAD, END, A, B = 0, 2, 4, 5
DATA = Fields({"text": TOKENS})
CRITIC = ResidualCriticSpec(channels=3, blocks=1, width=3)
CONTINUOUS = ContinuousSpec(noise=2, embedding=3, cell=GruSpec(hidden=4))
RESIDUAL = ResidualGeneratorSpec(noise=2, channels=3, blocks=1, width=3)


def built(generator=RESIDUAL, **values):
    torch.manual_seed(0)
    spec = TextWganGpSpec(**values)
    return spec.build(data=DATA, generator=generator, discriminator=CRITIC).double()


@pytest.mark.parametrize("generator", [CONTINUOUS, RESIDUAL])
def test_the_critics_loss_is_the_papers_with_slopes_by_finite_differences(generator):
    objective, step = built(generator, penalty=7.0), 1e-6
    texts = TOKENS.fake(3, torch.Generator().manual_seed(0))
    torch.manual_seed(5)
    loss = objective({"text": texts}, "discriminator")
    torch.manual_seed(5)
    with torch.no_grad():
        fake = objective.generator.sample(3).data
        real = relaxed(texts, TOKENS, fake).data
        between = mixture(real, fake, torch.rand(3, dtype=torch.float64))

        def score(rows):
            return objective.discriminator(full_length(rows))[:, 0]

        slopes = torch.zeros_like(between)
        for place in range(5):
            for symbol in range(6):
                shift = torch.zeros(5, 6, dtype=torch.float64)
                shift[place, symbol] = step
                slopes[:, place, symbol] = (score(between + shift) - score(between - shift)) / (2 * step)
        penalty = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
        expected = score(fake).mean() - score(real).mean() + 7.0 * penalty
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-8)


def test_the_generators_gradient_goes_through_its_samples_and_no_further():
    for generator in (CONTINUOUS, RESIDUAL):
        objective = built(generator)
        objective({"text": TOKENS.fake(3)}, "generator").backward()
        assert all(parameter.grad is not None for parameter in objective.generator.parameters())
        assert all(parameter.grad is None for parameter in objective.discriminator.parameters())


def test_rows_of_real_texts_are_one_hot_to_the_whole_length():
    texts = Padded(torch.tensor([[A, B, END], [B, END, PAD]]), torch.tensor([3, 2]))
    rows = relaxed(texts, TOKENS, torch.zeros(1))
    assert rows.data.shape == (2, 5, 6)
    assert rows.data.argmax(-1).tolist() == [[A, B, END, PAD, PAD], [B, END, PAD, PAD, PAD]]
    assert torch.equal(rows.data.sum(-1), torch.ones(2, 5))
    back = hardened(rows, TOKENS)
    assert back.data[:, :3].tolist() == texts.data.tolist()
    assert back.lengths.tolist() == [3, 2]


def test_samples_end_at_their_end_symbol_or_where_only_padding_follows():
    numbers = torch.tensor([[A, END, B, END, A], [A, PAD, B, PAD, PAD], [PAD] * 5, [A, B, A, B, A]])
    texts = hardened(full_length(torch.nn.functional.one_hot(numbers, 6).float()), TOKENS)
    assert texts.lengths.tolist() == [2, 3, 0, 5]
    assert texts.data.tolist() == [[A, END, PAD, PAD, PAD], [A, PAD, B, PAD, PAD], [PAD] * 5, [A, B, A, B, A]]


@pytest.mark.parametrize("spec", [CONTINUOUS, RESIDUAL])
def test_a_generators_rows_are_distributions(spec):
    generator = spec.build(produces=built().generator.produces)
    rows = generator.sample(4)
    assert rows.data.shape == (4, 5, 6)
    torch.testing.assert_close(rows.data.sum(-1), torch.ones(4, 5))


def test_the_whole_softmax_is_fed_back():
    """A step's distribution changes what the next step says, and gradients flow through it."""
    torch.manual_seed(0)
    generator = CONTINUOUS.build(produces=built().generator.produces)
    rows = generator(torch.randn(1, 2)).data
    gradient = torch.autograd.grad(rows[0, 4, A], generator.first)[0]
    assert gradient.abs().sum() > 0


def test_tokens_must_be_of_limited_length():
    with pytest.raises(Misfit, match="limited length"):
        TextWganGpSpec().build(
            data=Fields({"text": Tokens(TOKENS.vocabulary)}), generator=RESIDUAL, discriminator=CRITIC
        )


def test_filters_have_a_middle():
    with pytest.raises(ValueError, match="odd"):
        ResidualCriticSpec(width=4)
