import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import losses
from kerasgan.metrics import symptoms


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 3)).astype("float32")


def test_small_images_are_means_of_areas(noise):
    assert symptoms.small_images(noise) is noise
    large = noise[:3].repeat(8, axis=1).repeat(8, axis=2)
    expected = noise[:3].repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(symptoms.small_images(large), expected, atol=1e-6)
    assert symptoms.small_images(np.zeros((2, 16, 64, 1))).shape == (2, 16, 32, 1)


def test_distances_are_euclidean(noise):
    x, y = noise[:3], noise[2:7]
    expected = [[np.linalg.norm(i - j) for j in y] for i in x]
    np.testing.assert_allclose(symptoms.distances(x, y), expected, atol=1e-5)
    assert symptoms.typical_distance(noise[:2]) == pytest.approx(
        np.linalg.norm(noise[0] - noise[1])
    )


@pytest.mark.parametrize("kinds", [1, 4, 16])
def test_few_kinds_are_counted_however_far_apart(noise, kinds):
    rng = np.random.default_rng(1)
    images = noise[np.arange(64) % kinds] + rng.normal(0, 0.02, noise.shape)
    typical = symptoms.typical_distance(noise)
    assert symptoms.count_different(images, typical) == kinds
    assert symptoms.count_different(noise, typical) == 64
    # All within a small ball.
    assert symptoms.count_different(noise * 0.1, typical) == 1


def test_neighbours(noise):
    images, others = noise[:16], noise[16:]
    between = symptoms.nearest(images, others)
    assert between > 0.5 * symptoms.typical_distance(noise)
    for copies in (others[5:20], others[5:20, :, ::-1]):
        assert symptoms.nearest(copies, others) == pytest.approx(0, abs=1e-5)
    assert symptoms.nearest(others[:4], others, themselves=True) > 0.9 * between


def test_relative_change(noise):
    assert symptoms.relative_change(noise, noise) == 0
    other = np.roll(noise, 1, axis=0)
    assert symptoms.relative_change(noise, other) == pytest.approx(1)


def test_brightness_correlation(noise):
    grey = noise.mean(-1, keepdims=True)
    for after, expected in ((grey, 1), (0.5 - 0.1 * grey, -1), (grey[::-1], 0)):
        correlation = symptoms.brightness_correlation(noise, after)
        assert correlation == pytest.approx(expected, abs=0.1)


def test_noise_hurts_what_is_hidden(noise):
    images = (noise + 1) / 2
    for amount, least, most in ((1.0, 0.5, 1.5), (0.02, 25, 75)):
        clean, noisy, size = symptoms.cycle_error_under_noise(
            lambda shown, amount=amount: shown / amount, images, images * amount
        )
        assert clean < 1e-6
        assert least < (noisy - clean) / size < most
        assert size == pytest.approx(symptoms.NOISE * np.sqrt(2 / np.pi), rel=0.05)


def test_loss_bounds():
    from_probabilities = losses.get(keras.losses.BinaryCrossentropy())
    for loss, label_noise, best, ignorant in (
        (losses.NonSaturating(), 0.0, 0.0, 2 * np.log(2)),
        (losses.LeastSquares(), 0.0, 0.0, 0.25),
        (from_probabilities, 0.0, 0.0, np.log(2)),
        # The entropy of a label that is off by 0.1 in the mean.
        (losses.NonSaturating(), 0.2, 0.650, 2 * np.log(2)),
        (from_probabilities, 0.2, 0.325, np.log(2)),
        # The variance of labels that are uniform in [0, n] is n^2 / 12, and they are
        # n / 2 off in the mean.
        (losses.LeastSquares(), 0.5, 0.25 / 12, 0.25**2 + 0.25 / 12),
    ):
        expected = pytest.approx((best, ignorant), abs=1e-3)
        assert symptoms.loss_bounds(loss, label_noise) == expected


def test_labels_that_say_nothing_leave_nothing_to_know():
    for loss in (losses.LeastSquares(), losses.NonSaturating()):
        assert symptoms.loss_bounds(loss, 1.0) is None


def test_a_loss_without_end_has_no_bounds():
    class Wasserstein:
        def discriminator_loss(self, real, fake):
            return tf.reduce_mean(fake - real)

    assert symptoms.loss_bounds(Wasserstein()) is None


def test_gradient_reach(noise):
    discriminator = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    kernel, _ = discriminator.get_weights()
    discriminator.set_weights([kernel, np.full(1, -10.0)])

    def reach(loss, images=noise, value_range=(-1.0, 1.0)):
        return symptoms.gradient_reach(discriminator, loss, images, value_range)

    # To first order, what the loss of images does that move along the gradient.
    step = 0.5 * np.sqrt(8 * 8 * 3)
    expected = np.linalg.norm(kernel) * step
    assert reach(losses.NonSaturating()) == pytest.approx(expected, rel=1e-2)
    assert reach(losses.NonSaturating(), value_range=(0.0, 1.0)) == pytest.approx(
        expected / 2, rel=1e-2
    )
    assert reach(losses.NonSaturating(), noise[:8]) == pytest.approx(expected, rel=1e-2)
    assert reach(losses.Minimax()) < 1e-2 * expected
