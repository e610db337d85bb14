import keras
import pytest

import kerasgan
from kerasgan.training.memory import activation_bytes, output_bytes, state_bytes


def convolution(channels, size=None, **options):
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.Conv2D(channels, 3, padding="same", **options),
        ]
    )


def test_output_bytes_counts_each_output_once():
    plain = convolution(5, size=8)
    image = 8 * 8 * 4
    assert output_bytes(plain, (2, 8, 8, 3)) == 2 * 5 * image
    activated = convolution(5, size=8, activation="tanh")
    assert output_bytes(activated, (2, 8, 8, 3)) == 2 * (5 + 5) * image


def test_output_bytes_with_undefined_image_size():
    any_size = convolution(5)
    assert output_bytes(any_size, (2, 16, 8, 3)) == 2 * 5 * 16 * 8 * 4


def test_output_bytes_in_mixed_precision():
    half = convolution(16, size=8, dtype="mixed_float16")
    image = 8 * 8 * 2
    # The input images are cast, too.
    assert output_bytes(half, (2, 8, 8, 3)) == 2 * (16 + 3) * image


def test_activation_bytes_of_gan():
    generator = keras.Sequential(
        [keras.Input((7,)), keras.layers.Dense(192), keras.layers.Reshape((8, 8, 3))]
    )
    discriminator = convolution(5, size=8)
    gan = kerasgan.GAN(discriminator, generator, ema_decay=None)
    shape = (4, 8, 8, 3)
    sizes = [output_bytes(network, shape) for network in (generator, discriminator)]
    assert sizes[0] >= 4 * 192 * 4
    assert activation_bytes(gan, shape) == sizes[0] + 2 * sizes[1]
    gan.compile(penalties=["r1"])
    assert activation_bytes(gan, shape) == sizes[0] + 4 * sizes[1]


def test_activation_bytes_of_cyclegan():
    networks = [convolution(3, size=8, activation="tanh") for _ in range(2)]
    networks += [convolution(5, size=8) for _ in range(2)]
    cyclegan = kerasgan.CycleGAN(*networks, ema_decay=None, pool_size=0)
    shape = (4, 8, 8, 3)
    sizes = [output_bytes(network, shape) for network in networks]
    expected = 3 * (sizes[0] + sizes[1]) + 2 * (sizes[2] + sizes[3])
    assert activation_bytes(cyclegan, shape) == expected


@pytest.mark.parametrize("ema_decay, copies", [(None, 0), (0.9, 1)])
def test_state_bytes_counts_weights_slots_gradients_and_averages(ema_decay, copies):
    generator = convolution(3, size=8, activation="tanh")
    discriminator = convolution(5, size=8)
    gan = kerasgan.GAN(discriminator, generator, ema_decay=ema_decay)
    gan.compile()
    counts = generator.count_params(), discriminator.count_params()
    # A weight, its gradient and Adam's two slots, plus a few scalars.
    expected = 4 * (4 * sum(counts) + copies * counts[0])
    assert expected < state_bytes(gan) < expected + 200
