"""Value range, uint8 conversion, grids, PNG and GIF files."""

import io
import math

import numpy as np
from PIL import Image

from kerasgan.files import atomic_write

# What the output activation of a generator says about its images.
VALUE_RANGES = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}


def to_uint8(images, value_range=(-1.0, 1.0)):
    """Turns float images into uint8 in [0, 255], rounding to the nearest.

    Args:
        images: Float array or tensor of any shape; what lies outside
            `value_range` is clipped.
        value_range: Pair of floats that become 0 and 255.

    Returns:
        A NumPy uint8 array of the same shape.
    """
    low, high = value_range
    images = (np.asarray(images, "float32") - low) * (255.0 / (high - low))
    return np.rint(np.clip(images, 0.0, 255.0)).astype("uint8")


def from_uint8(images, value_range=(-1.0, 1.0)):
    """Turns uint8 images in [0, 255] into floats, as `to_uint8` would turn them back.

    Args:
        images: uint8 array of any shape.
        value_range: Pair of floats that 0 and 255 become.

    Returns:
        A NumPy float32 array of the same shape.
    """
    low, high = value_range
    return np.asarray(images, "float32") * np.float32((high - low) / 255.0) + low


def grid(images, columns=None):
    """Lays a batch of images out as one image, row by row.

    Args:
        images: uint8 array `(n, height, width, channels)`.
        columns: Images a row; by default the square root of `n`, rounded up.

    Returns:
        A uint8 array `(rows * height, columns * width, channels)`; places left
        over in the last row are black.

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
    sheet = np.zeros((rows * columns, height, width, channels), images.dtype)
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, height, width, channels)
    return sheet.transpose(0, 2, 1, 3, 4).reshape(
        rows * height, columns * width, channels
    )


def to_pil(image):
    """Turns a uint8 array `(height, width, 1, 3 or 4)` into a Pillow image."""
    image = np.asarray(image)
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def write_png(path, image):
    """Writes one image as a PNG file, whole or not at all.

    Args:
        path: Path of the file; its folder is made if it is missing.
        image: uint8 array `(height, width, channels)` with 1, 3 or 4 channels.
    """
    buffer = io.BytesIO()
    to_pil(image).save(buffer, "PNG")
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def read_png(path):
    """Reads a PNG file as a uint8 array `(height, width, channels)`."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def write_gif(path, frames, seconds=0.2, hold=2.0):
    """Writes an endlessly looping GIF, whole or not at all.

    Args:
        path: Path of the file; its folder is made if it is missing.
        frames: List of uint8 arrays `(height, width, channels)` of one shape.
        seconds: Time each frame is shown.
        hold: Time the last frame is shown.

    Raises:
        ValueError: If there are no frames.
    """
    if not len(frames):
        raise ValueError("frames is empty; expected at least one image.")
    # A palette of its own for every frame: one for all shows banding as soon as
    # the colours change, which is what an evolution is about.
    pictures = [to_pil(frame).convert("RGB").quantize(256) for frame in frames]
    durations = [round(1000 * seconds)] * (len(pictures) - 1) + [round(1000 * hold)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
    )
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
