import keras
import pytest
from keras import layers

from kerasgan import inspection


def last(*tail):
    return keras.Sequential([keras.Input((4, 4, 3)), *tail])


@pytest.mark.parametrize(
    "model, activation",
    [
        (lambda: last(layers.Conv2D(1, 1)), "linear"),
        (lambda: last(layers.Conv2D(1, 1, activation="tanh")), "tanh"),
        (lambda: last(layers.Conv2D(1, 1), layers.Activation("sigmoid")), "sigmoid"),
        (lambda: last(layers.Dense(1, "sigmoid"), layers.Flatten()), "sigmoid"),
        (lambda: last(last(layers.Dense(3, "tanh")), layers.Reshape((-1,))), "tanh"),
        (lambda: last(layers.Conv2D(1, 1), layers.LeakyReLU(0.2)), None),
        (lambda: last(layers.BatchNormalization()), None),
    ],
)
def test_output_activation(model, activation):
    assert inspection.output_activation(model()) == activation


def test_shapes_meet_where_they_are_known():
    assert inspection.shapes_match((64, 64, 3), (None, None, 3))
    assert inspection.shapes_match((None, 64, 3), (64, None, 3))
    assert not inspection.shapes_match((64, 64, 3), (64, 64, 1))
    assert not inspection.shapes_match((64, 64), (64, 64, 3))


def test_several_inputs_or_outputs_are_named():
    a, b = keras.Input((2,)), keras.Input((2,))
    two_in = keras.Model([a, b], layers.Add()([a, b]), name="adder")
    with pytest.raises(ValueError, match="generator 'adder' has 2 inputs"):
        inspection.input_shape("generator", two_in)
    two_out = keras.Model(a, [layers.Dense(1)(a), layers.Dense(1)(a)], name="forked")
    with pytest.raises(ValueError, match="discriminator 'forked' has 2 outputs"):
        inspection.input_shape("discriminator", two_out)
