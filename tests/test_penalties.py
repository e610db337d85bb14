import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import compat, penalties

SHAPE = (2, 3, 1)
SEED = tf.constant([3, 5])


def images(n=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *SHAPE)).astype("float32")


def linear(weights):
    """An answer that is the product of an image with weights."""
    layer = keras.layers.Dense(1, use_bias=False)
    network = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), layer])
    layer.set_weights([np.reshape(weights, (-1, 1))])
    return network


def quadratic():
    """The square of an image's product with weights: its slope is another everywhere.

    The slope at `x` is `2 |w.x| |w|`.
    """
    image = keras.Input(SHAPE)
    layer = keras.layers.Dense(1, use_bias=False)
    product = layer(keras.layers.Flatten()(image))
    network = keras.Model(image, keras.layers.Multiply()([product, product]))
    layer.set_weights([np.arange(1.0, 7.0)[:, None] / 10])
    return network


def slopes(x):
    w = np.arange(1.0, 7.0) / 10
    return 2 * np.abs(x.reshape(len(x), -1) @ w) * np.linalg.norm(w)


def call(penalty, network, real=None, fake=None, training=True):
    real = images() if real is None else real
    fake = images(seed=1) if fake is None else fake
    with tf.GradientTape() as tape:
        value = penalty(lambda x: network(x, training=training), real, fake, SEED)
    return float(value), tape.gradient(value, network.trainable_variables)


def test_of_a_linear_discriminator_the_weights_are_the_gradient():
    weights = np.array([0.5, -1.0, 2.0, 0.0, 1.0, -0.5])
    norm = np.linalg.norm(weights)
    value, (gradient,) = call(penalties.GradientPenalty(7.0), linear(weights))
    assert value == pytest.approx(7.0 * (norm - 1) ** 2, rel=1e-5)
    expected = 7.0 * 2 * (norm - 1) * weights / norm
    np.testing.assert_allclose(gradient[:, 0], expected, rtol=1e-5)
    for kind in (penalties.R1, penalties.R2):
        value, (gradient,) = call(kind(7.0), linear(weights))
        assert value == pytest.approx(3.5 * norm**2, rel=1e-5)
        np.testing.assert_allclose(gradient[:, 0], 7.0 * weights, rtol=1e-5)


def test_r1_looks_at_real_images_and_r2_at_generated_ones():
    network = quadratic()
    for penalty, seed in ((penalties.R1(4.0), 0), (penalties.R2(4.0), 1)):
        expected = 2.0 * np.mean(slopes(images(seed=seed)) ** 2)
        assert call(penalty, network)[0] == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_looks_between_the_two():
    real, fake = images(), images(seed=1)
    place = tf.random.stateless_uniform((4, 1, 1, 1), SEED).numpy()
    assert len(np.unique(place)) == 4
    between = (1 - place) * real + place * fake
    expected = 3.0 * np.mean((slopes(between) - 1) ** 2)
    value, _ = call(penalties.GradientPenalty(3.0), quadratic())
    assert value == pytest.approx(expected, rel=1e-5)


def test_a_flat_discriminator_has_a_gradient_that_is_a_number():
    value, (gradient,) = call(penalties.GradientPenalty(10.0), linear(np.zeros(6)))
    assert value == pytest.approx(10.0, rel=1e-4)
    assert np.isfinite(gradient).all()


def test_of_a_map_the_mean_counts():
    patches = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Conv2D(1, 1, use_bias=False)]
    )
    patches.layers[-1].kernel.assign(np.full((1, 1, 1, 1), 3.0))
    # The mean of six patches has a slope of 3 / 6 in each of six pixels.
    assert call(penalties.R1(2.0), patches)[0] == pytest.approx(6 * 0.25, rel=1e-5)


def test_the_mode_of_the_discriminator_is_that_of_training():
    seen = []

    class Notes(keras.layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    image = keras.Input(SHAPE)
    network = keras.Model(image, keras.layers.Dense(1)(Notes()(image)))
    seen.clear()
    for training in (True, False):
        for kind in penalties.NAMES.values():
            call(kind(), network, training=training)
    assert seen == [True] * 3 + [False] * 3


def test_spectral_normalization_and_half_precision_have_a_gradient():
    layer = keras.layers.Conv2D(4, 2, dtype="mixed_float16")
    for inside in (
        layer,
        compat.spectral_normalization(keras.layers.Conv2D(4, 2), "s"),
    ):
        network = keras.Sequential(
            [
                keras.Input(SHAPE),
                inside,
                keras.layers.LeakyReLU(0.2),
                keras.layers.Flatten(),
                keras.layers.Dense(1),
            ]
        )
        for kind in penalties.NAMES.values():
            value, gradients = call(kind(), network)
            # All but the last bias have a part in the slope.
            assert np.isfinite(value) and np.abs(gradients[0]).max() > 0


@pytest.mark.parametrize("name", penalties.NAMES)
def test_a_name_and_a_config_give_the_penalty(name):
    penalty = penalties.get(name)
    assert type(penalty) is penalties.NAMES[name] and penalty.weight == 10.0
    config = keras.saving.serialize_keras_object(type(penalty)(3))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(penalty) and again.weight == 3.0


def test_what_is_no_penalty():
    assert penalties.get_all(None) == []
    with pytest.raises(ValueError, match=r"penalties is 'r1'; expected a list"):
        penalties.get_all("r1")
    for value, message in (
        ("r3", "penalties is 'r3'; did you mean 'r"),
        (penalties.R1, r"penalties has the class R1; expected an instance, R1\(\)"),
        (10.0, "penalties has 10.0; expected one of 'gradient_penalty', 'r1', 'r2'"),
    ):
        with pytest.raises(ValueError, match=message):
            penalties.get(value)
    for weight in (-1.0, float("nan"), "1"):
        with pytest.raises(ValueError, match=r"weight is .*; expected a number of at"):
            penalties.GradientPenalty(weight)
