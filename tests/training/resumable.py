"""Training programs that are stopped, and started again, by tests.

As a process of its own it reads requests, one JSON object a line, and forks for each: a
process that trains. It answers the process's number, and what `os.waitpid` says of it
once it has ended. TensorFlow is imported once for all of them.
"""

import contextlib
import faulthandler
import json
import os
import signal
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan.training import checkpoints

SIDE = 8
# Seconds that a process may take.
PATIENCE = 120


def gan(loss_fn="non_saturating", ema_decay=0.9, dropout=0.0, seed=0, **compiled):
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(SIDE * SIDE * 3),
            keras.layers.BatchNormalization(),
            keras.layers.Activation("tanh"),
            keras.layers.Reshape((SIDE, SIDE, 3)),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(4, 4, strides=2, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model = kerasgan.GAN(discriminator, generator, ema_decay=ema_decay, seed=seed)
    if not isinstance(loss_fn, str):
        loss_fn = loss_fn()
    model.compile(loss_fn=loss_fn, **compiled)
    return model


def cyclegan(pool_size=3, ema_decay=0.9, **compiled):
    def generator():
        return keras.Sequential(
            [
                keras.Input((SIDE, SIDE, 3)),
                keras.layers.Conv2D(4, 3, padding="same"),
                kerasgan.layers.instance_normalization(),
                keras.layers.Conv2D(3, 3, padding="same", activation="tanh"),
            ]
        )

    def discriminator():
        return keras.Sequential(
            [keras.Input((SIDE, SIDE, 3)), keras.layers.Conv2D(1, 4)]
        )

    rates = [kerasgan.schedules.ConstantThenLinearDecay(1e-3, 6, 18) for _ in range(2)]
    model = kerasgan.CycleGAN(
        generator(),
        generator(),
        discriminator(),
        discriminator(),
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=0,
    )
    model.compile(
        d_optimizer=keras.optimizers.Adam(rates[0], beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(rates[1], beta_1=0.5),
        **compiled,
    )
    return model


def images(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, SIDE, SIDE, 3)).astype("float32")


def faces():
    """8 batches of 4, shuffled, mirrored and cut anew in every epoch."""
    larger = np.pad(images(32), ((0, 0), (1, 1), (1, 1), (0, 0)))
    batches = tf.data.Dataset.from_tensor_slices(larger).shuffle(32, seed=1).batch(4)
    return kerasgan.data.augment(batches, crop_size=SIDE, seed=2)


def pairs():
    """8 batches of 2 pairs, the one domain reshuffled in the middle of an epoch."""
    a, b = (
        tf.data.Dataset.from_tensor_slices(images(n, n)).shuffle(n, seed=n).batch(2)
        for n in (16, 10)
    )
    return kerasgan.data.unpaired(kerasgan.data.augment(a, seed=3), b)


PROGRAMS = {"gan": (gan, faces), "cyclegan": (cyclegan, pairs)}


class Slow(keras.callbacks.Callback):
    """Leaves time to be killed in."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)


def everything(model, history):
    """Returns all that a training leaves: weights, optimizers, logs, images."""
    variables = [*model.variables, *model.d_optimizer.variables]
    variables += model.g_optimizer.variables
    left = {f"variable {i}": np.asarray(v) for i, v in enumerate(variables)}
    left |= {f"logs {name}": np.asarray(v) for name, v in history.history.items()}
    if isinstance(model, kerasgan.GAN):
        left["images"] = model.generate(4, seed=0)
    else:
        left["images"] = model.translate(images(4, 9), "b2a")
    return left


def train(name, folder, every_steps=None, epochs=3, dies_in_save=None, extra=()):
    """Trains and returns all that is left, as the same program does each time."""
    keras.utils.set_random_seed(0)
    make_model, make_data = PROGRAMS[name]
    model, data = make_model(), make_data()
    if dies_in_save is not None:
        _die_in_save(*dies_in_save)
    state = kerasgan.callbacks.RunState(folder, every_steps)
    history = model.fit(data, epochs=epochs, verbose=0, callbacks=[*extra, state])
    return everything(model, history)


def _die_in_save(number, written):
    """Has the process killed in a save, when all or some bytes are written."""
    saves = []

    @contextlib.contextmanager
    def deadly(path):
        saves.append(path)
        with atomic_write(path) as file:
            if len(saves) < number:
                yield file
                return
            if written:
                yield file
            else:
                file.write(b"some")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    atomic_write, checkpoints.atomic_write = checkpoints.atomic_write, deadly


def main():
    # Processes die here, and not machines.
    os.fsync = lambda _: None
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            # Standard output is for answers.
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            # Rather a failure than a test that waits for ever.
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            # Beside other work some operations add in another order now and then.
            tf.config.experimental.enable_op_determinism()
            result = request.pop("result")
            left = train(**request, extra=[Slow()])
            np.savez(result, **left)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main()
