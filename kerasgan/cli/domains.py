"""The two domains that `--data` and `--attribute` name."""

import dataclasses
import pathlib
from collections.abc import Callable

from kerasgan import data
from kerasgan.data.batches import second_seed
from kerasgan.data.celeb_a import celeb_a_facts
from kerasgan.data.cycle_gan import cycle_gan_facts
from kerasgan.data.image_folder import folder_facts

ATTRIBUTE = "Male"
FACES = ("synthetic_faces", "celeb_a")
TFDS = "cycle_gan/"


@dataclasses.dataclass(frozen=True)
class Domains:
    """Two kinds of images, and how to read them.

    Attributes:
        names: Dict from `"a"` and `"b"` to what they are.
        read: Function from a split and an image size, with the other options of
            `kerasgan.data.image_folder`, to a pair of datasets.
        facts: Function from a split to what determines its images, something that
            JSON can hold.
        held_out: The split that is not trained on; None if there is none.
        held_out_names: Where its images are, of a and of b.
    """

    names: dict
    read: Callable
    facts: Callable | None = None
    held_out: str | None = None
    held_out_names: tuple = ()

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
            data.augment(images, crop_size=image_size, seed=own)
            for images, own in zip(loaded, (seed, second_seed(seed)), strict=True)
        )

    def shown(self, image_size, n):
        """Returns the first images of both domains that are held out, if any are.

        Args:
            image_size: Int, height and width in pixels.
            n: Int, the most images of either domain.

        Returns:
            A pair of float32 arrays `(at most n, image_size, image_size, 3)` in
            [-1, 1].
        """
        return tuple(
            next(images.as_numpy_iterator())
            for images in self.read(
                self.held_out or "train", image_size, batch_size=n, shuffle=False
            )
        )

    def check_judged(self, image_size):
        """Raises a ValueError if too few images of a domain are held out to judge."""
        for name, images in zip(
            self.held_out_names, self.shown(image_size, 2), strict=True
        ):
            if len(images) < 2:
                raise ValueError(
                    f"--data has 1 image in {name}, which is held out; expected at "
                    "least 2, because their spread is measured."
                )


def find(options):
    """Returns the `Domains` that the command was asked for.

    Raises:
        ValueError: If `--data` or `--attribute` is none of what they can be.
    """
    _check_alone(options.data)
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


def _check_alone(names):
    """Raises a ValueError for a data set with a name beside anything else."""
    for name in names:
        named = name in FACES or name.startswith(TFDS)
        if named and len(names) > 1 and not pathlib.Path(name).is_dir():
            raise ValueError(
                f"--data has {name!r} and {len(names) - 1} more; expected a data set "
                "that has a name to stand alone."
            )


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

    def facts(split):
        return celeb_a_facts(dataset, split, options.data_dir)

    names = {"a": options.attribute, "b": f"not {options.attribute}"}
    held_out_names = tuple(f"{dataset} 'test', {name}" for name in names.values())
    return Domains(names, read, facts, "test", held_out_names)


def _tfds(name, options):
    def read(split, image_size, **more):
        return data.cycle_gan(
            name, image_size, split, data_dir=options.data_dir, **more
        )

    def facts(split):
        return cycle_gan_facts(name, split, options.data_dir)

    a, to, b = name.partition("2")
    names = {"a": a, "b": b} if to else {"a": f"{name} A", "b": f"{name} B"}
    held_out_names = (f"{name} 'testA'", f"{name} 'testB'")
    return Domains(names, read, facts, "test", held_out_names)


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
        return tuple(
            data.image_folder(path, image_size, seed=own, **more)
            for path, own in zip(folders, (seed, second_seed(seed)), strict=True)
        )

    a, b = (folder.resolve().name for folder in folders)
    names = (
        {"a": a, "b": b} if a != b else dict(zip("ab", map(str, folders), strict=True))
    )
    return Domains(names, read)


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

    def facts(split):
        return [folder_facts(folder / f"{split}{letter}") for letter in "AB"]

    name = folder.resolve().name
    names = {"a": f"{name} A", "b": f"{name} B"}
    if not has("test"):
        return Domains(names, read)
    held_out_names = tuple(str(folder / f"test{letter}") for letter in "AB")
    return Domains(names, read, facts, "test", held_out_names)
