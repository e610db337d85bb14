"""Measures the images per second of `celeb_a` and of a plain tfds pipeline.

    python benchmarks/input.py --data-dir DATA_DIR

Both yield batches of the images with one attribute, resized. The plain pipeline is
`tfds.load`, filter, map, batch. The rates are:

- "plain" and "first pass": from creating the dataset to its last batch. Before each,
  the files of the dataset are removed from the operating system's cache, and the first
  pass of `celeb_a` starts with an empty cache folder, which it fills;
- "plain, cached" and "later passes": reading the data again, from `Dataset.cache()`,
  which keeps floats in memory and does not shuffle, and from the filled cache folder.

Both pipelines run in turn, in reversed order from one repeat to the next.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

import tensorflow as tf
import tensorflow_datasets as tfds

from kerasgan import data

# Registers the drawn faces with tfds.
from kerasgan.data.drawn_faces import builder  # noqa: F401


def plain(options: argparse.Namespace) -> tf.data.Dataset:
    """Returns the plain pipeline."""

    def has_attribute(example: dict) -> tf.Tensor:
        return example["attributes"][options.attribute]

    def image(example: dict) -> tf.Tensor:
        image = tf.image.resize_with_crop_or_pad(example["image"], 178, 178)
        size = (options.image_size, options.image_size)
        image = tf.image.resize(tf.cast(image, tf.float32), size, antialias=True)
        return image / 127.5 - 1.0

    dataset = tfds.load(
        options.dataset, split=options.split, data_dir=options.data_dir, download=False
    )
    dataset = dataset.filter(has_attribute)
    dataset = dataset.map(image, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(options.batch_size, drop_remainder=True).prefetch(
        tf.data.AUTOTUNE
    )


def ours(options: argparse.Namespace) -> tf.data.Dataset:
    """Returns the dataset of kerasgan."""
    return data.celeb_a(
        options.image_size,
        options.split,
        attribute=options.attribute,
        batch_size=options.batch_size,
        data_dir=options.data_dir,
        dataset=options.dataset,
    )


def rate(make: Callable[[], tf.data.Dataset]) -> float:
    """Returns the images per second of creating a dataset and reading it once."""
    start = time.perf_counter()
    images = sum(len(batch) for batch in make())
    return images / (time.perf_counter() - start)


def drop_from_cache(folder: str) -> bool:
    """Removes files from the operating system's cache; returns whether it can."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in pathlib.Path(folder).expanduser().rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                # Pages that are not on disk yet would stay.
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def plain_rates(options: argparse.Namespace) -> dict[str, float]:
    drop_from_cache(options.data_dir)
    rates = {"plain": rate(lambda: plain(options))}
    cached = plain(options).cache()
    rate(lambda: cached)
    return {**rates, "plain, cached": rate(lambda: cached)}


def our_rates(options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        drop_from_cache(options.data_dir)
        first = rate(lambda: ours(options))
        dataset = ours(options)
        return {"first pass": first, "later passes": rate(lambda: dataset)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--dataset", default="celeb_a")
    parser.add_argument("--split", default="train")
    parser.add_argument("--attribute", default="Male")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    if not drop_from_cache(options.data_dir):
        print("This platform cannot drop files from its cache: no pass is cold.")
    repeats = []
    for repeat in range(options.repeats):
        functions = [plain_rates, our_rates][:: -1 if repeat % 2 else 1]
        repeats.append({k: v for f in functions for k, v in f(options).items()})

    print(
        f"\n{options.attribute} of {options.dataset} {options.split!r} at "
        f"{options.image_size} px, batches of {options.batch_size}, medians of "
        f"{options.repeats}:"
    )
    for name in ("plain", "plain, cached", "first pass", "later passes"):
        rates = [rates[name] for rates in repeats]
        ratios = [rates[name] / rates["plain"] for rates in repeats]
        print(
            f"{name:14} {statistics.median(rates):9.0f} images/s   "
            f"{statistics.median(ratios):6.2f} x plain "
            f"(from {min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
