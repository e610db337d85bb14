"""What operations that always add in the same order cost on a CPU.

    python benchmarks/determinism.py

Models of the size that the command trains on a CPU, with
`tf.config.experimental.enable_op_determinism()` and without it, in turn. It holds for a
whole process, so each time there is a fresh one, which takes a few steps before it is
timed.
"""

import argparse
import functools
import os
import subprocess
import sys

import keras
import tensorflow as tf
from saving import cyclegan, dcgan
from step import alternate, show, timed

MODELS = {"DCGAN": dcgan, "CycleGAN": cyclegan}


def in_this_process(name, deterministic, steps):
    """Returns the seconds of training steps."""
    keras.utils.set_random_seed(0)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    model, data = MODELS[name]()
    fit = functools.partial(model.fit, data.repeat(), verbose=0)
    fit(steps_per_epoch=5)
    return timed(lambda: fit(steps_per_epoch=steps))


def in_a_fresh_process(name, deterministic, steps):
    arguments = ["--steps", steps, "--alone", name, int(deterministic)]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        name, deterministic = options.alone
        print(in_this_process(name, deterministic == "1", options.steps))
        return
    for name in MODELS:
        functions = {
            way: functools.partial(
                in_a_fresh_process, name, way == "one order", options.steps
            )
            for way in ("any order", "one order")
        }
        print(f"\n{name}, medians of {options.repeats} x {options.steps} steps")
        show(alternate(functions, options.repeats), options.steps, "steps/s")


if __name__ == "__main__":
    main()
