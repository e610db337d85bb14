"""Random augmentation of images, different in each epoch."""

import tensorflow as tf

from kerasgan.arguments import size_pair
from kerasgan.data.batches import check_image_batches
from kerasgan.ordering import is_startable, order_seed, startable, started_at

# Makes augmentation independent of the images' order, which may have the same seed.
_PURPOSE = 1


def augment(
    dataset: tf.data.Dataset,
    flip: bool = True,
    crop_size: int | tuple[int, int] | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Flips images and crops them, both at random.

    Every image is augmented differently in every epoch. The image cache keeps the
    original images. To crop, load larger images: Zhu et al. crop 286 pixels to 256 in
    "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
    2017, https://arxiv.org/abs/1703.10593.

    Args:
        dataset: A `tf.data.Dataset` of image batches
            `(batch, height, width, channels)`, such as those of `celeb_a` and
            `image_folder`, with any number of channels.
        flip: Whether to flip each image left to right with a probability of 0.5.
        crop_size: Int, or pair `(height, width)`, in pixels, at most the size of the
            images. None does not crop.
        seed: Int, random seed for augmentation. By default, a random seed is chosen.

    Returns:
        A `tf.data.Dataset` of batches `(batch, *crop_size, channels)`, of the same
        length as `dataset`. Training can start it at any batch if it can start
        `dataset` at any batch.

    Raises:
        ValueError: If `dataset` is not a dataset of image batches, or if `crop_size` is
            not a size or larger than the images.

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

    # Each batch has its own seed, so the order of parallel calls does not matter.
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


def _crop(crop_size: int | tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Returns `crop_size` as a pair `(height, width)` that fits in `size`."""
    crop = size_pair(crop_size, "crop_size")
    if crop[0] > size[0] or crop[1] > size[1]:
        raise ValueError(
            f"crop_size is {crop_size!r}, but the images of dataset have {size[0]} x "
            f"{size[1]} pixels; expected at most that."
        )
    return crop


def _window(
    images: tf.Tensor, seed: tf.Tensor, crop: tuple[int, int], chance: float
) -> tf.Tensor:
    """Crops each image at a random place, and flips it at random.

    Args:
        images: Tensor `(n, height, width, channels)`.
        seed: Int tensor `(2,)`.
        crop: Pair `(height, width)`.
        chance: Float, probability of flipping an image.

    Returns:
        A tensor `(n, *crop, channels)`.
    """
    batch, height, width, channels = images.shape
    n = tf.shape(images)[0]
    flipped, top, left = tf.unstack(tf.random.stateless_uniform([3, n, 1], seed))
    top = tf.cast(top * (height - crop[0] + 1), tf.int32)
    left = tf.cast(left * (width - crop[1] + 1), tf.int32)
    rows = top + tf.range(crop[0])
    columns = left + tf.where(
        flipped < chance, tf.range(crop[1])[::-1], tf.range(crop[1])
    )
    # Gathering all pixels at once is several times as fast as cropping and flipping
    # each image.
    first = tf.range(n)[:, None, None] * (height * width)
    pixels = first + rows[:, :, None] * width + columns[:, None, :]
    shown = tf.gather(tf.reshape(images, [-1, tf.shape(images)[-1]]), pixels)
    return tf.ensure_shape(shown, (batch, *crop, channels))
