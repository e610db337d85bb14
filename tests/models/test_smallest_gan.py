"""The smallest GAN, compared with derivatives computed by hand.

The generator has one layer, from a scalar to a 2x2 image, and so has the
discriminator. With `s` the sigmoid:

    y = s(z w + b)               the image, four values
    p = s(x . v + c)             the discriminator's answer to an image x

The discriminator minimizes `-log p(x) / 2 - log(1 - p(y)) / 2`. As
`d log s(a) / da = 1 - s(a)`, the derivative with respect to `v` is
`-(1 - p(x)) x / 2 + p(y) y / 2`, and that with respect to `c` is
`-(1 - p(x)) / 2 + p(y) / 2`. The generator minimizes `-log p(y)`. The derivative with
respect to `y_i` is `-(1 - p(y)) v_i`. Multiplied by `y_i (1 - y_i) z`, it gives the
derivative with respect to `w_i`, and multiplied by `y_i (1 - y_i)` that with respect
to `b_i`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan

RATE = 0.5
Z = 0.7
FACE = np.array([[0.9, 0.1], [0.2, 0.8]], "float32")


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.asarray(x, "float64")))


def smallest_gan(
    latent_distribution=(0.0, 1.0), rate=RATE, steps_per_execution=1, **options
):
    generator = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(
                4, "sigmoid", kernel_initializer="normal", bias_initializer="normal"
            ),
            keras.layers.Reshape((2, 2, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(
                1, "sigmoid", kernel_initializer="normal", bias_initializer="normal"
            ),
        ]
    )
    gan = kerasgan.GAN(
        discriminator, generator, latent_distribution=latent_distribution, **options
    )
    gan.compile(
        d_optimizer=keras.optimizers.SGD(rate),
        g_optimizer=keras.optimizers.SGD(rate),
        loss_fn=keras.losses.BinaryCrossentropy(),
        label_noise=0.0,
        steps_per_execution=steps_per_execution,
    )
    return gan


def one_step(face=FACE, generator_weights=None):
    """Returns all weights before and after a step whose latent is `Z`."""
    # The range is so narrow that the latent is known.
    gan = smallest_gan((Z, Z + 1e-7))
    if generator_weights is not None:
        gan.generator.set_weights(generator_weights)

    def weights():
        (w, b), (v, c) = gan.generator.get_weights(), gan.discriminator.get_weights()
        return w[0].copy(), b.copy(), v[:, 0].copy(), c[0].copy()

    before = weights()
    gan.train_on_batch(face[None, ..., None])
    return before, weights()


def test_training_step_matches_derivatives():
    (w, b, v, c), after = one_step()
    x, y = FACE.ravel(), sigmoid(Z * w + b)
    p_real, p_fake = sigmoid(x @ v + c), sigmoid(y @ v + c)
    new_v = v - RATE * 0.5 * (-(1 - p_real) * x + p_fake * y)
    new_c = c - RATE * 0.5 * (-(1 - p_real) + p_fake)
    # The generator is trained against the updated discriminator.
    grad_y = -(1 - sigmoid(y @ new_v + new_c)) * new_v
    new_w = w - RATE * grad_y * y * (1 - y) * Z
    new_b = b - RATE * grad_y * y * (1 - y)
    for got, expected in zip(after, (new_w, new_b, new_v, new_c), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_discriminator_step_on_fake_image():
    """A black real image adds nothing to the gradient with respect to `v`."""
    (w, b, v, c), after = one_step(face=FACE * 0)
    y = sigmoid(Z * w + b)
    np.testing.assert_allclose(
        after[2], v - RATE * 0.5 * sigmoid(y @ v + c) * y, atol=1e-6
    )


def test_discriminator_step_on_real_image():
    """A black generated image adds nothing to the gradient with respect to `v`."""
    black = [np.zeros((1, 4)), np.full(4, -50.0)]
    (_, _, v, c), after = one_step(generator_weights=black)
    x = FACE.ravel()
    np.testing.assert_allclose(
        after[2], v + RATE * 0.5 * (1 - sigmoid(x @ v + c)) * x, atol=1e-6
    )


def test_reported_loss_and_scores():
    gan = smallest_gan((Z, Z + 1e-7))
    (w, b), (v, c) = gan.generator.get_weights(), gan.discriminator.get_weights()
    x, y = FACE.ravel(), sigmoid(Z * w[0] + b)
    p_real, p_fake = sigmoid(x @ v[:, 0] + c[0]), sigmoid(y @ v[:, 0] + c[0])
    logs = gan.train_on_batch(FACE[None, ..., None], return_dict=True)
    assert logs["d_loss"] == pytest.approx(
        -np.log(p_real) / 2 - np.log(1 - p_fake) / 2, abs=1e-6
    )
    assert logs["real_score"] == pytest.approx(p_real, abs=1e-6)
    assert logs["fake_score"] == pytest.approx(p_fake, abs=1e-6)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_training_learns_slanted_faces():
    faces = np.array(
        [[1, 0, 0, 1], [1, 0.05, 0, 0.95], [0.95, 0, 0.05, 1], [0.95, 0.05, 0.05, 0.95]]
    )
    faces = faces.astype("float32").reshape(-1, 2, 2, 1)
    data = tf.data.Dataset.from_tensor_slices(faces).batch(1).repeat(1000)
    gan = smallest_gan(rate=0.05, steps_per_execution=100, seed=0)
    gan.fit(data, verbose=0)
    drawn = gan.generate(100, seed=0)[..., 0]
    for diagonal in (drawn[:, 0, 0], drawn[:, 1, 1]):
        assert diagonal.min() > 0.9
    for rest in (drawn[:, 0, 1], drawn[:, 1, 0]):
        assert rest.max() < 0.1
