import numpy as np
import pytest

from kerasgan.metrics import neighbors, prdc

# With k = 1, the balls around these points have radius 1, 1, 2 and 2.
REAL = np.array([[0.0], [1.0], [10.0], [12.0]])


def test_values_on_a_line():
    fake = np.array([[0.5], [1.5], [11.0], [30.0], [30.5]])
    assert prdc(REAL, fake, k=1) == {
        # All but the last two lie in a ball.
        "precision": 3 / 5,
        # The balls of the generated points: radius 1, 1, 9.5, 0.5 and 0.5.
        "recall": 1.0,
        # 0.5 and 11 lie in two balls, and 1.5 in one.
        "density": 5 / 5,
        "coverage": 1.0,
    }


def test_points_exactly_at_the_radius():
    fake = np.array([[2.0], [50.0], [150.0]])
    # 2 is at distance 1 of the second real point, whose radius is 1.
    outside, inside = (prdc(REAL, fake, k=1, inclusive=i) for i in (False, True))
    assert (outside["precision"], outside["density"]) == (0.0, 0.0)
    assert (inside["precision"], inside["density"]) == (1 / 3, 1 / 3)


def test_a_set_that_has_lost_modes_has_precision_but_no_recall():
    random = np.random.default_rng(0)
    modes = np.repeat([[0.0, 0.0], [100.0, 0.0]], 50, axis=0)
    real = modes + random.normal(size=modes.shape)
    fake = random.normal(size=(60, 2))
    found = prdc(real, fake)
    assert found["precision"] > 0.8
    assert found["recall"] <= 0.5 and found["coverage"] <= 0.5


def test_blocks_do_not_change_the_values(monkeypatch):
    random = np.random.default_rng(1)
    # A large mean, whose squares would hide the distances in float32.
    real, fake = (
        (random.normal(size=(n, 7)) + 1000.0).astype("float32") for n in (83, 65)
    )
    whole = prdc(real, fake, k=3)
    distances = np.linalg.norm(real.astype("float64")[:, None] - real, axis=-1)
    expected = np.sort(distances, axis=1)[:, 3]
    for size in (2048, 83, 20, 2):
        monkeypatch.setattr(neighbors, "BLOCK", size)
        assert prdc(real, fake, k=3) == whole
        np.testing.assert_allclose(
            np.sqrt(neighbors.squared_radii(real, 3)), expected, rtol=1e-6
        )


@pytest.mark.parametrize(
    ("real", "fake", "options", "message"),
    [
        (np.zeros((5, 2)), np.zeros((9, 2)), {}, r"real has shape \(5, 2\).* least 6"),
        (np.zeros((9, 2)), np.zeros((9, 3)), {}, "fake has 3 columns; expected 2"),
        (np.zeros((9, 2)), np.full((9, 2), np.inf), {}, "fake has values that are not"),
        (np.zeros((9, 2)), np.zeros((9, 2)), {"k": 0}, "k is 0; expected a positive"),
    ],
)
def test_unsupported_arguments_raise_an_error(real, fake, options, message):
    with pytest.raises(ValueError, match=message):
        prdc(real, fake, **options)
