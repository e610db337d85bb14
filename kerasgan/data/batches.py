"""From decoded images to the batches that `fit` takes."""

import tensorflow as tf

from kerasgan.arguments import check_positive


def image_batches(images, batch_size, shuffle, seed, source):
    """Returns a `tf.data.Dataset` of batches of float images in [-1, 1].

    Args:
        images: uint8 array `(n, height, width, channels)`, usually a memory map.
        batch_size: Int. With `shuffle` every batch has as many, and images left
            over sit out the epoch; without, the last batch may be smaller.
        shuffle: Whether every epoch has another order, over all the images.
        seed: Int or None, decides the orders, with TensorFlow's global seed if it
            is set.
        source: What the images are, for messages.

    Returns:
        A dataset of float32 `(batch, height, width, channels)` in [-1, 1], with a
        known cardinality, prefetched.

    Raises:
        ValueError: If `batch_size` is not positive, or larger than the data.
    """
    check_positive(batch_size=batch_size)
    n = len(images)
    if n < (batch_size if shuffle else 1):
        raise ValueError(
            f"batch_size is {batch_size}, but {source} has {n} images; expected at "
            "least one batch."
        )

    def read(rows):
        # Only indices are shuffled, and the images of a batch read at once: that
        # is what makes an epoch from the cache cheap.
        pixels = tf.numpy_function(images.__getitem__, [rows], tf.uint8)
        pixels = tf.ensure_shape(pixels, (rows.shape[0], *images.shape[1:]))
        return tf.cast(pixels, tf.float32) / 127.5 - 1.0

    dataset = tf.data.Dataset.range(n)
    if shuffle:
        dataset = dataset.shuffle(n, seed=seed, reshuffle_each_iteration=True)
    return (
        dataset.batch(batch_size, drop_remainder=shuffle)
        .map(read, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def second_seed(seed):
    """Returns the seed of the second of two domains, None for None.

    With the seed of the first, a domain of as many images would come in the same
    order in every epoch.

    Args:
        seed: Int or None, the seed of the first domain.
    """
    return None if seed is None else seed + 1


def check_image_batches(name, dataset):
    """Raises a ValueError for anything but a dataset of image batches.

    Args:
        name: Name of the argument.
        dataset: What came; expected is a `tf.data.Dataset` of single tensors
            `(batch, height, width, channels)`.
    """
    if not isinstance(dataset, tf.data.Dataset):
        came = f"of type {type(dataset).__name__}"
    else:
        spec = dataset.element_spec
        if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4:
            return
        came = f"a dataset of {spec}"
    raise ValueError(
        f"{name} is {came}; expected a tf.data.Dataset of image batches (batch, "
        "height, width, channels)."
    )
