"""Sheets of images after every epoch, and their evolution."""

import math
import pathlib

import keras

from kerasgan import images
from kerasgan.arguments import check_positive
from kerasgan.callbacks.sheets import translation_sheet
from kerasgan.metrics.image_arrays import image_array

# A GIF of more frames is large and tells no more; they are picked evenly.
MOST_FRAMES = 100


class EpochSheets(keras.callbacks.Callback):
    """Writes one image after every epoch, and all of them as a GIF at the end.

    The files are `epoch_0001.png` and so on in a folder of their own, with
    `epoch_0000.png` from before the first step, and `evolution.gif` beside it. Every
    file is written whole or not at all. A subclass says what the image is, in
    `sheet`.

    Args:
        folder: Folder of the run; it is made if it is missing.
        name: Name of the folder of the images in it.
    """

    def __init__(self, folder, name):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.sheets = self.folder / name

    def sheet(self):
        """Returns the image of this moment, uint8 `(height, width, channels)`."""
        raise NotImplementedError

    def on_train_begin(self, logs=None):
        if self.model.steps_taken == 0:
            # Another run's sheets would end up in this one's evolution.
            for file in self.sheets.glob("epoch_*.png"):
                file.unlink()
            self._write(0)

    def on_epoch_end(self, epoch, logs=None):
        self._write(epoch + 1)

    def on_train_end(self, logs=None):
        files = sorted(self.sheets.glob("epoch_*.png"))
        if not files:
            return
        stride = math.ceil(len(files) / MOST_FRAMES)
        # Counted from the end, so that the last one is always shown.
        frames = [images.read_png(file) for file in files[::-stride][::-1]]
        images.write_gif(self.folder / "evolution.gif", frames)

    def _write(self, epoch):
        images.write_png(self.sheets / f"epoch_{epoch:04d}.png", self.sheet())


class SampleGrid(EpochSheets):
    """Writes a grid of samples from fixed latents after every epoch.

    The files are `samples/epoch_0001.png` and so on, with `epoch_0000.png` from
    before the first step, and at the end of training `evolution.gif`, all of them
    in order. Every file is written whole or not at all.

    Args:
        folder: Folder of the run; it is made if it is missing.
        n: Int, samples in the grid.
        seed: Int, the seed of the latents.

    Raises:
        ValueError: If `n` is not positive or, when training starts, if the
            generator takes images: there are no latents to fix.

    Example:

    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.SampleGrid("runs/faces")])
    """

    def __init__(self, folder, n=64, seed=0):
        check_positive(n=n)
        super().__init__(folder, "samples")
        self.n = n
        self.seed = seed

    def sheet(self):
        samples = self.model.generate(self.n, seed=self.seed)
        return images.grid(images.to_uint8(samples, self.model.value_range))


class TranslationGrid(EpochSheets):
    """Writes a sheet of translations of fixed images after every epoch.

    Each row shows an image of domain a, what it becomes in domain b, that brought
    back to a, and what the generator that makes domain a leaves of the image (the
    same, if it has learned what belongs to its domain); and beside them the same for
    an image of domain b. The files are `translations/epoch_0001.png` and so on, with
    `epoch_0000.png` from before the first step, and at the end of training
    `evolution.gif`. Every file is written whole or not at all.

    Args:
        folder: Folder of the run; it is made if it is missing.
        a: Images of domain a, better none that are trained on: a float array
            `(n, height, width, channels)` in the range of the domain, [-1, 1] or, if
            the generator that makes its images ends in a sigmoid, [0, 1]; or a
            `tf.data.Dataset` of batches of them. The first are shown.
        b: Images of domain b.
        n: Int, rows.

    Raises:
        ValueError: If `a` or `b` are no such images or fewer than `n`, or, when
            training starts, if the model does not translate.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", 64, "test")
    >>> cyclegan.fit(
    ...     pairs,
    ...     callbacks=[kerasgan.callbacks.TranslationGrid("runs/faces", men, women)],
    ... )
    """

    def __init__(self, folder, a, b, n=8):
        check_positive(n=n)
        super().__init__(folder, "translations")
        self.a, self.b = image_array("a", a, n), image_array("b", b, n)

    def on_train_begin(self, logs=None):
        check_translates("TranslationGrid", self.model)
        super().on_train_begin(logs)

    def sheet(self):
        translate = self.model.translate
        blocks = []
        for here, back, originals in (("a2b", "b2a", self.a), ("b2a", "a2b", self.b)):
            translated = translate(originals, here)
            own, other = (self.model.value_range(domain) for domain in here.split("2"))
            blocks.append(
                [
                    images.to_uint8(originals, own),
                    images.to_uint8(translated, other),
                    images.to_uint8(translate(translated, back), own),
                    images.to_uint8(translate(originals, back), own),
                ]
            )
        return translation_sheet(*blocks)


def check_translates(callback, model):
    """Raises a ValueError for a model that does not translate."""
    if not hasattr(model, "translate"):
        raise ValueError(
            f"{callback} is given to a {type(model).__name__}; expected a model that "
            "translates, such as kerasgan.CycleGAN."
        )
