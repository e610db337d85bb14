"""An exponential moving average of a network's weights, held by a copy of it."""

import keras
import tensorflow as tf


def averaged_copy(network):
    """Returns a copy of `network` with the same weights that is not trained.

    Args:
        network: A built Keras model.

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
    copy.trainable = False
    return copy


def update_average(copy, network, step, decay):
    """Moves the weights of `copy` towards those of `network`.

    Each becomes `d * average + (1 - d) * weight` with
    `d = min(decay, (1 + step) / (10 + step))`: early in training the average
    follows quickly, so that short runs have something to show. The statistics of
    batch normalization are averaged like the weights they belong to.

    Args:
        copy: What `averaged_copy(network)` returned.
        network: The network being trained.
        step: Scalar integer tensor, the number of updates before this one.
        decay: Float in [0, 1).
    """
    step = tf.cast(step, "float32")
    rate = 1.0 - tf.minimum(decay, (1.0 + step) / (10.0 + step))
    for average, weight in zip(copy.variables, network.variables, strict=True):
        value = tf.convert_to_tensor(weight)
        if value.dtype.is_floating:
            average.assign_sub(
                tf.cast(rate, value.dtype) * (tf.convert_to_tensor(average) - value)
            )
