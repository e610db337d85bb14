"""Trains kerasgan models on request; `benchmarks/step.py` times it.

It runs in its own process, so that `PYTHONPATH` can select another checkout of
kerasgan. It uses only the part of the public API that all checkouts have: `GAN`,
`CycleGAN`, `networks`, `compile` and `fit`.

It reads requests, one JSON object a line, and answers each with one:

- `{}`: the path of the package and the versions of the libraries;
- `{"steps": n}`: trains n steps; the seconds, and those of all CPU cores together.

FOLDER contains `arrays.npz`, with `images`, or `a` and `b`, of shape `(steps, batch,
height, width, channels)`.
"""

import argparse
import functools
import json
import pathlib
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kerasgan


def build_dcgan(image_size: int, width: int) -> keras.Model:
    """Returns a compiled GAN with DCGAN networks."""
    shape = (image_size, image_size, 3)
    gan = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(shape, width=width),
        discriminator=kerasgan.networks.dcgan_discriminator(shape, width=width),
        seed=0,
    )
    gan.compile(label_noise=0.05)
    return gan


def build_cyclegan(
    image_size: int, width: int, blocks: int, **compiled: Any
) -> keras.Model:
    """Returns a CycleGAN with ResNet generators, compiled with the given options."""
    shape = (image_size, image_size, 3)
    generator = functools.partial(
        kerasgan.networks.resnet_generator,
        shape,
        width=width,
        blocks=blocks,
        upsampling="transpose",
    )
    discriminator = functools.partial(
        kerasgan.networks.patchgan_discriminator, shape, width=width
    )
    cyclegan = kerasgan.CycleGAN(
        generator(),
        generator(),
        discriminator(),
        discriminator(),
        ema_decay=None,
        seed=0,
    )
    # The least-squares loss is halved here, and not in the authors' code.
    cyclegan.compile(adversarial_weight=2.0, **compiled)
    return cyclegan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model", choices=["dcgan", "cyclegan"], required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--blocks", type=int)
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    arrays = dict(np.load(options.folder / "arrays.npz"))
    size = next(iter(arrays.values())).shape[2]
    if options.model == "dcgan":
        model = build_dcgan(size, options.width)
        data = tf.data.Dataset.from_tensor_slices(arrays["images"])
    else:
        model = build_cyclegan(size, options.width, options.blocks)
        data = tf.data.Dataset.from_tensor_slices((arrays["a"], arrays["b"]))
    data = data.repeat()

    for line in sys.stdin:
        request = json.loads(line)
        if "steps" in request:
            start, cpu_start = time.perf_counter(), time.process_time()
            model.fit(data, steps_per_epoch=request["steps"], verbose=0)
            answer = {
                "seconds": time.perf_counter() - start,
                "cpu_seconds": time.process_time() - cpu_start,
            }
        else:
            answer = {
                "package": kerasgan.__file__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
