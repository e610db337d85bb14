"""Times functions in turn and prints how their speeds compare."""

import statistics
import time
from collections.abc import Callable

import numpy as np


def timed(function: Callable[[], object]) -> float:
    """Returns the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(
    functions: dict[str, Callable[[], float]], repeats: int, warm_up: bool = True
) -> dict[str, list[float]]:
    """Calls several functions in turn and returns the seconds of each.

    The order is reversed from one repeat to the next, because the speed of a shared
    machine changes over time.

    Args:
        functions: Functions that return their own seconds, by name.
        repeats: Number of times each function is called.
        warm_up: Whether to call each function once before, which is not counted. The
            first call of a training step includes tracing.

    Returns:
        The seconds of each call, by the name of the function.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    if warm_up:
        for function in functions.values():
            function()
    for repeat in range(repeats):
        for name in list(functions)[:: 1 if repeat % 2 else -1]:
            times[name].append(functions[name]())
    return times


def show(times: dict[str, list[float]], amount: float, unit: str) -> None:
    """Prints the rate of each function, and the ratio of the first two.

    Args:
        times: Seconds of each function, as `alternate` returns them.
        amount: Number of units that one call processes.
        unit: Name of the rate, for example `"steps/s"`.
    """
    for name, seconds in times.items():
        print(f"{name:14} {amount / statistics.median(seconds):8.2f} {unit}")
    if len(times) > 1:
        first, second = list(times.values())[:2]
        ratio = statistics.median(second) / statistics.median(first)
        each = [b / a for a, b in zip(first, second, strict=True)]
        print(
            f"{' / '.join(list(times)[:2]):14} {ratio:8.3f} "
            f"(from {min(each):.3f} to {max(each):.3f})"
        )


def random_images(*shape: int) -> np.ndarray:
    """Returns random float32 images in [-1, 1], the same in each process."""
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
