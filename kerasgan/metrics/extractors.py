"""Feature extractors by name."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive
from kerasgan.metrics.efficientnet_lite0 import efficientnet_lite0
from kerasgan.metrics.extraction import FeatureExtractor

# Sides of the images that the extractor `pixels` compares.
PIXELS = 16
# Numbers of filters of `random_conv`, and the seed of its weights.
FILTERS = (32, 64, 128)
SEED = 0


def pixels(channels: int = 3) -> FeatureExtractor:
    """Returns an extractor whose features are the pixels of images of 16 x 16.

    Distances of these features see colors and layout, and nothing else.

    Args:
        channels: Number of channels of the images.
    """
    check_positive(channels=channels)
    images = keras.Input((PIXELS, PIXELS, channels))
    network = keras.Model(images, keras.layers.Flatten()(images), name="pixels")

    def shrink(images: tf.Tensor) -> tf.Tensor:
        return tf.image.resize(images, (PIXELS, PIXELS), "area")

    return FeatureExtractor(network, shrink, channels=channels)


def random_conv(channels: int = 3) -> FeatureExtractor:
    """Returns a convolutional network with random weights, the same in each program.

    Random filters see edges and textures, but no objects. No training data decides
    what they see, so no recipe can be tuned to them. The features are the means and the
    maxima over the image of three layers of 3 x 3 convolutions, each at half the size
    of the layer before.

    Args:
        channels: Number of channels of the images.
    """
    check_positive(channels=channels)
    # NumPy's generator gives the same weights with each version of TensorFlow.
    random = np.random.default_rng(SEED)
    images = keras.Input((None, None, channels))
    x, features, weights = images, [], []
    for filters in FILTERS:
        # With the variance of He et al. 2015, activations keep their scale.
        deviation = np.sqrt(2.0 / (9 * x.shape[-1]))
        weights.append(random.normal(0.0, deviation, (3, 3, x.shape[-1], filters)))
        x = keras.layers.Conv2D(
            filters, 3, 2, "same", activation="relu", use_bias=False
        )(x)
        features.append(keras.layers.GlobalAveragePooling2D()(x))
        features.append(keras.layers.GlobalMaxPooling2D()(x))
    network = keras.Model(
        images, keras.layers.Concatenate()(features), name="random_conv"
    )
    network.set_weights(weights)
    return FeatureExtractor(network, channels=channels)


BY_NAME: dict[str, Callable[[int], FeatureExtractor]] = {
    "pixels": pixels,
    "random_conv": random_conv,
    "efficientnet_lite0": efficientnet_lite0,
}


def feature_extractor(name: str, channels: int = 3) -> FeatureExtractor:
    """Returns the feature extractor of a name.

    Args:
        name: `"pixels"`, `"random_conv"` or `"efficientnet_lite0"`.
        channels: Number of channels of the images.

    Raises:
        ImportError: If the extractor needs a package that is not installed.
        ValueError: If there is no extractor of that name.

    Example:

    >>> extractor = kerasgan.metrics.feature_extractor("random_conv")
    >>> real, fake = extractor.features(photographs), extractor.features(generated)
    >>> kerasgan.metrics.frechet_distance(real, fake)
    3.2
    """
    check_choice("name", name, BY_NAME)
    return BY_NAME[name](channels)
