"""Training programs that tests stop and resume.

Run as a script, it reads requests from standard input, one JSON object per line, and
forks a training process for each. It prints the ID of that process and, once the
process has ended, its status from `os.waitpid`. All of them share one import of
TensorFlow.
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
# Time limit of a training process, in seconds.
TIMEOUT = 120


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
    """8 batches of 4 images, shuffled, flipped and cropped randomly in every epoch."""
    larger = np.pad(images(32), ((0, 0), (1, 1), (1, 1), (0, 0)))
    batches = tf.data.Dataset.from_tensor_slices(larger).shuffle(32, seed=1).batch(4)
    return kerasgan.data.augment(batches, crop_size=SIDE, seed=2)


def pairs():
    """8 batches of 2 pairs; domain b reshuffles in the middle of an epoch."""
    a, b = (
        tf.data.Dataset.from_tensor_slices(images(n, n)).shuffle(n, seed=n).batch(2)
        for n in (16, 10)
    )
    return kerasgan.data.unpaired(kerasgan.data.augment(a, seed=3), b)


PROGRAMS = {"gan": (gan, faces), "cyclegan": (cyclegan, pairs)}


class Slow(keras.callbacks.Callback):
    """Slows training down so that it can be killed."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.02)


def training_results(model, history):
    """Returns the results of training: weights, optimizer variables, logs, images."""
    variables = [*model.variables, *model.d_optimizer.variables]
    variables += model.g_optimizer.variables
    results = {f"variable {i}": np.asarray(v) for i, v in enumerate(variables)}
    results |= {f"logs {name}": np.asarray(v) for name, v in history.history.items()}
    if isinstance(model, kerasgan.GAN):
        results["images"] = model.generate(4, seed=0)
    else:
        results["images"] = model.translate(images(4, 9), "b2a")
    return results


def train(name, folder, every_steps=None, epochs=3, kill_in_save=None, extra=()):
    """Runs the program of that name, or resumes it, and returns its results."""
    keras.utils.set_random_seed(0)
    make_model, make_data = PROGRAMS[name]
    model, data = make_model(), make_data()
    if kill_in_save is not None:
        _kill_in_save(*kill_in_save)
    state = kerasgan.callbacks.RunState(folder, every_steps)
    history = model.fit(data, epochs=epochs, verbose=0, callbacks=[*extra, state])
    return training_results(model, history)


def _kill_in_save(number, written):
    """Kills the process in a save, after some or all bytes have been written."""
    saves = []

    @contextlib.contextmanager
    def killing_write(path):
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

    atomic_write, checkpoints.atomic_write = checkpoints.atomic_write, killing_write


def main():
    # Only processes are killed, not machines, so nothing has to reach the disk.
    os.fsync = lambda _: None
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            # Standard output is reserved for the replies.
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            # Fail instead of letting the test hang.
            faulthandler.dump_traceback_later(TIMEOUT, exit=True)
            # Otherwise some operations may sum in a different order on a busy machine.
            tf.config.experimental.enable_op_determinism()
            result = request.pop("result")
            results = train(**request, extra=[Slow()])
            np.savez(result, **results)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main()
