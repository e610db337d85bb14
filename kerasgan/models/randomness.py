"""Random numbers that are a function of (seed, step, replica, purpose).

Nothing is drawn from hidden state. A resumed run needs only its step counter to draw
the same numbers again, and two replicas never draw the same numbers.
"""

import random

import tensorflow as tf

# A number for each thing that a step draws, so that no two share a seed.
LATENTS, LABEL_NOISE, EVALUATION, IMAGE_POOL, PENALTY = range(5)


def draw_seed() -> int:
    """Draws a seed from Python's `random`, which Keras's `set_random_seed` seeds."""
    return random.randrange(2**31)


def fold_in(seed: int | tf.Tensor, *numbers: int | tf.Tensor) -> tf.Tensor:
    """Mixes integers into a seed, one after the other.

    Args:
        seed: Int, or a seed for stateless operations.
        *numbers: Ints or scalar integer tensors.

    Returns:
        A seed for stateless operations, an integer tensor of shape `(2,)`.
    """
    key = seed if tf.is_tensor(seed) else tf.constant([seed, 0], "int64")
    for number in numbers:
        key = tf.random.experimental.stateless_fold_in(key, tf.cast(number, "int64"))
    return key


def step_seed(
    seed: int, step: int | tf.Tensor | tf.Variable, *purpose: int
) -> tf.Tensor:
    """Returns the seed of one draw in one training step on this replica.

    Args:
        seed: Int, the seed of the run.
        step: The training step.
        *purpose: Ints that distinguish the draws of a step.

    Returns:
        A seed for stateless operations, an integer tensor of shape `(2,)`.
    """
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return fold_in(seed, tf.convert_to_tensor(step), replica, *purpose)
