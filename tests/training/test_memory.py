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


def test_each_layer_counts_once():
    plain = convolution(5, size=8)
    image = 8 * 8 * 4
    assert output_bytes(plain, (2, 8, 8, 3)) == 2 * 5 * image
    activated = convolution(5, size=8, activation="tanh")
    assert output_bytes(activated, (2, 8, 8, 3)) == 2 * (5 + 5) * image


def test_open_sides_are_those_of_the_batch():
    open_sides = convolution(5)
    assert output_bytes(open_sides, (2, 16, 8, 3)) == 2 * 5 * 16 * 8 * 4


def test_half_precision_takes_half():
    half = convolution(16, size=8, dtype="mixed_float16")
    image = 8 * 8 * 2
    # With the images, which are cast too.
    assert output_bytes(half, (2, 8, 8, 3)) == 2 * (16 + 3) * image


def test_a_gan_holds_one_batch_of_images_and_two_of_answers():
    generator = keras.Sequential(
        [keras.Input((7,)), keras.layers.Dense(192), keras.layers.Reshape((8, 8, 3))]
    )
    discriminator = convolution(5, size=8)
    gan = kerasgan.GAN(discriminator, generator, ema_decay=None)
    shape = (4, 8, 8, 3)
    made = [output_bytes(network, shape) for network in (generator, discriminator)]
    assert made[0] >= 4 * 192 * 4
    assert activation_bytes(gan, shape) == made[0] + 2 * made[1]
    gan.compile(penalties=["r1"])
    assert activation_bytes(gan, shape) == made[0] + 4 * made[1]


def test_generators_of_a_cyclegan_hold_three_batches():
    networks = [convolution(3, size=8, activation="tanh") for _ in range(2)]
    networks += [convolution(5, size=8) for _ in range(2)]
    cyclegan = kerasgan.CycleGAN(*networks, ema_decay=None, pool_size=0)
    shape = (4, 8, 8, 3)
    made = [output_bytes(network, shape) for network in networks]
    expected = 3 * (made[0] + made[1]) + 2 * (made[2] + made[3])
    assert activation_bytes(cyclegan, shape) == expected


@pytest.mark.parametrize("ema_decay, copies", [(None, 0), (0.9, 1)])
def test_state_is_weights_slots_gradients_and_averages(ema_decay, copies):
    generator = convolution(3, size=8, activation="tanh")
    discriminator = convolution(5, size=8)
    gan = kerasgan.GAN(discriminator, generator, ema_decay=ema_decay)
    gan.compile()
    counts = generator.count_params(), discriminator.count_params()
    # A weight, its gradient and Adam's two slots; and a few scalars beside.
    expected = 4 * (4 * sum(counts) + copies * counts[0])
    assert expected < state_bytes(gan) < expected + 200
