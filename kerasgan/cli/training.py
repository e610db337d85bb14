"""What the commands that train share."""

import contextlib
import dataclasses
import math
import pathlib
import time

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.callbacks import Diagnosis, RunState
from kerasgan.callbacks.views import FEWEST
from kerasgan.cli import resuming, runs
from kerasgan.cli.folders import check_folder

# Steps of an epoch, unless --epochs says how many there are.
FEWEST_STEPS = 100
# NumPy takes no seed above.
LARGEST_SEED = 2**32 - 1


def on_this_device(cpu, gpu):
    """Returns the one of two recipes that is for the device at hand."""
    return gpu if tf.config.list_physical_devices("GPU") else cpu


def recipe_of(options, cpu, gpu):
    """Returns the recipe of a run: that of the device, or of the run that goes on.

    Args:
        options: What the command was given, after `resuming.take_over`.
        cpu: Dataclass.
        gpu: Another one.
    """
    return dataclasses.replace(on_this_device(cpu, gpu), **options.recipe)


def add_options(parser, recipe, run):
    """Adds the options that every model's training has.

    Args:
        parser: An argparse parser.
        recipe: Dataclass with the defaults `image_size`, `batch_size` and `steps`.
        run: Default folder of the run, without its number.
    """
    parser.add_argument("--data-dir", help="folder of tfds data sets")
    parser.add_argument(
        "--image-size",
        type=int,
        default=recipe.image_size,
        help="height and width in pixels (default on this device: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help=f"(default on this device: what makes {recipe.steps} steps)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=recipe.batch_size,
        help="images in a batch (default on this device: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of everything random (default: 0)"
    )
    parser.add_argument(
        "--run",
        default=run,
        help=f"folder of the run; a number is added (default: {run}, which\n"
        f"becomes {run}-001, {run}-002, ...)",
    )
    resuming.add_options(parser)
    # Times that an epoch goes through the data.
    parser.set_defaults(passes=1)


def check_options(options, dataset):
    """Raises an error for what `add_options` added, if it cannot be.

    Args:
        options: What the command was given.
        dataset: The data set that `--data` names.
    """
    check_positive(
        **{"--image-size": options.image_size, "--batch-size": options.batch_size}
    )
    if options.epochs is not None:
        check_positive(**{"--epochs": options.epochs})
    if not 0 <= options.seed <= LARGEST_SEED:
        raise ValueError(
            f"--seed is {options.seed}; expected a whole number from 0 to "
            f"{LARGEST_SEED}."
        )
    check_folder("--run", options.run)
    if options.data_dir is not None:
        check_folder("--data-dir", options.data_dir)
        missing = not pathlib.Path(options.data_dir).expanduser().exists()
        if missing and dataset != "synthetic_faces":
            # Mistyped, it would start a download; what is drawn can go anywhere.
            raise FileNotFoundError(
                f"--data-dir is {options.data_dir!r}, which does not exist; expected a "
                "folder of tfds data sets."
            )


def set_seed(options):
    """Lets all that is random follow from `--seed`, to the last bit on a CPU.

    There operations that always add in the same order take no longer; on a GPU they do.
    """
    keras.utils.set_random_seed(options.seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def image_size_named(options):
    """Lets errors of networks that are built inside name the option."""
    try:
        yield
    except ValueError as error:
        reason = str(error).removeprefix("image_shape: ")
        raise ValueError(f"--image-size is {options.image_size}: {reason}") from error


def whole_epochs(dataset, options, steps):
    """Decides what an epoch is, in `options.passes` and `options.epochs`.

    Args:
        dataset: The `tf.data.Dataset` to train on.
        options: What the command was given. Without epochs there will be as many
            as make `steps`.
        steps: Int, training steps that a run of this recipe has.

    Returns:
        The dataset; without epochs it is repeated until an epoch has at least
        `FEWEST_STEPS`.
    """
    if options.epochs is None:
        # An epoch of a few steps would be spent on drawing grids and curves.
        options.passes = math.ceil(FEWEST_STEPS / len(dataset))
        options.epochs = math.ceil(steps / (options.passes * len(dataset)))
    return dataset.repeat(options.passes)


def diagnosis(images, options):
    """Returns the callback that says what goes wrong.

    Args:
        images: A dataset of images that are trained on, or a pair of such.
        options: What the command was given.
    """
    domains = images if isinstance(images, tuple) else (images,)
    enough = min(map(len, domains)) * options.batch_size >= FEWEST
    return Diagnosis(images if enough else None, recover=True)


def fit(model, dataset, options, recipe, run, callbacks, **kept):
    """Trains and saves the model, also when training is stopped by Ctrl-C.

    Args:
        model: A compiled adversarial model.
        dataset: The `tf.data.Dataset` to train on.
        options: What the command was given, with epochs.
        recipe: Dataclass of what the command has chosen itself.
        run: Folder of the run.
        callbacks: List of Keras callbacks.
        **kept: What else belongs into `options.json`.

    Raises:
        FloatingPointError: If training stopped because of numbers that are not finite.
    """
    print(
        f"{run}: {options.epochs} epochs of {len(dataset)} batches of "
        f"{options.batch_size} images"
    )
    started = time.monotonic()
    keeper = RunState(run, strict=not options.override)
    # Not before the run has accepted them.
    writer = keras.callbacks.LambdaCallback(
        on_train_begin=lambda _: runs.write_options(run, options, recipe, **kept)
    )
    try:
        model.fit(
            dataset,
            epochs=options.epochs,
            callbacks=[writer, *callbacks, keeper],
            preflight=True,
        )
    except KeyboardInterrupt:
        if not model.steps_taken:
            # Nothing is there yet, or nothing new.
            raise
        # Keras tells no callback that training has ended.
        for callback in callbacks:
            callback.on_train_end()
        runs.save_model(model, run)
        print(f"Go on with: kerasgan train {options.model} --resume {run}")
        raise
    runs.save_model(model, run)
    watchers = [c for c in callbacks if isinstance(c, Diagnosis)]
    if any(watcher.gave_up for watcher in watchers):
        raise FloatingPointError(
            f"{run}: training stopped at step {model.steps_taken}, because its numbers "
            "were not finite; the model is that of the last good epoch."
        )
    if model.steps_taken > keeper.first_step:
        print(f"Trained for {(time.monotonic() - started) / 60:.1f} minutes.", end=" ")
