import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgan.models import checks


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
    assert checks.output_activation(model()) == activation


def test_shapes_meet_where_they_are_known():
    assert checks.shapes_meet((64, 64, 3), (None, None, 3))
    assert checks.shapes_meet((None, 64, 3), (64, None, 3))
    assert not checks.shapes_meet((64, 64, 3), (64, 64, 1))
    assert not checks.shapes_meet((64, 64), (64, 64, 3))


def test_several_inputs_or_outputs_are_named():
    a, b = keras.Input((2,)), keras.Input((2,))
    two_in = keras.Model([a, b], layers.Add()([a, b]), name="adder")
    with pytest.raises(ValueError, match="generator 'adder' has 2 inputs"):
        checks.input_shape("generator", two_in)
    two_out = keras.Model(a, [layers.Dense(1)(a), layers.Dense(1)(a)], name="forked")
    with pytest.raises(ValueError, match="discriminator 'forked' has 2 outputs"):
        checks.input_shape("discriminator", two_out)


def test_looking_at_data_does_not_consume_it():
    images = np.arange(100 * 4, dtype="float32").reshape(100, 2, 2, 1)
    data = tf.data.Dataset.from_tensor_slices(images).batch(10)
    looked = checks.first_batches(data)
    assert sum(len(batch) for batch in looked) == 70  # the batch that passes 64
    np.testing.assert_array_equal(np.concatenate(list(data)), images)
    assert len(checks.first_batches(images)[0][0]) == 64
    pair = checks.first_batches(images, images + 1)[0]
    np.testing.assert_array_equal(pair[1], images[:64] + 1)
    iterator = (image for image in images)
    assert checks.first_batches(iterator) == []
    assert len(list(iterator)) == 100


def check(images, activation="tanh"):
    shape = (None, None, images.shape[-1])
    checks.check_images([images], "data", lambda batch: batch, shape, activation)


def test_ranges():
    rng = np.random.default_rng(0)
    unit = rng.uniform(0, 1, (8, 4, 4, 3))
    check(unit * 2 - 1)
    check(unit, "sigmoid")
    check(unit * 255, None)
    check(unit * 0.5 - 0.4)  # dark, but not everything above 0
    for images, activation in (
        (unit, "tanh"),
        (unit * 255, "tanh"),
        (unit * 2 - 1, "sigmoid"),
        (unit * 255, "sigmoid"),
    ):
        with pytest.raises(
            ValueError, match=r"data has values from .* expected values"
        ):
            check(images, activation)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_images_that_are_not_finite(wrong, activation):
    images = np.zeros((2, 4, 4, 3), "float32")
    images[0, 0, 0, 0], images[1] = -1.0, 0.5
    given = ("data", lambda batch: batch, (4, 4, 3), activation)
    checks.check_images([images], *given)
    images[1, 2, :2, 0] = wrong
    with pytest.raises(ValueError, match="data has 2 values in its first batches that"):
        checks.check_images([images], *given)
