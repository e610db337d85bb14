"""An exponential moving average of a network's weights, held by a copy of it."""

import keras
import tensorflow as tf


def averaged_copy(network):
    """Copies a network, and returns what keeps the copy at the average.

    Args:
        network: A built Keras model.

    Returns:
        The copy, with the same weights and not trainable, and a function
        `update(step, decay)`. Called after update number `step` of the network,
        counted from 0, it moves each weight of the copy to
        `d * average + (1 - d) * weight` with
        `d = min(decay, (1 + step) / (10 + step))`: early in training the average
        follows quickly, so that short runs have something to show. The statistics
        of batch normalization are averaged like the weights they belong to.

    Raises:
        ValueError: If Keras cannot clone the model.
    """
    try:
        copy = keras.models.clone_model(network)
    except (ValueError, NotImplementedError, TypeError) as error:
        raise ValueError(
            f"generator {network.name!r} cannot be copied for averaging; expected a "
            "functional or Sequential model whose layers have get_config, or "
            "ema_decay=None."
        ) from error
    copy.set_weights(network.get_weights())
    # Paired before the copy is frozen, which may list its variables in another order.
    pairs = list(zip(copy.variables, network.variables, strict=True))
    copy.trainable = False

    def update(step, decay):
        step = tf.cast(step, "float32")
        rate = 1.0 - tf.minimum(decay, (1.0 + step) / (10.0 + step))
        for average, weight in pairs:
            value = tf.convert_to_tensor(weight)
            # Whole numbers are states of random generators.
            if value.dtype.is_floating:
                average.assign_sub(
                    tf.cast(rate, value.dtype) * (tf.convert_to_tensor(average) - value)
                )

    return copy, update
