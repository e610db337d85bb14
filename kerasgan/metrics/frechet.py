"""The Frechet distance between two sets of features."""

import dataclasses
import warnings

import numpy as np
import numpy.typing as npt

from kerasgan.arguments import check_positive
from kerasgan.metrics.feature_arrays import check_same_width, feature_array

# Rows that are converted to float64 at once.
BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class FeatureStatistics:
    """The mean and the scatter matrix of a set of features.

    They are all that the Frechet distance needs, so features can be added batch by
    batch, in memory that does not depend on their number.

    Args:
        n: Number of rows.
        mean: Float64 array of shape `(d,)`.
        scatter: Float64 array of shape `(d, d)`, the sum of the outer products of
            `row - mean`.

    Example:

    >>> statistics = FeatureStatistics.empty(2048)
    >>> for batch in batches:
    ...     statistics = statistics.add(extract(batch))
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def empty(cls, width: int) -> "FeatureStatistics":
        """Returns the statistics of no rows of a width."""
        return cls(0, np.zeros(width), np.zeros((width, width)))

    @classmethod
    def of(cls, features: npt.ArrayLike, name: str = "features") -> "FeatureStatistics":
        """Returns the statistics of an array of shape `(n, d)`."""
        rows = feature_array(name, features)
        return cls.empty(rows.shape[1]).add(rows)

    def add(self, features: np.ndarray) -> "FeatureStatistics":
        """Returns the statistics of these rows and more.

        Args:
            features: Array of shape `(m, d)` with at least one row.

        Returns:
            New `FeatureStatistics`. Deviations are taken from the mean of each block,
            so that a large mean costs no precision: Chan et al. 1983, "Algorithms for
            Computing the Sample Variance", https://doi.org/10.1080/00031305.1983.10483115.
        """
        n, mean, scatter = self.n, self.mean, self.scatter.copy()
        for start in range(0, len(features), BLOCK):
            rows = np.asarray(features[start : start + BLOCK], "float64")
            block_mean = rows.mean(axis=0)
            rows = rows - block_mean
            shift = block_mean - mean
            total = n + len(rows)
            scatter += rows.T @ rows
            scatter += np.outer(shift, shift * (n * len(rows) / total))
            n, mean = total, mean + shift * (len(rows) / total)
        return FeatureStatistics(n, mean, scatter)

    def covariance(self, ddof: int = 1) -> np.ndarray:
        """Returns the covariance, the scatter matrix divided by `n - ddof`."""
        return self.scatter / (self.n - ddof)


def frechet_distance(
    real: "npt.ArrayLike | FeatureStatistics",
    fake: "npt.ArrayLike | FeatureStatistics",
    *,
    ddof: int = 1,
) -> float:
    """Returns the Frechet distance between Gaussians fitted to two sets of features.

    With means m and covariances C, the distance is
    `|m_r - m_f|^2 + tr(C_r) + tr(C_f) - 2 tr((C_r C_f)^(1/2))`. It is 0 if mean and
    covariance are the same. The distance of small samples is biased upwards, so compare
    only distances that were computed from the same number of images, or use
    `frechet_distance_infinity`. From "GANs Trained by a Two Time-Scale Update Rule
    Converge to a Local Nash Equilibrium", Heusel et al. 2017,
    https://arxiv.org/abs/1706.08500. The distance is called FID only if the features
    are those of the Inception network used there.

    Args:
        real: Features of real images, an array of shape `(n, d)` with one row for each
            image and at least two rows, or `FeatureStatistics`.
        fake: Features of generated images, of the same width.
        ddof: The covariance is divided by `n - ddof`: 1 as in the authors' code and
            torch-fidelity, or 0 as in the code of StyleGAN.

    Returns:
        The distance, 0 or more. A `UserWarning` is given if there are not more rows
        than columns, because the covariance is singular then.

    Raises:
        ValueError: If an array has an unsupported shape, or values that are not
            finite.

    Example:

    >>> kerasgan.metrics.frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
    9.0
    """
    statistics = _statistics("real", real), _statistics("fake", fake)
    for name, one in zip(("real", "fake"), statistics, strict=True):
        if one.n <= len(one.mean):
            warnings.warn(
                f"{name} has {one.n} rows of {len(one.mean)} features, so its "
                "covariance is singular; expected more rows than features.",
                stacklevel=2,
            )
    return distance_of_statistics(*statistics, ddof)


def _statistics(
    name: str, features: "npt.ArrayLike | FeatureStatistics"
) -> FeatureStatistics:
    if isinstance(features, FeatureStatistics):
        return features
    return FeatureStatistics.of(features, name)


def distance_of_statistics(
    real: FeatureStatistics, fake: FeatureStatistics, ddof: int = 1
) -> float:
    """Returns the Frechet distance, without a warning about few rows."""
    check_same_width(len(real.mean), len(fake.mean))
    a, b = real.covariance(ddof), fake.covariance(ddof)
    spread = np.trace(a) + np.trace(b) - 2.0 * _trace_of_root(a, b)
    return float(((real.mean - fake.mean) ** 2).sum() + max(spread, 0.0))


def _trace_of_root(a: np.ndarray, b: np.ndarray) -> float:
    """Returns `tr((a b)^(1/2))` of two symmetric positive semi-definite matrices.

    With `a = F F^T`, the eigenvalues of `a b` are those of `F^T b F`, which is
    symmetric. Eigenvalues that are 0 up to rounding are left out: their roots would be
    much larger than the rounding errors.
    """
    values, vectors = np.linalg.eigh(a)
    kept = values > _rounding(values)
    factor = vectors[:, kept] * np.sqrt(values[kept])
    values = np.linalg.eigvalsh(factor.T @ b @ factor)
    return float(np.sqrt(values[values > _rounding(values)]).sum())


def _rounding(eigenvalues: np.ndarray) -> float:
    largest = np.abs(eigenvalues).max(initial=0.0)
    return float(largest * len(eigenvalues) * np.finfo("float64").eps)


def frechet_distance_infinity(
    real: "npt.ArrayLike | FeatureStatistics",
    fake: npt.ArrayLike,
    *,
    points: int = 15,
    seed: int = 0,
    ddof: int = 1,
) -> float:
    """Returns the Frechet distance extrapolated to infinitely many generated images.

    The bias of the distance is nearly proportional to one over the number of images.
    Distances of random subsets of growing size are fitted by a line over `1 / n`; the
    value of the line at 0 is returned. The bias of the real images remains. From
    "Effectively Unbiased FID and Inception Score and where to find them", Chong and
    Forsyth 2020, https://arxiv.org/abs/1911.07023, which calls it FID-infinity.

    Args:
        real: As in `frechet_distance`.
        fake: Features of generated images, of shape `(n, d)`.
        points: Number of subsets. Their sizes grow evenly from `n / 10`, or `d + 1` if
            that is larger, to `n`.
        seed: Integer that determines the subsets.
        ddof: As in `frechet_distance`.

    Returns:
        The extrapolated distance. It can be below 0 if the distributions hardly differ.

    Raises:
        ValueError: As in `frechet_distance`, or if there are not enough rows.

    Example:

    >>> kerasgan.metrics.frechet_distance_infinity(real_features, fake_features)
    12.7
    """
    check_positive(points=points)
    statistics = _statistics("real", real)
    rows = feature_array("fake", fake)
    smallest = max(len(rows) // 10, rows.shape[1] + 1)
    if points < 2 or smallest >= len(rows):
        raise ValueError(
            f"fake has {len(rows)} rows of {rows.shape[1]} features, and points is "
            f"{points}; expected more rows than {smallest} and at least 2 points."
        )
    random = np.random.default_rng(seed)
    sizes = np.linspace(smallest, len(rows), points).astype(int)
    distances = []
    for size in sizes:
        chosen = rows[random.choice(len(rows), size, replace=False)]
        subset = FeatureStatistics.of(chosen)
        distances.append(distance_of_statistics(statistics, subset, ddof))
    _, at_zero = np.polyfit(1.0 / sizes, distances, 1)
    return float(at_zero)
