"""The two domains that `--data` and `--attribute` name."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable

from kerasgan import data

ATTRIBUTE = "Male"
FACES = ("synthetic_faces", "celeb_a")
TFDS = "cycle_gan/"
# Images of each domain that are translated and judged after every epoch.
SHOWN = 128


@dataclasses.dataclass(frozen=True)
class Domains:
    """Two kinds of images, and how to read them.

    Attributes:
        names: Dict from `"a"` and `"b"` to what they are.
        read: Function from a split and an image size, with the other options of
            `kerasgan.data.image_folder`, to a pair of datasets.
        held_out: The split that is not trained on; None if there is none.
    """

    names: dict
    read: Callable
    held_out: str | None

    def train(self, image_size, load_scale, batch_size, seed):
        """Returns a pair of datasets to train on.

        Args:
            image_size: Int, height and width in pixels.
            load_scale: Float. Images are read this much larger, and cut at a random
                place.
            batch_size: Int, images in a batch.
            seed: Int from which all draws follow.
        """
        loaded = self.read(
            "train", round(image_size * load_scale), batch_size=batch_size, seed=seed
        )
        return tuple(
            # Seeds of their own: two of a pair would always be mirrored together.
            data.augment(images, crop_size=image_size, seed=seed + number)
            for number, images in enumerate(loaded)
        )

    def shown(self, image_size):
        """Returns the first images of both domains that are held out, if any are.

        Returns:
            A pair of float32 arrays `(n, image_size, image_size, 3)` in [-1, 1], with
            `n` at most 128.
        """
        return tuple(
            next(images.as_numpy_iterator())
            for images in self.read(
                self.held_out or "train", image_size, batch_size=SHOWN, shuffle=False
            )
        )

    def fingerprint(self, image_size, load_scale):
        """Returns what tells these images from others, something that JSON can hold."""
        size = round(image_size * load_scale)
        trained = self.read("train", size, batch_size=1, shuffle=False)
        content = hashlib.sha256()
        for images in self.shown(image_size):
            content.update(images.tobytes())
        return [*map(len, trained), content.hexdigest()]


def find(options):
    """Returns the `Domains` that the command was asked for.

    Raises:
        ValueError: If `--data` or `--attribute` is none of what they can be.
    """
    first, *more = options.data
    if first in FACES and not more:
        return _faces(first, options)
    if options.attribute is not None:
        raise ValueError(
            f"--attribute is {options.attribute!r}, but --data is "
            f"{' '.join(options.data)!r}; expected an attribute only with "
            f"{' or '.join(FACES)}."
        )
    if first.startswith(TFDS) and not more and not pathlib.Path(first).exists():
        return _tfds(first.removeprefix(TFDS), options)
    return _folders([pathlib.Path(name) for name in options.data])


def _faces(dataset, options):
    # Kept, so that options.json says it.
    options.attribute = options.attribute or ATTRIBUTE

    def read(split, image_size, **more):
        return data.celeb_a_by_attribute(
            options.attribute,
            image_size,
            split,
            dataset=dataset,
            data_dir=options.data_dir,
            **more,
        )

    names = {"a": options.attribute, "b": f"not {options.attribute}"}
    return Domains(names, read, held_out="test")


def _tfds(name, options):
    def read(split, image_size, **more):
        return data.cycle_gan(
            name, image_size, split, data_dir=options.data_dir, **more
        )

    a, to, b = name.partition("2")
    names = {"a": a, "b": b} if to else {"a": f"{name} A", "b": f"{name} B"}
    return Domains(names, read, held_out="test")


def _folders(folders):
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"--data has {str(folder)!r}; expected {', '.join(FACES)}, "
                f"{TFDS}NAME or folders of images."
            )
    if len(folders) > 2:
        raise ValueError(
            f"--data has {len(folders)} folders; expected two, or one with trainA and "
            "trainB in it."
        )
    if len(folders) == 1:
        return _folder(*folders)

    def read(split, image_size, seed=None, **more):
        # Two folders with as many images would come in the same order otherwise.
        seeds = (seed, None if seed is None else seed + 1)
        return tuple(
            data.image_folder(path, image_size, seed=number, **more)
            for path, number in zip(folders, seeds, strict=True)
        )

    a, b = (folder.resolve().name for folder in folders)
    names = (
        {"a": a, "b": b} if a != b else dict(zip("ab", map(str, folders), strict=True))
    )
    return Domains(names, read, held_out=None)


def _folder(folder):
    """Returns the domains in a folder with trainA, trainB and maybe testA, testB."""

    def has(split):
        return all((folder / f"{split}{letter}").is_dir() for letter in "AB")

    if not has("train"):
        raise ValueError(
            f"--data is {str(folder)!r}, one folder without trainA and trainB in it; "
            "expected them, or two folders."
        )

    def read(split, image_size, **more):
        return data.image_folder_pair(folder, image_size, split, **more)

    name = folder.resolve().name
    return Domains(
        {"a": f"{name} A", "b": f"{name} B"}, read, "test" if has("test") else None
    )
