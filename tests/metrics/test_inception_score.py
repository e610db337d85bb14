import numpy as np
import pytest

from kerasgan.metrics import inception_score


@pytest.mark.parametrize("classes", [2, 7])
def test_certain_predictions_of_all_classes(classes):
    logits = np.tile(1000.0 * np.eye(classes), (20, 1))
    value, error = inception_score(logits, splits=1)
    assert value == pytest.approx(classes) and error == 0.0


def test_equal_predictions_have_the_smallest_score():
    rows = np.tile(np.random.default_rng(0).normal(size=8), (40, 1))
    assert inception_score(rows).value == pytest.approx(1.0)


def test_splits_keep_the_order_without_a_seed():
    # Each half has one class, so only mixed halves have a score above 1.
    logits = np.repeat(1000.0 * np.eye(2), 10, axis=0)
    assert inception_score(logits, splits=2, seed=None) == pytest.approx((1.0, 0.0))
    assert inception_score(logits, splits=2, seed=0).value > 1.5


def test_unsupported_arrays_raise_an_error():
    with pytest.raises(ValueError, match=r"logits has shape \(9, 3\); .* least 10"):
        inception_score(np.zeros((9, 3)))
    with pytest.raises(ValueError, match="logits has values that are not finite"):
        inception_score(np.full((20, 3), np.nan))
