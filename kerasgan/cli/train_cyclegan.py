"""`kerasgan train cyclegan`: trains a CycleGAN on two unpaired sets of images."""

import argparse
import dataclasses
from typing import Any

import keras

from kerasgan import callbacks, data, networks, schedules
from kerasgan.cli import classifiers, domains, folders, resuming, runs, training
from kerasgan.cli.shown_command import shown_command
from kerasgan.models import CycleGAN


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Default settings of a run on one kind of device."""

    image_size: int
    # "unet" or "resnet".
    generator: str
    width: int
    # Strided convolutions of the discriminators.
    layers: int
    upsampling: str
    batch_size: int
    steps: int
    learning_rate: float
    beta_1: float
    adversarial_weight: float
    cycle_weight: float
    identity_weight: float
    ema_decay: float
    pool_size: int
    # Images are resized to this multiple of the training size, then cropped at random.
    load_scale: float
    # Training steps of the classifier that scores translations.
    classifier_steps: int


# On two CPU cores, a narrow U-Net takes three times as many steps as a residual
# generator in the same time, and its skip connections preserve details from the
# start. There are too few steps to benefit from random crops.
CPU = Recipe(
    image_size=64,
    generator="unet",
    width=32,
    layers=3,
    upsampling="resize",
    batch_size=1,
    steps=15_000,
    learning_rate=2e-4,
    beta_1=0.5,
    adversarial_weight=2.0,
    cycle_weight=10.0,
    identity_weight=2.0,
    ema_decay=0.999,
    pool_size=50,
    load_scale=1.0,
    classifier_steps=1_200,
)
# The residual generators of the CycleGAN paper, with its width, weights of the cycle
# and identity terms, learning rate and image pool, and a fifth of its steps. Unlike the
# paper, the generators resize instead of using transposed convolutions, and weights
# are averaged. The least-squares loss is halved here, so an adversarial weight of 2
# equals the paper's 1.
GPU = dataclasses.replace(
    CPU,
    image_size=128,
    generator="resnet",
    width=64,
    steps=50_000,
    identity_weight=5.0,
    load_scale=286 / 256,
)
# Side of the smallest feature map of a U-Net, in pixels. An image size that allows
# fewer halvings than this gets a residual generator: the U-Net's receptive field would
# be too small.
INNERMOST = 4
MIN_HALVINGS = 3
# Images of each domain in the translation grid, and the most that are scored.
GRID_ROWS = 8
MAX_SCORED = 500


def add_command(models: Any) -> None:
    """Adds the command.

    Args:
        models: The subparsers of `kerasgan train`.
    """
    parser = models.add_parser(
        "cyclegan",
        help="translate images of one kind to another and back",
        description="Train a CycleGAN on two unpaired sets of images. Grids of\n"
        "translations, an animation of them, loss curves, checkpoints and the model\n"
        "are saved in the run folder.",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--data",
        nargs="+",
        type=folders.data_source,
        default=["synthetic_faces"],
        help="synthetic_faces (drawn by a program, the default) or celeb_a, split by\n"
        "an attribute; two folders of images; a folder with trainA and trainB;\n"
        "or cycle_gan/NAME of tfds",
    )
    parser.add_argument(
        "--attribute",
        help="face attribute, for synthetic_faces and celeb_a: images with it form\n"
        f"domain a, images without it domain b (default: {domains.ATTRIBUTE})",
    )
    training.add_options(parser, training.on_this_device(CPU, GPU), "runs/cyclegan")
    parser.set_defaults(command=train_cyclegan, model="cyclegan", parser=parser)


def train_cyclegan(options: argparse.Namespace) -> None:
    """Trains a CycleGAN and writes the folder of the run."""
    resuming.restore_options(options)
    training.check_options(options, options.data[0])
    recipe = choose_recipe(options)
    both = domains.find_domains(options)
    training.set_seed(options)
    # Before the data is read, which can take minutes.
    cyclegan = build_model(options, recipe)
    resuming.check_checkpoint(options, cyclegan)
    size = options.image_size
    pairs = data.unpaired(
        *both.train(size, recipe.load_scale, options.batch_size, options.seed)
    )
    compile_model(cyclegan, recipe, training.plan_steps(pairs, options, recipe.steps))
    cyclegan.check_data(pairs, None)
    a, b = both.names.values()
    print(f"a2b translates {a!r} to {b!r}, b2a {b!r} to {a!r}.")
    images_a, images_b = both.first_images(size, GRID_ROWS)
    classifier = classifiers.cached_classifier(both, recipe, options)
    run = runs.run_folder(options)
    watching: list[keras.callbacks.Callback] = [
        callbacks.TranslationGrid(
            run, images_a, images_b, n=min(len(images_a), len(images_b))
        ),
        callbacks.LossCurves(run),
        training.make_diagnosis(
            both.train(size, recipe.load_scale, options.batch_size, options.seed),
            options,
        ),
    ]
    saved: dict[str, Any] = {"domains": both.names}
    if classifier is None:
        print(
            "There are no held-out images: the grid shows training images, and there "
            "is no scorecard."
        )
    else:
        # First, so that the other callbacks find the scores in the logs.
        scored_a, scored_b = both.first_images(size, MAX_SCORED)
        watching.insert(0, callbacks.Scorecard(classifier, scored_a, scored_b))
        classifier.save(run / "classifier.keras")
        saved["classifier"] = classifier.metadata
    training.fit(cyclegan, pairs, options, recipe, run, watching, **saved)
    command = shown_command(
        *("translate", str(run), "PATH", "--direction", "a2b", "--out", "translated")
    )
    print(f"See {run / 'evolution.gif'}, and translate images with: {command}")


def choose_recipe(options: argparse.Namespace) -> Recipe:
    """Returns the recipe of a run, with a generator that suits its image size."""
    recipe = training.choose_recipe(options, CPU, GPU)
    if recipe.generator == "unet" and _halvings(options.image_size) < MIN_HALVINGS:
        return dataclasses.replace(recipe, generator="resnet")
    return recipe


def build_model(options: argparse.Namespace, recipe: Recipe) -> CycleGAN:
    """Returns the model of a run, not compiled."""
    shape = (options.image_size, options.image_size, 3)
    generator_ab, generator_ba = (
        _build_generator(recipe, shape, name)
        for name in ("generator_ab", "generator_ba")
    )
    discriminator_a, discriminator_b = (
        networks.patchgan_discriminator(
            shape, width=recipe.width, layers=recipe.layers, name=name
        )
        for name in ("discriminator_a", "discriminator_b")
    )
    return CycleGAN(
        generator_ab,
        generator_ba,
        discriminator_a,
        discriminator_b,
        pool_size=recipe.pool_size,
        ema_decay=recipe.ema_decay,
        seed=options.seed,
    )


def compile_model(cyclegan: CycleGAN, recipe: Recipe, steps: int) -> None:
    """Compiles the model of a run.

    The learning rate is constant for the first half of the run, then decays linearly.

    Args:
        cyclegan: What `build_model` returned.
        recipe: The recipe of the run.
        steps: Number of training steps of the run.
    """
    rate = schedules.ConstantThenLinearDecay(
        recipe.learning_rate, steps // 2, steps - steps // 2
    )
    cyclegan.compile(
        d_optimizer=keras.optimizers.Adam(rate, beta_1=recipe.beta_1),
        g_optimizer=keras.optimizers.Adam(rate, beta_1=recipe.beta_1),
        adversarial_weight=recipe.adversarial_weight,
        cycle_weight=recipe.cycle_weight,
        identity_weight=recipe.identity_weight,
    )


def _halvings(size: int) -> int:
    """Returns how many times a U-Net halves images of a size."""
    halvings = 0
    while size % 2 ** (halvings + 1) == 0 and size >> halvings > INNERMOST:
        halvings += 1
    return halvings


def _build_generator(
    recipe: Recipe, shape: tuple[int, int, int], name: str
) -> keras.Model:
    size = shape[0]
    common: dict[str, Any] = dict(
        width=recipe.width, upsampling=recipe.upsampling, name=name
    )
    if recipe.generator == "unet":
        return networks.unet_generator(shape, depth=_halvings(size), **common)
    # As in the paper: 9 blocks from 256 pixels, 6 below.
    blocks = 9 if size >= 256 else 6
    return networks.resnet_generator(shape, blocks=blocks, **common)
