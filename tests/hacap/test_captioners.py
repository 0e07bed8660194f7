"""The generators of captions against plain loops of their equations, where gradients flow, and the errors."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dovetail import Image, Misfit, Padded, Regions, Tokens, Vector, Vocabulary
from dovetail.notes import collect
from dovetail_hacap.attend import AttendSpec
from dovetail_hacap.captioner import Captioner
from dovetail_hacap.hard import HardSpec
from dovetail_hacap.manager_worker import ManagerWorkerSpec
from dovetail_hacap.soft import GatedSpec
from dovetail_hacap.sru import SruSpec
from dovetail_hacap.sru_discriminator import SruDiscriminatorSpec
from dovetail_standard.cells import GruSpec, LstmSpec
from dovetail_standard.conv import ConvSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.mean_pool import MeanAttentionSpec

WORDS = Tokens(Vocabulary.of("abcde"), 7)
REGIONS, LEAK = Regions(4, 6, (2, 2)), Vector(3)
SMALL = {"embedding": EmbeddingSpec(size=3), "attention": GatedSpec(hidden=5)}
SPEC = ManagerWorkerSpec(**SMALL, worker=SruSpec(hidden=4), manager=SruSpec(hidden=5), goal=2)


def built(spec=SPEC, **spaces):
    torch.manual_seed(0)
    return spec.build(produces=WORDS, given=REGIONS, **spaces).double()


def batch(seed=0):
    """Captions, regions and what was leaked before each word."""
    random = torch.Generator().manual_seed(seed)
    tokens = Padded(torch.randint(4, 9, (3, 5), generator=random), torch.tensor([5, 2, 4]))
    return tokens, torch.randn(3, 4, 6, generator=random).double(), torch.randn(3, 5, 3, generator=random).double()


def loop(module, tokens, regions, leak, *, query, horizon):
    """The equations of the module's docstring, word by word, for one caption."""
    vectors, vocabulary = module.embedding.table.weight, len(WORDS.vocabulary)
    context = regions.mean(0)
    worker, manager = module.worker.initial_state(1), module.manager.initial_state(1)
    last, goals, logits = WORDS.vocabulary.start, [], []
    for t, token in enumerate(tokens.tolist()):
        h, worker = module.worker.step(torch.cat([vectors[last], context])[None], worker)
        seen = module.attention(regions[None], h, module.attention.initial_state(regions[None]))[0][0]
        used = seen if query == "current" else context
        m, manager = module.manager.step(h if leak is None else leak[None, t], manager)
        goal = module.goal_from_manager(m)[0] + module.goal_from_context.weight @ used
        goals.append(goal / goal.norm())
        aim = sum(goals[-horizon:])
        rows = module.readout.weight @ (h[0] + module.from_context.weight @ used)
        logits.append(torch.stack([rows[2 * v : 2 * v + 2] @ aim for v in range(vocabulary)]) / module.temperature)
        context, last = seen, token
    return torch.stack(logits), torch.stack(goals)


@pytest.mark.parametrize("leaks", [None, LEAK])
@pytest.mark.parametrize(("query", "horizon", "temperature"), [("previous", 1, 1.0), ("current", 3, 0.7)])
def test_manager_and_worker_are_a_plain_loop(query, horizon, temperature, leaks):
    spec = ManagerWorkerSpec(
        **SMALL,
        worker=SruSpec(hidden=4),
        manager=SruSpec(hidden=5),
        goal=2,
        query=query,
        horizon=horizon,
        temperature=temperature,
    )
    module = built(spec, leaks=leaks)
    tokens, regions, leak = batch()
    reading = module.read(tokens, regions, leak=None if leaks is None else leak)
    for example in range(3):
        told = None if leaks is None else leak[example]
        logits, goals = loop(module, tokens.data[example], regions[example], told, query=query, horizon=horizon)
        torch.testing.assert_close(reading.logits[example], logits)
        torch.testing.assert_close(reading.goals[example], goals)


def test_the_first_context_is_the_mean_of_the_annotations():
    module = built()
    tokens, regions, _ = batch()
    state = module.initial_state(3, regions)
    torch.testing.assert_close(state[2], regions.mean(1))
    torch.testing.assert_close(module.read(tokens, regions).weights[:, 0], torch.full((3, 4), 0.25).double())


