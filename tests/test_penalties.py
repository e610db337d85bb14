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
    """A discriminator that returns the dot product of an image and the weights."""
    layer = keras.layers.Dense(1, use_bias=False)
    network = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), layer])
    layer.set_weights([np.reshape(weights, (-1, 1))])
    return network


def quadratic():
    """A discriminator whose gradient depends on the image.

    It returns `(w.x)^2`, so that the norm of its gradient is `2 |w.x| |w|`.
    """
    image = keras.Input(SHAPE)
    layer = keras.layers.Dense(1, use_bias=False)
    product = layer(keras.layers.Flatten()(image))
    network = keras.Model(image, keras.layers.Multiply()([product, product]))
    layer.set_weights([np.arange(1.0, 7.0)[:, None] / 10])
    return network


def gradient_norms(x):
    w = np.arange(1.0, 7.0) / 10
    return 2 * np.abs(x.reshape(len(x), -1) @ w) * np.linalg.norm(w)


def call(penalty, network, real=None, fake=None, training=True):
    real = images() if real is None else real
    fake = images(seed=1) if fake is None else fake
    with tf.GradientTape() as tape:
        value = penalty(lambda x: network(x, training=training), real, fake, SEED)
    return float(value), tape.gradient(value, network.trainable_variables)


def test_penalties_of_linear_discriminator():
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


def test_r1_uses_real_images_and_r2_generated_images():
    network = quadratic()
    for penalty, seed in ((penalties.R1(4.0), 0), (penalties.R2(4.0), 1)):
        expected = 2.0 * np.mean(gradient_norms(images(seed=seed)) ** 2)
        assert call(penalty, network)[0] == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_uses_interpolated_images():
    real, fake = images(), images(seed=1)
    fraction = tf.random.stateless_uniform((4, 1, 1, 1), SEED).numpy()
    assert len(np.unique(fraction)) == 4
    interpolated = (1 - fraction) * real + fraction * fake
    expected = 3.0 * np.mean((gradient_norms(interpolated) - 1) ** 2)
    value, _ = call(penalties.GradientPenalty(3.0), quadratic())
    assert value == pytest.approx(expected, rel=1e-5)


def test_constant_discriminator_has_finite_gradient():
    value, (gradient,) = call(penalties.GradientPenalty(10.0), linear(np.zeros(6)))
    assert value == pytest.approx(10.0, rel=1e-4)
    assert np.isfinite(gradient).all()


def test_penalty_of_patches_uses_mean_answer():
    patches = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Conv2D(1, 1, use_bias=False)]
    )
    patches.layers[-1].kernel.assign(np.full((1, 1, 1, 1), 3.0))
    # The derivative of the mean of six patches is 3 / 6 for each of six pixels.
    assert call(penalties.R1(2.0), patches)[0] == pytest.approx(6 * 0.25, rel=1e-5)


def test_penalty_keeps_training_mode_of_discriminator():
    seen = []

    class RecordTraining(keras.layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    image = keras.Input(SHAPE)
    network = keras.Model(image, keras.layers.Dense(1)(RecordTraining()(image)))
    seen.clear()
    for training in (True, False):
        for kind in penalties.NAMES.values():
            call(kind(), network, training=training)
    assert seen == [True] * 3 + [False] * 3


def test_penalty_with_spectral_norm_or_float16_has_gradient():
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
            # The penalty depends on all weights except the last bias.
            assert np.isfinite(value) and np.abs(gradients[0]).max() > 0


@pytest.mark.parametrize("name", penalties.NAMES)
def test_get_by_name_and_serialization(name):
    penalty = penalties.get(name)
    assert type(penalty) is penalties.NAMES[name] and penalty.weight == 10.0
    config = keras.saving.serialize_keras_object(type(penalty)(3))
    restored = keras.saving.deserialize_keras_object(config)
    assert type(restored) is type(penalty) and restored.weight == 3.0


def test_invalid_penalties_raise():
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
