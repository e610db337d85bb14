"""Feature extractors: networks with their preprocessing, for metrics of features."""

import hashlib
from collections.abc import Callable
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive
from kerasgan.metrics.image_arrays import Images, batches_of, check_range

# Sides of the images that the extractor `pixels` compares.
PIXELS = 16
# Numbers of filters of `random_conv`, and the seed of its weights.
FILTERS = (32, 64, 128)
SEED = 0


class FeatureExtractor:
    """A Keras model and its preprocessing, which turn images into features.

    Args:
        network: Keras model from preprocessed images to features of shape `(n, d)`.
        preprocess: Function from a float32 tensor of images
            `(n, height, width, channels)` in [-1, 1] to the input of the network, made
            of TensorFlow operations. By default, the network takes the images as they
            are.
        name: Name in messages and records; that of the network by default.
        batch_size: Number of images that the network sees at once.

    Example:

    >>> vgg = keras.applications.VGG16(include_top=False, pooling="avg")
    >>> extractor = kerasgan.metrics.FeatureExtractor(
    ...     vgg,
    ...     lambda images: keras.applications.vgg16.preprocess_input(
    ...         127.5 * (images + 1.0)
    ...     ),
    ... )
    >>> extractor.features(images).shape
    (1000, 512)
    """

    def __init__(
        self,
        network: keras.Model,
        preprocess: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
        *,
        name: str | None = None,
        batch_size: int = 64,
    ) -> None:
        check_positive(batch_size=batch_size)
        shape = network.output_shape
        if not isinstance(shape, tuple) or len(shape) != 2 or shape[1] is None:
            raise ValueError(
                f"network has outputs of shape {shape}; expected features of shape "
                "(n, d)."
            )
        self.network, self.preprocess = network, preprocess
        self.name = name or network.name
        self.batch_size = batch_size
        self.width = int(shape[1])
        self._extract = tf.function(self.__call__, reduce_retracing=True)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the features of a batch of images, also in a `tf.function`."""
        inputs = self.preprocess(tf.cast(images, "float32"))
        return tf.cast(self.network(inputs, training=False), "float32")

    def features(self, images: Images, name: str = "images") -> np.ndarray:
        """Returns the features of each image.

        Args:
            images: Float array of shape `(n, height, width, channels)` in [-1, 1], or
                a `tf.data.Dataset` of batches of that shape.
            name: Name of the argument, for error messages.

        Returns:
            A float32 array of shape `(n, d)`.

        Raises:
            ValueError: If the images are of another kind, or outside [-1, 1].
        """
        parts = [np.zeros((0, self.width), "float32")]
        for batch in batches_of(name, images):
            batch = np.asarray(batch, "float32")
            if len(batch):
                check_range(name, batch)
            parts += [
                np.asarray(self._extract(tf.constant(batch[i : i + self.batch_size])))
                for i in range(0, len(batch), self.batch_size)
            ]
        return np.concatenate(parts)

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 of the shapes and values of all weights of the network."""
        digest = hashlib.sha256()
        for weight in self.network.get_weights():
            digest.update(f"{weight.shape} {weight.dtype}\n".encode())
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()


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

    return FeatureExtractor(network, shrink)


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
    return FeatureExtractor(network)


BY_NAME = {"pixels": pixels, "random_conv": random_conv}


def feature_extractor(name: str, channels: int = 3) -> FeatureExtractor:
    """Returns the feature extractor of a name.

    Args:
        name: `"pixels"` or `"random_conv"`.
        channels: Number of channels of the images.

    Raises:
        ValueError: If there is no extractor of that name.

    Example:

    >>> extractor = kerasgan.metrics.feature_extractor("random_conv")
    >>> real, fake = extractor.features(photographs), extractor.features(generated)
    >>> kerasgan.metrics.frechet_distance(real, fake)
    3.2
    """
    check_choice("name", name, BY_NAME)
    return BY_NAME[name](channels)
