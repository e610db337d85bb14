"""`kerasgan generate`: generates images with a GAN."""

import argparse
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan import images
from kerasgan.cli.folders import check_folder
from kerasgan.cli.loading import load_model
from kerasgan.files import absolute_path, atomic_write
from kerasgan.models import GAN

# TensorFlow's seeds are signed 64-bit integers.
MAX_SEED = 2**63 - 1
# Pixels generated at once: 64 images of 64 x 64 pixels, or one image of 512 x 512.
PIXELS_AT_ONCE = 512 * 512


def add_command(commands: Any) -> None:
    """Adds the command.

    Args:
        commands: The subparsers of `kerasgan`.
    """
    parser = commands.add_parser(
        "generate",
        help="generate images with a GAN",
        description="Generate one image for each seed.",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=absolute_path,
        help="a .keras file, or the folder of a run",
    )
    parser.add_argument(
        "--seeds",
        default="0-15",
        help="one image is generated per seed; numbers and ranges, for example 0-15 "
        "or 3,7,20-29 (default: 0-15)",
    )
    parser.add_argument(
        "--out",
        type=absolute_path,
        required=True,
        help="folder for the PNG files, or .npy files if the images do not have\n"
        "1, 3 or 4 channels",
    )
    parser.set_defaults(command=generate_images, parser=parser, option_of={})


def generate_images(options: argparse.Namespace) -> None:
    """Writes one image per seed, in batches of bounded size."""
    ranges = _parse_seeds(options.seeds)
    check_folder("--out", options.out)
    gan = load_model(options.model, GAN)
    if gan.latent_shape is None:
        raise ValueError(
            "MODEL generates images from images; expected a GAN that generates them "
            "from latents."
        )
    height, width, channels = gan.metadata["image_shape"]
    value_range = gan.value_range
    seeds = itertools.chain(*ranges)
    for batch in _batches(seeds, max(1, PIXELS_AT_ONCE // (height * width))):
        latents = tf.concat([gan.latents(1, seed) for seed in batch], axis=0)
        generated = gan.predict_on_batch(latents)
        for seed, image in zip(batch, generated, strict=True):
            name = f"seed_{seed:04d}"
            pixels = images.to_uint8(image, value_range)
            if channels in images.PNG_CHANNELS:
                images.write_png(options.out / f"{name}.png", pixels)
            else:
                with atomic_write(options.out / f"{name}.npy") as file:
                    np.save(file, pixels)
    n = sum(one.stop - one.start for one in ranges)
    print(f"{n} {'image' if n == 1 else 'images'} written to {options.out}")


def _batches(seeds: Iterable[int], size: int) -> Iterator[list[int]]:
    seeds = iter(seeds)
    while batch := list(itertools.islice(seeds, size)):
        yield batch


def _parse_seeds(text: str) -> list[range]:
    """Returns the ranges that a text such as `"3,7,20-29"` lists."""
    try:
        ranges = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            ranges.append(range(int(first), int(last or first) + 1))
        if all(ranges) and max(one[-1] for one in ranges) <= MAX_SEED:
            return ranges
    except ValueError:
        pass
    raise ValueError(
        f"--seeds is {text!r}; expected numbers and ranges, for example 0-15 or "
        "3,7,20-29."
    )
