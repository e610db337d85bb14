import keras
import pytest

from kerasgan import losses
from kerasgan.models import compiling


def flat(discriminator, real, fake, seed, training):
    return 0.0


@keras.saving.register_keras_serializable(package="tests")
def registered(discriminator, real, fake, seed, training):
    return 0.0


def test_label_noise_is_the_guides_with_its_loss_only():
    guides = losses.get(keras.losses.BinaryCrossentropy(from_logits=True))
    assert compiling.label_noise_for(guides, None) == compiling.GUIDE_LABEL_NOISE
    assert compiling.label_noise_for(losses.LeastSquares(), None) == 0.0
    assert compiling.label_noise_for(guides, 0) == 0.0


def test_optimizers_are_two():
    first, second = compiling.optimizer_pair(None, "sgd")
    assert type(first).__name__ == "Adam" and type(second).__name__ == "SGD"
    assert compiling.optimizer_pair(None, None)[0] is not first
    with pytest.raises(ValueError, match="g_optimizer is the same object"):
        compiling.optimizer_pair(first, first)


def test_what_keras_knows_how_to_save():
    for thing in (None, losses.Minimax(), keras.optimizers.SGD(0.5), registered):
        config = compiling.serialized("penalty", thing)
        again = keras.saving.deserialize_keras_object(config)
        assert type(again) is type(thing)
    assert again is registered
    for thing in (flat, object()):
        with pytest.raises(ValueError, match=r"penalty .* cannot be saved; expected a"):
            compiling.serialized("penalty", thing)
