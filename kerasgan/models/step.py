"""Functions of a training step that need the model's state."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan.models.moves import (
    DiscriminatorBatch,
    Outputs,
    apply,
    differentiate,
    discriminate,
)
from kerasgan.models.objectives import (
    Objective,
    discriminator_objective,
    penalty_of,
)
from kerasgan.models.randomness import (
    EVALUATION,
    LABEL_NOISE,
    PENALTY,
    step_seed,
)

# `model` is an AdversarialModel in all of this module. Its module imports this one.
Model = Any


def discriminators_objective(
    model: Model, d_batches: Sequence[DiscriminatorBatch], update: int = 0
) -> tuple[Objective, list[tf.Tensor]]:
    """Returns what the discriminators minimize in training.

    Args:
        model: An adversarial model.
        d_batches: The `DiscriminatorBatch` of each discriminator.
        update: Number of this update within the step.

    Returns:
        The `Objective`, and the list of each discriminator's loss.
    """
    seed = step_seed(model.seed, model.step, PENALTY, update)
    outputs = [discriminate(one, training=True) for one in d_batches]
    return discriminator_objective(
        model.loss_fn,
        outputs,
        draw_labels(model, outputs, update),
        penalty_of(model.penalties, d_batches, seed, training=True),
    )


def minimize(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    objective: Objective,
    variables: Sequence[tf.Variable],
) -> None:
    """Updates variables once.

    Args:
        optimizer: A Keras optimizer.
        tape: The tape that recorded the objective.
        objective: The `Objective` of the variables.
        variables: List of variables.
    """
    gradients = differentiate(optimizer, tape, objective.value, variables)
    apply(optimizer, gradients, variables)


def evaluate_discriminators(
    model: Model, d_batches: Sequence[DiscriminatorBatch], seed: tf.Tensor
) -> tuple[Objective, list[tf.Tensor], list[Outputs]]:
    """Returns what the discriminators would minimize, without label noise.

    Args:
        model: An adversarial model.
        d_batches: The `DiscriminatorBatch` of each discriminator.
        seed: A seed for stateless operations.

    Returns:
        The `Objective`, and the lists of each discriminator's loss and `Outputs`.
    """
    # Regularization belongs to training, and is not evaluated.
    outputs = [
        discriminate(one, training=False)._replace(regularization=None)
        for one in d_batches
    ]
    penalty = penalty_of(model.penalties, d_batches, seed, training=False)
    objective, losses = discriminator_objective(model.loss_fn, outputs, None, penalty)
    return objective, losses, outputs


def needs_real(loss_fn: Any) -> bool:
    """Returns whether the generator's loss uses outputs for real images."""
    return getattr(loss_fn, "generator_needs_real", True)


def draw_labels(
    model: Model, outputs: Sequence[Outputs], update: int
) -> list[tuple[tf.Tensor, tf.Tensor]] | None:
    """Draws noisy labels of real and generated images for each discriminator.

    Each label is moved towards the other class by a number drawn uniformly between 0
    and `model.label_noise`.

    Args:
        model: An adversarial model.
        outputs: The `Outputs` of each discriminator.
        update: Number of this update within the step.

    Returns:
        For each discriminator a pair of tensors of its outputs' shapes, or None without
        label noise.
    """
    if not model.label_noise:
        return None

    def noise(shown: tf.Tensor, discriminator: int, player: int) -> tf.Tensor:
        draw = update * len(outputs) + discriminator
        return tf.random.stateless_uniform(
            tf.shape(shown),
            step_seed(model.seed, model.step, LABEL_NOISE, draw, player),
            maxval=model.label_noise,
            dtype=shown.dtype,
        )

    return [
        (1.0 - noise(one.real, i, 0), noise(one.fake, i, 1))
        for i, one in enumerate(outputs)
    ]


def evaluation_seed(model: Model) -> tf.Tensor:
    """Returns the seed of one batch of an evaluation.

    It depends only on the number of images since the metrics were reset, so repeated
    evaluations draw the same numbers.
    """
    seen = tf.cast(tf.convert_to_tensor(model.means["d_loss"].count), "int64")
    return step_seed(model.seed, seen, EVALUATION)


def report(model: Model, terms: dict[str, tf.Tensor], one: DiscriminatorBatch) -> None:
    """Updates metrics, weighted by the number of images: a last batch may be smaller.

    Args:
        model: An adversarial model.
        terms: Means over a batch, by metric name.
        one: The `DiscriminatorBatch` that they are from.
    """
    n = tf.shape(one.batch.real)[0]
    for name, value in terms.items():
        model.means[name].update_state(value, sample_weight=n)
        model.reported.add(name)


def count_step(model: Model, images: tf.Tensor) -> None:
    """Counts a training step.

    Args:
        model: An adversarial model.
        images: Images from the data of the step. At the end of data of unknown length,
            TensorFlow begins a step that has no batch and must not count it.
    """
    # Of tensors that depend on the step's random numbers, TensorFlow may optimize the
    # order away, and then draw them after the step is counted.
    with tf.control_dependencies([images]):
        model.step.assign_add(1)
