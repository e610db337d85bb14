"""`AttributeClassifier`: tells images that have an attribute from those without."""

import io
import json
import pathlib
import tempfile
import zipfile

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.files import atomic_write
from kerasgan.metrics.classifier_training import (
    classifier_network,
    labelled_batches,
    train_network,
)
from kerasgan.metrics.image_arrays import batches_of, check_range

# Member of the saved archive that holds the facts.
FACTS = "attribute_classifier.json"
# Images judged at once.
AT_ONCE = 256


class AttributeClassifier:
    """A small convolutional network that tells two kinds of images apart.

    It is trained on real images in minutes and then judges translated ones: which
    share of them it takes for the other kind, and how far their features are from
    those of real ones. How often it is right itself, on images it was not trained
    on, is `held_out_accuracy`.

    Images are averaged down to about 32 pixels before anything looks at them (64
    from 128 pixels on), and in training they are shifted, mirrored, blurred, and
    covered in noise: a pattern that is finer or fainter than what tells the two
    kinds apart does not change the verdict. Each is judged together with its mirror
    image.

    Use `train` or `load` to make one.

    Args:
        network: Keras model from images `(height, width, channels)` to one logit,
            high for domain a, that ends in layers named `features` and `logit`.
        facts: Dictionary of what is known of it, with `held_out_accuracy`.

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

    def __init__(self, network, facts):
        self.network = network
        self.facts = dict(facts)
        features = keras.Model(network.input, network.get_layer("features").output)
        logit = network.get_layer("logit")

        @tf.function(
            input_signature=[tf.TensorSpec((None, *self.image_shape), "float32")]
        )
        def judge(images):
            # Which way an image faces means nothing, and two looks err less than one.
            both = [
                features(x, training=False) for x in (images, tf.reverse(images, [2]))
            ]
            mean = (both[0] + both[1]) / 2.0
            return mean, logit(mean)

        self._judge = judge

    @classmethod
    def train(
        cls, a, b, *, held_out, steps=1200, batch_size=32, seed=0, verbose="auto"
    ):
        """Trains a classifier on two kinds of real images.

        Every batch has as many of either kind, however many there are. 1,200 steps
        at 64 pixels take about two minutes on two CPU cores.

        Args:
            a: Images that have the attribute: a `tf.data.Dataset` of float batches
                `(n, height, width, channels)` in [-1, 1], or an array. What
                `kerasgan.data.celeb_a_by_attribute` returns is shuffled already; an
                array will be.
            b: Images that do not have it, of the same shape.
            held_out: Pair `(a, b)` of images that are not among those, on which the
                accuracy is measured.
            steps: Int, training steps.
            batch_size: Int, images in a step; half of them of either kind.
            seed: Int that decides the first weights and the augmentation.
            verbose: As in `keras.Model.fit`.

        Returns:
            An `AttributeClassifier`.

        Raises:
            ValueError: If the images are not such, or do not have one shape.
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
        seen = {name: _look_through(name, part) for name, part in images.items()}
        shape = seen["a"][1]
        for name, (_, other) in seen.items():
            if other != shape:
                raise ValueError(
                    f"{name} has images of shape {other}, but a of {shape}; expected "
                    "the same shape."
                )
        network = classifier_network(shape, seed)
        batches = labelled_batches(a, b, max(1, batch_size // 2), seed)
        train_network(network, batches, steps, verbose)
        classifier = cls(network, {})
        classifier.facts = {
            "held_out_accuracy": classifier._balanced_accuracy(*held_out),
            "held_out_images": [seen[f"held_out[{i}]"][0] for i in (0, 1)],
            "images": [seen[name][0] for name in ("a", "b")],
            "steps": int(steps),
            "batch_size": int(batch_size),
            "seed": int(seed),
        }
        return classifier

    @classmethod
    def load(cls, path):
        """Loads a classifier that `save` wrote.

        Raises:
            ValueError: If the file holds none.
        """
        path = pathlib.Path(path)
        with open(path, "rb") as file:
            if (
                not zipfile.is_zipfile(file)
                or FACTS not in (archive := zipfile.ZipFile(file)).namelist()
            ):
                raise ValueError(
                    f"{path} holds no attribute classifier; expected a file that "
                    "AttributeClassifier.save wrote."
                )
            facts = json.loads(archive.read(FACTS))
        return cls(keras.models.load_model(path, compile=False), facts)

    def save(self, path):
        """Writes the classifier as a `.keras` file, whole or not at all.

        The facts travel inside; `keras.models.load_model` opens the network alone.

        Args:
            path: Path that ends in `.keras`; its folder is made if it is missing.

        Raises:
            ValueError: If `path` does not end in `.keras`.
        """
        if pathlib.Path(path).suffix != ".keras":
            raise ValueError(f"path is {str(path)!r}; expected one ending in .keras.")
        with tempfile.TemporaryDirectory() as folder:
            whole = pathlib.Path(folder) / "network.keras"
            self.network.save(whole)
            content = io.BytesIO(whole.read_bytes())
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(FACTS, json.dumps(self.facts, indent=2))
        with atomic_write(path) as file:
            file.write(content.getvalue())

    @property
    def image_shape(self):
        """Shape `(height, width, channels)` of the images that it takes."""
        return tuple(self.network.inputs[0].shape)[1:]

    @property
    def held_out_accuracy(self):
        """Share of held-out images it got right, the mean of both kinds' shares."""
        return self.facts["held_out_accuracy"]

    def predict(self, images):
        """Returns how probable it is that images have the attribute.

        Args:
            images: Float array `(n, height, width, channels)` in [-1, 1].

        Returns:
            A NumPy float32 array `(n,)`, 1 for domain a and 0 for domain b.

        Raises:
            ValueError: If the images have another shape or range.
        """
        _, logits = self._answers(images)
        return np.asarray(tf.sigmoid(logits[:, 0]))

    def features(self, images):
        """Returns what the network sees in images, before it decides.

        Args:
            images: As in `predict`.

        Returns:
            A NumPy float32 array `(n, 128)`, for `frechet_distance`.

        Raises:
            ValueError: As in `predict`.
        """
        return self._answers(images)[0]

    def _answers(self, images):
        images = np.asarray(images, "float32")
        if images.shape[1:] != self.image_shape or not len(images):
            raise ValueError(
                f"images has shape {images.shape}, but the classifier takes (n, "
                f"{', '.join(map(str, self.image_shape))}); expected at least one such."
            )
        check_range("images", images)
        parts = [
            self._judge(images[i : i + AT_ONCE]) for i in range(0, len(images), AT_ONCE)
        ]
        return tuple(
            np.concatenate([np.asarray(part) for part in column])
            for column in zip(*parts, strict=True)
        )

    def _balanced_accuracy(self, a, b):
        """Returns the mean share of images of both domains that are taken for such."""
        shares = []
        for domain, images in (("a", a), ("b", b)):
            is_a = np.concatenate(
                [self.predict(batch) > 0.5 for batch in batches_of(domain, images)]
            )
            shares.append(is_a.mean() if domain == "a" else 1.0 - is_a.mean())
        return float(np.mean(shares))


def _look_through(name, images):
    """Returns how many images there are, and the shape of one, after checking all."""
    n, shape = 0, None
    for batch in batches_of(name, images):
        batch = np.asarray(batch)
        if len(batch):
            check_range(name, batch)
            n, shape = n + len(batch), batch.shape[1:]
    if not n:
        raise ValueError(f"{name} has 0 images; expected at least 1.")
    return n, shape
