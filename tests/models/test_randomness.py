import random

import keras
import numpy as np
import tensorflow as tf

from kerasgan.models.randomness import draw_seed, fold_in, step_seed


def test_draw_seed_follows_set_random_seed():
    keras.utils.set_random_seed(4)
    first = [draw_seed() for _ in range(3)]
    random.seed(4)
    assert first == [draw_seed() for _ in range(3)]
    assert len(set(first)) == 3 and all(0 <= seed < 2**31 for seed in first)


def test_fold_in_depends_on_numbers_and_order():
    numbers = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1)]
    seeds = [tuple(fold_in(seed, *n).numpy()) for seed in (0, 1) for n in numbers]
    assert len(set(seeds)) == len(seeds)
    assert seeds == [
        tuple(fold_in(seed, *n).numpy()) for seed in (0, 1) for n in numbers
    ]


def test_draws_of_consecutive_steps_are_uncorrelated():
    draws = np.stack(
        [tf.random.stateless_normal((500,), step_seed(3, step, 0)) for step in range(8)]
    )
    correlations = np.corrcoef(draws) - np.eye(8)
    # 4.5 standard deviations of the correlation of 500 independent pairs.
    assert np.abs(correlations).max() < 4.5 / np.sqrt(500)


def test_step_seed_is_same_in_graph_mode():
    step = tf.Variable(7, dtype="int64")
    inside = tf.function(lambda: step_seed(2, step, 1))()
    np.testing.assert_array_equal(inside, step_seed(2, 7, 1))
