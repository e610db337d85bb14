import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import inspection
from kerasgan.training import data_checks


def test_first_batches_does_not_consume_data():
    images = np.arange(100 * 4, dtype="float32").reshape(100, 2, 2, 1)
    data = tf.data.Dataset.from_tensor_slices(images).batch(10)
    # Batches are read until there are at least 64 images.
    batches = data_checks.first_batches(data)
    assert sum(len(batch) for batch in batches) == 70
    np.testing.assert_array_equal(np.concatenate(list(data)), images)
    assert len(data_checks.first_batches(images)[0][0]) == 64
    pair = data_checks.first_batches(images, images + 1)[0]
    np.testing.assert_array_equal(pair[1], images[:64] + 1)
    assert data_checks.first_batches([images]) == [images]


def check(images, activation="tanh"):
    shape = (None, None, images.shape[-1])
    generator = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Conv2D(3, 1, activation=activation),
        ]
    )
    known = inspection.output_range(generator)
    data_checks.check_images([images], "data", shape, generator, known)


def test_check_images_value_range():
    rng = np.random.default_rng(0)
    unit = rng.uniform(0, 1, (8, 4, 4, 3))
    check(unit * 2 - 1)
    check(unit, "sigmoid")
    check(unit * 255, None)
    check(unit * 0.5 - 0.4)  # dark images, not all values above 0
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


def test_check_images_names_what_determines_the_range():
    images = np.full((2, 4, 4, 3), 300.0)
    for activation, given, reason in (
        ("tanh", (-1.0, 1.0), "generator ends in tanh; "),
        ("linear", (0.0, 255.0), r"the model's value_range is \(0, 255\); "),
    ):
        generator = keras.Sequential(
            [keras.Input((4, 4, 3)), keras.layers.Conv2D(3, 1, activation=activation)]
        )
        with pytest.raises(ValueError, match=reason):
            data_checks.check_images([images], "data", (4, 4, 3), generator, given)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_non_finite_images_raise(wrong, activation):
    images = np.zeros((2, 4, 4, 3), "float32")
    images[0, 0, 0, 0], images[1] = -1.0, 0.5
    check(images, activation)
    images[1, 2, :2, 0] = wrong
    with pytest.raises(
        ValueError, match="data has 2 values in its first batches that are N"
    ):
        check(images, activation)
