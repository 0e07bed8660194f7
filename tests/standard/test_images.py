import numpy as np
import pytest
import torch

from dovetail_standard.images import sheet


def test_images_stand_in_rows_from_left_to_right():
    images = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8]).reshape(5, 1, 1, 1).expand(5, 1, 64, 64)
    pixels = np.asarray(sheet(images, low=0, high=1, columns=3))
    assert pixels.shape == (2 + 2 * 66, 2 + 3 * 66, 3)
    assert [pixels[34 + 66 * (k // 3), 34 + 66 * (k % 3), 0] for k in range(5)] == [0, 51, 102, 153, 204]


def test_the_range_becomes_black_to_white_and_values_outside_are_cut_off():
    images = torch.tensor([-3.0, -1.0, 1.0, 3.0]).reshape(4, 1, 1, 1).expand(4, 1, 70, 70)
    pixels = np.asarray(sheet(images))
    assert pixels.shape[0] == 74
    assert [pixels[20, 20 + 72 * k, 0] for k in range(4)] == [0, 0, 255, 255]


def test_small_images_are_enlarged_without_smoothing():
    image = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).reshape(1, 1, 2, 2)
    pixels = np.asarray(sheet(image.expand(2, 1, 2, 2), low=0, high=1))[2:-2, 68:-2, 0]
    assert pixels.shape == (64, 64)
    assert np.unique(pixels).tolist() == [0, 255]
    assert (pixels[:32, 32:] == 255).all()
    assert (pixels[:32, :32] == 0).all()


def test_colours_are_kept():
    image = torch.tensor([1.0, 0.0, 0.5]).reshape(1, 3, 1, 1).expand(1, 3, 32, 32)
    assert np.asarray(sheet(image, low=0, high=1))[10, 10].tolist() == [255, 0, 128]


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (2, 2, 8, 8), (1, 8, 8)])
def test_what_is_no_batch_of_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"`images` must be \(batch, channels, height, width\) of 1 or 3 channels"):
        sheet(torch.zeros(shape))


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="`low` must be below `high`, but is 1 and 1"):
        sheet(torch.zeros(1, 1, 8, 8), low=1, high=1)
