import re

import keras
import numpy as np
import pytest

from kerasgan.networks import resnet_generator


def draw(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def small(shape=(16, 24, 3), **options):
    return resnet_generator(shape, **{"width": 4, "blocks": 1, **options})


def spread(network):
    """Draws weights so large that every layer shows in the output."""
    generator = np.random.default_rng(1)
    network.set_weights(
        [
            # One dimension: a bias, or a variance, which must not be negative.
            generator.uniform(0.2, 1, w.shape)
            if w.ndim == 1
            else generator.normal(0, np.prod(w.shape[:-1]) ** -0.5, w.shape)
            for w in network.get_weights()
        ]
    )
    return network


def test_weights_are_as_many_as_the_authors():
    assert resnet_generator((256, 256, 3)).count_params() == 11_378_179
    # Two convolutions of a block each: 256 * 256 * 9 + 256.
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


def test_biases_stand_where_batch_normalization_does_not():
    kernels = {"from_image", "down_1", "block_1_conv_1", "up_2", "to_image"}
    for normalization in ("instance", "batch", None):
        network = small(normalization=normalization)
        biased = {name for name in kernels if network.get_layer(name).use_bias}
        assert biased == ({"to_image"} if normalization == "batch" else kernels)


def test_initial_weights_are_the_papers():
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


@pytest.mark.parametrize("upsampling", ["transpose", "resize"])
@pytest.mark.parametrize("normalization", ["instance", "batch", None])
def test_unknown_sides_compute_the_same(upsampling, normalization):
    options = dict(upsampling=upsampling, normalization=normalization)
    images = draw(2, 16, 24, 3)
    fixed, free = spread(small(**options)), small((None, None, 3), **options)
    free.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(images))
    assert expected.shape == images.shape and expected.std() > 0.01
    np.testing.assert_allclose(np.asarray(free(images)), expected, atol=1e-5)
    assert free(draw(1, 12, 8, 3)).shape == (1, 12, 8, 3)


def flat_output(upsampling):
    """Returns what becomes of a flat image, away from the borders."""
    network = small((64, 64, 3), upsampling=upsampling, normalization=None)
    output = np.asarray(spread(network)(np.full((1, 64, 64, 3), 0.5, "float32")))
    # The zeros around the halving convolutions reach 8 pixels a layer.
    return output[0, 24:48, 24:48]


def test_resizing_leaves_a_flat_image_flat():
    interior = flat_output("resize")
    assert np.abs(interior).max() > 1e-3
    assert np.ptp(interior, axis=(0, 1)).max() < 1e-5


def test_transposing_lays_a_pattern_of_four_pixels_over_it():
    interior = flat_output("transpose")
    phases = interior.reshape(6, 4, 6, 4, 3)
    assert np.ptp(phases, axis=(0, 2)).max() < 1e-5
    assert np.ptp(interior, axis=(0, 1)).max() > 1e-2


def test_dropout_acts_in_training_only():
    network, images = spread(small(dropout=0.5)), draw(1, 16, 24, 3)
    same = np.asarray(network(images))
    np.testing.assert_array_equal(np.asarray(network(images)), same)
    first, second = (np.asarray(network(images, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    names = [layer.name for layer in network.layers]
    place = names.index("block_1_dropout")
    assert names[place - 1] == "block_1_relu"
    assert "block_1_dropout" not in [layer.name for layer in small().layers]


def test_spectral_normalization_bounds_every_kernel():
    network, images = spread(small(spectral_normalization=True)), draw(1, 16, 24, 3)
    for _ in range(40):
        network(images, training=True)
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
            "image_shape: height is 70; expected a multiple of 4, of which 68 and 72 "
            "are the nearest.",
        ),
        ({"shape": (64, 4, 3)}, "image_shape: width is 4; expected at least 8."),
        ({"shape": (8, 8)}, "image_shape is (8, 8); expected (height, width, channe"),
        ({"shape": 64}, "image_shape is 64; expected (height, width, channels)"),
        ({"shape": (8, 8, None)}, "image_shape is (8, 8, None); expected (height,"),
        ({"shape": (8.0, 8, 3)}, "image_shape is (8.0, 8, 3); expected (height,"),
        ({"shape": (8, 8, 0)}, "image_shape: channels is 0; expected a whole number"),
        ({"width": 0}, "width is 0; expected a whole number of at least 1."),
        ({"blocks": 2.5}, "blocks is 2.5; expected a whole number of at least 1."),
        ({"upsampling": "transposed"}, "upsampling is 'transposed'; did you mean"),
        ({"dropout": 1.0}, "dropout is 1.0; expected a number of at least 0 and below"),
        ({"dropout": "a"}, "dropout is 'a'; expected a number"),
        (
            {"normalization": "layer"},
            "normalization is 'layer'; expected 'instance', 'batch' or None.",
        ),
    ],
)
def test_what_cannot_be_made_is_named(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**options)
