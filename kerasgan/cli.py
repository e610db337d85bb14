"""The `kerasgan` command."""

import argparse
import dataclasses
import json
import math
import pathlib
import sys
import tempfile
import time
import traceback

import keras
import tensorflow as tf

from kerasgan import callbacks, data, images, networks
from kerasgan.arguments import check_positive
from kerasgan.files import atomic_write
from kerasgan.models import GAN
from kerasgan.version import __version__


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a run on one kind of device starts from."""

    image_size: int
    width: int
    batch_size: int
    steps: int
    learning_rate: float
    ema_decay: float


# Steps of an epoch, unless --epochs says how many there are.
FEWEST_STEPS = 100
# On two CPU cores few, fast steps: a narrow network, a small batch, a high rate.
CPU = Recipe(64, 32, 32, 2_000, 4e-4, 0.995)
# On a GPU the numbers of the DCGAN paper; the steps are 25 epochs of celeb_a.
GPU = Recipe(64, 64, 128, 30_000, 2e-4, 0.999)


def main(arguments=None):
    """Runs the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except KeyboardInterrupt:
        print("kerasgan: stopped.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"kerasgan: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        # Not something that was asked wrongly: keep what tells where it happened.
        with tempfile.NamedTemporaryFile(
            "w", prefix="kerasgan-", suffix=".log", delete=False
        ) as log:
            traceback.print_exc(file=log)
        reason = (str(error).splitlines() or [""])[0]
        print(
            f"kerasgan: {type(error).__name__}: {reason} (more in {log.name})",
            file=sys.stderr,
        )
        return 1
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="kerasgan", description="Adversarial training for Keras."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a model")
    models = train.add_subparsers(required=True, metavar="MODEL")
    dcgan = models.add_parser(
        "dcgan",
        help="images from latents",
        description="Train a DCGAN and leave a folder with sample grids, their "
        "evolution as a GIF, loss curves and the model.",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    recipe = _recipe()
    dcgan.add_argument(
        "--data",
        default="synthetic_faces",
        help="synthetic_faces (drawn, the default), celeb_a, or a folder of images",
    )
    dcgan.add_argument("--data-dir", help="folder of tfds data sets")
    dcgan.add_argument(
        "--image-size",
        type=int,
        default=recipe.image_size,
        help="height and width in pixels (default on this device: %(default)s)",
    )
    dcgan.add_argument(
        "--epochs",
        type=int,
        help=f"(default on this device: what makes {recipe.steps} steps)",
    )
    dcgan.add_argument(
        "--batch-size",
        type=int,
        default=recipe.batch_size,
        help="images in a batch (default on this device: %(default)s)",
    )
    dcgan.add_argument(
        "--seed", type=int, default=0, help="seed of everything random (default: 0)"
    )
    dcgan.add_argument(
        "--run",
        default="runs/dcgan",
        help="folder of the run; a number is added (default: runs/dcgan, which\n"
        "becomes runs/dcgan-001, runs/dcgan-002, ...)",
    )
    dcgan.set_defaults(command=train_dcgan)

    generate = commands.add_parser("generate", help="draw images with a saved model")
    generate.add_argument("model", help="model.keras, or the folder of a run")
    generate.add_argument(
        "--seeds", default="0-15", help="such as 0-15 or 3,7,20-29 (default: 0-15)"
    )
    generate.add_argument("--out", required=True, help="folder for the PNG files")
    generate.set_defaults(command=generate_images)

    prepare = commands.add_parser("prepare", help="put a data set where tfds finds it")
    prepare.add_argument("dataset", choices=["celeb_a"])
    prepare.add_argument(
        "--from",
        dest="source",
        required=True,
        help="a copy of CelebA: the official files, or Kaggle's",
    )
    prepare.add_argument("--data-dir", required=True, help="folder of tfds data sets")
    prepare.set_defaults(command=prepare_dataset)
    return parser


def train_dcgan(options):
    """Trains a DCGAN and leaves a folder with what came of it."""
    check_positive(image_size=options.image_size, batch_size=options.batch_size)
    if options.epochs is not None:
        check_positive(epochs=options.epochs)
    recipe = _recipe()
    keras.utils.set_random_seed(options.seed)
    shape = (options.image_size, options.image_size, 3)
    # The networks first: a size they cannot make is known before data is read.
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
    if options.epochs is None:
        # An epoch of a few steps would be spent on drawing grids and curves.
        faces = faces.repeat(math.ceil(FEWEST_STEPS / len(faces)))
        options.epochs = math.ceil(recipe.steps / len(faces))
    run = _run_folder(options.run)
    _write_options(run, options, recipe)
    print(
        f"{run}: {options.epochs} epochs of {len(faces)} batches of "
        f"{options.batch_size} images"
    )
    started = time.monotonic()
    try:
        gan.fit(
            faces,
            epochs=options.epochs,
            callbacks=[callbacks.SampleGrid(run), callbacks.LossCurves(run)],
        )
    finally:
        # Also of a run that was stopped: what it has learned is not lost.
        gan.save(run / "model.keras")
    minutes = (time.monotonic() - started) / 60
    print(
        f"Trained for {minutes:.1f} minutes. Look at {run / 'evolution.gif'}, and draw "
        f"more with: kerasgan generate {run} --out faces"
    )


def generate_images(options):
    """Writes one image a seed, named after it."""
    seeds = _seeds(options.seeds)
    gan = _load(options.model)
    out = pathlib.Path(options.out)
    latents = tf.concat([gan.latents(1, seed) for seed in seeds], axis=0)
    drawn = gan.predict(latents, batch_size=64, verbose=0)
    for seed, image in zip(seeds, drawn, strict=True):
        pixels = images.to_uint8(image, gan.value_range)
        images.write_png(out / f"seed_{seed:04d}.png", pixels)
    print(f"{len(seeds)} images in {out}")


def prepare_dataset(options):
    """Puts a copy of CelebA where tfds finds it, and says what was left out."""
    print(data.prepare_celeb_a(options.source, options.data_dir))


def _recipe():
    return GPU if tf.config.list_physical_devices("GPU") else CPU


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


def _run_folder(path):
    """Makes and returns the next numbered folder, `path-001` and so on."""
    for number in range(1, 1_000_000):
        folder = pathlib.Path(f"{path}-{number:03d}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"--run is {path!r}, which has no free number left.")


def _write_options(run, options, recipe):
    """Keeps what made the run: its options, the recipe and the versions."""
    given = {k: v for k, v in vars(options).items() if k != "command"}
    kept = {
        "options": given,
        "recipe": {
            k: v for k, v in dataclasses.asdict(recipe).items() if k not in given
        },
        "versions": {
            "kerasgan": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": sys.version.split()[0],
        },
    }
    with atomic_write(run / "options.json") as file:
        file.write(json.dumps(kept, indent=2).encode())


def _seeds(text):
    """Turns `"3,7,20-29"` into a list of ints."""
    seeds = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            seeds += range(int(first), int(last or first) + 1)
    except ValueError:
        seeds = []
    if not seeds:
        raise ValueError(
            f"--seeds is {text!r}; expected numbers and ranges, such as 0-15 or "
            "3,7,20-29."
        )
    return seeds


def _load(path):
    """Loads a GAN from a model file or the folder of a run."""
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"MODEL is {str(file)!r}, which is not a file.")
    expected = "expected a GAN saved by kerasgan."
    try:
        model = keras.models.load_model(file)
    # What Keras raises for a file that is no model depends on what it is.
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"MODEL is {str(file)!r}; {expected} ({reason})") from error
    if not isinstance(model, GAN):
        raise ValueError(
            f"MODEL is {str(file)!r}, a {type(model).__name__}; {expected}"
        )
    return model
