"""CelebA, and drawn faces with the same labels, from TensorFlow Datasets (tfds)."""

import os
from collections.abc import Generator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive, size_pair
from kerasgan.data.batches import image_batches, second_seed
from kerasgan.data.cache import cached_images
from kerasgan.data.tfds_data import (
    absolute_data_dir,
    cache_facts,
    count_images,
    downloaded,
    prepared,
    read_batches,
    read_split,
)

# Images decoded and resized in one call, which is faster than one call for each.
DECODED_AT_ONCE = 64
# Where tfds downloads celeb_a from.
DOWNLOADS = "https://drive.google.com"
SPLITS = ("train", "validation", "test")
DATASETS = ("celeb_a", "synthetic_faces")


def celeb_a(
    image_size: int | tuple[int, int] = 64,
    split: Any = "train",
    *,
    attribute: str | None = None,
    value: bool = True,
    batch_size: int = 64,
    shuffle: bool = True,
    seed: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    dataset: str = "celeb_a",
) -> tf.data.Dataset:
    """Returns the faces of tfds `celeb_a`, 178x218 pixels, cropped and resized.

    Images are center-cropped to the shape of `image_size` and resized with
    antialiasing. The first call decodes the images that it needs into a cache on disk.
    Later calls, in any process, open the cache. From "Deep Learning Face Attributes in
    the Wild", Liu et al. 2015, https://arxiv.org/abs/1411.7766.

    Args:
        image_size: Int, or pair `(height, width)`, in pixels.
        split: `"train"`, `"validation"` or `"test"`, or a part of one in the syntax of
            tfds, such as `"train[:10%]"`.
        attribute: One of the 40 attributes, such as `"Male"`. Only images that have it
            are returned, and only those are decoded. None returns all images.
        value: Bool. False returns the images that do not have the attribute.
        batch_size: Int, images per batch.
        shuffle: Whether each epoch has a different order. Without shuffling, the last
            batch may be smaller.
        seed: Int, random seed for shuffling. By default, a random seed is chosen.
        data_dir: Folder of tfds datasets, by default `~/tensorflow_datasets`.
        dataset: `"celeb_a"`, or `"synthetic_faces"` for drawn faces.

    Returns:
        A `tf.data.Dataset` of float32 `(batch, height, width, 3)` in [-1, 1].

    Raises:
        ValueError: If an argument is invalid, no image is left, or the dataset on disk
            is damaged.
        FileNotFoundError: If the dataset is not on disk and cannot be downloaded, or
            lacks files. The message says what to do.
        NotADirectoryError: If a file is where `data_dir` should be.
        PermissionError: If `data_dir` cannot be read, or cannot be written to.

    Example:

    >>> women = kerasgan.data.celeb_a(64, attribute="Male", value=False)
    """
    height, width = size_pair(image_size)
    check_positive(batch_size=batch_size)
    check_choice("dataset", dataset, DATASETS)
    value = bool(value)
    builder = _new_builder(dataset, data_dir)
    if attribute is not None:
        check_choice("attribute", attribute, builder.info.features["attributes"])
    if isinstance(split, str) and split.isidentifier() and split != "all":
        # Before anything is drawn or downloaded.
        check_choice("split", split, SPLITS)
    builder = _prepared_builder(dataset, data_dir)
    total = count_images(builder, split, split, builder.info.splits)
    images, _ = cached_images(
        name=f"{dataset}-{height}x{width}",
        facts={
            **cache_facts(builder, split),
            "attribute": None if attribute is None else [attribute, value],
        },
        image_shape=(height, width, 3),
        total=total,
        decode=lambda: _decode(builder, split, attribute, value, (height, width)),
    )
    if attribute is not None and not len(images):
        raise ValueError(
            f"attribute is {attribute!r}, which {'no' if value else 'every'} image of "
            f"{dataset} {split!r} has; expected an attribute that only some images "
            "have."
        )
    which = "" if attribute is None else f" with {attribute} {value}"
    return image_batches(
        images, batch_size, shuffle, seed, f"{dataset} {split!r}{which}"
    )


