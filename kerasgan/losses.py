"""Adversarial losses: small objects with one method for each player.

Discriminators output high values for real images and low values for generated ones.
Outputs may have any shape, for example one value per image or a map of patches. Losses
average over all of it.
"""

import inspect
from collections.abc import Callable
from typing import Any, Protocol

import keras
import tensorflow as tf

from kerasgan.arguments import check_choice

Labels = tuple[Any, Any]


class AdversarialLoss(Protocol):
    """What `loss_fn` must provide.

    A loss may also have the attribute `generator_needs_real`. If it is False, the
    generator's update skips the discriminator's outputs for real images and passes None
    as `real`.
    """

    def discriminator_loss(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor: ...

    def generator_loss(self, fake: tf.Tensor, real: tf.Tensor) -> tf.Tensor: ...


class LabelLoss:
    """Base class of losses that compare the discriminator's outputs with labels.

    Real images have the label 1 and generated images 0. Label noise replaces both
    through `labels`. The generator trains against *misleading labels*: its images are
    labeled as real.

    Attributes:
        discriminator_output: What the discriminator must return: `"logits"`,
            `"probabilities"`, or None if both are fine.
        generator_needs_real: Whether `generator_loss` uses outputs for real images.

    Example:

    >>> class Hinge(kerasgan.losses.LabelLoss):
    ...     def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
    ...         return tf.reduce_mean(tf.nn.relu(1 - real) + tf.nn.relu(1 + fake))
    ...
    ...     def generator_loss(self, fake, real=None):
    ...         return -tf.reduce_mean(fake)
    """

    discriminator_output: str | None = None
    generator_needs_real = False

    def discriminator_loss(
        self, real: tf.Tensor, fake: tf.Tensor, labels: Labels = (1.0, 0.0)
    ) -> tf.Tensor:
        """Returns the discriminator's loss.

        Args:
            real: Outputs for real images, of any shape with the batch first.
            fake: Outputs for generated images, of the same shape.
            labels: Labels of `real` and `fake`, each a number or a tensor of the
                outputs' shape.

        Returns:
            A scalar tensor.
        """
        raise NotImplementedError

    def generator_loss(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the generator's loss.

        Args:
            fake: Outputs for generated images, of any shape with the batch first.
            real: Outputs for real images, or None if `generator_needs_real` is False.

        Returns:
            A scalar tensor.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LabelLoss":
        """Returns a loss for what `get_config` returned."""
        return cls(**config)


def _cross_entropy(labels: Any, logits: tf.Tensor) -> tf.Tensor:
    labels = tf.broadcast_to(tf.cast(labels, logits.dtype), tf.shape(logits))
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    )


@keras.saving.register_keras_serializable(package="kerasgan")
class Minimax(LabelLoss):
    """The original two-player objective, on logits.

    With `D = sigmoid(logits)`, the discriminator minimizes
    `-E[log D(x)] - E[log(1 - D(G(z)))]` and the generator `E[log(1 - D(G(z)))]`. From
    "Generative Adversarial Networks", Goodfellow et al. 2014, equation 1,
    https://arxiv.org/abs/1406.2661. The generator's gradient vanishes while the
    discriminator confidently rejects its images. `NonSaturating` avoids this.

    Example:

    >>> gan.compile(loss_fn=kerasgan.losses.Minimax())
    """

    discriminator_output = "logits"

    def discriminator_loss(
        self, real: tf.Tensor, fake: tf.Tensor, labels: Labels = (1.0, 0.0)
    ) -> tf.Tensor:
        """Returns the discriminator's loss; see `LabelLoss.discriminator_loss`."""
        return _cross_entropy(labels[0], real) + _cross_entropy(labels[1], fake)

    def generator_loss(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the generator's loss; see `LabelLoss.generator_loss`."""
        return -_cross_entropy(0.0, fake)


@keras.saving.register_keras_serializable(package="kerasgan")
class NonSaturating(Minimax):
    """The minimax objective with a generator loss that does not saturate, on logits.

    The generator minimizes `-E[log D(G(z))]`, whose gradient is largest where its
    images are rejected. From "Generative Adversarial Networks", Goodfellow et al. 2014,
    section 3, https://arxiv.org/abs/1406.2661.

    Example:

    >>> gan.compile(loss_fn="non_saturating")
    """

    def generator_loss(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the generator's loss; see `LabelLoss.generator_loss`."""
        return _cross_entropy(1.0, fake)


@keras.saving.register_keras_serializable(package="kerasgan")
class LeastSquares(LabelLoss):
    """The squared distance between outputs and labels.

    The discriminator minimizes `E[(D(x) - 1)^2] / 2 + E[D(G(z))^2] / 2` and the
    generator `E[(D(G(z)) - 1)^2] / 2`. From "Least Squares Generative Adversarial
    Networks", Mao et al. 2016, equation 9, https://arxiv.org/abs/1611.04076.

    Example:

    >>> gan.compile(loss_fn="least_squares")
    """

    def discriminator_loss(
        self, real: tf.Tensor, fake: tf.Tensor, labels: Labels = (1.0, 0.0)
    ) -> tf.Tensor:
        """Returns the discriminator's loss; see `LabelLoss.discriminator_loss`."""
        return 0.5 * (
            tf.reduce_mean(tf.square(real - labels[0]))
            + tf.reduce_mean(tf.square(fake - labels[1]))
        )

    def generator_loss(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the generator's loss; see `LabelLoss.generator_loss`."""
        return 0.5 * tf.reduce_mean(tf.square(fake - 1.0))


@keras.saving.register_keras_serializable(package="kerasgan")
class KerasLoss(LabelLoss):
    """Any Keras loss of (labels, predictions), as in the Keras GAN guide.

    The discriminator minimizes the mean of the losses of real and generated images.
    The generator minimizes the loss of its images against the label of real images.

    Args:
        loss_fn: A Keras loss, or a function of (labels, predictions).

    Example:

    >>> gan.compile(loss_fn=keras.losses.BinaryCrossentropy())
    """

    def __init__(self, loss_fn: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> None:
        self.loss_fn = loss_fn
        config = loss_fn.get_config() if hasattr(loss_fn, "get_config") else {}
        name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
        functions = ("binary_crossentropy", "binary_focal_crossentropy")
        if name in functions or "from_logits" in config:
            from_logits = config.get("from_logits", False)
            self.discriminator_output = "logits" if from_logits else "probabilities"

    def _loss(self, label: Any, predictions: tf.Tensor) -> tf.Tensor:
        labels = tf.broadcast_to(
            tf.cast(label, predictions.dtype), tf.shape(predictions)
        )
        return tf.reduce_mean(self.loss_fn(labels, predictions))

    def discriminator_loss(
        self, real: tf.Tensor, fake: tf.Tensor, labels: Labels = (1.0, 0.0)
    ) -> tf.Tensor:
        """Returns the discriminator's loss; see `LabelLoss.discriminator_loss`."""
        return 0.5 * (self._loss(labels[0], real) + self._loss(labels[1], fake))

    def generator_loss(
        self, fake: tf.Tensor, real: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the generator's loss; see `LabelLoss.generator_loss`."""
        return self._loss(1.0, fake)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, serialized."""
        return {"loss_fn": keras.saving.serialize_keras_object(self.loss_fn)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KerasLoss":
        """Returns a loss for what `get_config` returned."""
        return cls(keras.saving.deserialize_keras_object(config["loss_fn"]))


def reconstruction_loss(images: tf.Tensor, reconstructed: tf.Tensor) -> tf.Tensor:
    """Returns the mean absolute difference between two batches of images.

    CycleGAN uses it as the cycle-consistency loss of one direction, `E[|G(F(y)) - y|]`,
    and as the identity loss, `E[|G(y) - y|]`, each averaged over pixels and channels.
    From "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", Zhu et al. 2017, equation 2 and section 5.2,
    https://arxiv.org/abs/1703.10593.

    Args:
        images: Float tensor `(n, height, width, channels)`.
        reconstructed: Float tensor of the same shape.

    Returns:
        A scalar tensor.

    Example:

    >>> kerasgan.losses.reconstruction_loss(images, reconstructed)
    """
    return tf.reduce_mean(tf.abs(images - reconstructed))


NAMES: dict[str, type[LabelLoss]] = {
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "least_squares": LeastSquares,
}
# Keras losses that make sense with labels 0 and 1, by their Keras names.
KERAS_NAMES = (
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "mean_absolute_error",
    "mean_squared_error",
)
_METHODS = {
    "discriminator_loss": "discriminator_loss(real, fake)",
    "generator_loss": "generator_loss(fake, real)",
}


def get(identifier: Any) -> Any:
    """Returns the adversarial loss for an identifier.

    Args:
        identifier: A name (`"minimax"`, `"non_saturating"`, `"least_squares"`, or a
            Keras name such as `"binary_crossentropy"`), an object with the methods
            `discriminator_loss(real, fake)` and `generator_loss(fake, real)`, or any
            Keras loss of (labels, predictions).

    Returns:
        An object with the methods `discriminator_loss` and `generator_loss`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:

    >>> kerasgan.losses.get("least_squares").generator_loss(tf.zeros((4, 1)))
    <tf.Tensor: shape=(), dtype=float32, numpy=0.5>
    """
    if isinstance(identifier, str):
        check_choice("loss_fn", identifier, [*NAMES, *KERAS_NAMES])
        if identifier in NAMES:
            return NAMES[identifier]()
        return KerasLoss(keras.losses.get(identifier))
    if isinstance(identifier, type):
        raise ValueError(
            f"loss_fn is the class {identifier.__name__}; expected an instance, "
            f"{identifier.__name__}()."
        )
    if all(callable(getattr(identifier, method, None)) for method in _METHODS):
        _check_signatures(identifier)
        return identifier
    if callable(identifier):
        return KerasLoss(identifier)
    raise ValueError(
        f"loss_fn is {identifier!r}; expected a name, an object with the methods "
        f"{' and '.join(_METHODS.values())}, or a Keras loss."
    )


def _check_signatures(loss: Any) -> None:
    """Raises a ValueError if a method does not take both kinds of outputs."""
    for name, expected in _METHODS.items():
        signature = inspect.signature(getattr(loss, name))
        try:
            signature.bind(None, None)
        except TypeError as error:
            raise ValueError(
                f"loss_fn {type(loss).__name__} has the method {name}{signature}; "
                f"expected {expected}."
            ) from error
