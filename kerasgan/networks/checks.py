"""Checks of what the networks from images to images or maps are asked for."""

import numbers

from kerasgan.arguments import check_positive


def check_image_shape(image_shape, step=1, least=1):
    """Returns `image_shape` as `(height, width, channels)` of ints and Nones.

    Args:
        image_shape: Tuple `(height, width, channels)`. A side may be None, which
            stands for any.
        step: Int, what each known side must be a multiple of.
        least: Int, the smallest side.

    Raises:
        ValueError: If it is no such tuple, or a side does not fit.

    Example:

    >>> check_image_shape((70, 64, 3), step=4)
    ValueError: image_shape: height is 70; expected a multiple of 4, of which 68 and
    72 are the nearest.
    """
    parts = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    whole = [isinstance(part, numbers.Integral) for part in parts]
    known = [side is None or ok for side, ok in zip(parts, whole, strict=True)]
    if len(parts) != 3 or not all(known) or not whole[2]:
        raise ValueError(
            f"image_shape is {image_shape!r}; expected (height, width, channels), "
            "whole numbers of which height and width may be None."
        )
    for name, side in zip(("height", "width"), parts, strict=False):
        if side is None:
            continue
        if side < least:
            raise ValueError(
                f"image_shape: {name} is {side}; expected at least {least}."
            )
        below = int(side) // step * step
        if side != below:
            raise ValueError(
                f"image_shape: {name} is {side}; expected a multiple of {step}, of "
                f"which {below} and {below + step} are the nearest."
            )
    check_positive(**{"image_shape: channels": parts[2]})
    return tuple(part if part is None else int(part) for part in parts)


def check_dropout(dropout):
    """Raises a ValueError for a dropout that is not a number in [0, 1)."""
    if not isinstance(dropout, numbers.Real) or not 0 <= dropout < 1:
        raise ValueError(
            f"dropout is {dropout!r}; expected a number of at least 0 and below 1."
        )
