import numpy as np
import pytest

from dovetail_standard.drawing import BACKGROUND, COLOURS, RADII, draw
from dovetail_standard.scene_space import COLOURS as NAMES
from dovetail_standard.scene_space import SHAPES, SIZES, Thing


@pytest.mark.parametrize("size", [16, 64, 100])
def test_the_pixel_at_a_centre_has_the_named_colour(size):
    for shape in SHAPES:
        for colour in NAMES:
            image = draw([Thing(shape, colour, "large", 30, 60)], size)
            assert image.shape == (size, size, 3)
            assert tuple(image[size * 60 // 100, size * 30 // 100]) == COLOURS[colour]
            assert tuple(image[0, -1]) == BACKGROUND


def _covered(thing: Thing, size: int) -> np.ndarray:
    """How much of each pixel is covered, in [0, 1]."""
    red = draw([thing], size)[..., 0].astype(float)
    return (red - BACKGROUND[0]) / (COLOURS[thing.colour][0] - BACKGROUND[0])


@pytest.mark.parametrize("size", [64, 100])
def test_a_circle_covers_its_area_around_its_centre(size):
    for name in SIZES:
        covered = _covered(Thing("circle", "blue", name, 40, 55), size)
        radius = RADII[name] * size / 100
        assert covered.sum() == pytest.approx(np.pi * radius**2, rel=0.08)
        down, across = np.indices(covered.shape) + 0.5
        assert (covered * across).sum() / covered.sum() == pytest.approx(0.40 * size, abs=0.15)
        assert (covered * down).sum() / covered.sum() == pytest.approx(0.55 * size, abs=0.15)


def test_shapes_stand_upright_and_differ():
    images = {shape: _covered(Thing(shape, "black", "large", 50, 50), 100) for shape in SHAPES}
    for image in images.values():
        np.testing.assert_allclose(image, image[:, ::-1], atol=0.3)
    assert images["triangle"][58].sum() > images["triangle"][40].sum() > 0
    assert images["square"].sum() == pytest.approx((2 * 0.85 * RADII["large"]) ** 2, rel=0.06)
    assert images["cross"][50].sum() > 2 * images["cross"][40].sum()
    assert images["cross"].sum() == pytest.approx(images["cross"].T.sum())
    assert images["star"].sum() < 0.7 * images["circle"].sum()


def test_edges_are_soft():
    covered = _covered(Thing("circle", "black", "large", 50, 50), 64)
    assert ((covered > 0.1) & (covered < 0.9)).sum() > 20


def test_an_empty_scene_is_the_background():
    assert (draw([], 8) == BACKGROUND).all()
