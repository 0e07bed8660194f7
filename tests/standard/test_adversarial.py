import math

import pytest
import torch
from torch import nn

from dovetail import Discriminator, Fields, Generator, Image, Label, Misfit, Vector
from dovetail_standard.adversarial import Adversarial, AdversarialSpec, NonSaturating, cross_entropy, held
from dovetail_standard.dcgan import DcganDiscriminatorSpec, DcganSpec
from dovetail_standard.mlp import MlpSpec
from dovetail_standard.optimizers import SgdSpec

IMAGE = Image(2, 8, 8)
DATA = Fields({"input": IMAGE, "label": Label(3)})
GENERATOR, CRITIC = DcganSpec(latent=5, width=3), DcganDiscriminatorSpec(width=2)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def _objective(**fields):
    return AdversarialSpec(**fields).build(data=DATA, generator=GENERATOR, discriminator=CRITIC)


def _gradients(part: nn.Module) -> list[bool]:
    return [parameter.grad is not None for parameter in part.parameters()]


def test_the_losses_are_those_of_a_worked_example():
    scores = torch.tensor([[0.0], [math.log(3)]])  # probabilities 1/2 and 3/4
    assert float(cross_entropy(scores, 1.0)) == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)
    assert float(cross_entropy(scores, 0.0)) == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 2)
    assert float(cross_entropy(scores, 0.9)) == pytest.approx(
        -(math.log(0.5) + 0.9 * math.log(0.75) + 0.1 * math.log(0.25)) / 2, rel=1e-5
    )


def test_the_discriminator_that_scores_log_odds_is_optimal():
    # Goodfellow 2014, Proposition 1: D*(x) = p(x) / (p(x) + q(x)); here p = (3/4, 1/4) and q = (1/4, 3/4) on two points
    real, fake = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 1, 1])
    table = torch.zeros(2, requires_grad=True)
    for _ in range(400):
        loss = NonSaturating().discriminator(lambda x: table[x][:, None], real, fake)
        table.data -= torch.autograd.grad(loss, table)[0]
    torch.testing.assert_close(table.sigmoid().detach(), torch.tensor([0.75, 0.25]), atol=1e-4, rtol=0)


def test_smoothing_touches_real_samples_only():
    def score(x):
        return x

    real, fake = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    plain, smooth = (NonSaturating(smoothing=s).discriminator(score, real, fake) for s in (0.0, 0.1))
    assert float(smooth - plain) == pytest.approx(0.1 * 2.0)  # softplus(-s) + 0.1 s


def test_the_generators_gradient_does_not_vanish_where_the_discriminator_is_sure():
    scores = torch.tensor([[-20.0]], requires_grad=True)
    gradient = torch.autograd.grad(NonSaturating().generator(scores), scores)[0]
    assert float(gradient) == pytest.approx(-1)


def test_each_phase_gives_gradients_to_its_own_side_only():
    objective, batch = _objective(), DATA.fake(4)
    objective(batch, "discriminator").backward()
    assert all(_gradients(objective.discriminator))
    assert not any(_gradients(objective.generator))
    objective.discriminator.zero_grad()
    objective(batch, "generator").backward()
    assert all(_gradients(objective.generator))
    assert not any(_gradients(objective.discriminator))
    assert all(parameter.requires_grad for parameter in objective.discriminator.parameters())


def test_a_parameter_that_was_frozen_stays_frozen_when_it_is_let_go():
    module = nn.Linear(2, 3)
    module.bias.requires_grad_(False)
    with held(module):
        assert not module.weight.requires_grad
    assert module.weight.requires_grad
    assert not module.bias.requires_grad


def test_phases_take_the_slots_optimizers_and_the_counts():
    first, second = SgdSpec(lr=0.1), SgdSpec(lr=0.2)
    objective = _objective(
        discriminator_optimizer=first, generator_optimizer=second, discriminator_updates=3, generator_updates=2
    )
    critic, generator = objective.phases
    assert (critic.name, critic.parts, critic.optimizer, critic.repeat, critic.every) == (
        "discriminator",
        ("discriminator",),
        first,
        1,
        1,
    )
    assert (generator.name, generator.parts, generator.optimizer, generator.repeat, generator.every) == (
        "generator",
        ("generator",),
        second,
        2,
        3,
    )


def test_evaluation_yields_as_many_samples_as_references_and_changes_nothing():
    objective = _objective().train()
    before = {name: value.clone() for name, value in objective.state_dict().items()}
    batches = [DATA.fake(4), DATA.fake(3)]
    outcomes = list(objective.evaluate(batches))
    assert [len(outcome["samples"]) for outcome in outcomes] == [4, 3]
    for outcome, batch in zip(outcomes, batches, strict=True):
        objective.outcome.check(outcome)
        assert outcome["references"] is batch["input"]
        assert not outcome["samples"].requires_grad
    assert objective.training
    assert objective.generator.training
    assert all(torch.equal(value, before[name]) for name, value in objective.state_dict().items())


def test_a_condition_reaches_both_sides():
    objective = _objective(given="label")
    assert objective.generator.given == Label(3)
    assert objective.discriminator.given == Label(3)
    batch = DATA.fake(4)
    for phase in ("discriminator", "generator"):
        assert objective(batch, phase).isfinite()
    assert next(iter(objective.evaluate([batch])))["samples"].shape == batch["input"].shape


def test_a_field_that_the_dataset_lacks_is_named():
    with pytest.raises(Misfit, match="`data` must be fields of which `picture` is a Space"):
        _objective(real="picture")
    with pytest.raises(Misfit, match="`data` must be fields of which `caption` is a Space"):
        _objective(given="caption")


class _Steps(Discriminator):
    output, leaks = Vector(2), Vector(2)

    def features(self, x, given=None):
        return x

    def forward(self, x, given=None):
        return x


class _StepsSpec:
    def build(self, *, input, given=None):
        return _Steps()


def test_a_discriminator_of_several_scores_does_not_fit():
    with pytest.raises(Misfit, match=r"`discriminator` must be one that gives a Vector\(1\)"):
        AdversarialSpec().build(data=DATA, generator=GENERATOR, discriminator=_StepsSpec())


class _Affine(Generator):
    """x = scale * noise + shift."""

    def __init__(self):
        super().__init__()
        self.produces = Vector(1)
        self.scale, self.shift = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.tensor(-1.0))

    def forward(self, noise):
        return self.scale * noise + self.shift

    def sample(self, n, given=None, strategy=None, leak=None):
        return self(torch.randn(n, 1))


class _Scores(Discriminator):
    def __init__(self):
        super().__init__()
        self.net = MlpSpec(hidden=(16,), head=1, activation="tanh").build(input=Vector(1))
        self.output, self.leaks = Vector(1), Vector(1)

    def features(self, x, given=None):
        return x

    def forward(self, x, given=None):
        return self.net(x)


def test_playing_the_game_moves_samples_onto_the_data():
    torch.manual_seed(0)
    objective = Adversarial(
        generator=_Affine(), discriminator=_Scores(), produces=Vector(1), losses=NonSaturating(), phases=()
    )
    optimizers = {
        name: torch.optim.Adam(getattr(objective, name).parameters(), lr=0.02, betas=(0.5, 0.999))
        for name in ("discriminator", "generator")
    }
    for _ in range(500):
        batch = {"input": 2 + 0.5 * torch.randn(64, 1)}
        for phase, optimizer in optimizers.items():
            optimizer.zero_grad()
            objective(batch, phase).backward()
            optimizer.step()
    assert float(objective.generator.shift.detach()) == pytest.approx(2, abs=0.5)
