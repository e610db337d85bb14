import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data.image_files import (
    RangeNeededError,
    UnreadableImageError,
    ValueRange,
    Values,
    likely_range,
    open_image,
    read_image,
    unstated_values,
    why_unreadable,
)

# Four areas of 20x20 pixels, each of one color.
COLORS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], "uint8")
AREAS = COLORS.repeat(20, axis=0).repeat(20, axis=1)


def encoded(image, format="PNG", **options):
    """Returns a Pillow image or an array as a file object."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, format, **options)
    file.seek(0)
    return file


def opened(file, color_mode="rgb", ranges=None):
    file.seek(0)
    return np.asarray(open_image(file, color_mode, ranges))


def pattern(height, width, channels=3):
    """Smooth shapes with noise on them."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 5, channels), dtype=np.uint8)
    image = Image.fromarray(coarse.squeeze())
    smooth = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    noise = rng.integers(-20, 21, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype("uint8")


def lanczos(pixels, size, axis):
    """Center-crops and resizes along one axis, by the definition.

    `size` is the length of the result and the length of the crop it comes from.
    """
    pixels = np.moveaxis(pixels.astype("float64"), axis, 0)
    length, crop = size
    step = crop / length
    centers = (len(pixels) - crop) / 2 + (np.arange(length) + 0.5) * step - 0.5
    # The kernel of an image that shrinks is wider, which is the antialiasing.
    x = (np.arange(len(pixels)) - centers[:, None]) / max(step, 1.0)
    weights = np.sinc(x) * np.sinc(x / 3) * (np.abs(x) < 3)
    weights /= weights.sum(axis=1, keepdims=True)
    resized = np.moveaxis(np.tensordot(weights, pixels, 1), 0, axis)
    # Pillow rounds between the two axes.
    return np.rint(resized).clip(0, 255)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((50, 37), (16, 24)),
        ((37, 50), (16, 24)),
        ((64, 64), (20, 20)),
        ((9, 40), (8, 8)),
        ((11, 13), (33, 20)),
        ((40, 30), (40, 30)),
    ],
)
def test_crop_and_resize_follow_their_definition(shape, size):
    pixels = pattern(*shape)
    scale = min(shape[0] / size[0], shape[1] / size[1])
    expected = lanczos(pixels, (size[1], size[1] * scale), 1)
    expected = lanczos(expected, (size[0], size[0] * scale), 0)
    assert np.abs(read_image(encoded(pixels), size) - expected).max() <= 2


def test_fine_pattern_becomes_gray():
    board = np.indices((96, 96)).sum(axis=0) % 2 * np.uint8(255)
    image = read_image(encoded(board.astype("uint8")), (32, 32))
    # Each single pixel is 0 or 255.
    assert np.abs(image[2:-2, 2:-2].astype(int) - 127).max() <= 3


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 1), (7, 5)])
def test_odd_sizes(shape):
    # Only the center has the color.
    pixels = np.zeros((*shape, 3), "uint8")
    side = min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    pixels[max(0, top - 5) : top + side + 5, max(0, left - 5) : left + side + 5] = 90
    image = read_image(encoded(pixels), (6, 6))
    np.testing.assert_array_equal(image, np.full((6, 6, 3), 90))


@pytest.mark.parametrize(
    ("mode", "options", "tolerance"),
    [
        ("RGB", {"format": "PNG"}, 0),
        ("RGB", {"format": "BMP"}, 0),
        ("P", {"format": "GIF"}, 0),
        ("P", {"format": "PNG"}, 0),
        ("RGB", {"format": "WEBP", "lossless": True}, 0),
        ("RGB", {"format": "TIFF"}, 0),
        ("RGB", {"format": "JPEG", "quality": 95, "subsampling": 0}, 3),
        ("CMYK", {"format": "JPEG", "quality": 95}, 3),
    ],
)
def test_formats(mode, options, tolerance):
    image = opened(encoded(Image.fromarray(AREAS).convert(mode), **options))
    # JPEG is blurred where two colors meet.
    centers = image[8::20, 8::20].astype(int)
    assert np.abs(centers - COLORS).max() <= tolerance


