"""Networks: functions that return functional Keras models."""

from kerasgan.networks.dcgan import dcgan_discriminator, dcgan_generator

__all__ = ["dcgan_discriminator", "dcgan_generator"]
