"""Networks: functions that return functional Keras models."""

from kerasgan.networks.dcgan import dcgan_discriminator, dcgan_generator
from kerasgan.networks.patchgan import patchgan_discriminator
from kerasgan.networks.resnet import resnet_generator
from kerasgan.networks.unet import unet_generator

__all__ = [
    "dcgan_discriminator",
    "dcgan_generator",
    "patchgan_discriminator",
    "resnet_generator",
    "unet_generator",
]
