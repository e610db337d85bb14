"""Measures of training failures that losses do not show.

All of them take a few images and use NumPy. None of them changes a network.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerasgan.images import images_at_once

# Distances are measured between images of at most this height and width in pixels.
MAX_SIDE = 32
# Two images are different if their distance is at least this fraction of the mean
# distance of two images of the data. Of 64 points in a plane (a generator that uses two
# of its latents), dozens are still different; of points on a line, about nine.
DIFFERENT = 0.25
# Standard deviation of the noise that must not hurt a translation, as a fraction of the
# range of its images: five gray levels of 255, which are hardly visible.
NOISE = 0.02
# A logit whose probability is as good as 1.
LARGE_LOGIT = 14.0


def small_images(images: npt.ArrayLike) -> np.ndarray:
    """Averages images over areas, down to at most 32x32 pixels.

    Noise then has little effect on distances.

    Args:
        images: Float array `(n, height, width, channels)`.

    Returns:
        A float32 array `(n, small_height, small_width, channels)`.
    """
    images = np.asarray(images, "float32")
    height, width = images.shape[1:3]
    if height <= MAX_SIDE and width <= MAX_SIDE:
        return images
    size = (min(MAX_SIDE, height), min(MAX_SIDE, width))
    step = images_at_once(height, width)
    return np.concatenate(
        [
            tf.image.resize(images[i : i + step], size, method="area").numpy()
            for i in range(0, len(images), step)
        ]
    )


def distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the Euclidean distances between two sets of images.

    Args:
        images: Float array `(n, height, width, channels)`.
        others: Float array `(m, height, width, channels)`.

    Returns:
        A float64 array `(n, m)`.
    """
    x, y = (np.reshape(i, (len(i), -1)).astype("float64") for i in (images, others))
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2.0 * x @ y.T
    return np.sqrt(np.maximum(squares, 0.0))


def typical_distance(images: np.ndarray) -> float:
    """Returns the mean distance of two different images of a set."""
    n = len(images)
    return float(distances(images, images).sum() / (n * (n - 1)))


def count_different(images: np.ndarray, typical: float) -> int:
    """Counts the images of a set that are different from one another.

    Unlike the mean distance, the count is also low if a set repeats a few images that
    are very different from one another.

    Args:
        images: Float array `(n, height, width, channels)`.
        typical: Typical distance of two images of the data. Images are different from
            `DIFFERENT` times this distance on.

    Returns:
        An int from 1 to `n`.
    """
    between = distances(images, images)
    counted: list[int] = []
    for i in range(len(images)):
        if (between[i, counted] >= DIFFERENT * typical).all():
            counted.append(i)
    return len(counted)


def nearest(
    images: np.ndarray, others: np.ndarray, exclude_self: bool = False
) -> float:
    """Returns the median distance of images to their nearest neighbors among others.

    Mirrored neighbors count too, because training data is often flipped.

    Args:
        images: Float array `(n, height, width, channels)`.
        others: Float array `(m, height, width, channels)` with `m` at least 2.
        exclude_self: Whether `images` are the first `n` of `others`. No image is then
            its own neighbor.
    """
    plain, mirrored = distances(images, others), distances(images, others[:, :, ::-1])
    either = np.minimum(plain, mirrored)
    if exclude_self:
        rows = np.arange(len(images))
        either[rows, rows] = np.inf
    return float(np.median(either.min(axis=1)))


def mean_difference(images: np.ndarray) -> float:
    """Returns the mean absolute difference of neighboring images of a set.

    Args:
        images: Float array `(n, height, width, channels)` with `n` at least 2.
    """
    # One pair at a time, because images may be large.
    pairs = zip(images, np.roll(images, 1, axis=0), strict=True)
    return float(np.mean([np.abs(first - second).mean() for first, second in pairs]))


def changes(images: np.ndarray, translated: np.ndarray) -> np.ndarray:
    """Returns the mean absolute change of each image.

    Args:
        images: Float array `(n, height, width, channels)`.
        translated: Their translations, of the same shape and range.

    Returns:
        A float array `(n,)`.
    """
    return np.abs(translated - images).mean(axis=(1, 2, 3))


