import pytest
import torch
from torch import nn

from dovetail import Fields, Image, Misfit
from dovetail_standard.dcgan import DcganDiscriminatorSpec, DcganSpec
from dovetail_standard.wgan_gp import WassersteinWithPenalty, WganGpSpec, gradient_penalty, mixture

IMAGE = Image(2, 8, 8)
DATA = Fields({"input": IMAGE})
GENERATOR = DcganSpec(latent=5, width=3)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_the_penalty_is_zero_for_a_critic_of_unit_gradient():
    direction = nn.functional.normalize(torch.randn(6, dtype=torch.float64), dim=0)
    penalty = gradient_penalty(lambda x: x @ direction[:, None], torch.randn(4, 6, dtype=torch.float64))
    assert float(penalty.detach()) == pytest.approx(0, abs=1e-15)


def test_the_penalty_of_a_linear_critic_is_its_norm_less_one_squared():
    direction = torch.tensor([3.0, 4.0])  # norm 5
    assert float(gradient_penalty(lambda x: x @ direction[:, None], torch.randn(3, 2)).detach()) == pytest.approx(16)


def test_the_penalty_agrees_with_finite_differences():
    torch.manual_seed(1)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    x, step = torch.randn(3, 2, 3, dtype=torch.float64), 1e-6
    slopes = torch.zeros(3, 6, dtype=torch.float64)
    for place in range(6):
        shift = torch.zeros(6, dtype=torch.float64)
        shift[place] = step
        shift = shift.reshape(2, 3)
        slopes[:, place] = ((critic(x + shift) - critic(x - shift)) / (2 * step))[:, 0].detach()
    expected = (slopes.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(gradient_penalty(critic, x), expected, rtol=1e-7, atol=1e-9)


def test_the_penaltys_gradient_to_the_critic_agrees_with_finite_differences():
    torch.manual_seed(2)
    critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    x, weight, step = torch.randn(5, 3, dtype=torch.float64), critic[0].weight, 1e-6
    gradient = torch.autograd.grad(gradient_penalty(critic, x), weight)[0]
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[2, 1] += sign * step
        ends.append(float(gradient_penalty(critic, x).detach()))
        with torch.no_grad():
            weight[2, 1] -= sign * step
    assert float(gradient[2, 1]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_a_mixture_has_one_share_a_sample():
    real, fake = torch.ones(2, 3, 5), torch.zeros(2, 3, 5)
    mixed = mixture(real, fake, torch.tensor([0.25, 1.0]))
    assert mixed[0].unique().tolist() == [0.25]
    assert mixed[1].unique().tolist() == [1.0]


def test_the_losses_are_those_of_a_worked_example():
    direction = torch.tensor([[3.0], [4.0]])
    real, fake = torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    losses = WassersteinWithPenalty(penalty=10.0)  # scores 7, 0 and 3, 4: both of mean 3.5
    assert float(losses.discriminator(lambda x: x @ direction, real, fake).detach()) == pytest.approx(160)
    assert float(losses.generator(fake @ direction)) == pytest.approx(-3.5)


def test_a_critic_learns_the_wasserstein_distance_of_two_points():
    # between points at 0 and at 1.5 the optimal 1-Lipschitz critic differs by 1.5; λ leaves a slope of 1 + 1.5 / (2 λ)
    slope = nn.Parameter(torch.tensor(0.1))
    losses, optimizer = WassersteinWithPenalty(penalty=10.0), torch.optim.SGD([slope], lr=0.02)
    real, fake = torch.full((4, 1), 1.5), torch.zeros(4, 1)
    for _ in range(100):
        optimizer.zero_grad()
        losses.discriminator(lambda x: slope * x, real, fake).backward()
        optimizer.step()
    assert float(slope.detach()) == pytest.approx(1 + 1.5 / 20, abs=1e-4)


def test_a_critic_with_batch_normalisation_does_not_fit():
    image = Fields({"input": Image(2, 16, 16)})
    with pytest.raises(
        Misfit, match="`discriminator` must be a critic without batch normalisation, but is one with it"
    ):
        WganGpSpec().build(data=image, generator=GENERATOR, discriminator=DcganDiscriminatorSpec())


@pytest.mark.parametrize("normalisation", ["layer", "none", "spectral"])
def test_each_phase_gives_gradients_to_its_own_side_only(normalisation):
    critic = DcganDiscriminatorSpec(width=2, normalisation=normalisation)
    data = Fields({"input": Image(2, 16, 16)})
    objective = WganGpSpec().build(data=data, generator=GENERATOR, discriminator=critic)
    batch = data.fake(4)
    objective(batch, "discriminator").backward()
    assert all(parameter.grad is None for parameter in objective.generator.parameters())
    assert objective.discriminator.score.weight.requires_grad or normalisation == "spectral"
    assert sum(float(p.grad.abs().sum()) for p in objective.discriminator.parameters() if p.grad is not None) > 0
    objective.discriminator.zero_grad()
    objective(batch, "generator").backward()
    assert all(parameter.grad is not None for parameter in objective.generator.parameters())
    assert all(parameter.grad is None for parameter in objective.discriminator.parameters())


def test_the_critic_is_updated_five_times_to_the_generators_once():
    objective = WganGpSpec().build(
        data=DATA, generator=GENERATOR, discriminator=DcganDiscriminatorSpec(normalisation="none")
    )
    assert [(phase.name, phase.repeat, phase.every) for phase in objective.phases] == [
        ("discriminator", 1, 1),
        ("generator", 1, 5),
    ]
