"""Measures metrics of features beside torch-fidelity, SciPy and prdc.

    pip install torch torch-fidelity prdc scipy scikit-learn
    python benchmarks/metrics.py

All work on the same float32 features, in turn, with as many threads as they choose. The
other libraries run in their own process, in another environment if `--torch-python`
names one. The values must agree.
"""

import argparse
import contextlib
import functools
import resource
import statistics
import sys
from collections.abc import Callable

import numpy as np
from memory import peak_mebibytes
from peers.process import Peer, import_error
from timing import alternate, timed

from kerasgan import metrics

# Libraries that compute each metric, and options of ours that give their value.
LIBRARIES = {
    "frechet_distance": ("torch_fidelity", "scipy"),
    "kernel_distance": ("torch_fidelity",),
    "prdc": ("prdc", "torch_fidelity"),
}
OURS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "frechet_distance": metrics.frechet_distance,
    "kernel_distance": lambda real, fake: metrics.kernel_distance(real, fake).value,
    "prdc": lambda real, fake: metrics.prdc(real, fake)["precision"],
}
# Largest relative difference. torch-fidelity computes distances in float32, so a few
# images change sides of a ball.
TOLERANCE = 1e-3


def draw_features(rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns features of two distributions that overlap, 0 or more like those of a
    network that ends in a ReLU."""
    random = np.random.default_rng(0)
    rank = max(2, width // 16)
    mixing = random.normal(size=(rank, width)).astype("float32")
    pair = []
    for scale in (1.0, 1.1):
        x = scale * random.normal(size=(rows, rank)).astype("float32") @ mixing
        x += random.normal(size=(rows, width)).astype("float32")
        pair.append(np.maximum(x, 0.0))
    return pair[0], pair[1]


def compare(
    name: str, real: np.ndarray, fake: np.ndarray, peer: Peer | None, repeats: int
) -> None:
    """Prints the seconds of one metric in each library."""
    value = OURS[name](real, fake)
    functions = {"kerasgan": lambda: timed(lambda: OURS[name](real, fake))}
    notes = {}
    if peer:
        for library in LIBRARIES[name]:
            ask = functools.partial(peer.ask, metric=name, library=library)
            theirs = ask()["value"]
            difference = abs(theirs - value) / max(abs(value), 1e-12)
            if not difference < TOLERANCE:
                raise ValueError(
                    f"{name} is {value}; expected {theirs}, as in {library}."
                )
            notes[library] = f"  values agree within {difference:.1e}"
            functions[library] = lambda ask=ask: ask()["seconds"]
    times = alternate(functions, repeats, warm_up=False)
    print(f"\n{name}, medians of {repeats}")
    for library, seconds in times.items():
        print(
            f"{library:14} {statistics.median(seconds):8.2f} s (from "
            f"{min(seconds):.2f} to {max(seconds):.2f}){notes.get(library, '')}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--metrics", nargs="+", choices=OURS, default=list(OURS))
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    real, fake = draw_features(options.rows, options.width)
    print(f"{options.rows} x {options.width} features")
    reason = import_error(options.torch_python, "torch_fidelity, prdc, scipy")
    if reason:
        print(f"Other libraries are not compared: {reason}")
    with contextlib.ExitStack() as stack:
        peer = None
        if not reason:
            peer = stack.enter_context(
                Peer(
                    options.torch_python,
                    "metrics_torch.py",
                    {},
                    {"real": real, "fake": fake},
                )
            )
        for name in options.metrics:
            compare(name, real, fake, peer, options.repeats)
    peak = peak_mebibytes(resource.getrusage(resource.RUSAGE_SELF))
    features = (real.nbytes + fake.nbytes) / 2**20
    print(f"\npeak memory {peak:.0f} MiB, {features:.0f} MiB of it the features")


if __name__ == "__main__":
    main()
