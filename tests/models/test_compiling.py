import keras
import pytest

import kerasgan
from kerasgan import losses
from kerasgan.models import compiling


def unregistered(judge, real, fake, seed):
    return 0.0


@keras.saving.register_keras_serializable(package="tests")
def registered(judge, real, fake, seed):
    return 1.0


@keras.saving.register_keras_serializable(package="tests")
class OnlyGetConfig:
    """A loss as the documentation describes it: registered, with `get_config`."""

    def __init__(self, slope=1.0):
        self.slope = slope

    def discriminator_loss(self, real, fake):
        return self.slope * keras.backend.mean(fake - real)

    def generator_loss(self, fake, real):
        return -self.slope * keras.backend.mean(fake)

    def get_config(self):
        return {"slope": self.slope}


class Unregistered(losses.LeastSquares):
    """A loss whose class Keras cannot find when it loads a model."""


def gan(**compiled):
    model = kerasgan.GAN(
        keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), dense()]),
        keras.Sequential(
            [keras.Input((2,)), dense(4), keras.layers.Reshape((2, 2, 1))]
        ),
        seed=0,
    )
    model.compile(**compiled)
    return model


def dense(units=1):
    return keras.layers.Dense(units)


def test_default_label_noise_is_the_guides_with_its_loss_only():
    guides = losses.get(keras.losses.BinaryCrossentropy(from_logits=True))
    assert compiling.label_noise_for(guides, None) == compiling.GUIDE_LABEL_NOISE
    assert compiling.label_noise_for(losses.LeastSquares(), None) == 0.0
    assert compiling.label_noise_for(guides, 0) == 0.0


def test_a_class_with_get_config_alone_is_saved_and_loaded(tmp_path):
    model = gan(loss_fn=OnlyGetConfig(3.0), penalties=[registered, "r1"])
    model.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
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
    ],
)
def test_what_cannot_be_saved_is_named_and_the_model_is_saved(
    tmp_path, compiled, named
):
    model = gan(**compiled)
    with pytest.warns(UserWarning, match=f"{named} cannot be saved with the model"):
        model.save(tmp_path / "gan.keras")
    with pytest.warns(UserWarning, match=f"saved without {named}, so it is loaded unc"):
        loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert not loaded.is_compiled
    drawn, again = (m.generate(3, seed=0) for m in (model, loaded))
    assert (drawn == again).all()
    loaded.compile(**compiled)


def test_metrics_must_be_a_list_of_keras_metrics():
    for metrics in ("mae", ["mae"], [keras.losses.MeanSquaredError()]):
        with pytest.raises(ValueError, match="expected a list of Keras metrics of rea"):
            gan(metrics=metrics)
