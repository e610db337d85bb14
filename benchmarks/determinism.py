"""Measures the cost of deterministic operations.

    python benchmarks/determinism.py

Times training steps with `tf.config.experimental.enable_op_determinism()`, which makes
operations add in the same order each time, and without it. The setting applies to a
whole process, so each measurement starts a new one, which trains up to five steps
before it is timed. The models have the size that the command trains on a CPU.
"""

import argparse
import functools
import os
import subprocess
import sys

import keras
import tensorflow as tf
from models import MODELS
from timing import alternate, show, timed


def seconds(name: str, deterministic: bool, steps: int) -> float:
    """Returns the seconds of training steps in this process."""
    keras.utils.set_random_seed(0)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    model, data = MODELS[name]()
    fit = functools.partial(model.fit, data.repeat(), verbose=0)
    fit(steps_per_epoch=min(5, steps))
    return timed(lambda: fit(steps_per_epoch=steps))


def seconds_in_new_process(name: str, deterministic: bool, steps: int) -> float:
    """Returns the seconds of training steps in a new process, on the CPU."""
    arguments = ["--steps", steps, "--measure", name, int(deterministic)]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, deterministic = options.measure
        print(seconds(name, deterministic == "1", options.steps))
        return
    for name in options.models:
        functions = {
            label: functools.partial(
                seconds_in_new_process, name, label == "deterministic", options.steps
            )
            for label in ("default", "deterministic")
        }
        print(f"\n{name}, medians of {options.repeats} x {options.steps} steps")
        times = alternate(functions, options.repeats, warm_up=False)
        show(times, options.steps, "steps/s")


if __name__ == "__main__":
    main()
