"""The Inception score of a set of class predictions."""

import numpy as np
import numpy.typing as npt

from kerasgan.arguments import check_positive
from kerasgan.metrics.estimates import Estimate
from kerasgan.metrics.feature_arrays import feature_array


def inception_score(
    logits: npt.ArrayLike, *, splits: int = 10, seed: int | None = 2020
) -> Estimate:
    """Returns the exponential of the mean divergence of predictions from their mean.

    The score is high if each image is clearly of one class, and all classes occur: it
    is between 1 and the number of classes. It sees no real images. From "Improved
    Techniques for Training GANs", Salimans et al. 2016,
    https://arxiv.org/abs/1606.03498.

    Args:
        logits: Outputs of a classifier before the softmax, of shape `(n, classes)`.
        splits: Number of parts of which the score is the mean. Each has at least one
            row.
        seed: Integer that determines the order of the rows before they are split, or
            None to keep the order. With the default, it is that of torch-fidelity.

    Returns:
        An `Estimate`. The standard error is that of a mean of `splits` parts. Papers
        report the standard deviation of the parts, which is `sqrt(splits)` times
        larger.

    Raises:
        ValueError: If the array has an unsupported shape, fewer rows than `splits`, or
            values that are not finite.

    Example:

    >>> score, standard_error = kerasgan.metrics.inception_score(logits)
    """
    check_positive(splits=splits)
    rows = feature_array("logits", logits, least=splits).astype("float64")
    if seed is not None:
        rows = rows[np.random.RandomState(seed).permutation(len(rows))]
    rows = rows - rows.max(axis=1, keepdims=True)
    log_p = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    n, scores = len(rows), []
    for split in range(splits):
        part = log_p[split * n // splits : (split + 1) * n // splits]
        p = np.exp(part)
        # A class without any probability contributes nothing.
        log_mean = np.log(np.maximum(p.mean(axis=0), np.finfo("float64").tiny))
        scores.append(np.exp((p * (part - log_mean)).sum(axis=1).mean()))
    error = np.std(scores) / np.sqrt(splits)
    return Estimate(float(np.mean(scores)), float(error))
