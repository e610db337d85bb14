"""`kerasgan train cyclegan`: two kinds of images, each turned into the other."""

import argparse
import dataclasses

import keras

from kerasgan import callbacks, data, networks, schedules
from kerasgan.cli import classifiers, domains, resuming, runs, training
from kerasgan.models import CycleGAN


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a run on one kind of device starts from."""

    image_size: int
    # "unet" or "resnet".
    generator: str
    width: int
    # Halvings of the discriminators.
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
    # Images are read this much larger than they are trained on, and cut at random.
    load_scale: float
    # Training steps of the classifier that judges translations.
    classifier_steps: int


# On two CPU cores a narrow U-Net: it makes three times the steps of a residual
# generator in the same time, and keeps what need not change from the start. So few
# steps are not enough to learn from images cut at random.
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
# On a GPU the residual generators of the CycleGAN paper, with its width, weights of
# the cycle and identity terms, rate and pool, and a fifth of its steps. The paper
# transposes instead of resizing, keeps no averages, and weighs the adversarial term
# with 1.
GPU = dataclasses.replace(
    CPU,
    image_size=128,
    generator="resnet",
    width=64,
    steps=50_000,
    identity_weight=5.0,
    load_scale=286 / 256,
)
# A U-Net halves images down to this many pixels. With fewer halvings it sees too
# little of an image at once, and a residual generator takes its place.
INNERMOST = 4
FEWEST_HALVINGS = 3
# Images of each domain whose translations are shown after every epoch, and the most
# that are judged.
ROWS = 8
JUDGED = 500


def add_command(models):
    """Adds the command to the models that `kerasgan train` trains."""
    parser = models.add_parser(
        "cyclegan",
        help="images of one kind from images of another",
        description="Train a CycleGAN on two kinds of images that are not paired, and "
        "leave a\nfolder with grids of translations, their evolution as a GIF, loss "
        "curves and\nthe model.",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--data",
        nargs="+",
        default=["synthetic_faces"],
        help="synthetic_faces (drawn, the default) or celeb_a, cut in two by an\n"
        "attribute; two folders of images; a folder with trainA and trainB;\n"
        "or cycle_gan/NAME of tfds",
    )
    parser.add_argument(
        "--attribute",
        help="what the faces of domain a have and those of b have not "
        f"(default: {domains.ATTRIBUTE})",
    )
    training.add_options(parser, training.on_this_device(CPU, GPU), "runs/cyclegan")
    parser.set_defaults(command=train_cyclegan, model="cyclegan")


def train_cyclegan(options):
    """Trains a CycleGAN and leaves a folder with what came of it."""
    resuming.take_over(options, options.model)
    training.check_options(options, options.data[0])
    recipe = _fitting(training.recipe_of(options, CPU, GPU), options.image_size)
    training.set_seed(options)
    # The networks first: a size they cannot make is known before data is read.
    with training.image_size_named(options):
        cyclegan = _cyclegan(options, recipe)
    both = domains.find(options)
    size = options.image_size
    pairs = data.unpaired(
        *both.train(size, recipe.load_scale, options.batch_size, options.seed)
    )
    pairs = training.whole_epochs(pairs, options, recipe.steps)
    steps = options.epochs * len(pairs)
    cyclegan.compile(
        d_optimizer=_optimizer(recipe, steps),
        g_optimizer=_optimizer(recipe, steps),
        adversarial_weight=recipe.adversarial_weight,
        cycle_weight=recipe.cycle_weight,
        identity_weight=recipe.identity_weight,
    )
    cyclegan.check_data(pairs, None)
    shown = both.shown(size, ROWS)
    a, b = both.names.values()
    print(f"a2b makes {b!r} of {a!r}, b2a {a!r} of {b!r}.")
    classifier = classifiers.kept_classifier(both, recipe, options)
    run = runs.folder(options)
    rows = min(map(len, shown))
    watching = [
        callbacks.TranslationGrid(run, *shown, n=rows),
        callbacks.LossCurves(run),
        # Data of its own: reading it changes the order in which it comes next.
        training.diagnosis(
            both.train(size, recipe.load_scale, options.batch_size, options.seed),
            options,
        ),
    ]
    kept = {"domains": both.names}
    if classifier is None:
        print(
            "Nothing is held out: the grid shows images that are trained on, and no "
            "classifier judges, so there is no scorecard."
        )
    else:
        # First, so that the others see the scores of their epoch.
        judged = both.shown(size, JUDGED)
        watching.insert(0, callbacks.Scorecard(classifier, *judged))
        classifier.save(run / "classifier.keras")
        kept["classifier"] = classifier.facts
    training.fit(cyclegan, pairs, options, recipe, run, watching, **kept)
    print(
        f"Look at {run / 'evolution.gif'}, and translate images with: kerasgan "
        f"translate {run} PATH --direction a2b --out translated"
    )


def _cyclegan(options, recipe):
    """Returns the model, not compiled."""
    shape = (options.image_size, options.image_size, 3)
    generator_ab, generator_ba = (
        _generator(recipe, shape, name) for name in ("generator_ab", "generator_ba")
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


def _fitting(recipe, size):
    """Returns the recipe with a generator that is for images of a size."""
    if recipe.generator == "unet" and _halvings(size) < FEWEST_HALVINGS:
        return dataclasses.replace(recipe, generator="resnet")
    return recipe


def _halvings(size):
    """Returns how often a U-Net halves images of a size."""
    halvings = 0
    while size % 2 ** (halvings + 1) == 0 and size >> halvings > INNERMOST:
        halvings += 1
    return halvings


def _generator(recipe, shape, name):
    size = shape[0]
    common = dict(width=recipe.width, upsampling=recipe.upsampling, name=name)
    if recipe.generator == "unet":
        return networks.unet_generator(shape, depth=_halvings(size), **common)
    # As the authors: 9 blocks at 256 pixels, 6 below.
    blocks = 9 if size >= 256 else 6
    return networks.resnet_generator(shape, blocks=blocks, **common)


def _optimizer(recipe, steps):
    """Returns Adam with a rate that stays for half of the run and falls for half."""
    rate = schedules.ConstantThenLinearDecay(
        recipe.learning_rate, steps // 2, steps - steps // 2
    )
    return keras.optimizers.Adam(rate, beta_1=recipe.beta_1)
