import itertools
import re

import numpy as np
import pytest

from kerasgan.networks import unet_generator


def draw(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def small(shape=(16, 24, 3), **options):
    return unet_generator(shape, **{"width": 2, **options})


def spread(network):
    """Draws weights so large that every layer shows in the output."""
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


def test_weights_are_as_many_as_the_authors():
    # Kernels and biases added up: 16 weights for each pair of maps that meet.
    maps = [3, 64, 128, 256, *[512] * 5]
    pairs = list(itertools.pairwise(maps))
    down = sum(16 * above * below + below for above, below in pairs)
    # On the way up, all but the innermost level see two maps of their size.
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
def test_halves_as_often_as_both_sides_can_be(shape, depth):
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


def test_channels_double_up_to_eight_widths():
    network = small((32, 32, 3), depth=5)
    filters = [network.get_layer(f"down_{i}").filters for i in range(1, 6)]
    assert filters == [2, 4, 8, 16, 16]
    assert [network.get_layer(f"up_{i}").filters for i in (5, 2)] == [16, 2]


def test_dropout_stands_on_the_inner_levels_only():
    network = small((256, 128, 1), width=1, dropout=0.5)
    names = [layer.name for layer in network.layers if "dropout" in layer.name]
    assert names == ["up_6_dropout", "up_5_dropout"]
    assert network.get_layer("up_5_dropout").rate == 0.5
    network, images = spread(small((64, 64, 3), dropout=0.5)), draw(1, 64, 64, 3)
    first, second = (np.asarray(network(images, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("normalization", ["instance", "batch", None])
def test_unknown_sides_compute_the_same(normalization):
    options = dict(normalization=normalization, depth=3)
    images = draw(2, 16, 24, 3)
    fixed, free = spread(small(**options)), small((None, None, 3), **options)
    free.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(images))
    assert expected.shape == images.shape and expected.std() > 0.005
    np.testing.assert_allclose(np.asarray(free(images)), expected, atol=1e-5)


def test_fine_detail_passes_by_the_bottom():
    network = spread(small((16, 16, 3), depth=3, normalization=None))
    weights = network.get_layer("down_3").get_weights()
    network.get_layer("down_3").set_weights([0 * w for w in weights])
    outputs = [
        np.asarray(network(x))
        for x in (draw(1, 16, 16, 3), 0.5 * np.ones((1, 16, 16, 3)))
    ]
    assert np.abs(outputs[0] - outputs[1]).max() > 0.05


@pytest.mark.parametrize(
    "options, message",
    [
        ({"depth": 4}, "width is 24; expected a multiple of 16, of which 16 and 32"),
        ({"depth": 5}, "image_shape: height is 16; expected at least 32."),
        ({"depth": 1}, "depth is 1; expected at least 2."),
        ({"depth": 0}, "depth is 0; expected a whole number of at least 1."),
        ({"shape": (18, 16, 3)}, "height is 18; expected a multiple of 4, of which"),
        (
            {"shape": (None, 16, 3)},
            "depth is None and image_shape (None, 16, 3); expected a whole number",
        ),
        ({"width": -1}, "width is -1; expected a whole number of at least 1."),
        ({"dropout": -0.1}, "dropout is -0.1; expected a number of at least 0"),
        ({"normalization": "none"}, "normalization is 'none'; expected 'instance'"),
    ],
)
def test_what_cannot_be_made_is_named(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**options)


@pytest.mark.parametrize(
    "upsampling, pattern", [("resize", False), ("transpose", True)]
)
def test_resizing_leaves_a_flat_image_flat_and_transposing_does_not(
    upsampling, pattern
):
    network = small((64, 64, 3), depth=3, normalization=None, upsampling=upsampling)
    output = np.asarray(spread(network)(np.full((1, 64, 64, 3), 0.5, "float32")))
    # Away from the zeros around the convolutions, in whole periods of the network.
    interior = output[0, 24:40, 24:40]
    phases = interior.reshape(2, 8, 2, 8, 3)
    assert np.abs(interior).max() > 1e-3
    assert np.ptp(phases, axis=(0, 2)).max() < 1e-5
    assert (np.ptp(interior, axis=(0, 1)).max() > 1e-3) == pattern
    if not pattern:
        assert np.ptp(interior, axis=(0, 1)).max() < 1e-5


def test_resizing_has_kernels_of_nine_and_the_same_maps():
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
