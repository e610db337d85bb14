"""Images of any size through networks that take some sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import translation
from kerasgan.networks import resnet_generator, unet_generator


def blur(shape=(None, None, 3), side=5):
    """A network that averages neighbours, and needs nothing of its sides."""
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.DepthwiseConv2D(
                side,
                padding="same",
                use_bias=False,
                depthwise_initializer=keras.initializers.Constant(1 / side**2),
            ),
        ]
    )


def halving(shape=(None, None, 3)):
    """Halves twice by averaging, then repeats each pixel."""
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.AveragePooling2D(4),
            keras.layers.UpSampling2D(4),
        ]
    )


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize(
    "network, step",
    [
        (blur(), 1),
        (halving(), 4),
        (halving((8, 8, 3)), 4),
        (resnet_generator((16, 16, 3), width=2, blocks=1), 4),
        (resnet_generator((None, None, 1), width=2, blocks=1, upsampling="resize"), 4),
        (unet_generator((32, 32, 3), width=2), 32),
        (unet_generator((None, None, 3), width=2, depth=3), 8),
    ],
)
def test_divisor(network, step):
    assert translation.divisor(network) == step


def test_a_network_for_one_size_only_is_said_to_be_so():
    flat = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(16),
            keras.layers.Reshape((4, 4, 1)),
        ]
    )
    one = images(2, 4, 4, 1)
    np.testing.assert_allclose(
        translation.translate_images(flat, one, 512, 64), flat.predict(one, verbose=0)
    )
    assert translation.divisor(flat) is None
    with pytest.raises(ValueError, match=r"5x4 pixels; expected \(4, 4\), or"):
        translation.translate_images(flat, images(1, 5, 4, 1), 512, 64)


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (4, 4), (7, 30), (13, 16), (33, 5)])
@pytest.mark.parametrize("shape", [(None, None, 3), (16, 16, 3)])
def test_any_size_comes_back_as_large(size, shape):
    network = resnet_generator(shape, width=2, blocks=1)
    made = translation.translate_images(network, images(2, *size, 3), 512, 64)
    assert made.shape == (2, *size, 3) and made.dtype == np.float32
    assert np.isfinite(made).all()


def test_what_is_missing_is_the_reflection_and_is_cropped_again():
    image = images(1, 6, 8, 3)
    made = translation.translate_images(halving(), image, 512, 64)
    # 6 rows become 8: one before, one behind.
    padded = np.concatenate([image[:, 1:2], image, image[:, 4:5]], axis=1)
    means = padded.reshape(1, 2, 4, 2, 4, 3).mean(axis=(2, 4))
    expected = means.repeat(4, axis=1).repeat(4, axis=2)[:, 1:7]
    # The shorter side of 6 is also below the least one, which is 8 as well.
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_sizes_that_fit_pass_unchanged():
    image = images(2, 16, 24, 3)
    network = resnet_generator((None, None, 3), width=2, blocks=1)
    np.testing.assert_allclose(
        translation.translate_images(network, image, 512, 64),
        network.predict(image, verbose=0),
        atol=1e-6,
    )


@pytest.mark.parametrize("size", [(70, 45), (33, 32), (20, 100), (64, 64)])
def test_tiles_make_what_the_whole_image_makes(size):
    """A network that looks at each pixel alone: nothing shows of the tiles."""
    image = images(1, *size, 3)
    same = keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()])
    np.testing.assert_allclose(
        translation.translate_images(same, image, 32, 16),
        np.maximum(image, 0),
        atol=1e-6,
    )


def test_tiles_of_a_network_that_looks_around_differ_at_their_edges_only():
    image, network = images(1, 16, 100, 3), blur()
    whole = translation.translate_images(network, image, 512, 16)
    tiled = translation.translate_images(network, image, 32, 16)
    difference = np.abs(tiled - whole).max(axis=(0, 1, 3))
    # Starts of tiles and their ends; the blur reaches two pixels across an edge.
    starts = np.array(translation._starts(100, 32, 16))
    edges = np.concatenate([starts[1:], starts[:-1] + 32])
    near = np.abs(np.arange(100)[:, None] + 0.5 - edges).min(axis=1) < 2
    assert difference[~near].max() < 1e-6
    # The tile whose edge it is weighs little there.
    assert 1e-3 < difference[near].max() < 0.15


def test_one_tile_fades_into_the_next():
    """Tiles of two colours meet in a slope, not at an edge."""
    network, colours = blur(), iter([0.0, 1.0])
    translation.divisor(network)
    network.call = lambda batch, training: np.full_like(batch, next(colours))
    made = translation.translate_images(network, images(1, 8, 48, 3), 32, 16)
    made = made[0, 0, :, 0]
    np.testing.assert_allclose(made[:16], 0)
    np.testing.assert_allclose(made[32:], 1)
    np.testing.assert_allclose(np.diff(made[15:33]), 1 / 17, atol=1e-6)


@pytest.mark.parametrize("n, size, tile", [(9, 16, 32), (3, 100, 32), (2, 40, 64)])
@pytest.mark.parametrize(
    "network",
    [blur(), unet_generator((None, None, 3), width=1, depth=4)],
    ids=["blur", "unet"],
)
def test_no_more_pixels_than_a_tile_has_are_in_the_network(network, n, size, tile):
    most = []
    inner = network.call

    def call(batch, training):
        if not tf.is_symbolic_tensor(batch):
            most.append(np.prod(batch.shape[:3]))
        return inner(batch, training=training)

    network.call = call
    made = translation.translate_images(network, images(n, size, size, 3), tile, 8)
    # Asking for the divisor computes nothing: what is traced has no pixels.
    network.call = inner
    assert made.shape == (n, size, size, 3)
    assert max(most) <= tile**2
    # And tiles are as large, or batches as full, as that allows.
    assert max(most) > tile**2 / 2 or n * size**2 < tile**2
