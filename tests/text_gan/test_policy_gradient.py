"""A world of three words and three places: all its texts can be listed, and gradients of expected rewards be exact."""

from itertools import product

import pytest
import torch
from torch import nn

import dovetail
from dovetail import Fields, Misfit, Mistake, Padded, Tokens, Vocabulary
from dovetail.fitting import Checker
from dovetail.tables import overrides
from dovetail_standard.cells import GruSpec
from dovetail_standard.embedding import EmbeddingSpec
from dovetail_standard.rnn_lm import RnnLmSpec
from dovetail_text_gan.convolutional import ConvolutionalSpec
from dovetail_text_gan.leakgan import LeakganSpec
from dovetail_text_gan.learned_baseline import LearnedBaselineSpec
from dovetail_text_gan.likelihood import LikelihoodSpec
from dovetail_text_gan.mean_baseline import MeanBaselineSpec
from dovetail_text_gan.policy_gradient import PolicyGradientSpec
from dovetail_text_gan.recurrent import RecurrentSpec
from dovetail_text_gan.rollout_credit import RolloutCreditSpec
from dovetail_text_gan.sequence_credit import SequenceCreditSpec
from dovetail_text_gan.step_credit import StepCreditSpec

WORDS = Tokens(Vocabulary(("a", "b", "c"), pad=0, start=0, end=-1, unknown=0), 3)
EMBEDDING, CELL = EmbeddingSpec(size=3), GruSpec(hidden=4)
GENERATOR = RnnLmSpec(embedding=EMBEDDING, cell=CELL)
DATA = Fields({"text": WORDS})
TEXTS = torch.tensor(list(product(range(3), repeat=3)))
ALL = Padded(TEXTS, torch.full((27,), 3))
CREDITS = {
    "sequence": SequenceCreditSpec(),
    "step": StepCreditSpec(discount=0.7),
    "undiscounted": StepCreditSpec(discount=1.0),
    "rollout": RolloutCreditSpec(n=2),
}


def built(credit, generator=GENERATOR, **values):
    """An objective of random weights, in float64, whose discriminator is sure of itself."""
    torch.manual_seed(3)
    scores = "step" if isinstance(credit, StepCreditSpec) else "sequence"
    judge = RecurrentSpec(embedding=EMBEDDING, cell=CELL, scores=scores)
    spec = PolicyGradientSpec(credit=credit, **values)
    objective = spec.build(data=DATA, generator=generator, discriminator=judge).double()
    with torch.no_grad():
        objective.discriminator.readout.weight.mul_(8)
    return objective


def parameters(objective):
    return list(objective.generator.parameters())


def flat(gradients):
    return torch.cat([gradient.flatten() for gradient in gradients])


def exact_gradient(objective, credit):
    """Σ_y p(y) Σ_t Q_t ∇(-log p(y_t | y_<t)), where Q_t is what R_t is on average over what comes later."""
    nll = objective.sides.nll(ALL)
    probability = (-nll.sum(1)).exp().detach()
    with torch.no_grad():
        if isinstance(credit, StepCreditSpec):
            judged = objective.discriminator(ALL).data[..., 0].sigmoid()
            earned = torch.zeros_like(judged)
            for place in range(3):
                for later in range(place, 3):
                    earned[:, place] += credit.discount ** (later - place) * judged[:, later]
        else:
            earned = objective.discriminator(ALL).sigmoid().expand(-1, 3)
    loss = (probability[:, None] * earned * nll).sum()
    return flat(torch.autograd.grad(loss, parameters(objective)))


@pytest.mark.parametrize("baseline", [None, MeanBaselineSpec(), LearnedBaselineSpec(embedding=EMBEDDING, cell=CELL)])
@pytest.mark.parametrize("name", CREDITS)
def test_the_mean_of_the_estimates_is_the_exact_gradient(name, baseline):
    credit = CREDITS[name]
    objective = built(credit, baseline=baseline)
    exact = exact_gradient(objective, credit)
    torch.manual_seed(0)
    batch = {"text": Padded(torch.zeros(64, 3, dtype=torch.long), torch.full((64,), 3))}
    estimates = torch.stack(
        [flat(torch.autograd.grad(objective(batch, "generator"), parameters(objective))) for _ in range(250)]
    )
    error = estimates.std(0) / len(estimates) ** 0.5
    assert exact.norm() > 5 * error.norm()  # there is something to be seen
    assert ((estimates.mean(0) - exact).abs() <= 5 * error + 1e-12).all()


def test_undiscounted_steps_are_the_gradient_of_the_whole_reward():
    """With γ = 1, Σ_t R_t ∇ log p(y_t) has the mean ∇ E[Σ_t D(y_1:t)]."""
    objective = built(CREDITS["undiscounted"])
    probability = (-objective.sides.nll(ALL).sum(1)).exp()
    with torch.no_grad():
        total = objective.discriminator(ALL).data[..., 0].sigmoid().sum(1)
    gradient = flat(torch.autograd.grad(-(probability * total).sum(), parameters(objective)))
    torch.testing.assert_close(exact_gradient(objective, CREDITS["undiscounted"]), gradient)


