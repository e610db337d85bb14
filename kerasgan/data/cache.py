"""Decoded images on disk, so that no image is decoded twice.

A cache entry is a folder with `images.bin`, uint8 images one after the other, and
`about.json`, which describes them. The images are memory-mapped: opening an entry takes
no time and no memory, whatever its size, and every image can be read at once.
"""

import contextlib
import hashlib
import json
import math
import os
import pathlib
import shutil
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any

import keras
import numpy as np

from kerasgan.data.building import built_folder, locked
from kerasgan.files import absolute_path

# Raised when decoding, cropping or resizing changes, so that no old entry is used.
DECODING = 2
# Names of the files of an entry.
IMAGES = "images.bin"
ABOUT = "about.json"


def cache_dir() -> pathlib.Path:
    """Returns the folder of the cache, `$XDG_CACHE_HOME/kerasgan`.

    Raises:
        OSError: If neither `XDG_CACHE_HOME` nor a home folder is known.
    """
    root = os.environ.get("XDG_CACHE_HOME")
    if root:
        return absolute_path(root) / "kerasgan"
    try:
        return pathlib.Path.home() / ".cache" / "kerasgan"
    except RuntimeError as error:
        raise OSError(
            "No home folder was found for the image cache; set XDG_CACHE_HOME to a "
            "folder."
        ) from error


def cached_images(
    name: str,
    facts: dict[str, Any],
    image_shape: tuple[int, int, int],
    total: int,
    decode: Callable[[], Generator[np.ndarray, None, dict[str, Any] | None]],
) -> tuple[np.ndarray, dict[str, Any]]:
    """Returns decoded images from the cache, decoding them if they are not there.

    Only one process decodes an entry. Others wait and use its result.

    Args:
        name: Start of the name of the entry's folder.
        facts: Dict of everything that determines the images, serializable as JSON.
            Different facts are a different entry.
        image_shape: `(height, width, channels)` of each image.
        total: Int, expected number of images, for the progress bar and to check that
            the disk has space for them.
        decode: Function without arguments that yields uint8 arrays
            `(n, height, width, channels)` and may return a dict of notes, which is
            stored in the entry. Called only if the entry does not exist.

    Returns:
        A read-only, memory-mapped uint8 array `(n, height, width, channels)`, and the
        dict of notes.

    Warns:
        UserWarning: If the entry is damaged. It is built again.

    Raises:
        OSError: If the images cannot be written, or the disk has no space for them.
    """
    facts = {**facts, "image_shape": list(image_shape), "decoding": DECODING}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    entry = cache_dir() / f"{name}-{digest[:16]}"
    folder = entry.parent
    with _explained(folder), contextlib.suppress(_DamagedEntryError):
        if entry.exists():
            return _opened(entry, image_shape)
    with contextlib.ExitStack() as stack:
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(entry, f"the decoded images in {entry}"))
        # Another process may have built it while this one waited.
        if entry.exists():
            try:
                return _opened(entry, image_shape)
            except _DamagedEntryError as damage:
                warnings.warn(
                    f"The cache entry {entry} is damaged ({damage}); its images are "
                    "decoded again.",
                    stacklevel=2,
                )
                with _explained(folder):
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        _build(entry, facts, image_shape, total, decode)
        return _opened(entry, image_shape)


class _DamagedEntryError(Exception):
    """A cache entry has missing or damaged files."""


def _opened(
    entry: pathlib.Path, image_shape: tuple[int, int, int]
) -> tuple[np.ndarray, dict[str, Any]]:
    """Returns the images and notes of an entry; raises if it is damaged."""
    try:
        about = json.loads((entry / ABOUT).read_text())
        shape, notes = tuple(about["shape"]), about["notes"]
        size = (entry / IMAGES).stat().st_size
    except PermissionError:
        # Not damaged: another user's.
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _DamagedEntryError(f"{type(error).__name__}: {error}") from error
    if shape[1:] != tuple(image_shape) or size != math.prod(shape):
        raise _DamagedEntryError(
            f"{IMAGES} has {size} bytes; expected {math.prod(shape)} for images of "
            f"shape {shape}"
        )
    if not size:
        # An empty file cannot be mapped.
        return np.zeros(shape, "uint8"), notes
    return np.memmap(entry / IMAGES, "uint8", mode="r", shape=shape), notes


def _build(
    entry: pathlib.Path,
    facts: dict[str, Any],
    image_shape: tuple[int, int, int],
    total: int,
    decode: Callable[[], Generator[np.ndarray, None, dict[str, Any] | None]],
) -> None:
    needed = total * math.prod(image_shape)
    free = shutil.disk_usage(entry.parent).free
    if needed > free:
        raise OSError(
            f"{entry.parent} has {free / 1e9:.1f} GB free, but {total} decoded images "
            f"of {image_shape} need {needed / 1e9:.1f} GB; set XDG_CACHE_HOME to a "
            "folder on a larger disk, or use a smaller image_size or split."
        )
    with contextlib.ExitStack() as stack:
        with _explained(entry.parent):
            building = stack.enter_context(built_folder(entry))
            file = stack.enter_context(open(building / IMAGES, "wb"))
        count = 0
        print(f"Decoding {total} images; they are kept in {entry.parent}.", flush=True)
        progress = keras.utils.Progbar(total, unit_name="image")
        batches = _Batches(decode())
        for batch in batches:
            with _explained(entry.parent):
                file.write(np.ascontiguousarray(batch, "uint8").data)
            count += len(batch)
            progress.update(min(count, total))
        if count < total:
            # Skipped images would leave the progress bar open.
            progress.update(total, finalize=True)
        about = {
            "facts": facts,
            "shape": [count, *image_shape],
            "notes": batches.notes,
        }
        with _explained(entry.parent):
            _close(file)
            with open(building / ABOUT, "w") as description:
                json.dump(about, description, indent=1)
                _close(description)
            stack.close()


def _close(file: Any) -> None:
    """Closes a file once its content is on disk."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


@contextlib.contextmanager
def _explained(folder: pathlib.Path) -> Iterator[None]:
    """Names the folder, its purpose and the setting that moves it in an OSError."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:
            raise
        where = f", {error.filename}" if error.filename else ""
        raise type(error)(
            f"Decoded images cannot be kept in {folder} ({error.strerror}{where}); set "
            "XDG_CACHE_HOME to a folder that can be written to."
        ) from error


class _Batches:
    """Iterates over a generator and keeps what it returns."""

    def __init__(
        self, generator: Generator[np.ndarray, None, dict[str, Any] | None]
    ) -> None:
        self.generator = generator
        self.notes: dict[str, Any] = {}

    def __iter__(self) -> Iterator[np.ndarray]:
        self.notes = (yield from self.generator) or {}
