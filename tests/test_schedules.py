import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.schedules import ConstantThenLinearDecay


def test_the_rate_is_constant_then_decays_linearly_to_zero():
    schedule = ConstantThenLinearDecay(0.2, constant_steps=10, decay_steps=4)
    rates = [float(schedule(step)) for step in (0, 9, 10, 11, 12, 13, 14, 99)]
    expected = [0.2, 0.2, 0.2, 0.15, 0.1, 0.05, 0, 0]
    np.testing.assert_allclose(rates, expected, atol=1e-7)


def test_steps_beyond_the_precision_of_float32_differ():
    schedule = ConstantThenLinearDecay(1.0, 2**25, 4)
    rates = [float(schedule(tf.constant(2**25 + i, "int64"))) for i in range(5)]
    assert rates == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_an_optimizer_applies_the_scheduled_rate():
    optimizer = keras.optimizers.SGD(ConstantThenLinearDecay(1.0, 1, 2))
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    layer.build((None, 1))
    optimizer.build(layer.trainable_variables)
    moved = []
    for _ in range(5):
        optimizer.apply_gradients([(tf.ones((1, 1)), layer.kernel)])
        moved.append(-float(np.asarray(layer.kernel)[0, 0]))
    np.testing.assert_allclose(moved, [1.0, 2.0, 2.5, 2.5, 2.5])


def test_a_schedule_is_serialized_with_its_optimizer():
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
        ((0.0, 1, 1), "initial_learning_rate is 0.0; expected a positive number"),
        ((0.1, -1, 1), "constant_steps is -1; expected a positive integer"),
        ((0.1, 1, 0), "decay_steps is 0; expected a positive integer"),
    ],
)
def test_arguments_out_of_range_raise_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConstantThenLinearDecay(*arguments)
