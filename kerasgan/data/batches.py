"""Batches for `fit` from arrays of decoded images."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.ordering import indexed_batches


def image_batches(
    images: np.ndarray,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
    source: str,
) -> tf.data.Dataset:
    """Returns batches of float images in [-1, 1].

    Args:
        images: uint8 array `(n, height, width, channels)`, usually a memory map.
        batch_size: Int, images per batch. With `shuffle`, every batch is full and
            the images left over are not used in that epoch. Without, the last batch
            may be smaller.
        shuffle: Whether each epoch has a different order, over all images.
        seed: Int, random seed for shuffling. If None, a random seed is chosen.
        source: Description of the images, for error messages.

    Returns:
        A prefetched `tf.data.Dataset` of float32 `(batch, height, width, channels)`
        with a known cardinality. Training can start it at any batch; see
        `kerasgan.ordering.startable`.

    Raises:
        ValueError: If `batch_size` is not a positive integer, or if there are not
            enough images for one batch.
    """
    check_positive(batch_size=batch_size)
    n = len(images)
    if n < (batch_size if shuffle else 1):
        raise ValueError(
            f"batch_size is {batch_size}, but {source} has {n} images; expected at "
            "least one batch."
        )

    def read(rows: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(images.__getitem__, [rows], tf.uint8)
        pixels = tf.ensure_shape(pixels, (rows.shape[0], *images.shape[1:]))
        return tf.cast(pixels, tf.float32) / 127.5 - 1.0

    return indexed_batches(
        read, n, batch_size, shuffle=shuffle, seed=seed, drop_remainder=shuffle
    )


def second_seed(seed: int | None) -> int | None:
    """Returns the seed of the second of two domains.

    With the seed of the first, a domain of the same length would have the same order in
    each epoch.

    Args:
        seed: Int, the seed of the first domain, or None, which is returned.
    """
    return None if seed is None else seed + 1


def check_image_batches(name: str, dataset: Any) -> None:
    """Raises a ValueError if an argument is not a dataset of image batches.

    Args:
        name: Name of the argument, for the message.
        dataset: The value to check. Expected is a `tf.data.Dataset` of single tensors
            `(batch, height, width, channels)`.

    Raises:
        ValueError: If it is anything else.
    """
    if not isinstance(dataset, tf.data.Dataset):
        came = f"of type {type(dataset).__name__}"
    else:
        spec = dataset.element_spec
        if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4:
            return
        came = f"a dataset of {spec}"
    raise ValueError(
        f"{name} is {came}; expected a tf.data.Dataset of image batches (batch, "
        "height, width, channels)."
    )
