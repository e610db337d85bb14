"""Checks of single arguments, each with a one-sentence error message."""

import difflib
import numbers
from collections.abc import Iterable
from typing import Any


def check_positive(**arguments: Any) -> None:
    """Raises a ValueError if an argument is not a positive integer.

    Args:
        **arguments: The values to check, by the name that the message gives them.

    Raises:
        ValueError: If a value is not an integer, or is below 1.

    Example:

    >>> check_positive(batch_size=0)
    ValueError: batch_size is 0; expected a positive integer.
    """
    for name, value in arguments.items():
        if not is_integer(value) or value < 1:
            raise ValueError(f"{name} is {value!r}; expected a positive integer.")


def is_integer(value: Any) -> bool:
    """Returns whether a value is a Python or NumPy integer, and not a bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raises a ValueError if a value is not one of the choices.

    Args:
        name: Name of the argument, for the message.
        value: The value to check.
        choices: The strings that are allowed. The message suggests those that
            resemble the value, or lists all of them.

    Raises:
        ValueError: If `value` is not in `choices`.

    Example:

    >>> check_choice("attribute", "male", ["Male", "Young"])
    ValueError: attribute is 'male'; did you mean 'Male'?
    """
    choices = list(choices)
    if value in choices:
        return
    near = difflib.get_close_matches(str(value), choices, n=3, cutoff=0.5)
    expected = (
        f"did you mean {' or '.join(map(repr, near))}?"
        if near
        else f"expected one of {', '.join(map(repr, choices))}."
    )
    raise ValueError(f"{name} is {value!r}; {expected}")


def size_pair(size: Any, name: str = "image_size") -> tuple[int, int]:
    """Returns a size as a pair `(height, width)`.

    Args:
        size: Positive integer, which stands for both sides, or a pair of them.
        name: Name of the argument, for the message.

    Raises:
        ValueError: If `size` is neither.

    Example:

    >>> size_pair(64)
    (64, 64)
    """
    pair = size if isinstance(size, (tuple, list)) else (size,) * 2
    if len(pair) != 2:
        raise ValueError(
            f"{name} is {size!r}; expected a positive integer or a pair "
            "(height, width)."
        )
    for side in pair:
        check_positive(**{name: side})
    return int(pair[0]), int(pair[1])


def checked_range(value_range: Any) -> tuple[float, float] | None:
    """Returns `value_range` as a pair of floats, or None.

    Args:
        value_range: Pair of numbers `(low, high)`, or None.

    Raises:
        ValueError: If it is not a pair with low below high.

    Example:

    >>> checked_range([0, 1])
    (0.0, 1.0)
    """
    if value_range is None:
        return None
    pair = tuple(value_range) if isinstance(value_range, (tuple, list)) else ()
    if (
        len(pair) != 2
        or not all(isinstance(bound, numbers.Real) for bound in pair)
        or not pair[0] < pair[1]
    ):
        raise ValueError(
            f"value_range is {value_range!r}; expected a pair (low, high) of numbers."
        )
    return float(pair[0]), float(pair[1])
