"""The images and lists of CelebA in a folder or a zip archive."""

import array
import contextlib
import dataclasses
import os
import pathlib
import threading
import zipfile
import zlib
from collections.abc import Iterator, KeysView, Mapping
from typing import Any

IMAGES = "img_align_celeba"
PARTITION = "list_eval_partition"
ATTRIBUTES = "list_attr_celeba"
LANDMARKS = "list_landmarks_align_celeba"
IDENTITY = "identity_CelebA"

# The index of a split is its number in the partition list.
SPLITS = ("train", "validation", "test")

# Enough for `CelebA/Img/img_align_celeba/000001.jpg` from two folders above.
_FOLDER_DEPTH = 4


@dataclasses.dataclass(frozen=True)
class CelebASource:
    """The result of `open_source`.

    Attributes:
        images: `Images`, the JPEGs by file name.
        lists: Dict from a list's name without suffix to its `NamedRows`. Only
            `IDENTITY` can be missing.
        notes: List of sentences about unusual findings that are no errors.
    """

    images: "Images"
    lists: "dict[str, NamedRows]"
    notes: list[str]


@contextlib.contextmanager
def open_source(
    path: pathlib.Path, features: Mapping[str, Any]
) -> Iterator[CelebASource]:
    """Finds CelebA's images, reads its lists, and keeps archives open.

    Args:
        path: Path of a folder or a zip archive.
        features: The features of tfds `celeb_a`, for the names of the columns.

    Yields:
        A `CelebASource`.

    Raises:
        FileNotFoundError: If the images or a list is missing.
        ValueError: If an archive or a list cannot be read.
    """
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            files = _Folder(path)
        else:
            files = stack.enter_context(_Zip(path))
        lists, notes = _read_lists(files, features)
        yield CelebASource(_find_images(files, stack), lists, notes)


class _Folder:
    """The files of a folder, by their path below it."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.names: list[str] = []

        def stop(error: OSError) -> None:
            raise PermissionError(
                f"source has the folder {error.filename}, which cannot be read "
                f"({error.strerror}); expected read permission."
            ) from error

        # Large data is often linked. The maximum depth ends cycles of links.
        for folder, subfolders, files in os.walk(path, onerror=stop, followlinks=True):
            below = pathlib.PurePath(folder).relative_to(path)
            if len(below.parts) == _FOLDER_DEPTH:
                subfolders.clear()
            self.names += [(below / file).as_posix() for file in files]

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


class _Zip(contextlib.AbstractContextManager):
    """The files of a zip archive, by their path inside, read without unpacking it."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(
                f"source has {path}, which is not a complete zip archive; download it "
                "again."
            ) from error
        self.names = [name for name in self._zip.namelist() if name[-1] != "/"]
        # All threads share one file handle.
        self._lock = threading.Lock()

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        # Encryption raises a RuntimeError, an unknown compression a
        # NotImplementedError, which is one too.
        try:
            with self._lock:
                return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise ValueError(
                f"source has {self.path}, of which {name} cannot be unpacked; download "
                "it again."
            ) from error


def _find(files: _Folder | _Zip, file_name: str) -> str | None:
    """Returns the path of the topmost file with a name, or None."""
    found = [n for n in files.names if n == file_name or n.endswith(f"/{file_name}")]
    return min(found, key=lambda name: (name.count("/"), name), default=None)


class Images:
    """JPEGs by file name.

    Attributes:
        names: Set-like view of the file names.
    """

    def __init__(self, files: _Folder | _Zip, paths: dict[str, str]) -> None:
        self._files = files
        self._paths = paths
        self.names: KeysView[str] = paths.keys()

    def read(self, name: str) -> bytes:
        """Returns the bytes of an image. Any thread may call it."""
        return self._files.read(self._paths[name])


def _find_images(files: _Folder | _Zip, stack: contextlib.ExitStack) -> Images:
    """Returns the images of `img_align_celeba.zip`, or of the folder without it."""
    folder = f"{IMAGES}/"
    if isinstance(files, _Folder) and (inner := _find(files, f"{IMAGES}.zip")):
        files, folder = stack.enter_context(_Zip(files.path / inner)), ""
    paths = {}
    for path in files.names:
        above, _, name = path.rpartition("/")
        # macOS adds "._000001.jpg" to what it copies and packs.
        is_image = name.endswith(".jpg") and not name.startswith(".")
        if is_image and f"{above}/".endswith(folder):
            paths[name] = path
    if not paths:
        raise FileNotFoundError(
            f"source has no images in {files.path}; expected {IMAGES}.zip or a folder "
            f"{IMAGES} of .jpg files."
        )
    return Images(files, paths)


