import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import images as images_module
from kerasgan import losses
from kerasgan.metrics import symptoms


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 3)).astype("float32")


def test_small_images_are_averages_over_areas(noise, monkeypatch):
    assert symptoms.small_images(noise) is noise
    large = noise[:3].repeat(8, axis=1).repeat(8, axis=2)
    expected = noise[:3].repeat(4, axis=1).repeat(4, axis=2)
    for at_once in (64, 2):
        monkeypatch.setattr(images_module, "PIXELS_AT_ONCE", at_once * 64 * 64)
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
def test_count_different_counts_kinds(noise, kinds):
    rng = np.random.default_rng(1)
    images = noise[np.arange(64) % kinds] + rng.normal(0, 0.02, noise.shape)
    typical = symptoms.typical_distance(noise)
    assert symptoms.count_different(images, typical) == kinds
    assert symptoms.count_different(noise, typical) == 64
    # All within a small ball.
    assert symptoms.count_different(noise * 0.1, typical) == 1


def test_nearest(noise):
    images, others = noise[:16], noise[16:]
    between = symptoms.nearest(images, others)
    assert between > 0.5 * symptoms.typical_distance(noise)
    for copies in (others[5:20], others[5:20, :, ::-1]):
        assert symptoms.nearest(copies, others) == pytest.approx(0, abs=1e-5)
    assert symptoms.nearest(others[:4], others, exclude_self=True) > 0.9 * between


def test_changes_relative_to_the_difference_of_images(noise):
    assert symptoms.changes(noise, noise).tolist() == [0] * 64
    other = np.roll(noise, 1, axis=0)
    changes = symptoms.changes(noise, other)
    np.testing.assert_allclose(changes, np.abs(noise - other).mean((1, 2, 3)))
    assert symptoms.mean_difference(noise) == pytest.approx(changes.mean())


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_brightness_correlations(noise, channels):
    gray = noise.mean(-1, keepdims=True)
    for after, expected in ((gray, 1), (0.5 - 0.1 * gray, -1), (gray[::-1], 0)):
        after = after.repeat(channels, axis=-1)
        correlations = symptoms.brightness_correlations(noise, after)
        assert correlations.shape == (64,)
        assert np.median(correlations) == pytest.approx(expected, abs=0.1)


def test_noise_destroys_hidden_images(noise):
    images = (noise + 1) / 2
    for amount, least, most in ((1.0, 0.5, 1.5), (0.02, 25, 75)):
        clean, noisy, size = symptoms.cycle_errors_under_noise(
            lambda shown, amount=amount: shown / amount,
            images,
            images * amount,
            np.random.default_rng(0),
        )
        assert clean < 1e-6
        assert least < (noisy - clean) / size < most
        assert size == pytest.approx(symptoms.NOISE * np.sqrt(2 / np.pi), rel=0.05)


def test_loss_bounds():
    from_probabilities = losses.get(keras.losses.BinaryCrossentropy())
    for loss, label_noise, best, guessing in (
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
        expected = pytest.approx((best, guessing), abs=1e-3)
        assert symptoms.loss_bounds(loss, label_noise) == expected


def test_loss_bounds_need_labels_that_differ():
    for loss in (losses.LeastSquares(), losses.NonSaturating()):
        assert symptoms.loss_bounds(loss, 1.0) is None


@pytest.mark.parametrize(
    "of_difference, expected",
    [
        # Bounded: relativistic losses on logits, and with a margin.
        (tf.nn.softplus, (0.0, np.log(2))),
        (lambda x: tf.nn.relu(1 + x), (0.0, 1.0)),
        # No lower bound, or one that only larger outputs reach.
        (lambda x: x, None),
        (lambda x: tf.exp(x / 100), None),
        # Always the same.
        (lambda x: 0 * x, None),
    ],
)
def test_loss_bounds_of_losses_that_compare_outputs(of_difference, expected):
    class Relativistic:
        def discriminator_loss(self, real, fake):
            return tf.reduce_mean(of_difference(fake - real))

    bounds = symptoms.loss_bounds(Relativistic())
    assert bounds == (expected and pytest.approx(expected, abs=1e-3))


def linear_discriminator(bias):
    layer = keras.layers.Dense(1)
    discriminator = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), layer]
    )
    layer.bias.assign([bias])
    return discriminator, np.linalg.norm(layer.kernel)


def test_gradient_reach(noise):
    discriminator, slope = linear_discriminator(-10.0)

    def reach(loss, images=noise, value_range=(-1.0, 1.0)):
        real_outputs = tf.zeros(())
        return symptoms.gradient_reach(
            discriminator, loss, images, real_outputs, value_range
        )

    # To first order, the change of the loss when images move along the gradient.
    step = 0.5 * np.sqrt(8 * 8 * 3)
    expected = np.full(64, slope * step)
    for images in (noise, noise[:8]):
        np.testing.assert_allclose(
            reach(losses.NonSaturating(), images), expected[: len(images)], rtol=1e-2
        )
    half = reach(losses.NonSaturating(), value_range=(0.0, 1.0))
    np.testing.assert_allclose(half, expected / 2, rtol=1e-2)
    assert (reach(losses.Minimax()) < 1e-2 * expected).all()


def test_gradient_reach_of_a_loss_that_compares_outputs(noise):
    class Relativistic:
        def generator_loss(self, fake, real):
            return tf.reduce_mean(tf.nn.softplus(real - fake))

    discriminator, slope = linear_discriminator(0.0)
    fake = discriminator(noise)
    expected = slope * 0.5 * np.sqrt(8 * 8 * 3)
    for real in (fake + 3.0, tf.constant(3.0)):
        reach = symptoms.gradient_reach(
            discriminator, Relativistic(), noise, real, (-1.0, 1.0)
        )
        slopes = tf.sigmoid(real - fake).numpy()[:, 0]
        np.testing.assert_allclose(reach, slopes * expected, rtol=1e-3)
