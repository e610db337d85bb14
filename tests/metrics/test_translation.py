import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics import (
    AttributeClassifier,
    frechet_distance,
    translation_scores,
)


@pytest.fixture(scope="module")
def bright():
    """A classifier that assigns images to domain a if their mean is above 0."""
    inputs = keras.Input((4, 4, 3))
    features = keras.layers.GlobalAveragePooling2D(name="features")(inputs)
    logit = keras.layers.Dense(1, kernel_initializer="ones", name="logit")(features)
    return AttributeClassifier(keras.Model(inputs, logit), {"held_out_accuracy": 0.875})


def images(seed, n, low, high):
    return (
        np.random.default_rng(seed).uniform(low, high, (n, 4, 4, 3)).astype("float32")
    )


A, B = images(0, 10, 0.1, 0.5), images(1, 20, -0.5, -0.1)


def test_scores_of_perfect_generators(bright):
    scores = translation_scores(lambda x, direction: -x, bright, A, B)
    features = [x.mean(axis=(1, 2)) for x in (A, B)]
    assert scores["flip_rate_a2b"] == scores["flip_rate_b2a"] == 1.0
    assert scores["cycle_error_a2b"] == scores["cycle_error_b2a"] == 0.0
    assert scores["change_a2b"] == pytest.approx(np.abs(2 * A).mean(), rel=1e-6)
    assert scores["change_b2a"] == pytest.approx(np.abs(2 * B).mean(), rel=1e-6)
    assert scores["classifier_accuracy"] == 0.875
    for direction, made, real in (("a2b", 0, 1), ("b2a", 1, 0)):
        assert scores[f"frechet_distance_{direction}"] == pytest.approx(
            frechet_distance(-features[made], features[real]), rel=1e-4
        )
    assert all(type(value) is float for value in scores.values())


def test_scores_of_generators_that_return_their_input(bright):
    scores = translation_scores(lambda x, direction: x, bright, A, B)
    for direction in ("a2b", "b2a"):
        for score in ("flip_rate", "cycle_error", "change"):
            assert scores[f"{score}_{direction}"] == 0.0
        assert scores[f"frechet_distance_{direction}"] > 0.1


def test_each_direction_has_its_own_scores(bright):
    def translate(x, direction):
        # Leaves domain b and the brighter images of domain a in their domain.
        flipped = np.where(x.mean(axis=(1, 2, 3), keepdims=True) > 0.3, x, -x)
        return {"a2b": flipped, "b2a": x - 0.05}[direction]

    scores = translation_scores(translate, bright, A, B)
    share = (A.mean(axis=(1, 2, 3)) <= 0.3).mean()
    assert 0 < share < 1
    assert scores["flip_rate_a2b"] == pytest.approx(share)
    assert scores["flip_rate_b2a"] == 0.0
    assert scores["change_b2a"] == pytest.approx(0.05, rel=1e-5)
    back = translate(translate(A, "a2b"), "b2a")
    assert scores["cycle_error_a2b"] == pytest.approx(np.abs(back - A).mean(), rel=1e-5)


def test_datasets_and_known_features_give_the_same_scores(bright):
    expected = translation_scores(lambda x, direction: -x, bright, A, B)
    a, b = (tf.data.Dataset.from_tensor_slices(x).batch(3) for x in (A, B))
    known = bright.features(A), bright.features(B)
    for got in (
        translation_scores(lambda x, direction: -x, bright, a, b),
        translation_scores(lambda x, direction: -x, bright, A, B, known),
    ):
        assert got == pytest.approx(expected)


def test_unsupported_images_raise_an_error(bright):
    for a, b, message in (
        (A * 10, B, "a has values from"),
        (A, B[0], r"b has shape \(4, 4, 3\)"),
        (A[:, :2], B, r"images has shape \(10, 2, 4, 3\); expected"),
    ):
        with pytest.raises(ValueError, match=message):
            translation_scores(lambda x, direction: x, bright, a, b)


def test_values_outside_the_range_are_clipped(bright):
    scores = translation_scores(lambda x, direction: -10 * x, bright, A, B)
    assert scores["flip_rate_a2b"] == scores["flip_rate_b2a"] == 1.0
    clipped = np.clip(-10 * A, -1, 1)
    assert scores["change_a2b"] == pytest.approx(np.abs(clipped - A).mean(), rel=1e-6)
    back = np.clip(-10 * clipped, -1, 1)
    assert scores["cycle_error_a2b"] == pytest.approx(np.abs(back - A).mean(), rel=1e-6)


def test_scores_of_translations_with_nan_are_nan(bright):
    def translate(x, direction):
        return x * np.nan if direction == "a2b" else x

    scores = translation_scores(translate, bright, A, B)
    for score in ("flip_rate", "cycle_error", "change", "frechet_distance"):
        assert np.isnan(scores[f"{score}_a2b"])
    assert scores["flip_rate_b2a"] == scores["change_b2a"] == 0.0
    assert scores["frechet_distance_b2a"] > 0.1
    # A cycle uses both generators.
    assert np.isnan(scores["cycle_error_b2a"])
    assert scores["classifier_accuracy"] == 0.875
