"""`kerasgan generate`: images from a saved model."""

import pathlib

import tensorflow as tf

from kerasgan import images
from kerasgan.cli import runs
from kerasgan.cli.folders import check_folder
from kerasgan.models import GAN

# TensorFlow's seeds are signed.
LARGEST_SEED = 2**63 - 1


def add_command(commands):
    """Adds the command to the parser's."""
    parser = commands.add_parser("generate", help="draw images with a saved model")
    parser.add_argument("model", help="model.keras, or the folder of a run")
    parser.add_argument(
        "--seeds", default="0-15", help="such as 0-15 or 3,7,20-29 (default: 0-15)"
    )
    parser.add_argument("--out", required=True, help="folder for the PNG files")
    parser.set_defaults(command=generate_images)


def generate_images(options):
    """Writes one image a seed, named after it."""
    seeds = _seeds(options.seeds)
    check_folder("--out", options.out)
    gan = runs.load_model(options.model, GAN)
    out = pathlib.Path(options.out)
    latents = tf.concat([gan.latents(1, seed) for seed in seeds], axis=0)
    drawn = gan.predict(latents, batch_size=64, verbose=0)
    for seed, image in zip(seeds, drawn, strict=True):
        pixels = images.to_uint8(image, gan.facts["value_range"])
        images.write_png(out / f"seed_{seed:04d}.png", pixels)
    print(f"{len(seeds)} images in {out}")


def _seeds(text):
    """Turns `"3,7,20-29"` into a list of ints."""
    seeds = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            seeds += range(int(first), int(last or first) + 1)
    except ValueError:
        seeds = []
    if not seeds or max(seeds) > LARGEST_SEED:
        raise ValueError(
            f"--seeds is {text!r}; expected numbers and ranges, such as 0-15 or "
            "3,7,20-29."
        )
    return seeds