def test_goals_have_length_one_where_they_are_normalised():
    tokens, regions, _ = batch()
    torch.testing.assert_close(built().read(tokens, regions).goals.norm(dim=2), torch.ones(3, 5).double())
    free = built(ManagerWorkerSpec(**SMALL, worker=SruSpec(hidden=4), manager=GruSpec(hidden=5), normalisation="none"))
    assert (free.read(tokens, regions).goals.norm(dim=2) - 1).abs().min() > 1e-3


@pytest.mark.parametrize("query", ["previous", "current"])
@pytest.mark.parametrize("detach", [True, False])
def test_the_attention_sends_no_gradient_to_the_worker_where_it_is_detached(query, detach):
    module = built(ManagerWorkerSpec(**SMALL, worker=LstmSpec(hidden=4), query=query, detach=detach))
    tokens, regions, _ = batch()
    looks = module.read(tokens, regions).weights
    first = module.read(tokens, regions).weights[:, 1 if query == "previous" else 0]
    own = torch.autograd.grad(looks.square().sum(), module.attention.scores.language.weight)[0]
    assert own.abs().max() > 0
    worker = torch.autograd.grad(first.square().sum(), list(module.worker.parameters()), allow_unused=True)
    assert any(grad is not None and bool(grad.any()) for grad in worker) != detach


def test_words_are_learnt_by_worker_attention_and_manager():
    module = built(leaks=LEAK)
    tokens, regions, leak = batch()
    logits, _ = module(tokens, regions, leak=leak)
    F.cross_entropy(logits.flatten(0, 1), tokens.data.flatten()).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_without_a_manager_words_are_scored_by_a_readout():
    module = built(ManagerWorkerSpec(**SMALL, worker=GruSpec(hidden=4), manager=None))
    tokens, regions, _ = batch()
    reading = module.read(tokens, regions)
    assert reading.goals is None
    assert module.goal == 0
    assert module.readout.weight.shape == (9, 4)
    assert reading.logits.shape == (3, 5, 9)


def test_coverage_is_what_each_place_lacks_to_one_over_the_real_words():
    module = built()
    tokens, regions, _ = batch()
    with collect(exhibits=True) as notes:
        module(tokens, regions)
    expected = 0.0
    for example in range(3):
        seen = notes.exhibits["weights"][0][example, : tokens.lengths[example]].sum(0)
        expected += float(((1 - seen) ** 2).sum()) / 3
    assert notes.losses["coverage"].item() == pytest.approx(expected)
    assert notes.exhibits["goals"][0].shape == (3, 5, 2)
    assert "hard-attention" not in notes.losses


def attend_loop(module, tokens, regions):
    """AttendCap's equations, word by word, for one caption, with PyTorch's LSTM cell."""
    hidden = module.from_hidden.in_features
    cell = nn.LSTMCell(module.gates.in_features - hidden, hidden).double()
    size, read = module.from_hidden.out_features, module.from_context.in_features
    order = torch.cat([torch.arange(4 * hidden).view(4, hidden)[block] for block in (0, 1, 3, 2)])  # i f g o
    weight = module.gates.weight.detach()[order]
    cell.weight_ih.data.copy_(torch.cat([weight[:, :size], weight[:, size + hidden : size + hidden + read]], 1))
    cell.weight_hh.data.copy_(weight[:, size : size + hidden])
    cell.bias_ih.data.copy_(module.gates.bias.detach()[order])
    cell.bias_hh.data.zero_()
    h, c = torch.tanh(module.first(regions.mean(0)[None])).chunk(2, 1)
    last, logits = WORDS.vocabulary.start, []
    for token in tokens.tolist():
        word = module.embedding.table.weight[last][None]
        z = module.attention(regions[None], h, module.attention.initial_state(regions[None]))[0]
        h, c = cell(torch.cat([word, z], 1), (h, c))
        logits.append(module.readout(word + module.from_hidden(h) + module.from_context(z))[0])
        last = token
    return torch.stack(logits)


