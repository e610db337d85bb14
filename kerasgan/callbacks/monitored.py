"""Generators that `Diagnosis` monitors, and what it measures of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan import inspection
from kerasgan.callbacks.real_images import SAMPLES, RealImages, ValueRange
from kerasgan.images import images_at_once
from kerasgan.metrics import symptoms

# Images in one call of a network, fewer if they are large.
BATCH = 16
# Translations that are translated back.
CYCLES = 16


@dataclasses.dataclass(frozen=True)
class Measurements:
    """What was measured of a generator's images.

    Attributes:
        small: The images, of at most 32x32 pixels.
        gradient_reach: How far the generator's loss could fall, the mean over images.
        correlation: Median correlation of the brightness before and after translation.
        change: Mean absolute change by translation, divided by the mean difference of
            two images. None if the domains differ in their number of channels.
        cycle_errors: The cycle error, the same with noise in the translations, and the
            size of the noise, as fractions of the range.
    """

    small: np.ndarray
    gradient_reach: float
    correlation: float | None = None
    change: float | None = None
    cycle_errors: tuple[float, float, float] | None = None


@dataclasses.dataclass(frozen=True)
class MonitoredGenerator:
    """A generator with fixed inputs, and the discriminator that scores its images.

    Attributes:
        name: The direction, such as `"a2b"`, or `""` if there is only one.
        generator: A Keras model.
        discriminator: The Keras model that scores its images.
        inputs: Latents, or images to translate.
        value_range: Range of the generator's images.
        sources: Images that are translated, or None for latents.
        targets: Real images of the generator's domain, or None.
        back: The generator of the opposite direction, or None.
        source_range: Range of the images that are translated, used only with `back`.
    """

    name: str
    generator: keras.Model
    discriminator: keras.Model
    inputs: Any
    value_range: ValueRange
    sources: RealImages | None = None
    targets: RealImages | None = None
    back: keras.Model | None = None
    source_range: ValueRange = (-1.0, 1.0)

    @property
    def batch_size(self) -> int:
        """Number of images in one call of a network."""
        height, width = inspection.output_shape(self.generator)[:2]
        if height is None or width is None:
            height, width = self.inputs.shape[1:3]
        return images_at_once(height, width, BATCH)

    def samples(self, n: int) -> np.ndarray:
        """Returns the images the generator makes of its first `n` inputs."""
        return _call(self.generator, self.inputs[:n])

    def measure(self, loss_fn: Any, real_score: float) -> Measurements:
        """Measures the images that the generator makes now, a few at a time.

        Args:
            loss_fn: The adversarial loss.
            real_score: The discriminator's mean output for real images. It is used if
                there are no `targets`.
        """
        small, reach = [], []
        translations = None if self.back is None else _Translations(self)
        for i in range(0, len(self.inputs), self.batch_size):
            inputs = self.inputs[i : i + self.batch_size]
            made = _call(self.generator, inputs)
            small.append(symptoms.small_images(made))
            real_outputs = tf.constant(real_score, "float32")
            if self.targets is not None:
                rows = np.arange(i, i + len(made)) % len(self.targets.whole)
                real_outputs = self.discriminator(
                    self.targets.whole[rows], training=False
                )
            reach.append(
                symptoms.gradient_reach(
                    self.discriminator, loss_fn, made, real_outputs, self.value_range
                )
            )
            if translations is not None:
                translations.add(np.asarray(inputs), made)
        return Measurements(
            small=np.concatenate(small),
            gradient_reach=float(np.concatenate(reach).mean()),
            **({} if translations is None else translations.results()),
        )


class _Translations:
    """Collects the measurements of translations.

    Args:
        monitored: A `MonitoredGenerator` with `back` and `sources`.
    """

    def __init__(self, monitored: MonitoredGenerator) -> None:
        self.monitored = monitored
        self.noise = np.random.default_rng(0)
        self.correlations: list[np.ndarray] = []
        self.changes: list[np.ndarray] = []
        self.cycle_errors: list[np.ndarray] = []
        self.cycles: list[int] = []

    def add(self, originals: np.ndarray, translated: np.ndarray) -> None:
        """Measures a batch of images and their translations."""
        before = _to_unit(originals, self.monitored.source_range)
        after = _to_unit(translated, self.monitored.value_range)
        self.correlations.append(symptoms.brightness_correlations(before, after))
        if before.shape == after.shape:
            self.changes.append(symptoms.changes(before, after))
        n = min(len(before), CYCLES - sum(self.cycles))
        if n > 0:
            errors = symptoms.cycle_errors_under_noise(
                self._translate_back, before[:n], after[:n], self.noise
            )
            self.cycle_errors.append(errors)
            self.cycles.append(n)

    def results(self) -> dict[str, Any]:
        """Returns the attributes of `Measurements` for all batches together."""
        change = None
        if self.changes and self.monitored.sources is not None:
            low, high = self.monitored.source_range
            difference = self.monitored.sources.difference / (high - low)
            change = np.concatenate(self.changes).mean() / max(difference, 1e-6)
        errors = np.average(self.cycle_errors, axis=0, weights=self.cycles)
        return {
            "correlation": float(np.median(np.concatenate(self.correlations))),
            "change": None if change is None else float(change),
            "cycle_errors": tuple(map(float, errors)),
        }

    def _translate_back(self, images: np.ndarray) -> np.ndarray:
        """Translates images in [0, 1] back, to images in [0, 1]."""
        low, high = self.monitored.value_range
        again = _call(self.monitored.back, images * (high - low) + low)
        return _to_unit(again, self.monitored.source_range)


def monitored_generators(
    model: Any, images: Sequence[RealImages]
) -> list[MonitoredGenerator]:
    """Returns the generators of a model that can be monitored.

    Args:
        model: A `GAN` or `CycleGAN`.
        images: Empty list, `[real]`, or `[source, target]` for a model that translates.

    Returns:
        A list with one item for each direction. It is empty for a model that translates
        if there are no images.

    Raises:
        ValueError: If the model does not take such images, or if the range of its
            images is neither known nor given.
    """
    generators, discriminators = model.players()
    if getattr(model, "latent_shape", None) is not None:
        return [_from_latents(model, images)]
    if len(images) == 1:
        raise ValueError(
            "images is one array or dataset, but the model translates; expected a pair."
        )
    if not images:
        return []
    # What the first generator makes, the last discriminator scores.
    if len(generators) == 1:
        names, backs, ranges = [""], [None], [None, model.value_range]
    else:
        names, backs = ["a2b", "b2a"], generators[::-1]
        ranges = [model.value_range(domain) for domain in "ab"]
    critics = discriminators[::-1]
    monitored = []
    for i, (name, generator) in enumerate(zip(names, generators, strict=True)):
        sources, targets = (images, images[::-1])[i]
        source_range, value_range = (ranges, ranges[::-1])[i]
        sources.check(inspection.input_shape("generator", generator), source_range)
        targets.check(inspection.input_shape("discriminator", critics[i]), value_range)
        monitored.append(
            MonitoredGenerator(
                name,
                generator,
                critics[i],
                inputs=sources.whole,
                value_range=value_range,
                sources=sources,
                targets=targets,
                back=backs[i],
                source_range=source_range or value_range,
            )
        )
    return monitored


def _from_latents(model: Any, images: Sequence[RealImages]) -> MonitoredGenerator:
    """Returns the generator of a model that draws latents."""
    if len(images) == 2:
        raise ValueError(
            "images is a pair, but the model draws latents; expected one array or "
            "dataset of images."
        )
    targets = images[0] if images else None
    n = SAMPLES
    if targets is not None:
        taken = inspection.input_shape("discriminator", model.discriminator)
        targets.check(taken, model.value_range)
        n = min(SAMPLES, len(targets.small))
    return MonitoredGenerator(
        "",
        model.generator,
        model.discriminator,
        inputs=model.latents(n, seed=0),
        value_range=model.value_range,
        targets=targets,
    )


def _call(network: keras.Model, inputs: Any) -> np.ndarray:
    return np.asarray(network(inputs, training=False), "float32")


def _to_unit(images: np.ndarray, value_range: ValueRange) -> np.ndarray:
    """Maps images from a range to [0, 1]."""
    low, high = value_range
    return (images - low) / (high - low)
