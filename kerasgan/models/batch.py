"""One batch of a training step."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Batch(NamedTuple):
    """What one generator and one discriminator take in a training step.

    Attributes:
        inputs: Inputs of the generator: latents, or images to translate.
        real: Real images, float tensor `(n, height, width, channels)`.
        condition: Second input of the discriminator for each image, or None.
    """

    inputs: tf.Tensor
    real: tf.Tensor
    condition: tf.Tensor | None = None


def unpack(data: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Returns both parts of what `fit` yields; the second is None for images alone."""
    x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
    return x, y


def split(batch: Batch, parts: int) -> list[Batch]:
    """Splits a batch into parts of equal size.

    Images that do not divide evenly are left out. If there are fewer images than parts,
    images repeat.

    Args:
        batch: A batch of `n` images.
        parts: Number of parts.

    Returns:
        A list of batches of `max(n // parts, 1)` images.
    """
    if parts == 1:
        return [batch]
    n = tf.shape(batch.real)[0]
    size = tf.maximum(n // parts, 1)
    rows = [(part * size + tf.range(size)) % n for part in range(parts)]
    return [
        Batch(*(None if t is None else tf.gather(t, own) for t in batch))
        for own in rows
    ]
