"""What the training commands share."""

import argparse
import dataclasses
import math
import pathlib
import time
from typing import Any

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.callbacks import Diagnosis, RunState
from kerasgan.callbacks.real_images import MIN_IMAGES
from kerasgan.cli import resuming, runs
from kerasgan.cli.folders import add_image_limit, check_folder, set_image_limit
from kerasgan.cli.shown_command import shown_command
from kerasgan.files import absolute_path
from kerasgan.models.adversarial import AdversarialModel

# Without --epochs, an epoch has at least this many steps: in shorter ones, drawing
# grids and curves would take longer than training.
MIN_STEPS_PER_EPOCH = 100
# NumPy takes no larger seed.
MAX_SEED = 2**32 - 1
# Arguments of library functions, and the options that their values come from.
OPTION_OF = {
    "dataset": "--data",
    "folder": "--run",
    "image_shape": "--image-size",
    "name": "--data",
    "path": "--data",
}


def on_this_device(cpu: Any, gpu: Any) -> Any:
    """Returns the second recipe if there is a GPU, else the first."""
    return gpu if tf.config.list_physical_devices("GPU") else cpu


def choose_recipe(options: argparse.Namespace, cpu: Any, gpu: Any) -> Any:
    """Returns the recipe of a run: that of the device, or that of the resumed run.

    Args:
        options: The parsed command line, with the dict `recipe` of the resumed run.
        cpu: Dataclass with the settings for a CPU.
        gpu: Dataclass with the settings for a GPU.
    """
    return dataclasses.replace(on_this_device(cpu, gpu), **options.recipe)


