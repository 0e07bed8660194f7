import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from dovetail import Image, Mistake
from dovetail.report.pictures import read_picture
from dovetail_standard.photographs import decode, square
from dovetail_standard.pixels import scaled

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
UNIT = {"low": 0.0, "high": 1.0}


def plain(mode, colour, size=(6, 4)):
    return Pictures.new(mode, size, colour)


def saved(picture, file, **values):
    picture.save(file, **values)
    return file


def test_black_and_white_are_the_ends_of_the_range(tmp_path):
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels[1, 2] = (255, 102, 0)
    file = saved(Pictures.fromarray(pixels), tmp_path / "x.png")
    found = read_picture(file, Image(3, 4, 6, low=-2.0, high=3.0))
    assert found.shape == (3, 4, 6)
    assert found[:, 1, 2].tolist() == pytest.approx([3.0, 0.0, -2.0])
    assert found[:, 0, 0].tolist() == [-2.0, -2.0, -2.0]
    Image(3, 4, 6, low=-2.0, high=3.0).check(found[None])


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("factor", [1, 3])
def test_the_middle_is_cut_out_of_what_covers_the_space(tmp_path, wide, factor):
    stripes = np.zeros((8, 32, 3), dtype=np.uint8)
    stripes[:, :12], stripes[:, 12:20], stripes[:, 20:] = RED, GREEN, BLUE
    stripes = stripes.repeat(factor, 0).repeat(factor, 1)
    file = saved(Pictures.fromarray(stripes if wide else stripes.swapaxes(0, 1)), tmp_path / "x.png")
    found = read_picture(file, Image(3, 8, 8, **UNIT))
    assert found[:, 1:-1, 1:-1].mean((1, 2)).tolist() == pytest.approx([0.0, 1.0, 0.0], abs=0.02)


def test_it_is_what_datasets_of_photographs_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (75, 100, 3)).astype(np.uint8)
    file = saved(Pictures.fromarray(pixels).resize((150, 200)), tmp_path / "x.jpg")
    assert torch.allclose(read_picture(file, Image(3, 16, 16)), scaled(square(decode(file, 16), 16)), atol=1e-6)


@pytest.mark.parametrize(
    ("picture", "ending", "expected"),
    [
        (plain("L", 51), "png", (51, 51, 51)),
        (plain("1", 1), "png", (255, 255, 255)),
        (plain("LA", (51, 255)), "png", (51, 51, 51)),
        (plain("RGBA", (*RED, 255)), "png", RED),
        (plain("RGBA", (*RED, 0)), "png", (255, 255, 255)),
        (plain("RGBA", (0, 0, 0, 51)), "png", (204, 204, 204)),
        (plain("RGB", GREEN).convert("P"), "gif", GREEN),
        (plain("CMYK", (0, 255, 255, 0)), "tiff", RED),
        (plain("I;16", 51 * 257), "png", (51, 51, 51)),
        (plain("YCbCr", (255, 128, 128)), "jpg", (255, 255, 255)),
    ],
)
def test_any_kind_of_picture_is_read_in_colours(tmp_path, picture, ending, expected):
    file = saved(picture, tmp_path / f"x.{ending}")
    found = read_picture(file, Image(3, 5, 7, **UNIT)) * 255
    assert found.flatten(1).T.tolist() == [pytest.approx(expected, abs=1.0)] * 35


def test_a_colour_that_is_transparent_becomes_white(tmp_path):
    picture = plain("RGB", RED).convert("P")
    file = saved(picture, tmp_path / "x.png", transparency=picture.getpixel((0, 0)))
    found = read_picture(file, Image(3, 4, 6, **UNIT))
    assert found.min() == pytest.approx(1.0)


def test_a_picture_is_turned_as_its_camera_noted(tmp_path):
    picture = plain("RGB", BLUE, (8, 8))
    picture.paste(RED, (0, 0, 8, 4))  # above, as it is stored
    exif = Pictures.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    file = saved(picture, tmp_path / "x.png", exif=exif)
    found = read_picture(file, Image(3, 8, 8, **UNIT))
    assert found[:, :, 4:].flatten(1).T.tolist() == [[1.0, 0.0, 0.0]] * 32
    assert found[:, :, :4].flatten(1).T.tolist() == [[0.0, 0.0, 1.0]] * 32


def test_a_space_of_one_channel_gets_grey(tmp_path):
    file = saved(plain("RGB", (255, 255, 0)), tmp_path / "x.png")
    found = read_picture(file, Image(1, 4, 6, **UNIT))
    assert found.shape == (1, 4, 6)
    assert found.flatten().tolist() == pytest.approx([(0.299 + 0.587)] * 24, abs=0.003)


def test_what_is_no_picture_is_named(tmp_path):
    space = Image(3, 4, 6)
    (tmp_path / "words.jpg").write_text("no picture")
    whole = saved(
        Pictures.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)), tmp_path / "x.png"
    )
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:999])
    (tmp_path / "empty.png").touch()
    for name, reason in (
        ("words.jpg", "cannot identify"),
        ("cut.png", ""),
        ("empty.png", ""),
        ("none.png", "No such file"),
        ("", "Is a directory"),
    ):
        with pytest.raises(Mistake, match=rf"{name}: is no picture that can be read: .*{reason}"):
            read_picture(tmp_path / name, space)
    with pytest.raises(Mistake, match=r"a picture has 1 or 3 channels, but Image\(channels=2"):
        read_picture(whole, Image(2, 4, 6))
