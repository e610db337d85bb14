"""Penalties on the slope of a discriminator: small callable objects.

The slope is the length of the gradient of an image's answer with respect to its
pixels; of a map of answers it is their mean that counts. It is a property of one image
only where no layer mixes the images of a batch, as batch normalization does.
"""

import math
import numbers

import keras
import tensorflow as tf

from kerasgan.arguments import check_choice


class Penalty:
    """A weighted penalty, which discriminators minimize besides their loss.

    Args:
        weight: Float of at least 0.

    Raises:
        ValueError: If `weight` is none.
    """

    def __init__(self, weight=10.0):
        if not isinstance(weight, numbers.Real) or not 0.0 <= weight < math.inf:
            raise ValueError(f"weight is {weight!r}; expected a number of at least 0.")
        self.weight = float(weight)

    def __call__(self, discriminator, real, fake, seed, training):
        """Returns the penalty, a scalar.

        Args:
            discriminator: A Keras model.
            real: Real images, `(n, height, width, channels)`.
            fake: Generated images of the same shape.
            seed: Seed for stateless operations, an integer tensor of shape `(2,)`.
            training: Whether the discriminator is trained.
        """
        raise NotImplementedError

    def get_config(self):
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="kerasgan")
class GradientPenalty(Penalty):
    """Keeps slopes near 1 between real and generated images: that of WGAN-GP.

    It is `weight * E[(|grad D(x)| - 1)^2]`, with `x` drawn uniformly from the line
    between a real and a generated image. From "Improved Training of Wasserstein GANs",
    Gulrajani et al. 2017, equation 3, https://arxiv.org/abs/1704.00028, whose weight
    is 10.

    Args:
        weight: Float of at least 0.

    Example:

    >>> gan.compile(penalty=kerasgan.penalties.GradientPenalty(10.0))
    """

    def __call__(self, discriminator, real, fake, seed, training):
        real, fake = tf.cast(real, "float32"), tf.cast(fake, "float32")
        shape = [tf.shape(real)[0], *(1 for _ in real.shape[1:])]
        place = tf.random.stateless_uniform(shape, seed)
        between = real + place * (fake - real)
        squares = squared_slopes(discriminator, between, training)
        # The root has no derivative at 0.
        slopes = tf.sqrt(squares + 1e-12)
        return self.weight * tf.reduce_mean(tf.square(slopes - 1.0))


@keras.saving.register_keras_serializable(package="kerasgan")
class R1(Penalty):
    """Flattens the discriminator at real images.

    It is `weight / 2 * E[|grad D(x)|^2]` over real images. From "Which Training Methods
    for GANs do actually Converge?", Mescheder et al. 2018, equation 9,
    https://arxiv.org/abs/1801.04406, whose weight is 10.

    Args:
        weight: Float of at least 0.

    Example:

    >>> gan.compile(loss_fn="non_saturating", penalty="r1")
    """

    def __call__(self, discriminator, real, fake, seed, training):
        squares = squared_slopes(discriminator, real, training)
        return self.weight / 2.0 * tf.reduce_mean(squares)


@keras.saving.register_keras_serializable(package="kerasgan")
class R2(Penalty):
    """Flattens the discriminator at generated images.

    It is `weight / 2 * E[|grad D(x)|^2]` over generated images. From "Which Training
    Methods for GANs do actually Converge?", Mescheder et al. 2018, section 4.1,
    https://arxiv.org/abs/1801.04406.

    Args:
        weight: Float of at least 0.

    Example:

    >>> gan.compile(loss_fn="non_saturating", penalty="r2")
    """

    def __call__(self, discriminator, real, fake, seed, training):
        squares = squared_slopes(discriminator, fake, training)
        return self.weight / 2.0 * tf.reduce_mean(squares)


def squared_slopes(discriminator, images, training):
    """Returns the squared slope of a discriminator at each image, float32 `(n,)`.

    Args:
        discriminator: A Keras model.
        images: Tensor `(n, height, width, channels)`.
        training: Whether the discriminator is trained.
    """
    images = tf.cast(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        answers = tf.cast(discriminator(images, training=training), "float32")
        # No image has a part in the answer to another: one gradient is that of all.
        means = tf.reduce_mean(tf.reshape(answers, (tf.shape(images)[0], -1)), axis=1)
    gradients = tape.gradient(means, images)
    return tf.reduce_sum(tf.square(gradients), axis=range(1, len(images.shape)))


NAMES = {"gradient_penalty": GradientPenalty, "r1": R1, "r2": R2}


def get(identifier):
    """Returns the penalty that `identifier` stands for.

    Args:
        identifier: A name (`"gradient_penalty"`, `"r1"`, `"r2"`), a callable such as
            a `Penalty`, of `(discriminator, real, fake, seed, training)`, or None.

    Returns:
        A callable, or None.

    Raises:
        ValueError: If it is none of these.

    Example:

    >>> kerasgan.penalties.get("r1").weight
    10.0
    """
    if isinstance(identifier, str):
        check_choice("penalty", identifier, NAMES)
        return NAMES[identifier]()
    if isinstance(identifier, type):
        raise ValueError(
            f"penalty is the class {identifier.__name__}; expected an object of it, "
            f"{identifier.__name__}()."
        )
    if identifier is None or callable(identifier):
        return identifier
    raise ValueError(
        f"penalty is {identifier!r}; expected one of "
        f"{', '.join(map(repr, NAMES))}, a kerasgan.penalties object, or None."
    )
