"""The two domains that `--data` and `--attribute` select."""

import argparse
import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan import data
from kerasgan.cli.folders import FACE_DATA_SETS
from kerasgan.data.batches import second_seed
from kerasgan.data.celeb_a import celeb_a_facts
from kerasgan.data.cycle_gan import cycle_gan_facts
from kerasgan.data.image_folder import folder_facts
from kerasgan.files import why_no_folder

# Default attribute of the faces in domain a.
ATTRIBUTE = "Male"
# Prefix of the names of tfds datasets.
TFDS = "cycle_gan/"

Pair = tuple[tf.data.Dataset, tf.data.Dataset]


@dataclasses.dataclass(frozen=True)
class Domains:
    """Two sets of images, and how to read them.

    Attributes:
        names: Dict from `"a"` and `"b"` to the names of the domains.
        read: Function from a split, an image size and options of
            `kerasgan.data.image_folder` to a pair of datasets.
        facts: Function from a split to JSON-serializable data that changes if the
            images of the split change.
        held_out: Name of the split that is not used for training, or None.
        held_out_names: Where the held-out images of a and b are, for messages.
    """

    names: dict[str, str]
    read: Callable[..., Pair]
    facts: Callable[[str], Any]
    held_out: str | None = None
    held_out_names: tuple[str, ...] = ()

    def train(
        self, image_size: int, load_scale: float, batch_size: int, seed: int
    ) -> tuple[tf.data.Dataset, ...]:
        """Returns a pair of augmented datasets for training.

        Args:
            image_size: Height and width in pixels.
            load_scale: Images are resized to this multiple of `image_size`, then
                cropped at random.
            batch_size: Number of images in a batch.
            seed: Seed of the orders and of the augmentation.
        """
        loaded = self.read(
            "train", round(image_size * load_scale), batch_size=batch_size, seed=seed
        )
        return tuple(
            # With one seed, both images of a pair would always be mirrored together.
            data.augment(images, crop_size=image_size, seed=domain_seed)
            for images, domain_seed in zip(
                loaded, (seed, second_seed(seed)), strict=True
            )
        )

    def first_images(self, image_size: int, n: int) -> tuple[np.ndarray, ...]:
        """Returns the first held-out images, or training images if none are held out.

        Args:
            image_size: Height and width in pixels.
            n: Maximum number of images of each domain.

        Returns:
            A pair of float32 arrays `(n or fewer, image_size, image_size, 3)` in
            [-1, 1].
        """
        return tuple(
            next(images.as_numpy_iterator())
            for images in self.read(
                self.held_out or "train", image_size, batch_size=n, shuffle=False
            )
        )

    def check_held_out(self, image_size: int) -> None:
        """Raises a ValueError if a domain has fewer than two held-out images."""
        for name, images in zip(
            self.held_out_names, self.first_images(image_size, 2), strict=True
        ):
            if len(images) < 2:
                raise ValueError(
                    f"--data has 1 held-out image in {name}; expected at least 2, "
                    "because the scorecard measures their variance."
                )


def find_domains(options: argparse.Namespace) -> Domains:
    """Returns the domains that the command line selects.

    Args:
        options: The parsed command line. For faces, a missing `attribute` is set.

    Raises:
        ValueError: If `--data` or `--attribute` has an unsupported value.
    """
    _check_single(options.data)
    first, *more = options.data
    if first in FACE_DATA_SETS and not more:
        return _faces(first, options)
    if options.attribute is not None:
        raise ValueError(
            f"--attribute is {options.attribute!r}, but --data is "
            f"{' '.join(options.data)!r}; expected an attribute only with "
            f"{' or '.join(FACE_DATA_SETS)}."
        )
    if first.startswith(TFDS) and not more:
        return _tfds(first.removeprefix(TFDS), options)
    return _folders([pathlib.Path(name) for name in options.data])


def _check_single(names: list[str]) -> None:
    """Raises a ValueError if a named dataset is given together with another one."""
    for name in names:
        if (name in FACE_DATA_SETS or name.startswith(TFDS)) and len(names) > 1:
            raise ValueError(
                f"--data has {name!r} and {len(names) - 1} more; expected a named "
                "dataset alone."
            )


def _faces(dataset: str, options: argparse.Namespace) -> Domains:
    # Set, so that options.json contains it.
    options.attribute = options.attribute or ATTRIBUTE

    def read(split: str, image_size: int, **more: Any) -> Pair:
        return data.celeb_a_by_attribute(
            options.attribute,
            image_size,
            split,
            dataset=dataset,
            data_dir=options.data_dir,
            **more,
        )

    def facts(split: str) -> Any:
        return celeb_a_facts(dataset, split, options.data_dir)

    names = {"a": options.attribute, "b": f"not {options.attribute}"}
    held_out_names = tuple(f"{dataset} 'test', {name}" for name in names.values())
    return Domains(names, read, facts, "test", held_out_names)


def _tfds(name: str, options: argparse.Namespace) -> Domains:
    def read(split: str, image_size: int, **more: Any) -> Pair:
        return data.cycle_gan(
            name, image_size, split, data_dir=options.data_dir, **more
        )

    def facts(split: str) -> Any:
        return cycle_gan_facts(name, split, options.data_dir)

    a, to, b = name.partition("2")
    names = {"a": a, "b": b} if to else {"a": f"{name} A", "b": f"{name} B"}
    held_out_names = (f"{name} 'testA'", f"{name} 'testB'")
    return Domains(names, read, facts, "test", held_out_names)


def _folders(folders: list[pathlib.Path]) -> Domains:
    """Returns the domains in two folders, or in one with trainA and trainB."""
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"--data has {str(folder)!r}, which {why_no_folder(folder)}; expected "
                f"{', '.join(FACE_DATA_SETS)}, {TFDS}NAME or folders of images."
            )
    if len(folders) > 2:
        raise ValueError(
            f"--data has {len(folders)} folders; expected two, or one with the folders "
            "trainA and trainB."
        )
    if len(folders) == 1:
        return _split_folder(*folders)

    def read(split: str, image_size: int, seed: int | None = None, **more: Any) -> Pair:
        a, b = (
            data.image_folder(path, image_size, seed=domain_seed, **more)
            for path, domain_seed in zip(
                folders, (seed, second_seed(seed)), strict=True
            )
        )
        return a, b

    def facts(split: str) -> Any:
        return [folder_facts(folder) for folder in folders]

    a, b = (folder.resolve().name for folder in folders)
    if a == b:
        a, b = map(str, folders)
    return Domains({"a": a, "b": b}, read, facts)


def _split_folder(folder: pathlib.Path) -> Domains:
    """Returns the domains in a folder with trainA, trainB and perhaps testA, testB."""

    def has(split: str) -> bool:
        return all((folder / f"{split}{letter}").is_dir() for letter in "AB")

    if not has("train"):
        raise ValueError(
            f"--data is {str(folder)!r}, which has no folders trainA and trainB; "
            "expected them, or two folders of images."
        )

    def read(split: str, image_size: int, **more: Any) -> Pair:
        return data.image_folder_pair(folder, image_size, split, **more)

    def facts(split: str) -> Any:
        return [folder_facts(folder / f"{split}{letter}") for letter in "AB"]

    name = folder.resolve().name
    names = {"a": f"{name} A", "b": f"{name} B"}
    if not has("test"):
        return Domains(names, read, facts)
    held_out_names = tuple(str(folder / f"test{letter}") for letter in "AB")
    return Domains(names, read, facts, "test", held_out_names)
