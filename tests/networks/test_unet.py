import itertools
import re

import numpy as np
import pytest

from kerasgan.networks import unet_generator


def small(shape=(16, 24, 3), **options):
    return unet_generator(shape, **{"width": 2, **options})


def test_it_has_as_many_weights_as_the_authors_network(zero_weights):
    # Each pair of connected channels has 16 weights, each channel a bias.
    channels = [3, 64, 128, 256, *[512] * 5]
    pairs = list(itertools.pairwise(channels))
    down = sum(16 * above * below + below for above, below in pairs)
    # On the way up, all levels but the innermost have two feature maps as input.
    up = sum(16 * above * 2 * below + above for above, below in pairs[:-1])
    innermost = 16 * 512 * 512 + 512
    assert unet_generator((256, 256, 3)).count_params() == down + up + innermost
    assert unet_generator((128, 128, 3)).count_params() == 41_825_667


@pytest.mark.parametrize(
    "shape, depth",
    [
        ((512, 512, 1), 8),
        ((256, 256, 3), 8),
        ((128, 128, 3), 7),
        ((96, 64, 3), 5),
        ((12, 64, 3), 2),
        ((4, 4, 1), 2),
    ],
)
def test_the_default_depth_halves_as_often_as_both_sides_allow(shape, depth):
    names = [layer.name for layer in small(shape, width=1).layers if layer.weights]
    downs, ups = range(1, depth + 1), range(depth, 1, -1)
    assert names == [
        *(f"down_{i}" for i in downs),
        *(f"up_{i}" for i in ups),
        "to_image",
    ]


def test_the_innermost_level_is_normalized_on_the_way_up_only():
    names = [layer.name for layer in small(depth=3).layers]
    norms = [name for name in names if name.endswith("norm")]
    assert norms == ["down_2_norm", "up_3_norm", "up_2_norm"]


def test_channels_double_up_to_eight_times_the_width():
    network = small((32, 32, 3), depth=5)
    filters = [network.get_layer(f"down_{i}").filters for i in range(1, 6)]
    assert filters == [2, 4, 8, 16, 16]
    assert [network.get_layer(f"up_{i}").filters for i in (5, 2)] == [16, 2]


def test_dropout_is_on_the_inner_levels_only(draw, spread):
    network = small((256, 128, 1), width=1, dropout=0.5)
    names = [layer.name for layer in network.layers if "dropout" in layer.name]
    assert names == ["up_6_dropout", "up_5_dropout"]
    assert network.get_layer("up_5_dropout").rate == 0.5
    network, images = spread(small((64, 64, 3), dropout=0.5)), draw(1, 64, 64, 3)
    first, second = (np.asarray(network(images, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


def test_skip_connections_bypass_the_innermost_level(draw, spread):
    network = spread(small((16, 16, 3), depth=3, normalization=None))
    weights = network.get_layer("down_3").get_weights()
    network.get_layer("down_3").set_weights([0 * w for w in weights])
    outputs = [
        np.asarray(network(x))
        for x in (draw(1, 16, 16, 3), 0.5 * np.ones((1, 16, 16, 3)))
    ]
    assert np.abs(outputs[0] - outputs[1]).max() > 0.05


@pytest.mark.parametrize("upsampling", ["resize", "transpose"])
def test_only_transposed_convolutions_add_a_pattern_to_a_flat_image(upsampling, spread):
    network = small((64, 64, 3), depth=3, normalization=None, upsampling=upsampling)
    output = np.asarray(spread(network)(np.full((1, 64, 64, 3), 0.5, "float32")))
    # Without the border that zero padding affects, and whole periods of the pattern.
    interior = output[0, 24:40, 24:40]
    phases = interior.reshape(2, 8, 2, 8, 3)
    assert np.abs(interior).max() > 1e-3
    assert np.ptp(phases, axis=(0, 2)).max() < 1e-5
    pattern = np.ptp(interior, axis=(0, 1)).max()
    assert pattern < 1e-5 if upsampling == "resize" else pattern > 1e-3


def test_resizing_uses_kernels_of_3_x_3(draw):
    network = small((16, 16, 3), depth=3, upsampling="resize")
    kernels = {
        layer.name: tuple(layer.kernel.shape)
        for layer in network.layers
        if layer.name in ("up_3", "up_2", "to_image")
    }
    assert kernels == {
        "up_3": (3, 3, 8, 4),
        "up_2": (3, 3, 8, 2),
        "to_image": (3, 3, 4, 3),
    }
    assert network(draw(1, 16, 16, 3)).shape == (1, 16, 16, 3)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"depth": 4},
            "image_shape: width is 24; expected a multiple of 16 (nearest: 16, 32).",
        ),
        ({"depth": 5}, "image_shape: height is 16; expected at least 32."),
        ({"depth": 1}, "depth is 1; expected at least 2."),
        ({"depth": 0}, "depth is 0; expected a positive integer."),
        (
            {"shape": (18, 16, 3)},
            "image_shape: height is 18; expected a multiple of 4 (nearest: 16, 20).",
        ),
        (
            {"shape": (None, 16, 3)},
            "depth is None and image_shape is (None, 16, 3); expected an integer depth",
        ),
    ],
)
def test_unsupported_arguments_raise_an_error(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**options)
