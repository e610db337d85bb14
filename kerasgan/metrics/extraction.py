"""`FeatureExtractor`: a network with its preprocessing, for metrics of features."""

import hashlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.metrics.image_arrays import Images, batches_of, check_range


class FeatureExtractor:
    """A Keras model and its preprocessing, which turn images into features.

    Args:
        network: Keras model from preprocessed images to features of shape `(n, d)`.
        preprocess: Function from a float32 tensor of images
            `(n, height, width, channels)` in [-1, 1] to the input of the network, made
            of TensorFlow operations. By default, the network takes the images as they
            are.
        channels: Number of channels of the images, or None if any number is fine.
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
        channels: int | None = None,
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
        self.channels = channels
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
            ValueError: If the images are of another kind, have another number of
                channels, or are outside [-1, 1].
        """
        parts = [np.zeros((0, self.width), "float32")]
        for batch in batches_of(name, images):
            batch = np.asarray(batch, "float32")
            if self.channels not in (None, batch.shape[-1]):
                raise ValueError(
                    f"{name} has {batch.shape[-1]} channels; {self.name} expects "
                    f"{self.channels}."
                )
            if len(batch):
                check_range(name, batch)
            parts += [
                np.asarray(self._extract(tf.constant(batch[i : i + self.batch_size])))
                for i in range(0, len(batch), self.batch_size)
            ]
        return np.concatenate(parts)

    @property
    def weights_hash(self) -> str:
        """SHA-256 of the shapes and values of all weights of the network."""
        digest = hashlib.sha256()
        for weight in self.network.get_weights():
            digest.update(f"{weight.shape} {weight.dtype}\n".encode())
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()
