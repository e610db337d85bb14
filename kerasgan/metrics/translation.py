"""How well two generators translate between two domains."""

import math

import numpy as np

from kerasgan.metrics.frechet import frechet_distance
from kerasgan.metrics.image_arrays import image_array


def translation_scores(translate, classifier, a, b, real_features=None):
    """Measures translations in both directions, on images that were not trained on.

    No number says enough alone. Generators that return what they get have no cycle
    error and flip nothing; one that always makes the same face of the other domain
    flips everything. A flip rate is worth as much as the classifier is accurate, so
    its accuracy stands beside it.

    Args:
        translate: Function of float32 images `(n, height, width, channels)` in
            [-1, 1] and a direction, `"a2b"` or `"b2a"`, that returns the images
            translated; `translate` of a `kerasgan.CycleGAN`. What it makes outside
            [-1, 1] is clipped, as it is when an image is shown.
        classifier: `AttributeClassifier` that tells domain a from domain b.
        a: Images of domain a, an array or a data set of batches; at least two.
        b: Images of domain b.
        real_features: The pair `(classifier.features(a), classifier.features(b))`
            if it is known already.

    Returns:
        A dictionary of floats, with every key but the last once a direction:

        - `flip_rate_a2b`: share of the translated images that the classifier takes
          for the other domain;
        - `cycle_error_a2b`: mean absolute error of images that were translated from
          a to b and back, in [0, 2];
        - `change_a2b`: mean absolute change of the translated images, in [0, 2];
        - `frechet_distance_a2b`: Frechet distance between the translated images and
          real ones of domain b, in the classifier's features;
        - `classifier_accuracy`: accuracy of the classifier on held-out images, the
          mean over both domains.

        Where translated images have values that are not numbers, what is measured
        on them is nan.

    Raises:
        ValueError: If the images are not what the classifier takes.

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
        back_again = np.clip(translate(translated, back), -1.0, 1.0)
        flip_rate = distance = math.nan
        # The classifier takes no other images.
        if not np.isnan(translated).any():
            is_a = classifier.predict(translated) > 0.5
            flip_rate = np.mean(~is_a if direction == "a2b" else is_a)
            distance = frechet_distance(
                classifier.features(translated), target_features
            )
        scores[f"flip_rate_{direction}"] = float(flip_rate)
        scores[f"cycle_error_{direction}"] = float(np.abs(back_again - source).mean())
        scores[f"change_{direction}"] = float(np.abs(translated - source).mean())
        scores[f"frechet_distance_{direction}"] = distance
    scores["classifier_accuracy"] = classifier.held_out_accuracy
    return scores
