import pytest
import torch
from torch import nn

from dovetail import Image, Label, Misfit, Vector
from dovetail_standard.dcgan import Dcgan, DcganDiscriminator, DcganDiscriminatorSpec, DcganSpec, doublings

SMALL = Image(3, 16, 16)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(("side", "first", "expected"), [(8, 4, 1), (8, 2, 2), (16, 4, 2), (28, 7, 2), (64, 4, 4)])
def test_a_side_is_counted_in_doublings_of_the_smallest_feature_map(side, first, expected):
    image = Image(1, side, side)
    assert doublings("produces", image, first) == expected
    generator = DcganSpec(latent=5, width=1, start=first).build(produces=image)
    critic = DcganDiscriminatorSpec(width=1, end=first).build(input=image)
    assert critic.leaks == Vector(first * first * 2 ** (expected - 1))
    assert critic(generator.sample(2)).shape == (2, 1)


@pytest.mark.parametrize("shape", [(4, 4), (12, 12), (9, 9), (2, 2), (8, 16), (16, 8)])
def test_an_image_that_is_no_square_of_such_a_side_does_not_fit(shape):
    with pytest.raises(Misfit, match=r"`produces` must be a square Image whose side is 8, 16, 32, 64"):
        DcganSpec().build(produces=Image(1, *shape))
    with pytest.raises(Misfit, match=r"`input` must be a square Image whose side is 8, 16, 32, 64"):
        DcganDiscriminatorSpec().build(input=Image(1, *shape))


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("side", [8, 32])
def test_every_kernel_doubles_and_halves_the_side_exactly(kernel, side):
    space = Image(2, side, side)
    generator = DcganSpec(latent=5, width=2, kernel=kernel).build(produces=space)
    samples = generator.sample(3)
    assert samples.shape == (3, 2, side, side)
    assert DcganDiscriminatorSpec(width=2, kernel=kernel).build(input=space)(samples).shape == (3, 1)


def test_the_generator_has_the_papers_channels():
    generator = Dcgan(produces=Image(3, 64, 64), latent=100, width=128, kernel=5)
    deconvolutions = [part for part in generator.modules() if isinstance(part, nn.ConvTranspose2d)]
    assert [(part.in_channels, part.out_channels) for part in deconvolutions] == [
        (1024, 512),
        (512, 256),
        (256, 128),
        (128, 3),
    ]
    assert generator.project.weight.shape == (4 * 4 * 1024, 100)


def test_initial_weights_have_standard_deviation_0_02():
    generator = Dcgan(produces=Image(1, 16, 16), latent=50, width=16)
    assert abs(float(generator.project.weight.detach().std()) - 0.02) < 1e-3
    assert abs(float(generator.project.weight.detach().mean())) < 1e-3


def test_samples_fill_the_range_of_the_space_and_never_leave_it():
    space = Image(1, 8, 8, low=-0.25, high=0.75)
    generator = Dcgan(produces=space, latent=4, width=3)
    with torch.no_grad():
        generator.grow[-2].weight.mul_(1e4)
    samples = generator.sample(64).detach()
    space.check(samples)
    assert samples.min() == pytest.approx(-0.25)
    assert samples.max() == pytest.approx(0.75)


def test_a_hand_made_generator_of_one_layer_is_tanh_of_its_deconvolution():
    generator = Dcgan(produces=Image(1, 8, 8, low=0.0, high=1.0), latent=3, width=2).eval()
    noise = torch.randn(5, 3)
    maps = torch.relu((noise @ generator.project.weight.T).reshape(5, 2, 4, 4) / (1 + 1e-5) ** 0.5)
    deconvolution = generator.grow[2]
    expected = nn.functional.conv_transpose2d(maps, deconvolution.weight, deconvolution.bias, stride=2, padding=1)
    torch.testing.assert_close(generator(noise), expected.tanh() / 2 + 0.5)


def test_samples_come_from_torchs_global_generator():
    generator = Dcgan(produces=SMALL, latent=4, width=2).eval()
    torch.manual_seed(3)
    first = generator.sample(2)
    assert not torch.equal(first, generator.sample(2))
    torch.manual_seed(3)
    assert torch.equal(first, generator.sample(2))


def test_noise_is_normal_or_uniform():
    normal = Dcgan(produces=SMALL, latent=50, width=1).draw(400)
    uniform = Dcgan(produces=SMALL, latent=50, width=1, noise="uniform").draw(400)
    assert float(normal.std()) == pytest.approx(1, abs=0.03)
    assert float(normal.abs().max()) > 2
    assert float(uniform.std()) == pytest.approx(3**-0.5, abs=0.02)
    assert float(uniform.abs().max()) <= 1


def test_gradients_flow_through_samples():
    generator = Dcgan(produces=SMALL, latent=4, width=2)
    generator.sample(3).square().mean().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


