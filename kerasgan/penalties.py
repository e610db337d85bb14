"""Penalties on the gradient of a discriminator: small callable objects.

They penalize the norm of the gradient of the discriminator's output for an image, with
respect to the pixels of that image. If the output is a map, its mean counts. The
gradient belongs to one image only if no layer combines the images of a batch, as batch
normalization does.
"""

import inspect
import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan.arguments import check_choice

# Maps images (n, height, width, channels) to a discriminator's outputs.
Discriminate = Callable[[tf.Tensor], tf.Tensor]


class Penalty:
    """Base class of weighted penalties that discriminators minimize with their loss.

    Args:
        weight: Float, at least 0.

    Raises:
        ValueError: If `weight` is negative or not a finite number.
    """

    weight: float

    def __init__(self, weight: float = 10.0) -> None:
        if not isinstance(weight, numbers.Real) or not 0.0 <= weight < math.inf:
            raise ValueError(f"weight is {weight!r}; expected a number of at least 0.")
        self.weight = float(weight)

    def __call__(
        self,
        discriminate: Discriminate,
        real: tf.Tensor,
        fake: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the penalty.

        Args:
            discriminate: Function from images to the discriminator's outputs. It runs
                the discriminator in training mode if the model trains.
            real: Real images `(n, height, width, channels)`.
            fake: Generated images of the same shape.
            seed: Seed for stateless random operations, an integer tensor of shape
                `(2,)`.

        Returns:
            A scalar tensor.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Penalty":
        """Returns a penalty for what `get_config` returned."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="kerasgan")
class GradientPenalty(Penalty):
    """The gradient penalty of WGAN-GP.

    It is `weight * E[(|grad D(x)| - 1)^2]`, where `x` is drawn uniformly from the line
    between a real and a generated image. From "Improved Training of Wasserstein GANs",
    Gulrajani et al. 2017, equation 3, https://arxiv.org/abs/1704.00028, which uses a
    weight of 10.

    Args:
        weight: Float, at least 0.

    Example:

    >>> gan.compile(penalties=[kerasgan.penalties.GradientPenalty(10.0)])
    """

    def __call__(
        self,
        discriminate: Discriminate,
        real: tf.Tensor,
        fake: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the penalty; see `Penalty.__call__`."""
        real, fake = tf.cast(real, "float32"), tf.cast(fake, "float32")
        shape = [tf.shape(real)[0], *(1 for _ in real.shape[1:])]
        place = tf.random.stateless_uniform(shape, seed)
        squares = squared_gradient_norms(discriminate, real + place * (fake - real))
        # The square root has no derivative at 0.
        norms = tf.sqrt(squares + 1e-12)
        return self.weight * tf.reduce_mean(tf.square(norms - 1.0))


@keras.saving.register_keras_serializable(package="kerasgan")
class R1(Penalty):
    """The zero-centered gradient penalty at real images.

    It is `weight / 2 * E[|grad D(x)|^2]` over real images. From "Which Training Methods
    for GANs do actually Converge?", Mescheder et al. 2018, equation 9,
    https://arxiv.org/abs/1801.04406, which uses a weight of 10.

    Args:
        weight: Float, at least 0.

    Example:

    >>> gan.compile(loss_fn="non_saturating", penalties=["r1"])
    """

    def __call__(
        self,
        discriminate: Discriminate,
        real: tf.Tensor,
        fake: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the penalty; see `Penalty.__call__`."""
        squares = squared_gradient_norms(discriminate, real)
        return self.weight / 2.0 * tf.reduce_mean(squares)


@keras.saving.register_keras_serializable(package="kerasgan")
class R2(Penalty):
    """The zero-centered gradient penalty at generated images.

    It is `weight / 2 * E[|grad D(x)|^2]` over generated images. From "Which Training
    Methods for GANs do actually Converge?", Mescheder et al. 2018, section 4.1,
    https://arxiv.org/abs/1801.04406.

    Args:
        weight: Float, at least 0.

    Example:

    >>> gan.compile(loss_fn="non_saturating", penalties=["r1", "r2"])
    """

    def __call__(
        self,
        discriminate: Discriminate,
        real: tf.Tensor,
        fake: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the penalty; see `Penalty.__call__`."""
        squares = squared_gradient_norms(discriminate, fake)
        return self.weight / 2.0 * tf.reduce_mean(squares)


def squared_gradient_norms(discriminate: Discriminate, images: tf.Tensor) -> tf.Tensor:
    """Returns the squared norm of the gradient of the output for each image.

    Args:
        discriminate: Function from images to outputs, for example a Keras model.
        images: Tensor `(n, height, width, channels)`.

    Returns:
        A float32 tensor `(n,)`.
    """
    images = tf.cast(images, "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = tf.cast(discriminate(images), "float32")
        means = tf.reduce_mean(tf.reshape(outputs, (tf.shape(images)[0], -1)), axis=1)
    # Outputs depend on their own image only, so the gradient of their sum holds
    # the gradient of each.
    gradients = tape.gradient(means, images)
    return tf.reduce_sum(tf.square(gradients), axis=range(1, len(images.shape)))


NAMES: dict[str, type[Penalty]] = {
    "gradient_penalty": GradientPenalty,
    "r1": R1,
    "r2": R2,
}


def get(identifier: Any) -> Callable[..., tf.Tensor]:
    """Returns the penalty for an identifier.

    Args:
        identifier: A name (`"gradient_penalty"`, `"r1"`, `"r2"`), or a callable of
            `(discriminate, real, fake, seed)` such as a `Penalty`.

    Returns:
        A callable of `(discriminate, real, fake, seed)`.

    Raises:
        ValueError: If `identifier` is none of these.

    Example:

    >>> kerasgan.penalties.get("r1").weight
    10.0
    """
    if isinstance(identifier, str):
        check_choice("penalties", identifier, NAMES)
        return NAMES[identifier]()
    if isinstance(identifier, type):
        raise ValueError(
            f"penalties has the class {identifier.__name__}; expected an instance, "
            f"{identifier.__name__}()."
        )
    if callable(identifier):
        signature = inspect.signature(identifier)
        try:
            signature.bind(None, None, None, None)
        except TypeError as error:
            name = getattr(identifier, "__name__", type(identifier).__name__)
            raise ValueError(
                f"penalties has {name}{signature}; expected a callable of "
                "(discriminate, real, fake, seed)."
            ) from error
        return identifier
    raise ValueError(
        f"penalties has {identifier!r}; expected one of "
        f"{', '.join(map(repr, NAMES))} or a callable of (discriminate, real, fake, "
        "seed)."
    )


def get_all(identifiers: Sequence[Any] | None) -> list[Callable[..., tf.Tensor]]:
    """Returns the penalties for a list of identifiers.

    Args:
        identifiers: List of what `get` takes, or None for no penalties.

    Raises:
        ValueError: If `identifiers` is not a list, or `get` rejects an element.
    """
    if identifiers is None:
        return []
    if isinstance(identifiers, str) or not isinstance(identifiers, (list, tuple)):
        raise ValueError(
            f"penalties is {identifiers!r}; expected a list, such as ['r1']."
        )
    return [get(identifier) for identifier in identifiers]
