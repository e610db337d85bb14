"""Checks of the first batches of data, before the first step."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.inspection import (
    Shape,
    output_activation,
    output_range,
    shapes_match,
)

# Number of images that the checks look at.
CHECKED_IMAGES = 64
# How far values may lie outside of a range, from rounding.
SLACK = 1e-3


def no_batch(name: str = "data") -> ValueError:
    """Returns the error for data without a batch."""
    return ValueError(f"{name} yields no batch; expected at least one.")


def first_batches(x: Any, y: Any = None, name: str = "data") -> list[Any]:
    """Returns the first batches of a dataset or of arrays.

    Args:
        x: A `tf.data.Dataset`, an array, a `keras.utils.Sequence`, or a list of
            batches.
        y: Array of targets, if `x` is an array.
        name: What the data is, for messages.

    Returns:
        A list of batches with at least `CHECKED_IMAGES` images, if there are so many.

    Raises:
        ValueError: If a dataset is empty.
    """
    if isinstance(x, list):
        return x
    if isinstance(x, tf.data.Dataset):
        batches: list[Any] = []
        for batch in x.take(CHECKED_IMAGES):
            batches.append(tf.nest.map_structure(np.asarray, batch))
            if sum(len(tf.nest.flatten(b)[0]) for b in batches) >= CHECKED_IMAGES:
                break
        if not batches:
            raise no_batch(name)
        return batches
    if isinstance(x, keras.utils.Sequence):
        if not len(x):
            raise no_batch(name)
        return [x[0]]
    parts = (x,) if y is None else (x, y)
    return [tuple(np.asarray(part[:CHECKED_IMAGES]) for part in parts)]


def parts_of(batch: Any) -> tuple[Any, ...]:
    """Returns the parts of a batch: one for images alone, two for pairs."""
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)


def check_structure(
    batch: Any, name: str, count: int, reason: str, expected: str
) -> None:
    """Raises a ValueError if a batch does not have the expected parts.

    Args:
        batch: A batch, as `fit` yields it.
        name: What the data is, for messages.
        count: Number of parts: 1 for images alone, 2 for pairs.
        reason: Why that many are expected, for messages.
        expected: What is expected, for messages.
    """
    parts = parts_of(batch)
    nested = any(isinstance(part, (dict, tuple, list, type(None))) for part in parts)
    if nested or len(parts) != count:
        raise ValueError(
            f"{name} yields {_described(batch)}, but {reason}; expected {expected}."
        )
    shapes = [np.shape(part) for part in parts]
    if len({shape[:1] for shape in shapes}) > 1:
        counts = " and ".join(str(shape[0]) for shape in shapes)
        raise ValueError(
            f"{name} yields batches of {counts} images; expected the same number."
        )


def _described(batch: Any) -> str:
    """Returns the structure of a batch in words."""
    if isinstance(batch, dict):
        return f"a dict with the keys {', '.join(map(repr, batch))}"
    if isinstance(batch, (tuple, list)):
        if not any(isinstance(part, (tuple, list, dict)) for part in batch):
            return "images alone" if len(batch) == 1 else f"tuples of {len(batch)}"
        inner = ", ".join(
            "(...)" if isinstance(part, (tuple, list, dict)) else "images"
            for part in batch
        )
        return f"nested tuples ({inner})"
    return "images alone"


def check_images(
    batches: Sequence[Any],
    name: str,
    shape: Shape,
    generator: keras.Model,
    value_range: tuple[float, float] | None,
    taken_by: str = "discriminator",
) -> None:
    """Raises a ValueError for images that a model cannot train on.

    Args:
        batches: Arrays of images, one for each of the first batches.
        name: What the images are, for messages.
        shape: The image shape that a network takes.
        generator: The generator of such images, for messages.
        value_range: The range of its images, or None if it is unknown.
        taken_by: Role of the network that takes the images.
    """
    images = [np.asarray(batch) for batch in batches]
    if not images:
        return
    got = images[0].shape[1:]
    if not shapes_match(got, shape):
        raise ValueError(
            f"{name} has images of shape {got}, but {taken_by} takes images of shape "
            f"{shape}; expected the same shape."
        )
    for batch in images:
        wrong = batch.size - np.count_nonzero(np.isfinite(batch))
        if wrong:
            raise ValueError(
                f"{name} has {wrong} values in its first batches that are NaN or "
                "infinite; expected finite numbers."
            )
    if value_range is None:
        return
    low, high = value_range
    least = float(min(batch.min() for batch in images))
    most = float(max(batch.max() for batch in images))
    # Images without a negative value were probably not scaled from [0, 1] to [-1, 1].
    unmoved = low < 0 and least >= 0
    if least < low - SLACK or most > high + SLACK or unmoved:
        activation = output_activation(generator)
        reason = f"the model's value_range is ({low:g}, {high:g})"
        if activation and output_range(generator) == value_range:
            reason = f"generator ends in {activation}"
        raise ValueError(
            f"{name} has values from {least:.3g} to {most:.3g}, but {reason}; expected "
            f"values in [{low:g}, {high:g}]{_advice(least, most, value_range)}."
        )


def _advice(least: float, most: float, value_range: tuple[float, float]) -> str:
    """Returns how to map images to a range, or an empty string if it is unclear."""
    if least < 0 or most > 255:
        return ""
    low, high = value_range
    largest = 255.0 if most > 2 else 1.0
    if (low, high) == (0.0, 1.0) and largest == 255.0:
        return ": map them with x / 255"
    if (low, high) != (-1.0, 1.0):
        return ""
    formula = "x / 127.5 - 1" if largest == 255.0 else "2 * x - 1"
    return f": map them with {formula}"
