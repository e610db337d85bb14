"""Adversarial training for Keras."""

import os
import pathlib
import sys

# Hides what TensorFlow logs in the command, where errors are one line: its errors also
# raise exceptions. TensorFlow reads this when it is imported.
if pathlib.Path(next(iter(sys.argv), "")).stem == "kerasgan":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

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
