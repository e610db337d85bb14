"""The Frechet distance between two sets of features."""

import numpy as np
import numpy.typing as npt


def frechet_distance(
    features_a: npt.ArrayLike,
    features_b: npt.ArrayLike,
) -> float:
    """Returns the Frechet distance between Gaussians fitted to two sets of features.

    With means m and covariances C, the distance is
    `|m_a - m_b|^2 + tr(C_a) + tr(C_b) - 2 tr((C_a C_b)^(1/2))`. It is 0 if mean and
    covariance are the same. There may be fewer rows than columns, but the distance
    of small samples is biased upwards: compare only distances that were computed from
    the same number of images. From "GANs Trained by a Two Time-Scale Update Rule
    Converge to a Local Nash Equilibrium", Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500, which uses the features of an Inception network.

    Args:
        features_a: Array of shape `(n, d)`, one row for each image, with at least two
            rows.
        features_b: Array of shape `(m, d)`, with at least two rows.

    Returns:
        The distance, 0 or more.

    Raises:
        ValueError: If an array has an unsupported shape, or values that are not
            finite.

    Example:

    >>> kerasgan.metrics.frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
    9.0
    """
    mean_a, root_a = _fit_gaussian("features_a", features_a)
    mean_b, root_b = _fit_gaussian("features_b", features_b)
    if len(mean_a) != len(mean_b):
        raise ValueError(
            f"features_b has {len(mean_b)} columns; expected {len(mean_a)}, as "
            "features_a has."
        )
    # With C = R^T R, the eigenvalues of C_a C_b are the squared singular values of
    # R_a R_b^T. This needs no inverse, and no root of a number that rounding made
    # negative.
    shared = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = (root_a**2).sum() + (root_b**2).sum() - 2.0 * shared
    return float(((mean_a - mean_b) ** 2).sum() + max(spread, 0.0))


def _fit_gaussian(name: str, features: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean, and a root R of the covariance C = R^T R."""
    rows = np.asarray(features, "float64")
    if rows.ndim != 2 or len(rows) < 2:
        raise ValueError(
            f"{name} has shape {rows.shape}; expected (n, d) with n at least 2."
        )
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} has values that are not finite; expected numbers.")
    mean = rows.mean(axis=0)
    centered = (rows - mean) / np.sqrt(len(rows) - 1)
    return mean, np.asarray(np.linalg.qr(centered, mode="r"))
