"""Measures the memory of `kerasgan train` and of bare training.

    python benchmarks/memory.py

Trains each model on random images twice, each time in a new process: with the command
and its default callbacks, and with `fit` and no callbacks. The model, the data and the
number of steps are the same. It prints the peak resident memory of both processes, and
their ratio.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from PIL import Image

COMMAND = "import sys; from kerasgan.cli import main; sys.exit(main())"


def draw_images(folder: pathlib.Path, n: int, size: int) -> None:
    """Writes n random images as PNG files."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for index in range(n):
        pixels = generator.integers(0, 256, (size, size, 3), "uint8")
        Image.fromarray(pixels).save(folder / f"{index}.png")


def peak_memory(arguments: list[str], env: dict[str, str]) -> float:
    """Returns the peak resident memory of a Python process, in MiB."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=env, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise RuntimeError(f"{arguments} failed with status {status}.")
    return peak_mebibytes(usage)


def peak_mebibytes(usage: resource.struct_rusage) -> float:
    """Returns the peak resident memory that the system reports, in MiB."""
    # Linux counts kibibytes, macOS bytes.
    return usage.ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)


def train_bare(name: str, run: str) -> None:
    """Trains the model of a run of the command, without callbacks."""
    # Imported here, because the memory of the parent process counts for its children
    # until they start their own program.
    import keras

    import kerasgan
    from kerasgan.cli import train_cyclegan, train_dcgan

    facts = json.loads((pathlib.Path(run) / "options.json").read_text())
    options = argparse.Namespace(**facts["options"])
    module: Any = {"dcgan": train_dcgan, "cyclegan": train_cyclegan}[name]
    sizes = dict(image_size=options.image_size, batch_size=options.batch_size)
    recipe = module.Recipe(**sizes, **facts["recipe"])
    keras.utils.set_random_seed(options.seed)
    model = module.build_model(options, recipe)
    given = [options.data] if name == "dcgan" else options.data
    folders = [
        kerasgan.data.image_folder(
            folder,
            options.image_size,
            batch_size=options.batch_size,
            seed=options.seed,
        )
        for folder in given
    ]
    if name == "dcgan":
        images = folders[0]
        module.compile_model(model, recipe)
    else:
        images = kerasgan.data.unpaired(*folders)
        module.compile_model(model, recipe, len(images) * options.epochs)
    model.fit(images, epochs=options.epochs, verbose=0)


def compare(name: str, options: argparse.Namespace) -> None:
    """Prints the memory of the command and of bare training."""
    peaks: dict[str, list[float]] = {"command": [], "bare": []}
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        folders = ["a"] if name == "dcgan" else ["a", "b"]
        for folder in folders:
            draw_images(root / folder, options.images, options.image_size)
        env = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "XDG_CACHE_HOME": str(root / "cache"),
        }
        train = ["train", name, "--data", *(str(root / folder) for folder in folders)]
        for option in ("image-size", "batch-size", "epochs"):
            train += [f"--{option}", str(getattr(options, option.replace("-", "_")))]
        for repeat in range(options.repeats):
            run = root / f"run-{repeat}"
            peaks["command"].append(
                peak_memory(["-c", COMMAND, *train, "--run", str(run)], env)
            )
            # The command adds a number to the name.
            (made,) = root.glob(f"run-{repeat}-*")
            peaks["bare"].append(
                peak_memory([__file__, "--bare", name, str(made)], env)
            )

    print(
        f"\n{name}, {options.image_size} px, batch {options.batch_size}, "
        f"{options.epochs} epochs of {options.images} images, medians of "
        f"{options.repeats}"
    )
    for label, values in peaks.items():
        print(f"{label:14} {statistics.median(values):8.0f} MiB")
    ratio = statistics.median(peaks["command"]) / statistics.median(peaks["bare"])
    print(f"{'command / bare':14} {ratio:8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    models = ["dcgan", "cyclegan"]
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        train_bare(*options.bare)
        return
    for name in options.models:
        compare(name, options)


if __name__ == "__main__":
    main()
