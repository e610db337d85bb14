"""Adversarial training for Keras."""

from kerasgan import callbacks, data, images, layers, losses, networks
from kerasgan.models import GAN
from kerasgan.version import __version__

__all__ = [
    "GAN",
    "__version__",
    "callbacks",
    "data",
    "images",
    "layers",
    "losses",
    "networks",
]
