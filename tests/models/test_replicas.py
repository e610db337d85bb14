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
from kerasgan.models.moves import Outputs
from kerasgan.models.randomness import LATENTS, step_seed
from kerasgan.models.step import draw_labels

devices = [device.name for device in tf.config.list_logical_devices("CPU")]
strategy = tf.distribute.MirroredStrategy(devices)
assert strategy.num_replicas_in_sync == 2


def generator():
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
    )


def translator():
    return keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(3, 1)])


def discriminator():
    return keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )


def gan_networks():
    return discriminator(), generator()


def cyclegan_networks():
    return translator(), translator(), discriminator(), discriminator()


# Replicas never draw the same numbers.
model = kerasgan.GAN(*gan_networks(), seed=0)
model.compile(loss_fn="least_squares", label_noise=0.3)
shown = Outputs(tf.zeros((500, 1)), tf.zeros((500, 1)), None)


def draw():
    latents = draw_latents(500, (1,), "normal", step_seed(0, 5, LATENTS))
    first, second = draw_labels(model, [shown, shown], 0)
    return latents, *first, *second


for drawn in strategy.run(draw):
    parts = strategy.experimental_local_results(drawn)
    first, second = (np.ravel(part) for part in parts)
    # float32 has 24 bits, so that few numbers occur twice by chance.
    assert len(np.intersect1d(first, second)) < 5
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def rejected(build):
    try:
        build()
    except ValueError as error:
        assert "the strategy has 2 replicas; expected one" in str(error), error
    else:
        raise AssertionError("accepted")


def all_inside(kind, make_networks):
    with strategy.scope():
        kind(*make_networks()).compile()


def networks_inside(kind, make_networks):
    with strategy.scope():
        networks = make_networks()
    kind(*networks, ema_decay=None).compile()


def model_inside(kind, make_networks):
    with strategy.scope():
        model = kind(*make_networks())
    model.compile()


images = np.zeros((4, 4, 4, 3))
for kind, make_networks in (
    (kerasgan.GAN, gan_networks),
    (kerasgan.CycleGAN, cyclegan_networks),
):
    for build in (all_inside, networks_inside, model_inside):
        rejected(lambda: build(kind, make_networks))
    model = kind(*make_networks())
    model.compile()
    data = [images] if kind is kerasgan.GAN else [images, images]
    with strategy.scope():
        rejected(lambda: model.fit(*data, verbose=0))
print("done")
"""


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_replicas_draw_different_numbers_and_are_rejected_elsewhere():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True
    )
    assert done.stdout.endswith("done\n"), done.stderr
