"""Image files of any format and bit depth, read as 8-bit images."""

import os
import struct
from collections.abc import Iterator, Mapping
from typing import IO, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image, ImageFile, ImageOps

# Keras's color modes, with Pillow's name and the number of channels.
COLOR_MODES = {"grayscale": ("L", 1), "rgb": ("RGB", 3), "rgba": ("RGBA", 4)}

# TIFF tags.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_RANGES = ((340, 341), (280, 281))  # SMin-, SMaxSampleValue; Min-, MaxSampleValue.
_ORIENTATION = 0x0112
# Floats may exceed their range by this share, as resampled images do.
_OVERSHOOT = 0.1

ImageSource = str | os.PathLike[str] | IO[bytes]


class UnreadableImageError(ValueError):
    """An image file whose pixels cannot be used; the message is the reason."""


class RangeNeededError(ValueError):
    """An image does not state the range of its values, and none was given."""


class ValueRange(NamedTuple):
    """The values that become black and white.

    Attributes:
        low: Float that becomes 0.
        high: Float that becomes 255.
    """

    low: float
    high: float


class Values(NamedTuple):
    """The values of an image that does not state their range.

    Attributes:
        kind: `"integers"` or `"floats"`.
        low: Float, the smallest one.
        high: Float, the largest one.
    """

    kind: str
    low: float
    high: float


def likely_range(values: Values) -> ValueRange:
    """Returns the range that values with more than 8 bits most likely have.

    Integers have the smallest of 8, 10, 12, 14 and 16 bits that holds them. Floats have
    the smallest of [0, 1], [0, 255] and [0, 65535] that holds them, or [-1, 1] if some
    are negative, with a tolerance of 10 %. Other values range from the smallest to the
    largest.

    Args:
        values: `Values` of an image, or of all images of a dataset.
    """
    kind, low, high = values
    if kind == "integers":
        for bits in (8, 10, 12, 14, 16):
            if low >= 0 and high < 2**bits:
                return ValueRange(0, 2**bits - 1)
    elif low >= -_OVERSHOOT * high:
        for limit in (1, 255, 65535):
            if high <= limit * (1 + _OVERSHOOT):
                return ValueRange(0, limit)
    elif low >= -1 - _OVERSHOOT and high <= 1 + _OVERSHOOT:
        return ValueRange(-1, 1)
    return ValueRange(low, high)


def open_image(
    path: ImageSource,
    color_mode: str = "rgb",
    ranges: Mapping[str, ValueRange] | None = None,
) -> Image.Image:
    """Reads an image file, upright, with the requested channels.

    Transparent parts become white, unless alpha is kept. Animations give their first
    frame. More than 8 bits per channel are scaled to 8; of 16-bit color TIFF files,
    Pillow reads the upper 8 bits only.

    Args:
        path: Path of the file, or a file object.
        color_mode: `"rgb"`, `"grayscale"` or `"rgba"`.
        ranges: Dict from `"integers"` and `"floats"` to the `ValueRange` of images with
            more than 8 bits per channel whose files do not state it. None chooses the
            likely range of the image's own values.

    Returns:
        A Pillow image of mode RGB, L or RGBA.

    Raises:
        RangeNeededError: If `ranges` has no range for the image.
        Exception: If the file cannot be read completely. The type depends on the format
            and the damage; see `why_unreadable`.
    """
    mode, _ = COLOR_MODES[color_mode]
    with Image.open(path) as file:
        image: Image.Image = file
        deep = _deep_pixels(file)
        if deep is not None:
            image = deep.scaled(ranges)
            image.getexif()[_ORIENTATION] = file.getexif().get(_ORIENTATION, 1)
        elif file.format == "GIF":
            image = _whole_frame(file)
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data and mode != "RGBA":
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        return image.convert(mode)


def unstated_values(path: ImageSource) -> Values | None:
    """Returns the values of an image with more than 8 bits per channel.

    Args:
        path: As in `open_image`.

    Returns:
        The `Values`, or None if the image has 8 bits per channel, states the range of
        its values, or has values that are not finite.

    Raises:
        Exception: As in `open_image`.
    """
    with Image.open(path) as image:
        deep = _deep_pixels(image)
    if deep is None or deep.known_range() is not None:
        return None
    values = deep.values()
    return values if np.isfinite([values.low, values.high]).all() else None


def read_image(
    path: ImageSource,
    size: tuple[int, int],
    color_mode: str = "rgb",
    ranges: Mapping[str, ValueRange] | None = None,
) -> np.ndarray:
    """Reads an image file, center-cropped and resized with antialiasing.

    Args:
        path: As in `open_image`.
        size: Pair `(height, width)`. The image is cropped to its largest central part
            of this shape.
        color_mode: As in `open_image`.
        ranges: As in `open_image`.

    Returns:
        A uint8 array `(height, width, channels)`.

    Raises:
        Exception: As in `open_image`.
    """
    image = ImageOps.fit(
        open_image(path, color_mode, ranges),
        (size[1], size[0]),
        Image.Resampling.LANCZOS,
    )
    return np.asarray(image).reshape(*size, COLOR_MODES[color_mode][1])


def why_unreadable(error: Exception) -> str:
    """Returns why `open_image` raised an error, as a clause about files."""
    if isinstance(
        error, (Image.DecompressionBombError, Image.DecompressionBombWarning)
    ):
        return (
            "larger than PIL.Image.MAX_IMAGE_PIXELS, which you can raise for files "
            "that you trust (with the command: --max-image-pixels)"
        )
    if isinstance(error, PermissionError):
        return "without read permission"
    if isinstance(error, UnreadableImageError):
        return str(error)
    return "not readable by Pillow"


