"""Datasets of the images in a folder, or in two folders for two domains."""

import os
import pathlib
import warnings
from collections.abc import Iterable
from typing import Any

import tensorflow as tf
from PIL import Image

from kerasgan.arguments import check_choice, check_positive, size_pair
from kerasgan.data.batches import image_batches, second_seed
from kerasgan.data.cache import cached_images
from kerasgan.data.folder_files import decode_files, file_facts, list_folder
from kerasgan.data.image_files import COLOR_MODES
from kerasgan.files import absolute_path, why_no_folder


def image_folder(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] = 64,
    *,
    color_mode: str = "rgb",
    batch_size: int = 64,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Returns a dataset of the images in a folder and its subfolders.

    All files that Pillow can read are used, whatever their extensions. Hidden files and
    folders are skipped. Images are rotated according to their EXIF data, center-cropped
    to the aspect ratio of `image_size` and resized with antialiasing. Transparent
    pixels become white, unless `color_mode` is `"rgba"`. Only the first frame of an
    animation is used. The first call decodes the images and writes them to a cache on
    disk. Later calls read the cache, until a file in the folder changes.

    Images with more than 8 bits per channel are scaled to 8 bits. The values that map
    to black and white are read from the file. In TIFF files, these are the tags
    `SMinSampleValue` and `SMaxSampleValue`, or `MinSampleValue` and `MaxSampleValue`,
    or a `BitsPerSample` such as 12; in PNG files, the `sBIT` chunk. For files without
    this information, one range is chosen for the whole folder from all their values,
    and a warning is issued: for integers, the smallest of 8, 10, 12, 14 and 16 bits
    that holds all values; for floats, [0, 1], [-1, 1], [0, 255] or [0, 65535].

    Args:
        path: Path of the folder.
        image_size: Int, or pair `(height, width)`, in pixels.
        color_mode: `"rgb"`, `"grayscale"` or `"rgba"`.
        batch_size: Int, number of images per batch.
        shuffle: Whether to shuffle the images in each epoch and to drop an incomplete
            last batch. If False, images are sorted by path, and the last batch may be
            smaller.
        seed: Int, random seed for shuffling. By default, a random seed is chosen.

    Returns:
        A `tf.data.Dataset` of float32 `(batch, height, width, channels)` in [-1, 1].

    Warns:
        UserWarning: If files or subfolders could not be read, or if a range of values
            had to be chosen. The warning names some of these files and the reasons.
            Images larger than `PIL.Image.MAX_IMAGE_PIXELS` are not read.

    Raises:
        FileNotFoundError: If `path` is not a folder.
        PermissionError: If `path` cannot be read.
        ValueError: If the folder has no readable image, if it has fewer images than
            `batch_size` and `shuffle` is True, or if an argument is invalid.

    Example:

    >>> flowers = kerasgan.data.image_folder("flowers", image_size=(64, 96))
    """
    return _load(path, image_size, color_mode, batch_size, shuffle, seed)


def image_folder_pair(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] = 64,
    split: str = "train",
    *,
    color_mode: str = "rgb",
    batch_size: int = 64,
    shuffle: bool = True,
    seed: int | None = None,
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns two datasets, of the images of two domains.

    Unpaired datasets are usually distributed as four folders: `trainA`, `trainB`,
    `testA` and `testB`. Each folder is read as by `image_folder`.

    Args:
        path: Path of the folder that contains these folders.
        image_size: As in `image_folder`.
        split: `"train"` or `"test"`, the names of the folders without A and B.
        color_mode: As in `image_folder`.
        batch_size: As in `image_folder`.
        shuffle: As in `image_folder`.
        seed: As in `image_folder`. Domain B is shuffled with `seed + 1`, because two
            folders with the same number of images would otherwise get the same order.

    Returns:
        A pair of datasets `(a, b)`, each as returned by `image_folder`.

    Warns:
        UserWarning: As in `image_folder`.

    Raises:
        FileNotFoundError: If one of the two folders is missing.
        PermissionError: As in `image_folder`.
        ValueError: As in `image_folder`.

    Example:

    >>> horses, zebras = kerasgan.data.image_folder_pair("horse2zebra", 256)
    """
    names = [f"{split}{letter}" for letter in "AB"]
    folders = [absolute_path(path) / name for name in names]
    missing = [folder.name for folder in folders if not folder.is_dir()]
    if missing:
        raise FileNotFoundError(
            f"path is {str(path)!r}, which has no folder {' and no '.join(missing)}; "
            f"expected {' and '.join(names)} for split {split!r}."
        )
    a = _load(folders[0], image_size, color_mode, batch_size, shuffle, seed)
    other = second_seed(seed)
    b = _load(folders[1], image_size, color_mode, batch_size, shuffle, other)
    return a, b


def folder_facts(path: str | os.PathLike[str]) -> list[list[Any]]:
    """Returns what identifies the content of a folder: its files' names, sizes, times.

    Args:
        path: Path of the folder.
    """
    return file_facts(list_folder(absolute_path(path).resolve()).files)


def _load(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int],
    color_mode: str,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
) -> tf.data.Dataset:
    """Returns the dataset of one folder; warnings point to the caller's caller."""
    size = size_pair(image_size)
    check_positive(batch_size=batch_size)
    check_choice("color_mode", color_mode, COLOR_MODES)
    folder = absolute_path(path).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"path is {str(folder)!r}, which {why_no_folder(folder)}; expected a "
            "folder of images."
        )
    files, closed = list_folder(folder)
    plural = "" if len(closed) == 1 else "s"
    without_permission = f"{len(closed)} subfolder{plural} without read permission"
    if not files:
        found = _few(without_permission, closed, folder) if closed else "no files"
        raise ValueError(
            f"path is {str(path)!r}, which has {found}; expected a folder of images."
        )
    images, notes = cached_images(
        name=f"folder-{size[0]}x{size[1]}",
        facts={
            "color_mode": color_mode,
            "files": file_facts(files),
            # Both decide which files can be read, and may change when no file does.
            "closed": [str(file) for file in files if not os.access(file, os.R_OK)],
            "max_image_pixels": Image.MAX_IMAGE_PIXELS,
        },
        image_shape=(*size, COLOR_MODES[color_mode][1]),
        total=len(files),
        decode=lambda: decode_files(files, size, color_mode),
    )
    left_out = [
        _few(f"{len(names)} of {len(files)} files {why}", names, folder)
        for why, names in notes["left_out"].items()
    ]
    if closed:
        left_out.append(_few(without_permission, closed, folder))
    if not len(images):
        raise ValueError(
            f"path is {str(path)!r}, which has no readable image, but "
            f"{', '.join(left_out)}; expected a folder of images."
        )
    if left_out:
        warnings.warn(f"{path} is read without {', '.join(left_out)}.", stacklevel=3)
    if notes["chosen_ranges"]:
        chosen = ", ".join(
            f"{text}, for example {pathlib.Path(example).relative_to(folder)}"
            for text, example in notes["chosen_ranges"]
        )
        warnings.warn(
            f"{path} has files with more than 8 bits per channel that do not state the "
            f"range of their values: {chosen}. Convert them to 8 bits to choose "
            "another range.",
            stacklevel=3,
        )
    return image_batches(images, batch_size, shuffle, seed, str(path))


def _few(what: str, paths: Iterable[str | pathlib.Path], folder: pathlib.Path) -> str:
    """Returns a clause that names the first few of some paths."""
    names = [str(pathlib.Path(path).relative_to(folder)) for path in paths]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{what} ({', '.join(names[:5])}{more})"
