"""Small models to train under callbacks, and images for them."""

import keras
import numpy as np
import pytest

import kerasgan


@pytest.fixture
def small_gan():
    """A function that returns a compiled GAN of 4x4 images."""

    def build(activation="tanh"):
        generator = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(4 * 4 * 3, activation=activation),
                keras.layers.Reshape((4, 4, 3)),
            ]
        )
        discriminator = keras.Sequential(
            [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
        )
        gan = kerasgan.GAN(discriminator, generator, seed=0)
        gan.compile()
        return gan

    return build


@pytest.fixture
def small_cyclegan():
    """A function that returns a compiled CycleGAN of 8x8 images."""

    def generator(activation):
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(3, 3, padding="same", activation=activation),
            ]
        )

    def discriminator():
        return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 3)])

    def build(domain_a="tanh", domain_b="tanh"):
        # A generator ends in the activation of the domain that it makes.
        cyclegan = kerasgan.CycleGAN(
            generator(domain_b),
            generator(domain_a),
            discriminator(),
            discriminator(),
            seed=0,
        )
        cyclegan.compile()
        return cyclegan

    return build


@pytest.fixture
def faces():
    """A function that returns 16 random images."""

    def draw(low=-1, side=4, seed=0):
        rng = np.random.default_rng(seed)
        return rng.uniform(low, 1, (16, side, side, 3)).astype("float32")

    return draw
