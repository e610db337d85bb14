"""Adversarial models."""

from kerasgan.models.cyclegan import CycleGAN
from kerasgan.models.facts import read_facts
from kerasgan.models.gan import GAN

__all__ = ["GAN", "CycleGAN", "read_facts"]
