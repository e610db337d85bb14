"""Reads images for metrics from arrays and datasets."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.data.batches import check_image_batches

Images: TypeAlias = "np.ndarray | tf.data.Dataset"


def image_array(name: str, images: Images, n: int | None = None) -> np.ndarray:
    """Returns the first images of an array or a dataset as one array.

    Args:
        name: Name of the argument, for error messages.
        images: Float array of shape `(n, height, width, channels)` in [-1, 1], or a
            `tf.data.Dataset` of batches of that shape.
        n: Number of images to return; all by default.

    Returns:
        A float32 array of shape `(n, height, width, channels)`.

    Raises:
        ValueError: If `images` is something else, has values outside [-1, 1], or has
            fewer than `n` images.
    """
    if n is not None:
        check_positive(n=n)
    batches: list[np.ndarray] = []
    for batch in batches_of(name, images):
        batches.append(np.asarray(batch, "float32"))
        if n is not None and sum(map(len, batches)) >= n:
            break
    array = np.concatenate(batches)[:n] if batches else np.zeros((0, 0, 0, 0))
    if not len(array) or (n is not None and len(array) < n):
        raise ValueError(f"{name} has {len(array)} images; expected at least {n or 1}.")
    check_range(name, array)
    return array


def batches_of(name: str, images: Images) -> Iterable[np.ndarray | tf.Tensor]:
    """Returns the batches of a dataset, or an array as a single batch.

    Args:
        name: Name of the argument, for error messages.
        images: As in `image_array`.

    Raises:
        ValueError: If `images` is neither, or is an infinite dataset.
    """
    if isinstance(images, tf.data.Dataset):
        if images.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(f"{name} is infinite; expected a dataset without repeat.")
        check_image_batches(name, images)
        return images
    if np.ndim(images) != 4:
        raise ValueError(
            f"{name} has shape {np.shape(images)}; expected (n, height, width, "
            "channels)."
        )
    return [images]


def check_range(name: str, array: np.ndarray) -> None:
    """Raises a ValueError if images have values outside [-1, 1] or NaN."""
    low, high = float(array.min()), float(array.max())
    tolerance = 1e-3
    # Negated, so that NaN raises the error too.
    if not (low >= -1 - tolerance and high <= 1 + tolerance):
        raise ValueError(
            f"{name} has values from {low:.3g} to {high:.3g}; expected images in "
            "[-1, 1]."
        )