def celeb_a_by_attribute(
    attribute: str,
    image_size: int | tuple[int, int] = 64,
    split: Any = "train",
    *,
    seed: int | None = None,
    **options: Any,
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns the images of `celeb_a` with an attribute, and those without it.

    Args:
        attribute: One of the 40 attributes, such as `"Male"`.
        image_size: As in `celeb_a`.
        split: As in `celeb_a`.
        seed: As in `celeb_a`. The images without the attribute are shuffled with
            `seed + 1`; otherwise two halves of the same length would have the same
            order.
        **options: Other arguments of `celeb_a`.

    Returns:
        A pair of datasets like that of `celeb_a`.

    Raises:
        ValueError: As `celeb_a`; also if one half is empty.
        OSError: As `celeb_a`.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", image_size=64)
    """
    if attribute is None:
        raise ValueError("attribute is None; expected one of the 40, such as 'Male'.")
    has, has_not = (
        celeb_a(
            image_size, split, attribute=attribute, value=value, seed=own, **options
        )
        for value, own in ((True, seed), (False, second_seed(seed)))
    )
    return has, has_not


def synthetic_faces(
    image_size: int | tuple[int, int] = 64, split: Any = "train", **options: Any
) -> tf.data.Dataset:
    """Returns drawn faces with the labels of CelebA, without a download.

    The first call draws 10,000 faces, which takes about a minute. See
    `kerasgan.data.drawn_faces.builder.SyntheticFaces`.

    Args:
        image_size: As in `celeb_a`.
        split: As in `celeb_a`.
        **options: Other arguments of `celeb_a`.

    Returns:
        A dataset like that of `celeb_a`.

    Raises:
        ValueError: As `celeb_a`.
        OSError: As `celeb_a`.

    Example:

    >>> gan.fit(kerasgan.data.synthetic_faces(image_size=64), epochs=10)
    """
    return celeb_a(image_size, split, dataset="synthetic_faces", **options)


def celeb_a_facts(
    dataset: str, split: Any, data_dir: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """Returns what determines the images of a split, serializable as JSON.

    Args:
        dataset: As in `celeb_a`.
        split: As in `celeb_a`.
        data_dir: As in `celeb_a`.
    """
    return cache_facts(_prepared_builder(dataset, data_dir), split)


def _new_builder(dataset: str, data_dir: str | os.PathLike[str] | None) -> Any:
    """Returns the tfds builder of a dataset, which does not have to be on disk."""
    # Imported here, because it takes seconds.
    import tensorflow_datasets as tfds

    data_dir = absolute_data_dir(data_dir)
    if dataset == "synthetic_faces":
        from kerasgan.data.drawn_faces.builder import SyntheticFaces

        return SyntheticFaces(data_dir=data_dir)
    return tfds.builder(dataset, data_dir=data_dir)


def _prepared_builder(dataset: str, data_dir: str | os.PathLike[str] | None) -> Any:
    """Returns the builder of a dataset, drawing or downloading it if necessary."""

    def make() -> Any:
        return _new_builder(dataset, data_dir)

    if dataset == "synthetic_faces":
        return prepared(make)
    return downloaded(
        make,
        site=DOWNLOADS,
        limits="Google Drive limits its downloads",
        otherwise=(
            "If you have a copy from elsewhere (the official files or Kaggle's), run "
            "'kerasgan prepare celeb_a --from COPY --data-dir DATA_DIR', and pass the "
            "same data_dir here."
        ),
    )


def _decode(
    builder: Any,
    split: Any,
    attribute: str | None,
    value: bool,
    size: tuple[int, int],
) -> Generator[np.ndarray, None, None]:
    """Yields uint8 batches of the images that have the attribute."""
    import tensorflow_datasets as tfds

    wanted: dict[str, Any] = {"image": True}
    if attribute is not None:
        wanted["attributes"] = {attribute}
    # tfds would decode every JPEG before a filter could see its attributes.
    decoders = tfds.decode.PartialDecoding(
        wanted, decoders={"image": tfds.decode.SkipDecoding()}
    )
    dataset = read_split(builder, split, decoders)
    if attribute is not None:
        dataset = dataset.filter(
            lambda example: tf.equal(example["attributes"][attribute], value)
        )
    ratio, window = _decoding(builder.info.features["image"].shape[:2], size)

    def decode(jpeg: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_and_crop_jpeg(jpeg, window, channels=3, ratio=ratio)

    def decode_batch(examples: dict[str, tf.Tensor]) -> tf.Tensor:
        images = tf.map_fn(decode, examples["image"], fn_output_signature=tf.uint8)
        return resize(images, size)

    yield from read_batches(
        builder,
        dataset.batch(DECODED_AT_ONCE)
        .map(decode_batch, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE),
    )


def _decoding(
    shape: tuple[int, int], size: tuple[int, int]
) -> tuple[int, tuple[int, int, int, int]]:
    """Returns how to decode a JPEG of `shape` that will be resized to `size`.

    Returns:
        The ratio by which the decoder scales down, if that leaves at least `size`; this
        saves much of its work and is antialiased too. And the largest central crop of
        the shape of `size` in its result, `(top, left, height, width)`.
    """
    # A quarter of 178x218 is not whole: the last pixels would be partly padding.
    for ratio in (2, 1):
        scaled = [side // ratio for side in shape]
        scale = min(scaled[0] / size[0], scaled[1] / size[1])
        if scale >= 1:
            break
    height, width = (max(1, round(side * scale)) for side in size)
    top, left = (scaled[0] - height) // 2, (scaled[1] - width) // 2
    return ratio, (top, left, height, width)


def resize(images: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Resizes uint8 images with antialiasing.

    Args:
        images: uint8 tensor `(n, height, width, channels)`.
        size: Pair `(height, width)`.

    Returns:
        A uint8 tensor `(n, *size, channels)`. Each pixel is the mean of the area that
        it covers. Images that become larger are interpolated.
    """
    grows = images.shape[1] < size[0] or images.shape[2] < size[1]
    method = "bicubic" if grows else "area"
    resized = tf.image.resize(images, size, method=method)
    return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)
