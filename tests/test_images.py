import weakref

import numpy as np
import pytest
from PIL import Image

from kerasgan import images


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def test_to_uint8_maps_the_range_and_clips():
    values = np.array([-1.5, -1.0, 0.0, 1.0, 2.0], "float32")
    assert images.to_uint8(values).tolist() == [0, 0, 128, 255, 255]
    assert images.to_uint8(values, (0.0, 1.0)).tolist() == [0, 0, 0, 255, 255]
    assert images.to_uint8(values, (0.0, 255.0)).tolist() == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_from_uint8_inverts_to_uint8(value_range):
    pixels = np.arange(256, dtype="uint8")
    floats = images.from_uint8(pixels, value_range)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == pytest.approx(value_range)
    np.testing.assert_array_equal(images.to_uint8(floats, value_range), pixels)


def test_images_at_once_depends_on_the_number_of_pixels():
    sizes = ((32, 32), (64, 64), (64, 128), (128, 128), (256, 256), (1024, 1024))
    assert [images.images_at_once(*s) for s in sizes] == [64, 64, 32, 16, 4, 1]
    assert [images.images_at_once(*s, most=16) for s in sizes] == [16, 16, 16, 16, 4, 1]
    assert images.images_at_once(None, None) == images.images_at_once(64, None) == 1


def test_grid_places_every_image():
    batch = np.arange(5, dtype="uint8")[:, None, None, None] * np.ones(
        (1, 2, 3, 1), "uint8"
    )
    arranged = images.grid(batch + 1, columns=3)
    assert arranged.shape == (4, 9, 1)
    assert arranged[::2, ::3, 0].tolist() == [[1, 2, 3], [4, 5, 0]]
    assert (arranged[:2, 3:6] == 2).all()


def test_grid_is_nearly_square_by_default():
    assert images.grid(np.zeros((64, 4, 4, 3), "uint8")).shape == (32, 32, 3)
    assert images.grid(np.zeros((5, 4, 4, 3), "uint8")).shape == (8, 12, 3)


@pytest.mark.parametrize("shape", [(4, 4, 3), (0, 4, 4, 3)])
def test_grid_requires_a_batch(shape):
    with pytest.raises(ValueError, match="images has shape"):
        images.grid(np.zeros(shape, "uint8"))


def test_visible_channels():
    for count, visible in ((1, [0]), (2, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3])):
        shown = images.visible_channels(np.arange(count)[None])
        assert shown.tolist() == [visible]
    many = np.arange(12)[None]
    assert images.visible_channels(many).tolist() == [[0, 1, 2]]
    assert images.visible_channels(many, (7, 3, 1)).tolist() == [[7, 3, 1]]
    assert images.visible_channels(many, [11]).tolist() == [[11]]


def test_channels_are_checked():
    for channels in (None, (0,), (4, 0, 0), [np.int64(1)]):
        images.check_channels("channels", channels, 5)
    for channels in ((), (0, 1), (0, 1, 2, 3), (0.0,), (-1,), 3, "rgb"):
        with pytest.raises(ValueError, match=r"channels is .*; expected the"):
            images.check_channels("channels", channels)
    with pytest.raises(ValueError, match=r"a_channels is \(0, 5, 1\), but the images"):
        images.check_channels("a_channels", (0, 5, 1), 5)


@pytest.mark.parametrize("channels, written", [(1, 1), (2, 1), (3, 3), (4, 4), (12, 3)])
def test_png_holds_the_visible_channels(tmp_path, channels, written):
    pixels = noise(5, 7, channels)
    images.write_png(tmp_path / "deep" / "image.png", pixels)
    read = images.read_png(tmp_path / "deep" / "image.png")
    np.testing.assert_array_equal(read, pixels[..., :written])


def test_png_text_is_read_without_the_pixels(tmp_path):
    path = tmp_path / "image.png"
    images.write_png(path, noise(64, 64, 3), {"step": "17"})
    assert images.read_png_text(path) == {"step": "17"}
    # Text comes first in the file, so a file whose pixels are damaged still has it.
    path.write_bytes(path.read_bytes()[:200])
    assert images.read_png_text(path) == {"step": "17"}
    images.write_png(path, noise(4, 4, 3))
    assert images.read_png_text(path) == {}
    path.write_text("not a PNG file")
    assert images.read_png_text(path) == {}
    assert images.read_png_text(tmp_path / "missing.png") == {}


def test_png_may_exceed_the_pixel_limit_of_pillow(tmp_path, monkeypatch):
    pixels = noise(9, 9, 3)
    images.write_png(tmp_path / "image.png", pixels)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    np.testing.assert_array_equal(images.read_png(tmp_path / "image.png"), pixels)


def test_gif_shows_every_frame_in_order_and_loops(tmp_path):
    alive = []

    def frames():
        for value in (0, 100, 200, 50):
            frame = np.full((8, 8, 3), value, "uint8")
            alive.append(weakref.ref(frame))
            # The iterator is read one frame at a time.
            assert sum(reference() is not None for reference in alive) <= 2
            yield frame

    images.write_gif(tmp_path / "a.gif", frames(), seconds=0.1, hold=1.0)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4 and gif.info["loop"] == 0
        shown, durations = [], []
        for number in range(4):
            gif.seek(number)
            shown.append(int(np.asarray(gif.convert("RGB"))[4, 4, 0]))
            durations.append(gif.info["duration"])
    assert shown == [0, 100, 200, 50]
    assert durations == [100, 100, 100, 1000]


@pytest.mark.parametrize("channels", [1, 2, 5, 12])
def test_gif_shows_images_of_any_number_of_channels(tmp_path, channels):
    pixels = np.zeros((8, 8, channels), "uint8")
    pixels[..., 0] = 200
    images.write_gif(tmp_path / "a.gif", [pixels])
    with Image.open(tmp_path / "a.gif") as gif:
        color = np.asarray(gif.convert("RGB"))[0, 0].tolist()
    assert color == ([200, 200, 200] if channels <= 2 else [200, 0, 0])


def test_large_gif_frames_are_scaled_down(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_FRAME_PIXELS", 16 * 16)
    frame = np.zeros((32, 8, 3), "uint8")
    frame[16:, :, 0] = 255
    for repeats, size in ((1, (8, 32)), (2, (8, 32)), (3, (8, 32))):
        large = frame.repeat(repeats, axis=0).repeat(repeats, axis=1)
        images.write_gif(tmp_path / "a.gif", [large])
        with Image.open(tmp_path / "a.gif") as gif:
            assert gif.size == size
            colors = np.asarray(gif.convert("RGB"))
        # The upper half stays black and the lower half red.
        assert colors[:14].max() < 40 and colors[18:, :, 0].min() > 215


def test_gif_requires_a_frame(tmp_path):
    with pytest.raises(ValueError, match="frames is empty"):
        images.write_gif(tmp_path / "a.gif", [])
    assert not list(tmp_path.iterdir())
