import keras
import numpy as np
import pytest


@pytest.fixture
def draw():
    """A function that draws images in [-1, 1]."""

    def images(*shape):
        return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")

    return images


@pytest.fixture
def spread():
    """A function that draws weights large enough for each layer to affect the output.

    With the initial weights of the networks, outputs would hardly differ.
    """

    def redraw(network, positive=False):
        generator = np.random.default_rng(1)
        weights = [
            # A bias, or a variance, which must not be negative.
            generator.uniform(0.2, 1, w.shape)
            if w.ndim == 1
            else generator.normal(0, np.prod(w.shape[:-1]) ** -0.5, w.shape)
            for w in network.get_weights()
        ]
        network.set_weights([np.abs(w) for w in weights] if positive else weights)
        return network

    return redraw


@pytest.fixture
def zero_weights(monkeypatch):
    """Initializes networks with zeros, so that large ones are built quickly."""
    monkeypatch.setattr(
        "kerasgan.layers.normal", lambda mean=0.0: keras.initializers.Zeros()
    )
