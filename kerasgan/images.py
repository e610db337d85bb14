"""Value ranges, conversion to uint8, grids, and PNG and GIF files."""

import io
import itertools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from kerasgan.files import atomic_write

# Range of a generator's images by the name of its output activation.
VALUE_RANGES = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
# Pixels that go through a network at once where no batch size is given: 64 images of
# 64x64 pixels. Memory then does not grow with the size of the images.
PIXELS_AT_ONCE = 64 * 64 * 64
# Pixels in a frame of a GIF. Larger frames make files that viewers struggle with, and
# Pillow keeps all frames in memory until it writes them.
MAX_FRAME_PIXELS = 1024 * 1024
# Numbers of channels that a PNG file can have.
PNG_CHANNELS = (1, 3, 4)


def to_uint8(
    images: npt.ArrayLike, value_range: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """Converts float images to uint8 in [0, 255], rounding to the nearest integer.

    Args:
        images: Float array or tensor of any shape. Values outside `value_range` are
            clipped.
        value_range: Pair of floats that map to 0 and 255.

    Returns:
        A NumPy uint8 array of the same shape.

    Example:

    >>> to_uint8([-1.0, 0.0, 1.0])
    array([  0, 128, 255], dtype=uint8)
    """
    low, high = value_range
    pixels = (np.asarray(images, "float32") - low) * (255.0 / (high - low))
    return np.rint(np.clip(pixels, 0.0, 255.0)).astype("uint8")


def from_uint8(
    images: npt.ArrayLike, value_range: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """Converts uint8 images in [0, 255] to floats; the inverse of `to_uint8`.

    Args:
        images: uint8 array of any shape.
        value_range: Pair of floats that 0 and 255 map to.

    Returns:
        A NumPy float32 array of the same shape.
    """
    low, high = value_range
    return np.asarray(images, "float32") * np.float32((high - low) / 255.0) + low


def images_at_once(height: int | None, width: int | None, most: int = 64) -> int:
    """Returns the number of images to send through a network in one call.

    Args:
        height: Height of the images in pixels, or None if it is not known.
        width: Width of the images in pixels, or None.
        most: Upper limit.

    Returns:
        An int from 1 to `most`: 64 for images of 64x64 pixels, 4 for 256x256, and 1 if
        the size is not known.
    """
    if height is None or width is None:
        return 1
    return max(1, min(most, PIXELS_AT_ONCE // (height * width)))


def grid(images: npt.ArrayLike, columns: int | None = None) -> np.ndarray:
    """Arranges a batch of images in one image, row by row.

    Args:
        images: uint8 array `(n, height, width, channels)`.
        columns: Number of images in a row. Defaults to the square root of `n`, rounded
            up.

    Returns:
        A uint8 array `(rows * height, columns * width, channels)`. Unused cells in the
        last row are black.

    Raises:
        ValueError: If `images` is not a batch of at least one image.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"images has shape {images.shape}; expected (n, height, width, channels) "
            "with n at least 1."
        )
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    cells = np.zeros((rows * columns, height, width, channels), images.dtype)
    cells[:n] = images
    cells = cells.reshape(rows, columns, height, width, channels)
    return cells.transpose(0, 2, 1, 3, 4).reshape(
        rows * height, columns * width, channels
    )


def check_channels(
    name: str, channels: Sequence[int] | None, count: int | None = None
) -> None:
    """Raises a ValueError if `channels` cannot be shown as gray or RGB.

    Args:
        name: Name of the argument, for the message.
        channels: One or three channel indices, or None.
        count: Number of channels of the images, or None if it is not known yet.
    """
    if channels is None:
        return
    indices = list(channels) if isinstance(channels, Iterable) else []
    whole = all(isinstance(index, (int, np.integer)) for index in indices)
    if len(indices) not in (1, 3) or not whole or min(indices) < 0:
        raise ValueError(
            f"{name} is {channels!r}; expected the indices of one channel (gray) or of "
            "three (red, green, blue)."
        )
    if count is not None and max(indices) >= count:
        raise ValueError(
            f"{name} is {channels!r}, but the images have {count} channels; expected "
            f"indices from 0 to {count - 1}."
        )


def visible_channels(
    images: np.ndarray, channels: Sequence[int] | None = None
) -> np.ndarray:
    """Returns the channels of images that a PNG or GIF file shows.

    Args:
        images: Array `(..., channels)` with any number of channels.
        channels: Indices of one channel to show as gray, or of three to show as red,
            green and blue. By default, images of 1, 3 and 4 channels are gray, RGB and
            RGBA; of 2 channels the first one is shown as gray, and of 5 or more the
            first three are shown as RGB.

    Returns:
        An array `(..., 1)`, `(..., 3)` or `(..., 4)`.
    """
    if channels is not None:
        return images[..., list(channels)]
    count = images.shape[-1]
    return images[..., : {2: 1, 4: 4}.get(count, 3)]


def to_pil(image: npt.ArrayLike) -> Image.Image:
    """Converts a uint8 array `(height, width, channels)` to a Pillow image.

    Of images that are neither gray, RGB nor RGBA, it shows `visible_channels`.
    """
    image = visible_channels(np.asarray(image))
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def write_png(
    path: str | os.PathLike[str],
    image: npt.ArrayLike,
    text: Mapping[str, str] | None = None,
) -> None:
    """Writes one image as a PNG file, completely or not at all.

    Args:
        path: Path of the file. Missing folders are created.
        image: uint8 array `(height, width, channels)`. Of images that are neither
            gray, RGB nor RGBA, the file shows `visible_channels`.
        text: Text entries to store in the file, by keyword.
    """
    entries = PngImagePlugin.PngInfo()
    for keyword, value in (text or {}).items():
        entries.add_text(keyword, value)
    buffer = io.BytesIO()
    to_pil(image).save(buffer, "PNG", pnginfo=entries)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def read_png(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads a PNG file as a uint8 array `(height, width, channels)`.

    Unlike `PIL.Image.open`, it does not limit the number of pixels: read only files
    that you trust.
    """
    with PngImagePlugin.PngImageFile(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def read_png_text(path: str | os.PathLike[str]) -> dict[str, str]:
    """Returns the text entries of a PNG file without decoding its pixels.

    Returns:
        A dict from keywords to texts, empty if the file is not a readable PNG.
    """
    try:
        with PngImagePlugin.PngImageFile(path) as image:
            return {str(k): v for k, v in image.info.items() if isinstance(v, str)}
    # Pillow raises a SyntaxError for a file that is not a PNG.
    except (OSError, SyntaxError):
        return {}


def write_gif(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    seconds: float = 0.2,
    hold: float = 2.0,
) -> None:
    """Writes an endlessly looping GIF, completely or not at all.

    Frames of more than 1024 * 1024 pixels are scaled down to that number.

    Args:
        path: Path of the file. Missing folders are created.
        frames: uint8 arrays `(height, width, channels)` of one shape. An iterator is
            read one frame at a time.
        seconds: Display time of each frame but the last, in seconds.
        hold: Display time of the last frame, in seconds.

    Raises:
        ValueError: If `frames` is empty.
    """
    pictures = _gif_frames(frames, round(1000 * seconds), round(1000 * hold))
    first = next(pictures, None)
    if first is None:
        raise ValueError("frames is empty; expected at least one image.")
    with atomic_write(path) as file:
        first.save(file, "GIF", save_all=True, append_images=pictures, loop=0)


def _gif_frames(
    frames: Iterable[np.ndarray], milliseconds: int, hold: int
) -> Iterator[Image.Image]:
    """Yields frames with a palette and a display time of their own.

    One palette for all frames shows banding as soon as the colors change.
    """
    marked = itertools.chain(frames, [None])
    frame = next(marked)
    while frame is not None:
        picture = _scaled_down(to_pil(frame).convert("RGB")).quantize(256)
        frame = next(marked)
        picture.info["duration"] = hold if frame is None else milliseconds
        yield picture


def _scaled_down(picture: Image.Image) -> Image.Image:
    scale = math.sqrt(MAX_FRAME_PIXELS / (picture.width * picture.height))
    if scale >= 1.0:
        return picture
    width, height = (max(1, int(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
