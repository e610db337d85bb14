"""Real images that `Diagnosis` compares generated ones with."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasgan import inspection
from kerasgan.images import images_at_once
from kerasgan.metrics import symptoms
from kerasgan.metrics.image_arrays import batches_of, check_range, image_array

# Images in a measurement: enough to tell 8 different images from 64. Translations need
# images in full size, so of large images there are fewer: 32 of 64x64 pixels, and
# always at least 16.
SAMPLES, MIN_IMAGES, PIXELS = 64, 16, 32 * 64 * 64
# Real images to compare with. They are kept in a small size, in at most 25 MB.
MAX_REAL = 2048

ValueRange = tuple[float, float]


class RealImages:
    """The first images of a dataset: a few in full size, and more in a small size.

    Args:
        name: Name of the argument, for messages.
        images: Float array `(n, height, width, channels)`, or a `tf.data.Dataset` of
            batches of them.

    Attributes:
        whole: The first images, a float32 array `(n, height, width, channels)`.
        small: More images, a float32 array of at most 32x32 pixels.

    Raises:
        ValueError: If `images` are not images, or fewer than `MIN_IMAGES`.
    """

    def __init__(self, name: str, images: Any) -> None:
        self.name = name
        whole: list[np.ndarray] = []
        small: list[np.ndarray] = []
        extremes: list[float] = []
        for chunk in _chunks(name, images):
            extremes += [float(chunk.min()), float(chunk.max())]
            height, width = chunk.shape[1:3]
            most = max(MIN_IMAGES, min(SAMPLES, PIXELS // (height * width)))
            whole.append(chunk[: max(0, most - sum(map(len, whole)))])
            small.append(symptoms.small_images(chunk))
        n = sum(map(len, small))
        if n < MIN_IMAGES:
            raise ValueError(f"{name} has {n} images; expected at least {MIN_IMAGES}.")
        self.whole = np.concatenate(whole)
        self.small = np.concatenate(small)
        # NaN survives both.
        self._extremes = np.array([np.min(extremes), np.max(extremes)])

    def check(
        self, taken: tuple[int | None, ...], value_range: ValueRange | None
    ) -> None:
        """Raises a ValueError if a model does not take such images.

        Args:
            taken: Shape of the images that the model takes.
            value_range: Range of the images that the model takes, or None if it is not
                known.
        """
        if not inspection.shapes_match(self.whole.shape[1:], taken):
            raise ValueError(
                f"{self.name} has images of shape {self.whole.shape[1:]}, but the "
                f"model takes {taken}; expected the same."
            )
        if value_range is not None:
            check_range(self.name, self._extremes, value_range)

    @functools.cached_property
    def typical(self) -> float:
        """Mean distance of two images."""
        return symptoms.typical_distance(self.small[:SAMPLES])

    @functools.cached_property
    def nearest(self) -> float:
        """Median distance of images to their nearest neighbors."""
        return symptoms.nearest(self.small[:SAMPLES], self.small, exclude_self=True)

    @functools.cached_property
    def difference(self) -> float:
        """Mean absolute difference of two images in full size."""
        return symptoms.mean_difference(self.whole)

    def count_different(self, n: int) -> int:
        """Returns how many of the first `n` images are different from one another."""
        return symptoms.count_different(self.small[:n], self.typical)


def _chunks(name: str, images: Any) -> Iterator[np.ndarray]:
    """Yields the first images, a few at a time, in float32."""
    n = 0
    for batch in batches_of(name, images):
        batch = batch[: MAX_REAL - n]
        step = images_at_once(*batch.shape[1:3])
        for i in range(0, len(batch), step):
            yield image_array(name, batch[i : i + step], value_range=None)
        n += len(batch)
        if n >= MAX_REAL:
            return
