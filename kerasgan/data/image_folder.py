"""Any folder of images, and two side by side."""

import concurrent.futures
import os
import pathlib
import warnings

import numpy as np
from PIL import Image, ImageOps

from kerasgan.arguments import check_choice, check_positive, size_pair
from kerasgan.data.batches import image_batches, second_seed
from kerasgan.data.cache import cached_images

# Keras's color modes, with Pillow's name and the number of channels.
COLOR_MODES = {"grayscale": ("L", 1), "rgb": ("RGB", 3), "rgba": ("RGBA", 4)}
# Images decoded before they are written to the cache.
DECODED_AT_ONCE = 256


def image_folder(
    path,
    image_size=64,
    *,
    color_mode="rgb",
    batch_size=64,
    shuffle=True,
    seed=None,
):
    """Returns the images of a folder and of all folders in it.

    A file is an image if its content is one Pillow can read, whatever its name
    says. Images are turned upright as their EXIF data asks, cropped to their
    middle, as large as the shape of `image_size` allows, and resized with
    antialiasing. Transparent parts become white, unless alpha is kept. The first
    call decodes them into a cache on disk, which later calls open, until a file
    of the folder changes.

    Args:
        path: The folder.
        image_size: Int, or a pair `(height, width)`, in pixels.
        color_mode: `"rgb"`, `"grayscale"` or `"rgba"`.
        batch_size: Int, images in a batch.
        shuffle: Whether each epoch has an order of its own. Without it, images
            come sorted by path, and the last batch may be smaller than the others.
        seed: Int that decides the orders, with TensorFlow's global seed if it is set.

    Returns:
        A `tf.data.Dataset` of float32 `(batch, height, width, channels)` in
        [-1, 1].

    Warns:
        UserWarning: If files could not be read, with their number and names.

    Raises:
        FileNotFoundError: If `path` is not a folder.
        ValueError: If it holds no image, or an argument is none of the above.

    Example:

    >>> flowers = kerasgan.data.image_folder("flowers", image_size=(64, 96))
    """
    return _load(path, image_size, color_mode, batch_size, shuffle, seed)


def image_folder_pair(
    path,
    image_size=64,
    split="train",
    *,
    color_mode="rgb",
    batch_size=64,
    shuffle=True,
    seed=None,
):
    """Returns the images of two domains, from folders side by side.

    Unpaired data sets are usually shared as four folders: `trainA`, `trainB`,
    `testA` and `testB`. Each is read as `image_folder` reads it.

    Args:
        path: The folder that holds them.
        image_size: As in `image_folder`.
        split: What comes before the A and the B: `"train"` or `"test"`.
        color_mode: As in `image_folder`.
        batch_size: As in `image_folder`.
        shuffle: As in `image_folder`.
        seed: As in `image_folder`. The orders of B are those of `seed + 1`: two
            folders with as many images would come in the same order otherwise.

    Returns:
        A pair of datasets as `image_folder` returns them, A and B.

    Warns:
        UserWarning: As `image_folder`.

    Raises:
        FileNotFoundError: If one of the two folders is missing.
        ValueError: As `image_folder`.

    Example:

    >>> horses, zebras = kerasgan.data.image_folder_pair("horse2zebra", 256)
    """
    names = [f"{split}{letter}" for letter in "AB"]
    folders = [pathlib.Path(path).expanduser() / name for name in names]
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


def folder_facts(path):
    """Returns what tells when a folder has changed: its files' names, sizes, times.

    Args:
        path: The folder.
    """
    return _facts(files_below(pathlib.Path(path).expanduser().resolve()))


