"""Images of any size through a network that takes some sizes, in bounded memory."""

import itertools
import weakref

import numpy as np
import tensorflow as tf

# What sides may have to be divisible by.
DIVISORS = [2**i for i in range(10)]
# Networks that pad by reflection themselves need something to reflect.
LEAST_SIDE = 8
# What was found out about networks that are still there.
_divisors = weakref.WeakKeyDictionary()


def divisor(network):
    """Returns the power of two that a network needs sides to be divisible by.

    Args:
        network: A Keras model from images to images.

    Returns:
        Int: the smallest power of two of which all multiples, as sides, keep the
        size of images; None if none up to 512 does.
    """
    if network not in _divisors:
        channels = network.inputs[0].shape[-1]
        # Three times a power of two is no multiple of the next.
        _divisors[network] = next(
            (d for d in DIVISORS if keeps_size(network, (2 * d, 3 * d, channels))), None
        )
    return _divisors[network]


def keeps_size(network, image_shape):
    """Whether a network makes images as large as those it takes.

    Args:
        network: A Keras model from images to images, of whatever size.
        image_shape: `(height, width, channels)` of the images.
    """
    # Traced, which computes nothing: layers themselves do not know what they refuse.
    call = tf.function(lambda images: network.call(images, training=False))
    try:
        traced = call.get_concrete_function(tf.TensorSpec((1, *image_shape)))
    except ValueError:
        return False
    return tuple(traced.output_shapes[1:3]) == tuple(image_shape)[:2]


def translate_images(network, images, tile_size, overlap):
    """Sends images of one size through a network, whatever that size is.

    Images are extended by their reflection to sides that the network divides, and
    what comes out is cropped to the size they had. Images larger than a tile are cut
    into tiles that overlap, each is sent alone, and where they overlap the one fades
    into the other. At no time are more pixels in the network than a tile has, unless
    images have the size that it was built for, which is never cut.

    Normalization sees a tile as an image of its own, so tiles may differ a little
    from what the whole image would become.

    Args:
        network: A Keras model from images to images.
        images: Float array `(n, height, width, channels)`.
        tile_size: Int, height and width of a tile in pixels.
        overlap: Int, pixels that neighbouring tiles have in common at least; no more
            than half a tile.

    Returns:
        A NumPy float32 array `(n, height, width, channels)`.

    Raises:
        ValueError: If the network takes no size but its own.
    """
    height, width = images.shape[1:3]
    if tuple(network.inputs[0].shape[1:3]) == (height, width):
        # What it was built for: nothing to ask, to add or to cut.
        return _batched(network, images, tile_size)
    step = divisor(network)
    if step is None:
        raise ValueError(
            f"generator {network.name!r} does not keep the size of images of {height}x"
            f"{width} pixels; expected {tuple(network.inputs[0].shape[1:3])}, or a "
            "network that halves and doubles whatever it gets."
        )
    padded, (top, left) = _pad(images, step)
    # A tile is what the network takes, too.
    tile = max(tile_size // step * step, _fitting(LEAST_SIDE, step))
    if max(padded.shape[1:3]) <= tile:
        made = _batched(network, padded, tile)
    else:
        overlap = min(overlap, tile // 2)
        made = np.stack([_tiled(network, image, tile, overlap) for image in padded])
    return made[:, top : top + height, left : left + width]


def _pad(images, step):
    """Extends images by reflection to multiples of `step`; returns also the offset."""
    missing = [
        _fitting(max(side, LEAST_SIDE), step) - side for side in images.shape[1:3]
    ]
    before = [side // 2 for side in missing]
    after = [side - first for side, first in zip(missing, before, strict=True)]
    widths = [(0, 0), *zip(before, after, strict=True), (0, 0)]
    return np.pad(images, widths, mode="reflect"), before


def _fitting(side, step):
    """Returns the multiple of `step` that is not below a side."""
    return side + -side % step


def _run(network, images):
    # Past `__call__`, which holds images to the size the network was built for.
    made = network.call(tf.convert_to_tensor(images), training=False)
    return np.asarray(made, "float32")


def _batched(network, images, tile):
    """Sends images through the network, at once no more than a tile has pixels."""
    n, height, width, _ = images.shape
    size = max(1, tile * tile // (height * width))
    return np.concatenate(
        [_run(network, images[i : i + size]) for i in range(0, n, size)]
    )


def _tiled(network, image, tile, overlap):
    """Sends one large image through the network in overlapping tiles."""
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


def _starts(whole, tile, overlap):
    """Returns where tiles start on a side, evenly spread, the last one at its end."""
    if whole <= tile:
        return [0]
    count = 1 + -(-(whole - tile) // max(tile - overlap, 1))
    return [round(i * (whole - tile) / (count - 1)) for i in range(count)]


def _fade(tile, overlap):
    """Returns the weights of a tile's pixels along a side, falling to both ends."""
    ramp = np.arange(1, tile + 1, dtype="float32") / (overlap + 1)
    return np.minimum(1.0, np.minimum(ramp, ramp[::-1]))
