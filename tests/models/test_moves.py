"""The moves of a training step that do not belong to one model."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.models import moves

SHAPE = (8, 8, 3)


def images(n):
    return np.random.default_rng(0).uniform(-1, 1, (n, *SHAPE)).astype("float32")


@keras.saving.register_keras_serializable(package="test")
class Block(keras.layers.Layer):
    """A layer of one's own that hides batch normalization."""

    def __init__(self, **options):
        super().__init__(**options)
        self.norm = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.built = True

    def call(self, x, training=None):
        return self.norm(x, training=training)


@pytest.mark.parametrize("kind", ["hidden", "spectral"])
def test_networks_that_count_calls_are_called_on_each_batch_alone(kind):
    layer = {
        "hidden": Block,
        "spectral": lambda: kerasgan.layers.convolution(
            3, 3, padding="same", spectral_normalization=True
        ),
    }[kind]()
    network = keras.Sequential([keras.Input(SHAPE), layer])
    sizes = []
    inner = network.call

    def call(x, *args, **kwargs):
        sizes.append(int(x.shape[0]))
        return inner(x, *args, **kwargs)

    network.call = call
    moves.call_together(network, images(2), images(3), training=True)
    assert sizes == [2, 3]
    moves.call_together(network, images(2), images(3), training=False)
    assert sizes == [2, 3, 5]