@pytest.mark.parametrize(("space", "given"), [(Vector(5), torch.randn(2, 5)), (Label(7), torch.tensor([3, 6]))])
def test_both_parts_depend_on_their_condition(space, given):
    generator = DcganSpec(latent=4, width=2).build(produces=SMALL, given=space).eval()
    noise = torch.randn(2, 4)
    assert not torch.allclose(generator(noise, given)[0], generator(noise, given.flip(0))[0])
    critic = DcganDiscriminatorSpec(width=2).build(input=SMALL, given=space).eval()
    image = SMALL.fake(2)
    assert not torch.allclose(critic(image, given)[0], critic(image, given.flip(0))[0])
    critic.leaks.check(critic.features(image, given))


def test_a_label_is_read_in_one_hot_form():
    of_labels = Dcgan(produces=SMALL, given=Label(3), latent=4, width=2).eval()
    of_vectors = Dcgan(produces=SMALL, given=Vector(3), latent=4, width=2).eval()
    of_vectors.load_state_dict(of_labels.state_dict())
    noise = torch.randn(2, 4)
    torch.testing.assert_close(
        of_labels(noise, torch.tensor([2, 0])), of_vectors(noise, torch.tensor([[0.0, 0, 1], [1, 0, 0]]))
    )


def test_the_condition_alone_makes_the_image_without_noise():
    generator = DcganSpec(latent=0, width=2).build(produces=SMALL, given=Vector(5)).eval()
    given = torch.randn(2, 5)
    assert torch.equal(generator.sample(2, given), generator.sample(2, given))


def test_a_side_that_the_first_feature_map_does_not_double_to_names_those_it_does():
    with pytest.raises(Misfit, match="side is 14, 28, 56, 112 or any other 7·2^k".replace("^", r"\^")):
        DcganSpec(start=7).build(produces=SMALL)


def test_neither_noise_nor_a_condition_does_not_fit():
    with pytest.raises(Misfit, match="`given` must be a Vector or a Label where `latent` is 0, but is None"):
        DcganSpec(latent=0).build(produces=SMALL)


def test_a_missing_condition_is_named():
    generator = Dcgan(produces=SMALL, given=Vector(5), latent=4, width=2)
    with pytest.raises(ValueError, match=r"`given` must be a batch of Vector\(size=5\), but is None"):
        generator.sample(2)


def test_the_generator_reads_no_leak():
    with pytest.raises(Misfit, match="`leaks` must be absent"):
        DcganSpec().build(produces=SMALL, leaks=Vector(3))
    with pytest.raises(ValueError, match="`strategy` and `leak` must be None"):
        Dcgan(produces=SMALL, latent=4, width=2).sample(2, strategy=object())


def test_scores_are_a_linear_readout_of_the_features():
    critic = DcganDiscriminator(input=SMALL, width=2)
    critic.eval()
    image = SMALL.fake(3)
    features = critic.features(image)
    critic.leaks.check(features)
    assert critic.leaks == Vector(4 * 4 * 4)
    assert critic.output == Vector(1)
    torch.testing.assert_close(critic(image), features @ critic.score.weight.T + critic.score.bias)


@pytest.mark.parametrize("normalisation", ["layer", "spectral", "none"])
def test_scores_do_not_mix_examples_without_batch_normalisation(normalisation):
    critic = DcganDiscriminator(input=SMALL, width=2, normalisation=normalisation)
    critic.train()
    image = SMALL.fake(3).requires_grad_()
    gradient = torch.autograd.grad(critic(image)[1].sum(), image)[0]
    assert float(gradient[1].abs().sum()) > 0
    assert float(gradient[0].abs().sum() + gradient[2].abs().sum()) == 0


def test_batch_normalisation_stands_behind_every_convolution_but_the_first():
    critic = DcganDiscriminator(input=Image(1, 32, 32), width=2)
    kinds = [type(part).__name__ for part in critic.shrink]
    later = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds == ["Conv2d", "LeakyReLU", *later, *later]


def test_a_spectrally_normalised_weight_has_largest_singular_value_1():
    critic = DcganDiscriminator(input=SMALL, width=3, normalisation="spectral")
    for _ in range(50):
        critic(SMALL.fake(2))
    critic.eval()
    for part in (critic.shrink[0], critic.shrink[2], critic.score):
        largest = torch.linalg.matrix_norm(part.weight.detach().flatten(1), ord=2)
        assert float(largest) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("normalisation", ["batch", "layer", "spectral", "none"])
def test_both_parts_build_on_the_meta_device(normalisation):
    with torch.device("meta"):
        generator = DcganSpec(width=2).build(produces=SMALL, given=Label(3))
        critic = DcganDiscriminatorSpec(width=2, normalisation=normalisation).build(input=SMALL, given=Label(3))
    assert generator.project.weight.is_meta
    assert critic.score.weight.is_meta