def _load(path, image_size, color_mode, batch_size, shuffle, seed):
    """Returns the dataset of one folder; warns where its caller was called."""
    size = size_pair(image_size)
    check_positive(batch_size=batch_size)
    check_choice("color_mode", color_mode, COLOR_MODES)
    folder = pathlib.Path(path).expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}; expected a folder of images.")
    files = files_below(folder)
    if not files:
        raise ValueError(
            f"path is {str(path)!r}, which holds no files; expected a folder of images."
        )
    images, notes = cached_images(
        name=f"folder-{size[0]}x{size[1]}",
        facts={"color_mode": color_mode, "files": _facts(files)},
        image_shape=(*size, COLOR_MODES[color_mode][1]),
        total=len(files),
        decode=lambda: _decode(folder, files, size, color_mode),
    )
    skipped = notes.get("skipped", [])
    if not len(images):
        raise ValueError(
            f"path is {str(path)!r}, where none of {len(files)} files is a readable "
            "image; expected a folder of images."
        )
    if skipped:
        names = ", ".join(skipped[:5])
        more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        warnings.warn(
            f"{len(skipped)} of {len(files)} files in {path} are not readable images "
            f"and were skipped: {names}{more}.",
            stacklevel=3,
        )
    return image_batches(images, batch_size, shuffle, seed, str(path))


def files_below(folder):
    """Returns all visible files below a folder, sorted by path."""
    found, seen = [], set()
    for root, folders, names in os.walk(folder, followlinks=True):
        # A link may lead to a folder above it.
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (pathlib.Path(root, name) for name in names if not name.startswith("."))
        # Not pipes, which would be waited for. A link to nothing stays, to be reported.
        found += [path for path in paths if path.is_file() or not path.exists()]
    return sorted(found)


def _facts(files):
    """Returns names, sizes and times of files."""
    status = ((f, f.stat() if f.exists() else f.lstat()) for f in files)
    return [[str(file), s.st_size, s.st_mtime_ns] for file, s in status]


def open_image(path, color_mode="rgb"):
    """Reads one image file, upright, in the channels that are asked for.

    Args:
        path: The file, or a file object.
        color_mode: `"rgb"`, `"grayscale"` or `"rgba"`.

    Returns:
        A Pillow image. It is turned as its EXIF data asks, 16 bits are scaled to 8,
        and transparent parts are white, unless alpha is kept.

    Raises:
        Exception: If Pillow cannot read it to the last byte; which one depends on
            the format and the damage.
    """
    mode, _ = COLOR_MODES[color_mode]
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            # Pillow clips 16 bits to 8 instead of scaling them.
            pixels = np.asarray(image, "float32") / 257.0
            image = Image.fromarray(np.rint(pixels).clip(0, 255).astype("uint8"))
        transparent = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA")
        if transparent and mode != "RGBA":
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        return image.convert(mode)


def read_image(path, size, color_mode="rgb"):
    """Reads one image file, cropped to its middle and resized with antialiasing.

    Args:
        path: As in `open_image`.
        size: Pair `(height, width)`.
        color_mode: As in `open_image`.

    Returns:
        A uint8 array `(height, width, channels)`.

    Raises:
        Exception: As `open_image`.
    """
    image = ImageOps.fit(
        open_image(path, color_mode), (size[1], size[0]), Image.Resampling.LANCZOS
    )
    return np.asarray(image).reshape(*size, COLOR_MODES[color_mode][1])


def in_threads(read, batches):
    """Yields what a function makes of each part of each batch, as lists.

    Args:
        read: Function that lets other threads run, as Pillow does while it decodes
            and resizes.
        batches: Iterable of iterables of what `read` takes.
    """
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for batch in batches:
            yield list(pool.map(read, batch))


def _decode(folder, files, size, color_mode):
    """Yields uint8 batches; returns the names of the files that are no images."""
    skipped = []

    def read(file):
        try:
            return read_image(file, size, color_mode)
        except Exception:  # Damaged bytes make Pillow raise a dozen kinds.
            return str(file.relative_to(folder))

    starts = range(0, len(files), DECODED_AT_ONCE)
    for results in in_threads(read, (files[i : i + DECODED_AT_ONCE] for i in starts)):
        skipped += [result for result in results if isinstance(result, str)]
        images = [result for result in results if not isinstance(result, str)]
        if images:
            yield np.stack(images)
    return {"skipped": skipped}
