"""Diversity of generated images, as the structural similarity of random pairs."""

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.metrics.estimates import Estimate
from kerasgan.metrics.image_arrays import Images, image_array

# Of the authors of the index: side of the window, and weights of the scales.
WINDOW = 11
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# Pairs that are compared at once.
BATCH_SIZE = 64


def ms_ssim_diversity(images: Images, *, pairs: int = 1000, seed: int = 0) -> Estimate:
    """Returns the mean multi-scale structural similarity of random pairs of images.

    It is 1 if all images are the same. A generator that has collapsed has a higher
    value than real images. The use as a measure of diversity is from "Conditional Image
    Synthesis with Auxiliary Classifier GANs", Odena et al. 2017,
    https://arxiv.org/abs/1610.09585, and the index from "Multiscale structural
    similarity for image quality assessment", Wang et al. 2003,
    https://doi.org/10.1109/ACSSC.2003.1292216.

    Args:
        images: Float images of shape `(n, height, width, channels)` in [-1, 1], or a
            `tf.data.Dataset` of batches of that shape. Sides are at least 11 pixels.
            Images below 176 pixels have fewer scales than the five of the paper, with
            weights in the same proportions: compare only images of the same size.
        pairs: Number of pairs.
        seed: Integer that determines the pairs.

    Returns:
        An `Estimate` over the pairs.

    Raises:
        ValueError: If the images are of another kind, too small, or fewer than two.

    Example:

    >>> similarity, _ = kerasgan.metrics.ms_ssim_diversity(gan.generate(1000, seed=0))
    """
    check_positive(pairs=pairs)
    array = image_array("images", images)
    side = min(array.shape[1:3])
    if len(array) < 2 or side < WINDOW:
        raise ValueError(
            f"images has shape {array.shape}; expected at least 2 images with sides of "
            f"at least {WINDOW} pixels."
        )
    scales = min(len(WEIGHTS), int(np.log2(side / WINDOW)) + 1)
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    random = np.random.default_rng(seed)
    one = random.integers(0, len(array), pairs)
    # Another image, each with the same probability.
    other = (one + random.integers(1, len(array), pairs)) % len(array)
    values = np.concatenate(
        [
            tf.image.ssim_multiscale(
                array[one[i : i + BATCH_SIZE]] + 1.0,
                array[other[i : i + BATCH_SIZE]] + 1.0,
                max_val=2.0,
                power_factors=weights,
            )
            for i in range(0, pairs, BATCH_SIZE)
        ]
    ).astype("float64")
    return Estimate(float(values.mean()), float(values.std() / np.sqrt(pairs)))
