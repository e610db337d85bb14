"""Decoded images kept on disk, so that no image is decoded twice.

A cache entry is a folder with `images.bin`, uint8 images one after the other, and
`about.json`, which says what they are. It is read as a memory map: opening it
takes no time and no memory, whatever its size, and any image is reached at once.
"""

import hashlib
import json
import os
import pathlib
import shutil

import keras
import numpy as np

from kerasgan.data.building import building_folder, remove_abandoned

# Raised when decoding, cropping or resizing changes, so that nothing old is served.
DECODING = 1
# The file of an entry that has the images.
IMAGES = "images.bin"


def cache_dir():
    """Returns the folder of the cache, `$XDG_CACHE_HOME/kerasgan`."""
    root = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(root) / "kerasgan"


def cached_images(name, facts, image_shape, total, decode):
    """Returns decoded images from the cache, and puts them there the first time.

    Args:
        name: Start of the name of the entry's folder.
        facts: Dict that JSON can hold and that determines the images; another
            dict is another entry.
        image_shape: `(height, width, channels)` of every image.
        total: Int, how many images to expect, for the progress bar and to see
            that the disk has room.
        decode: Function without arguments that yields uint8 arrays
            `(n, height, width, channels)`, and may return a dict of notes, kept
            in the entry. Called only if the entry does not exist.

    Returns:
        Read-only uint8 array `(n, height, width, channels)`, mapped from disk, and
        the dict of notes.

    Raises:
        OSError: If the disk has no room for them.
    """
    facts = {**facts, "image_shape": list(image_shape), "decoding": DECODING}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    entry = cache_dir() / f"{name}-{digest[:16]}"
    if not entry.exists():
        _build(entry, facts, image_shape, total, decode)
    about = json.loads((entry / "about.json").read_text())
    shape = tuple(about["shape"])
    if not shape[0]:
        # An empty file cannot be mapped.
        return np.zeros(shape, "uint8"), about["notes"]
    images = np.memmap(entry / IMAGES, "uint8", mode="r", shape=shape)
    return images, about["notes"]


def _build(entry, facts, image_shape, total, decode):
    entry.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(entry.parent, IMAGES)
    needed = total * int(np.prod(image_shape))
    free = shutil.disk_usage(entry.parent).free
    if needed > free:
        raise OSError(
            f"{entry.parent} has {free / 1e9:.1f} GB free, but {total} decoded images "
            f"of {image_shape} need {needed / 1e9:.1f} GB; point XDG_CACHE_HOME to a "
            "larger disk, or take a smaller image_size or split."
        )
    with building_folder(entry.parent, IMAGES) as building:
        count = 0
        progress = keras.utils.Progbar(total, unit_name="image")
        batches = _Batches(decode())
        with open(building / IMAGES, "wb") as file:
            for batch in batches:
                file.write(np.ascontiguousarray(batch, "uint8").data)
                count += len(batch)
                progress.update(min(count, total))
        if count < total:
            # Images left out would keep the bar open.
            progress.update(total, finalize=True)
        about = {
            "facts": facts,
            "shape": [count, *image_shape],
            "notes": batches.notes,
        }
        (building / "about.json").write_text(json.dumps(about, indent=1))
        try:
            building.rename(entry)
        except OSError:
            # Another process was faster and has built the same entry.
            if not entry.exists():
                raise


class _Batches:
    """Iterates over a generator and keeps what it returns."""

    def __init__(self, generator):
        self.generator = generator
        self.notes = {}

    def __iter__(self):
        self.notes = (yield from self.generator) or {}
