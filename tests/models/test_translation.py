"""Translation of images of any size with networks that accept certain sizes."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models import translation
from kerasgan.networks import resnet_generator, unet_generator


def blur(shape=(None, None, 3), side=5):
    """A network that averages neighboring pixels and accepts any image size."""
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


def block_average(shape=(None, None, 3)):
    """A network that replaces each block of 4x4 pixels by its average."""
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
    "network, expected",
    [
        (blur(), 1),
        (block_average(), 4),
        (block_average((8, 8, 3)), 4),
        (resnet_generator((16, 16, 3), width=2, blocks=1), 4),
        (resnet_generator((None, None, 1), width=2, blocks=1, upsampling="resize"), 4),
        (unet_generator((32, 32, 3), width=2), 32),
        (unet_generator((None, None, 3), width=2, depth=3), 8),
    ],
)
def test_divisor(network, expected):
    assert translation.divisor(network) == expected


def test_network_with_fixed_size_raises_for_other_sizes():
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


@functools.cache
def smallest_resnet(shape):
    return resnet_generator(shape, width=2, blocks=1)


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (4, 4), (7, 30), (13, 16), (33, 5)])
@pytest.mark.parametrize(
    "shape", [(None, None, 3), pytest.param((16, 16, 3), marks=pytest.mark.slow)]
)
def test_translation_keeps_image_size(size, shape):
    made = translation.translate_images(
        smallest_resnet(shape), images(2, *size, 3), 512, 64
    )
    assert made.shape == (2, *size, 3) and made.dtype == np.float32
    assert np.isfinite(made).all()


def test_images_are_reflect_padded_and_cropped():
    image = images(1, 6, 8, 3)
    made = translation.translate_images(block_average(), image, 512, 64)
    # 6 rows become 8: one is added at the top and one at the bottom.
    padded = np.concatenate([image[:, 1:2], image, image[:, 4:5]], axis=1)
    means = padded.reshape(1, 2, 4, 2, 4, 3).mean(axis=(2, 4))
    expected = means.repeat(4, axis=1).repeat(4, axis=2)[:, 1:7]
    # The height of 6 is also below the minimum, which is 8, too.
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.slow
def test_images_of_accepted_size_are_not_padded():
    image = images(2, 16, 24, 3)
    network = resnet_generator((None, None, 3), width=2, blocks=1)
    np.testing.assert_allclose(
        translation.translate_images(network, image, 512, 64),
        network.predict(image, verbose=0),
        atol=1e-6,
    )


@pytest.mark.parametrize("size", [(70, 45), (33, 32), (20, 100), (64, 64)])
def test_tiles_of_pointwise_network_equal_whole_image(size):
    """A network that processes each pixel separately leaves no seams."""
    image = images(1, *size, 3)
    pointwise = keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()])
    np.testing.assert_allclose(
        translation.translate_images(pointwise, image, 32, 16),
        np.maximum(image, 0),
        atol=1e-6,
    )


def test_tiles_differ_from_whole_image_only_at_edges():
    image, network = images(1, 16, 100, 3), blur()
    whole = translation.translate_images(network, image, 512, 16)
    tiled = translation.translate_images(network, image, 32, 16)
    difference = np.abs(tiled - whole).max(axis=(0, 1, 3))
    # Tiles start and end at edges; the blur reaches two pixels across an edge.
    starts = np.array(translation._starts(100, 32, 16))
    edges = np.concatenate([starts[1:], starts[:-1] + 32])
    near = np.abs(np.arange(100)[:, None] + 0.5 - edges).min(axis=1) < 2
    assert difference[~near].max() < 1e-6
    # Near its edge, a tile has a small weight.
    assert 1e-3 < difference[near].max() < 0.15


def test_overlapping_tiles_are_blended_linearly():
    """Two tiles of constant color blend without an edge."""
    network, colors = blur(), iter([0.0, 1.0])
    translation.divisor(network)
    network.call = lambda batch, training: np.full_like(batch, next(colors))
    made = translation.translate_images(network, images(1, 8, 48, 3), 32, 16)
    made = made[0, 0, :, 0]
    np.testing.assert_allclose(made[:16], 0)
    np.testing.assert_allclose(made[32:], 1)
    np.testing.assert_allclose(np.diff(made[15:33]), 1 / 17, atol=1e-6)


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("n, size, tile", [(9, 16, 32), (3, 100, 32), (2, 40, 64)])
@pytest.mark.parametrize(
    "network",
    [blur(), unet_generator((None, None, 3), width=1, depth=4)],
    ids=["blur", "unet"],
)
def test_batches_have_at_most_as_many_pixels_as_a_tile(network, n, size, tile):
    pixels = []
    inner = network.call

    def call(batch, training):
        if not tf.is_symbolic_tensor(batch):
            pixels.append(np.prod(batch.shape[:3]))
        return inner(batch, training=training)

    network.call = call
    made = translation.translate_images(network, images(n, size, size, 3), tile, 8)
    # The symbolic calls that determine the divisor process no pixels.
    network.call = inner
    assert made.shape == (n, size, size, 3)
    assert max(pixels) <= tile**2
    # The tiles, or the batches, are almost as large as the limit allows.
    assert max(pixels) > tile**2 / 2 or n * size**2 < tile**2
