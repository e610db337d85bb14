"""Scores of translations between two domains."""

import math
from collections.abc import Callable

import numpy as np

from kerasgan.metrics.attribute_classifier import AttributeClassifier
from kerasgan.metrics.frechet import FeatureStatistics, distance_of_statistics
from kerasgan.metrics.image_arrays import Images, image_array


def translation_scores(
    translate: Callable[[np.ndarray, str], np.ndarray],
    classifier: AttributeClassifier,
    a: Images,
    b: Images,
    real_features: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, float]:
    """Measures translations in both directions, on images not used in training.

    No score is sufficient alone. Generators that return their input have no cycle
    error, but flip nothing. A generator that returns the same image of the other
    domain for every input flips everything. A flip rate is only as reliable as the
    classifier, so its accuracy is reported too.

    Args:
        translate: Function of float32 images of shape `(n, height, width, channels)`
            in [-1, 1] and a direction, `"a2b"` or `"b2a"`, that returns translated
            images, for example the method `translate` of a `kerasgan.CycleGAN`.
            Values outside [-1, 1] are clipped, as they are when images are shown.
        classifier: `AttributeClassifier` that tells domain a from domain b.
        a: Images of domain a, as an array or a dataset of batches; at least two.
        b: Images of domain b.
        real_features: Pair `(classifier.features(a), classifier.features(b))`, if
            it is already computed.

    Returns:
        A dict of floats. All keys but the last exist for both directions:

        - `flip_rate_a2b`: fraction of the translated images that the classifier
          assigns to the other domain;
        - `cycle_error_a2b`: mean absolute error of images translated from a to b and
          back, in [0, 2];
        - `change_a2b`: mean absolute difference between images and their
          translations, in [0, 2];
        - `frechet_distance_a2b`: Frechet distance between translated images and real
          images of domain b, in the classifier's features;
        - `classifier_accuracy`: accuracy of the classifier on held-out images, the
          mean over both domains.

        Scores of translations that contain NaN are NaN.

    Raises:
        ValueError: If the classifier does not support the images.

    Example:

    >>> scores = kerasgan.metrics.translation_scores(
    ...     cyclegan.translate, classifier, men, women
    ... )
    >>> scores["flip_rate_a2b"], scores["classifier_accuracy"]
    (0.83, 0.95)
    """
    a, b = image_array("a", a), image_array("b", b)
    features_a, features_b = real_features or (
        classifier.features(a),
        classifier.features(b),
    )
    scores = {}
    for direction, back, source, target_features in (
        ("a2b", "b2a", a, features_b),
        ("b2a", "a2b", b, features_a),
    ):
        translated = np.clip(translate(source, direction), -1.0, 1.0)
        cycled = np.clip(translate(translated, back), -1.0, 1.0)
        flip_rate = distance = math.nan
        # The classifier does not accept NaN.
        if not np.isnan(translated).any():
            is_a = classifier.predict(translated) > 0.5
            flip_rate = float(np.mean(~is_a if direction == "a2b" else is_a))
            # Only compared with distances of as many images, so a singular
            # covariance needs no warning.
            distance = distance_of_statistics(
                FeatureStatistics.of(target_features),
                FeatureStatistics.of(classifier.features(translated)),
            )
        scores[f"flip_rate_{direction}"] = flip_rate
        scores[f"cycle_error_{direction}"] = float(np.abs(cycled - source).mean())
        scores[f"change_{direction}"] = float(np.abs(translated - source).mean())
        scores[f"frechet_distance_{direction}"] = distance
    scores["classifier_accuracy"] = classifier.held_out_accuracy
    return scores
