"""Training steps of ours beside the same steps written bare, or in PyTorch.

    python benchmarks/step.py
    python benchmarks/step.py --torch-python OTHER_ENVIRONMENT/bin/python

The first part times `fit` of a DCGAN beside a bare `tf.function` loop over the same
step. The second times `fit` of a CycleGAN beside the same arithmetic in PyTorch,
`peers/cyclegan_torch.py`, which starts from the same weights; before it is timed, the
losses of the first step are compared. The last part is the time from calling `fit` of
a CycleGAN to the end of its first step, each time in a fresh process.

What is compared runs in turn, several times; the medians are compared, because a
machine that others use changes its speed from minute to minute. PyTorch runs on the
CPU, with the fastest of its settings; where there is a GPU, set
`CUDA_VISIBLE_DEVICES=` to compare it. It may be installed in another environment.
Compare on a quiet machine: PyTorch's threads wait for each other in busy loops, which
a machine at work on something else makes many times slower.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import shutil
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from peers.process import Peer, missing

import kerasgan

# Between the losses of the first step here and there, relative to those above 1.
TOLERANCE = 1e-4
FIRST_STEPS = 3


def timed(function):
    """Returns the seconds of a call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(functions, repeats):
    """Returns the seconds of each function, which return them, run in turn."""
    times = {name: [] for name in functions}
    for function in functions.values():  # traces, and warms up
        function()
    for repeat in range(repeats):
        # Turned round every time, so that neither is always the first.
        for name in list(functions)[:: 1 if repeat % 2 else -1]:
            times[name].append(functions[name]())
    return times


def show(times, amount, unit):
    """Prints the rate of each and, of the first to the second, the ratio."""
    for name, seconds in times.items():
        print(f"{name:14} {amount / statistics.median(seconds):8.2f} {unit}")
    if len(times) > 1:
        ratios = [b / a for a, b in zip(*times.values(), strict=True)]
        print(
            f"{' / '.join(times):14} {statistics.median(ratios):8.3f} "
            f"(from {min(ratios):.3f} to {max(ratios):.3f})"
        )


def random_images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def build_dcgan(image_size, width):
    shape = (image_size, image_size, 3)
    gan = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(shape, width=width),
        discriminator=kerasgan.networks.dcgan_discriminator(shape, width=width),
        seed=0,
    )
    gan.compile(label_noise=0.05)
    return gan


def time_dcgan(options):
    n, size = options.steps * options.batch_size, options.image_size
    data = tf.data.Dataset.from_tensor_slices(random_images(n, size, size, 3)).batch(
        options.batch_size, drop_remainder=True
    )
    keras.utils.set_random_seed(0)
    fitted, looped = (build_dcgan(size, options.width) for _ in range(2))
    bare_step = tf.function(looped.train_step)

    def loop():
        for batch in data:
            bare_step(batch)

    print(
        f"\nDCGAN {size} px, width {options.width}, batch {options.batch_size}, "
        f"medians of {options.repeats} x {options.steps} steps"
    )
    functions = {
        "fit": lambda: timed(lambda: fitted.fit(data, verbose=0)),
        "bare": lambda: timed(loop),
    }
    show(alternate(functions, options.repeats), options.steps, "steps/s")


