"""`kerasgan train dcgan`: trains a GAN on images of one kind."""

import argparse
import dataclasses
import pathlib
from typing import Any

import keras
import tensorflow as tf

from kerasgan import callbacks, data, networks
from kerasgan.cli import folders, resuming, runs, training
from kerasgan.cli.shown_command import shown_command
from kerasgan.files import why_no_folder
from kerasgan.models import GAN


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Default settings of a run on one kind of device."""

    image_size: int
    width: int
    batch_size: int
    steps: int
    learning_rate: float
    ema_decay: float


# For two CPU cores: fewer and faster steps, with a narrow network, small batches and
# a high learning rate.
CPU = Recipe(64, 32, 32, 2_000, 4e-4, 0.995)
# The settings of the DCGAN paper. The steps are 25 epochs of celeb_a.
GPU = Recipe(64, 64, 128, 30_000, 2e-4, 0.999)


def add_command(models: Any) -> None:
    """Adds the command.

    Args:
        models: The subparsers of `kerasgan train`.
    """
    parser = models.add_parser(
        "dcgan",
        help="generate images like those of a dataset",
        description="Train a DCGAN. Sample grids, an animation of them, loss curves,\n"
        "checkpoints and the model are saved in the run folder.",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=folders.data_source,
        default="synthetic_faces",
        help="synthetic_faces (drawn by a program, the default), celeb_a, or a folder\n"
        "of images",
    )
    training.add_options(parser, training.on_this_device(CPU, GPU), "runs/dcgan")
    parser.set_defaults(command=train_dcgan, model="dcgan", parser=parser)


def train_dcgan(options: argparse.Namespace) -> None:
    """Trains a DCGAN and writes the folder of the run."""
    resuming.restore_options(options)
    training.check_options(options, options.data)
    recipe = choose_recipe(options)
    training.set_seed(options)
    # Before the data is read, which can take minutes.
    gan = build_model(options, recipe)
    resuming.check_checkpoint(options, gan)
    faces = _read_data(options)
    training.plan_steps(faces, options, recipe.steps)
    compile_model(gan, recipe)
    gan.check_data(faces, None)
    run = runs.run_folder(options)
    shown = [
        callbacks.SampleGrid(run),
        callbacks.LossCurves(run),
        training.make_diagnosis(_read_data(options), options),
    ]
    training.fit(gan, faces, options, recipe, run, shown)
    command = shown_command("generate", str(run), "--out", "faces")
    print(f"See {run / 'evolution.gif'}, and generate images with: {command}")


def choose_recipe(options: argparse.Namespace) -> Recipe:
    """Returns the recipe of a run."""
    return training.choose_recipe(options, CPU, GPU)


def build_model(options: argparse.Namespace, recipe: Recipe) -> GAN:
    """Returns the model of a run, not compiled."""
    shape = (options.image_size, options.image_size, 3)
    return GAN(
        generator=networks.dcgan_generator(shape, width=recipe.width),
        discriminator=networks.dcgan_discriminator(shape, width=recipe.width),
        ema_decay=recipe.ema_decay,
        seed=options.seed,
    )


def compile_model(gan: GAN, recipe: Recipe) -> None:
    """Compiles the model of a run.

    Args:
        gan: What `build_model` returned.
        recipe: The recipe of the run.
    """
    gan.compile(
        d_optimizer=keras.optimizers.Adam(recipe.learning_rate, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(recipe.learning_rate, beta_1=0.5),
        loss_fn="non_saturating",
        label_noise=0.05,
    )


def _read_data(options: argparse.Namespace) -> tf.data.Dataset:
    common = dict(batch_size=options.batch_size, seed=options.seed)
    if options.data in folders.FACE_DATA_SETS:
        return data.celeb_a(
            options.image_size,
            data_dir=options.data_dir,
            dataset=options.data,
            **common,
        )
    if not pathlib.Path(options.data).is_dir():
        raise FileNotFoundError(
            f"--data is {options.data!r}, which {why_no_folder(options.data)}; "
            f"expected {', '.join(folders.FACE_DATA_SETS)} or a folder of images."
        )
    return data.image_folder(options.data, options.image_size, **common)
