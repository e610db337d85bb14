"""Grids of images after every epoch, and their evolution as a GIF."""

import math
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerasgan import images, inspection
from kerasgan.arguments import check_positive
from kerasgan.callbacks.checks import check_translated_images, check_translates
from kerasgan.callbacks.run_files import RunFiles
from kerasgan.callbacks.translation_layout import arrange_translations
from kerasgan.metrics.image_arrays import image_array

# A GIF of more frames is large and shows no more. Frames are selected evenly.
MAX_FRAMES = 100
# Keyword of the text entry in a PNG file that holds the training step.
STEP = "kerasgan:step"


class EpochGrids(RunFiles):
    """Base class: writes a grid of images after every epoch, and a GIF at the end.

    A subclass sets `name`, the name of the folder of the PNG files, and overrides
    `draw`.

    Args:
        folder: Folder of the run. It is created if it does not exist.
    """

    # The grid of the untrained model until it is clear where to write it.
    _initial: np.ndarray | None = None

    def draw(self) -> np.ndarray:
        """Returns the grid of the model as it is now, a uint8 image."""
        raise NotImplementedError

    def check_model(self) -> None:
        """Raises a ValueError if `draw` cannot work with the model."""
        raise NotImplementedError

    def file_names(self, suffix: str) -> list[str]:
        return [f"{self.name}{suffix}", f"evolution{suffix}.gif"]

    def steps_on_disk(self, suffix: str) -> dict[int, int] | None:
        folder, gif = (self.folder / name for name in self.file_names(suffix))
        files = _epoch_files(folder)
        if not files:
            return None if gif.exists() else {}
        texts = {n: images.read_png_text(f).get(STEP, "") for n, f in files.items()}
        if not all(text.isdecimal() for text in texts.values()):
            return None
        return {number: int(text) for number, text in texts.items()}

    def begin_files(self, kept: Mapping[int, int]) -> None:
        self._last_number = max(kept, default=0)
        if self._initial is not None:
            self._write(0, self._initial)
            self._initial = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        self.check_model()
        self._initial = self.draw() if self._first_step == 0 else None
        if self._initial is not None and self.steps_on_disk("") == {}:
            self._choose_suffix()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._last_number = self.epoch_number(epoch)
        self._write(self._last_number, self.draw())

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._chosen:
            # No epoch was trained, so the GIF is the same.
            return
        folder, gif = (self.folder / name for name in self.file_names(self.suffix))
        files = _epoch_files(folder)
        # A resumed run may not have reached all epochs again.
        numbers = sorted(number for number in files if number <= self._last_number)
        if numbers:
            stride = math.ceil(len(numbers) / MAX_FRAMES)
            # Counted from the end, so that the last grid is always shown.
            shown = numbers[::-stride][::-1]
            images.write_gif(gif, _frames([files[number] for number in shown]))

    def _write(self, number: int, grid: np.ndarray) -> None:
        folder = self.folder / self.file_names(self.suffix)[0]
        text = {STEP: str(self.model.steps_taken)}
        images.write_png(folder / f"epoch_{number:04d}.png", grid, text)


def _frames(files: Sequence[pathlib.Path]) -> Iterator[np.ndarray]:
    """Yields the grids in PNG files that have the shape of the last one."""
    shape = images.read_png(files[-1]).shape
    for file in files:
        frame = images.read_png(file)
        # An earlier `fit` may have drawn grids of another size.
        if frame.shape == shape:
            yield frame


