import resource

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.training.variable_copy import VariableCopy

VALUES = {
    "float32": [[1.5, np.nan], [np.inf, -0.0]],
    "float16": [[1.0], [6e-8]],
    "bfloat16": [1.0, 3.0e38],
    "int64": 2**60,
    "uint32": [2**32 - 1, 0],
    "bool": [True, False],
}


@pytest.mark.parametrize("dtype", VALUES)
def test_restore_assigns_the_same_bits(dtype):
    value = tf.constant(VALUES[dtype], dtype)
    variable = tf.Variable(value)
    copy = VariableCopy([variable])
    for _ in range(2):
        variable.assign(tf.zeros_like(value))
        copy.restore()
        assert (
            tf.convert_to_tensor(variable).numpy().tobytes() == value.numpy().tobytes()
        )


def test_many_variables_of_keras_are_restored():
    layer = keras.layers.Dense(3)
    layer.build((None, 5))
    values = [
        np.random.default_rng(i).normal(size=w.shape)
        for i, w in enumerate(layer.weights)
    ]
    layer.set_weights(values)
    copy = VariableCopy(layer.weights)
    layer.set_weights([np.zeros_like(value) for value in values])
    copy.restore()
    for value, expected in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(value, expected.astype("float32"))


def test_close_deletes_the_file():
    copy = VariableCopy([tf.Variable(1.0)])
    file = copy._file
    assert not file.closed
    copy.close()
    assert file.closed


def test_full_disk_is_explained():
    variable = tf.Variable(tf.zeros((1 << 20,)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(
            OSError, match=r"copy of the model .*\(File too large\).*TMPDIR"
        ):
            VariableCopy([variable])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
