"""A copy of CelebA that somebody already has, turned into tfds's own `celeb_a`.

tfds downloads CelebA from Google Drive, which refuses once its daily quota is used
up. With the files at hand, in the layout of the official release or of Kaggle, no
download is needed.
"""

import collections
import contextlib
import dataclasses
import functools
import io
import multiprocessing.pool
import os
import pathlib
import shutil
import tempfile

from PIL import Image

from kerasgan.data import celeb_a_source
from kerasgan.data.celeb_a_source import SPLITS

_IMAGE_SIZE = (178, 218)  # Width and height, as Pillow has it.
# The names and numbers of a record beside its JPEG, rounded up.
_LABEL_BYTES = 2000
# Splits larger than this are sorted on disk, in so many files.
_SORT_BYTES = 64 << 20
_SORT_FILES = 100


@dataclasses.dataclass(frozen=True)
class PreparedCelebA:
    """What `prepare_celeb_a` wrote; as a string, a report of a few lines.

    Attributes:
        path: `pathlib.Path` of the data set, `data_dir/celeb_a/version`.
        splits: Dict from the name of a split to the number of its images.
        left_out: Dict from a reason to the sorted file names of the images that
            were left out for it. Every such image is under one reason only.
        notes: Tuple of sentences on what else was found.
    """

    path: pathlib.Path
    splits: dict[str, int]
    left_out: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]

    def __str__(self):
        counts = ", ".join(f"{split} {n}" for split, n in self.splits.items())
        lines = [f"{sum(self.splits.values())} images ({counts}) in {self.path}"]
        for reason, names in self.left_out.items():
            first = ", ".join(names[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            lines.append(f"left out {len(names)} {reason}: {first}{more}")
        return "\n".join([*lines, *self.notes])


def prepare_celeb_a(source, data_dir):
    """Writes a copy of CelebA as the data set `celeb_a` of TensorFlow Datasets.

    No network is used, then or later: `tfds.load("celeb_a", data_dir=data_dir)`
    finds its own features, version and splits. The JPEGs are stored byte for byte.
    Every listed image is decoded once beforehand; one that is damaged or not on
    every list is left out and named in the result, and the others are written. A
    split without any image is not written.

    The data set appears whole or not at all, so a run that was interrupted is
    simply started again.

    Args:
        source: Path of a folder or zip archive with CelebA in one of two layouts.
            The official one has `img_align_celeba.zip`, or the folder of images
            that comes out of it, and `list_attr_celeba.txt`,
            `list_eval_partition.txt`, `list_landmarks_align_celeba.txt` and
            `identity_CelebA.txt`, side by side or in `Img`, `Anno` and `Eval`.
            Kaggle's has the folder `img_align_celeba/img_align_celeba` and the
            lists as `.csv`, unpacked or still in its `archive.zip`. It has no
            identities; every `Identity_No` is -1 then.
        data_dir: Path of the local folder of tfds data sets, usually
            `~/tensorflow_datasets`; made if it is missing.

    Returns:
        A `PreparedCelebA`.

    Raises:
        FileNotFoundError: If `source`, its images or one of its lists is missing.
        FileExistsError: If `data_dir` already has `celeb_a`.
        ValueError: If an archive or a list in `source` cannot be read, if no image
            is usable, or if `data_dir` cannot be a folder.
        OSError: If the disk has no room for the data set.

    Example:

    >>> print(kerasgan.data.prepare_celeb_a("Downloads/archive.zip", "datasets"))
    202599 images (train 162770, validation 19867, test 19962) in datasets/celeb_a/2.1.0
    Kaggle ships no identity_CelebA.txt: every Identity_No is -1
    >>> faces = tfds.load("celeb_a", data_dir="datasets", split="train")
    """
    import tensorflow_datasets as tfds

    source = pathlib.Path(source).expanduser()
    data_dir = pathlib.Path(data_dir).expanduser()
    if not source.exists():
        raise FileNotFoundError(
            f"source {source} does not exist; expected a folder or a zip archive with "
            "CelebA."
        )
    disk = _writable_parent(data_dir)
    celeb_a = tfds.builder_cls("celeb_a")(data_dir=data_dir)
    path = pathlib.Path(celeb_a.data_dir)
    if path.exists():
        raise FileExistsError(
            f"data_dir already has celeb_a, in {path}; remove that folder to prepare "
            "it anew."
        )

    with celeb_a_source.open_source(source, celeb_a.info.features) as found:
        splits, left_out, image_bytes = _check(found.images, found.lists)
        counts = {split: len(names) for split, names in splits.items()}
        total = sum(counts.values())
        if not total:
            reasons = ", ".join(f"{len(n)} {reason}" for reason, n in left_out.items())
            raise ValueError(f"source {source} has no usable image ({reasons}).")
        # Twice, because tfds sorts large splits on the same disk.
        needed = 2 * (image_bytes + _LABEL_BYTES * total)
        free = shutil.disk_usage(disk).free
        if needed > free:
            raise OSError(
                f"data_dir {data_dir} has {free / 1e9:.1f} GB free, but writing "
                f"{total} images takes {needed / 1e9:.1f} GB."
            )
        _write(type(celeb_a), data_dir, splits, found.images, found.lists)
    leftovers = [
        f"{folder} is half a data set, left by a run that was killed: delete it"
        for folder in sorted(path.parent.glob("incomplete.*"))
    ]
    return PreparedCelebA(path, counts, left_out, (*found.notes, *leftovers))


def _writable_parent(data_dir):
    """Returns the nearest of `data_dir` and the folders above it that exists."""
    parent = data_dir.absolute()
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        problem = "cannot be written to" if parent.is_dir() else "is not a folder"
        raise ValueError(
            f"data_dir is {data_dir}, but {parent} {problem}; expected a folder that "
            "exists or can be made."
        )
    return parent


def _check(images, lists):
    """Sorts out which images can be written.

    Returns:
        Dict from split to sorted file names, dict from reason to the file names
        left out for it, and the bytes of the images to write.
    """
    from tqdm import auto

    left_out = collections.defaultdict(list)
    complete = []
    listed = set().union(*(each.rows for each in lists.values()))
    for name in sorted(listed.union(images.names)):
        lacking = [each.file for each in lists.values() if name not in each.rows]
        if len(lacking) == len(lists):
            left_out["on no list"].append(name)
        elif name not in images.names:
            left_out["listed but not among the images"].append(name)
        elif lacking:
            left_out[f"not in {lacking[0]}"].append(name)
        else:
            complete.append(name)

    splits = {split: [] for split in SPLITS}
    total_bytes = 0
    # Threads are enough: Pillow decodes without holding the interpreter lock.
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


def _whole_jpeg(images, name):
    """Returns the bytes of a JPEG of CelebA's size that decodes, 0 for any other."""
    try:
        jpeg = images.read(name)
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            if image.size != _IMAGE_SIZE:
                return 0
            image.load()
    except Exception:  # Damaged bytes make Pillow raise a dozen kinds.
        return 0
    # Pillow forgives a missing end of image, TensorFlow does not. The marker stands
    # behind the last start of scan; padding may follow.
    return len(jpeg) if jpeg.rfind(b"\xff\xd9") > jpeg.rfind(b"\xff\xda") else 0


def _write(celeb_a, data_dir, splits, images, lists):
    """Lets tfds write, with these files in place of its downloads."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import shuffle, utils

    class CelebA(celeb_a, skip_registration=True):
        name = "celeb_a"

        def _split_generators(self, dl_manager):
            return {
                split: self._generate_examples(names)
                for split, names in splits.items()
                if names
            }

        def _generate_examples(self, names):
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

    # dataset_info.json names the module that reads the data set: tfds's own.
    CelebA.__module__ = celeb_a.__module__
    with (
        tempfile.TemporaryDirectory() as nothing_downloaded,
        # tfds announces a download of unknown size.
        contextlib.redirect_stdout(io.StringIO()),
        # By itself it sorts up to 1 GB in memory, and what is more in 1,000 files
        # that are open at once, which some systems do not allow.
        utils.temporary_assignment(shuffle, "MAX_MEM_BUFFER_SIZE", _SORT_BYTES),
        utils.temporary_assignment(shuffle, "BUCKETS_NUMBER", _SORT_FILES),
    ):
        CelebA(data_dir=data_dir).download_and_prepare(
            download_dir=nothing_downloaded,
            download_config=tfds.download.DownloadConfig(try_download_gcs=False),
        )
