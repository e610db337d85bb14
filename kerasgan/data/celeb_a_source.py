"""The images and lists of CelebA where they lie: a folder or a zip archive."""

import array
import contextlib
import dataclasses
import os
import pathlib
import threading
import zipfile
import zlib

IMAGES = "img_align_celeba"
PARTITION = "list_eval_partition"
ATTRIBUTES = "list_attr_celeba"
LANDMARKS = "list_landmarks_align_celeba"
IDENTITY = "identity_CelebA"

# The place of a split is its number in the partition list.
SPLITS = ("train", "validation", "test")

# `CelebA/Img/img_align_celeba/000001.jpg` seen from two folders above.
_FOLDER_DEPTH = 4


@dataclasses.dataclass(frozen=True)
class CelebASource:
    """What `open_source` found.

    Attributes:
        images: `Images`, the JPEGs by file name.
        lists: Dict from a list's name without suffix to its `NamedRows`. Only
            `IDENTITY` can be missing.
        notes: List of sentences on what is odd, but no hindrance.
    """

    images: "Images"
    lists: "dict[str, NamedRows]"
    notes: list[str]


@contextlib.contextmanager
def open_source(path, features):
    """Finds and reads CelebA's lists, finds its images, and keeps archives open.

    Args:
        path: `pathlib.Path` of a folder or of a zip archive.
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

    def __init__(self, path):
        self.path = path
        self.names = []
        # Large data often lies elsewhere behind a link; the depth ends a circle.
        for folder, subfolders, files in os.walk(path, followlinks=True):
            below = pathlib.PurePath(folder).relative_to(path)
            if len(below.parts) == _FOLDER_DEPTH:
                subfolders.clear()
            self.names += [(below / file).as_posix() for file in files]

    def read(self, name):
        return (self.path / name).read_bytes()


class _Zip(contextlib.AbstractContextManager):
    """The files of a zip archive, by their path inside, read without unpacking."""

    def __init__(self, path):
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

    def __exit__(self, *exception):
        self._zip.close()

    def read(self, name):
        # Encrypted is a RuntimeError, an unknown compression a NotImplementedError.
        try:
            with self._lock:
                return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise ValueError(
                f"source has {self.path}, of which {name} cannot be unpacked; download "
                "it again."
            ) from error


def _find(files, file_name):
    """Returns the path of the file with that name, nearest to the top, or None."""
    found = [n for n in files.names if n == file_name or n.endswith(f"/{file_name}")]
    return min(found, key=lambda name: (name.count("/"), name), default=None)


class Images:
    """JPEGs by file name, wherever they lie.

    Attributes:
        names: Set-like view of the file names.
    """

    def __init__(self, files, paths):
        self._files = files
        self._paths = paths
        self.names = paths.keys()

    def read(self, name):
        """Returns the bytes of the image; any thread may call it."""
        return self._files.read(self._paths[name])


def _find_images(files, stack):
    """Returns the images of `img_align_celeba.zip`, or else of the folder."""
    folder = f"{IMAGES}/"
    if isinstance(files, _Folder) and (inner := _find(files, f"{IMAGES}.zip")):
        files, folder = stack.enter_context(_Zip(files.path / inner)), ""
    paths = {}
    for path in files.names:
        above, _, name = path.rpartition("/")
        # macOS puts "._000001.jpg" beside what it copies and packs.
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
    """A row of integers for every image.

    Attributes:
        file: Name of the list's file.
        columns: List of the columns' names.
        rows: Dict from an image's file name to the number of its row.
        values: `array.array` of all rows, one after the other: lists of 200,000
            rows would take ten times the memory.
    """

    file: str
    columns: list[str]
    rows: dict[str, int]
    values: array.array

    def row(self, name):
        """Returns the row of an image as a dict from column to integer."""
        start = self.rows[name] * len(self.columns)
        row = self.values[start : start + len(self.columns)]
        return dict(zip(self.columns, row, strict=True))


def _read_lists(files, features):
    """Returns the lists by their stem, and notes on what is odd about them."""
    expected = {
        PARTITION: (["partition"], tuple(range(len(SPLITS)))),
        # The official list says -1 for no, some copies 0.
        ATTRIBUTES: (list(features["attributes"]), (-1, 0, 1)),
        LANDMARKS: (list(features["landmarks"]), None),
        IDENTITY: (list(features["identity"]), None),
    }
    found = {
        stem: _find(files, f"{stem}.txt") or _find(files, f"{stem}.csv")
        for stem in expected
    }
    lists, notes = {}, []
    for stem, (columns, allowed) in expected.items():
        if found[stem]:
            lists[stem], announced = _read_list(files, found[stem], columns, allowed)
            count = len(lists[stem].rows)
            if announced not in (None, count):
                notes.append(
                    f"{lists[stem].file} announces {announced} rows and has {count}"
                )
        elif stem == IDENTITY and found[ATTRIBUTES].endswith(".csv"):
            notes.append(f"Kaggle ships no {IDENTITY}.txt: every Identity_No is -1")
        else:
            raise FileNotFoundError(
                f"source {files.path} has no {stem}.txt and no {stem}.csv; expected "
                "the lists of CelebA beside its images, or in Anno and Eval."
            )
    return lists, notes


def _read_list(files, path, columns, allowed):
    """Returns a list as `NamedRows`, and how many rows it announces, or None."""
    # What is not UTF-8 fails below as a malformed line.
    lines = files.read(path).decode("utf-8-sig", errors="replace").splitlines()
    file = pathlib.PurePosixPath(path).name

    def malformed(number, expected):
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

    rows, values = {}, array.array("q")
    for number, line in enumerate(lines[header_lines:], header_lines + 1):
        if not line.strip():
            continue
        name, *fields = line.strip().split(separator)
        try:
            row = array.array("q", map(int, fields))
        except (ValueError, OverflowError):
            row = ()
        if len(row) != len(columns) or (allowed and not set(row) <= set(allowed)):
            which = f" of {allowed}" if allowed else ""
            raise malformed(number, f"a file name and {len(columns)} integers{which}")
        if name in rows:
            raise malformed(number, "every file name only once")
        rows[name] = len(rows)
        values.extend(row)
    return NamedRows(file, header, rows, values), announced
