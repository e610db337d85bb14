"""Converts a copy of CelebA to the tfds dataset `celeb_a`.

tfds downloads CelebA from Google Drive, which rejects downloads when its daily quota is
used up. With a copy of the files, as the official release or Kaggle ships them, no
download is needed.
"""

import collections
import dataclasses
import functools
import io
import multiprocessing.pool
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from kerasgan.data import celeb_a_source
from kerasgan.data.celeb_a_source import SPLITS, Images, NamedRows
from kerasgan.data.tfds_data import check_writable
from kerasgan.files import absolute_path

_IMAGE_SIZE = (178, 218)  # Width and height, Pillow's order.
# Size of a record without its JPEG, rounded up.
_LABEL_BYTES = 2000
# Splits larger than this are sorted on disk, in this many files.
_SORT_BYTES = 64 << 20
_SORT_FILES = 100


@dataclasses.dataclass(frozen=True)
class PreparedCelebA:
    """The result of `prepare_celeb_a`. Its string is a report of a few lines.

    Attributes:
        path: `pathlib.Path` of the dataset, `data_dir/celeb_a/version`.
        splits: Dict from the name of a split to its number of images.
        left_out: Dict from a reason to the sorted file names of the images that were
            left out for it. Each of them has one reason.
        notes: Tuple of sentences about other findings.
    """

    path: pathlib.Path
    splits: dict[str, int]
    left_out: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        counts = ", ".join(f"{split} {n}" for split, n in self.splits.items())
        lines = [f"{sum(self.splits.values())} images ({counts}) in {self.path}"]
        for reason, names in self.left_out.items():
            first = ", ".join(names[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            lines.append(f"left out {len(names)} ({reason}): {first}{more}")
        return "\n".join([*lines, *self.notes])


def prepare_celeb_a(
    source: str | os.PathLike[str], data_dir: str | os.PathLike[str]
) -> PreparedCelebA:
    """Writes a copy of CelebA as the dataset `celeb_a` of TensorFlow Datasets.

    No network is used, now or later: `tfds.load("celeb_a", data_dir=data_dir)` finds
    its own features, version and splits. The JPEGs are stored byte for byte. Each
    listed image is decoded once beforehand. Images that are damaged or not on every
    list are left out and named in the result. A split without images is not written.

    The dataset appears whole or not at all. If a run is interrupted, start it again.

    Args:
        source: Path of a folder or zip archive with CelebA, in one of two layouts. The
            official one has `img_align_celeba.zip`, or the folder of images in it, and
            `list_attr_celeba.txt`, `list_eval_partition.txt`,
            `list_landmarks_align_celeba.txt` and `identity_CelebA.txt`, in one folder
            or in `Img`, `Anno` and `Eval`. Kaggle's has the folder
            `img_align_celeba/img_align_celeba` and the lists as `.csv`, unpacked or in
            its `archive.zip`. It has no identities, so each `Identity_No` is -1.
        data_dir: Path of the folder of tfds datasets, usually `~/tensorflow_datasets`.
            It is created if it does not exist.

    Returns:
        A `PreparedCelebA`.

    Raises:
        FileNotFoundError: If `source`, its images or one of its lists is missing.
        FileExistsError: If `data_dir` already has `celeb_a`.
        NotADirectoryError: If a file is where `data_dir` should be.
        PermissionError: If `data_dir` cannot be written to.
        ValueError: If an archive or a list in `source` cannot be read, or if no image
            is usable.
        OSError: If the disk has no space for the dataset.

    Example:

    >>> print(kerasgan.data.prepare_celeb_a("Downloads/archive.zip", "datasets"))
    202599 images (train 162770, validation 19867, test 19962) in datasets/celeb_a/2.1.0
    Kaggle ships no identity_CelebA.txt: each Identity_No is -1
    >>> faces = tfds.load("celeb_a", data_dir="datasets", split="train")
    """
    import tensorflow_datasets as tfds

    source, data_dir = absolute_path(source), absolute_path(data_dir)
    if not source.exists():
        raise FileNotFoundError(
            f"source {source} does not exist; expected a folder or a zip archive with "
            "CelebA."
        )
    disk = check_writable("celeb_a", data_dir)
    celeb_a = tfds.builder_cls("celeb_a")(data_dir=data_dir)
    path = pathlib.Path(celeb_a.data_dir)
    if path.exists():
        raise FileExistsError(
            f"data_dir already has celeb_a, in {path}; delete that folder to prepare "
            "it again."
        )
    check_writable("celeb_a", path.parent)

    with celeb_a_source.open_source(source, celeb_a.info.features) as found:
        splits, left_out, image_bytes = _check(found.images, found.lists)
        counts = {split: len(names) for split, names in splits.items()}
        total = sum(counts.values())
        if not total:
            reasons = ", ".join(f"{len(n)} {reason}" for reason, n in left_out.items())
            raise ValueError(f"source {source} has no usable image ({reasons}).")
        # Twice the size, because tfds sorts large splits on the same disk.
        needed = 2 * (image_bytes + _LABEL_BYTES * total)
        free = shutil.disk_usage(disk).free
        if needed > free:
            raise OSError(
                f"data_dir {data_dir} has {free / 1e9:.1f} GB free, but writing "
                f"{total} images takes {needed / 1e9:.1f} GB."
            )
        _write(type(celeb_a), data_dir, splits, found.images, found.lists)
    leftovers = [
        f"{folder} is an incomplete dataset of a run that was killed: delete it"
        for folder in sorted(path.parent.glob("incomplete.*"))
    ]
    return PreparedCelebA(path, counts, left_out, (*found.notes, *leftovers))


def _check(
    images: Images, lists: Mapping[str, NamedRows]
) -> tuple[dict[str, list[str]], dict[str, tuple[str, ...]], int]:
    """Decides which images can be written.

    Returns:
        Dict from split to sorted file names, dict from reason to the file names that
        are left out for it, and the total bytes of the images to write.
    """
    from tqdm import auto

    left_out: dict[str, list[str]] = collections.defaultdict(list)
    complete: list[str] = []
    listed: set[str] = set().union(*(each.rows for each in lists.values()))
    for name in sorted(listed.union(images.names)):
        lacking = [each.file for each in lists.values() if name not in each.rows]
        if len(lacking) == len(lists):
            left_out["in no list"].append(name)
        elif name not in images.names:
            left_out["in a list but without an image"].append(name)
        elif lacking:
            left_out[f"not in {lacking[0]}"].append(name)
        else:
            complete.append(name)

    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    total_bytes = 0
    # Threads are enough: Pillow releases Python's global lock while it decodes.
    check = functools.partial(_whole_jpeg, images)
    with multiprocessing.pool.ThreadPool() as pool:
        sizes = pool.imap(check, complete, chunksize=32)
        progress = auto.tqdm(
            zip(complete, sizes, strict=True),
            desc="Checking images",
            total=len(complete),
            unit=" images",
        )
        for name, size in progress:
            if size:
                partition = lists[celeb_a_source.PARTITION].row(name)["partition"]
                splits[SPLITS[partition]].append(name)
                total_bytes += size
            else:
                left_out["broken JPEG"].append(name)
    return splits, {why: tuple(names) for why, names in left_out.items()}, total_bytes


def _whole_jpeg(images: Images, name: str) -> int:
    """Returns the bytes of a JPEG of CelebA's size that can be decoded, or 0."""
    try:
        jpeg = images.read(name)
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            if image.size != _IMAGE_SIZE:
                return 0
            image.load()
    except Exception:  # Damaged bytes make Pillow raise a dozen types.
        return 0
    # Pillow accepts a missing end of image, TensorFlow does not. The marker follows the
    # last start of scan; padding may follow it.
    return len(jpeg) if jpeg.rfind(b"\xff\xd9") > jpeg.rfind(b"\xff\xda") else 0


def _write(
    celeb_a: Any,
    data_dir: pathlib.Path,
    splits: Mapping[str, Sequence[str]],
    images: Images,
    lists: Mapping[str, NamedRows],
) -> None:
    """Lets tfds write the dataset, from these files instead of a download."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import shuffle, utils

    class CelebA(celeb_a, skip_registration=True):  # type: ignore[call-arg]
        name = "celeb_a"

        def _log_download_bytes(self) -> None:
            # tfds would announce a download.
            pass

        def _log_download_done(self) -> None:
            pass

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            return {
                split: self._generate_examples(names)
                for split, names in splits.items()
                if names
            }

        def _generate_examples(
            self, names: Sequence[str]
        ) -> Iterator[tuple[str, dict[str, Any]]]:
            unknown = dict.fromkeys(self.info.features["identity"], -1)
            identities = lists.get(celeb_a_source.IDENTITY)
            for name in names:
                attributes = lists[celeb_a_source.ATTRIBUTES].row(name)
                yield (
                    name,
                    {
                        "image": io.BytesIO(images.read(name)),
                        "landmarks": lists[celeb_a_source.LANDMARKS].row(name),
                        "attributes": {key: n > 0 for key, n in attributes.items()},
                        "identity": identities.row(name) if identities else unknown,
                    },
                )

    # dataset_info.json names the module that reads the dataset, which is tfds's own.
    CelebA.__module__ = celeb_a.__module__
    with (
        tempfile.TemporaryDirectory() as nothing_downloaded,
        # The default is to sort up to 1 GB in memory, and more in 1,000 open files,
        # which some systems do not allow.
        utils.temporary_assignment(shuffle, "MAX_MEM_BUFFER_SIZE", _SORT_BYTES),
        utils.temporary_assignment(shuffle, "BUCKETS_NUMBER", _SORT_FILES),
    ):
        CelebA(data_dir=data_dir).download_and_prepare(
            download_dir=nothing_downloaded,
            download_config=tfds.download.DownloadConfig(try_download_gcs=False),
        )
