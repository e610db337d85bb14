"""Strategies with two replicas, on two logical CPUs of a process of its own."""

import subprocess
import sys

import pytest

PROGRAM = """
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
import numpy as np

import kerasgan
from kerasgan.models.latents import draw_latents
from kerasgan.models.randomness import LABEL_NOISE, LATENTS, step_seed

devices = [device.name for device in tf.config.list_logical_devices("CPU")]
strategy = tf.distribute.MirroredStrategy(devices)
assert strategy.num_replicas_in_sync == 2

# Replicas never draw the same numbers.
for purpose in (LATENTS, LABEL_NOISE):
    drawn = strategy.run(
        lambda: draw_latents(500, (1,), "normal", step_seed(0, 5, purpose))
    )
    parts = strategy.experimental_local_results(drawn)
    first, second = (np.ravel(part) for part in parts)
    assert len(np.intersect1d(first, second)) == 0
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def generator():
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
    )


def discriminator():
    return keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )


def rejected(build):
    try:
        build()
    except ValueError as error:
        assert "the strategy has 2 replicas; expected one" in str(error), error
    else:
        raise AssertionError("accepted")


def all_inside():
    with strategy.scope():
        kerasgan.GAN(discriminator(), generator()).compile()


def networks_inside():
    with strategy.scope():
        networks = discriminator(), generator()
    kerasgan.GAN(*networks, ema_decay=None).compile()


def model_inside():
    with strategy.scope():
        model = kerasgan.GAN(discriminator(), generator())
    model.compile()


for build in (all_inside, networks_inside, model_inside):
    rejected(build)
model = kerasgan.GAN(discriminator(), generator())
model.compile()
with strategy.scope():
    rejected(lambda: model.fit(np.zeros((4, 4, 4, 3)), verbose=0))
print("done")
"""


@pytest.mark.any_keras
@pytest.mark.slow
def test_replicas_draw_different_numbers_and_are_rejected_elsewhere():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True
    )
    assert done.stdout.endswith("done\n"), done.stderr
