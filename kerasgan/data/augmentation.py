"""Random changes to images, drawn anew every epoch."""

import tensorflow as tf

from kerasgan.arguments import size_pair
from kerasgan.data.batches import check_image_batches
from kerasgan.ordering import is_startable, order_seed, startable, started_at

# Keeps the draws apart from the order of the images, which may have the same seed.
_PURPOSE = 1


def augment(dataset, flip=True, crop_size=None, seed=None):
    """Mirrors images at random, and crops them at random places.

    Each image has its own draw, and another one in every epoch; the images in the
    cache stay what they are. To crop is to load larger images and to show the
    network another part of them each time: 286 pixels cropped to 256, in "Unpaired
    Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et
    al. 2017, https://arxiv.org/abs/1703.10593.

    Args:
        dataset: A `tf.data.Dataset` of image batches
            `(batch, height, width, channels)`, as `celeb_a` and `image_folder`
            return them.
        flip: Whether every other image is mirrored, left to right.
        crop_size: Int, or a pair `(height, width)`, in pixels; at most the size of
            the images. None leaves them whole.
        seed: Int that decides the draws, with TensorFlow's global seed if it is set.

    Returns:
        A `tf.data.Dataset` of batches `(batch, *crop_size, channels)`, as many as
        `dataset` has.

    Raises:
        ValueError: If `dataset` has no image batches, or `crop_size` is no size or
            larger than the images.

    Example:

    >>> horses = kerasgan.data.image_folder("horses", image_size=286, batch_size=1)
    >>> horses = kerasgan.data.augment(horses, crop_size=256)
    """
    check_image_batches("dataset", dataset)
    size = tuple(dataset.element_spec.shape[1:3])
    if None in size:
        raise ValueError(
            f"dataset has images of {size[0]} x {size[1]} pixels; expected a known "
            "size."
        )
    crop = size if crop_size is None else _crop(crop_size, size)
    chance = 0.5 if flip else 0.0

    def augmented(images: tf.data.Dataset, seeds: tf.data.Dataset) -> tf.data.Dataset:
        return (
            tf.data.Dataset.zip((images, seeds))
            .map(
                lambda batch, seed: _window(batch, seed, crop, chance),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
            .prefetch(tf.data.AUTOTUNE)
        )

    # Each batch is drawn from a seed of its own, so parallel calls cannot change it.
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(
        2, drop_remainder=True
    )
    finite = augmented(dataset, seeds)
    if not is_startable(dataset):
        return finite
    stream_seed = tf.constant([order_seed(seed), _PURPOSE], tf.int64)

    def start(position: int) -> tf.data.Dataset:
        seeds = tf.data.Dataset.range(position, tf.int64.max).map(
            lambda number: tf.random.experimental.stateless_fold_in(stream_seed, number)
        )
        return augmented(started_at(dataset, position), seeds)

    return startable(finite, start)


def _crop(crop_size, size):
    """Returns `crop_size` as a pair `(height, width)` that fits in `size`."""
    crop = size_pair(crop_size, "crop_size")
    if crop[0] > size[0] or crop[1] > size[1]:
        raise ValueError(
            f"crop_size is {crop_size!r}, but the images of dataset have {size[0]} x "
            f"{size[1]} pixels; expected at most that."
        )
    return crop


def _window(images, seed, crop, chance):
    """Cuts a window out of each image, at a place of its own, maybe mirrored.

    Args:
        images: Tensor `(n, height, width, channels)`.
        seed: Int tensor `(2,)`.
        crop: Pair `(height, width)`.
        chance: Float, that of an image to be mirrored.

    Returns:
        A tensor `(n, *crop, channels)`.
    """
    batch, height, width, channels = images.shape
    n = tf.shape(images)[0]
    mirrored, top, left = tf.unstack(tf.random.stateless_uniform([3, n, 1], seed))
    top = tf.cast(top * (height - crop[0] + 1), tf.int32)
    left = tf.cast(left * (width - crop[1] + 1), tf.int32)
    rows = top + tf.range(crop[0])
    columns = left + tf.where(
        mirrored < chance, tf.range(crop[1])[::-1], tf.range(crop[1])
    )
    # All pixels of all images in one row, and picked from there at once: several
    # times as fast as a crop and a reversal for each image.
    first = tf.range(n)[:, None, None] * (height * width)
    pixels = first + rows[:, :, None] * width + columns[:, None, :]
    shown = tf.gather(tf.reshape(images, [-1, tf.shape(images)[-1]]), pixels)
    return tf.ensure_shape(shown, (batch, *crop, channels))
