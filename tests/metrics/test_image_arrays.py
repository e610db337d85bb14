import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics.image_arrays import image_array

IMAGES = np.random.default_rng(0).uniform(-1, 1, (7, 4, 5, 3)).astype("float32")


def batches(images=IMAGES):
    return tf.data.Dataset.from_tensor_slices(images).batch(3)


@pytest.mark.parametrize("images", [IMAGES, IMAGES.astype("float64"), batches()])
@pytest.mark.parametrize("n", [None, 1, 4, 7])
def test_arrays_and_datasets_give_their_first_images(images, n):
    array = image_array("a", images, n)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, IMAGES[:n])


def test_a_dataset_is_read_only_as_far_as_needed():
    read = []

    def count(step):
        read.append(int(step))
        return IMAGES[:3]

    data = tf.data.Dataset.range(100).map(
        lambda step: tf.ensure_shape(
            tf.numpy_function(count, [step], tf.float32), (3, 4, 5, 3)
        )
    )
    image_array("a", data, 4)
    # tf.data prefetches some batches.
    assert len(read) < 20


@pytest.mark.parametrize(
    "images, n, message",
    [
        (IMAGES, 8, "a has 7 images; expected at least 8"),
        (IMAGES[:0], None, "a has 0 images; expected at least 1"),
        (batches().take(0), None, "a has 0 images; expected at least 1"),
        (IMAGES, 0, "n is 0"),
        (IMAGES[0], None, r"a has shape \(4, 5, 3\)"),
        (IMAGES * 127.5, None, "a has values from -127 to 127"),
        (IMAGES * np.nan, None, "a has values from nan"),
        (batches().repeat(), None, "a is infinite"),
        (tf.data.Dataset.zip((batches(), batches())), None, "a is a dataset of"),
        (batches().unbatch(), None, "a is a dataset of"),
    ],
)
def test_other_values_raise_an_error(images, n, message):
    with pytest.raises(ValueError, match=message):
        image_array("a", images, n)
