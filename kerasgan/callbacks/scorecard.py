"""Measures the translations of a CycleGAN after every epoch."""

import keras

from kerasgan.callbacks.samples import check_translates
from kerasgan.metrics import translation_scores
from kerasgan.metrics.image_arrays import image_array

# The range of the images that a classifier judges.
JUDGED = (-1.0, 1.0)


class Scorecard(keras.callbacks.Callback):
    """Measures the translations of held-out images after every epoch.

    What `kerasgan.metrics.translation_scores` returns joins the logs of the epoch:
    `flip_rate_a2b`, `cycle_error_a2b`, `change_a2b`, `frechet_distance_a2b`, the same
    for `b2a`, and `classifier_accuracy`. They are in the `History` that `fit` returns
    wherever the callback stands. Keras hands the logs from one callback to the next
    in the order of the list: those that read the numbers, such as `EarlyStopping`,
    `CSVLogger` or `LossCurves`, have to come after it. One line is printed, unless
    `fit` is silent.

    The classifier judges images in [-1, 1], whatever range those of the model have.
    Scores of translations that are not numbers any more are nan; training goes on.

    Args:
        classifier: `kerasgan.metrics.AttributeClassifier` that tells domain a from
            domain b.
        a: Images of domain a that are not trained on: a float array `(n, height,
            width, channels)` in the range of the domain, [-1, 1] or, if the generator
            that makes its images ends in a sigmoid, [0, 1]; or a `tf.data.Dataset` of
            batches of them. They are kept in memory.
        b: Images of domain b.
        n: Int, how many of either are measured: the first ones; all by default.

    Raises:
        ValueError: If `a` or `b` are no images that the classifier takes, fewer than
            `n` or than 2, or, when training starts, if the model does not translate.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", 64, "test")
    >>> classifier = kerasgan.metrics.AttributeClassifier.load("male.keras")
    >>> scorecard = kerasgan.callbacks.Scorecard(classifier, men, women)
    >>> cyclegan.fit(pairs, callbacks=[scorecard, LossCurves("runs/faces")])
    """

    def __init__(self, classifier, a, b, n=None):
        super().__init__()
        self.classifier = classifier
        self.a, self.b = image_array("a", a, n), image_array("b", b, n)
        for name, images in (("a", self.a), ("b", self.b)):
            if images.shape[1:] != classifier.image_shape:
                raise ValueError(
                    f"{name} has images of shape {images.shape[1:]}, but the "
                    f"classifier takes {classifier.image_shape}; expected the same."
                )
            if len(images) < 2:
                raise ValueError(
                    f"{name} has 1 image; expected at least 2, because their spread is "
                    "measured."
                )

    def on_train_begin(self, logs=None):
        check_translates("Scorecard", self.model)
        self.judged = [
            _rescaled(images, self.model.value_range(domain), JUDGED)
            for domain, images in (("a", self.a), ("b", self.b))
        ]
        # Computed once: they do not change.
        self.real_features = tuple(map(self.classifier.features, self.judged))

    def on_epoch_end(self, epoch, logs=None):
        scores = translation_scores(
            self._translate, self.classifier, *self.judged, self.real_features
        )
        logs.update(scores)
        if self.params.get("verbose"):
            # A line of its own, below the progress bar.
            print(f"\n{_line(epoch + 1, scores)}")

    def _translate(self, images, direction):
        """Translates images in [-1, 1] into such."""
        source, target = map(self.model.value_range, direction.split("2"))
        images = _rescaled(images, JUDGED, source)
        return _rescaled(self.model.translate(images, direction), target, JUDGED)


def _rescaled(images, old, new):
    """Moves images from one range to another, both pairs of floats."""
    scale = (new[1] - new[0]) / (old[1] - old[0])
    # Exact where both are the same.
    return images * scale + (new[0] - old[0] * scale)


def _line(epoch, scores):
    """Returns the scores of an epoch in one line, both directions side by side."""

    def pair(name, form):
        return "/".join(
            format(scores[f"{name}_{direction}"], form) for direction in ("a2b", "b2a")
        )

    return (
        f"Epoch {epoch} (a2b/b2a): flipped {pair('flip_rate', '.0%')} "
        f"(classifier {scores['classifier_accuracy']:.0%} right), "
        f"cycle error {pair('cycle_error', '.3f')}, change {pair('change', '.3f')}, "
        f"Frechet distance {pair('frechet_distance', '.3g')}"
    )
