import hashlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics import FeatureExtractor


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


def test_the_hash_is_that_of_the_weights():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(x))
    kernel = np.arange(32, dtype="float32").reshape(16, 2)
    network.set_weights([kernel])
    expected = hashlib.sha256(b"(16, 2) float32\n" + kernel.tobytes()).hexdigest()
    extractor = FeatureExtractor(network)
    assert extractor.weights_hash == expected
    network.set_weights([kernel + 1.0])
    assert extractor.weights_hash != expected
    assert FeatureExtractor(network).weights_hash == extractor.weights_hash


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


def test_unsupported_networks_raise_an_error():
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    with pytest.raises(ValueError, match=r"outputs of shape \(None, 6, 6, 4\); expec"):
        FeatureExtractor(network)
