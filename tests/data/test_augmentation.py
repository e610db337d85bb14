import hashlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data import augment, image_folder
from kerasgan.data.batches import image_batches
from kerasgan.ordering import is_startable, started_at

HEIGHT, WIDTH = 6, 9


def numbered(n, height=HEIGHT, width=WIDTH):
    """Float images with three channels: number of the image, row and column."""
    places = np.indices((n, height, width), "float32")
    return np.moveaxis(places, 0, -1)


def batches(images, batch_size):
    return tf.data.Dataset.from_tensor_slices(images).batch(batch_size)


def whole(dataset):
    return np.concatenate(list(dataset.as_numpy_iterator()))


def draws(shown):
    """Returns whether each image was flipped, and its first row and column.

    Checks that all pixels follow from these three.
    """
    n, height, width, _ = shown.shape
    flipped = shown[:, 0, 0, 2] > shown[:, 0, -1, 2]
    top, left = shown[:, :, :, 1].min((1, 2)), shown[:, :, :, 2].min((1, 2))
    for number in range(n):
        rows, columns = np.mgrid[:height, :width]
        if flipped[number]:
            columns = columns[:, ::-1]
        expected = [np.full_like(rows, number), rows + top[number], columns]
        expected[2] = columns + left[number]
        np.testing.assert_array_equal(shown[number], np.stack(expected, -1))
    return flipped, top.astype(int), left.astype(int)


def test_shapes_and_cardinality():
    dataset = augment(batches(numbered(10), 4).cache(), crop_size=(4, 5))
    assert dataset.element_spec == tf.TensorSpec((None, 4, 5, 3), tf.float32)
    assert int(dataset.cardinality()) == 3
    assert [len(batch) for batch in dataset] == [4, 4, 2]
    full = batches(numbered(8), 4).map(lambda x: tf.ensure_shape(x, (4, 6, 9, 3)))
    assert augment(full).element_spec.shape == (4, 6, 9, 3)


@pytest.mark.parametrize("channels", [1, 2, 5, 12])
def test_any_number_of_channels(channels):
    images = np.random.default_rng(0).random((6, 4, 5, channels)).astype("float32")
    plain = batches(images, 3)
    assert augment(plain, crop_size=3).element_spec.shape == (None, 3, 3, channels)
    for image, shown in zip(images, whole(augment(plain, seed=0)), strict=True):
        assert (shown == image).all() or (shown == image[:, ::-1]).all()


