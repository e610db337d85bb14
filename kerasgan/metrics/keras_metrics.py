"""Metrics of features for `compile`, which collect what they need batch by batch."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive, checked_range
from kerasgan.metrics.extraction import FeatureExtractor
from kerasgan.metrics.extractors import feature_extractor
from kerasgan.metrics.frechet import FeatureStatistics, frechet_distance
from kerasgan.metrics.kernel import kernel_distance
from kerasgan.metrics.neighbors import prdc

# Keras 2 passes `result` to AutoGraph, which changes what NumPy code returns.
not_converted = tf.autograph.experimental.do_not_convert


class FeatureMetric(keras.metrics.Metric):
    """Base of metrics that compare features of real and of generated images.

    Subclasses define `default_name`, `add`, `result` and `reset_state`.

    Args:
        extractor: Name of a feature extractor, or a `FeatureExtractor`. A model can
            only be saved with its metric if it is a name.
        channels: Number of channels of the images, for an extractor that is a name.
        value_range: Pair of floats, the range of the images of the model. Values
            outside are clipped, as they are when images are shown.
        name: Name in the logs.
    """

    default_name: str

    def __init__(
        self,
        extractor: str | FeatureExtractor = "random_conv",
        *,
        channels: int = 3,
        value_range: tuple[float, float] = (-1.0, 1.0),
        name: str | None = None,
    ) -> None:
        super().__init__(name=name or self.default_name)
        self.value_range = checked_range(value_range) or (-1.0, 1.0)
        self.given, self.channels = extractor, channels
        self.extractor = (
            feature_extractor(extractor, channels)
            if isinstance(extractor, str)
            else extractor
        )

    def update_state(
        self, real: tf.Tensor, fake: tf.Tensor, sample_weight: None = None
    ) -> None:
        """Adds a batch of real images and one of generated images."""
        low, high = self.value_range
        for number, images in enumerate((real, fake)):
            scaled = 2.0 * (tf.cast(images, "float32") - low) / (high - low) - 1.0
            self.add(number, self.extractor(tf.clip_by_value(scaled, -1.0, 1.0)))

    def add(self, number: int, features: tf.Tensor) -> None:
        """Adds features of real images (number 0) or of generated images (1)."""
        raise NotImplementedError

    def save_own_variables(self, store: Any) -> None:
        """Saves nothing: the state is that of one evaluation."""

    def load_own_variables(self, store: Any) -> None:
        """Loads nothing."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            "extractor": self.given,
            "channels": self.channels,
            "value_range": self.value_range,
            "name": self.name,
        }


@keras.saving.register_keras_serializable(package="kerasgan")
class FrechetDistance(FeatureMetric):
    """The Frechet distance between real and generated images.

    Its memory does not depend on the number of images: it keeps the mean and the
    scatter matrix of the features in float64.

    Args:
        extractor: Name of a feature extractor, or a `FeatureExtractor`. A model can
            only be saved with its metric if it is a name.
        channels: Number of channels of the images, for an extractor that is a name.
        value_range: Pair of floats, the range of the images of the model.
        ddof: As in `frechet_distance`.
        name: Name in the logs.

    Example:

    >>> gan.compile(metrics=[kerasgan.metrics.FrechetDistance("random_conv")])
    >>> gan.fit(faces, validation_data=held_out, epochs=10)
    >>> gan.history.history["val_frechet_distance"][-1]
    1.7
    """

    default_name = "frechet_distance"

    def __init__(
        self,
        extractor: str | FeatureExtractor = "random_conv",
        *,
        ddof: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(extractor, **options)
        self.ddof = ddof
        width = self.extractor.width
        self._sums = [
            [
                tf.Variable(tf.zeros(shape, "float64"), trainable=False)
                for shape in ((), (width,), (width, width))
            ]
            for _ in range(2)
        ]

    def add(self, number: int, features: tf.Tensor) -> None:
        """Adds features as `FeatureStatistics.add` does."""
        n, mean, scatter = self._sums[number]
        rows = tf.cast(features, "float64")
        added = tf.cast(tf.shape(rows)[0], "float64")
        center = tf.reduce_mean(rows, axis=0)
        rows -= center
        total, shift = n + added, center - mean
        between = shift[:, None] * shift * (n * added / total)
        scatter.assign_add(tf.matmul(rows, rows, transpose_a=True) + between)
        mean.assign_add(shift * (added / total))
        n.assign(total)

    @not_converted
    def result(self) -> float:
        """Returns the distance; call it eagerly."""
        real, fake = (
            FeatureStatistics(int(n), mean.numpy(), scatter.numpy())
            for n, mean, scatter in self._sums
        )
        return frechet_distance(real, fake, ddof=self.ddof)

    def reset_state(self) -> None:
        """Forgets all images."""
        for variable in (v for sums in self._sums for v in sums):
            variable.assign(tf.zeros_like(variable))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "ddof": self.ddof}


