"""The Frechet distance between two sets of features."""

import numpy as np


def frechet_distance(features_a, features_b):
    """Returns the Frechet distance of the Gaussians fitted to two sets of features.

    With means m and covariances C it is
    `|m_a - m_b|^2 + tr(C_a) + tr(C_b) - 2 tr((C_a C_b)^(1/2))`, and 0 for the same
    mean and covariance. Fewer rows than columns are fine, but the distance of small
    samples is biased upwards: compare only distances between as many images. From
    "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", Heusel et al. 2017, https://arxiv.org/abs/1706.08500, where the
    features are those of an Inception network.

    Args:
        features_a: Array `(n, d)`, one row an image, of at least two rows.
        features_b: Array `(m, d)`.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: If the arrays are not such, or hold values that are not finite.

    Example:

    >>> kerasgan.metrics.frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
    9.0
    """
    (mean_a, root_a), (mean_b, root_b) = (
        _gaussian(name, features)
        for name, features in (("features_a", features_a), ("features_b", features_b))
    )
    if len(mean_a) != len(mean_b):
        raise ValueError(
            f"features_b has {len(mean_b)} columns, but features_a has {len(mean_a)}; "
            "expected as many."
        )
    # C = R^T R. The eigenvalues of C_a C_b are the squared singular values of
    # R_a R_b^T: no matrix is inverted, and no root taken of what rounding left
    # below 0.
    shared = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = (root_a**2).sum() + (root_b**2).sum() - 2.0 * shared
    return float(((mean_a - mean_b) ** 2).sum() + max(spread, 0.0))


def _gaussian(name, features):
    """Returns the mean of features, and a root R of their covariance, C = R^T R."""
    features = np.asarray(features, "float64")
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"{name} has shape {features.shape}; expected (n, d) with n at least 2."
        )
    if not np.isfinite(features).all():
        raise ValueError(f"{name} has values that are not finite; expected numbers.")
    mean = features.mean(axis=0)
    centred = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.linalg.qr(centred, mode="r")
