"""What each player minimizes: pure functions of outputs, without updates."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from kerasgan.models.moves import DiscriminatorBatch, Outputs, call_discriminator, total
from kerasgan.models.randomness import fold_in


class Objective(NamedTuple):
    """What a player minimizes.

    Attributes:
        value: Scalar tensor that the player minimizes.
        terms: The scalars to report, by metric name.
    """

    value: tf.Tensor
    terms: dict[str, tf.Tensor]


def discriminator_objective(
    loss_fn: Any,
    outputs: Sequence[Outputs],
    labels: Sequence[tuple[tf.Tensor, tf.Tensor]] | None,
    penalty: tf.Tensor | None,
) -> tuple[Objective, list[tf.Tensor]]:
    """Returns what discriminators minimize: loss, penalties and regularization.

    Args:
        loss_fn: An adversarial loss.
        outputs: The `Outputs` of each discriminator.
        labels: Labels of real and generated images for each discriminator, or None
            for the loss's own.
        penalty: The sum of all penalties, or None.

    Returns:
        The `Objective`, and the list of each discriminator's loss.
    """
    losses = [
        loss_fn.discriminator_loss(one.real, one.fake)
        if labels is None
        else loss_fn.discriminator_loss(one.real, one.fake, labels=labels[i])
        for i, one in enumerate(outputs)
    ]
    terms = {
        "d_loss": total(losses),
        "real_score": _mean_score([one.real for one in outputs]),
        "fake_score": _mean_score([one.fake for one in outputs]),
    }
    parts = [terms["d_loss"]]
    if penalty is not None:
        terms["penalty"] = penalty
        parts.append(penalty)
    own = [one.regularization for one in outputs if one.regularization is not None]
    if own:
        terms["d_regularization"] = total(own)
        parts.append(terms["d_regularization"])
    return Objective(total(parts), terms), losses


def generator_objective(
    loss: tf.Tensor, regularizations: Sequence[tf.Tensor | None]
) -> Objective:
    """Returns what generators minimize: their loss and regularization losses.

    Args:
        loss: The generators' loss, a scalar tensor.
        regularizations: The regularization losses of each generator, or None.
    """
    terms = {"g_loss": loss}
    own = [one for one in regularizations if one is not None]
    if not own:
        return Objective(loss, terms)
    terms["g_regularization"] = total(own)
    return Objective(total([loss, terms["g_regularization"]]), terms)


def penalty_of(
    penalties: Sequence[Callable[..., tf.Tensor]],
    d_batches: Sequence[DiscriminatorBatch],
    seed: tf.Tensor,
    training: bool,
) -> tf.Tensor | None:
    """Returns the sum of all penalties of all discriminators, or None without any.

    Args:
        penalties: List of callables of `(discriminate, real, fake, seed)`.
        d_batches: The `DiscriminatorBatch` of each discriminator.
        seed: A seed for stateless operations. Each penalty gets another one.
        training: Whether the discriminators train.
    """
    values = []
    for i, one in enumerate(d_batches):

        def discriminate(images: tf.Tensor, one: DiscriminatorBatch = one) -> tf.Tensor:
            outputs, _ = call_discriminator(
                one.discriminator,
                images,
                condition=one.batch.condition,
                training=training,
            )
            return outputs[0]

        values += [
            penalty(discriminate, one.batch.real, one.fake, fold_in(seed, i, j))
            for j, penalty in enumerate(penalties)
        ]
    return total(values) if values else None


def _mean_score(outputs: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_mean(one) for one in outputs]) / len(outputs)