def test_color_modes():
    file = encoded(AREAS)
    gray = read_image(file, (40, 40), "grayscale")
    assert gray.shape == (40, 40, 1)
    # ITU-R 601.
    luma = np.rint(COLORS @ [0.299, 0.587, 0.114])
    np.testing.assert_array_equal(gray[10::20, 10::20, 0], luma)
    rgba = read_image(file, (40, 40), "rgba")
    np.testing.assert_array_equal(rgba[..., :3], AREAS)
    assert (rgba[..., 3] == 255).all()


@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_images_get_three_channels(mode):
    board = np.kron([[0, 1], [1, 0]], np.full((4, 4), 255)).astype("uint8")
    image = opened(encoded(Image.fromarray(board).convert(mode)))
    np.testing.assert_array_equal(image, board[..., None].repeat(3, axis=-1))


@pytest.mark.parametrize("depth", [8, 16])
def test_exif_rotates_images_upright(depth):
    exif = Image.Exif()
    exif[274] = 6  # Orientation: the left side of the file is up.
    lying = np.zeros((20, 40), f"uint{depth}")
    lying[:, :20] = 2**depth - 1
    for format in ("PNG", "TIFF"):
        image = opened(encoded(lying, format, exif=exif))
        assert image.shape == (40, 20, 3)
        assert (image[:20] == 255).all() and (image[20:] == 0).all()


# Transparency


def half_transparent(mode):
    """A 4x4 image: opaque black above; black with a fifth of the alpha below."""
    black = np.zeros((4, 4, 4), "uint8")
    black[:2, :, 3] = 255
    black[2:, :, 3] = 51
    return Image.fromarray(black).convert(mode)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGBA", {"format": "PNG"}),
        ("LA", {"format": "PNG"}),
        ("PA", {"format": "TIFF"}),
        ("RGBA", {"format": "TIFF"}),
        ("RGBA", {"format": "WEBP", "lossless": True, "exact": True}),
        ("RGBA", {"format": "PNG", "save_all": True}),
    ],
)
def test_transparent_parts_become_white(mode, options):
    file = encoded(half_transparent(mode), **options)
    expected = np.zeros((4, 4, 3), int)
    expected[2:] = 255 - 51
    np.testing.assert_array_equal(opened(file), expected)
    np.testing.assert_array_equal(opened(file, "grayscale"), expected[..., 0])


@pytest.mark.parametrize(
    ("mode", "transparency"),
    [
        ("P", 0),
        ("P", bytes([0, 255])),
        ("1", 0),
        ("L", 0),
        ("RGB", (0, 0, 0)),
        ("I;16", 0),
    ],
)
def test_transparent_color_of_a_png_becomes_white(mode, transparency):
    image = Image.fromarray(np.uint8([[0, 0], [255, 255]]))
    if mode == "P":
        image = image.point([0] * 255 + [1]).copy()
        image.putpalette([0, 0, 0, 90, 90, 90])
    elif mode == "I;16":
        image = Image.fromarray(np.uint16([[0, 0], [90 * 257, 65535]]))
    else:
        image = image.convert(mode)
    file = encoded(image, transparency=transparency)
    opaque = {"P": [90, 90], "I;16": [90, 255]}.get(mode, [255, 255])
    for color_mode in ("rgb", "grayscale"):
        shown = opened(file, color_mode).reshape(2, 2, -1)[..., 0]
        np.testing.assert_array_equal(shown, [[255, 255], opaque])
    alpha = opened(file, "rgba")[..., 3]
    np.testing.assert_array_equal(alpha, [[0, 0], [255, 255]])


def gif(frames, canvas, left_top=(0, 0), **options):
    """A GIF whose frames are smaller than its canvas."""
    palette = [70, 70, 70, 200, 0, 0, 0, 0, 250]
    pictures = []
    for frame in frames:
        picture = Image.fromarray(np.uint8(frame)).convert("P")
        picture.putdata(np.ravel(frame).tolist())
        picture.putpalette(palette)
        pictures.append(picture)
    file = encoded(pictures[0], "GIF", optimize=False, **options)
    data = bytearray(file.getvalue())
    data[6:10] = struct.pack("<HH", *canvas)
    position = data.index(b"\x2c", 10)
    data[position + 1 : position + 5] = struct.pack("<HH", *left_top)
    return io.BytesIO(data)


def test_transparent_color_of_a_gif_becomes_white():
    image = opened(gif([[[0, 1], [2, 0]]], (2, 2), transparency=0))
    expected = [[[255] * 3, [200, 0, 0]], [[0, 0, 250], [255] * 3]]
    np.testing.assert_array_equal(image, expected)


