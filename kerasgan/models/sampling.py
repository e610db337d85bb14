"""How a trained `GAN` is used: latents, images, and the exported generator."""

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan import inspection
from kerasgan.arguments import check_positive
from kerasgan.models import value_range as ranges
from kerasgan.models.export import export_network
from kerasgan.models.latents import draw_latents
from kerasgan.models.randomness import draw_seed, fold_in


class ImageSampler:
    """Draws latents and generates images with the networks of a `GAN`."""

    generator: keras.Model
    ema_generator: keras.Model | None
    latent_distribution: str | tuple[float, float]
    given_range: ranges.ValueRange | None
    metadata: dict[str, Any]

    @property
    def latent_shape(self) -> tuple[int, ...] | None:
        """Shape of one latent, or None if the generator takes images."""
        shape = inspection.input_shape("generator", self.generator)
        is_latent = len(shape) == 1 or (len(shape) == 3 and shape[:2] == (1, 1))
        return tuple(int(side or 1) for side in shape) if is_latent else None

    @property
    def value_range(self) -> tuple[float, float]:
        """Range of the generator's images, a pair of floats.

        Raises:
            ValueError: If it was not given and cannot be inferred from the generator.
        """
        return ranges.required_range(self.given_range, self.generator)

    def latents(self, n: int | tf.Tensor, seed: int | tf.Tensor) -> tf.Tensor:
        """Draws latents.

        Args:
            n: Number of latents.
            seed: Int, or a seed for stateless operations of shape `(2,)`.

        Returns:
            A float tensor `(n,) + latent_shape`.

        Raises:
            ValueError: If the generator takes images.
        """
        if self.latent_shape is None:
            raise ValueError(
                "generator takes images and has no latents; expected images, passed to "
                "predict."
            )
        seed = fold_in(seed) if isinstance(seed, (int, np.integer)) else seed
        return draw_latents(n, self.latent_shape, self.latent_distribution, seed)

    def generate(
        self,
        n: int,
        seed: int | None = None,
        averaged: bool = True,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Generates images from random latents.

        Args:
            n: Number of images.
            seed: Int; the same seed gives the same latents. By default, a random seed
                is chosen.
            averaged: Whether to use the averaged generator, if there is one.
            batch_size: Int, images generated at once.

        Returns:
            A NumPy float32 array `(n, height, width, channels)` in `value_range`.

        Raises:
            ValueError: If the generator takes images, or a number is not positive.

        Example:

        >>> gan.generate(16, seed=0).shape
        (16, 64, 64, 3)
        """
        check_positive(n=n, batch_size=batch_size)
        latents = self.latents(n, draw_seed() if seed is None else seed)
        network = self._generator(averaged)
        return np.concatenate(
            [
                np.asarray(
                    network(latents[i : i + batch_size], training=False), "float32"
                )
                for i in range(0, n, batch_size)
            ]
        )

    def export_generator(
        self, path: str | os.PathLike[str], averaged: bool = True
    ) -> None:
        """Exports the generator for programs that do not use kerasgan.

        A SavedModel needs only TensorFlow. A Keras model needs `import kerasgan` first
        if it has a layer of `kerasgan.layers`.

        Args:
            path: A path that ends in `.keras` for a Keras model, or a new folder for a
                SavedModel whose signature `serving_default` takes any number of inputs.
                The model's `metadata` is stored in `kerasgan.json`, a member of the
                file or a file in the folder's `assets.extra`.
            averaged: Whether to export the averaged generator, if there is one.

        Raises:
            ValueError: If `path` exists and is something else.

        Example:

        >>> gan.export_generator("served/1")
        >>> serve = tf.saved_model.load("served/1").signatures["serving_default"]
        """
        metadata = {**self.metadata, "kind": "generator"}
        export_network(self._generator(averaged), path, metadata)

    def _generator(self, averaged: bool) -> keras.Model:
        average = averaged and self.ema_generator is not None
        return self.ema_generator if average else self.generator
