"""Checks of the arguments that several networks take."""

import numbers
from collections.abc import Sequence
from typing import Any

from kerasgan.arguments import check_positive, is_integer

ImageShape = Sequence[int | None]


def check_image_shape(
    image_shape: Any, multiple_of: int = 1, minimum: int = 1
) -> tuple[int | None, int | None, int]:
    """Returns `image_shape` as a tuple of Python ints, with None for unknown sides.

    Args:
        image_shape: Tuple `(height, width, channels)`. Height and width may be None,
            for images of any size.
        multiple_of: Number that each known side must be a multiple of.
        minimum: Smallest side that is allowed.

    Raises:
        ValueError: If `image_shape` is no such tuple, or the network does not
            support a side.

    Example:

    >>> check_image_shape((70, 64, 3), multiple_of=4)
    ValueError: image_shape: height is 70; expected a multiple of 4 (nearest: 68, 72).
    """
    parts = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if (
        len(parts) != 3
        or not all(side is None or is_integer(side) for side in parts[:2])
        or not is_integer(parts[2])
    ):
        raise ValueError(
            f"image_shape is {image_shape!r}; expected integers (height, width, "
            "channels), of which height and width may be None."
        )
    check_positive(**{"image_shape: channels": parts[2]})
    for name, side in zip(("height", "width"), parts, strict=False):
        if side is None:
            continue
        if side < minimum:
            raise ValueError(
                f"image_shape: {name} is {side}; expected at least {minimum}."
            )
        below = int(side) // multiple_of * multiple_of
        if side != below:
            raise ValueError(
                f"image_shape: {name} is {side}; expected a multiple of {multiple_of} "
                f"(nearest: {below}, {below + multiple_of})."
            )
    height, width = (None if side is None else int(side) for side in parts[:2])
    return height, width, int(parts[2])


def check_dropout(dropout: Any) -> None:
    """Raises a ValueError if `dropout` is not a number in [0, 1)."""
    is_rate = isinstance(dropout, numbers.Real) and 0 <= float(dropout) < 1
    if not is_rate:
        raise ValueError(f"dropout is {dropout!r}; expected a number in [0, 1).")
