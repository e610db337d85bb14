"""The stream of batches that training reads: all epochs, one after the other.

Keras opens several iterators during a training, and the order of a shuffled dataset
depends on how many were opened. A stream is opened once, so Keras may divide it into
epochs in any way, and it can start at any batch.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.ordering import started_at


class Stream:
    """The batches of a dataset over all epochs, read once.

    The first batches can be looked at before training; training still gets them.

    Args:
        data: A `tf.data.Dataset` of one epoch.
    """

    def __init__(self, data: tf.data.Dataset) -> None:
        self._data = data
        self._spec = data.element_spec
        from_start = started_at(data, 0)
        self.starts_anywhere = from_start is not None
        self._iterator = iter(_untuned(from_start or data.repeat()))
        self._seen: list[Any] = []

    def peek(self) -> Iterator[Any]:
        """Yields the batches from the beginning. Call it only before `start_at`."""
        for number in itertools.count():
            if number == len(self._seen):
                batch = next(self._iterator, None)
                if batch is None:
                    return
                self._seen.append(batch)
            yield self._seen[number]

    def first(self, images: int) -> tf.data.Dataset:
        """Returns a dataset of the first batches, with at least `images` images."""
        batches, n = [], 0
        for batch in self.peek():
            batches.append(batch)
            n += len(tf.nest.flatten(batch)[0])
            if n >= images:
                break
        return replayed(batches, self._spec)

    def start_at(
        self, batch: int, stop_requested: Callable[[], None] | None = None
    ) -> None:
        """Moves to a batch, which is the next one to be read.

        A dataset that cannot start anywhere is read up to that batch, with a progress
        bar.

        Args:
            batch: Number of the batch, counted from 0 over all epochs.
            stop_requested: Function that is called while batches are skipped. It raises
                if the user asked to stop.
        """
        started = started_at(self._data, batch)
        if started is not None:
            self._iterator = iter(_untuned(started))
            self._seen = []
            return
        unread = batch - len(self._seen)
        kept = self._seen[batch:]
        self._seen = []
        if unread > 0:
            self._skip(unread, stop_requested)
        elif kept:
            rest = self.part(tf.int64.max)
            self._iterator = iter(_handed_out(kept, self._spec).concatenate(rest))

    def _skip(self, n: int, stop_requested: Callable[[], None] | None) -> None:
        print(f"Reading {n} batches again to reach the position where the run stopped.")
        progress = keras.utils.Progbar(n, unit_name="batch")
        for number in range(1, n + 1):
            if stop_requested is not None:
                stop_requested()
            next(self._iterator)
            progress.update(number)

    def part(self, n: int) -> tf.data.Dataset:
        """Returns a dataset of the next `n` batches, each time it is iterated.

        Opening it reads nothing, because Keras opens datasets without iterating them.
        """
        iterator = self._iterator
        part = tf.data.Dataset.range(n).map(lambda _: iterator.get_next())
        return _untuned(part)


def _handed_out(batches: list[Any], spec: Any) -> tf.data.Dataset:
    """Returns a dataset of batches that are freed as they are read.

    Args:
        batches: List of batches; it is emptied.
        spec: `element_spec` of their source.
    """
    flat = tf.nest.flatten(spec)

    def take(_: np.ndarray) -> list[np.ndarray]:
        return [np.asarray(part) for part in tf.nest.flatten(batches.pop(0))]

    def read(number: tf.Tensor) -> Any:
        parts = tf.numpy_function(take, [number], [part.dtype for part in flat])
        parts = [
            tf.ensure_shape(part, known.shape)
            for part, known in zip(parts, flat, strict=True)
        ]
        return tf.nest.pack_sequence_as(spec, parts)

    return tf.data.Dataset.range(len(batches)).map(read)


def replayed(batches: Sequence[Any], spec: Any) -> tf.data.Dataset:
    """Returns a dataset of batches in memory, with the signature of their source.

    With another signature `fit` would trace the training step again.

    Args:
        batches: List of batches.
        spec: `element_spec` of their source.
    """

    def as_in_source(*batch: Any) -> Any:
        batch = batch[0] if len(batch) == 1 and not isinstance(spec, tuple) else batch
        return tf.nest.map_structure(
            lambda part, known: tf.compat.v1.placeholder_with_default(
                part, known.shape
            ),
            batch,
            spec,
        )

    if not batches:
        return tf.data.Dataset.range(0)
    # Not from_generator, which makes TensorFlow complain when the program ends.
    return functools.reduce(
        lambda some, more: some.concatenate(more),
        map(tf.data.Dataset.from_tensors, batches),
    ).map(as_in_source)


def _untuned(data: tf.data.Dataset) -> tf.data.Dataset:
    """Returns data without tf.data's autotuning, unless its options ask for it.

    The autotuning thread sleeps longer the older it is, and ending it does not always
    wake it: one iterator in four ended up to a minute late. `AUTOTUNE` in the data then
    has its default, one call per core up to 16.
    """
    if data.options().autotune.enabled is not None:
        return data
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)
