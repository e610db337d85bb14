import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.schedules import LoweredRate
from kerasgan.training.recovery import LastGoodState
from kerasgan.training.variable_copy import VariableCopy


def values(variables):
    return [tf.convert_to_tensor(variable).numpy() for variable in variables]


def test_restore_keeps_step_and_lowers_rates(trainee):
    model = trainee.compiled(d_rate=0.02, g_rate=0.01)
    fit = dict(verbose=0, shuffle=False)
    model.fit(trainee.data, **fit)
    state = LastGoodState(model)
    state.keep()
    before = values(state.variables())
    drawn = trainee.draw(model)
    model.fit(trainee.data, **fit)
    assert not np.array_equal(trainee.draw(model), drawn)
    state.restore(0.5)
    for a, b in zip(before, values(state.variables()), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(trainee.draw(model), drawn)
    assert int(tf.convert_to_tensor(model.g_optimizer.iterations)) == 2
    assert model.steps_taken == 4 and state.step == 2
    assert float(model.d_optimizer.learning_rate) == pytest.approx(0.01)
    assert float(model.g_optimizer.learning_rate) == pytest.approx(0.005)
    assert model.means["d_loss"].result() == 0
    state.restore(0.5)
    assert float(model.d_optimizer.learning_rate) == pytest.approx(0.005)


def test_state_holds_networks_averages_pools_and_moments(small_cyclegan):
    cyclegan = small_cyclegan()
    held = {id(v) for v in LastGoodState(cyclegan).variables()}
    for network in (
        *(getattr(cyclegan, role) for role in cyclegan.roles),
        cyclegan.ema_generator_ab,
        cyclegan.ema_generator_ba,
    ):
        assert {id(v) for v in network.weights} <= held
    for pool in cyclegan.pools:
        assert {id(pool.images), id(pool.count)} <= held
    assert id(cyclegan.g_optimizer.iterations) in held
    assert id(cyclegan.step) not in held


def test_copy_that_fails_leaves_the_previous_one(small_gan, monkeypatch):
    gan = small_gan()
    state = LastGoodState(gan)
    state.keep()
    before = values(state.variables())
    for variable in gan.generator.weights:
        variable.assign(variable + 1.0)

    def full(self, variables):
        raise OSError("no space left")

    monkeypatch.setattr(VariableCopy, "__init__", full)
    with pytest.raises(OSError, match="no space left"):
        state.keep()
    state.restore(1.0)
    for a, b in zip(before, values(state.variables()), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_restore_lowers_scheduled_rate(small_gan, faces):
    gan = small_gan()
    rate = kerasgan.schedules.ConstantThenLinearDecay(0.1, 100, 100)
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(0.1))
    data = dict(x=faces(), batch_size=8, verbose=0)
    gan.fit(**data)
    state = LastGoodState(gan)
    state.keep()
    state.restore(0.0)
    before = gan.discriminator.get_weights(), gan.generator.get_weights()
    gan.fit(**data)
    for a, b in zip(before[0], gan.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(before[1], gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_lowered_rate_survives_saving(tmp_path, small_gan):
    gan = small_gan()
    rate = kerasgan.schedules.ConstantThenLinearDecay(0.1, 100, 100)
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(0.1))
    state = LastGoodState(gan)
    state.keep()
    state.restore(0.5)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    config = loaded.d_optimizer.get_config()["learning_rate"]
    assert config["class_name"].endswith("LoweredRate")
    lowered = LoweredRate(rate, 0.5)
    again = LoweredRate.from_config(lowered.get_config())
    for step in (0, 150):
        assert float(again(step)) == pytest.approx(0.5 * float(rate(step)))


def test_restore_does_not_reset_dropout(small_gan, faces):
    images = keras.Input((4, 4, 3))
    outputs = keras.layers.Dropout(0.5)(keras.layers.Flatten()(images))
    discriminator = keras.Model(images, keras.layers.Dense(1)(outputs))
    gan = kerasgan.GAN(discriminator, small_gan().generator, seed=0)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    state = LastGoodState(gan)
    state.keep()
    image = faces()[:1]
    first = discriminator(image, training=True)
    state.restore(0.5)
    assert float(first[0, 0]) != float(discriminator(image, training=True)[0, 0])


def test_is_finite(small_gan):
    gan = small_gan()
    state = LastGoodState(gan)
    assert state.is_finite()
    bias = gan.ema_generator.weights[-1]
    bias.assign(np.full(bias.shape, np.inf))
    assert not state.is_finite()
