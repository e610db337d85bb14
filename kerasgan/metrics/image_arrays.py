"""Images to measure on, from whatever holds them."""

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.data.batches import check_image_batches


def image_array(name, images, n=None):
    """Returns the first images of an array or a data set as one array.

    Args:
        name: Name of the argument, for messages.
        images: Float array `(n, height, width, channels)` in [-1, 1], or a
            `tf.data.Dataset` of batches of them.
        n: Int, how many; all of them by default.

    Returns:
        A NumPy float32 array `(n, height, width, channels)`.

    Raises:
        ValueError: If `images` is no such thing, holds values outside [-1, 1], or
            fewer than `n` images.
    """
    if n is not None:
        check_positive(n=n)
    batches = []
    for batch in batches_of(name, images):
        batches.append(np.asarray(batch, "float32"))
        if n is not None and sum(map(len, batches)) >= n:
            break
    array = np.concatenate(batches)[:n] if batches else np.zeros((0, 0, 0, 0))
    if not len(array) or (n is not None and len(array) < n):
        raise ValueError(f"{name} has {len(array)} images; expected at least {n or 1}.")
    check_range(name, array)
    return array


def batches_of(name, images):
    """Returns batches of images: those of a data set, or an array as the only one.

    Raises:
        ValueError: If they are not images, or a data set never ends.
    """
    if isinstance(images, tf.data.Dataset):
        if images.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(f"{name} never ends; expected a data set without repeat.")
        check_image_batches(name, images)
        return images
    if np.ndim(images) != 4:
        raise ValueError(
            f"{name} has shape {np.shape(images)}; expected (n, height, width, "
            "channels)."
        )
    return [images]


def check_range(name, array):
    """Raises a ValueError for images that are not in [-1, 1]."""
    least, most = float(array.min()), float(array.max())
    slack = 1e-3
    # Written so that values that are not numbers do not pass.
    if not (least >= -1 - slack and most <= 1 + slack):
        raise ValueError(
            f"{name} has values from {least:.3g} to {most:.3g}; expected images in "
            "[-1, 1]."
        )
