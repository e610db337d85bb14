"""`AttributeClassifier`: tells images with an attribute from images without it."""

import io
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.files import atomic_write
from kerasgan.metrics.classifier_training import (
    classifier_network,
    labeled_batches,
    train_network,
)
from kerasgan.metrics.image_arrays import Images, batches_of, check_range

# Name of the file inside the saved archive that contains the metadata.
METADATA = "attribute_classifier.json"
# Number of images classified at once, which bounds the memory.
BATCH_SIZE = 256


class AttributeClassifier:
    """A small convolutional network that tells images of two domains apart.

    It is trained on real images in minutes, and then measures translated images:
    which fraction it assigns to the other domain, and how far their features are from
    those of real images. `held_out_accuracy` is its accuracy on images not used in
    training.

    The network first averages images down to about 32 pixels (64 from 128 pixels on).
    In training, images are shifted, flipped, blurred, and covered with noise. Patterns
    that are finer or weaker than the attribute therefore do not change the prediction.
    Predictions are the mean over an image and its mirror image.

    Use `train` or `load` to create a classifier.

    Args:
        network: Keras model from images `(batch, height, width, channels)` to one
            logit, high for domain a, that ends in layers named `features` and `logit`.
        metadata: Dict about the classifier, with the key `held_out_accuracy`.

    Example:

    >>> train, test = (
    ...     kerasgan.data.celeb_a_by_attribute("Male", 64, split)
    ...     for split in ("train", "test")
    ... )
    >>> classifier = kerasgan.metrics.AttributeClassifier.train(*train, held_out=test)
    >>> classifier.held_out_accuracy
    0.95
    >>> classifier.save("male.keras")
    """

    def __init__(self, network: keras.Model, metadata: dict[str, Any]) -> None:
        self.network = network
        self.metadata = dict(metadata)
        features = keras.Model(network.input, network.get_layer("features").output)
        logit = network.get_layer("logit")

        @tf.function(
            input_signature=[tf.TensorSpec((None, *self.image_shape), "float32")]
        )
        def classify(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # The orientation has no meaning, and a mean of two has a smaller error.
            both = [
                features(x, training=False) for x in (images, tf.reverse(images, [2]))
            ]
            mean = (both[0] + both[1]) / 2.0
            return mean, logit(mean)

        self._classify: Callable[[np.ndarray], tuple[tf.Tensor, tf.Tensor]] = classify

    @classmethod
    def train(
        cls,
        a: Images,
        b: Images,
        *,
        held_out: tuple[Images, Images],
        steps: int = 1200,
        batch_size: int = 32,
        seed: int = 0,
        verbose: int | str = "auto",
    ) -> "AttributeClassifier":
        """Trains a classifier on real images of two domains.

        Half of the images of each batch are of domain a, even if one domain has more
        images than the other. 1,200 steps at 64 pixels take about two minutes on two
        CPU cores.

        Args:
            a: Images with the attribute, as a `tf.data.Dataset` of float batches
                `(n, height, width, channels)` in [-1, 1], or an array. Arrays are
                shuffled; datasets are not, but those of
                `kerasgan.data.celeb_a_by_attribute` already are.
            b: Images without the attribute, of the same shape.
            held_out: Pair `(a, b)` of images not used in training, on which the
                accuracy is measured.
            steps: Number of training steps.
            batch_size: Number of images in a batch.
            seed: Integer that determines the initial weights and the augmentation.
            verbose: As in `keras.Model.fit`.

        Returns:
            An `AttributeClassifier`.

        Raises:
            ValueError: If the images are of another kind, or differ in shape.
        """
        check_positive(steps=steps, batch_size=batch_size)
        if not isinstance(held_out, (tuple, list)) or len(held_out) != 2:
            raise ValueError(
                f"held_out is a {type(held_out).__name__}; expected a pair (a, b) of "
                "images."
            )
        images = {
            "a": a,
            "b": b,
            "held_out[0]": held_out[0],
            "held_out[1]": held_out[1],
        }
        seen = {name: _check_images(name, part) for name, part in images.items()}
        shape = seen["a"][1]
        for name, (_, other) in seen.items():
            if other != shape:
                raise ValueError(
                    f"{name} has images of shape {other}; expected {shape}, as a has."
                )
        network = classifier_network(shape, seed)
        batches = labeled_batches(a, b, max(1, batch_size // 2), seed)
        train_network(network, batches, steps, verbose)
        classifier = cls(network, {})
        classifier.metadata = {
            "held_out_accuracy": classifier._balanced_accuracy(*held_out),
            "held_out_images": [seen[f"held_out[{i}]"][0] for i in (0, 1)],
            "images": [seen[name][0] for name in ("a", "b")],
            "steps": int(steps),
            "batch_size": int(batch_size),
            "seed": int(seed),
        }
        return classifier

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "AttributeClassifier":
        """Loads a classifier that `save` wrote.

        Args:
            path: Path of the file.

        Raises:
            ValueError: If the file contains no attribute classifier.
        """
        path = pathlib.Path(path)
        with open(path, "rb") as file:
            if (
                not zipfile.is_zipfile(file)
                or METADATA not in (archive := zipfile.ZipFile(file)).namelist()
            ):
                raise ValueError(
                    f"{path} contains no attribute classifier; expected a file that "
                    "AttributeClassifier.save wrote."
                )
            metadata = json.loads(archive.read(METADATA))
        return cls(keras.models.load_model(path, compile=False), metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves the classifier as a `.keras` file.

        The file is written atomically and includes the metadata.
        `keras.models.load_model` loads the network alone.

        Args:
            path: Path that ends in `.keras`. Missing folders are created.

        Raises:
            ValueError: If `path` does not end in `.keras`.
        """
        if pathlib.Path(path).suffix != ".keras":
            raise ValueError(
                f"path is {str(path)!r}; expected a path that ends in .keras."
            )
        with tempfile.TemporaryDirectory() as folder:
            temporary = pathlib.Path(folder) / "network.keras"
            self.network.save(temporary)
            content = io.BytesIO(temporary.read_bytes())
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(METADATA, json.dumps(self.metadata, indent=2))
        with atomic_write(path) as file:
            file.write(content.getvalue())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape `(height, width, channels)` of the images that it classifies."""
        return tuple(self.network.inputs[0].shape)[1:]

    @property
    def held_out_accuracy(self) -> float:
        """Accuracy on held-out images, the mean over both domains."""
        return self.metadata["held_out_accuracy"]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns the probability that each image has the attribute.

        Args:
            images: Float array of shape `(n, height, width, channels)` in [-1, 1].

        Returns:
            A float32 array of shape `(n,)`, near 1 for domain a and 0 for domain b.

        Raises:
            ValueError: If the images have another shape or range.
        """
        _, logits = self._features_and_logits(images)
        return np.asarray(tf.sigmoid(logits[:, 0]))

    def features(self, images: np.ndarray) -> np.ndarray:
        """Returns the features of each image, the input of the last layer.

        Args:
            images: As in `predict`.

        Returns:
            A float32 array of shape `(n, 128)`, for `frechet_distance`.

        Raises:
            ValueError: As in `predict`.
        """
        features, _ = self._features_and_logits(images)
        return features

    def _features_and_logits(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images = np.asarray(images, "float32")
        if images.shape[1:] != self.image_shape or not len(images):
            raise ValueError(
                f"images has shape {images.shape}; expected (n, "
                f"{', '.join(map(str, self.image_shape))}) with n at least 1."
            )
        check_range("images", images)
        parts = [
            self._classify(images[i : i + BATCH_SIZE])
            for i in range(0, len(images), BATCH_SIZE)
        ]
        features, logits = (
            np.concatenate([np.asarray(part) for part in column])
            for column in zip(*parts, strict=True)
        )
        return features, logits

    def _balanced_accuracy(self, a: Images, b: Images) -> float:
        """Returns the accuracy, the mean over both domains."""
        accuracies = []
        for domain, images in (("a", a), ("b", b)):
            is_a = np.concatenate(
                [self.predict(batch) > 0.5 for batch in batches_of(domain, images)]
            )
            accuracies.append(is_a.mean() if domain == "a" else 1.0 - is_a.mean())
        return float(np.mean(accuracies))


def _check_images(name: str, images: Images) -> tuple[int, tuple[int, int, int]]:
    """Returns the number of images and the shape of one, after checking all images."""
    n, shape = 0, None
    for batch in batches_of(name, images):
        batch = np.asarray(batch)
        if len(batch):
            check_range(name, batch)
            n, shape = n + len(batch), batch.shape[1:]
    if shape is None:
        raise ValueError(f"{name} has 0 images; expected at least 1.")
    return n, shape