def test_part_of_a_gif_that_its_frame_does_not_cover_becomes_white():
    file = gif([[[0, 1], [2, 0]]], (4, 5), left_top=(1, 2))
    expected = np.full((5, 4, 3), 255)
    expected[2:4, 1:3] = [[[70] * 3, [200, 0, 0]], [[0, 0, 250], [70] * 3]]
    np.testing.assert_array_equal(opened(file), expected)
    assert opened(file, "rgba")[..., 3].sum() == 4 * 255


def test_first_frame_of_an_animation_is_read():
    first, second = Image.new("RGBA", (4, 4)), Image.new("RGBA", (4, 4), "red")
    first.paste("blue", (0, 0, 2, 4))
    for format in ("GIF", "PNG"):
        file = encoded(first, format, save_all=True, append_images=[second])
        image = opened(file)
        assert (image[:, :2] == [0, 0, 255]).all() and (image[:, 2:] == 255).all()


def test_alpha_is_kept_on_request():
    pixels = pattern(12, 10, 4)
    np.testing.assert_array_equal(opened(encoded(pixels), "rgba"), pixels)


def test_invisible_colors_do_not_bleed():
    pixels = np.zeros((40, 40, 4), "uint8")
    pixels[:, :20] = [255, 0, 0, 255]
    pixels[:, 20:] = [0, 255, 0, 0]
    image = read_image(encoded(pixels), (10, 10), "rgba")
    visible = image[image[..., 3] > 0]
    assert len(visible) >= 50
    assert (visible[:, 0] > 250).all() and (visible[:, 1] < 5).all()


# More than 8 bits per channel

LEVELS = np.arange(256).reshape(16, 16)


def tiff(pixels, tags=(), bits=16):
    """A TIFF file of colors or unsigned integers that Pillow does not write."""
    height, width, channels = pixels.shape
    data = pixels.astype(f"<u{bits // 8}").tobytes()
    entries = [
        (256, 3, [width]),
        (257, 3, [height]),
        (258, 3, [bits] * channels),
        (259, 3, [1]),
        (262, 3, [2 if channels > 1 else 1]),
        (273, 4, [8]),
        (277, 3, [channels]),
        (278, 3, [height]),
        (279, 4, [len(data)]),
        *([(338, 3, [2])] if channels == 4 else []),
        *tags,
    ]
    entries.sort()
    later = 8 + len(data) + 2 + 12 * len(entries) + 4
    directory, extra = struct.pack("<H", len(entries)), b""
    for tag, kind, values in entries:
        content = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(content) > 4:
            content, extra = struct.pack("<I", later + len(extra)), extra + content
        directory += struct.pack("<HHI", tag, kind, len(values)) + content.ljust(
            4, b"\0"
        )
    start = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return io.BytesIO(start + data + directory + bytes(4) + extra)


def png16(pixels, significant_bits=None):
    """A PNG file of 16 bits per channel, with an sBIT chunk if bits are given."""
    data = tf.io.encode_png(np.atleast_3d(pixels).astype("uint16")).numpy()
    if significant_bits is not None:
        chunk = b"sBIT" + bytes(significant_bits)
        chunk = struct.pack(">I", len(chunk) - 4) + chunk
        chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
        data = data[:33] + chunk + data[33:]
    return io.BytesIO(data)


def check_levels(file, tolerance=0):
    """Checks that an image has the levels 0 to 255, in order."""
    gray = opened(file, "grayscale").astype(int)
    assert np.abs(gray - LEVELS).max() <= tolerance
    colors = opened(file).astype(int)
    assert np.abs(colors - LEVELS[..., None]).max() <= tolerance


