import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models.averaging import averaged_copy


def network():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
        ]
    )


def values(model):
    return [np.array(w) for w in model.get_weights()]


def test_averaged_copy_starts_equal_and_is_not_trainable():
    original = network()
    copy, _ = averaged_copy(original)
    for a, b in zip(values(original), values(copy), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not copy.trainable_variables
    assert original.trainable_variables
    original.set_weights([w + 1 for w in original.get_weights()])
    assert not np.array_equal(values(original)[0], values(copy)[0])


@pytest.mark.parametrize("step, decay", [(0, 0.1), (8, 0.5), (10_000, 0.999)])
def test_decay_warms_up(step, decay):
    original = network()
    copy, update = averaged_copy(original)
    before = values(copy)
    original.set_weights([w + 1.0 for w in original.get_weights()])
    update(tf.constant(step, "int64"), 0.999)
    for old, new, target in zip(before, values(copy), values(original), strict=True):
        expected = decay * old + (1 - decay) * target
        np.testing.assert_allclose(new, expected, rtol=1e-5, atol=1e-6)


def test_average_of_constant_weights_does_not_change():
    original = network()
    copy, update = averaged_copy(original)
    for step in range(5):
        update(step, 0.9)
    for a, b in zip(values(original), values(copy), strict=True):
        np.testing.assert_array_equal(a, b)


@keras.saving.register_keras_serializable(package="test")
class DoubleNormalization(keras.layers.Layer):
    """A nested layer; Keras 2.15 lists its weights in another order when frozen."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first = keras.layers.BatchNormalization()
        self.second = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        return self.second(self.first(inputs, training=training), training=training)


def test_nested_layers_are_averaged_weight_by_weight():
    original = keras.Sequential([keras.Input((4,)), DoubleNormalization()])
    copy, update = averaged_copy(original)
    rng = np.random.default_rng(0)
    original.set_weights([rng.uniform(1, 2, w.shape) for w in original.get_weights()])
    update(10_000, 0.0)
    inputs = rng.normal(size=(5, 4)).astype("float32")
    np.testing.assert_allclose(copy(inputs), original(inputs), rtol=1e-5)


def test_network_that_cannot_be_copied_raises():
    class Opaque(keras.layers.Layer):
        def __init__(self, table):
            super().__init__()
            self.table = table

        def call(self, inputs):
            return inputs

        def get_config(self):
            raise NotImplementedError("the table is opaque\nand large")

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Opaque(object())(inputs), name="opaque")
    with pytest.raises(
        ValueError,
        match=r"generator 'opaque' .* \(NotImplementedError: the table is opaque\); "
        r"expected .* or ema_decay=None",
    ):
        averaged_copy(model)
