"""Adversarial models."""

from kerasgan.models.cyclegan import CycleGAN
from kerasgan.models.gan import GAN

__all__ = ["GAN", "CycleGAN"]
