"""The only room that knows which Keras generation runs.

Two are served by the same code: Keras 3 on current TensorFlow, and Keras 2.15
on TensorFlow 2.15 with TensorFlow Addons (the extra `addons`).
"""

import keras

KERAS_3 = int(keras.__version__.split(".")[0]) >= 3

if KERAS_3 and keras.config.backend() != "tensorflow":
    raise ImportError(
        "kerasgan trains with tf.GradientTape, so Keras must run on the "
        f'"tensorflow" backend, not on "{keras.config.backend()}": unset '
        "KERAS_BACKEND or set it to tensorflow."
    )


def instance_normalization(epsilon, gamma_initializer, name):
    """Returns the instance normalization layer of this Keras generation.

    It is `keras.layers.GroupNormalization` with one group a channel on Keras 3
    and TensorFlow Addons' own layer on Keras 2.15.
    """
    options = dict(epsilon=epsilon, gamma_initializer=gamma_initializer, name=name)
    if KERAS_3:
        return keras.layers.GroupNormalization(groups=-1, **options)
    # Imported here: it costs seconds, and most programs never need it.
    import tensorflow_addons as tfa

    return tfa.layers.InstanceNormalization(**options)