def test_attend_is_attendcaps_equations_with_pytorchs_cell():
    module = built(AttendSpec(**SMALL, hidden=4))
    tokens, regions, _ = batch()
    logits, _ = module(tokens, regions)
    for example in range(3):
        torch.testing.assert_close(logits[example], attend_loop(module, tokens.data[example], regions[example]))


def test_peepholes_by_hand():
    """All sums 0, c = 1, peepholes p = (ln 3, -ln 3, 2): i = ¾, f = ¼, g = 0, c' = ¼, o = σ(½), h = o tanh ¼."""
    module = built(AttendSpec(**SMALL, hidden=1, peepholes=True))
    with torch.no_grad():
        module.gates.weight.zero_()
        module.gates.bias.zero_()
        module.peepholes.copy_(torch.tensor([[3.0], [1 / 3], [torch.e**2]]).log())
    h, c = module._remember(torch.zeros(1, 10).double(), torch.ones(1, 1).double())
    assert c.item() == pytest.approx(0.25)
    assert h.item() == pytest.approx(torch.sigmoid(torch.tensor(0.5)).item() * torch.tanh(torch.tensor(0.25)).item())


@pytest.mark.parametrize(
    "spec",
    [
        ManagerWorkerSpec(**SMALL | {"attention": HardSpec(hidden=5)}, worker=SruSpec(hidden=4), query="previous"),
        ManagerWorkerSpec(**SMALL | {"attention": HardSpec(hidden=5)}, worker=SruSpec(hidden=4), query="current"),
        AttendSpec(**SMALL | {"attention": HardSpec(hidden=5)}, hidden=4),
    ],
)
def test_drawn_places_are_noted_for_reinforce(spec):
    module = built(spec).train()
    tokens, regions, _ = batch()
    with collect() as notes:
        module(tokens, regions)
    gradient = torch.autograd.grad(notes.losses["hard-attention"], module.attention.scores.energy.weight)[0]
    assert gradient.isfinite().all()
    assert gradient.any()


def test_an_encoder_makes_regions_of_images():
    encoder = ConvSpec(channels=(6,), stride=4, output="regions")
    torch.manual_seed(0)
    spec = ManagerWorkerSpec(embedding=EmbeddingSpec(size=3), encoder=encoder, attention=MeanAttentionSpec())
    module = spec.build(produces=WORDS, given=Image(3, 8, 8)).eval()
    assert isinstance(module, Captioner)
    assert module.regions == Regions(4, 6, (2, 2))
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(module.initial_state(2, images)[1], module.encoder(images))


def test_a_discriminator_may_be_given_the_image():
    torch.manual_seed(0)
    spec = SruDiscriminatorSpec(embedding=EmbeddingSpec(size=3), cell=SruSpec(hidden=4, layers=3))
    tokens, regions, _ = batch()
    blind, informed = spec.build(input=WORDS).eval(), spec.build(input=WORDS, given=REGIONS).eval()
    assert torch.equal(blind(tokens), blind(tokens, None))
    other = informed(tokens, regions.float() + 1)
    assert not torch.allclose(informed(tokens, regions.float()), other)
    assert informed.leaks == blind.leaks == Vector(4)
    assert len(blind.cell.layers) == 3


def test_errors():
    with pytest.raises(Misfit, match="Regions where the generator has no `encoder`"):
        SPEC.build(produces=WORDS, given=Image(3, 8, 8))
    with pytest.raises(Misfit, match="output is Regions"):
        ManagerWorkerSpec(encoder=ConvSpec()).build(produces=WORDS, given=Image(3, 8, 8))
    with pytest.raises(Misfit, match="where there is no `manager`"):
        ManagerWorkerSpec(manager=None).build(produces=WORDS, given=REGIONS, leaks=LEAK)
    with pytest.raises(ValueError, match=r"`given` must be a batch of Regions.* but is absent"):
        built().initial_state(2)
    with pytest.raises(ValueError, match="`leak` must be absent"):
        built(AttendSpec(**SMALL, hidden=4)).read(*batch()[:2], leak=batch()[2])
    with pytest.raises(ValueError, match="`leak` must be absent"):
        built().read(*batch()[:2], leak=batch()[2])
    with pytest.raises(ValueError, match="`given` must be 2 conditions"):
        built().sample(2, batch()[1])
