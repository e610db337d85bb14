import os
import signal

# Must be set before TensorFlow is imported: its log messages hide test output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import kerasgan


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(7)
    yield
    # The command enables it, and TensorFlow has no public function to disable it.
    config.disable_op_determinism()


@pytest.fixture(autouse=True, scope="session")
def _python_handles_ctrl_c():
    """A shell starts background jobs, such as a test suite, with Ctrl-C ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keeps tests away from the user's cache."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_synthetic_faces(tmp_path_factory):
    """Returns a TFDS folder that holds a small `synthetic_faces` dataset."""
    from kerasgan.data.drawn_faces.builder import SyntheticFaces

    class Tiny(SyntheticFaces, skip_registration=True):
        name = SyntheticFaces.name
        IMAGES = {"train": 48, "validation": 8, "test": 8}  # noqa: RUF012

    folder = tmp_path_factory.mktemp("tfds")
    Tiny(data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture
def small_gan():
    """Returns a function that builds and compiles a GAN of 4x4 images.

    It runs eagerly, because a few steps take less time than tracing.
    """

    def build(activation="tanh"):
        generator = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(4 * 4 * 3, activation=activation),
                keras.layers.Reshape((4, 4, 3)),
            ]
        )
        discriminator = keras.Sequential(
            [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
        )
        gan = kerasgan.GAN(discriminator, generator, seed=0)
        gan.compile(run_eagerly=True)
        return gan

    return build


@pytest.fixture
def small_cyclegan():
    """Returns a function that builds and compiles a CycleGAN of 8x8 images.

    It runs eagerly, because a few steps take less time than tracing.
    """

    def generator(activation):
        return keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                keras.layers.Conv2D(3, 3, padding="same", activation=activation),
            ]
        )

    def discriminator():
        return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 3)])

    def build(domain_a="tanh", domain_b="tanh", **options):
        # A generator ends with the activation of its target domain.
        cyclegan = kerasgan.CycleGAN(
            generator(domain_b),
            generator(domain_a),
            discriminator(),
            discriminator(),
            seed=0,
            **options,
        )
        cyclegan.compile(run_eagerly=True)
        return cyclegan

    return build


@pytest.fixture
def faces():
    """Returns a function that draws 16 random images."""

    def draw(low=-1, side=4, seed=0):
        rng = np.random.default_rng(seed)
        return rng.uniform(low, 1, (16, side, side, 3)).astype("float32")

    return draw


class Trainee:
    """A small model to train, its data, and a function that draws images with it."""

    def __init__(self, build, data, draw, monitor):
        self.build, self.data, self.draw, self.monitor = build, data, draw, monitor

    def compiled(self, d_rate=0.02, g_rate=0.01, **options):
        """Returns a model whose two optimizers have different learning rates."""
        model = self.build()
        optimizers = [keras.optimizers.Adam(rate) for rate in (d_rate, g_rate)]
        model.compile(*optimizers, **options)
        return model


@pytest.fixture(
    params=[
        "gan",
        pytest.param("cyclegan", marks=[pytest.mark.slow, pytest.mark.keras3_lane]),
    ]
)
def trainee(request, small_gan, small_cyclegan, faces):
    """A GAN or a CycleGAN, with two batches of data per epoch that are not shuffled."""
    side = 4 if request.param == "gan" else 8
    a, b = faces(side=side), faces(side=side, seed=1)
    data = tf.data.Dataset.from_tensor_slices

    def samples(model):
        drawn = [model.generate(2, seed=0, averaged=which) for which in (True, False)]
        return np.stack(drawn)

    def translations(model):
        return np.stack(
            [
                model.translate(a[:2], direction, averaged=which)
                for direction in ("a2b", "b2a")
                for which in (True, False)
            ]
        )

    if request.param == "gan":
        return Trainee(small_gan, data(a).batch(8), samples, "g_loss")
    return Trainee(small_cyclegan, data((a, b)).batch(8), translations, "cycle_loss")


@pytest.fixture
def events():
    """Returns a function that reads a folder's summaries: `{tag: {step: value}}`."""

    def read(folder):
        # Imported here because the import takes a second.
        from tensorboard.backend.event_processing import event_accumulator

        found = event_accumulator.EventAccumulator(str(folder), {"tensors": 0}).Reload()
        return {
            tag: {
                event.step: tf.make_ndarray(event.tensor_proto)
                for event in found.Tensors(tag)
            }
            for tag in found.Tags()["tensors"]
        }

    return read
