"""How `celeb_a` crops and resizes the pixels of an image."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasgan.data import celeb_a
from kerasgan.data.drawn_faces.attributes import ATTRIBUTES
from kerasgan.images import to_uint8

pytestmark = pytest.mark.usefixtures("cache", "no_network")

HEIGHT, WIDTH = 218, 178


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def expected_image(pixels, size, method):
    """The largest central part of the shape of `size`, resized by Pillow."""
    scale = min(HEIGHT / size[0], WIDTH / size[1])
    top, left = (HEIGHT - scale * size[0]) / 2, (WIDTH - scale * size[1]) / 2
    box = (left, top, WIDTH - left, HEIGHT - top)
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], method, box), int)


def smooth_pixels():
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (11, 9, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def board_pixels():
    """A checkerboard of black and white pixels, whose mean is gray."""
    board = np.indices((HEIGHT, WIDTH)).sum(axis=0) % 2 * 255
    return board.astype("uint8")[..., None].repeat(3, axis=-1)


def framed_pixels():
    """A green square in the center, red above and blue below it."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), "uint8")
    pixels[:20, :, 0] = pixels[20:198, :, 1] = pixels[198:, :, 2] = 255
    return pixels


DRAWINGS = {"Male": smooth_pixels, "Young": board_pixels, "Smiling": framed_pixels}


@pytest.fixture(scope="module")
def drawings_dir(write_celeb_a, tmp_path_factory):
    """A dataset of three drawings, each with a different attribute."""
    has = np.array([[key == name for key in ATTRIBUTES] for name in DRAWINGS])
    jpegs = [jpeg(draw()) for draw in DRAWINGS.values()]
    return write_celeb_a(tmp_path_factory.mktemp("drawings"), jpegs, has)


def drawing(attribute, size, drawings_dir):
    dataset = celeb_a(size, attribute=attribute, data_dir=drawings_dir, batch_size=1)
    (batch,) = dataset.as_numpy_iterator()
    return to_uint8(batch[0]).astype(int)


def check_drawing(size, method, tolerance, drawings_dir):
    image = drawing("Male", size, drawings_dir)
    expected = expected_image(smooth_pixels(), size, method)
    assert image.shape == expected.shape
    difference = np.abs(image - expected)
    assert difference.mean() < tolerance and difference.max() < 8 * tolerance


# The drawing changes by 4 levels from pixel to pixel; the rest is due to JPEG.
@pytest.mark.parametrize("size", [(178, 178), (218, 178), (89, 89), (64, 64), (20, 20)])
def test_crop_and_resize_against_full_decoding(size, drawings_dir):
    check_drawing(size, Image.Resampling.BOX, 1.5, drawings_dir)


# These crops are rounded to one pixel, or to two where the decoder halves.
@pytest.mark.parametrize("size", [(128, 96), (30, 90), (90, 30), (10, 40)])
def test_crops_that_are_not_square(size, drawings_dir):
    check_drawing(size, Image.Resampling.BOX, 5, drawings_dir)


@pytest.mark.parametrize("size", [(300, 300), (218, 400)])
def test_larger_images_are_interpolated(size, drawings_dir):
    check_drawing(size, Image.Resampling.BICUBIC, 3, drawings_dir)


@pytest.mark.parametrize("size", [16, 32, 64, 89])
def test_fine_pattern_becomes_gray(size, drawings_dir):
    image = drawing("Young", size, drawings_dir)
    # Each single pixel is nearly 0 or 255.
    assert np.abs(image - 127.5).max() < 2


@pytest.mark.parametrize("size", [16, 32, 64, 178])
def test_crop_is_central(size, drawings_dir):
    image = drawing("Smiling", size, drawings_dir)
    np.testing.assert_allclose(image, np.full_like(image, [0, 255, 0]), atol=8)
    tall = drawing("Smiling", (2 * size, size), drawings_dir)
    # A ratio of 2 to 1 crops the sides a little and keeps the whole height.
    assert tall[0].argmax(axis=-1).tolist() == [0] * size
    assert tall[-1].argmax(axis=-1).tolist() == [2] * size
