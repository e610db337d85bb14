"""Adversarial losses: small objects with one method for each player.

High means real: a discriminator answers more for real images than for generated
ones. What it returns may have any shape, one value an image or a map of patches;
the losses average over all of it.
"""

import keras
import tensorflow as tf

from kerasgan.arguments import check_choice


class LabelLoss:
    """A loss that compares the discriminator's answers with labels.

    Real images carry the label 1 and generated ones 0. `labels` replaces the
    two when label noise is drawn; the generator is always trained against
    *misleading labels*: it is right when its images are taken for real.

    Subclasses set `answers` to what the discriminator has to return: `"logits"`,
    `"probabilities"`, or `None` where either will do.
    """

    answers = None

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        """Returns the discriminator's loss, a scalar.

        Args:
            real: Answers to real images, any shape, batch first.
            fake: Answers to generated images, the same shape.
            labels: Pair of labels for `real` and `fake`, each a number or a
                tensor of their shape.
        """
        raise NotImplementedError

    def generator_loss(self, fake):
        """Returns the generator's loss, a scalar.

        Args:
            fake: Answers to generated images, any shape, batch first.
        """
        raise NotImplementedError

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _cross_entropy(labels, logits):
    labels = tf.broadcast_to(tf.cast(labels, logits.dtype), tf.shape(logits))
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    )


@keras.saving.register_keras_serializable(package="kerasgan")
class Minimax(LabelLoss):
    """The two-player game of the first paper, on logits.

    The discriminator minimizes `-E[log D(x)] - E[log(1 - D(G(z)))]` and the
    generator `E[log(1 - D(G(z)))]`, with `D = sigmoid(logits)`. From "Generative
    Adversarial Networks", Goodfellow et al. 2014, equation 1,
    https://arxiv.org/abs/1406.2661. The generator's gradient vanishes while the
    discriminator rejects its images with confidence; `NonSaturating` mends that.

    Example:

    >>> gan.compile(loss_fn=kerasgan.losses.Minimax())
    """

    answers = "logits"

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        return _cross_entropy(labels[0], real) + _cross_entropy(labels[1], fake)

    def generator_loss(self, fake):
        return -_cross_entropy(0.0, fake)


@keras.saving.register_keras_serializable(package="kerasgan")
class NonSaturating(Minimax):
    """The minimax game with the generator's loss turned round, on logits.

    The generator minimizes `-E[log D(G(z))]`: its gradient is largest where it
    is rejected. From "Generative Adversarial Networks", Goodfellow et al. 2014,
    section 3, https://arxiv.org/abs/1406.2661.

    Example:

    >>> gan.compile(loss_fn="non_saturating")
    """

    def generator_loss(self, fake):
        return _cross_entropy(1.0, fake)


@keras.saving.register_keras_serializable(package="kerasgan")
class LeastSquares(LabelLoss):
    """Squared distance of the answers to the labels.

    The discriminator minimizes `E[(D(x) - 1)^2] / 2 + E[D(G(z))^2] / 2` and the
    generator `E[(D(G(z)) - 1)^2] / 2`. From "Least Squares Generative Adversarial
    Networks", Mao et al. 2016, equation 9, https://arxiv.org/abs/1611.04076.

    Example:

    >>> gan.compile(loss_fn="least_squares")
    """

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        return 0.5 * (
            tf.reduce_mean(tf.square(real - labels[0]))
            + tf.reduce_mean(tf.square(fake - labels[1]))
        )

    def generator_loss(self, fake):
        return 0.5 * tf.reduce_mean(tf.square(fake - 1.0))


@keras.saving.register_keras_serializable(package="kerasgan")
class KerasLoss(LabelLoss):
    """Any Keras loss on (labels, predictions), as in the Keras GAN guide.

    The discriminator minimizes the mean of the loss on real images and of that
    on generated ones; the generator minimizes the loss of its images against
    the label of real ones.

    Args:
        loss_fn: A Keras loss, or a function of (labels, predictions).

    Example:

    >>> gan.compile(loss_fn=keras.losses.BinaryCrossentropy())
    """

    def __init__(self, loss_fn):
        self.loss_fn = loss_fn
        config = loss_fn.get_config() if hasattr(loss_fn, "get_config") else {}
        name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
        functions = ("binary_crossentropy", "binary_focal_crossentropy")
        if name in functions or "from_logits" in config:
            from_logits = config.get("from_logits", False)
            self.answers = "logits" if from_logits else "probabilities"

    def _loss(self, label, predictions):
        labels = tf.broadcast_to(
            tf.cast(label, predictions.dtype), tf.shape(predictions)
        )
        return tf.reduce_mean(self.loss_fn(labels, predictions))

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        return 0.5 * (self._loss(labels[0], real) + self._loss(labels[1], fake))

    def generator_loss(self, fake):
        return self._loss(1.0, fake)

    def get_config(self):
        return {"loss_fn": keras.saving.serialize_keras_object(self.loss_fn)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["loss_fn"]))


def reconstruction_loss(images, reconstructed):
    """Returns the mean absolute difference of two batches of images, a scalar.

    It is the cycle-consistency loss of one direction, `E[|G(F(y)) - y|]`, and the
    identity loss, `E[|G(y) - y|]`, each averaged over pixels and channels. From
    "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", Zhu et al. 2017, equation 2 and section 5.2,
    https://arxiv.org/abs/1703.10593.

    Args:
        images: Float tensor `(n, height, width, channels)`.
        reconstructed: Float tensor of that shape.

    Example:

    >>> kerasgan.losses.reconstruction_loss(images, back_again)
    """
    return tf.reduce_mean(tf.abs(images - reconstructed))


NAMES = {
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "least_squares": LeastSquares,
}
# Keras losses that make sense on labels of 0 and 1, by Keras's own names.
KERAS_NAMES = (
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "mean_absolute_error",
    "mean_squared_error",
)


def get(identifier):
    """Returns the adversarial loss that `identifier` stands for.

    Args:
        identifier: A name (`"minimax"`, `"non_saturating"`, `"least_squares"`, or
            Keras's own such as `"binary_crossentropy"`), an object with the
            methods `discriminator_loss(real, fake)` and `generator_loss(fake)`,
            or any Keras loss on (labels, predictions).

    Returns:
        An object with the methods `discriminator_loss` and `generator_loss`.

    Raises:
        ValueError: If it is none of these; a name that is nearly right is
            answered with the right one.

    Example:

    >>> kerasgan.losses.get("least_squares").generator_loss(tf.zeros((4, 1)))
    <tf.Tensor: shape=(), dtype=float32, numpy=0.5>
    """
    if isinstance(identifier, str):
        check_choice("loss_fn", identifier, [*NAMES, *KERAS_NAMES])
        if identifier in NAMES:
            return NAMES[identifier]()
        return KerasLoss(keras.losses.get(identifier))
    methods = ("discriminator_loss", "generator_loss")
    if isinstance(identifier, type):
        raise ValueError(
            f"loss_fn is the class {identifier.__name__}; expected an object of it, "
            f"{identifier.__name__}()."
        )
    if all(callable(getattr(identifier, method, None)) for method in methods):
        return identifier
    if callable(identifier):
        return KerasLoss(identifier)
    raise ValueError(
        f"loss_fn is {identifier!r}; expected a name, an object with the methods "
        f"{' and '.join(methods)}, or a Keras loss."
    )
