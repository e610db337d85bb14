"""Functions of a training step: call networks, differentiate, update variables."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from kerasgan import compat, inspection
from kerasgan.models.batch import Batch


class Outputs(NamedTuple):
    """A discriminator's outputs.

    Attributes:
        real: Outputs for real images, or None if not computed.
        fake: Outputs for generated images.
        regularization: Sum of the discriminator's regularization losses, from
            regularizers and `add_loss`, or None if it has none.
    """

    real: tf.Tensor | None
    fake: tf.Tensor
    regularization: tf.Tensor | None


class DiscriminatorBatch(NamedTuple):
    """A discriminator and the images it scores.

    Attributes:
        discriminator: A Keras model.
        batch: The `Batch` with the real images.
        fake: Generated images.
    """

    discriminator: keras.Model
    batch: Batch
    fake: tf.Tensor


def call_network(
    network: keras.Model, *batches: tf.Tensor | list[tf.Tensor], training: bool
) -> tuple[list[tf.Tensor], tf.Tensor | None]:
    """Calls a network on several batches, in one call if that gives the same result.

    In training, batches are joined only if every layer is known to treat each image
    separately. Batch normalization, spectral normalization and unknown layers get each
    batch in a call of its own.

    Args:
        network: A Keras model.
        *batches: Inputs of the network, each a tensor or a list of tensors.
        training: Whether the network trains.

    Returns:
        The list of its float32 outputs, one for each batch, and the sum of the
        network's regularization losses, averaged over its calls, or None if it has
        none.
    """
    one_call = len(batches) == 1 or not (training and inspection.mixing_layers(network))
    if not one_call:
        made = [call_network(network, batch, training=training) for batch in batches]
        losses = [loss for _, loss in made if loss is not None]
        mean = total(losses) / len(made) if losses else None
        return [output for outputs, _ in made for output in outputs], mean
    sizes = [tf.shape(tf.nest.flatten(batch)[0])[0] for batch in batches]
    if len(batches) == 1:
        outputs = network(batches[0], training=training)
    else:
        # The layers would cast each batch to this type.
        joined = tf.nest.map_structure(
            lambda *parts: tf.concat(
                [tf.cast(part, network.compute_dtype) for part in parts], axis=0
            ),
            *batches,
        )
        outputs = network(joined, training=training)
    # Keras clears a network's losses at each call, so they belong to this one.
    losses = [tf.cast(loss, "float32") for loss in network.losses]
    outputs = tf.cast(outputs, "float32")
    split = tf.split(outputs, sizes) if len(batches) > 1 else [outputs]
    return split, total(losses) if losses else None


def call_discriminator(
    discriminator: keras.Model,
    *images: tf.Tensor,
    condition: tf.Tensor | None = None,
    training: bool,
) -> tuple[list[tf.Tensor], tf.Tensor | None]:
    """Returns a discriminator's outputs. Training steps call discriminators only here.

    Args:
        discriminator: A Keras model.
        *images: Batches of real or generated images, of the same size.
        condition: Second input for the images of each batch, or None.
        training: Whether the discriminator trains.

    Returns:
        As `call_network`.
    """
    inputs = images if condition is None else [[batch, condition] for batch in images]
    return call_network(discriminator, *inputs, training=training)


def discriminate(
    d_batch: DiscriminatorBatch, *, needs_real: bool = True, training: bool
) -> Outputs:
    """Returns a discriminator's outputs for a batch of real and generated images.

    Args:
        d_batch: The `DiscriminatorBatch`.
        needs_real: Whether real images are scored too.
        training: Whether the discriminator trains.
    """
    shown = [d_batch.batch.real, d_batch.fake] if needs_real else [d_batch.fake]
    outputs, regularization = call_discriminator(
        d_batch.discriminator,
        *shown,
        condition=d_batch.batch.condition,
        training=training,
    )
    return Outputs(outputs[0] if needs_real else None, outputs[-1], regularization)


def differentiate(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    objective: tf.Tensor,
    variables: Sequence[tf.Variable],
) -> list[tf.Tensor | None]:
    """Returns the gradients of an objective, as `apply` expects them.

    Args:
        optimizer: A Keras optimizer. If it scales the loss, the gradients are those of
            the scaled loss, so that float16 can represent them.
        tape: The `tf.GradientTape` that recorded the objective.
        objective: Scalar tensor.
        variables: List of variables.
    """
    scale = compat.loss_scale(optimizer)
    return tape.gradient(objective, variables, output_gradients=scale)


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | None],
    variables: Sequence[tf.Variable],
) -> None:
    """Updates variables with the gradients that `differentiate` returned."""
    gradients = compat.unscaled(optimizer, gradients)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def total(losses: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the sum of scalars, always added in the same order.

    TensorFlow's graph optimizer reorders chains of additions, and not in the same way
    each time a step is traced.
    """
    return tf.reduce_sum(tf.stack(losses))
