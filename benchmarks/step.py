"""Times training steps: `fit` beside a bare loop, PyTorch, or another checkout.

    python benchmarks/step.py
    python benchmarks/step.py --torch-python OTHER_ENVIRONMENT/bin/python
    python benchmarks/step.py --other OTHER_CHECKOUT

Without `--other`, it prints three results:

- `fit` of a DCGAN beside a bare `tf.function` loop over the same step;
- `fit` of a CycleGAN beside the same computation in PyTorch
  (`peers/cyclegan_torch.py`), with the same initial weights. Before the timing, both
  train five steps with SGD, and the losses of the fifth are compared;
- the time from calling `fit` of a CycleGAN to the end of its first step, each time in
  a new process.

With `--other`, it times the steps of a DCGAN and a CycleGAN in this checkout of
kerasgan and in another one, each in its own process, in seconds and in CPU time.

Alternatives run in turn, in reversed order from one repeat to the next, and medians
are compared, because the speed of a shared machine changes over time. PyTorch runs on
the CPU with the fastest of its settings, and may be installed in another environment;
set `CUDA_VISIBLE_DEVICES=` to compare with it on a machine with a GPU. Use a machine
that does nothing else: the threads of PyTorch wait for each other in busy loops, which
other work slows down many times over.
"""

import argparse
import concurrent.futures
import contextlib
import multiprocessing
import os
import pathlib
import shutil
import statistics
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from peers.kerasgan_step import build_cyclegan, build_dcgan
from peers.process import Peer, import_error
from timing import alternate, random_images, show, timed

import kerasgan

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
# Largest difference between the losses of kerasgan and PyTorch. Relative above 1.
TOLERANCE = 1e-3


def dcgan_images(options: argparse.Namespace) -> np.ndarray:
    """Returns images of shape `(steps, batch, height, width, 3)`."""
    size = options.image_size
    return random_images(options.steps, options.batch_size, size, size, 3)


def cyclegan_images(options: argparse.Namespace, batch_size: int) -> np.ndarray:
    """Returns images of shape `(2, steps, batch, height, width, 3)`."""
    size = options.cycle_image_size
    return random_images(2, options.cycle_steps, batch_size, size, size, 3)


def cyclegan_sizes(options: argparse.Namespace) -> tuple[int, int, int]:
    """Returns the image size, the width and the number of blocks."""
    return options.cycle_image_size, options.cycle_width, options.cycle_blocks


def describe_dcgan(options: argparse.Namespace) -> str:
    return (
        f"DCGAN {options.image_size} px, width {options.width}, batch "
        f"{options.batch_size}, medians of {options.repeats} x {options.steps} steps"
    )


def describe_cyclegan(options: argparse.Namespace, batch_size: int) -> str:
    return (
        f"CycleGAN {options.cycle_image_size} px, width {options.cycle_width}, "
        f"{options.cycle_blocks} blocks, batch {batch_size}, medians of "
        f"{options.repeats} x {options.cycle_steps} steps"
    )


def time_dcgan(options: argparse.Namespace) -> None:
    """Prints the speed of `fit` and of a bare loop over the same step."""
    data = tf.data.Dataset.from_tensor_slices(dcgan_images(options))
    keras.utils.set_random_seed(0)
    fitted, looped = (build_dcgan(options.image_size, options.width) for _ in range(2))
    bare_step = tf.function(looped.train_step)

    def loop() -> None:
        for batch in data:
            bare_step(batch)

    print(f"\n{describe_dcgan(options)}")
    functions = {
        "fit": lambda: timed(lambda: fitted.fit(data, verbose=0)),
        "bare": lambda: timed(loop),
    }
    show(alternate(functions, options.repeats), options.steps, "steps/s")


def pytorch_problem(options: argparse.Namespace) -> str | None:
    """Returns why PyTorch cannot be compared, or None if it can."""
    if tf.config.list_physical_devices("GPU"):
        return "TensorFlow uses a GPU; set CUDA_VISIBLE_DEVICES= to compare on the CPU."
    reason = import_error(options.torch_python, "torch")
    return reason and (
        f"{options.torch_python} cannot import it ({reason}); pip install torch, or "
        "name an interpreter that can with --torch-python."
    )


