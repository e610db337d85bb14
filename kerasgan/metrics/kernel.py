"""The kernel distance between two sets of features."""

import numpy as np
import numpy.typing as npt

from kerasgan.arguments import check_positive, is_integer
from kerasgan.metrics.estimates import Estimate
from kerasgan.metrics.feature_arrays import feature_pair

SUBSET_SIZE = 1000


def kernel_distance(
    real: npt.ArrayLike,
    fake: npt.ArrayLike,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 2020,
) -> Estimate:
    """Returns the squared maximum mean discrepancy with a cubic kernel.

    The kernel of two rows of width d is `(x . y / d + 1)^3`. The value is the mean of
    the unbiased estimates of random subsets. Unlike the Frechet distance, it has no
    bias that depends on the number of images, and is as often below as above 0 if both
    distributions are the same. From "Demystifying MMD GANs", Binkowski et al. 2018,
    https://arxiv.org/abs/1801.01401, which calls it KID with the features of the
    Inception network.

    Args:
        real: Features of real images, of shape `(n, d)`.
        fake: Features of generated images, of shape `(m, d)`.
        subsets: Number of subsets.
        subset_size: Number of rows in a subset, at most n and m. By default 1,000 as
            in the paper, or half of the rows if there are fewer than 2,000.
        seed: Integer that determines the subsets. With the default, they are those of
            torch-fidelity.

    Returns:
        An `Estimate`. The standard error describes how much the value would change
        with other images: it is the standard deviation of the subsets, scaled from
        subsets of the rows to samples of their number. It is NaN if a subset has all
        rows.

    Raises:
        ValueError: If an array has an unsupported shape, or values that are not
            finite.

    Example:

    >>> value, standard_error = kerasgan.metrics.kernel_distance(real, fake)
    """
    check_positive(subsets=subsets)
    real, fake = feature_pair(real, fake)
    n = min(len(real), len(fake))
    size = max(2, min(SUBSET_SIZE, n // 2)) if subset_size is None else subset_size
    if not is_integer(size) or not 2 <= size <= n:
        raise ValueError(
            f"subset_size is {size!r}; expected an integer from 2 to the number of "
            f"rows, {n}."
        )
    # As in torch-fidelity, which draws the subset of generated images first.
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        y = fake[random.choice(len(fake), size, replace=False)]
        x = real[random.choice(len(real), size, replace=False)]
        values.append(_unbiased_discrepancy(x, y))
    # Of a mean of `size` out of n rows, drawn without replacement, the variance is
    # v / size * (1 - size / n), and of a mean of n new rows v / n.
    scale = np.sqrt(size / (n - size)) if size < n else np.nan
    error = scale * np.std(values, ddof=min(1, subsets - 1))
    return Estimate(float(np.mean(values)), float(error))


def _unbiased_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    n, within = len(x), 0.0
    for rows in (x, y):
        kernel = _kernel(rows, rows)
        within += kernel.sum() - kernel.trace()
    return float(within / (n * (n - 1)) - 2.0 * _kernel(x, y).mean())


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Products of float32 features need no more precision, but their sums do.
    kernel = np.asarray(x @ y.T, "float64")
    kernel /= x.shape[1]
    kernel += 1.0
    return kernel * kernel * kernel