def build_cyclegan(options):
    shape, width = (*(options.cycle_image_size,) * 2, 3), options.cycle_width
    generator = functools.partial(
        kerasgan.networks.resnet_generator,
        shape,
        width=width,
        blocks=options.cycle_blocks,
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
    # Twice the halved squares of least squares: PyTorch's are not halved.
    cyclegan.compile(adversarial_weight=2.0)
    return cyclegan


def pairs(options, batch_size):
    """Returns batches of both domains, `(2, steps, batch, height, width, 3)`."""
    size = options.cycle_image_size
    return random_images(2, options.cycle_steps, batch_size, size, size, 3)


def why_alone(options):
    """Returns why PyTorch does not stand beside, as a sentence, or None if it can."""
    if tf.config.list_physical_devices("GPU"):
        return "TensorFlow sees a GPU; set CUDA_VISIBLE_DEVICES= to compare with it."
    reason = missing(options.torch_python, "torch")
    return reason and (
        f"{options.torch_python} does not run it ({reason}); pip install torch, or "
        "name an interpreter that has it with --torch-python."
    )


def check_losses(ours, theirs):
    """Raises a ValueError if the losses of a step differ; prints by how much."""
    off = {
        name: abs(ours[name] - value) / max(1.0, abs(value))
        for name, value in theirs.items()
    }
    worst = max(off, key=off.get)
    if not off[worst] <= TOLERANCE:
        raise ValueError(
            f"{worst} of the first step is {ours[worst]}; expected {theirs[worst]}, as "
            "in PyTorch."
        )
    print(f"losses of the first step agree within {off[worst]:.1e}")


def start_alike(ours, peer, data, steps):
    """Has PyTorch take its settings, and gives ours the weights it begins with."""
    about = peer.ask(calibrate=max(1, steps // 10))
    print(f"PyTorch {about['version']}, {about['threads']} threads; seconds of:")
    for setting, seconds in about["seconds"].items():
        chosen = "  <- taken" if setting == about["setting"] else ""
        print(f"  {setting:30} {seconds:8.3f}{chosen}")
    for role in ours.roles:
        with np.load(peer.folder / f"{role}.npz") as weights:
            kerasgan.interop.load_pytorch_weights(getattr(ours, role), weights)
    history = ours.fit(data.take(1), verbose=0).history
    losses = {name: values[0] for name, values in history.items()}
    check_losses(losses, peer.ask(steps=1)["losses"])


def time_cyclegan(options, batch_size, compared):
    steps = options.cycle_steps
    a, b = pairs(options, batch_size)
    data = tf.data.Dataset.from_tensor_slices((a, b))
    ours = build_cyclegan(options)
    print(
        f"\nCycleGAN {options.cycle_image_size} px, width {options.cycle_width}, "
        f"{options.cycle_blocks} blocks, batch {batch_size}, medians of "
        f"{options.repeats} x {steps} steps"
    )
    functions = {"fit": lambda: timed(lambda: ours.fit(data, verbose=0))}
    with contextlib.ExitStack() as stack:
        if compared:
            sizes = {"width": options.cycle_width, "blocks": options.cycle_blocks}
            peer = Peer(options.torch_python, "cyclegan_torch.py", sizes, a=a, b=b)
            stack.enter_context(peer)
            start_alike(ours, peer, data, steps)
            functions["PyTorch"] = lambda: peer.ask(steps=steps)["seconds"]
        times = alternate(functions, options.repeats)
    show(times, steps * batch_size, "pairs/s")


def first_step(options):
    """Returns the seconds of the first step, its tracing with it."""
    cyclegan = build_cyclegan(options)
    data = tf.data.Dataset.from_tensor_slices(tuple(pairs(options, 1))).take(1)
    return timed(lambda: cyclegan.fit(data, verbose=0))


def time_first_step(options):
    seconds = []
    for _ in range(FIRST_STEPS):
        fresh = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, fresh) as process:
            seconds.append(process.submit(first_step, options).result())
    print(
        f"\nCycleGAN, batch 1, from calling fit to the end of the first step, median "
        f"of {FIRST_STEPS} fresh processes\n"
        f"{statistics.median(seconds):.2f} s (from {min(seconds):.2f} to "
        f"{max(seconds):.2f})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--cycle-image-size", type=int, default=64)
    parser.add_argument("--cycle-width", type=int, default=32)
    parser.add_argument("--cycle-blocks", type=int, default=6)
    parser.add_argument("--cycle-batch-sizes", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--cycle-steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--torch-python", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    if not shutil.which(options.torch_python):
        parser.error(f"--torch-python is {options.torch_python!r}; expected a program.")

    threads = tf.config.threading.get_intra_op_parallelism_threads()
    print(
        f"TensorFlow {tf.__version__}, Keras {keras.__version__}, "
        f"{threads or os.cpu_count()} threads"
    )
    time_dcgan(options)
    reason = why_alone(options)
    if reason:
        print(f"\nThe PyTorch step is left out: {reason}")
    for batch_size in options.cycle_batch_sizes:
        time_cyclegan(options, batch_size, compared=reason is None)
    time_first_step(options)


if __name__ == "__main__":
    main()
