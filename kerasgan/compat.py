"""The only room that knows which Keras generation runs.

Two are served by the same code: Keras 3 on current TensorFlow, and Keras 2.15
on TensorFlow 2.15 with TensorFlow Addons (the extra `addons`).
"""

import keras
import tensorflow as tf

KERAS_3 = int(keras.__version__.split(".")[0]) >= 3

if KERAS_3 and keras.config.backend() != "tensorflow":
    raise ImportError(
        "kerasgan trains with tf.GradientTape, so Keras must run on the "
        f'"tensorflow" backend, not on "{keras.config.backend()}": unset '
        "KERAS_BACKEND or set it to tensorflow."
    )


def instance_normalization(epsilon, gamma_initializer, name, center, scale):
    """Returns the instance normalization layer of this Keras generation.

    It is `keras.layers.GroupNormalization` with one group a channel on Keras 3
    and TensorFlow Addons' own layer on Keras 2.15.
    """
    options = dict(
        epsilon=epsilon,
        gamma_initializer=gamma_initializer,
        name=name,
        center=center,
        scale=scale,
    )
    if KERAS_3:
        return keras.layers.GroupNormalization(groups=-1, **options)
    # Imported here: it costs seconds, and most programs never need it.
    import tensorflow_addons as tfa

    return tfa.layers.InstanceNormalization(**options)


def spectral_normalization(layer, name):
    """Returns a layer wrapped so that training normalizes its kernel."""
    return _SpectralNormalization(layer, name=name)


if KERAS_3:
    _SpectralNormalization = keras.layers.SpectralNormalization
else:

    @keras.saving.register_keras_serializable(package="kerasgan")
    class _SpectralNormalization(keras.layers.SpectralNormalization):
        """Keras 2.15 does not find its own class again when it loads a model."""


def loss_scale(optimizer):
    """Returns what an optimizer wants its loss to be multiplied by, or None for 1."""
    if not hasattr(optimizer, "inner_optimizer"):
        return None
    one = tf.constant(1.0)
    # Keras 2.15 has another name for it.
    return optimizer.scale_loss(one) if KERAS_3 else optimizer.get_scaled_loss(one)


def unscaled(optimizer, gradients):
    """Returns gradients as `apply_gradients` of an optimizer takes them.

    That of Keras 3 divides by the scale itself.
    """
    if KERAS_3 or not hasattr(optimizer, "inner_optimizer"):
        return gradients
    return optimizer.get_unscaled_gradients(gradients)


class _SavedInstanceNormalization:
    """Stands for the layer of TensorFlow Addons until a saved model asks for it."""

    @classmethod
    def from_config(cls, config):
        import tensorflow_addons as tfa

        return tfa.layers.InstanceNormalization.from_config(config)


if not KERAS_3:
    # Importing TensorFlow Addons replaces it by the layer itself.
    keras.saving.get_custom_objects().setdefault(
        "Addons>InstanceNormalization", _SavedInstanceNormalization
    )
