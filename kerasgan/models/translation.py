"""Translation of images of any size with bounded memory."""

import itertools
import weakref
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasgan.images import from_uint8, to_uint8
from kerasgan.inspection import input_shape
from kerasgan.models.value_range import ValueRange

# Powers of two that may have to divide the height and width of images.
DIVISORS = [2**i for i in range(10)]
# Networks that reflect-pad need something to reflect.
LEAST_SIDE = 8
# Results of `divisor` for networks that still exist.
_divisors: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def divisor(network: keras.Model) -> int | None:
    """Returns the power of two that must divide the image size.

    Args:
        network: A Keras model from images to images.

    Returns:
        The smallest power of two such that the network keeps the size of images whose
        sides are multiples of it, or None if no power up to 512 does.
    """
    if network not in _divisors:
        channels = network.inputs[0].shape[-1]
        # Three times a power of two is not a multiple of the next power.
        _divisors[network] = next(
            (d for d in DIVISORS if keeps_size(network, (2 * d, 3 * d, channels))), None
        )
    return _divisors[network]


def keeps_size(network: keras.Model, image_shape: tuple[int, ...]) -> bool:
    """Returns whether a network's output has the height and width of its input.

    Args:
        network: A Keras model from images to images.
        image_shape: `(height, width, channels)` of the images.
    """
    # Tracing computes nothing. Layers cannot say which sizes they reject.
    call = tf.function(lambda images: network.call(images, training=False))
    try:
        traced = call.get_concrete_function(tf.TensorSpec((1, *image_shape)))
    except ValueError:
        return False
    return tuple(traced.output_shapes[1:3]) == tuple(image_shape)[:2]


def translate(
    network: keras.Model,
    images: np.ndarray,
    ranges: Callable[[], tuple[ValueRange, ValueRange]],
    tile_size: int,
    overlap: int,
) -> np.ndarray:
    """Translates one image or a batch, float or uint8; see `CycleGAN.translate`.

    Args:
        network: A Keras model from images to images.
        images: uint8 or float array `(n, height, width, channels)`, or one image.
        ranges: Function that returns the value ranges of source and target, needed for
            uint8 only.
        tile_size: Int, height and width of a tile in pixels.
        overlap: Int, pixels that neighboring tiles share.

    Raises:
        ValueError: If `images` has an unsupported shape or type.
    """
    channels = input_shape("generator", network)[-1]
    if images.ndim not in (3, 4) or images.shape[-1] != channels or not images.size:
        raise ValueError(
            f"images has shape {images.shape}; expected (n, height, width, "
            f"{channels}), or one image without n."
        )
    pixels = images.dtype == np.uint8
    if not pixels and not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"images has dtype {images.dtype}; expected floats, or uint8 pixels."
        )
    batch = images if images.ndim == 4 else images[None]
    if pixels:
        source, target = ranges()
        batch = from_uint8(batch, source)
    made = translate_images(network, batch.astype("float32"), tile_size, overlap)
    if pixels:
        made = to_uint8(made, target)
    return made if images.ndim == 4 else made[0]


def translate_images(
    network: keras.Model, images: np.ndarray, tile_size: int, overlap: int
) -> np.ndarray:
    """Translates a batch of images of one size, whatever that size is.

    Images are reflect-padded to a size the network accepts, then cropped back. Images
    larger than a tile are split into overlapping tiles that are translated one by one
    and blended. The network never holds more pixels than a tile, unless images have the
    network's fixed size, which is never split.

    Normalization treats a tile as an image, so tiles may differ a little from the
    translation of the whole image.

    Args:
        network: A Keras model from images to images.
        images: Float array `(n, height, width, channels)`.
        tile_size: Int, height and width of a tile in pixels.
        overlap: Int, pixels that neighboring tiles share; at most half a tile.

    Returns:
        A NumPy float32 array `(n, height, width, channels)`.

    Raises:
        ValueError: If the network has a fixed size.
    """
    height, width = images.shape[1:3]
    if tuple(network.inputs[0].shape[1:3]) == (height, width):
        # The network's own size needs no padding.
        return _batched(network, images, tile_size)
    step = divisor(network)
    if step is None:
        raise ValueError(
            f"generator {network.name!r} does not keep the size of images of {height}x"
            f"{width} pixels; expected {tuple(network.inputs[0].shape[1:3])}, or a "
            "network that accepts and returns images of any size."
        )
    padded, (top, left) = _pad(images, step)
    # The network must accept a tile, too.
    tile = max(tile_size // step * step, _fitting(LEAST_SIDE, step))
    if max(padded.shape[1:3]) <= tile:
        made = _batched(network, padded, tile)
    else:
        overlap = min(overlap, tile // 2)
        made = np.stack([_tiled(network, image, tile, overlap) for image in padded])
    return made[:, top : top + height, left : left + width]


def _pad(images: np.ndarray, step: int) -> tuple[np.ndarray, list[int]]:
    """Reflect-pads images to multiples of `step`; also returns the offsets."""
    missing = [
        _fitting(max(side, LEAST_SIDE), step) - side for side in images.shape[1:3]
    ]
    before = [side // 2 for side in missing]
    after = [side - first for side, first in zip(missing, before, strict=True)]
    widths = [(0, 0), *zip(before, after, strict=True), (0, 0)]
    return np.pad(images, widths, mode="reflect"), before


def _fitting(side: int, step: int) -> int:
    """Returns the smallest multiple of `step` that is at least a side."""
    return side + -side % step


def _run(network: keras.Model, images: np.ndarray) -> np.ndarray:
    # Not `__call__`, which rejects sizes other than the network's.
    made = network.call(tf.convert_to_tensor(images), training=False)
    return np.asarray(made, "float32")


def _batched(network: keras.Model, images: np.ndarray, tile: int) -> np.ndarray:
    """Translates images in batches with at most the pixels of a tile."""
    n, height, width, _ = images.shape
    size = max(1, tile * tile // (height * width))
    return np.concatenate(
        [_run(network, images[i : i + size]) for i in range(0, n, size)]
    )


def _tiled(
    network: keras.Model, image: np.ndarray, tile: int, overlap: int
) -> np.ndarray:
    """Translates one large image in overlapping tiles."""
    sides = [min(tile, side) for side in image.shape[:2]]
    fades = [_fade(side, overlap) for side in sides]
    window = fades[0][:, None, None] * fades[1][None, :, None]
    total = np.zeros((*image.shape[:2], network.outputs[0].shape[-1]), "float32")
    weight = np.zeros((*image.shape[:2], 1), "float32")
    for top, left in itertools.product(
        *(
            _starts(whole, side, overlap)
            for whole, side in zip(image.shape[:2], sides, strict=True)
        )
    ):
        here = np.s_[top : top + sides[0], left : left + sides[1]]
        total[here] += _run(network, image[here][None])[0] * window
        weight[here] += window
    return total / weight


def _starts(whole: int, tile: int, overlap: int) -> list[int]:
    """Returns where tiles start along a side, evenly spaced."""
    if whole <= tile:
        return [0]
    count = 1 + -(-(whole - tile) // max(tile - overlap, 1))
    return [round(i * (whole - tile) / (count - 1)) for i in range(count)]


def _fade(tile: int, overlap: int) -> np.ndarray:
    """Returns the weights of a tile's pixels along a side, lower at both ends."""
    ramp = np.arange(1, tile + 1, dtype="float32") / (overlap + 1)
    return np.minimum(1.0, np.minimum(ramp, ramp[::-1]))