class _DeepPixels(NamedTuple):
    """Pixels with more than 8 bits per channel.

    Attributes:
        colors: Array `(height, width)` or `(height, width, 3)`.
        alpha: Array `(height, width)`, or None.
        stated: The range that the file states, or None.
        inverted: Whether low values are white.
    """

    colors: np.ndarray
    alpha: np.ndarray | None = None
    stated: ValueRange | None = None
    inverted: bool = False

    def values(self) -> Values:
        kind = "floats" if self.colors.dtype.kind == "f" else "integers"
        return Values(kind, float(self.colors.min()), float(self.colors.max()))

    def known_range(self) -> ValueRange | None:
        """Returns the range that the file states, unless its pixels contradict it."""
        _, low, high = self.values()
        if self.stated and self.stated.low <= low and high <= self.stated.high:
            return self.stated
        return None

    def scaled(self, ranges: Mapping[str, ValueRange] | None) -> Image.Image:
        """Returns the pixels as a Pillow image with 8 bits per channel."""
        values = self.values()
        if not np.isfinite([values.low, values.high]).all():
            raise UnreadableImageError("with pixels that are not finite")
        chosen = self.known_range()
        if chosen is None:
            if ranges is None:
                chosen = likely_range(values)
            elif values.kind in ranges:
                chosen = ranges[values.kind]
            else:
                raise RangeNeededError
        colors = _to_uint8(self.colors, chosen)
        if self.inverted:
            colors = 255 - colors
        if self.alpha is None:
            return Image.fromarray(colors)
        # Alpha may have the same reduced number of bits as the colors.
        full = chosen.high if self.alpha.max() <= chosen.high else 65535
        alpha = _to_uint8(self.alpha, ValueRange(0, full))
        return Image.fromarray(np.dstack([colors, alpha]))


def _to_uint8(values: np.ndarray, value_range: ValueRange) -> np.ndarray:
    low, high = value_range
    scaled = (values.astype("float32") - low) * (255.0 / max(high - low, 1e-12))
    return np.rint(scaled).clip(0, 255).astype("uint8")


def _deep_pixels(image: ImageFile.ImageFile) -> _DeepPixels | None:
    """Returns the pixels of an opened file, or None if 8 bits per channel hold them."""
    if image.format == "PNG":
        # Pillow drops the lower 8 bits of colors.
        return _deep_png(image) if str(image.tile[0][3]).endswith(";16B") else None
    tags = getattr(image, "tag_v2", {})
    bits = int(np.max(tags.get(_BITS_PER_SAMPLE, 8)))
    if image.mode == "F" or image.mode.startswith("I"):
        colors = np.asarray(image)
        if bits == 32 and int(np.max(tags.get(_SAMPLE_FORMAT, 1))) == 1 and tags:
            # Pillow reads unsigned integers as signed ones.
            colors = colors.view("uint32") if image.mode == "I" else colors
        stated = _range_in_tags(tags, bits)
        if image.format in ("JPEG2000", "PPM") and image.mode != "F":
            # Pillow scales these to 16 bits, from the bits that the file states.
            stated = ValueRange(0, 65535)
        return _DeepPixels(colors, None, stated, tags.get(_PHOTOMETRIC) == 0)
    if bits == 16 and image.mode in ("RGB", "RGBA"):
        pixels = np.asarray(image).astype("uint16") * 257
        alpha = pixels[..., 3] if image.mode == "RGBA" else None
        return _DeepPixels(pixels[..., :3], alpha, _range_in_tags(tags, bits))
    return None


def _range_in_tags(tags: dict, bits: int) -> ValueRange | None:
    """Returns the range of values that the tags of a TIFF file state, if any."""
    for smallest, largest in _RANGES:
        if largest in tags:
            low = float(np.min(tags.get(smallest, 0)))
            high = float(np.max(tags[largest]))
            return ValueRange(low, high) if high > low else None
    return None if bits in (8, 16, 32, 64) else ValueRange(0, 2**bits - 1)


def _deep_png(image: ImageFile.ImageFile) -> _DeepPixels:
    """Returns the pixels of a PNG file with 16 bits per channel."""
    assert image.fp is not None  # The file is open.
    position = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(position)
    pixels = tf.io.decode_png(data, channels=4, dtype=tf.uint16).numpy()
    colors, alpha = pixels[..., :3], pixels[..., 3]
    stated = None
    for name, content in _png_chunks(data):
        if name == b"sBIT":
            bits = max(content[: 1 if len(content) < 3 else 3])
            # Encoders have to scale values up to 16 bits. Those that do not leave
            # small values whose lower bits are in use.
            unscaled = colors.max() < 2**bits and (colors % 2 ** (16 - bits)).any()
            stated = ValueRange(0, 2**bits - 1 if unscaled else 65535)
    return _DeepPixels(colors, None if (alpha == 65535).all() else alpha, stated)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the name and content of each chunk of a PNG file up to its pixels."""
    position, name = 8, b""
    while position + 8 <= len(data) and name != b"IDAT":
        length, name = struct.unpack(">I4s", data[position : position + 8])
        yield name, data[position + 8 : position + 8 + length]
        position += length + 12


def _whole_frame(image: ImageFile.ImageFile) -> Image.Image:
    """Returns the first frame of a GIF, transparent where it covers nothing."""
    box = image.tile[0][1]
    if box == (0, 0, *image.size):
        return image
    whole = Image.new("RGBA", image.size)
    whole.paste(image.convert("RGBA").crop(box), box)
    return whole
