"""How a trained `CycleGAN` is used: translated images, and the exported generator."""

import os
from typing import Any

import keras
import numpy as np

from kerasgan.arguments import check_choice, check_positive
from kerasgan.models import value_range as ranges
from kerasgan.models.cycle_step import DIRECTIONS
from kerasgan.models.export import export_network
from kerasgan.models.translation import translate


class ImageTranslator:
    """Translates images with the generators of a `CycleGAN`."""

    generator_ab: keras.Model
    generator_ba: keras.Model
    given_range: dict[str, ranges.ValueRange | None]
    metadata: dict[str, Any]

    def translate(
        self,
        images: np.ndarray,
        direction: str = "a2b",
        averaged: bool = True,
        tile_size: int = 512,
        overlap: int = 64,
    ) -> np.ndarray:
        """Translates images of any size to the other domain.

        Images are reflect-padded to a size the generator accepts, then cropped back.
        Images larger than a tile are split into overlapping tiles that are blended, so
        that the generator never holds more than one tile.

        Args:
            images: Float array `(n, height, width, channels)` in the range of its
                domain, or uint8 in [0, 255], or one image without the first dimension.
            direction: `"a2b"` or `"b2a"`.
            averaged: Whether to use the averaged generator, if there is one.
            tile_size: Int, height and width of a tile in pixels.
            overlap: Int, pixels that neighboring tiles share; at most half a tile.

        Returns:
            A NumPy array of the same height and width: uint8 for uint8 images,
            otherwise float32.

        Raises:
            ValueError: If the direction is unknown, a number is not positive, or
                `images` has an unsupported shape or type.

        Example:

        >>> women = cyclegan.translate(men, direction="a2b")
        """
        check_choice("direction", direction, DIRECTIONS)
        check_positive(tile_size=tile_size, overlap=overlap)
        source, target = direction.split("2")
        return translate(
            self.generator_of(direction, averaged),
            np.asarray(images),
            lambda: (self.value_range(source), self.value_range(target)),
            tile_size,
            overlap,
        )

    def value_range(self, domain: str) -> tuple[float, float]:
        """Returns the range of a domain's images, a pair of floats.

        Args:
            domain: `"a"` or `"b"`.

        Raises:
            ValueError: If it was not given and cannot be inferred from the generator.
        """
        check_choice("domain", domain, ("a", "b"))
        return ranges.required_range(
            self.given_range[domain], self.generator_to(domain)
        )

    def export_generator(
        self,
        path: str | os.PathLike[str],
        direction: str = "a2b",
        averaged: bool = True,
    ) -> None:
        """Exports the generator of one direction; see `GAN.export_generator`.

        Its metadata has the `direction`, and the shape and range of its inputs as
        `source_shape` and `source_range`.
        """
        check_choice("direction", direction, DIRECTIONS)
        metadata = {**self.metadata, "kind": "generator", "direction": direction}
        for name, source in (
            ("image_shape", "source_shape"),
            ("value_range", "source_range"),
        ):
            metadata[source], metadata[name] = (
                metadata[name][d] for d in direction.split("2")
            )
        export_network(self.generator_of(direction, averaged), path, metadata)

    def generator_to(self, domain: str) -> keras.Model:
        """Returns the generator that makes images of a domain."""
        return self.generator_ba if domain == "a" else self.generator_ab

    def generator_of(self, direction: str, averaged: bool) -> keras.Model:
        """Returns the generator of a direction, averaged if asked and there is one."""
        name = f"generator_{'ab' if direction == 'a2b' else 'ba'}"
        average = getattr(self, f"ema_{name}")
        return average if averaged and average is not None else getattr(self, name)