def add_options(parser: argparse.ArgumentParser, recipe: Any, run: str) -> None:
    """Adds the options that all training commands have.

    Args:
        parser: The parser of the command.
        recipe: Dataclass with the defaults `image_size`, `batch_size` and `steps`.
        run: Default folder of the run, without its number.
    """
    parser.add_argument(
        "--data-dir",
        type=absolute_path,
        help="folder of tfds datasets (default: ~/tensorflow_datasets)",
    )
    parser.add_argument(
        "--image-size",
        type=int,
        default=recipe.image_size,
        help="height and width in pixels (default on this device: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help="number of epochs (default on this device: enough for "
        f"{recipe.steps} steps)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=recipe.batch_size,
        help="images in a batch (default on this device: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of all random numbers (default: 0)"
    )
    parser.add_argument(
        "--run",
        type=absolute_path,
        default=run,
        help=f"folder of the run; a number is appended (default: {run}, which\n"
        f"becomes {run}-001, {run}-002, ...)",
    )
    add_image_limit(parser)
    resuming.add_options(parser)
    # Passes through the data in an epoch.
    parser.set_defaults(passes=1, option_of=OPTION_OF)


def check_options(options: argparse.Namespace, data_set: str) -> None:
    """Raises an error if an option of `add_options` has an unsupported value.

    Args:
        options: The parsed command line.
        data_set: The value of `--data`, or its first part.
    """
    check_positive(
        **{"--image-size": options.image_size, "--batch-size": options.batch_size}
    )
    if options.epochs is not None:
        check_positive(**{"--epochs": options.epochs})
    set_image_limit(options)
    if not 0 <= options.seed <= MAX_SEED:
        raise ValueError(
            f"--seed is {options.seed}; expected an integer from 0 to {MAX_SEED}."
        )
    if options.resume is None:
        check_folder("--run", options.run)
    if options.data_dir is not None:
        check_folder("--data-dir", options.data_dir)
        missing = not pathlib.Path(options.data_dir).exists()
        # Synthetic faces are drawn into a new folder; anything else would be
        # downloaded into a mistyped one.
        if missing and data_set != "synthetic_faces":
            raise FileNotFoundError(
                f"--data-dir is {str(options.data_dir)!r}, which does not exist; "
                "expected a folder of tfds datasets."
            )


def set_seed(options: argparse.Namespace) -> None:
    """Sets all seeds and, on a CPU, makes TensorFlow's operations deterministic.

    On a GPU, deterministic operations are slower; on a CPU they are not.
    """
    keras.utils.set_random_seed(options.seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


def plan_steps(
    dataset: tf.data.Dataset, options: argparse.Namespace, steps: int
) -> int:
    """Returns the number of training steps of the run.

    Without `--epochs` this sets `options.epochs`, and makes an epoch several passes
    through a small dataset (`options.passes`).

    Args:
        dataset: The dataset to train on.
        options: The parsed command line.
        steps: Number of training steps of the recipe.
    """
    if options.epochs is None:
        options.passes = math.ceil(MIN_STEPS_PER_EPOCH / len(dataset))
        options.epochs = math.ceil(steps / (options.passes * len(dataset)))
    return options.epochs * options.passes * len(dataset)


def make_diagnosis(
    images: tf.data.Dataset | tuple[tf.data.Dataset, tf.data.Dataset],
    options: argparse.Namespace,
) -> Diagnosis:
    """Returns the callback that detects training problems.

    Args:
        images: Dataset of the training images, or a pair of them.
        options: The parsed command line.
    """
    domains = images if isinstance(images, tuple) else (images,)
    enough = min(map(len, domains)) * options.batch_size >= MIN_IMAGES
    return Diagnosis(images if enough else None, recover=True)


def fit(
    model: AdversarialModel,
    dataset: tf.data.Dataset,
    options: argparse.Namespace,
    recipe: Any,
    run: pathlib.Path,
    callbacks: list[keras.callbacks.Callback],
    **saved: Any,
) -> None:
    """Trains and saves the model, also if Ctrl-C stops training.

    Args:
        model: A compiled model.
        dataset: The dataset to train on.
        options: The parsed command line, with epochs.
        recipe: Dataclass of the settings that the command chose.
        run: Folder of the run.
        callbacks: Callbacks of `fit`; `RunState` is added.
        **saved: Further entries of `options.json`.

    Raises:
        FloatingPointError: If training stopped because of values that are not finite.
    """
    steps_per_epoch = options.passes * len(dataset)
    print(
        f"{run}: {options.epochs} epochs of {steps_per_epoch} batches of "
        f"{options.batch_size} images"
    )
    started = time.monotonic()
    run_state = RunState(run, strict=not options.override)
    run_state.when_stopped = "the checkpoint is saved"
    # Written only after RunState has accepted the options.
    write_options = keras.callbacks.LambdaCallback(
        on_train_begin=lambda _: runs.write_options(
            run, options, recipe, steps=options.epochs * steps_per_epoch, **saved
        )
    )
    try:
        model.fit(
            dataset,
            epochs=options.epochs,
            # A repeated dataset could not be resumed in the middle without reading
            # it from the start.
            steps_per_epoch=steps_per_epoch,
            callbacks=[write_options, *callbacks, run_state],
            preflight=True,
        )
    except KeyboardInterrupt:
        if not model.steps_taken:
            # There is nothing to save yet.
            raise
        # Keras does not call this method after an exception.
        for callback in callbacks:
            callback.on_train_end()
        runs.save_model(model, run)
        _print_how_to_resume(options, run)
        raise
    except SystemExit:
        # After SIGTERM there may be little time left; the checkpoint is enough.
        _print_how_to_resume(options, run)
        raise
    runs.save_model(model, run)
    if any(c.stopped_training for c in callbacks if isinstance(c, Diagnosis)):
        raise FloatingPointError(
            f"{run}: training stopped at step {model.steps_taken} because of values "
            "that are not finite; the model is from the last good epoch."
        )
    if model.steps_taken > run_state.first_step:
        minutes = (time.monotonic() - started) / 60
        since = f" since step {run_state.first_step}" if run_state.first_step else ""
        print(f"Trained for {minutes:.1f} minutes{since}.", end=" ")


def _print_how_to_resume(options: argparse.Namespace, run: pathlib.Path) -> None:
    print(f"Resume with: {shown_command('train', options.model, '--resume', str(run))}")
