import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import losses

REAL = np.array([[2.0], [-1.0], [0.3]], "float32")
FAKE = np.array([[0.5], [-3.0], [1.2]], "float32")


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x.astype("float64")))


def gradients(loss, *outputs):
    outputs = [tf.constant(a) for a in outputs]
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        value = loss(*outputs)
    return float(value), [g.numpy() for g in tape.gradient(value, outputs)]


def test_minimax_discriminator():
    value, (real, fake) = gradients(losses.Minimax().discriminator_loss, REAL, FAKE)
    expected = -np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(FAKE)).mean()
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(real, (sigmoid(REAL) - 1) / 3, rtol=1e-5)
    np.testing.assert_allclose(fake, sigmoid(FAKE) / 3, rtol=1e-5)


def test_minimax_generator():
    value, (fake,) = gradients(losses.Minimax().generator_loss, FAKE)
    assert value == pytest.approx(np.log(1 - sigmoid(FAKE)).mean(), rel=1e-6)
    np.testing.assert_allclose(fake, -sigmoid(FAKE) / 3, rtol=1e-5)


def test_non_saturating_generator():
    value, (fake,) = gradients(losses.NonSaturating().generator_loss, FAKE)
    assert value == pytest.approx(-np.log(sigmoid(FAKE)).mean(), rel=1e-6)
    np.testing.assert_allclose(fake, (sigmoid(FAKE) - 1) / 3, rtol=1e-5)


def test_non_saturating_discriminator_is_minimax():
    assert (
        gradients(losses.NonSaturating().discriminator_loss, REAL, FAKE)[0]
        == (gradients(losses.Minimax().discriminator_loss, REAL, FAKE)[0])
    )


def test_large_logits_give_finite_losses():
    far = np.array([[-1e4], [1e4]], "float32")
    for loss in (losses.Minimax(), losses.NonSaturating()):
        value, (real, fake) = gradients(loss.discriminator_loss, far, far)
        assert np.isfinite([value, *real.ravel(), *fake.ravel()]).all()


def test_least_squares():
    loss = losses.LeastSquares()
    value, (real, fake) = gradients(loss.discriminator_loss, REAL, FAKE)
    expected = ((REAL - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(real, (REAL - 1) / 3, rtol=1e-5)
    np.testing.assert_allclose(fake, FAKE / 3, rtol=1e-5)
    value, (fake,) = gradients(loss.generator_loss, FAKE)
    assert value == pytest.approx(((FAKE - 1) ** 2).mean() / 2, rel=1e-6)
    np.testing.assert_allclose(fake, (FAKE - 1) / 3, rtol=1e-5)


def test_keras_loss_is_mean_over_real_and_fake():
    real, fake = sigmoid(REAL).astype("float32"), sigmoid(FAKE).astype("float32")
    loss = losses.get(keras.losses.BinaryCrossentropy())
    value, _ = gradients(loss.discriminator_loss, real, fake)
    # As in the Keras guide: one loss over the concatenated outputs.
    labels = np.concatenate([np.ones_like(real), np.zeros_like(fake)])
    both = keras.losses.BinaryCrossentropy()(labels, np.concatenate([real, fake]))
    assert value == pytest.approx(float(both), rel=1e-6)
    value, _ = gradients(loss.generator_loss, fake)
    assert value == pytest.approx(-np.log(fake).mean(), rel=1e-5)


@pytest.mark.parametrize("name", losses.NAMES)
def test_losses_average_over_patches(name):
    loss = losses.get(name)
    real = np.repeat(REAL, 12, axis=1).reshape(3, 3, 4, 1)
    fake = np.repeat(FAKE, 12, axis=1).reshape(3, 3, 4, 1)
    for method, outputs, maps in (
        (loss.discriminator_loss, (REAL, FAKE), (real, fake)),
        (loss.generator_loss, (FAKE,), (fake,)),
    ):
        assert float(method(*map(tf.constant, maps))) == pytest.approx(
            float(method(*map(tf.constant, outputs))), rel=1e-6
        )


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares"])
def test_labels_replace_ones_and_zeros(name):
    loss = losses.get(name)
    labels = (np.full_like(REAL, 0.9), np.full_like(FAKE, 0.2))
    value = float(loss.discriminator_loss(tf.constant(REAL), tf.constant(FAKE), labels))
    if name == "least_squares":
        expected = ((REAL - 0.9) ** 2).mean() / 2 + ((FAKE - 0.2) ** 2).mean() / 2
    else:
        p, q = sigmoid(REAL), sigmoid(FAKE)
        expected = -(0.9 * np.log(p) + 0.1 * np.log(1 - p)).mean()
        expected -= (0.2 * np.log(q) + 0.8 * np.log(1 - q)).mean()
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        losses.Minimax(),
        losses.NonSaturating(),
        losses.LeastSquares(),
        losses.KerasLoss(keras.losses.BinaryCrossentropy(from_logits=True)),
        losses.KerasLoss(keras.losses.binary_crossentropy),
    ],
)
def test_serialization_round_trip(loss):
    config = keras.saving.serialize_keras_object(loss)
    restored = keras.saving.deserialize_keras_object(config)
    assert type(restored) is type(loss)
    assert restored.discriminator_output == loss.discriminator_output
    real, fake = tf.sigmoid(REAL), tf.sigmoid(FAKE)
    assert float(restored.discriminator_loss(real, fake)) == float(
        loss.discriminator_loss(real, fake)
    )


def test_get():
    own = losses.LeastSquares()
    assert losses.get(own) is own
    assert type(losses.get("minimax")) is losses.Minimax
    assert losses.get("binary_crossentropy").discriminator_output == "probabilities"
    focal = losses.get("binary_focal_crossentropy")
    assert focal.discriminator_output == "probabilities"
    with_logits = keras.losses.BinaryCrossentropy(from_logits=True)
    assert losses.get(with_logits).discriminator_output == "logits"
    assert losses.get(keras.losses.MeanSquaredError()).discriminator_output is None


def test_get_of_invalid_loss_raises():
    with pytest.raises(ValueError, match=r"'non-saturating'.*'non_saturating'"):
        losses.get("non-saturating")
    with pytest.raises(ValueError, match=r"'lsgan'.*'minimax'"):
        losses.get("lsgan")
    with pytest.raises(ValueError, match=r"an instance, LeastSquares\(\)"):
        losses.get(losses.LeastSquares)
    with pytest.raises(ValueError, match="loss_fn is 3"):
        losses.get(3)
