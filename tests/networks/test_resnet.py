import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.networks import resnet_generator


def small(shape=(16, 24, 3), **options):
    return resnet_generator(shape, **{"width": 4, "blocks": 1, **options})


@pytest.mark.slow
def test_it_has_as_many_weights_as_the_authors_network(zero_weights):
    assert resnet_generator((256, 256, 3)).count_params() == 11_378_179
    # Each block has two convolutions with 256 * 256 * 9 + 256 weights.
    six = resnet_generator((128, 128, 3), blocks=6).count_params()
    assert six == 11_378_179 - 3 * 2 * (256 * 256 * 9 + 256)


def test_layers_with_weights_have_fixed_names():
    network = small(normalization="batch", upsampling="resize", dropout=0.5)
    names = [layer.name for layer in network.layers if layer.weights]
    assert (
        names
        == (
            "from_image from_image_norm down_1 down_1_norm down_2 down_2_norm "
            "block_1_conv_1 block_1_norm_1 block_1_conv_2 block_1_norm_2 "
            "up_1 up_1_norm up_2 up_2_norm to_image"
        ).split()
    )
    assert network.name == "resnet_generator" and small(name="a2b").name == "a2b"


def test_convolutions_before_batch_normalization_have_no_bias():
    kernels = {"from_image", "down_1", "block_1_conv_1", "up_2", "to_image"}
    for normalization in ("instance", "batch", None):
        network = small(normalization=normalization)
        biased = {name for name in kernels if network.get_layer(name).use_bias}
        assert biased == ({"to_image"} if normalization == "batch" else kernels)


def test_initial_weights_have_the_distribution_of_the_paper():
    network = small(width=32, normalization="batch")
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, _, _ = layer.get_weights()
            assert 0 < gamma.std() < 0.05 and abs(gamma.mean() - 1) < 0.02
            assert (beta == 0).all() and layer.momentum == 0.9
        elif layer.weights:
            kernel, *bias = layer.get_weights()
            n = kernel.size
            assert abs(kernel.mean()) < 4 * 0.02 / np.sqrt(n), layer.name
            assert abs(kernel.std() - 0.02) < 4 * 0.02 / np.sqrt(2 * n), layer.name
            assert all((b == 0).all() for b in bias)
    first, second = (network.get_layer(f"block_1_conv_{i}") for i in (1, 2))
    assert np.abs(first.get_weights()[0] - second.get_weights()[0]).mean() > 0.01


@pytest.mark.parametrize("upsampling", ["resize", "transpose"])
def test_only_transposed_convolutions_add_a_pattern_to_a_flat_image(upsampling, spread):
    network = spread(small((64, 64, 3), upsampling=upsampling, normalization=None))
    output = np.asarray(network(np.full((1, 64, 64, 3), 0.5, "float32")))
    # Without the border that zero padding affects, 8 pixels for each halving layer.
    interior = output[0, 24:48, 24:48]
    assert np.abs(interior).max() > 1e-3
    phases = interior.reshape(6, 4, 6, 4, 3)
    assert np.ptp(phases, axis=(0, 2)).max() < 1e-5
    pattern = np.ptp(interior, axis=(0, 1)).max()
    assert pattern < 1e-5 if upsampling == "resize" else pattern > 1e-2


def test_dropout_is_active_in_training_only(draw, spread):
    network, images = spread(small(dropout=0.5)), draw(1, 16, 24, 3)
    same = np.asarray(network(images))
    np.testing.assert_array_equal(np.asarray(network(images)), same)
    first, second = (np.asarray(network(images, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    names = [layer.name for layer in network.layers]
    place = names.index("block_1_dropout")
    assert names[place - 1] == "block_1_relu"
    assert "block_1_dropout" not in [layer.name for layer in small().layers]


def test_spectral_normalization_bounds_every_kernel(draw, spread):
    network, images = spread(small(spectral_normalization=True)), draw(1, 16, 24, 3)

    @tf.function
    def train():
        return network(images, training=True)

    for _ in range(40):
        train()
    wrapped = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.SpectralNormalization)
    ]
    assert len(wrapped) == 8
    for layer in wrapped:
        kernel = layer.layer.get_weights()[0]
        norm = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
        assert abs(norm - 1) < 0.02, layer.name


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"shape": (70, 64, 3)},
            "image_shape: height is 70; expected a multiple of 4 (nearest: 68, 72).",
        ),
        ({"shape": (64, 4, 3)}, "image_shape: width is 4; expected at least 8."),
        ({"blocks": 2.5}, "blocks is 2.5; expected a positive integer."),
    ],
)
def test_unsupported_arguments_raise_an_error(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**options)
