import numpy as np
import pytest
from PIL import Image

from kerasgan import images


def test_to_uint8_maps_the_range_and_clips():
    values = np.array([-1.5, -1.0, 0.0, 1.0, 2.0], "float32")
    assert images.to_uint8(values).tolist() == [0, 0, 128, 255, 255]
    assert images.to_uint8(values, (0.0, 1.0)).tolist() == [0, 0, 0, 255, 255]


def test_every_uint8_value_comes_back():
    pixels = np.arange(256, dtype="uint8")
    assert (images.to_uint8(pixels / 127.5 - 1.0) == pixels).all()


def test_grid_places_every_image():
    batch = np.arange(5, dtype="uint8")[:, None, None, None] * np.ones(
        (1, 2, 3, 1), "uint8"
    )
    sheet = images.grid(batch + 1, columns=3)
    assert sheet.shape == (4, 9, 1)
    assert sheet[::2, ::3, 0].tolist() == [[1, 2, 3], [4, 5, 0]]
    assert (sheet[:2, 3:6] == 2).all()


def test_grid_is_as_square_as_it_can_be():
    assert images.grid(np.zeros((64, 4, 4, 3), "uint8")).shape == (32, 32, 3)
    assert images.grid(np.zeros((5, 4, 4, 3), "uint8")).shape == (8, 12, 3)


@pytest.mark.parametrize("shape", [(4, 4, 3), (0, 4, 4, 3)])
def test_grid_refuses_what_is_no_batch(shape):
    with pytest.raises(ValueError, match="images has shape"):
        images.grid(np.zeros(shape, "uint8"))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_keeps_every_pixel(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), "uint8")
    images.write_png(tmp_path / "deep" / "image.png", pixels)
    assert (images.read_png(tmp_path / "deep" / "image.png") == pixels).all()


def test_gif_shows_every_frame_in_order_and_loops(tmp_path):
    frames = [np.full((8, 8, 3), value, "uint8") for value in (0, 100, 200)]
    images.write_gif(tmp_path / "a.gif", frames, seconds=0.1, hold=1.0)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 3 and gif.info["loop"] == 0
        shown, durations = [], []
        for number in range(3):
            gif.seek(number)
            shown.append(int(np.asarray(gif.convert("RGB"))[4, 4, 0]))
            durations.append(gif.info["duration"])
    assert shown == [0, 100, 200]
    assert durations == [100, 100, 1000]


def test_gif_needs_a_frame(tmp_path):
    with pytest.raises(ValueError, match="frames is empty"):
        images.write_gif(tmp_path / "a.gif", [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0)])
def test_every_uint8_comes_back_from_floats(value_range):
    pixels = np.arange(256, dtype="uint8")
    floats = images.from_uint8(pixels, value_range)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == pytest.approx(value_range)
    np.testing.assert_array_equal(images.to_uint8(floats, value_range), pixels)
