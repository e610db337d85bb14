"""What holds for every network of CycleGAN alike."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.networks import (
    patchgan_discriminator,
    resnet_generator,
    unet_generator,
)

SHAPE = (16, 24, 3)
NETWORKS = {
    "resnet": (resnet_generator, {"blocks": 2}),
    "unet": (unet_generator, {"depth": 3}),
    "patchgan": (patchgan_discriminator, {"layers": 2}),
}


def draw(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.fixture(params=NETWORKS)
def small(request):
    """Makes a narrow network, with weights so large that every layer shows."""
    make, fixed = NETWORKS[request.param]

    def build(shape=SHAPE, **options):
        network = make(shape, width=2, **fixed, **options)
        generator = np.random.default_rng(1)
        network.set_weights(
            [
                # One dimension: a bias, or a variance, which must not be negative.
                np.abs(drawn) if drawn.ndim == 1 else drawn
                for drawn in (
                    generator.normal(0, 0.3, w.shape) for w in network.get_weights()
                )
            ]
        )
        return network

    return build


def test_the_gradient_reaches_every_weight(small):
    network = small(normalization=None)
    with tf.GradientTape() as tape:
        outputs = network(draw(2, *SHAPE), training=True)
        loss = tf.reduce_sum(outputs * draw(*outputs.shape))
    weights = network.trainable_weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert np.isfinite(gradient).all() and np.any(gradient), weight.name


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "batch"},
        {"normalization": None, "spectral_normalization": True},
    ],
    ids=["instance", "batch", "spectral"],
)
def test_survives_a_file(small, tmp_path, options):
    network, images = small((None, None, 3), **options), draw(1, *SHAPE)
    # Spectral normalization has moved a vector of its own.
    network(images, training=True)
    expected = np.asarray(network(images))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert loaded.name == network.name
    np.testing.assert_allclose(np.asarray(loaded(images)), expected, atol=1e-6)
    for now, then in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)


def test_mixed_precision_ends_in_float32(small):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        network = small()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert network(draw(1, *SHAPE)).dtype == tf.float32


@pytest.mark.parametrize("upsampling", ["transpose", "resize"])
@pytest.mark.parametrize("make", [resnet_generator, unet_generator])
def test_either_upsampling_has_weights_that_all_train(make, upsampling):
    network = make((16, 16, 3), width=2, upsampling=upsampling, normalization=None)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(draw(1, 16, 16, 3)) ** 2)
    gradients = tape.gradient(loss, network.trainable_weights)
    kernels = [g for g in gradients if g.shape.rank == 4]
    assert kernels and all(np.any(gradient) for gradient in kernels)
