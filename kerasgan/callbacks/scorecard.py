"""`Scorecard`: measures the translations of a CycleGAN after every epoch."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasgan.callbacks.checks import check_translated_images, check_translates
from kerasgan.metrics import AttributeClassifier, translation_scores
from kerasgan.metrics.image_arrays import image_array

# The range of the images that a classifier takes.
CLASSIFIER_RANGE = (-1.0, 1.0)


class Scorecard(keras.callbacks.Callback):
    """Measures the translations of held-out images after every epoch.

    The scores of `kerasgan.metrics.translation_scores` are added to the logs of the
    epoch: `flip_rate_a2b`, `cycle_error_a2b`, `change_a2b`, `frechet_distance_a2b`, the
    same for `b2a`, and `classifier_accuracy`. Keras passes the logs from one callback
    to the next, so callbacks that read the scores, such as `EarlyStopping`, `CSVLogger`
    or `LossCurves`, must be in the list after this one. The `History` that `fit`
    returns always has them. Unless `fit` is silent, one line is printed.

    The classifier gets images in [-1, 1], whatever the range of the model's images. If
    translations are not finite, their scores are NaN and training continues.

    Args:
        classifier: `kerasgan.metrics.AttributeClassifier` that tells images of domain a
            from those of domain b.
        a: Images of domain a that are not in the training data: a float array
            `(n, height, width, channels)` in the range of the domain, for example
            [-1, 1], or a `tf.data.Dataset` of batches of them. They are kept in memory.
        b: Images of domain b.
        n: Number of images of each domain to evaluate; the first `n` are used. By
            default, all.

    Raises:
        ValueError: If `a` or `b` are not images that the classifier takes, or fewer
            than `n` or than 2. When training starts: if the model does not translate
            such images.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", 64, "test")
    >>> classifier = kerasgan.metrics.AttributeClassifier.load("male.keras")
    >>> scorecard = kerasgan.callbacks.Scorecard(classifier, men, women)
    >>> cyclegan.fit(pairs, callbacks=[scorecard, LossCurves("runs/faces")])
    """

    def __init__(
        self, classifier: AttributeClassifier, a: Any, b: Any, n: int | None = None
    ) -> None:
        super().__init__()
        self.classifier = classifier
        # Ranges are checked when the model is known.
        self.a = image_array("a", a, n, value_range=None)
        self.b = image_array("b", b, n, value_range=None)
        for name, images in (("a", self.a), ("b", self.b)):
            if images.shape[1:] != classifier.image_shape:
                raise ValueError(
                    f"{name} has images of shape {images.shape[1:]}, but the "
                    f"classifier takes {classifier.image_shape}; expected the same."
                )
            if len(images) < 2:
                raise ValueError(
                    f"{name} has 1 image; expected at least 2, because their variance "
                    "is measured."
                )

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        check_translates("Scorecard", self.model)
        check_translated_images(self.model, self.a, self.b)
        # Computed once, because the real images do not change.
        self._real = (self._real_images("a", self.a), self._real_images("b", self.b))
        features = self.classifier.features
        self._real_features = (features(self._real[0]), features(self._real[1]))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        a, b = self._real
        scores = translation_scores(
            self._translate, self.classifier, a, b, self._real_features
        )
        if logs is not None:
            logs.update(scores)
        if self.params.get("verbose"):
            # Below the progress bar.
            print(f"\n{_summary(epoch + 1, scores)}")

    def _real_images(self, domain: str, images: np.ndarray) -> np.ndarray:
        return _rescaled(images, self.model.value_range(domain), CLASSIFIER_RANGE)

    def _translate(self, images: np.ndarray, direction: str) -> np.ndarray:
        """Translates images in the classifier's range and returns such images."""
        source, target = map(self.model.value_range, direction.split("2"))
        images = _rescaled(images, CLASSIFIER_RANGE, source)
        translated = self.model.translate(images, direction)
        return _rescaled(translated, target, CLASSIFIER_RANGE)


def _rescaled(
    images: np.ndarray, old: tuple[float, float], new: tuple[float, float]
) -> np.ndarray:
    """Maps images from one range to another."""
    scale = (new[1] - new[0]) / (old[1] - old[0])
    # Exact if both ranges are the same.
    return images * scale + (new[0] - old[0] * scale)


def _summary(epoch: int, scores: Mapping[str, float]) -> str:
    """Returns the scores of an epoch in one line, with both directions."""

    def pair(name: str, form: str) -> str:
        return "/".join(
            format(scores[f"{name}_{direction}"], form) for direction in ("a2b", "b2a")
        )

    return (
        f"Epoch {epoch} (a2b/b2a): flipped {pair('flip_rate', '.0%')} "
        f"(classifier accuracy {scores['classifier_accuracy']:.0%}), "
        f"cycle error {pair('cycle_error', '.3f')}, change {pair('change', '.3f')}, "
        f"Frechet distance {pair('frechet_distance', '.3g')}"
    )