def test_all_windows_are_equally_likely_and_half_are_flipped():
    images = numbered(4000)
    flipped, top, left = draws(
        whole(augment(batches(images, 50), crop_size=(4, 5), seed=0))
    )
    # 2 x 3 x 5 outcomes, to four standard deviations.
    counts = np.zeros((2, 3, 5))
    np.add.at(counts, (flipped.astype(int), top, left), 1)
    expected = 4000 / counts.size
    assert np.abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_images_of_a_batch_are_drawn_independently():
    dataset = augment(batches(numbered(400), 400), crop_size=(5, 8), seed=0)
    flipped, top, left = draws(whole(dataset))
    for one, other in ((flipped, top), (flipped, left), (top, left)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(400)
    assert all(0.4 < values.mean() < 0.6 for values in (flipped, top, left))


def test_without_a_crop_images_are_only_flipped():
    images = numbered(40)
    flipped, top, left = draws(whole(augment(batches(images, 8), seed=0)))
    assert 8 < flipped.sum() < 32
    assert not top.any() and not left.any()


def test_without_a_flip_images_are_only_cropped():
    images = numbered(40)
    shown = whole(augment(batches(images, 8), flip=False, crop_size=4))
    assert shown.shape == (40, 4, 4, 3)
    assert not draws(shown)[0].any()
    unchanged = augment(batches(images, 8), flip=False)
    np.testing.assert_array_equal(whole(unchanged), images)


def test_each_epoch_is_drawn_again():
    dataset = augment(batches(numbered(20), 4), crop_size=4, seed=0)
    epochs = [whole(dataset).tobytes() for _ in range(4)]
    assert len(set(epochs)) == 4


def test_seed_decides_the_draws():
    # Without a global seed, nothing else that a process has done matters.
    tf.random.set_seed(None)

    def epochs(seed):
        tf.random.uniform(())
        dataset = augment(batches(numbered(20), 4), crop_size=4, seed=seed)
        return [whole(dataset).tobytes() for _ in range(2)]

    assert epochs(1) == epochs(1)
    assert not set(epochs(1)) & set(epochs(2))
    assert not set(epochs(None)) & set(epochs(None))


def startable_batches(n=10, batch_size=3, seed=0):
    images = numbered(n).astype("uint8")
    return image_batches(images, batch_size, True, seed, "x")


def test_training_stream_can_start_at_any_batch(check_seeking):
    dataset = augment(startable_batches(), crop_size=(4, 5), seed=1)
    whole = np.array(check_seeking(dataset, 30, (1, 3, 17)))
    pixels = np.rint(whole * 127.5 + 127.5).reshape(90, 4, 5, 3)
    # An image has many of its 30 windows, and no two epochs are equal.
    windows = {image[..., 1:].tobytes() for image in pixels if image[0, 0, 0] == 2}
    assert len(windows) > 4
    epochs = pixels.reshape(10, -1)
    assert len(np.unique(epochs, axis=0)) == 10


def test_draws_of_a_stream_are_a_function_of_seed_and_batch_number():
    images = startable_batches(2, 1)

    def crops(position, seed=1):
        stream = started_at(augment(images, crop_size=4, seed=seed), position)
        return [batch.tobytes() for batch in stream.take(20).as_numpy_iterator()]

    tf.random.set_seed(1)
    first = crops(10_000_000)
    tf.random.set_seed(2)
    assert crops(10_000_000) == first
    assert crops(10_000_000, seed=2) != first


def test_stream_needs_a_dataset_that_can_be_started():
    assert is_startable(augment(startable_batches()))
    assert not is_startable(augment(startable_batches().map(lambda x: x)))


def test_cache_is_not_changed(tmp_path, cache):
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 256, (12, 12, 3), "uint8")
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")

    def entry():
        return {
            file.relative_to(cache): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in cache.glob("folder-*/*")
        }

    plain = image_folder(tmp_path, 12, batch_size=3, shuffle=False)
    before = entry()
    dataset = augment(plain, crop_size=8, seed=0)
    first, second = whole(dataset), whole(dataset)
    assert first.shape == second.shape == (6, 8, 8, 3)
    assert (first != second).any()
    assert entry() == before and len(before) == 2
    # Each crop is part of the cached image.
    for image, crop in zip(whole(plain), second, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (8, 8), (0, 1))
        windows = np.moveaxis(windows, 2, -1)
        ways = (windows, windows[..., ::-1, :])
        assert any((way == crop).all((-3, -2, -1)).any() for way in ways)


def test_batches_of_one_image():
    image = (np.arange(48).reshape(1, 4, 4, 3) * 5).astype("uint8")
    plain = image_batches(image, 1, True, 0, "x")
    dataset = augment(plain, crop_size=3, seed=0)
    assert dataset.element_spec.shape == (1, 3, 3, 3)
    shown = {batch.tobytes() for batch in dataset.repeat(40).as_numpy_iterator()}
    assert len(shown) == 8


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        (None, {}, "dataset is of type NoneType; expected a tf.data.Dataset of image"),
        (
            batches(numbered(4), 2).unbatch(),
            {},
            "dataset is a dataset of TensorSpec(shape=(6, 9, 3)",
        ),
        (
            batches(numbered(4), 2),
            {"crop_size": 7},
            "crop_size is 7, but the images of dataset have 6 x 9 pixels; expected at "
            "most that.",
        ),
        (
            batches(numbered(4), 2),
            {"crop_size": (6, 10)},
            "crop_size is (6, 10), but the images of dataset have 6 x 9 pixels;",
        ),
        (
            batches(numbered(4), 2),
            {"crop_size": 0},
            "crop_size is 0; expected a positive integer.",
        ),
        (
            batches(numbered(4), 2),
            {"crop_size": (2, 2, 3)},
            "crop_size is (2, 2, 3); expected a positive integer or a pair",
        ),
        (
            tf.data.Dataset.from_generator(
                list, output_signature=tf.TensorSpec((1, None, 8, 3))
            ),
            {},
            "dataset has images of None x 8 pixels; expected a known size.",
        ),
    ],
)
def test_invalid_arguments(dataset, options, message):
    with pytest.raises(ValueError) as caught:
        augment(dataset, **options)
    text = str(caught.value)
    assert text.startswith(message)
    assert text.endswith(".") and ". " not in text and "\n" not in text
