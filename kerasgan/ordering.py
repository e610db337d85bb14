"""Batches whose order is a function of a seed and a position.

A training stream is an endless sequence of batches: those of the first epoch, then
those of the second, and so on. `tf.data` draws the order of a shuffled epoch from
hidden state, so reaching batch 100,000 means reading 100,000 batches. A dataset made
here can start at any batch at once.
"""

import weakref
from collections.abc import Callable

import tensorflow as tf

# The function that starts a dataset at a batch, for each dataset that has one.
_STARTS: weakref.WeakKeyDictionary[
    tf.data.Dataset, Callable[[int], tf.data.Dataset]
] = weakref.WeakKeyDictionary()


def startable(
    dataset: tf.data.Dataset, start: Callable[[int], tf.data.Dataset]
) -> tf.data.Dataset:
    """Registers how to start the training stream of a dataset at any batch.

    Args:
        dataset: The dataset, one epoch long.
        start: Function of a position, an int, that returns an endless dataset. Its
            first element is batch number `position` of the stream, counted from 0
            over all epochs.

    Returns:
        `dataset` itself.
    """
    _STARTS[dataset] = start
    return dataset


def is_startable(dataset: tf.data.Dataset) -> bool:
    """Returns whether `started_at` can start the training stream of a dataset."""
    return dataset in _STARTS


def started_at(dataset: tf.data.Dataset, position: int) -> tf.data.Dataset | None:
    """Returns the training stream of a dataset from a batch on.

    Args:
        dataset: Any dataset.
        position: Int, number of the first batch, counted from 0 over all epochs.

    Returns:
        An endless dataset, or None if `dataset` was not registered with `startable`.
    """
    start = _STARTS.get(dataset)
    return None if start is None else start(position)


def order_seed(seed: int | None) -> int:
    """Returns the seed of an order: `seed` itself, or one drawn if it is None.

    If TensorFlow's global seed is set, it determines the drawn seed.
    """
    if seed is not None:
        return int(seed)
    # TensorFlow returns None for both if it has no global seed.
    global_seed, drawn = tf.compat.v1.get_seed(None)
    if global_seed is None:
        return int(tf.random.uniform((), maxval=tf.int32.max, dtype="int32"))
    return int(drawn)


def indexed_batches(
    read: Callable[[tf.Tensor], tf.Tensor],
    n: int,
    batch_size: int,
    *,
    shuffle: bool,
    seed: int | None,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """Returns batches that are read by index, in an order that can start anywhere.

    Shuffling reorders the indices of all rows, not the rows themselves.

    Args:
        read: Function from row numbers, an int64 tensor `(batch,)`, to a batch.
        n: Int, number of rows.
        batch_size: Int, rows per batch, at most `n` with `drop_remainder`.
        shuffle: Whether each epoch has a different order.
        seed: Int, random seed for shuffling, or None; see `order_seed`.
        drop_remainder: Whether to leave out a smaller last batch.

    Returns:
        A `tf.data.Dataset` of one epoch with a known cardinality, registered with
        `startable`. With `shuffle`, each iteration has a different order.
    """
    seed = order_seed(seed)
    batches = n // batch_size if drop_remainder else -(-n // batch_size)

    shape = (batch_size if drop_remainder else None,)

    def finished(rows: tf.data.Dataset) -> tf.data.Dataset:
        return rows.map(read, num_parallel_calls=tf.data.AUTOTUNE).prefetch(
            tf.data.AUTOTUNE
        )

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        rows = tf.range(n, dtype="int64")
        if shuffle:
            rows = tf.random.experimental.stateless_shuffle(
                rows, tf.stack([seed, number])
            )
        # Slices are twice as fast as batches of single rows.
        firsts = tf.data.Dataset.range(0, batches * batch_size, batch_size)
        return firsts.map(
            lambda first: tf.ensure_shape(rows[first : first + batch_size], shape)
        )

    def start(position: int) -> tf.data.Dataset:
        first, skipped = divmod(position, batches)
        epochs = tf.data.Dataset.range(first, tf.int64.max)
        return finished(epochs.flat_map(epoch).skip(skipped))

    rows = tf.data.Dataset.range(n)
    if shuffle:
        rows = rows.shuffle(n, seed=seed, reshuffle_each_iteration=True)
    rows = rows.batch(batch_size, drop_remainder=drop_remainder)
    return startable(finished(rows), start)
