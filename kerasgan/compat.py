"""The only module that knows which Keras generation runs.

The same code supports two: Keras 3 on current TensorFlow, and Keras 2.15 on
TensorFlow 2.15 with TensorFlow Addons (installed by the extra `addons`).
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

KERAS_3 = int(keras.__version__.split(".")[0]) >= 3

if KERAS_3 and keras.config.backend() != "tensorflow":
    raise ImportError(
        f'Keras uses the "{keras.config.backend()}" backend; kerasgan needs the '
        '"tensorflow" backend, because it trains with tf.GradientTape: unset '
        "KERAS_BACKEND, or set it to tensorflow."
    )


def instance_normalization(
    epsilon: float,
    gamma_initializer: str | keras.initializers.Initializer,
    name: str | None,
    center: bool,
    scale: bool,
) -> keras.layers.Layer:
    """Returns the instance normalization layer of this Keras generation.

    On Keras 3 it is `keras.layers.GroupNormalization` with one group per channel, on
    Keras 2.15 the layer of TensorFlow Addons.

    Args:
        epsilon: Small number added to the variance before the square root.
        gamma_initializer: Keras initializer of the scale.
        name: Name of the layer.
        center: Whether to add a learned offset.
        scale: Whether to multiply by a learned scale.
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
    # Imported here because it takes seconds, and few programs need it.
    import tensorflow_addons as tfa

    return tfa.layers.InstanceNormalization(**options)


def is_instance_normalization(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer is the instance normalization of TensorFlow Addons."""
    module = type(layer).__module__.partition(".")[0]
    name = type(layer).__name__
    return (module, name) == ("tensorflow_addons", "InstanceNormalization")


if KERAS_3:
    SpectralNormalization = keras.layers.SpectralNormalization
else:

    @keras.saving.register_keras_serializable(package="kerasgan")
    class SpectralNormalization(  # type: ignore[no-redef]
        keras.layers.SpectralNormalization
    ):
        """Corrects the layer of Keras 2.15.

        Keras cannot load its own class from a saved model, and cannot trace it in a
        `tf.function`, because it tests a tensor in a Python `if`.
        """

        def normalize_weights(self) -> None:
            """Divides the kernel by an estimate of its largest singular value."""
            kernel, vector_u = tf.cond(
                tf.reduce_all(tf.equal(self.kernel, 0.0)),
                lambda: (tf.identity(self.kernel), tf.identity(self.vector_u)),
                self._normalized,
            )
            self.kernel.assign(tf.cast(kernel, self.kernel.dtype))
            self.vector_u.assign(tf.cast(vector_u, self.vector_u.dtype))

        def _normalized(self) -> tuple[tf.Tensor, tf.Tensor]:
            matrix = tf.reshape(self.kernel, [-1, self.kernel_shape[-1]])
            u = tf.identity(self.vector_u)
            for _ in range(self.power_iterations):
                v = tf.math.l2_normalize(tf.matmul(u, matrix, transpose_b=True))
                u = tf.math.l2_normalize(tf.matmul(v, matrix))
            u, v = tf.stop_gradient(u), tf.stop_gradient(v)
            sigma = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)
            return tf.reshape(matrix / sigma, self.kernel_shape), u


def spectral_normalization(
    layer: keras.layers.Layer, name: str | None
) -> keras.layers.Layer:
    """Returns a layer whose kernel is spectrally normalized in training.

    Args:
        layer: Layer with a kernel, for example a convolution.
        name: Name of the wrapper.
    """
    return SpectralNormalization(layer, name=name)


# Both players' optimizers are wrapped where that is needed; Keras 3 would wrap one.
COMPILE_OPTIONS: dict[str, Any] = {"auto_scale_loss": False} if KERAS_3 else {}


def loss_scale_optimizer(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Returns an optimizer wrapped so that it scales the loss for float16."""
    # Keras 2.15 keeps the class in another module.
    module = keras.optimizers if KERAS_3 else keras.mixed_precision
    return module.LossScaleOptimizer(optimizer)


def loss_scale(optimizer: keras.optimizers.Optimizer) -> tf.Tensor | None:
    """Returns the factor by which an optimizer scales the loss, or None for 1."""
    if KERAS_3:
        return optimizer.scale_loss(tf.constant(1.0))
    if not hasattr(optimizer, "inner_optimizer"):
        return None
    return optimizer.get_scaled_loss(tf.constant(1.0))


def unscaled(
    optimizer: keras.optimizers.Optimizer, gradients: Sequence[Any]
) -> Sequence[Any]:
    """Returns gradients of a scaled loss in the form that `apply_gradients` takes.

    In Keras 3, `apply_gradients` divides by the scale itself.
    """
    if KERAS_3 or not hasattr(optimizer, "inner_optimizer"):
        return gradients
    return optimizer.get_unscaled_gradients(gradients)


def optimizer_variables(optimizer: keras.optimizers.Optimizer) -> list[Any]:
    """Returns all variables of an optimizer.

    Keras 2.15 does not list the dynamic scale of a `LossScaleOptimizer`.
    """
    variables = list(optimizer.variables)
    if not KERAS_3 and getattr(optimizer, "dynamic_counter", None) is not None:
        scale = optimizer._loss_scale._current_loss_scale
        variables += [scale, optimizer.dynamic_counter]
    return variables


def save_all_variables(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes Keras 2.15 save the dynamic loss scale with a model, as Keras 3 does."""
    if len(optimizer_variables(optimizer)) == len(optimizer.variables):
        return

    def save_own_variables(store: Any) -> None:
        for i, variable in enumerate(optimizer_variables(optimizer)):
            store[str(i)] = variable.numpy()

    def load_own_variables(store: Any) -> None:
        variables = optimizer_variables(optimizer)
        if len(store.keys()) != len(variables):
            # Keras warns that it skips this optimizer.
            type(optimizer).load_own_variables(optimizer, store)
            return
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])

    optimizer.save_own_variables = save_own_variables
    optimizer.load_own_variables = load_own_variables


class _SavedInstanceNormalization:
    """Imports TensorFlow Addons when a saved model needs its layer, not before."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> keras.layers.Layer:
        import tensorflow_addons as tfa

        return tfa.layers.InstanceNormalization.from_config(config)


if not KERAS_3:
    # Importing TensorFlow Addons replaces this entry by the layer itself.
    keras.saving.get_custom_objects().setdefault(
        "Addons>InstanceNormalization", _SavedInstanceNormalization
    )
