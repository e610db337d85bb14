"""Checks of the first batches of the training data."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan.images import VALUE_RANGES
from kerasgan.inspection import shapes_meet

# Images of the first batches that the checks look at.
CHECKED_IMAGES = 64


def first_batches(x, y=None):
    """Looks at the first images of whatever `fit` takes, without consuming it.

    Args:
        x: What is given to `fit`: a `tf.data.Dataset`, arrays, or a
            `keras.utils.Sequence`.
        y: The targets given to `fit`.

    Returns:
        A list of batches as the training step will get them; empty for an
        iterator, which could not give back what was looked at.

    Raises:
        ValueError: If a dataset is empty.
    """
    if isinstance(x, tf.data.Dataset):
        batches = []
        for batch in x.take(CHECKED_IMAGES):
            batches.append(tf.nest.map_structure(np.asarray, batch))
            if sum(len(tf.nest.flatten(b)[0]) for b in batches) >= CHECKED_IMAGES:
                break
        if not batches:
            raise ValueError("data yields no batch; expected at least one.")
        return batches
    if isinstance(x, (np.ndarray, tf.Tensor)):
        parts = (x,) if y is None else (x, y)
        return [tuple(np.asarray(part[:CHECKED_IMAGES]) for part in parts)]
    if isinstance(x, keras.utils.Sequence):
        return [x[0]]
    return []


def check_images(batches, role, images_of, shape, activation):
    """Raises a ValueError for images that a network cannot be trained on.

    Args:
        batches: What `first_batches` returned.
        role: What the images are, for the message: `"data"`, `"target"`.
        images_of: Function from a batch to its images, `(n, ...)`.
        shape: The shape the discriminator takes, without the batch.
        activation: Name of the generator's last activation.
    """
    images = [np.asarray(images_of(batch)) for batch in batches]
    if not images:
        return
    got = images[0].shape[1:]
    if not shapes_meet(got, shape):
        raise ValueError(
            f"{role} has images of shape {got}, but discriminator takes {shape}; "
            "expected the same shape."
        )
    for batch in images:
        wrong = batch.size - np.count_nonzero(np.isfinite(batch))
        if wrong:
            raise ValueError(
                f"{role} has {wrong} values in its first batches that are not finite; "
                "expected numbers."
            )
    if activation not in VALUE_RANGES:
        return
    low, high = VALUE_RANGES[activation]
    least = float(min(batch.min() for batch in images))
    most = float(max(batch.max() for batch in images))
    slack = 1e-3
    # A tanh generator with images that never fall below 0 has been given [0, 1].
    if least < low - slack or most > high + slack or (low < 0 and least >= 0):
        mend = ""
        if low < 0:
            mend = f": map them with {'x / 127.5 - 1' if most > 2 else '2 * x - 1'}"
        raise ValueError(
            f"{role} has values from {least:.3g} to {most:.3g}, but generator ends "
            f"in {activation}; expected values in [{low:g}, {high:g}]{mend}."
        )
