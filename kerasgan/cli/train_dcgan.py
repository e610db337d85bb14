"""`kerasgan train dcgan`: images from latents."""

import argparse
import dataclasses
import pathlib

import keras

from kerasgan import callbacks, data, networks
from kerasgan.cli import resuming, runs, training
from kerasgan.models import GAN


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a run on one kind of device starts from."""

    image_size: int
    width: int
    batch_size: int
    steps: int
    learning_rate: float
    ema_decay: float


# On two CPU cores few, fast steps: a narrow network, a small batch, a high rate.
CPU = Recipe(64, 32, 32, 2_000, 4e-4, 0.995)
# On a GPU the numbers of the DCGAN paper; the steps are 25 epochs of celeb_a.
GPU = Recipe(64, 64, 128, 30_000, 2e-4, 0.999)


def add_command(models):
    """Adds the command to the models that `kerasgan train` trains."""
    parser = models.add_parser(
        "dcgan",
        help="images from latents",
        description="Train a DCGAN and leave a folder with sample grids, their "
        "evolution as a GIF, loss curves and the model.",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--data",
        default="synthetic_faces",
        help="synthetic_faces (drawn, the default), celeb_a, or a folder of images",
    )
    training.add_options(parser, training.on_this_device(CPU, GPU), "runs/dcgan")
    parser.set_defaults(command=train_dcgan, model="dcgan")


def train_dcgan(options):
    """Trains a DCGAN and leaves a folder with what came of it."""
    resuming.take_over(options, options.model)
    training.check_options(options, options.data)
    recipe = training.recipe_of(options, CPU, GPU)
    training.set_seed(options)
    shape = (options.image_size, options.image_size, 3)
    # The networks first: a size they cannot make is known before data is read.
    with training.image_size_named(options):
        gan = GAN(
            generator=networks.dcgan_generator(shape, width=recipe.width),
            discriminator=networks.dcgan_discriminator(shape, width=recipe.width),
            ema_decay=recipe.ema_decay,
            seed=options.seed,
        )
    gan.compile(
        d_optimizer=keras.optimizers.Adam(recipe.learning_rate, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(recipe.learning_rate, beta_1=0.5),
        loss_fn="non_saturating",
        label_noise=0.05,
    )
    faces = _dataset(options)
    gan.check_data(faces, None)
    faces = training.whole_epochs(faces, options, recipe.steps)
    run = runs.folder(options)
    shown = [
        callbacks.SampleGrid(run),
        callbacks.LossCurves(run),
        # Data of its own: reading it changes the order in which it comes next.
        training.diagnosis(_dataset(options), options),
    ]
    training.fit(gan, faces, options, recipe, run, shown)
    print(
        f"Look at {run / 'evolution.gif'}, and draw more with: kerasgan generate {run} "
        "--out faces"
    )


def _dataset(options):
    common = dict(batch_size=options.batch_size, seed=options.seed)
    if options.data in ("synthetic_faces", "celeb_a"):
        return data.celeb_a(
            options.image_size,
            data_dir=options.data_dir,
            dataset=options.data,
            **common,
        )
    if not pathlib.Path(options.data).is_dir():
        raise FileNotFoundError(
            f"--data is {options.data!r}; expected synthetic_faces, celeb_a or a "
            "folder of images."
        )
    return data.image_folder(options.data, options.image_size, **common)
