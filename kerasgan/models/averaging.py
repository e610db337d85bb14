"""An exponential moving average of a network's weights, held by a copy of it."""

from collections.abc import Callable

import keras
import tensorflow as tf


def averaged_copy(
    network: keras.Model,
) -> tuple[keras.Model, Callable[[tf.Variable, float], None]]:
    """Copies a network and returns a function that updates the copy to the average.

    Args:
        network: A built Keras model.

    Returns:
        The copy, with the same weights and not trainable, and a function
        `update(step, decay)`. Call it after update number `step` of the network,
        counted from 0. It moves each weight of the copy to
        `d * average + (1 - d) * weight`, where `d` is the smaller of `decay` and
        `(1 + step) / (10 + step)`: the average follows quickly early in training, so
        that short runs have something to show. The statistics of batch normalization
        are averaged in the same way.

    Raises:
        ValueError: If Keras cannot clone the model.
    """
    try:
        copy = keras.models.clone_model(network)
    except Exception as error:
        # A layer's constructor may raise anything.
        reason = (str(error).splitlines() or [""])[0]
        raise ValueError(
            f"generator {network.name!r} cannot be copied for averaging "
            f"({type(error).__name__}: {reason}); expected a functional or Sequential "
            "model whose layers have get_config, or ema_decay=None."
        ) from error
    copy.set_weights(network.get_weights())
    # Paired before the copy is frozen, which may reorder its variables.
    pairs = list(zip(copy.variables, network.variables, strict=True))
    copy.trainable = False

    def update(step: tf.Variable, decay: float) -> None:
        step = tf.cast(step, "float32")
        rate = 1.0 - tf.minimum(decay, (1.0 + step) / (10.0 + step))
        for average, weight in pairs:
            value = tf.convert_to_tensor(weight)
            # Integers are states of random generators.
            if value.dtype.is_floating:
                average.assign_sub(
                    tf.cast(rate, value.dtype) * (tf.convert_to_tensor(average) - value)
                )

    return copy, update
