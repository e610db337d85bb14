"""The files of a folder: listed, identified and decoded."""

import concurrent.futures
import os
import pathlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from kerasgan.data.image_files import (
    RangeNeededError,
    ValueRange,
    Values,
    likely_range,
    read_image,
    unstated_values,
    why_unreadable,
)

# Images decoded before they are written to the cache.
DECODED_AT_ONCE = 256

T = TypeVar("T")
R = TypeVar("R")


class FolderListing(NamedTuple):
    """The files below a folder.

    Attributes:
        files: Sorted list of the paths of all visible files.
        closed: Sorted list of the paths of subfolders without read permission.
    """

    files: list[pathlib.Path]
    closed: list[pathlib.Path]


def list_folder(folder: pathlib.Path) -> FolderListing:
    """Lists all visible files below a folder.

    Args:
        folder: Path of the folder.

    Raises:
        PermissionError: If the folder itself cannot be read.
    """
    files: list[pathlib.Path] = []
    closed: list[pathlib.Path] = []

    def close(root: str, error: OSError) -> None:
        if pathlib.Path(root) == folder:
            raise PermissionError(
                f"path is {str(folder)!r}, which cannot be read ({error.strerror}); "
                "expected a folder with read permission."
            ) from error
        closed.append(pathlib.Path(root))

    def closed_to_walk(error: OSError) -> None:
        close(error.filename, error)

    seen = set()
    for root, folders, names in os.walk(
        folder, onerror=closed_to_walk, followlinks=True
    ):
        # A link may lead to a folder above it.
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (pathlib.Path(root, name) for name in names if not name.startswith("."))
        try:
            # Reading a pipe would block. A broken link is kept to be reported.
            files += [path for path in paths if path.is_file() or not path.exists()]
        except PermissionError as error:
            close(root, error)
    return FolderListing(sorted(files), sorted(closed))


def file_facts(files: Iterable[pathlib.Path]) -> list[list[Any]]:
    """Returns the names, sizes and modification times of files."""
    status = ((f, f.stat() if f.exists() else f.lstat()) for f in files)
    return [[str(file), s.st_size, s.st_mtime_ns] for file, s in status]


def in_threads(
    read: Callable[[T], R], batches: Iterable[Iterable[T]]
) -> Iterator[list[R]]:
    """Yields the results of a function for each batch of arguments, as lists.

    Args:
        read: Function that releases Python's global lock, as Pillow does while it
            decodes and resizes.
        batches: Iterable of iterables of arguments of `read`.
    """
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for batch in batches:
            yield list(pool.map(read, batch))


def decode_files(
    files: Sequence[pathlib.Path], size: tuple[int, int], color_mode: str
) -> Generator[np.ndarray, None, dict[str, Any]]:
    """Yields the images of files in batches, leaving out those that cannot be read.

    Images with more than 8 bits per channel whose files do not state the range of their
    values all get one range.

    Args:
        files: Paths of the files.
        size: Pair `(height, width)`.
        color_mode: As in `kerasgan.data.image_folder`.

    Yields:
        uint8 arrays `(n, height, width, channels)`.

    Returns:
        A dict with `"left_out"`, dict from a reason to the paths of the files that were
        left out for it, and `"chosen_ranges"`, a list of pairs of a sentence and the
        path of an example.
    """
    left_out: dict[str, list[str]] = {}
    ranges: dict[str, ValueRange] = {}
    chosen: list[tuple[str, str]] = []

    def read(file: pathlib.Path) -> np.ndarray | Exception:
        try:
            return read_image(file, size, color_mode, ranges)
        except Exception as error:  # Damaged bytes make Pillow raise a dozen types.
            return error

    starts = range(0, len(files), DECODED_AT_ONCE)
    batches = [files[start : start + DECODED_AT_ONCE] for start in starts]
    for start, batch, results in zip(
        starts, batches, in_threads(read, batches), strict=True
    ):
        if any(isinstance(result, RangeNeededError) for result in results):
            # These are the first such files: no image before depends on the range.
            ranges, chosen = shared_ranges(files[start:])
            (results,) = in_threads(read, [batch])
        images = []
        for file, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                left_out.setdefault(why_unreadable(result), []).append(str(file))
            else:
                images.append(result)
        if images:
            yield np.stack(images)
    return {"left_out": left_out, "chosen_ranges": chosen}


def shared_ranges(
    files: Sequence[pathlib.Path],
) -> tuple[dict[str, ValueRange], list[tuple[str, str]]]:
    """Chooses one range of values for all files that do not state theirs.

    Args:
        files: Paths of image files. Only those with more than 8 bits per channel are
            decoded.

    Returns:
        The argument `ranges` of `open_image`, and what to warn of: a list of pairs of a
        sentence about a choice, and the path of an example.
    """

    def values(file: pathlib.Path) -> Values | None:
        try:
            return unstated_values(file)
        except Exception:  # Reported when the file is read.
            return None

    ((found),) = in_threads(values, [files])
    ranges, warnings = {}, []
    for kind in ("integers", "floats"):
        some = [(file, v) for file, v in zip(files, found, strict=True) if v]
        some = [(file, v) for file, v in some if v.kind == kind]
        if not some:
            continue
        low = min(v.low for _, v in some)
        high = max(v.high for _, v in some)
        ranges[kind] = chosen = likely_range(Values(kind, low, high))
        # 16-bit integers that use all of their bits are what everyone expects.
        if kind == "floats" or chosen != (0, 65535):
            text = (
                f"{kind} from {low:g} to {high:g} are scaled from the range "
                f"[{chosen.low:g}, {chosen.high:g}]"
            )
            warnings.append((text, str(some[0][0])))
    return ranges, warnings