@dataclasses.dataclass(frozen=True)
class NamedRows:
    """A row of integers for each image.

    Attributes:
        file: Name of the list's file.
        columns: List of the names of the columns.
        rows: Dict from an image's file name to the number of its row.
        values: `array.array` of all rows, one after the other. Lists would take ten
            times the memory.
    """

    file: str
    columns: list[str]
    rows: dict[str, int]
    values: array.array

    def row(self, name: str) -> dict[str, int]:
        """Returns the row of an image as a dict from column to integer."""
        start = self.rows[name] * len(self.columns)
        row = self.values[start : start + len(self.columns)]
        return dict(zip(self.columns, row, strict=True))


def _read_lists(
    files: _Folder | _Zip, features: Mapping[str, Any]
) -> tuple[dict[str, NamedRows], list[str]]:
    """Returns the lists by name without suffix, and notes on unusual findings."""
    expected: dict[str, tuple[list[str], tuple[int, ...] | None]] = {
        PARTITION: (["partition"], tuple(range(len(SPLITS)))),
        # No is -1 in the official list, and 0 in some copies.
        ATTRIBUTES: (list(features["attributes"]), (-1, 0, 1)),
        LANDMARKS: (list(features["landmarks"]), None),
        IDENTITY: (list(features["identity"]), None),
    }
    found = {
        stem: _find(files, f"{stem}.txt") or _find(files, f"{stem}.csv")
        for stem in expected
    }
    lists: dict[str, NamedRows] = {}
    notes: list[str] = []
    for stem, (columns, allowed) in expected.items():
        path = found[stem]
        if path is not None:
            lists[stem], announced = _read_list(files, path, columns, allowed)
            count = len(lists[stem].rows)
            if announced not in (None, count):
                notes.append(
                    f"{lists[stem].file} announces {announced} rows and has {count}"
                )
        elif stem == IDENTITY and lists[ATTRIBUTES].file.endswith(".csv"):
            notes.append(f"Kaggle ships no {IDENTITY}.txt: each Identity_No is -1")
        else:
            raise FileNotFoundError(
                f"source {files.path} has no {stem}.txt and no {stem}.csv; expected "
                "the lists of CelebA next to its images, or in Anno and Eval."
            )
    return lists, notes


def _read_list(
    files: _Folder | _Zip,
    path: str,
    columns: list[str],
    allowed: tuple[int, ...] | None,
) -> tuple[NamedRows, int | None]:
    """Returns a list, and the number of rows that its file announces, or None."""
    # Bytes that are not UTF-8 fail below as a malformed line.
    lines = files.read(path).decode("utf-8-sig", errors="replace").splitlines()
    file = pathlib.PurePosixPath(path).name

    def malformed(number: int, expected: str) -> ValueError:
        line = lines[number - 1] if number <= len(lines) else ""
        return ValueError(
            f"source {files.path} has a malformed {path}, where line {number} is "
            f"{line[:60]!r}; expected {expected}."
        )

    announced, separator, header_lines = None, None, 0
    if file.endswith(".csv"):
        separator, header_lines = ",", 1
        header = lines[0].strip().split(",")[1:] if lines else []
    elif file.startswith((ATTRIBUTES, LANDMARKS)):
        header_lines = 2
        if not lines or not lines[0].strip().isdecimal():
            raise malformed(1, "the number of rows")
        announced = int(lines[0])
        header = lines[1].split() if len(lines) > 1 else []
    else:
        header = columns
    if sorted(header) != sorted(columns):
        names = ", ".join(columns[:3])
        raise malformed(header_lines, f"the {len(columns)} column names {names} ...")

    rows: dict[str, int] = {}
    values = array.array("q")
    for number, line in enumerate(lines[header_lines:], header_lines + 1):
        if not line.strip():
            continue
        name, *fields = line.strip().split(separator)
        try:
            row = array.array("q", map(int, fields))
        except (ValueError, OverflowError):
            row = array.array("q")
        if len(row) != len(columns) or (allowed and not set(row) <= set(allowed)):
            which = f" of {allowed}" if allowed else ""
            raise malformed(number, f"a file name and {len(columns)} integers{which}")
        if name in rows:
            raise malformed(number, "each file name only once")
        rows[name] = len(rows)
        values.extend(row)
    return NamedRows(file, header, rows, values), announced
