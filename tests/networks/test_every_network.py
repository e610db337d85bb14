"""What holds for all networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.networks import (
    dcgan_discriminator,
    dcgan_generator,
    patchgan_discriminator,
    resnet_generator,
    unet_generator,
)

SHAPE = (16, 24, 3)
# The networks that take images of any size, with small options.
CONVOLUTIONAL = {
    "resnet": (resnet_generator, {"blocks": 1}),
    "unet": (unet_generator, {"depth": 3}),
    "patchgan": (patchgan_discriminator, {"layers": 2}),
    "pixel": (patchgan_discriminator, {"layers": "pixel"}),
}
NETWORKS = {
    **CONVOLUTIONAL,
    "dcgan_generator": (dcgan_generator, {"latent_dim": 6}),
    "dcgan_discriminator": (dcgan_discriminator, {}),
}


def build(name, shape=SHAPE, **options):
    function, fixed = NETWORKS[name]
    return function(shape, **{"width": 4, **fixed, **options})


@pytest.fixture
def inputs_of(draw):
    """A function that draws two inputs for a network."""
    return lambda network: draw(2, *network.input_shape[1:])


@pytest.mark.parametrize("name", NETWORKS)
def test_images_may_have_any_number_of_channels(name, draw, spread):
    for channels in (2, 5, 12):
        network = spread(build(name, (16, 16, channels)))
        if name == "dcgan_generator":
            inputs = draw(3, 6)
        else:
            # The same image several times, each time with another channel inverted.
            inputs = np.repeat(draw(1, 16, 16, channels), channels + 1, axis=0)
            for channel in range(channels):
                inputs[channel, ..., channel] *= -1
        outputs = np.asarray(network(inputs))
        changes = np.abs(outputs[:-1] - outputs[-1]).reshape(len(outputs) - 1, -1)
        assert (changes.max(axis=1) > 1e-3).all()
        if "generator" in network.name:
            assert outputs.shape[1:] == (16, 16, channels)
            kinds = np.unique(outputs[-1].reshape(-1, channels).round(4), axis=1)
            assert kinds.shape[1] == channels


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_weight(name, draw, inputs_of):
    # Instance and batch normalization would cancel the gradients of some biases.
    options = {"normalization": None} if name in CONVOLUTIONAL else {}
    variants = [{}]
    if name in ("resnet", "unet"):
        variants = [{"upsampling": "transpose"}, {"upsampling": "resize"}]
    for variant in variants:
        network = build(name, **options, **variant)
        with tf.GradientTape() as tape:
            outputs = network(inputs_of(network), training=True)
            loss = tf.reduce_sum(outputs * draw(*outputs.shape))
        weights = network.trainable_weights
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            assert gradient is not None, weight.name
            assert np.isfinite(gradient).all() and np.any(gradient), weight.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, options",
    [
        ("resnet", {"normalization": "instance", "upsampling": "resize"}),
        ("unet", {"normalization": "batch"}),
        ("patchgan", {"normalization": None, "spectral_normalization": True}),
        ("patchgan", {"normalization": "instance", "activation": "sigmoid"}),
        ("dcgan_generator", {"activation": "sigmoid"}),
        ("dcgan_discriminator", {"activation": "sigmoid"}),
    ],
)
def test_networks_can_be_saved_and_loaded(name, options, spread, inputs_of, tmp_path):
    network = spread(build(name, **options))
    inputs = inputs_of(network)
    # Spectral normalization updates a vector in training.
    network(inputs, training=True)
    expected = np.asarray(network(inputs))
    assert expected.std() > 1e-3
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert loaded.name == network.name
    np.testing.assert_allclose(np.asarray(loaded(inputs)), expected, atol=1e-6)
    for now, then in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)
    if not options.get("spectral_normalization"):
        rebuilt = keras.Model.from_config(network.get_config())
        rebuilt.set_weights(network.get_weights())
        np.testing.assert_allclose(np.asarray(rebuilt(inputs)), expected, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_mixed_precision_computes_in_float16_and_returns_float32(
    name, spread, inputs_of
):
    network = spread(build(name))
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        mixed = build(name)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    mixed.set_weights(network.get_weights())
    inputs = inputs_of(network)
    assert {layer.compute_dtype for layer in mixed.layers[1:-1]} == {"float16"}
    outputs = mixed(inputs, training=True)
    assert outputs.dtype == tf.float32
    expected = np.asarray(network(inputs, training=True))
    difference = np.abs(np.asarray(outputs) - expected).max()
    # Values with 10 bits after the leading one differ, but not by much.
    assert 0 < difference < 0.01 * max(1.0, np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, options",
    [
        ("resnet", {"normalization": "instance", "upsampling": "transpose"}),
        ("resnet", {"normalization": "batch", "upsampling": "resize"}),
        ("resnet", {"normalization": None, "upsampling": "transpose"}),
        ("unet", {"normalization": "instance", "upsampling": "resize"}),
        ("unet", {"normalization": "batch", "upsampling": "transpose"}),
        ("unet", {"normalization": None}),
        ("patchgan", {"normalization": "instance", "layers": 1}),
        ("patchgan", {"normalization": "batch", "layers": 2}),
        ("patchgan", {"normalization": None, "layers": 1}),
        ("pixel", {"normalization": "instance"}),
        ("pixel", {"normalization": "batch"}),
    ],
)
def test_images_of_any_size_give_what_a_fixed_size_gives(name, options, draw, spread):
    images = draw(2, *SHAPE)
    fixed = spread(build(name, **options))
    free = build(name, (None, None, 3), **options)
    free.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(images))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(np.asarray(free(images)), expected, rtol=1e-4, atol=1e-5)
    if name in ("resnet", "unet"):
        assert expected.shape == images.shape
        assert free(draw(1, 24, 8, 3)).shape == (1, 24, 8, 3)


@pytest.mark.parametrize(
    "shape, message",
    [
        ((8, 8), "image_shape is (8, 8); expected integers (height, width, channels)"),
        (64, "image_shape is 64; expected integers (height, width, channels)"),
        ((8, 8, None), "image_shape is (8, 8, None); expected integers"),
        ((8.0, 8, 3), "image_shape is (8.0, 8, 3); expected integers"),
        ((8, True, 3), "image_shape is (8, True, 3); expected integers"),
        ((24, 24, 0), "image_shape: channels is 0; expected a positive integer."),
    ],
)
@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_unsupported_shapes_raise_an_error(name, shape, message):
    with pytest.raises(ValueError) as caught:
        build(name, shape)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_unsupported_options_raise_an_error(name):
    cases = [
        ({"width": 0}, "width is 0; expected a positive integer."),
        ({"width": None}, "width is None; expected a positive integer."),
        (
            {"normalization": "layer"},
            "normalization is 'layer'; expected 'instance', 'batch' or None.",
        ),
        ({"normalization": 1}, "normalization is 1; expected 'instance', 'batch' or"),
    ]
    if name in ("resnet", "unet"):
        cases += [
            ({"upsampling": "transposed"}, "upsampling is 'transposed'; did you mean"),
            ({"dropout": 1.0}, "dropout is 1.0; expected a number in [0, 1)."),
            ({"dropout": -0.1}, "dropout is -0.1; expected a number in [0, 1)."),
            ({"dropout": "a"}, "dropout is 'a'; expected a number in [0, 1)."),
        ]
    for options, message in cases:
        with pytest.raises(ValueError) as caught:
            build(name, **options)
        assert message in str(caught.value)
