"""Precision, recall, density and coverage, from distances to nearest neighbors."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kerasgan.arguments import check_positive
from kerasgan.metrics.feature_arrays import feature_pair

# Rows of a block: two blocks of distances take 64 MiB.
BLOCK = 2048


def prdc(
    real: npt.ArrayLike, fake: npt.ArrayLike, *, k: int = 5, inclusive: bool = False
) -> dict[str, float]:
    """Returns precision, recall, density and coverage of generated images.

    Around each image of a set lies a ball that reaches to its k-th nearest neighbor in
    the same set. Together, the balls are an estimate of where the distribution is.

    - `precision`: fraction of the generated images inside the ball of a real image;
    - `recall`: fraction of the real images inside the ball of a generated image;
    - `density`: mean number of balls of real images that contain a generated image,
      divided by k. It can be above 1;
    - `coverage`: fraction of the real images whose ball contains a generated image.

    Precision and recall are from "Improved Precision and Recall Metric for Assessing
    Generative Models", Kynkaanniemi et al. 2019, https://arxiv.org/abs/1904.06991;
    density and coverage from "Reliable Fidelity and Diversity Metrics for Generative
    Models", Naeem et al. 2020, https://arxiv.org/abs/2002.09797.

    Args:
        real: Features of real images, of shape `(n, d)` with more than k rows.
        fake: Features of generated images, of shape `(m, d)` with more than k rows.
        k: Number of the neighbor that a ball reaches to. The package `prdc` uses 5,
            and StyleGAN and torch-fidelity 3.
        inclusive: Whether an image at exactly the radius is inside a ball: False as in
            the package `prdc`, True as in StyleGAN and torch-fidelity.

    Returns:
        A dict of the four floats.

    Raises:
        ValueError: If an array has an unsupported shape, or values that are not
            finite.

    Example:

    >>> kerasgan.metrics.prdc(real_features, fake_features)["coverage"]
    0.82
    """
    check_positive(k=k)
    real, fake = feature_pair(real, fake, least=k + 1)
    real_radii, fake_radii = (squared_radii(rows, k) for rows in (real, fake))
    inside = np.less_equal if inclusive else np.less
    balls_around = np.zeros(len(fake), int)
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows, columns, distances in blocks(real, fake):
        in_real = inside(distances, real_radii[rows, None])
        balls_around[columns] += in_real.sum(axis=0)
        covered[rows] |= in_real.any(axis=1)
        recalled[rows] |= inside(distances, fake_radii[columns]).any(axis=1)
    return {
        "precision": float((balls_around > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(balls_around.mean() / k),
        "coverage": float(covered.mean()),
    }


def squared_radii(rows: np.ndarray, k: int) -> np.ndarray:
    """Returns the squared distance of each row to its k-th nearest other row.

    Args:
        rows: Float array of shape `(n, d)` with more than k rows.
        k: Number of the neighbor.
    """
    nearest = np.full((len(rows), k), np.inf)
    for one, other, distances in blocks(rows, rows):
        if one.start == other.start:
            np.fill_diagonal(distances, np.inf)
        else:
            nearest[other] = _smallest(nearest[other], distances.T)
        nearest[one] = _smallest(nearest[one], distances)
    return nearest.max(axis=1)


def _smallest(nearest: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Returns the k smallest values of each row, in any order."""
    k = nearest.shape[1]
    if distances.shape[1] > k:
        distances = np.partition(distances, k - 1, axis=1)[:, :k]
    both = np.concatenate([nearest, distances], axis=1)
    return np.partition(both, k - 1, axis=1)[:, :k]


def blocks(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yields slices of rows of both arrays, and their squared Euclidean distances.

    If `b` is `a`, blocks below the diagonal, which mirror others, are left out.
    """
    # Distances from a common center are the same, and a large mean costs no precision.
    center = a.mean(axis=0, dtype="float64")
    for i in range(0, len(a), BLOCK):
        one = slice(i, min(i + BLOCK, len(a)))
        x = a[one] - center
        for j in range(i if b is a else 0, len(b), BLOCK):
            other = slice(j, min(j + BLOCK, len(b)))
            y = b[other] - center
            distances = x @ y.T
            distances *= -2.0
            distances += np.einsum("ij,ij->i", x, x)[:, None]
            distances += np.einsum("ij,ij->i", y, y)
            yield one, other, np.maximum(distances, 0.0, out=distances)
