"""Models of the size that the command trains on a CPU, with random images."""

import functools

import keras
import tensorflow as tf
from timing import random_images

import kerasgan

SHAPE = (64, 64, 3)


def dcgan() -> tuple[keras.Model, tf.data.Dataset]:
    """Returns a compiled GAN and two batches of 32 images."""
    model = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(SHAPE, width=32),
        discriminator=kerasgan.networks.dcgan_discriminator(SHAPE, width=32),
        seed=0,
    )
    model.compile(label_noise=0.05)
    images = tf.data.Dataset.from_tensor_slices(random_images(64, *SHAPE))
    return model, images.batch(32)


def cyclegan() -> tuple[keras.Model, tf.data.Dataset]:
    """Returns a compiled CycleGAN and two batches of one pair of images."""
    generator = functools.partial(
        kerasgan.networks.unet_generator, SHAPE, width=32, depth=4, upsampling="resize"
    )
    discriminator = functools.partial(
        kerasgan.networks.patchgan_discriminator, SHAPE, width=32
    )
    model = kerasgan.CycleGAN(
        generator(), generator(), discriminator(), discriminator(), seed=0
    )
    model.compile(adversarial_weight=2.0, identity_weight=2.0)
    images = tf.data.Dataset.from_tensor_slices(random_images(2, *SHAPE)).batch(1)
    return model, tf.data.Dataset.zip((images, images))


MODELS = {"DCGAN": dcgan, "CycleGAN": cyclegan}
