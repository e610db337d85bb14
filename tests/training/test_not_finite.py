import math

import keras
import numpy as np
import pytest

from kerasgan.training.not_finite import (
    first_layer_not_finite,
    is_finite,
    terms_not_finite,
)


@pytest.fixture
def network():
    return keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3, name="first"),
            keras.layers.BatchNormalization(name="second"),
            keras.layers.Dense(1, name="third"),
        ],
        name="network",
    )


def test_terms_are_in_order_of_computation():
    names = ("loss", "d_loss", "g_loss", "cycle_loss", "real_score", "penalty")
    logs = dict.fromkeys(names, math.nan)
    logs["g_loss_a2b"] = 1.0
    assert terms_not_finite(logs) == [
        "cycle_loss",
        "real_score",
        "penalty",
        "d_loss",
        "g_loss",
        "loss",
    ]
    assert terms_not_finite({"d_loss": np.float32("inf"), "g_loss": 0.0}) == ["d_loss"]
    assert terms_not_finite({"d_loss": 1e30}) == []


def test_is_finite_accepts_integers(network):
    optimizer = keras.optimizers.Adam()
    optimizer.build(network.trainable_variables)
    assert is_finite(optimizer.variables)
    network.layers[0].bias.assign([0.0, math.inf, 0.0])
    assert not is_finite(network.weights)


def test_weights_are_checked_before_outputs(network):
    other = keras.models.clone_model(network)
    inputs = np.ones((4, 2), "float32")
    both = [("generator", network, inputs), ("discriminator", other, inputs)]
    assert first_layer_not_finite(both) is None
    # The weights are finite, but the output is not.
    first = network.get_layer("first")
    first.kernel.assign(np.full((2, 3), 3e38))
    assert first_layer_not_finite(both) == (
        "the output of layer 'first' of the generator"
    )
    other.get_layer("second").moving_mean.assign([0.0, 0.0, math.nan])
    other.get_layer("third").bias.assign([math.nan])
    assert first_layer_not_finite(both) == (
        "the weights of layer 'second' of the discriminator"
    )
    network.set_weights([weight * math.nan for weight in network.get_weights()])
    assert first_layer_not_finite(both) == (
        "the weights of layer 'first' and of all others of the generator"
    )


def test_outputs_are_not_checked_without_inputs(network):
    network.get_layer("first").kernel.assign(np.full((2, 3), 3e38))
    assert first_layer_not_finite([("generator", network, None)]) is None


def test_network_with_one_layer():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
    network.layers[0].kernel.assign(np.full((2, 1), 3e38))
    inputs = np.ones((4, 2), "float32")
    found = first_layer_not_finite([("generator", network, inputs)])
    assert found == "the output of layer 'only' of the generator"


def test_nested_network_and_shared_layer():
    image = keras.Input((2,))
    twice = keras.layers.Dense(2, name="twice")
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    x = keras.layers.Dense(1, name="last")(inner(twice(twice(image))))
    network = keras.Model(image, x)
    network.get_layer("last").kernel.assign(np.full((2, 1), 3e38))
    twice.kernel.assign(np.ones((2, 2)))
    inner.layers[-1].kernel.assign(np.ones((2, 2)))
    inputs = np.ones((4, 2), "float32")
    found = first_layer_not_finite([("generator", network, inputs)])
    assert found == "the output of layer 'last' of the generator"
