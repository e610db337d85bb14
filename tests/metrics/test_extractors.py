import hashlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics import FeatureExtractor, feature_extractor, kernel_distance


def images(n, size=24, channels=3, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (n, size, size, channels)).astype("float32")


def mean_extractor(**options):
    """Its features are the mean of each channel, of images in [0, 255]."""
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    return FeatureExtractor(network, lambda x: 127.5 * (x + 1.0), **options)


@pytest.mark.parametrize("batch_size", [64, 3])
def test_features_are_of_the_preprocessed_images(batch_size):
    extractor, real = mean_extractor(batch_size=batch_size), images(7)
    expected = 127.5 * (real.mean(axis=(1, 2)) + 1.0)
    features = extractor.features(real)
    assert features.dtype == np.float32 and extractor.width == 3
    np.testing.assert_allclose(features, expected, rtol=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices(real).batch(4)
    np.testing.assert_allclose(extractor.features(dataset), expected, rtol=1e-5)
    np.testing.assert_allclose(tf.function(extractor)(real), expected, rtol=1e-5)


def test_the_network_is_called_in_inference_mode():
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.BatchNormalization(epsilon=0.0)(x))
    real = images(5, channels=1)
    np.testing.assert_allclose(
        FeatureExtractor(network).features(real), real.mean(axis=(1, 2)), rtol=1e-4
    )


def test_mixed_precision_returns_float32():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, dtype="mixed_float16")(inputs)
    x = keras.layers.GlobalAveragePooling2D(dtype="mixed_float16")(x)
    assert FeatureExtractor(keras.Model(inputs, x)).features(images(2)).dtype == "f4"


@pytest.mark.parametrize("name", ["pixels", "random_conv"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_extractors_by_name(name, channels):
    extractor = feature_extractor(name, channels)
    assert extractor.name == name
    for size in (24, 33):
        features = extractor.features(images(3, size, channels))
        assert features.shape == (3, extractor.width)
        assert np.isfinite(features).all() and (features.std(axis=0) > 0).any()


def test_pixels_are_those_of_a_smaller_image():
    real = images(2, size=32)
    blocks = real.reshape(2, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(
        feature_extractor("pixels").features(real), blocks.reshape(2, -1), atol=1e-6
    )


def test_random_features_tell_textures_apart():
    noise, other = images(200), images(200, seed=1)
    smooth = np.repeat(np.repeat(images(200, size=6, seed=2), 4, axis=1), 4, axis=2)
    real, same, fake = map(
        feature_extractor("random_conv").features, (noise, other, smooth)
    )
    value, error = kernel_distance(real, same)
    assert abs(value) < 3 * error
    value, error = kernel_distance(real, fake)
    assert value > 10 * error


def test_random_weights_do_not_depend_on_the_program():
    # Values in this network are comparable as long as this does not change.
    assert feature_extractor("random_conv").weights_hash == (
        "169cd299b95b4a3aa63f6409700abad37286038924b3047efa92cefee515c984"
    )


def test_the_hash_is_that_of_the_weights():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(x))
    kernel = np.arange(32, dtype="float32").reshape(16, 2)
    network.set_weights([kernel])
    expected = hashlib.sha256(b"(16, 2) float32\n" + kernel.tobytes()).hexdigest()
    assert FeatureExtractor(network).weights_hash == expected
    network.set_weights([kernel + 1.0])
    assert FeatureExtractor(network).weights_hash != expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (2.0 * np.ones((2, 8, 8, 3)), "images has values from 2 to 2; expected images"),
        (np.full((2, 8, 8, 3), np.nan), "images has values from nan to nan"),
        (np.zeros((8, 8, 3)), r"images has shape \(8, 8, 3\); expected \(n, height"),
    ],
)
def test_unsupported_images_raise_an_error(given, message):
    with pytest.raises(ValueError, match=message):
        mean_extractor().features(given)


def test_other_numbers_of_channels_raise_an_error():
    with pytest.raises(ValueError, match="images has 1 channels; pixels expects 3"):
        feature_extractor("pixels").features(np.zeros((2, 8, 8, 1)))


def test_unsupported_networks_and_names_raise_an_error():
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    with pytest.raises(ValueError, match=r"outputs of shape \(None, 6, 6, 4\); expec"):
        FeatureExtractor(network)
    with pytest.raises(ValueError, match="name is 'random'; did you mean 'random_c"):
        feature_extractor("random")
