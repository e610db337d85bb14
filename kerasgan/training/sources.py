"""Checks the data that `fit` accepts, and converts arrays to datasets."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.ordering import indexed_batches
from kerasgan.training.data_checks import no_batch

KERAS_BATCH_SIZE = 32


def training_source(
    x: Any, y: Any, batch_size: int | None, shuffle: bool, seed: int
) -> Any:
    """Returns the arguments of `fit` as one source of batches.

    Args:
        x: The argument `x` of `fit`.
        y: The argument `y` of `fit`.
        batch_size: Int, number of images per batch of arrays, or None for 32.
        shuffle: Whether to shuffle arrays.
        seed: Int, random seed for shuffling arrays.

    Returns:
        A `tf.data.Dataset` for arrays and datasets, otherwise `x`.

    Raises:
        ValueError: If the data is not supported.
    """
    if is_array(x):
        if y is not None and not is_array(y):
            raise ValueError(
                f"y is a {type(y).__name__}; expected an array, because x is one."
            )
        parts = (x,) if y is None else (x, y)
        return array_batches(parts, batch_size, shuffle, seed)
    if y is not None:
        raise ValueError(
            f"y is given, but x is a {type(x).__name__}; expected y only if x is an "
            "array."
        )
    check_source(x)
    return x


def check_source(x: Any, name: str = "x") -> None:
    """Raises a ValueError if an argument is not a supported kind of data.

    Args:
        x: The data.
        name: Name of the argument, for messages.
    """
    expected = (
        "expected a tf.data.Dataset of batches, an array (n, height, width, channels), "
        "a keras.utils.Sequence or a generator of batches"
    )
    if isinstance(x, tuple):
        expected = "x and y as separate arguments" if name == "x" else "arrays (x, y)"
        raise ValueError(
            f"{name} is a tuple of {len(x)}; expected {expected}, or a tf.data.Dataset "
            "of pairs."
        )
    if isinstance(x, list):
        raise ValueError(
            f"{name} is a list of {len(x)}; expected one array, for example "
            "numpy.stack(images)."
        )
    if x is None or isinstance(x, (dict, str)) or not hasattr(x, "__iter__"):
        # A Sequence of Keras has no __iter__ in every version.
        if not isinstance(x, keras.utils.Sequence):
            came = "None" if x is None else f"a {type(x).__name__}"
            raise ValueError(f"{name} is {came}; {expected}.")


def is_array(x: Any) -> bool:
    """Returns whether `x` is an array or a tensor."""
    return isinstance(x, np.ndarray) or tf.is_tensor(x)


def is_iterator(x: Any) -> bool:
    """Returns whether `x` can be read only once, like a Python generator."""
    return hasattr(x, "__next__")


def peeked(iterator: Iterator[Any], name: str = "data") -> tuple[Any, Iterator[Any]]:
    """Returns the first batch of an iterator, and an iterator over all batches.

    Args:
        iterator: Iterator over batches.
        name: What the data is, for messages.

    Raises:
        ValueError: If there is no batch.
    """
    first = next(iterator, None)
    if first is None:
        raise no_batch(name)

    # Keras expects a generator, and tuples from it.
    def replayed() -> Iterator[tuple[Any, ...]]:
        for batch in itertools.chain([first], iterator):
            yield tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)

    return first, replayed()


def split_arrays(x: Any, y: Any, share: float) -> tuple[Any, Any, tuple[Any, Any]]:
    """Splits the last rows of arrays off for validation, as Keras does.

    Args:
        x: Array `(n, ...)`.
        y: Another array of `n` rows, or None.
        share: Float in (0, 1), the share of rows for validation.

    Returns:
        The remaining rows of `x` and `y`, and the pair for validation.
    """
    n = int(len(x) * (1.0 - share))
    held_out = (x[n:], None if y is None else y[n:])
    return x[:n], None if y is None else y[:n], held_out


def array_batches(
    arrays: tuple[Any, ...], batch_size: int | None, shuffle: bool, seed: int
) -> tf.data.Dataset:
    """Returns a dataset that reads batches from arrays by index.

    Args:
        arrays: Tuple of arrays or tensors with the same number of rows.
        batch_size: Int, rows in a batch, or None for 32. The last may have fewer.
        shuffle: Whether to shuffle the rows in each epoch.
        seed: Int, random seed for shuffling.

    Returns:
        A dataset of tuples that can start at any batch.

    Raises:
        ValueError: If the arrays are empty or have different numbers of rows.
    """
    arrays = tuple(np.asarray(array) for array in arrays)
    rows = [len(array) if array.ndim else 0 for array in arrays]
    if len(set(rows)) > 1:
        raise ValueError(
            f"x has {rows[0]} images, but y has {rows[1]}; expected the same number."
        )
    if not rows[0]:
        raise ValueError(f"x has shape {arrays[0].shape}; expected at least one image.")
    floats = keras.backend.floatx()
    dtypes = [
        floats if np.issubdtype(array.dtype, np.floating) else array.dtype.name
        for array in arrays
    ]

    def read(numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        def gathered(numbers: np.ndarray) -> list[np.ndarray]:
            return [
                array[numbers].astype(dtype, copy=False)
                for array, dtype in zip(arrays, dtypes, strict=True)
            ]

        batch = tf.numpy_function(gathered, [numbers], dtypes)
        return tuple(
            tf.ensure_shape(part, (None, *array.shape[1:]))
            for part, array in zip(batch, arrays, strict=True)
        )

    return indexed_batches(
        read,
        rows[0],
        batch_size or KERAS_BATCH_SIZE,
        shuffle=shuffle,
        seed=seed,
        drop_remainder=False,
    )