class CollectedFeatures(FeatureMetric):
    """Base of metrics that need the features of all images at once.

    Args:
        max_images: Number of images of each kind whose features are kept: the first
            ones. All others are ignored.
    """

    def __init__(
        self,
        extractor: str | FeatureExtractor = "random_conv",
        *,
        max_images: int = 10_000,
        **options: Any,
    ) -> None:
        check_positive(max_images=max_images)
        super().__init__(extractor, **options)
        self.max_images = max_images
        shape = (max_images, self.extractor.width)
        self._rows = [tf.Variable(tf.zeros(shape), trainable=False) for _ in range(2)]
        self._counts = [tf.Variable(0, trainable=False) for _ in range(2)]

    def add(self, number: int, features: tf.Tensor) -> None:
        """Keeps features as long as there is space."""
        rows, count = self._rows[number], self._counts[number]
        kept = features[: self.max_images - count]
        after = count + tf.shape(kept)[0]
        rows.scatter_nd_update(tf.range(count, after)[:, None], kept)
        count.assign(after)

    def collected(self) -> list[np.ndarray]:
        """Returns the features of real and of generated images."""
        return [
            rows[: int(count)].numpy()
            for rows, count in zip(self._rows, self._counts, strict=True)
        ]

    def reset_state(self) -> None:
        """Forgets all images."""
        for count in self._counts:
            count.assign(0)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "max_images": self.max_images}


@keras.saving.register_keras_serializable(package="kerasgan")
class KernelDistance(CollectedFeatures):
    """The kernel distance between real and generated images.

    The logs also have its standard error, as `kernel_distance_standard_error`.

    Args:
        extractor: Name of a feature extractor, or a `FeatureExtractor`. A model can
            only be saved with its metric if it is a name.
        channels: Number of channels of the images, for an extractor that is a name.
        value_range: Pair of floats, the range of the images of the model.
        max_images: Number of images of each kind whose features are kept: the first
            ones. All others are ignored.
        name: Name in the logs.

    Example:

    >>> gan.compile(metrics=[kerasgan.metrics.KernelDistance("random_conv")])
    >>> stop = keras.callbacks.EarlyStopping("val_kernel_distance", patience=3)
    >>> gan.fit(faces, validation_data=held_out, epochs=50, callbacks=[stop])
    """

    default_name = "kernel_distance"

    @not_converted
    def result(self) -> dict[str, float]:
        """Returns the distance and its standard error by log name; call it eagerly."""
        value, error = kernel_distance(*self.collected())
        return {self.name: value, f"{self.name}_standard_error": error}


@keras.saving.register_keras_serializable(package="kerasgan")
class Prdc(CollectedFeatures):
    """Precision, recall, density and coverage of generated images.

    The logs have `prdc_precision`, `prdc_recall`, `prdc_density` and `prdc_coverage`.

    Args:
        extractor: Name of a feature extractor, or a `FeatureExtractor`. A model can
            only be saved with its metric if it is a name.
        channels: Number of channels of the images, for an extractor that is a name.
        value_range: Pair of floats, the range of the images of the model.
        max_images: Number of images of each kind whose features are kept: the first
            ones. All others are ignored.
        k: As in `prdc`.
        name: Name in the logs.

    Example:

    >>> gan.compile(metrics=[kerasgan.metrics.Prdc("random_conv")])
    >>> gan.evaluate(held_out, return_dict=True)["prdc_coverage"]
    0.8
    """

    default_name = "prdc"

    def __init__(
        self,
        extractor: str | FeatureExtractor = "random_conv",
        *,
        k: int = 5,
        **options: Any,
    ) -> None:
        check_positive(k=k)
        super().__init__(extractor, **options)
        self.k = k

    @not_converted
    def result(self) -> dict[str, float]:
        """Returns the four values by log name; call it eagerly."""
        values = prdc(*self.collected(), k=self.k)
        return {f"{self.name}_{name}": value for name, value in values.items()}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "k": self.k}
