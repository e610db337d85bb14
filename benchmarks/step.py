"""Training steps a second: `fit` beside a bare `tf.function` loop over the same step.

    python benchmarks/step.py

Both train a DCGAN on the same images with the same batches. They run in turn in one
process, several times; the medians are compared, because a machine that others use
changes its speed from minute to minute.
"""

import argparse
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import kerasgan


def build(image_size, width):
    shape = (image_size, image_size, 3)
    gan = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(shape, width=width),
        discriminator=kerasgan.networks.dcgan_discriminator(shape, width=width),
        seed=0,
    )
    gan.compile(label_noise=0.05)
    return gan


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()

    shape = (options.steps * options.batch_size, *(options.image_size,) * 2, 3)
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(images).batch(
        options.batch_size, drop_remainder=True
    )
    keras.utils.set_random_seed(0)
    fitted = build(options.image_size, options.width)
    looped = build(options.image_size, options.width)
    bare_step = tf.function(looped.train_step)

    def fit():
        fitted.fit(data, verbose=0)

    def loop():
        for batch in data:
            bare_step(batch)

    times = {fit: [], loop: []}
    for function in times:  # traces, and warms up
        function()
    for repeat in range(options.repeats):
        # Turned round every time, so that neither is always the first.
        for function in list(times)[:: 1 if repeat % 2 else -1]:
            start = time.perf_counter()
            function()
            times[function].append(time.perf_counter() - start)

    rates = {
        function.__name__: options.steps / statistics.median(seconds)
        for function, seconds in times.items()
    }
    ratios = [b / a for a, b in zip(times[fit], times[loop], strict=True)]
    print(
        f"DCGAN {options.image_size} px, width {options.width}, batch "
        f"{options.batch_size}, medians of {options.repeats} x {options.steps} steps\n"
        f"fit        {rates['fit']:8.2f} steps/s\n"
        f"bare loop  {rates['loop']:8.2f} steps/s\n"
        f"fit / bare {statistics.median(ratios):8.3f} "
        f"(from {min(ratios):.3f} to {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()
