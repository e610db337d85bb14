"""Measures the memory of `kerasgan train dcgan` and of bare training.

    python benchmarks/memory.py

Trains a DCGAN on random images twice, each time in a new process: with the command and
its default callbacks, and with `fit` and no callbacks. The model, the data and the
number of steps are the same. It prints the peak resident memory of both processes, and
their ratio.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

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
    # Linux counts kibibytes, macOS bytes.
    return usage.ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)


def train_bare(folder: str, run: str) -> None:
    """Trains the model of a run of the command, without callbacks."""
    # Imported here, because the memory of the parent process counts for its children
    # until they start their own program.
    import keras

    import kerasgan

    facts = json.loads((pathlib.Path(run) / "options.json").read_text())
    options, recipe = facts["options"], facts["recipe"]
    keras.utils.set_random_seed(options["seed"])
    shape = (options["image_size"], options["image_size"], 3)
    gan = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(shape, width=recipe["width"]),
        discriminator=kerasgan.networks.dcgan_discriminator(
            shape, width=recipe["width"]
        ),
        ema_decay=recipe["ema_decay"],
        seed=options["seed"],
    )
    gan.compile(
        d_optimizer=keras.optimizers.Adam(recipe["learning_rate"], beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(recipe["learning_rate"], beta_1=0.5),
        loss_fn="non_saturating",
        label_noise=0.05,
    )
    images = kerasgan.data.image_folder(
        folder,
        options["image_size"],
        batch_size=options["batch_size"],
        seed=options["seed"],
    )
    gan.fit(images, epochs=options["epochs"], verbose=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
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

    peaks: dict[str, list[float]] = {"command": [], "bare": []}
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        draw_images(root / "images", options.images, options.image_size)
        env = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "XDG_CACHE_HOME": str(root / "cache"),
        }
        train = ["train", "dcgan", "--data", str(root / "images")]
        for name in ("image-size", "batch-size", "epochs"):
            train += [f"--{name}", str(getattr(options, name.replace("-", "_")))]
        for repeat in range(options.repeats):
            run = root / f"run-{repeat}"
            peaks["command"].append(
                peak_memory(["-c", COMMAND, *train, "--run", str(run)], env)
            )
            # The command adds a number to the name.
            (folder,) = root.glob(f"run-{repeat}-*")
            bare = [__file__, "--bare", str(root / "images"), str(folder)]
            peaks["bare"].append(peak_memory(bare, env))

    print(
        f"DCGAN {options.image_size} px, batch {options.batch_size}, "
        f"{options.epochs} epochs of {options.images} images, medians of "
        f"{options.repeats}"
    )
    for name, values in peaks.items():
        print(f"{name:14} {statistics.median(values):8.0f} MiB")
    ratio = statistics.median(peaks["command"]) / statistics.median(peaks["bare"])
    print(f"{'command / bare':14} {ratio:8.3f}")


if __name__ == "__main__":
    main()
