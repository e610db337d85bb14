"""Measures the cost of `RunState`: training with and without it.

    python benchmarks/saving.py

Trains with `RunState` at its default interval and without it, in turn. The models have
the size that the command trains on a CPU. A checkpoint is written before the first and
after the last step, so short runs have a higher cost than long ones. Other work on the
machine makes the ratio uncertain, so the fraction of the time spent saving is printed
too.
"""

import argparse
import functools
import pathlib
import statistics
import tempfile
import time
from typing import Any

import keras
from models import MODELS
from timing import alternate, show, timed

from kerasgan.callbacks import RunState


class TimedRunState(RunState):
    """A `RunState` that adds up the seconds of its saves."""

    seconds = 0.0

    def _save(self, *arguments: Any, **options: Any) -> bool:
        started = time.perf_counter()
        try:
            return super()._save(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - started


def time_saving(name: str, options: argparse.Namespace) -> None:
    """Prints the speed of a model with and without saving, and the time in saves."""
    model, data = MODELS[name]()
    fit = functools.partial(
        model.fit, data.repeat(), steps_per_epoch=options.steps, verbose=0
    )
    sizes, percentages = [], []

    def fit_and_save() -> float:
        with tempfile.TemporaryDirectory() as folder:
            run_state = TimedRunState(folder)
            seconds = timed(lambda: fit(callbacks=[run_state]))
            files = pathlib.Path(folder).rglob("*.state")
            sizes.append(max(file.stat().st_size for file in files))
        percentages.append(100 * run_state.seconds / seconds)
        return seconds

    times = alternate(
        {"without": lambda: timed(fit), "RunState": fit_and_save}, options.repeats
    )
    print(
        f"\n{name}, medians of {options.repeats} x {options.steps} steps, checkpoints "
        f"of {sizes[-1] / 1e6:.0f} MB"
    )
    show(times, options.steps, "steps/s")
    # Without the warm-up, which includes tracing.
    percentages = percentages[1:]
    print(
        f"{'saving':14} {statistics.median(percentages):8.2f} % of the time "
        f"(from {min(percentages):.2f} to {max(percentages):.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    for name in options.models:
        time_saving(name, options)


if __name__ == "__main__":
    main()
