"""Adversarial models."""

from kerasgan.models.cyclegan import CycleGAN
from kerasgan.models.gan import GAN
from kerasgan.models.metadata import read_metadata

__all__ = ["GAN", "CycleGAN", "read_metadata"]