def test_a_baseline_makes_estimates_vary_less():
    spread = {}
    for name, baseline in {"none": None, "mean": MeanBaselineSpec()}.items():
        objective = built(CREDITS["sequence"], baseline=baseline)
        torch.manual_seed(0)
        batch = {"text": Padded(torch.zeros(16, 3, dtype=torch.long), torch.full((16,), 3))}
        estimates = [flat(torch.autograd.grad(objective(batch, "generator"), parameters(objective))) for _ in range(60)]
        spread[name] = float(torch.stack(estimates).std(0).norm())
    assert spread["mean"] < spread["none"]


def test_the_generators_phase_trains_nothing_of_the_discriminator():
    leaking = LeakganSpec(embedding=EMBEDDING, cell=CELL, hidden=4)
    objective = built(CREDITS["step"], generator=leaking, leak=True)
    batch = {"text": ALL}
    objective(batch, "generator").backward()
    assert all(parameter.grad is None for parameter in objective.discriminator.parameters())
    assert all(parameter.grad is not None for parameter in objective.generator.parameters())
    assert all(parameter.requires_grad for parameter in objective.discriminator.parameters())
    objective.zero_grad()
    objective(batch, "discriminator").backward()
    assert all(parameter.grad is None for parameter in objective.generator.parameters())


def test_training_raises_the_expected_reward():
    objective = built(CREDITS["sequence"], baseline=MeanBaselineSpec())

    def expected():
        with torch.no_grad():
            probability = (-objective.sides.nll(ALL).sum(1)).exp()
            return float((probability * objective.discriminator(ALL).sigmoid()[:, 0]).sum())

    before, optimizer = expected(), torch.optim.Adam(parameters(objective), lr=0.02)
    torch.manual_seed(0)
    for _ in range(100):
        optimizer.zero_grad()
        objective({"text": ALL}, "generator").backward()
        optimizer.step()
    with torch.no_grad():
        best = float(objective.discriminator(ALL).sigmoid().max())
    assert expected() > before + 0.5 * (best - before)


def test_the_credit_must_have_the_scores_that_it_needs():
    judge = RecurrentSpec(embedding=EMBEDDING, cell=CELL)
    with pytest.raises(Misfit, match="one score a step"):
        PolicyGradientSpec(credit=StepCreditSpec()).build(data=DATA, generator=GENERATOR, discriminator=judge)
    steps = RecurrentSpec(embedding=EMBEDDING, cell=CELL, scores="step")
    with pytest.raises(Misfit, match="one score a text"):
        PolicyGradientSpec().build(data=DATA, generator=GENERATOR, discriminator=steps)


def test_a_credit_that_does_not_fit_a_system_names_the_stage_what_to_set_and_other_credits(tmp_path):
    file = tmp_path / "captions.txt"
    file.write_text("".join(f"a {word} sees it {n}\n" for n in range(10) for word in ("cat", "dog")), encoding="utf-8")
    names = dovetail.registry()
    changes = ("dataset=text-gan/sentences", f"dataset.path={file}", "discriminator.scores=sequence")
    with pytest.raises(Mistake) as error:
        Checker(names).check("seqgan", names.tables("text-gan/seqgan-step-small", overrides(changes)))
    text = str(error.value)
    assert "stage adversarial: objective.credit: credit text-gan/step takes one score a step" in text
    assert '(`discriminator.scores="step"`) as `scores`, but discriminator text-gan/recurrent gives Vector' in text
    assert "\n    `objective.credit` could be text-gan/rollout, text-gan/sequence\n" in text


@pytest.mark.parametrize("objective", [PolicyGradientSpec(leak=True), LikelihoodSpec(leak=True)])
def test_a_leak_needs_a_discriminator_that_leaks_token_by_token(objective):
    with pytest.raises(Misfit, match="leak token by token"):
        objective.build(data=DATA, generator=GENERATOR, discriminator=ConvolutionalSpec(widths=(1,), filters=(2,)))


def test_likelihood_beside_a_discriminator_has_the_loss_of_both():
    torch.manual_seed(0)
    judge = RecurrentSpec(embedding=EMBEDDING, cell=CELL)
    objective = LikelihoodSpec().build(data=DATA, generator=GENERATOR, discriminator=judge)
    assert [phase.name for phase in objective.phases] == ["discriminator", "likelihood"]
    logits, _ = objective.generator(ALL)
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), TEXTS.flatten())
    torch.testing.assert_close(objective({"text": ALL}, "likelihood"), expected)
    torch.manual_seed(1)
    loss = objective({"text": ALL}, "discriminator")
    torch.manual_seed(1)
    fake = objective.generator.eval().sample(27)
    real_score, fake_score = objective.discriminator(ALL).sigmoid(), objective.discriminator(fake).sigmoid()
    torch.testing.assert_close(loss, -real_score.log().mean() - (1 - fake_score).log().mean())
