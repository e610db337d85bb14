import numpy as np
import pytest

from kerasgan.metrics.feature_arrays import feature_array, feature_pair


@pytest.mark.parametrize(
    ("given", "dtype"),
    [("float32", "float32"), ("float16", "float64"), (int, "float64")],
)
def test_float32_features_are_not_copied_to_another_precision(given, dtype):
    rows = np.arange(6).reshape(3, 2).astype(given)
    array = feature_array("rows", rows)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 3)), r"rows has shape \(2, 3\); .* n at least 3"),
        (np.zeros((5, 0)), r"rows has shape \(5, 0\)"),
        (np.zeros(5), r"rows has shape \(5,\)"),
        (np.full((5, 2), -np.inf), "rows has values that are not finite"),
    ],
)
def test_unsupported_arrays_raise_an_error(rows, message):
    with pytest.raises(ValueError, match=message):
        feature_array("rows", rows, least=3)


def test_pairs_have_the_same_width():
    real, fake = feature_pair(np.zeros((3, 2)), np.ones((4, 2)))
    assert real.shape == (3, 2) and fake.shape == (4, 2)
    with pytest.raises(ValueError, match="fake has 3 columns; expected 2"):
        feature_pair(np.zeros((3, 2)), np.ones((4, 3)))
