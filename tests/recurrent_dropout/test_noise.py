import pytest
import torch

from dovetail_recurrent_dropout.noise import Noise, bernoulli, dropping

MEMORY = torch.zeros(40, 50, dtype=torch.float64)


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("scale", ["training", "test"])
def test_values_are_kept_with_the_complement_of_the_rate(rate, scale):
    torch.manual_seed(0)
    masks = dropping(rate=rate, sampling="step", scale=scale)(MEMORY, 30, ())
    kept = (masks > 0).double().mean().item()
    assert masks.shape == (30, 40, 50)
    assert abs(kept - (1 - rate)) < 5 * (rate * (1 - rate) / masks.numel()) ** 0.5
    assert masks.unique().tolist() == [0.0, 1.0 if scale == "test" else pytest.approx(1 / (1 - rate))]


@pytest.mark.parametrize("scale", ["training", "test"])
def test_training_has_in_the_mean_what_evaluation_has(scale):
    torch.manual_seed(0)
    noise = dropping(rate=0.3, sampling="step", scale=scale)
    drawn = noise(MEMORY, 100, ()).mean().item()
    stands = noise.eval()(MEMORY, 100, ())
    assert drawn == pytest.approx(1.0 if stands is None else stands.mean().item(), abs=0.01)
    assert (stands is None) == (scale == "training")


@pytest.mark.parametrize("sampling", ["step", "sequence"])
@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)])
def test_nothing_is_drawn_at_rate_zero_or_in_evaluation(sampling, rate, training):
    for scale in ("training", "test"):
        noise = dropping(rate=rate, sampling=sampling, scale=scale).train(training)
        before = torch.get_rng_state()
        assert noise.carried(MEMORY) == ()
        noise(MEMORY, 3, ())
        assert torch.equal(torch.get_rng_state(), before)


def test_a_mask_a_step_changes_at_every_step_and_is_not_carried():
    noise = dropping(rate=0.5, sampling="step", scale="test")
    masks = noise(MEMORY, 3, (), (2,))
    assert noise.carried(MEMORY, (2,)) == ()
    assert masks.shape == (3, 40, 2, 50)
    assert not torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[1], masks[2])


def test_a_mask_a_sequence_is_carried_stays_over_time_and_differs_between_examples():
    noise = dropping(rate=0.5, sampling="sequence", scale="test")
    carried = noise.carried(MEMORY, (2,))
    masks = noise(MEMORY, 3, carried, (2,))
    assert carried[0].shape == (40, 2, 50)
    assert all(torch.equal(masks[time], carried[0]) for time in range(3))
    assert not torch.equal(masks[0, 0], masks[0, 1])
    assert not torch.equal(masks[0, :, 0], masks[0, :, 1])


def test_masks_have_the_type_of_the_memory():
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        noise = dropping(rate=0.5, sampling="sequence", scale="test")
        assert noise.carried(MEMORY.to(dtype))[0].dtype == dtype
        assert noise.eval()(MEMORY.to(dtype), 3, ()).dtype == dtype


def test_noise_of_another_meaning_has_its_own_expectation():
    zoneout = Noise(success=0.2, sampling="step", expected=0.2)
    assert zoneout(MEMORY, 30, ()).mean().item() == pytest.approx(0.2, abs=0.01)
    assert zoneout.eval()(MEMORY, 3, ()).unique().tolist() == [0.2]


@pytest.mark.parametrize("size", [1, 3, 4, 10])
def test_drawing_steps_at_once_takes_the_random_numbers_of_drawing_them_in_turn(size):
    torch.manual_seed(0)
    together = bernoulli(5, (size, 3), 0.5, MEMORY)
    torch.manual_seed(0)
    in_turn = torch.cat([bernoulli(1, (size, 3), 0.5, MEMORY) for _ in range(5)])
    assert torch.equal(together, in_turn)


@pytest.mark.parametrize("success", [0.1, 0.5, 0.75])
def test_each_of_the_four_numbers_of_a_draw_is_one_as_often_and_alone(success):
    """The four columns share one draw of 64 bits: their frequencies and their products are those of independence."""
    torch.manual_seed(0)
    drawn = bernoulli(1, (100_000, 4), success, MEMORY)[0]
    margin = 5 * (success * (1 - success) / 1e5) ** 0.5
    assert (drawn.mean(0) - success).abs().max() < margin
    assert (drawn.T @ drawn / 1e5 - success**2).fill_diagonal_(0).abs().max() < margin


def test_probabilities_at_the_ends_of_the_range_stay_in_it():
    assert bernoulli(1, (1000,), 1 - 1e-9, MEMORY).sum() == 1000
    assert bernoulli(1, (1000,), 1e-9, MEMORY).sum() <= 1


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan")])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match=r"`rate` must be in \[0, 1\), but is "):
        dropping(rate=rate, sampling="step", scale="test")
