"""The sliced Wasserstein distance between patches of images, which needs no network."""

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.metrics.image_arrays import Images, image_array

# Of the authors: side of a patch, and the smallest level of the pyramid.
PATCH = 7
SMALLEST = 16
# The binomial filter of Burt and Adelson.
BINOMIAL = np.array([1.0, 4.0, 6.0, 4.0, 1.0], "float32") / 16.0


def sliced_wasserstein_distance(
    real: Images,
    fake: Images,
    *,
    patches: int = 128,
    directions: int = 512,
    seed: int = 0,
) -> dict[str, float]:
    """Returns distances between patches of real and generated images, at each scale.

    Each image becomes a Laplacian pyramid. At each level, random patches of 7 x 7
    pixels of both sets are projected on random directions, and sorted: their mean
    absolute difference is the Wasserstein distance in one dimension. A large value at
    `"16"` means that large structures differ, and at the full size that textures do.
    From "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
    Karras et al. 2018, https://arxiv.org/abs/1710.10196.

    Args:
        real: Float images of shape `(n, height, width, channels)` in [-1, 1], or a
            `tf.data.Dataset` of batches of that shape. Sides are at least 16 pixels.
        fake: Generated images of the same shape. The first `min(n, m)` images of both
            sets are compared.
        patches: Number of patches of each image and level.
        directions: Number of directions.
        seed: Integer that determines the patches and the directions.

    Returns:
        A dict of floats: the distance at each level, multiplied by 1,000 as in the
        paper, under the shorter side in pixels, and their `mean`.

    Raises:
        ValueError: If the images are of another kind, too small, or differ in shape.

    Example:

    >>> kerasgan.metrics.sliced_wasserstein_distance(real, fake)
    {'64': 8.1, '32': 6.2, '16': 10.4, 'mean': 8.2}
    """
    check_positive(patches=patches, directions=directions)
    real, fake = image_array("real", real), image_array("fake", fake)
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"fake has images of shape {fake.shape[1:]}; expected {real.shape[1:]}, as "
            "real has."
        )
    if min(real.shape[1:3]) < SMALLEST:
        raise ValueError(
            f"real has images of shape {real.shape[1:]}; expected sides of at least "
            f"{SMALLEST} pixels."
        )
    n = min(len(real), len(fake))
    random = np.random.default_rng(seed)
    distances = {}
    pyramids = (laplacian_pyramid(images[:n]) for images in (real, fake))
    for level, other in zip(*pyramids, strict=True):
        a, b = (_normalized_patches(x, patches, random) for x in (level, other))
        side = str(min(level.shape[1:3]))
        distances[side] = 1000.0 * _sliced_distance(a, b, directions, random)
    return {**distances, "mean": float(np.mean([*distances.values()]))}


def laplacian_pyramid(images: np.ndarray) -> list[np.ndarray]:
    """Returns the differences between each level and the next, and the last level.

    Args:
        images: Float32 array of shape `(n, height, width, channels)`.

    Returns:
        A list of arrays, largest first. The shorter side of the last is below 32.
    """
    levels, level = [], images
    while min(level.shape[1:3]) >= 2 * SMALLEST:
        smaller = _filtered(level)[:, ::2, ::2]
        pixels = np.zeros_like(level)
        pixels[:, ::2, ::2] = smaller
        levels.append(level - 4.0 * _filtered(pixels))
        level = smaller
    return [*levels, level]


def _filtered(images: np.ndarray) -> np.ndarray:
    """Applies the binomial filter; images are mirrored at their edges."""
    padded = tf.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)], "REFLECT")
    kernel = np.multiply.outer(BINOMIAL, BINOMIAL)[:, :, None, None]
    kernel = np.repeat(kernel, images.shape[-1], axis=2)
    return tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID").numpy()


def _normalized_patches(
    images: np.ndarray, patches: int, random: np.random.Generator
) -> np.ndarray:
    """Returns random patches as rows, with mean 0 and deviation 1 in each channel."""
    n, height, width, channels = images.shape
    y = random.integers(0, height - PATCH + 1, (n, patches, 1, 1))
    x = random.integers(0, width - PATCH + 1, (n, patches, 1, 1))
    side = np.arange(PATCH)
    numbers = np.arange(n)[:, None, None, None]
    rows = images[numbers, y + side[:, None], x + side].astype("float32")
    rows -= rows.mean(axis=(0, 1, 2, 3), dtype="float64").astype("float32")
    deviation = rows.std(axis=(0, 1, 2, 3), dtype="float64").astype("float32")
    # A channel that is the same everywhere has no deviation.
    rows /= np.where(deviation > 0.0, deviation, 1.0)
    return rows.reshape(n * patches, PATCH * PATCH * channels)


def _sliced_distance(
    a: np.ndarray, b: np.ndarray, directions: int, random: np.random.Generator
) -> float:
    distances = []
    for _ in range(directions):
        direction = random.normal(size=a.shape[1])
        direction = (direction / np.linalg.norm(direction)).astype(a.dtype)
        difference = np.sort(a @ direction) - np.sort(b @ direction)
        distances.append(np.abs(difference).mean(dtype="float64"))
    return float(np.mean(distances))