def _epoch_files(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns the PNG files of the epochs in a folder, by the number of the epoch."""
    files = {f.stem.removeprefix("epoch_"): f for f in folder.glob("epoch_*.png")}
    return {int(number): f for number, f in files.items() if number.isdecimal()}


class SampleGrid(EpochGrids):
    """Writes a grid of images from fixed latents after every epoch.

    The grids are `samples/epoch_0001.png` and so on, with `epoch_0000.png` from before
    the first step. At the end of training, `evolution.gif` shows all of them in order,
    or an even selection of 100, scaled down if they have more than a million pixels.

    Files of another run in the folder are kept: the new ones are then in `samples-002`
    and `evolution-002.gif`, and a message is printed. A second `fit` of the same model,
    and a run that `RunState` resumes, continue their own files.

    Args:
        folder: Folder of the run. It is created if it does not exist.
        n: Number of images in the grid.
        seed: Int, the seed of the latents.
        channels: Indices of one channel to show as gray, or of three to show as red,
            green and blue. By default, images of 2 channels are shown by the first one,
            and images of 5 or more by the first three.

    Raises:
        ValueError: If `n` is not a positive integer or `channels` are not such indices.
            When training starts: if the generator takes images instead of latents, or
            if the range of its images is neither known nor given.

    Example:

    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.SampleGrid("runs/faces")])
    """

    name = "samples"

    def __init__(
        self,
        folder: str | os.PathLike[str],
        n: int = 64,
        seed: int = 0,
        channels: Sequence[int] | None = None,
    ) -> None:
        check_positive(n=n)
        images.check_channels("channels", channels)
        super().__init__(folder)
        self.n = n
        self.seed = seed
        self.channels = channels

    def check_model(self) -> None:
        if getattr(self.model, "latent_shape", None) is None:
            raise ValueError(
                f"SampleGrid is used with a {type(self.model).__name__} that takes "
                "images; expected a kerasgan.GAN whose generator takes latents."
            )
        count = inspection.output_shape(self.model.generator)[-1]
        images.check_channels("channels", self.channels, count)
        # Raises an error if the range is not known.
        _ = self.model.value_range

    def draw(self) -> np.ndarray:
        height, width, _ = inspection.output_shape(self.model.generator)
        size = images.images_at_once(height, width)
        latents = self.model.latents(self.n, self.seed)
        # Only the pixels of the grid are kept, not the floats they are made from.
        pixels = [
            images.to_uint8(
                images.visible_channels(
                    np.asarray(self.model(latents[i : i + size], training=False)),
                    self.channels,
                ),
                self.model.value_range,
            )
            for i in range(0, self.n, size)
        ]
        return images.grid(np.concatenate(pixels))


class TranslationGrid(EpochGrids):
    """Writes a grid of translations of fixed images after every epoch.

    Each row shows an image of domain a, its translation to b, the translation back to
    a, and the identity image (the output of the generator of domain a, which should
    equal the original). The right half shows the same for an image of domain b. If the
    domains differ in their number of channels, there is no identity image.

    The grids are `translations/epoch_0001.png` and so on, with `epoch_0000.png` from
    before the first step. At the end of training, `evolution.gif` shows all of them in
    order, or an even selection of 100, scaled down if they have more than a million
    pixels. Files of another run in the folder are kept, as by `SampleGrid`.

    Args:
        folder: Folder of the run. It is created if it does not exist.
        a: Images of domain a, preferably not from the training data: a float array
            `(n, height, width, channels)` in the range of the domain, for example
            [-1, 1], or a `tf.data.Dataset` of batches of them. The first `n` are shown.
        b: Images of domain b.
        n: Number of rows.
        channels: The channels to show, as in `SampleGrid`; or a dict with those of each
            domain, such as `{"a": (3, 2, 1), "b": None}`.

    Raises:
        ValueError: If `a` or `b` are not images or fewer than `n`, or if `channels`
            does not fit them. When training starts: if the model does not translate
            such images.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", 64, "test")
    >>> cyclegan.fit(
    ...     pairs,
    ...     callbacks=[kerasgan.callbacks.TranslationGrid("runs/faces", men, women)],
    ... )
    """

    name = "translations"

    def __init__(
        self,
        folder: str | os.PathLike[str],
        a: Any,
        b: Any,
        n: int = 8,
        channels: Sequence[int] | Mapping[str, Sequence[int] | None] | None = None,
    ) -> None:
        check_positive(n=n)
        super().__init__(folder)
        # Ranges are checked when the model is known.
        self.a = image_array("a", a, n, value_range=None)
        self.b = image_array("b", b, n, value_range=None)
        if not isinstance(channels, Mapping):
            channels = {"a": channels, "b": channels}
        if set(channels) != {"a", "b"}:
            raise ValueError(
                f"channels has the keys {sorted(channels)}; expected 'a' and 'b'."
            )
        for domain, originals in (("a", self.a), ("b", self.b)):
            images.check_channels("channels", channels[domain], originals.shape[-1])
        self.channels = channels

    def check_model(self) -> None:
        check_translates("TranslationGrid", self.model)
        check_translated_images(self.model, self.a, self.b)

    def draw(self) -> np.ndarray:
        translate = self.model.translate
        comparable = self.a.shape[-1] == self.b.shape[-1]
        directions = []
        for there, back, originals in (("a2b", "b2a", self.a), ("b2a", "a2b", self.b)):
            source, target = there.split("2")
            translated = translate(originals, there)
            columns = [
                self._pixels(originals, source),
                self._pixels(translated, target),
                self._pixels(translate(translated, back), source),
            ]
            if comparable:
                columns.append(self._pixels(translate(originals, back), source))
            directions.append(columns)
        return arrange_translations(*directions)

    def _pixels(self, floats: np.ndarray, domain: str) -> np.ndarray:
        visible = images.visible_channels(floats, self.channels[domain])
        return images.to_uint8(visible, self.model.value_range(domain))
