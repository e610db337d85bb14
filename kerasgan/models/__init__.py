"""Adversarial models."""

from kerasgan.models.gan import GAN

__all__ = ["GAN"]
