"""What the datasets of TensorFlow Datasets (tfds) have in common.

`tensorflow_datasets` is imported inside the functions, because that takes seconds.
"""

import contextlib
import logging
import os
import pathlib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow as tf

from kerasgan.arguments import check_choice
from kerasgan.data.building import locked
from kerasgan.files import absolute_path


def absolute_data_dir(data_dir: str | os.PathLike[str] | None) -> str | None:
    """Returns `data_dir` as an absolute path, or None for tfds's default folder.

    Args:
        data_dir: Path of a folder of tfds datasets, which does not have to exist, or
            None.

    Raises:
        NotADirectoryError: If it is a file.
        PermissionError: If it cannot be read.
    """
    if data_dir is None:
        return None
    path = absolute_path(data_dir)
    expected = "expected a folder of tfds datasets."
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"data_dir is {str(path)!r}, a file; {expected}")
    if path.exists() and not os.access(path, os.R_OK | os.X_OK):
        raise PermissionError(
            f"data_dir is {str(path)!r}, which cannot be read; {expected}"
        )
    return str(path)


def check_writable(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Raises an error if a dataset cannot be written to a folder.

    Args:
        name: Name of the dataset, for the message.
        folder: Path of the folder, which does not have to exist.

    Returns:
        The path of the nearest folder above it, or itself, that exists.

    Raises:
        NotADirectoryError: If a file is in its place or above it.
        PermissionError: If it cannot be written to.
    """
    nearest = folder.absolute()
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    advice = "set data_dir to a folder that can be written to."
    if not nearest.is_dir():
        raise NotADirectoryError(
            f"{name} cannot be written to {folder}, because {nearest} is not a folder; "
            f"{advice}"
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{name} cannot be written to {folder}, because there is no write "
            f"permission for {nearest}; {advice}"
        )
    return nearest


def prepared(make: Callable[[], Any]) -> Any:
    """Returns the builder of a dataset that is on disk, writing it if it is not.

    Only one process writes it. Others wait.

    Args:
        make: Function without arguments that returns a new tfds builder.

    Returns:
        A builder that knows what is on disk.

    Raises:
        NotADirectoryError: As `check_writable`.
        PermissionError: As `check_writable`.
    """
    builder = make()
    if _is_prepared(builder):
        return builder
    path = pathlib.Path(builder.data_path)
    check_writable(builder.name, path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path, f"{builder.name} in {path}"):
        # A builder knows what was on disk when it was made.
        builder = make()
        if not _is_prepared(builder):
            try:
                with _quiet():
                    builder.download_and_prepare()
            except OSError:
                # A process that uses tfds directly may have been faster.
                if not _is_prepared(make()):
                    raise
    return make()


def downloaded(make: Callable[[], Any], site: str, limits: str, otherwise: str) -> Any:
    """Returns the builder of a dataset that is on disk, downloading it if it is not.

    Args:
        make: As in `prepared`.
        site: URL of the server that tfds downloads it from.
        limits: Possible reason why the server rejects a download, a clause.
        otherwise: What to do without the download, a sentence.

    Returns:
        A builder that knows what is on disk.

    Raises:
        FileNotFoundError: If the dataset cannot be downloaded. The message says why,
            what is on disk, and what to do.
        NotADirectoryError: As `check_writable`.
        PermissionError: As `check_writable`.
    """
    builder = make()
    if _is_prepared(builder):
        return builder
    path = pathlib.Path(builder.data_path)
    check_writable(builder.name, path.parent)
    try:
        # Without a network, tfds would try for minutes before it gives up.
        urllib.request.urlopen(site, timeout=10).close()
        return prepared(make)
    except Exception as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".: ")
        why = f"; {limits}" if _rejected(error) else ""
        raise FileNotFoundError(
            f"{builder.info.full_name.rpartition('/')[0]} is not in {path}"
            f"{_found_instead(path)}, and tfds could not prepare it ({what}){why}.\n"
            f"{otherwise}"
        ) from error


def _is_prepared(builder: Any) -> bool:
    with _quiet():
        return builder.is_prepared()


def _found_instead(path: pathlib.Path) -> str:
    """Returns a clause about what is on disk where a dataset should be."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.utils import version

    if path.exists():
        return " (the folder is there, but it is incomplete)"
    others = [str(other) for other in version.list_all_versions(path.parent)]
    if not others:
        return ""
    plural = "s" if len(others) > 1 else ""
    return (
        f" (version{plural} {' and '.join(others)} found there, but tfds "
        f"{tfds.__version__} reads version {path.name})"
    )


def _rejected(error: Exception) -> bool:
    """Returns whether a server answered, but did not send the file."""
    import requests
    from tensorflow_datasets.core.download import download_manager, util

    return isinstance(
        error,
        (
            urllib.error.HTTPError,
            requests.RequestException,
            util.DownloadError,
            # An error page came in place of the file.
            download_manager.NonMatchingChecksumError,
        ),
    )


def count_images(builder: Any, split: Any, came: Any, names: Iterable[str]) -> int:
    """Returns the number of images in a split of a dataset on disk.

    Args:
        builder: A builder of the dataset.
        split: The split, or a part of one, as tfds knows it.
        came: The caller's argument `split`, for messages.
        names: The splits that the caller may ask for, for messages.

    Raises:
        ValueError: If there is no such split, or it is empty.
    """
    try:
        count = builder.info.splits[split].num_examples
    except (AttributeError, ValueError):
        count = 0
    # tfds counts below zero in "train[5:2]".
    if count < 1:
        names = list(names)
        if str(came).partition("[")[0] not in names:
            check_choice("split", came, names)
        raise ValueError(
            f"split is {came!r}; expected one of {', '.join(map(repr, names))}, or a "
            "part of one that has images, such as 'train[:10%]'."
        )
    return count


def cache_facts(builder: Any, split: Any) -> dict[str, Any]:
    """Returns what determines the images of a split, for a cache entry."""
    return {
        "dataset": builder.info.full_name,
        "data_path": str(builder.data_path),
        # A folder that was prepared again is another dataset.
        "prepared": os.stat(
            os.path.join(builder.data_path, "dataset_info.json")
        ).st_mtime_ns,
        "split": str(split),
    }


def read_split(builder: Any, split: Any, decoders: Any) -> tf.data.Dataset:
    """Returns the examples of a split, to be read once.

    Args:
        builder: A builder of a dataset on disk.
        split: The split, or a part of one.
        decoders: As in `tfds.load`.

    Raises:
        FileNotFoundError: If files of the split are missing.
    """
    import tensorflow_datasets as tfds

    files = [pathlib.Path(file) for file in builder.info.splits[split].filepaths]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise FileNotFoundError(
            f"{builder.info.full_name} in {builder.data_path} lacks {len(missing)} of "
            f"{len(files)} files ({', '.join(missing[:5])}{more}); copy them there, or "
            "delete the folder and prepare the dataset again."
        )
    reading = tfds.ReadConfig(
        # It is read once, and then kept decoded.
        try_autocache=False,
        # tf.data's tuning finds out too late that one example at a time is too few.
        num_parallel_calls_for_decode=2 * (os.cpu_count() or 1),
    )
    # tfds uses an attribute that it warns of itself.
    with _quiet():
        return builder.as_dataset(split=split, decoders=decoders, read_config=reading)


def read_batches(builder: Any, batches: tf.data.Dataset) -> Iterator[Any]:
    """Yields the elements of a dataset as NumPy arrays.

    Args:
        builder: The builder of a dataset on disk, for messages.
        batches: A `tf.data.Dataset` made from `read_split`.

    Raises:
        ValueError: If a file of the dataset is damaged.
    """
    try:
        yield from batches.as_numpy_iterator()
    except tf.errors.OpError as error:
        raise ValueError(
            f"{builder.info.full_name} in {builder.data_path} is damaged "
            f"({error.message.splitlines()[0].rstrip('.')}); delete the folder and "
            "prepare the dataset again."
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences the warnings of tfds."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
