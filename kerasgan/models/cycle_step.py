"""Functions of a CycleGAN's training step."""

from typing import Any, NamedTuple

import tensorflow as tf

from kerasgan import losses
from kerasgan.models.batch import Batch
from kerasgan.models.moves import DiscriminatorBatch, call_network, discriminate, total
from kerasgan.models.randomness import IMAGE_POOL, step_seed
from kerasgan.models.step import needs_real

DIRECTIONS = ("a2b", "b2a")
OPPOSITE = {"a2b": "b2a", "b2a": "a2b"}
# Means that a step reports besides those of every adversarial model.
TERMS = (
    "d_loss_a",
    "d_loss_b",
    "g_loss_a2b",
    "g_loss_b2a",
    "cycle_loss",
    "identity_loss",
)

# `model` is a CycleGAN in all of this module. Its module imports this one.
Model = Any


class Translation(NamedTuple):
    """A translated batch, and the loss terms of its direction.

    Attributes:
        fake: The translated images.
        adversarial: How far they are from fooling the discriminator.
        cycle: Mean absolute error after translating back.
        identity: Mean absolute change of images that are already of the target domain.
        forward_regularization: Regularization losses of the generator that translates,
            or None.
        backward_regularization: Regularization losses of the generator that translates
            back, or None.
    """

    fake: tf.Tensor
    adversarial: tf.Tensor
    cycle: tf.Tensor
    identity: tf.Tensor
    forward_regularization: tf.Tensor | None
    backward_regularization: tf.Tensor | None


def translate_batch(
    model: Model, direction: str, batch: Batch, training: bool
) -> Translation:
    """Translates a batch there and back.

    Args:
        model: A CycleGAN.
        direction: `"a2b"` or `"b2a"`.
        batch: Images to translate, and real images of the target domain.
        training: Whether the generators train; otherwise the averages translate.
    """
    i = DIRECTIONS.index(direction)
    forward = model.generator_of(direction, averaged=not training)
    backward = model.generator_of(OPPOSITE[direction], averaged=not training)
    inputs = [batch.inputs]
    if model.identity_weight[i]:
        inputs.append(batch.real)
    (fake, *same), forward_loss = call_network(forward, *inputs, training=training)
    identity = tf.constant(0.0)
    if same:
        identity = losses.reconstruction_loss(batch.real, same[0])
    (again,), backward_loss = call_network(backward, fake, training=training)
    discriminator = (model.discriminator_b, model.discriminator_a)[i]
    outputs = discriminate(
        DiscriminatorBatch(discriminator, batch, fake),
        needs_real=needs_real(model.loss_fn),
        training=training,
    )
    return Translation(
        fake,
        model.loss_fn.generator_loss(outputs.fake, outputs.real),
        losses.reconstruction_loss(batch.inputs, again),
        identity,
        forward_loss,
        backward_loss,
    )


def weighted_loss(model: Model, *translations: Translation) -> tf.Tensor:
    """Returns the loss of both generators, the weighted sum of their terms."""
    weights = zip(
        model.adversarial_weight,
        model.cycle_weight,
        model.identity_weight,
        strict=True,
    )
    return total(
        [
            weight * term
            for own, made in zip(weights, translations, strict=True)
            for weight, term in zip(
                own, (made.adversarial, made.cycle, made.identity), strict=True
            )
        ]
    )


def pooled(model: Model, i: int, fake: tf.Tensor) -> tf.Tensor:
    """Returns the generated images that the discriminator of a domain sees.

    Args:
        model: A CycleGAN.
        i: 0 for domain a, 1 for domain b.
        fake: Images that were generated in this step.
    """
    if not model.pools:
        return fake
    return model.pools[i](fake, step_seed(model.seed, model.step, IMAGE_POOL, i))


def terms(
    model: Model, d_losses: list[tf.Tensor], a2b: Translation, b2a: Translation
) -> dict[str, tf.Tensor]:
    """Returns the terms of all losses, by metric name."""
    # The mean over the directions that have the term.
    identities = sum(map(bool, model.identity_weight)) or 1
    return {
        "d_loss_a": d_losses[0],
        "d_loss_b": d_losses[1],
        "g_loss_a2b": a2b.adversarial,
        "g_loss_b2a": b2a.adversarial,
        "cycle_loss": (a2b.cycle + b2a.cycle) / 2.0,
        "identity_loss": (a2b.identity + b2a.identity) / identities,
    }


def mean_of(first: tf.Tensor | None, second: tf.Tensor | None) -> tf.Tensor | None:
    """Returns the mean of two scalars, ignoring None."""
    known = [one for one in (first, second) if one is not None]
    return total(known) / len(known) if known else None
