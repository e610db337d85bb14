import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import compat, layers
from kerasgan.layers import ReflectionPadding2D, instance_normalization, residual_block

FIXTURE = pathlib.Path(__file__).parent / "fixtures" / "instance_normalization.npz"


def draw_images():
    # Deviations down to 0.01, where epsilon has an effect.
    deviations = np.array([0.01, 0.1, 1.0, 10.0])
    return np.random.default_rng(0).normal(3.0, deviations, (3, 6, 5, 4)).astype("f")


def numpy_instance_normalization(images, epsilon, gamma=1.0, beta=0.0):
    images = images.astype("float64")
    mean = images.mean((1, 2), keepdims=True)
    variance = ((images - mean) ** 2).mean((1, 2), keepdims=True)
    return gamma * (images - mean) / np.sqrt(variance + epsilon) + beta


def build(layer, shape, gamma, beta):
    layer.build((None, *shape[1:]))
    layer.set_weights([gamma, beta])
    return layer


@pytest.mark.parametrize("options", [{}, {"epsilon": 1e-3}])
def test_instance_normalization_follows_the_formula(options):
    images = draw_images()
    output = np.asarray(instance_normalization(**options)(images))
    expected = numpy_instance_normalization(images, options.get("epsilon", 1e-5))
    np.testing.assert_allclose(output, expected, atol=2e-4)
    # Another epsilon would fail.
    other = numpy_instance_normalization(images, 1e-3 if not options else 1e-5)
    assert np.abs(output - other).max() > 0.1


def test_each_channel_has_its_scale_and_offset():
    images = draw_images()
    gamma, beta = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.0, 1.0, -1.0, 0.5])
    layer = build(instance_normalization(), images.shape, gamma, beta)
    np.testing.assert_allclose(
        np.asarray(layer(images)),
        numpy_instance_normalization(images, 1e-5, gamma, beta),
        atol=1e-3,
    )


def test_instance_normalization_has_a_name_and_an_initializer():
    layer = instance_normalization(
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02), name="norm"
    )
    layer.build((None, 2, 2, 4096))
    gamma, beta = layer.get_weights()
    assert layer.name == "norm"
    assert abs(gamma.mean() - 1) < 2e-3 and abs(gamma.std() - 0.02) < 2e-3
    assert (beta == 0).all()


@pytest.mark.parametrize("epsilon", ["1e-5", "1e-3"])
def test_instance_normalization_computes_what_tensorflow_addons_computes(epsilon):
    with np.load(FIXTURE) as fixture:
        layer = build(
            instance_normalization(epsilon=float(epsilon)),
            fixture["images"].shape,
            fixture["gamma"],
            fixture["beta"],
        )
        output = np.asarray(layer(fixture["images"]))
        np.testing.assert_allclose(output, fixture[f"output_{epsilon}"], atol=1e-5)


def test_a_model_with_instance_normalization_can_be_saved(tmp_path):
    image = keras.Input((6, 5, 4))
    model = keras.Model(image, instance_normalization(epsilon=1e-3)(image))
    model.set_weights([np.arange(4.0), np.arange(4.0)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = draw_images()
    np.testing.assert_array_equal(np.asarray(loaded(images)), np.asarray(model(images)))


@pytest.mark.skipif(compat.KERAS_3, reason="TensorFlow Addons ended before Keras 3")
def test_with_keras_2_the_layer_is_that_of_tensorflow_addons():
    import tensorflow_addons as tfa

    images = draw_images()
    gamma, beta = np.linspace(-1, 2, 4), np.linspace(2, -1, 4)
    layer = build(instance_normalization(), images.shape, gamma, beta)
    groups = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
    groups = build(groups, images.shape, gamma, beta)
    assert type(layer) is tfa.layers.InstanceNormalization
    np.testing.assert_allclose(layer(images), groups(images), atol=1e-5)


@pytest.mark.parametrize("center, scale", [(False, False), (True, False)])
def test_offset_and_scale_are_optional(center, scale):
    images = draw_images()
    layer = instance_normalization(center=center, scale=scale)
    output = np.asarray(layer(images))
    assert len(layer.weights) == center + scale
    np.testing.assert_allclose(
        output, numpy_instance_normalization(images, 1e-5), atol=2e-4
    )


@pytest.mark.parametrize("padding", [1, 3])
def test_reflection_padding_equals_numpys(padding):
    images = draw_images()
    sides = (padding, padding)
    expected = np.pad(images, [(0, 0), sides, sides, (0, 0)], mode="reflect")
    layer = ReflectionPadding2D(padding)
    np.testing.assert_array_equal(np.asarray(layer(images)), expected)
    assert tuple(layer.compute_output_shape(images.shape)) == expected.shape
    assert tuple(layer.compute_output_shape((None, None, 5, 4))) == (
        None,
        None,
        5 + 2 * padding,
        4,
    )


def test_reflection_padding_of_any_size_can_be_saved(tmp_path):
    image = keras.Input((None, None, 4))
    model = keras.Model(image, ReflectionPadding2D(2, name="pad")(image))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("pad").padding == 2
    assert loaded(draw_images()).shape == (3, 10, 9, 4)


@pytest.mark.parametrize("padding", [0, 1.5, None])
def test_a_padding_that_is_not_a_positive_integer_raises_an_error(padding):
    with pytest.raises(ValueError, match=r"padding is .*; expected a positive integer"):
        ReflectionPadding2D(padding)


def test_a_residual_block_adds_its_input():
    maps = keras.Input((None, None, 4))
    block = keras.Model(maps, residual_block(maps, None, name="block"))
    first, second = (block.get_layer(f"block_conv_{i}") for i in (1, 2))
    center = np.zeros((3, 3, 4, 4), "float32")
    center[1, 1] = np.eye(4)
    first.set_weights([center, np.full(4, 1.0)])
    second.set_weights([center, np.full(4, -0.5)])
    images = draw_images()
    expected = images + np.maximum(images + 1, 0) - 0.5
    np.testing.assert_allclose(np.asarray(block(images)), expected, atol=1e-5)


def test_leaky_relu_has_the_values_and_gradients_of_tensorflow():
    maps = keras.Input((4, 4, 2))
    network = keras.Model(maps, layers.leaky_relu(maps, "leaky"))
    x = tf.constant(np.random.default_rng(0).normal(size=(3, 4, 4, 2)), "float32")
    results = []
    for function in (network, lambda x: tf.nn.leaky_relu(x, 0.2)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            loss = tf.reduce_sum(y**2)
        results.append((y, tape.gradient(loss, x)))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert [layer.name for layer in network.layers][-1] == "leaky"


def test_spectral_normalization_keeps_a_kernel_of_zeros():
    layer = layers.convolution(4, 3, spectral_normalization=True)
    images = tf.constant(draw_images())
    layer(images)
    kernel, *others = layer.get_weights()
    layer.set_weights([0 * kernel, *others])
    output = tf.function(layer)(images, training=True)
    np.testing.assert_array_equal(np.asarray(output), 0)
    assert all(np.isfinite(weight).all() for weight in layer.get_weights())