@pytest.mark.parametrize(
    "file",
    [
        # Written with as many bits as are used.
        encoded((LEVELS * 257).astype("uint16")),
        encoded((LEVELS * 257).astype("uint16"), "TIFF"),
        encoded((LEVELS * 257).astype("uint16"), "JPEG2000"),
        # 12 bits in 16.
        encoded((LEVELS * 4095 / 255).astype("uint16")),
        encoded((LEVELS * 4095 / 255).astype("uint16"), "TIFF"),
        encoded((LEVELS * 4095 / 255).astype("uint16"), "TIFF", compression="tiff_lzw"),
        # 8 bits in 16 or 32.
        encoded(LEVELS.astype("uint16")),
        encoded(LEVELS.astype("uint16"), "TIFF"),
        encoded(LEVELS.astype("int32"), "TIFF"),
        # 10 and 14 bits.
        encoded((LEVELS * 1023 / 255).astype("uint16")),
        encoded((LEVELS * 16383 / 255).astype("uint16")),
        # Floats.
        encoded((LEVELS / 255).astype("float32"), "TIFF"),
        encoded((LEVELS / 127.5 - 1).astype("float32"), "TIFF"),
        encoded(LEVELS.astype("float32"), "TIFF"),
        encoded((LEVELS * 257).astype("float32"), "TIFF"),
        # Signed values, as of computed tomography.
        encoded((LEVELS * 16 - 1024).astype("int32"), "TIFF"),
        encoded((LEVELS * 16 - 1024).astype("float32"), "TIFF"),
    ],
)
def test_values_are_scaled_to_8_bits(file):
    # Integers are rounded down, by less than one level.
    check_levels(file, tolerance=1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("high", [65535, 4095])
def test_16_bit_png_of_any_channels(channels, high):
    pixels = np.repeat((LEVELS * high / 255)[..., None], channels, axis=-1)
    if channels in (2, 4):
        pixels[..., -1] = high
        pixels[0, 0, -1] = 0
    file = png16(pixels)
    expected = LEVELS.copy()
    if channels in (2, 4):
        expected[0, 0] = 255
        alpha = np.full((16, 16), 255)
        alpha[0, 0] = 0
        np.testing.assert_array_equal(opened(file, "rgba")[..., 3], alpha)
    assert np.abs(opened(file, "grayscale").astype(int) - expected).max() <= 1


def test_16_bit_color_keeps_its_colors():
    pixels = AREAS.astype("uint16") * 257
    np.testing.assert_array_equal(opened(png16(pixels)), AREAS)
    np.testing.assert_array_equal(opened(tiff(pixels)), AREAS)
    alpha = np.full((*AREAS.shape[:2], 1), 65535)
    alpha[:20] = 0
    image = opened(tiff(np.concatenate([pixels, alpha], -1)))
    assert (image[:20] == 255).all()
    np.testing.assert_array_equal(image[20:], AREAS[20:])


def test_12_bit_color_tiff_is_not_black():
    pixels = np.repeat((LEVELS * 4095 / 255)[..., None], 3, -1)
    # Pillow reads the upper 8 of 16 bits, so 4 are left.
    check_levels(tiff(pixels), tolerance=16)


@pytest.mark.parametrize(
    ("file", "stated"),
    [
        # Most of the range is not used.
        (encoded(np.full((2, 2), 100, "uint16"), "TIFF", tiffinfo={281: 400}), 64),
        (
            encoded(
                np.full((2, 2), 100, "uint16"), "TIFF", tiffinfo={280: 50, 281: 250}
            ),
            64,
        ),
        (
            encoded(
                np.full((2, 2), 0.25, "float32"), "TIFF", tiffinfo={340: -1.0, 341: 4.0}
            ),
            64,
        ),
        (encoded(np.full((2, 2), 25, "int32"), "TIFF", tiffinfo={341: 100.0}), 64),
        (tiff(np.full((2, 2, 3), 257), [(281, 3, [1028] * 3)]), 64),
        (io.BytesIO(b"P5 2 1 4095\n" + struct.pack(">2H", 1028, 1028)), 64),
        (png16(np.full((2, 2), 1025), [12]), 64),
        (png16(np.full((2, 2, 3), 1025), [12, 12, 12]), 64),
        (png16(np.full((2, 2, 1), 1025) * [1, 0] + [0, 65535], [12, 16]), 64),
        # Scaled up as the PNG specification asks for: a dark image.
        (png16(np.full((2, 2), 64 << 4), [12]), 4),
        (png16(np.full((2, 2), 64 << 8), [12]), 64),
    ],
)
def test_stated_range_is_used(file, stated):
    assert unstated_values(file) is None
    assert np.unique(opened(file)).tolist() in ([stated], [stated - 1])
    # Also if another one was chosen for the dataset.
    other = dict.fromkeys(("integers", "floats"), ValueRange(0, 1e6))
    assert np.unique(opened(file, ranges=other)).tolist() in ([stated], [stated - 1])


def test_stated_range_that_the_pixels_contradict_is_ignored():
    levels = (LEVELS * 257).astype("uint16")
    check_levels(encoded(levels, "TIFF", tiffinfo={281: 4095}))
    check_levels(encoded(levels, "TIFF", tiffinfo={280: 4095, 281: 0}))


def test_low_values_are_white_where_the_file_says_so():
    levels = (LEVELS * 257).astype("uint16")
    check_levels(encoded(65535 - levels, "TIFF", tiffinfo={262: 0}))


def test_unsigned_32_bits_are_not_read_as_signed():
    check_levels(tiff(LEVELS[..., None] * (2**32 // 256), bits=32), tolerance=1)


def test_range_of_the_dataset_is_used():
    file = encoded(np.full((2, 2), 1024, "uint16"))
    assert unstated_values(file) == Values("integers", 1024, 1024)
    assert np.unique(opened(file)) == [64]  # Of 12 bits.
    for high, level in ((4096, 64), (2048, 128), (1024, 255)):
        ranges = {"integers": ValueRange(0, high)}
        assert abs(int(np.unique(opened(file, ranges=ranges))[0]) - level) <= 1
    with pytest.raises(RangeNeededError):
        opened(file, ranges={"floats": ValueRange(0, 1)})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("integers", 0, 1), (0, 255)),
        (("integers", 0, 255), (0, 255)),
        (("integers", 0, 256), (0, 1023)),
        (("integers", 7, 4095), (0, 4095)),
        (("integers", 0, 4096), (0, 16383)),
        (("integers", 0, 16384), (0, 65535)),
        (("integers", 0, 65536), (0, 65536)),
        (("integers", -1, 100), (-1, 100)),
        (("floats", 0, 0.2), (0, 1)),
        (("floats", -0.05, 1.05), (0, 1)),
        (("floats", -1, 1), (-1, 1)),
        (("floats", -0.2, 0.9), (-1, 1)),
        (("floats", -0.2, 2), (0, 255)),
        (("floats", -0.5, 2), (-0.5, 2)),
        (("floats", 0, 256), (0, 255)),
        (("floats", 0, 300), (0, 65535)),
        (("floats", 0, 1e6), (0, 1e6)),
        (("floats", -1000, 3000), (-1000, 3000)),
    ],
)
def test_likely_range(values, expected):
    assert likely_range(Values(*values)) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_rejected(value):
    pixels = np.zeros((4, 4), "float32")
    pixels[1, 2] = value
    file = encoded(pixels, "TIFF")
    assert unstated_values(file) is None
    with pytest.raises(UnreadableImageError) as caught:
        opened(file)
    assert why_unreadable(caught.value) == "with pixels that are not finite"


def test_8_bit_images_have_no_range_to_choose():
    assert unstated_values(encoded(AREAS)) is None
    assert unstated_values(encoded(np.zeros((2, 2), "uint8"), "TIFF")) is None


def test_constant_images():
    for value in (0, 1, 65535):
        image = opened(encoded(np.full((2, 2), value, "uint16")))
        assert np.unique(image).tolist() == [value // 257 if value > 1 else value]
    # There is no range to scale.
    opened(encoded(np.full((2, 2), -3, "int32"), "TIFF"))


# Files that cannot be read


@pytest.mark.parametrize("as_error", [False, True])
def test_image_over_the_limit_of_pillow(as_error, monkeypatch):
    file = encoded(AREAS)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", AREAS.size // 3 - 1)
    if as_error:
        # Up to twice the limit, Pillow only warns.
        warnings.simplefilter("error")
    else:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", AREAS.size // 6 - 1)
    with pytest.raises(Exception) as caught:
        opened(file)
    reason = why_unreadable(caught.value)
    assert reason.startswith("larger than PIL.Image.MAX_IMAGE_PIXELS")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    np.testing.assert_array_equal(opened(file), AREAS)


def test_other_reasons():
    assert why_unreadable(PermissionError(13, "x")) == "without read permission"
    for error in (OSError("truncated"), KeyError(1), SyntaxError("not a PNG")):
        assert why_unreadable(error) == "not readable by Pillow"


@pytest.mark.parametrize("make", [png16, tiff])
def test_truncated_16_bit_files_are_rejected(make):
    pixels = np.random.default_rng(0).integers(0, 65536, (64, 64, 3))
    data = make(pixels).getvalue()
    with pytest.raises(Exception) as caught:
        opened(io.BytesIO(data[: len(data) // 2]))
    assert why_unreadable(caught.value) == "not readable by Pillow"
