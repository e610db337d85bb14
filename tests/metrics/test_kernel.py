import numpy as np
import pytest

from kerasgan.metrics import kernel_distance


def test_value_of_two_rows():
    # The kernel of two rows of width 1 is (x y + 1)^3.
    real, fake = [[0.0], [1.0]], [[2.0], [3.0]]
    within = 1.0**3 + 7.0**3
    between = (1 + 1 + 3**3 + 4**3) / 4
    value, error = kernel_distance(real, fake, subsets=3)
    assert value == pytest.approx(within - 2 * between, rel=1e-12)
    # Other subsets, of which there is none, would tell the error.
    assert np.isnan(error)


@pytest.mark.parametrize(("n", "size"), [(40, 20), (1999, 999), (2500, 1000)])
def test_default_size_of_the_subsets(n, size):
    rows = np.random.default_rng(0).normal(size=(2, n, 2))
    chosen = kernel_distance(*rows, subsets=2)
    assert chosen == kernel_distance(*rows, subsets=2, subset_size=size)


def test_same_distribution_is_as_often_below_as_above_zero():
    random = np.random.default_rng(0)
    values, errors = [], []
    for seed in range(60):
        real, fake = random.normal(size=(2, 200, 8))
        value, error = kernel_distance(
            real, fake, subsets=20, subset_size=50, seed=seed
        )
        values.append(value)
        errors.append(error)
    # Unbiased: a biased estimate is above 0 by more than its deviation.
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
    assert 20 <= np.sum(np.array(values) > 0) <= 40
    assert np.mean(np.abs(values)) < 3 * np.mean(errors)


def test_standard_error_is_the_deviation_over_other_images():
    random = np.random.default_rng(1)
    values, errors = [], []
    for _ in range(60):
        real = random.normal(size=(120, 4))
        fake = random.normal(size=(120, 4)) * 1.3 + 0.5
        value, error = kernel_distance(real, fake, subsets=40, subset_size=60)
        values.append(value)
        errors.append(error)
    # The deviation of 60 values has an error of 9 %.
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


def test_float32_features():
    random = np.random.default_rng(2)
    real, fake = random.normal(size=(2, 120, 64)) + 0.5
    fake = fake * 1.05
    value, _ = kernel_distance(real, fake)
    single, _ = kernel_distance(real.astype("float32"), fake.astype("float32"))
    assert single == pytest.approx(value, rel=1e-5)


def test_the_seed_decides_the_subsets():
    random = np.random.default_rng(3)
    real, fake = random.normal(size=(2, 100, 4))
    options = dict(subsets=3, subset_size=20)
    one = kernel_distance(real, fake, seed=1, **options)
    assert kernel_distance(real, fake, seed=1, **options) == one
    assert kernel_distance(real, fake, seed=2, **options) != one


@pytest.mark.parametrize(
    ("real", "fake", "options", "message"),
    [
        (np.zeros((1, 2)), np.zeros((9, 2)), {}, r"real has shape \(1, 2\).* least 2"),
        (np.zeros((9, 2)), np.zeros((9, 3)), {}, "fake has 3 columns; expected 2"),
        (np.zeros((9, 2)), np.full((9, 2), np.nan), {}, "fake has values that are not"),
        (
            np.zeros((9, 2)),
            np.zeros((8, 2)),
            {"subset_size": 1},
            "is 1; .* rows, 8",
        ),
        (
            np.zeros((9, 2)),
            np.zeros((8, 2)),
            {"subset_size": 9},
            "is 9; .* rows, 8",
        ),
        (np.zeros((9, 2)), np.zeros((9, 2)), {"subsets": 0}, "subsets is 0"),
    ],
)
def test_unsupported_arguments_raise_an_error(real, fake, options, message):
    with pytest.raises(ValueError, match=message):
        kernel_distance(real, fake, **options)