def brightness_correlations(images: np.ndarray, translated: np.ndarray) -> np.ndarray:
    """Returns the correlation of each image with its translation, in [-1, 1].

    It is computed over the pixels of an image, each the mean of its channels. Changes
    of hue have no effect.

    Args:
        images: Float array `(n, height, width, channels)`.
        translated: Float array `(n, height, width, other_channels)`.

    Returns:
        A float array `(n,)`.
    """
    x, y = (i.mean(-1).reshape(len(i), -1) for i in (images, translated))
    x, y = (i - i.mean(1, keepdims=True) for i in (x, y))
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return (x * y).sum(1) / np.maximum(lengths, 1e-9)


def cycle_errors_under_noise(
    translate_back: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    translated: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Measures whether translations hide the images they were made from.

    A generator may hide an image in a faint pattern that the other generator reads, so
    that the cycle closes whatever the translation shows. Faint noise destroys the
    pattern, and the cycle error then rises by much more than the noise. From "CycleGAN,
    a Master of Steganography", Chu et al. 2017, section 4,
    https://arxiv.org/abs/1712.02950.

    Args:
        translate_back: Function from translations to images, both in [0, 1].
        images: Float array `(n, height, width, channels)` in [0, 1].
        translated: Their translations in [0, 1].
        generator: Draws the noise.

    Returns:
        A float array `(3,)`: the mean absolute error of the cycle, the same with noise
        in the translations, and the mean absolute value of the noise.
    """
    noise = generator.normal(0.0, NOISE, translated.shape).astype("float32")
    clean = np.abs(translate_back(translated) - images).mean()
    noisy = np.abs(translate_back(translated + noise) - images).mean()
    return np.array([clean, noisy, np.abs(noise).mean()], "float64")


def loss_bounds(loss_fn: Any, label_noise: float = 0.0) -> tuple[float, float] | None:
    """Returns a discriminator's loss if it is always right, and if it only guesses.

    Args:
        loss_fn: An adversarial loss, on logits or on outputs between 0 and 1.
        label_noise: The most by which labels are moved.

    Returns:
        A pair of floats: the lowest mean loss, and the lowest mean loss of a
        discriminator that gives the same output for every image. None if the loss has
        no lower bound, if outputs of any size lower it further, or if both are equal.
    """
    right = 1.0 - label_noise / 2.0
    logit = math.log(right / (1.0 - right)) if label_noise else LARGE_LOGIT
    # An even sample of the labels, which are drawn uniformly.
    noise = label_noise * (tf.range(256.0)[:, None] + 0.5) / 256.0
    labels = {"labels": (1.0 - noise, noise)} if label_noise else {}

    def loss(real: float, fake: float) -> float:
        outputs = (tf.fill(noise.shape, output) for output in (real, fake))
        return float(loss_fn.discriminator_loss(*outputs, **labels))

    best = min(loss(right, 1.0 - right), loss(logit, -logit))
    guessing = min(loss(0.5, 0.5), loss(0.0, 0.0))
    if best < 0.0 or guessing - best < 1e-6:
        return None
    # Of a loss that still falls, for example of two outputs' difference, `best` says
    # nothing.
    falls = best - loss(2.0 * logit, -2.0 * logit) > 1e-3 * (guessing - best)
    return None if falls else (best, guessing)


def gradient_reach(
    discriminator: keras.Model,
    loss_fn: Any,
    images: npt.ArrayLike,
    real_outputs: tf.Tensor,
    value_range: tuple[float, float],
) -> np.ndarray:
    """Returns how far the generator's loss could fall if its images changed.

    For each image it is the length of the gradient of the loss, times the length of a
    step of a quarter of the range in every pixel: to first order, the decrease of the
    loss along the best step of that length.

    Args:
        discriminator: A Keras model from images to outputs.
        loss_fn: An adversarial loss.
        images: Generated images, a float array `(n, height, width, channels)`.
        real_outputs: The discriminator's outputs for real images, or one mean output.
            They are broadcast to the outputs for `images`.
        value_range: Pair of floats, the range of the images.

    Returns:
        A float array `(n,)`.
    """
    watched = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        outputs = tf.cast(discriminator(watched, training=False), "float32")
        real = tf.broadcast_to(tf.cast(real_outputs, "float32"), tf.shape(outputs))
        loss = loss_fn.generator_loss(outputs, real)
    n = len(watched)
    gradient = tape.gradient(loss, watched).numpy().reshape(n, -1)
    step = (value_range[1] - value_range[0]) / 4.0 * math.sqrt(gradient.shape[1])
    # The loss is a mean over images, so the gradient of one image's loss is `n` times
    # as long.
    return np.linalg.norm(gradient, axis=1) * n * step
