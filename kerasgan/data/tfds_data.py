"""What the data sets of TensorFlow Datasets have in common here.

`tensorflow_datasets` is imported when used: it costs seconds.
"""

import logging
import os
import urllib.error
import urllib.request

from kerasgan.arguments import check_choice


def prepared(make):
    """Returns the builder of a data set that is on disk, written if it was not.

    Args:
        make: Function without arguments that returns a new tfds builder.

    Returns:
        A builder that knows what is on disk.
    """
    builder = make()
    if not builder.is_prepared():
        try:
            builder.download_and_prepare()
        except OSError:
            # tfds renames a finished folder to its place, which fails where another
            # process has put the same data set there in the meantime.
            if not builder.is_prepared():
                raise
    # A builder knows what was on disk when it was made.
    return make()


def downloaded(make, site, limits, otherwise):
    """Returns the builder of a data set that is on disk, downloaded if it was not.

    Args:
        make: As in `prepared`.
        site: URL of the place where tfds downloads it from.
        limits: What may be behind a download that the site refuses, a clause.
        otherwise: What else can be done, a sentence.

    Returns:
        A builder that knows what is on disk.

    Raises:
        FileNotFoundError: If the data set cannot be downloaded or written; the
            message says why, and what else can be done.
    """
    builder = make()
    try:
        if not builder.is_prepared():
            # Without a network tfds would try for minutes before it gives up.
            urllib.request.urlopen(site, timeout=10).close()
        return prepared(make)
    except Exception as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".: ")
        why = f"; {limits}" if _refused(error) else ""
        name = builder.info.full_name.rpartition("/")[0]
        raise FileNotFoundError(
            f"{name} is not in {builder.data_path}, and tfds could not prepare it "
            f"({what}){why}.\n{otherwise}"
        ) from error


def _refused(error):
    """Whether an error is that of a site that answers and does not give the file."""
    import requests
    from tensorflow_datasets.core.download import download_manager, util

    return isinstance(
        error,
        (
            urllib.error.HTTPError,
            requests.RequestException,
            util.DownloadError,
            # A page that says so came in place of the file.
            download_manager.NonMatchingChecksumError,
        ),
    )


def count_images(builder, split, came, names):
    """Returns how many images a split of a data set on disk has.

    Args:
        builder: A builder of the data set.
        split: The split, or a part of one, as tfds knows it.
        came: What the caller gave as `split`, for messages.
        names: The splits that the caller may give, for messages.

    Raises:
        ValueError: If there is no such split, or none of its images.
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


def cache_facts(builder, split):
    """Returns what determines the images of a split, for a cache entry."""
    return {
        "dataset": builder.info.full_name,
        "data_path": str(builder.data_path),
        # A folder that was prepared again is another data set.
        "prepared": os.stat(
            os.path.join(builder.data_path, "dataset_info.json")
        ).st_mtime_ns,
        "split": str(split),
    }


def read_split(builder, split, decoders):
    """Returns a split as a `tf.data.Dataset` of examples, to be read once.

    Args:
        builder: A builder of a data set on disk.
        split: The split, or a part of one.
        decoders: As in `tfds.load`.
    """
    import tensorflow_datasets as tfds

    reading = tfds.ReadConfig(
        # Read once, then kept decoded.
        try_autocache=False,
        # Tuning finds out too late that one example at a time is too few.
        num_parallel_calls_for_decode=2 * (os.cpu_count() or 1),
    )
    # Inside, this uses an attribute that tfds itself warns of.
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return builder.as_dataset(split=split, decoders=decoders, read_config=reading)
    finally:
        logger.setLevel(level)
