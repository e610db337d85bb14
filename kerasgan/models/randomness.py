"""Random numbers that are a function of (seed, step, replica, purpose).

Nothing is drawn from a hidden stream: a run that is resumed needs only its step
counter to draw what it would have drawn, and no two replicas draw the same.
"""

import random

import tensorflow as tf


def draw_seed():
    """Draws a seed from Python's `random`, which `keras.utils.set_random_seed` sets."""
    return random.randrange(2**31)


def fold_in(seed, *numbers):
    """Mixes whole numbers into a seed, one after the other.

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


def step_seed(seed, step, *purpose):
    """Returns the seed of one draw in one training step on this replica.

    Args:
        seed: Int, the seed of the run.
        step: Scalar integer tensor or variable, the training step.
        *purpose: Ints that tell one draw of a step from another.

    Returns:
        A seed for stateless operations, an integer tensor of shape `(2,)`.
    """
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return fold_in(seed, tf.convert_to_tensor(step), replica, *purpose)
