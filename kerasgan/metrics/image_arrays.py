"""Reads images for metrics from arrays and datasets."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.data.batches import check_image_batches

Images: TypeAlias = "np.ndarray | tf.data.Dataset"


def image_array(
    name: str,
    images: Images,
    n: int | None = None,
    value_range: tuple[float, float] | None = (-1.0, 1.0),
) -> np.ndarray:
    """Returns the first images of an array or a dataset as one array.

    Args:
        name: Name of the argument, for error messages.
        images: Float array of shape `(n, height, width, channels)`, or a
            `tf.data.Dataset` of batches of that shape.
        n: Number of images to return; all by default.
        value_range: Pair of floats that the values must lie between, or None to
            accept any values.

    Returns:
        A float32 array of shape `(n, height, width, channels)`.

    Raises:
        ValueError: If `images` is something else, has values outside `value_range`, or
            has fewer than `n` images.
    """
    if n is not None:
        check_positive(n=n)
    batches: list[np.ndarray] = []
    for batch in batches_of(name, images):
        batches.append(np.asarray(batch[:n], "float32"))
        if n is not None and sum(map(len, batches)) >= n:
            break
    array = np.concatenate(batches)[:n] if batches else np.zeros((0, 0, 0, 0))
    if not len(array) or (n is not None and len(array) < n):
        raise ValueError(f"{name} has {len(array)} images; expected at least {n or 1}.")
    if value_range is not None:
        check_range(name, array, value_range)
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


def check_range(
    name: str, array: np.ndarray, value_range: tuple[float, float] = (-1.0, 1.0)
) -> None:
    """Raises a ValueError if images have NaN or values outside `value_range`."""
    low, high = float(array.min()), float(array.max())
    least, most = value_range
    tolerance = 0.0005 * (most - least)
    # Negated, so that NaN raises the error too.
    if not (low >= least - tolerance and high <= most + tolerance):
        raise ValueError(
            f"{name} has values from {low:.3g} to {high:.3g}; expected images in "
            f"[{least:g}, {most:g}]."
        )
