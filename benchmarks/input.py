"""Images a second from `celeb_a`, beside the pipeline one would write first.

    python benchmarks/input.py --data-dir DATA_DIR

Both yield batches of the images with one attribute, resized. The plain pipeline is
`tfds.load`, filter, map resize, batch. They run in turn, several times. "plain" and
"first pass" go from making the dataset to its last batch; the first pass of ours starts
from an empty cache and fills it. Later passes read the full one, as the plain pipeline
with `cache()` does, which holds floats in memory and does not shuffle.
"""

import argparse
import os
import statistics
import tempfile
import time

import tensorflow as tf
import tensorflow_datasets as tfds

from kerasgan import data


def plain(options):
    def matches(example):
        return example["attributes"][options.attribute]

    def image(example):
        image = tf.image.resize_with_crop_or_pad(example["image"], 178, 178)
        size = (options.image_size, options.image_size)
        image = tf.image.resize(tf.cast(image, tf.float32), size, antialias=True)
        return image / 127.5 - 1.0

    dataset = tfds.load("celeb_a", split=options.split, data_dir=options.data_dir)
    dataset = dataset.filter(matches).map(image, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(options.batch_size, drop_remainder=True).prefetch(
        tf.data.AUTOTUNE
    )


def ours(options):
    return data.celeb_a(
        options.image_size,
        options.split,
        attribute=options.attribute,
        batch_size=options.batch_size,
        data_dir=options.data_dir,
    )


def timed(make, argument):
    """Returns images a second of making a dataset and reading it once."""
    start = time.perf_counter()
    images = sum(len(batch) for batch in make(argument))
    return images / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--attribute", default="Male")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    rates = {"plain": [], "plain, cached": [], "first pass": [], "later passes": []}
    for _ in range(options.repeats):
        rates["plain"].append(timed(plain, options))
        cached = plain(options).cache()
        timed(lambda dataset: dataset, cached)
        rates["plain, cached"].append(timed(lambda dataset: dataset, cached))
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            rates["first pass"].append(timed(ours, options))
            rates["later passes"].append(timed(lambda dataset: dataset, ours(options)))

    print(
        f"\n{options.attribute} of celeb_a {options.split!r} at {options.image_size} "
        f"px, batches of {options.batch_size}, median of {options.repeats}:"
    )
    for name, values in rates.items():
        ratios = [v / p for v, p in zip(values, rates["plain"], strict=True)]
        print(
            f"{name:14} {statistics.median(values):9.0f} images/s   "
            f"{statistics.median(ratios):6.2f} x plain"
        )


if __name__ == "__main__":
    main()
