"""Schedules: closed forms, the optimizer's own count, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.schedules import ConstantThenLinearDecay


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.2),
        (9, 0.2),
        (10, 0.2),
        (11, 0.15),
        (12, 0.1),
        (13, 0.05),
        (14, 0),
        (99, 0),
    ],
)
def test_the_rate_stays_then_falls_to_zero_in_a_straight_line(step, rate):
    schedule = ConstantThenLinearDecay(0.2, constant_steps=10, decay_steps=4)
    assert float(schedule(step)) == pytest.approx(rate, abs=1e-7)


def test_steps_beyond_what_float32_counts_are_told_apart():
    schedule = ConstantThenLinearDecay(1.0, 2**25, 4)
    rates = [float(schedule(tf.constant(2**25 + i, "int64"))) for i in range(5)]
    assert rates == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_an_optimizer_moves_its_weights_by_the_scheduled_rate():
    optimizer = keras.optimizers.SGD(ConstantThenLinearDecay(1.0, 1, 2))
    weight = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    weight.build((None, 1))
    optimizer.build(weight.trainable_variables)
    places = []
    for _ in range(5):
        optimizer.apply_gradients([(tf.ones((1, 1)), weight.kernel)])
        places.append(-float(np.asarray(weight.kernel)[0, 0]))
    np.testing.assert_allclose(places, [1.0, 2.0, 2.5, 2.5, 2.5])


def test_it_is_saved_with_an_optimizer():
    optimizer = keras.optimizers.Adam(ConstantThenLinearDecay(2e-4, 7, 5))
    config = keras.saving.serialize_keras_object(optimizer)
    schedule = keras.saving.deserialize_keras_object(config)._learning_rate
    assert isinstance(schedule, kerasgan.schedules.ConstantThenLinearDecay)
    assert schedule.get_config() == {
        "initial_learning_rate": 2e-4,
        "constant_steps": 7,
        "decay_steps": 5,
    }


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0.0, 1, 1), "initial_learning_rate is 0.0; expected a number above 0"),
        ((0.1, -1, 1), "constant_steps is -1; expected a whole number"),
        ((0.1, 1, 0), "decay_steps is 0; expected a whole number of at least 1"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConstantThenLinearDecay(*arguments)
