import ctypes
import sys

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan import losses
from kerasgan.models import compiling

SHAPE = (2, 2, 1)


class Unregistered(losses.LeastSquares):
    """A custom loss that Keras cannot find when it loads a model."""


class UnregisteredMetric(keras.metrics.Mean):
    """A custom metric that Keras cannot find when it loads a model."""

    def update_state(self, real, fake, sample_weight=None):
        super().update_state(fake - real)


@keras.saving.register_keras_serializable(package="tests")
class Difference(UnregisteredMetric):
    """Mean difference of generated and real images, times a factor."""

    def __init__(self, factor=1.0, name="difference", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.factor = factor

    def update_state(self, real, fake, sample_weight=None):
        super().update_state(self.factor * real, self.factor * fake)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def unregistered(discriminate, real, fake, seed):
    return 0.0


@keras.saving.register_keras_serializable(package="tests")
def registered(discriminate, real, fake, seed):
    return 1.0


@keras.saving.register_keras_serializable(package="tests")
class OnlyGetConfig:
    """A registered custom loss with `get_config`, as in the documentation."""

    def __init__(self, slope=1.0):
        self.slope = slope

    def discriminator_loss(self, real, fake):
        return self.slope * keras.backend.mean(fake - real)

    def generator_loss(self, fake, real):
        return -self.slope * keras.backend.mean(fake)

    def get_config(self):
        return {"slope": self.slope}


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule without `get_config`, inside of an optimizer."""

    def __call__(self, step):
        return 0.1


def discriminator():
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), dense()])


def gan(**compiled):
    generator = [keras.Input((2,)), dense(4), keras.layers.Reshape(SHAPE)]
    model = kerasgan.GAN(discriminator(), keras.Sequential(generator), seed=0)
    model.compile(**compiled)
    return model


def cyclegan(**compiled):
    generators = [keras.Sequential([keras.Input(SHAPE), dense()]) for _ in "ab"]
    critics = [discriminator(), discriminator()]
    model = kerasgan.CycleGAN(*generators, *critics, pool_size=0, seed=0)
    model.compile(**compiled)
    return model


MODELS = {"gan": gan, "cyclegan": cyclegan}


def made(model):
    """Returns images that a model makes."""
    if isinstance(model, kerasgan.GAN):
        return model.generate(3, seed=0)
    pixels = np.linspace(-1, 1, 4, dtype="float32").reshape(1, *SHAPE)
    return model.translate(pixels, "b2a")


def dense(units=1):
    return keras.layers.Dense(units)


def test_default_label_noise_depends_on_loss():
    guide_loss = losses.get(keras.losses.BinaryCrossentropy(from_logits=True))
    assert compiling.label_noise_for(guide_loss, None) == compiling.GUIDE_LABEL_NOISE
    assert compiling.label_noise_for(losses.LeastSquares(), None) == 0.0
    assert compiling.label_noise_for(guide_loss, 0) == 0.0


@pytest.mark.parametrize("kind", MODELS)
def test_registered_loss_penalty_and_metric_are_saved_and_loaded(tmp_path, kind):
    model = MODELS[kind](
        loss_fn=OnlyGetConfig(3.0),
        penalties=[registered, "r1"],
        metrics=[Difference(2.0), Difference(name="other")],
    )
    model.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    endings = [""] if kind == "gan" else ["_a2b", "_b2a"]
    names = [f"{name}{end}" for end in endings for name in ("difference", "other")]
    assert [one.name for one in loaded.image_metric_list] == names
    assert [one.factor for one in loaded.image_metric_list] == [2.0, 1.0] * len(endings)
    assert all(type(one) is Difference for one in loaded.image_metric_list)
    assert type(loaded.loss_fn) is OnlyGetConfig and loaded.loss_fn.slope == 3.0
    assert loaded.penalties[0] is registered
    assert type(loaded.penalties[1]) is kerasgan.penalties.R1


def cross_entropy(labels, predictions):
    return keras.losses.binary_crossentropy(labels, predictions, from_logits=True)


@pytest.mark.parametrize(
    ("compiled", "named"),
    [
        ({"loss_fn": Unregistered()}, "loss_fn Unregistered"),
        ({"loss_fn": cross_entropy}, "loss_fn cross_entropy"),
        ({"penalties": ["r1", unregistered]}, "penalties unregistered"),
        ({"d_optimizer": lambda: keras.optimizers.SGD(Warmup())}, "d_optimizer SGD"),
        ({"metrics": [UnregisteredMetric()]}, "metrics UnregisteredMetric"),
    ],
)
@pytest.mark.parametrize("kind", MODELS)
def test_arguments_that_cannot_be_saved_warn(tmp_path, compiled, named, kind):
    new = {k: v() if k == "d_optimizer" else v for k, v in compiled.items()}
    model = MODELS[kind](**new)
    with pytest.warns(UserWarning, match=f"{named} cannot be saved with the model"):
        model.save(tmp_path / "gan.keras")
    with pytest.warns(UserWarning, match=f"saved without {named}, so it is loaded unc"):
        loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert not loaded.is_compiled
    assert (made(model) == made(loaded)).all()
    loaded.compile()


def test_invalid_metrics_raise():
    for metrics in ("mae", ["mae"], [keras.losses.MeanSquaredError()]):
        with pytest.raises(ValueError, match="expected a list of Keras metrics of rea"):
            gan(metrics=metrics)


def test_label_noise_needs_a_loss_whose_method_takes_labels():
    class Plain(losses.LeastSquares):
        def discriminator_loss(self, real, fake):
            return super().discriminator_loss(real, fake)

    gan(loss_fn=Plain())
    with pytest.raises(ValueError, match="loss_fn Plain does not use labels"):
        gan(loss_fn=Plain(), label_noise=0.1)


def test_saving_returns_freed_memory_where_the_c_library_can(
    tmp_path, small_gan, monkeypatch
):
    called = []

    class Library:
        def __init__(self, name):
            pass

        def malloc_trim(self, pad):
            called.append(pad)

    gan = small_gan()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", Library)
    gan.save(tmp_path / "one.keras")
    assert called == [0]
    # The C library of Alpine Linux does not have it.
    del Library.malloc_trim
    gan.save(tmp_path / "other.keras")
    assert (tmp_path / "other.keras").exists()
