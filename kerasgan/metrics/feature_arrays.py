"""Checks the features that metrics compare."""

import numpy as np
import numpy.typing as npt


def feature_array(name: str, features: npt.ArrayLike, least: int = 2) -> np.ndarray:
    """Returns features as a float array, float32 if they are float32.

    Args:
        name: Name of the argument, for error messages.
        features: Array of shape `(n, d)`, one row for each image.
        least: Smallest number of rows.

    Raises:
        ValueError: If the shape is another, or if values are not finite.
    """
    rows = np.asarray(features)
    if rows.dtype != np.float32:
        rows = rows.astype("float64")
    if rows.ndim != 2 or len(rows) < least or not rows.shape[1]:
        raise ValueError(
            f"{name} has shape {rows.shape}; expected (n, d) with n at least {least}."
        )
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} has values that are not finite; expected numbers.")
    return rows


def feature_pair(
    real: npt.ArrayLike, fake: npt.ArrayLike, least: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Returns features of real and generated images, checked like `feature_array`.

    Args:
        real: Array of shape `(n, d)`.
        fake: Array of shape `(m, d)`.
        least: Smallest number of rows.

    Raises:
        ValueError: As in `feature_array`, or if the arrays differ in width.
    """
    pair = feature_array("real", real, least), feature_array("fake", fake, least)
    check_same_width(*(rows.shape[1] for rows in pair))
    return pair


def check_same_width(real: int, fake: int) -> None:
    """Raises a ValueError if two sets of features differ in width."""
    if real != fake:
        raise ValueError(f"fake has {fake} columns; expected {real}, as real has.")