def check_losses(ours: dict[str, float], theirs: dict[str, float], step: int) -> None:
    """Prints how far the losses of a step differ, and raises an error if too far."""
    differences = {
        name: abs(ours[name] - value) / max(1.0, abs(value))
        for name, value in theirs.items()
    }
    # NaN is the worst.
    worst = max(differences, key=lambda name: np.nan_to_num(differences[name], nan=1e9))
    if not differences[worst] <= TOLERANCE:
        raise ValueError(
            f"{worst} of step {step} is {ours[worst]}; expected {theirs[worst]}, as in "
            "PyTorch."
        )
    print(f"losses of step {step} agree within {differences[worst]:.1e}")


def start_equal(
    options: argparse.Namespace, ours: keras.Model, peer: Peer, data: tf.data.Dataset
) -> None:
    """Lets PyTorch choose its setting, copies its weights, and compares the losses."""
    about = peer.ask(calibrate=max(1, options.cycle_steps // 10))
    print(f"PyTorch {about['version']}, {about['threads']} threads; seconds of:")
    for setting, seconds in about["seconds"].items():
        chosen = "  <- used" if setting == about["setting"] else ""
        print(f"  {setting:36} {seconds:8.3f}{chosen}")
    for setting, note in about["notes"].items():
        print(f"  {setting:36} {note}")
    optimizers = {
        name: keras.optimizers.SGD(about["rate"])
        for name in ("d_optimizer", "g_optimizer")
    }
    compared = build_cyclegan(*cyclegan_sizes(options), **optimizers)
    for role in ours.roles:
        with np.load(peer.folder / f"{role}.npz") as weights:
            for model in (ours, compared):
                kerasgan.interop.load_pytorch_weights(getattr(model, role), weights)
    for batch in data.repeat().take(about["step"]):
        # One epoch for each step, because the history has means over an epoch.
        one = tf.data.Dataset.from_tensors(batch)
        history = compared.fit(one, verbose=0, preflight=False).history
    losses = {name: values[0] for name, values in history.items()}
    check_losses(losses, about["losses"], about["step"])


def time_cyclegan(options: argparse.Namespace, batch_size: int, compared: bool) -> None:
    """Prints the speed of `fit`, and of PyTorch if it is compared."""
    steps = options.cycle_steps
    a, b = cyclegan_images(options, batch_size)
    data = tf.data.Dataset.from_tensor_slices((a, b))
    ours = build_cyclegan(*cyclegan_sizes(options))
    print(f"\n{describe_cyclegan(options, batch_size)}")
    functions = {"fit": lambda: timed(lambda: ours.fit(data, verbose=0))}
    with contextlib.ExitStack() as stack:
        if compared:
            sizes = {"width": options.cycle_width, "blocks": options.cycle_blocks}
            peer = stack.enter_context(
                Peer(options.torch_python, "cyclegan_torch.py", sizes, {"a": a, "b": b})
            )
            start_equal(options, ours, peer, data)
            functions["PyTorch"] = lambda: peer.ask(steps=steps)["seconds"]
        times = alternate(functions, options.repeats)
    show(times, steps * batch_size, "pairs/s")


def first_step(options: argparse.Namespace) -> float:
    """Returns the seconds of the first step, including tracing."""
    cyclegan = build_cyclegan(*cyclegan_sizes(options))
    data = tf.data.Dataset.from_tensor_slices(tuple(cyclegan_images(options, 1)))
    return timed(lambda: cyclegan.fit(data.take(1), verbose=0))


def time_first_step(options: argparse.Namespace) -> None:
    """Prints the seconds of the first step in new processes."""
    seconds = []
    for _ in range(options.first_steps):
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, spawn) as process:
            seconds.append(process.submit(first_step, options).result())
    print(
        f"\nCycleGAN, batch 1, from calling fit to the end of the first step, median "
        f"of {options.first_steps} new processes\n"
        f"{statistics.median(seconds):.2f} s (from {min(seconds):.2f} to "
        f"{max(seconds):.2f})"
    )


def compare(
    options: argparse.Namespace,
    sizes: dict[str, Any],
    images: dict[str, np.ndarray],
    steps: int,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Returns the seconds, and the CPU seconds, of training in both checkouts."""
    cpu_seconds: dict[str, list[float]] = {"this": [], "other": []}
    with contextlib.ExitStack() as stack:

        def start(name: str, checkout: pathlib.Path) -> Callable[[], float]:
            env = {
                "PYTHONPATH": str(checkout),
                # Two processes share a GPU.
                "TF_FORCE_GPU_ALLOW_GROWTH": "true",
            }
            peer = stack.enter_context(
                Peer(sys.executable, "kerasgan_step.py", sizes, images, env)
            )
            package = pathlib.Path(peer.ask()["package"])
            if not package.is_relative_to(checkout):
                raise RuntimeError(f"{package} was imported; expected {checkout}.")

            def train() -> float:
                answer = peer.ask(steps=steps)
                cpu_seconds[name].append(answer["cpu_seconds"])
                return answer["seconds"]

            return train

        functions = {
            "this": start("this", CHECKOUT),
            "other": start("other", options.other),
        }
        times = alternate(functions, options.repeats)
    # Without the warm-up, which includes tracing.
    return times, {name: values[1:] for name, values in cpu_seconds.items()}


def show_both(
    times: tuple[dict[str, list[float]], dict[str, list[float]]],
    amount: int,
    unit: str,
) -> None:
    """Prints the speeds, and those for each second of CPU time.

    Other work on the machine affects the CPU time much less.
    """
    seconds, cpu_seconds = times
    show(seconds, amount, f"{unit}/s")
    show(cpu_seconds, amount, f"{unit}/s of CPU time")


def compare_checkouts(options: argparse.Namespace) -> None:
    """Prints the speed of training steps in this and in another checkout."""
    print(f"\nthis: {CHECKOUT}\nother: {options.other}")
    times = compare(
        options,
        {"model": "dcgan", "width": options.width},
        {"images": dcgan_images(options)},
        options.steps,
    )
    print(f"\n{describe_dcgan(options)}")
    show_both(times, options.steps, "steps")
    for batch_size in options.cycle_batch_sizes:
        a, b = cyclegan_images(options, batch_size)
        times = compare(
            options,
            {
                "model": "cyclegan",
                "width": options.cycle_width,
                "blocks": options.cycle_blocks,
            },
            {"a": a, "b": b},
            options.cycle_steps,
        )
        print(f"\n{describe_cyclegan(options, batch_size)}")
        show_both(times, options.cycle_steps * batch_size, "pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--cycle-image-size", type=int, default=64)
    parser.add_argument("--cycle-width", type=int, default=32)
    parser.add_argument("--cycle-blocks", type=int, default=6)
    parser.add_argument(
        "--cycle-batch-sizes",
        type=int,
        nargs="*",
        default=[1, 4],
        help="without numbers, no CycleGAN is compared",
    )
    parser.add_argument("--cycle-steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--first-steps", type=int, default=3)
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    parser.add_argument(
        "--other",
        metavar="CHECKOUT",
        help="folder that contains another version of the package kerasgan",
    )
    options = parser.parse_args()
    if not shutil.which(options.torch_python):
        parser.error(f"--torch-python is {options.torch_python!r}; expected a program.")
    if options.other is not None:
        options.other = pathlib.Path(options.other).expanduser().resolve()
        if not (options.other / "kerasgan" / "__init__.py").is_file():
            parser.error(
                f"--other is {str(options.other)!r}; expected a folder that contains "
                "the package kerasgan."
            )

    threads = tf.config.threading.get_intra_op_parallelism_threads()
    print(
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}, "
        f"{threads or os.cpu_count()} threads"
    )
    if options.other is not None:
        compare_checkouts(options)
        return
    time_dcgan(options)
    problem = pytorch_problem(options)
    if problem:
        print(f"\nPyTorch is not compared: {problem}")
    for batch_size in options.cycle_batch_sizes:
        time_cyclegan(options, batch_size, compared=problem is None)
    time_first_step(options)


if __name__ == "__main__":
    main()
