"""Adversarial training for Keras."""

from kerasgan import (
    callbacks,
    data,
    images,
    interop,
    layers,
    losses,
    metrics,
    networks,
    penalties,
    schedules,
)
from kerasgan.models import GAN, CycleGAN
from kerasgan.training.preflight import preflight
from kerasgan.version import __version__

__all__ = [
    "GAN",
    "CycleGAN",
    "__version__",
    "callbacks",
    "data",
    "images",
    "interop",
    "layers",
    "losses",
    "metrics",
    "networks",
    "penalties",
    "preflight",
    "schedules",
]
