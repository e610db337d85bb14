"""Checks of single arguments, with one sentence for what does not fit."""

import difflib
import numbers


def check_positive(**arguments):
    """Raises a ValueError for an argument that is not a whole number above 0.

    Example:

    >>> check_positive(batch_size=0)
    ValueError: batch_size is 0; expected a whole number of at least 1.
    """
    for name, value in arguments.items():
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ValueError(
                f"{name} is {value!r}; expected a whole number of at least 1."
            )


def check_choice(name, value, choices):
    """Raises a ValueError for a value that is not among the choices.

    The message names the choices that are nearly what came, or else all of them.

    Args:
        name: Name of the argument.
        value: What came.
        choices: The strings to choose from.
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


def size_pair(size, name="image_size"):
    """Returns `(height, width)` for a whole number or a pair of them.

    Args:
        size: What came.
        name: Name of the argument.

    Raises:
        ValueError: If it is neither, or not positive.
    """
    pair = size if isinstance(size, (tuple, list)) else (size,) * 2
    if len(pair) != 2:
        raise ValueError(
            f"{name} is {size!r}; expected a whole number or a pair (height, width)."
        )
    for side in pair:
        check_positive(**{name: side})
    return int(pair[0]), int(pair[1])
