import numpy as np
import pytest

from kerasgan.metrics import (
    FeatureStatistics,
    frechet,
    frechet_distance,
    frechet_distance_infinity,
)


def gaussian(mean, covariance, n=400):
    """Returns samples with exactly this mean and covariance."""
    d = len(mean)
    white = np.random.default_rng(0).normal(size=(n, d))
    white -= white.mean(axis=0)
    q, _ = np.linalg.qr(white)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values) @ vectors.T
    return np.asarray(mean) + np.sqrt(n - 1) * q @ root


def test_one_dimension():
    a, b = gaussian([1.0], [[4.0]]), gaussian([4.0], [[25.0]])
    # (m_a - m_b)^2 + (s_a - s_b)^2.
    assert frechet_distance(a, b) == pytest.approx(9.0 + 9.0, rel=1e-9)


def test_independent_dimensions_add_up():
    a = gaussian([0, 1, 2], np.diag([1.0, 4.0, 9.0]))
    b = gaussian([3, 1, 0], np.diag([16.0, 1.0, 0.25]))
    expected = (9 + 0 + 4) + (9 + 1 + 6.25)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_covariances_that_do_not_commute():
    a, b = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.5, 0.5], [0.5, 1.5]])
    assert not np.allclose(a @ b, b @ a)
    # For 2 x 2 matrices, tr((AB)^(1/2)) is the root of tr(AB) + 2 det(AB)^(1/2).
    shared = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    expected = np.trace(a) + np.trace(b) - 2 * shared
    got = frechet_distance(gaussian([0, 0], a), gaussian([0, 0], b))
    assert got == pytest.approx(expected, rel=1e-9)


def test_only_a_rotation_of_both_sets_keeps_the_distance():
    rng = np.random.default_rng(1)
    a = gaussian([0, 0, 0], np.diag([9.0, 1.0, 0.1]))
    b = gaussian([1, 2, 3], np.diag([1.0, 2.0, 3.0]))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    before = frechet_distance(a, b)
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(before, rel=1e-9)
    assert frechet_distance(a @ turn, a) > 0.1


def test_a_translation_adds_its_squared_length():
    a = np.random.default_rng(2).normal(size=(50, 4))
    assert frechet_distance(a, a + np.arange(1.0, 5.0)) == pytest.approx(30.0)


def test_equal_sets_have_distance_zero_and_the_order_has_no_effect():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(60, 20)), rng.normal(size=(30, 20))
    assert frechet_distance(a, a[::-1]) == pytest.approx(0.0, abs=1e-10)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)


@pytest.mark.filterwarnings("ignore:(real|fake) has 9 rows")
def test_fewer_rows_than_columns():
    rng = np.random.default_rng(4)
    narrow_a, narrow_b = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    wide = np.zeros((2, 64))
    wide[0, :32] = wide[1, 32:] = 1 / np.sqrt(32)
    # The same points in a plane of a space of 64 dimensions.
    got = frechet_distance(narrow_a @ wide, narrow_b @ wide)
    assert got == pytest.approx(frechet_distance(narrow_a, narrow_b), rel=1e-9)
    same = narrow_a @ wide
    assert frechet_distance(same, same) == pytest.approx(0.0, abs=1e-12)


def test_single_precision_and_large_means():
    a = np.random.default_rng(5).normal(size=(100, 3)).astype("float32")
    a = (a * 64).round() / 64 + 1000
    assert frechet_distance(a, a + np.float32(0.5)) == pytest.approx(0.75, rel=1e-9)


@pytest.mark.parametrize(
    "a, b, message",
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), r"real has shape \(1, 3\)"),
        (np.zeros((5, 3)), np.zeros(5), r"fake has shape \(5,\)"),
        (
            np.zeros((5, 3)),
            np.zeros((5, 2)),
            "fake has 2 columns; expected 3, as real has",
        ),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "real has values"),
    ],
)
def test_unsupported_arrays_raise_an_error(a, b, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)


def test_few_rows_warn_and_give_a_finite_value():
    random = np.random.default_rng(6)
    real, fake = random.normal(size=(50, 8)), random.normal(size=(8, 8))
    with pytest.warns(UserWarning, match="fake has 8 rows of 8 features") as warned:
        assert np.isfinite(frechet_distance(real, fake))
    assert len(warned) == 1 and warned[0].filename == __file__


def test_statistics_do_not_depend_on_the_batches(monkeypatch):
    rows = np.random.default_rng(7).normal(size=(101, 5)) * 3.0 + 1e4
    monkeypatch.setattr(frechet, "BLOCK", 17)
    whole = FeatureStatistics.of(rows)
    batches = FeatureStatistics.empty(5)
    for start in range(0, 101, 8):
        batches = batches.add(rows[start : start + 8])
    for statistics in (whole, batches):
        assert statistics.n == 101
        np.testing.assert_allclose(statistics.mean, rows.mean(axis=0), rtol=1e-14)
        for ddof in (0, 1):
            np.testing.assert_allclose(
                statistics.covariance(ddof),
                np.cov(rows, rowvar=False, ddof=ddof),
                rtol=1e-9,
            )
    other = np.random.default_rng(8).normal(size=(60, 5)) + 1e4
    assert frechet_distance(batches, other) == pytest.approx(
        frechet_distance(rows, other), rel=1e-9
    )


def test_extrapolation_removes_the_bias_of_few_images():
    """Both sets are of one distribution, so the distance of infinitely many is 0."""
    random = np.random.default_rng(9)
    real = FeatureStatistics.of(random.normal(size=(200_000, 16)))
    biased, extrapolated = [], []
    for seed in range(10):
        fake = random.normal(size=(600, 16))
        biased.append(frechet_distance(real, fake))
        extrapolated.append(frechet_distance_infinity(real, fake, seed=seed))
    assert np.mean(biased) > 0.1
    assert abs(np.mean(extrapolated)) < 0.1 * np.mean(biased)


def test_extrapolation_needs_enough_rows():
    rows = np.random.default_rng(10).normal(size=(20, 30))
    with pytest.raises(ValueError, match="fake has 20 rows of 30 features"):
        frechet_distance_infinity(rows, rows)
