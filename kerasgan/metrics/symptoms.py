"""Measures of what goes wrong in adversarial training and no loss shows.

All of them take a few images and NumPy's arithmetic, and none changes a network.
"""

import math

import numpy as np
import tensorflow as tf

# Distances are taken between images of at most this height and width, in pixels.
SIDE = 32
# Two images are different if they are further apart than this part of the mean
# distance of two images of the data. Points of a plane, a generator's of two latents,
# still count as dozens of different images among 64, those of a line as nine.
DIFFERENT = 0.25
# Standard deviation of the noise that must not hurt a translation, as a part of the
# range of its images: five grey levels of 255, which no eye minds.
NOISE = 0.02


def small_images(images):
    """Returns images, float `(n, height, width, channels)`, of at most `SIDE` pixels.

    What is larger is averaged over areas, so that noise does not decide distances.
    """
    images = np.asarray(images, "float32")
    size = [min(SIDE, side) for side in images.shape[1:3]]
    if size == list(images.shape[1:3]):
        return images
    # A few at a time: a data set may be large.
    return np.concatenate(
        [
            tf.image.resize(images[i : i + 64], size, method="area").numpy()
            for i in range(0, len(images), 64)
        ]
    )


def distances(images, others):
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


def typical_distance(images):
    """Returns the mean distance of two images of a set, a float."""
    n = len(images)
    return float(distances(images, images).sum() / (n * (n - 1)))


def count_different(images, typical):
    """Counts the images of a set that differ from one another.

    Unlike the mean distance, the count is also low if there are a few kinds of images
    that are far apart, each of them many times.

    Args:
        images: Float array `(n, height, width, channels)`.
        typical: Float, the typical distance of two images of the data; `DIFFERENT`
            times this is where a difference begins.

    Returns:
        An int from 1 to `n`.
    """
    between = distances(images, images)
    kept: list[int] = []
    for i in range(len(images)):
        if (between[i, kept] >= DIFFERENT * typical).all():
            kept.append(i)
    return len(kept)


def nearest(images, others, themselves=False):
    """Returns the median distance of images to their nearest neighbour among others.

    Mirrored neighbours count: many data sets are flipped while they are trained on.

    Args:
        images: Float array `(n, height, width, channels)`.
        others: Float array `(m, height, width, channels)`, at least two.
        themselves: Whether `images` are the first of `others`. None is then its own
            neighbour.

    Returns:
        A float.
    """
    plain, mirrored = distances(images, others), distances(images, others[:, :, ::-1])
    both = np.minimum(plain, mirrored)
    if themselves:
        rows = np.arange(len(images))
        both[rows, rows] = np.inf
    return float(np.median(both.min(axis=1)))


def relative_change(images, translated):
    """Returns the mean absolute change of images, in units of their own variety.

    Args:
        images: Float array `(n, height, width, channels)`, at least two.
        translated: What became of them, of the same shape and range.

    Returns:
        A float: 0 if nothing changed, 1 if the images changed as much as one differs
        from another.
    """
    variety = np.abs(images - np.roll(images, 1, axis=0)).mean()
    return float(np.abs(translated - images).mean() / max(variety, 1e-6))


def brightness_correlation(images, translated):
    """Returns the median correlation of images with their translations, in [-1, 1].

    It is taken over the pixels of an image, each the mean of its channels, so hues may
    change as they like.

    Args:
        images: Float array `(n, height, width, channels)`.
        translated: Float array of the same height and width.
    """
    x, y = (i.mean(-1).reshape(len(i), -1) for i in (images, translated))
    x, y = (i - i.mean(1, keepdims=True) for i in (x, y))
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(np.median((x * y).sum(1) / np.maximum(lengths, 1e-9)))


def cycle_error_under_noise(back, images, translated, seed=0):
    """Measures whether translations hide what they came from.

    A generator may keep an image in a faint pattern that the other one reads, so that
    the cycle closes whatever the translation shows. Faint noise then destroys the
    pattern, and the cycle error rises by far more than the noise is worth. From
    "CycleGAN, a Master of Steganography", Chu et al. 2017, section 4,
    https://arxiv.org/abs/1712.02950.

    Args:
        back: Function that translates back; both it and the images are in [0, 1].
        images: Float array `(n, height, width, channels)`.
        translated: What became of them.
        seed: Int, the seed of the noise.

    Returns:
        A triple of floats: the mean absolute error of the cycle, the same with noise in
        the translations, and the mean size of the noise.
    """
    noise = np.random.default_rng(seed).normal(0.0, NOISE, translated.shape)
    noise = noise.astype("float32")
    errors = (
        np.abs(back(shown) - images).mean()
        for shown in (translated, translated + noise)
    )
    return (*map(float, errors), float(np.abs(noise).mean()))


def loss_bounds(loss_fn, label_noise=0.0):
    """Returns what a discriminator's loss is at its best, and if it knows nothing.

    Args:
        loss_fn: An adversarial loss, on logits or on answers around 0 and 1.
        label_noise: Float, up to which labels are moved.

    Returns:
        A pair of floats: the mean loss of answers that are right and as sure as the
        labels let them be, and that of one answer to every image. None for a loss
        without a lower end, and where both are the same.
    """
    right = 1.0 - label_noise / 2.0
    # e^-14 is as good as 0.
    logit = math.log(right / (1.0 - right)) if label_noise else 14.0
    # As many as labels are drawn uniformly from.
    noise = label_noise * (tf.range(256.0)[:, None] + 0.5) / 256.0
    labels = {"labels": (1.0 - noise, noise)} if label_noise else {}

    def loss(real, fake):
        answers = (tf.fill(noise.shape, answer) for answer in (real, fake))
        return float(loss_fn.discriminator_loss(*answers, **labels))

    best = min(loss(right, 1.0 - right), loss(logit, -logit))
    ignorant = min(loss(0.5, 0.5), loss(0.0, 0.0))
    return None if best < 0.0 or ignorant - best < 1e-6 else (best, ignorant)


def gradient_reach(discriminator, loss_fn, images, value_range):
    """Returns how far the generator's loss could fall if its images moved, a float.

    It is the mean over images of the length of the gradient of their loss, times the
    length of a step of a quarter of the range in every pixel: to first order the fall
    of the loss along the best such step.

    Args:
        discriminator: A Keras model.
        loss_fn: An adversarial loss.
        images: Float array of generated images `(n, height, width, channels)`.
        value_range: Pair of floats between which they lie.
    """
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        answers = discriminator(images, training=False)
        loss = loss_fn.generator_loss(tf.cast(answers, "float32"), None)
    # Of the mean over images, so as many times smaller than that of one.
    gradient = tape.gradient(loss, images).numpy().reshape(len(images), -1)
    lengths = np.linalg.norm(gradient, axis=1) * len(images)
    step = (value_range[1] - value_range[0]) / 4.0 * math.sqrt(gradient.shape[1])
    return float(lengths.mean() * step)
