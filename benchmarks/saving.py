"""What `RunState` costs: training with it beside training without.

    python benchmarks/saving.py

Models of the size that the command trains on a CPU, on random images, with and without
`RunState` at its default interval, in turn. One state is written before the first step,
and one at the end; those count too, so short runs pay more than long ones. Beside the
ratio, which a machine at work on something else makes uncertain, stands the share of
the time with `RunState` that passed inside of its saves.
"""

import argparse
import functools
import pathlib
import statistics
import tempfile
import time

import keras
import tensorflow as tf
from step import alternate, random_images, show, timed

import kerasgan
from kerasgan.callbacks import RunState
from kerasgan.training import checkpoints

SHAPE = (64, 64, 3)


class TimedRunState(RunState):
    """A `RunState` that knows how long its saves took."""

    seconds = 0.0

    def _save(self, *place, **options):
        started = time.perf_counter()
        super()._save(*place, **options)
        self.seconds += time.perf_counter() - started


def _newest(folder):
    return checkpoints.checkpoint_files(pathlib.Path(folder) / "state")[0]


def dcgan():
    model = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(SHAPE, width=32),
        discriminator=kerasgan.networks.dcgan_discriminator(SHAPE, width=32),
        seed=0,
    )
    model.compile(label_noise=0.05)
    return model, tf.data.Dataset.from_tensor_slices(random_images(64, *SHAPE)).batch(
        32
    )


def cyclegan():
    generator = functools.partial(
        kerasgan.networks.unet_generator, SHAPE, width=32, depth=4, upsampling="resize"
    )
    discriminator = functools.partial(
        kerasgan.networks.patchgan_discriminator, SHAPE, width=32
    )
    model = kerasgan.CycleGAN(
        generator(), generator(), discriminator(), discriminator(), seed=0
    )
    model.compile(adversarial_weight=2.0, identity_weight=2.0)
    images = tf.data.Dataset.from_tensor_slices(random_images(2, *SHAPE)).batch(1)
    return model, tf.data.Dataset.zip((images, images))


def time_saving(name, make, options):
    model, data = make()
    fit = functools.partial(
        model.fit, data.repeat(), steps_per_epoch=options.steps, verbose=0
    )

    def saved():
        with tempfile.TemporaryDirectory() as folder:
            state = TimedRunState(folder)
            seconds = timed(lambda: fit(callbacks=[state]))
            sizes[name] = _newest(folder).stat().st_size
        shares.append(state.seconds / seconds)
        return seconds

    sizes, shares = {}, []
    functions = {"without": lambda: timed(fit), "RunState": saved}
    times = alternate(functions, options.repeats)
    print(
        f"\n{name}, medians of {options.repeats} x {options.steps} steps, a state of "
        f"{sizes[name] / 1e6:.0f} MB"
    )
    show(times, options.steps, "steps/s")
    # Not of the run that only traced.
    shares = [100 * share for share in shares[1:]]
    print(
        f"{'in its saves':14} {statistics.median(shares):8.2f} % "
        f"(from {min(shares):.2f} to {max(shares):.2f})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    for name, make in (("DCGAN", dcgan), ("CycleGAN", cyclegan)):
        time_saving(name, make, options)


if __name__ == "__main__":
    main()
