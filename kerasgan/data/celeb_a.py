"""CelebA, and drawn faces that are labelled like it, from tfds."""

import os

import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive, size_pair
from kerasgan.data.batches import image_batches, second_seed
from kerasgan.data.cache import cached_images
from kerasgan.data.tfds_data import (
    cache_facts,
    count_images,
    downloaded,
    prepared,
    read_split,
)

# Images decoded and resized in one call: calling for each alone costs more.
DECODED_AT_ONCE = 64
# Where tfds downloads celeb_a from.
DOWNLOADS = "https://drive.google.com"
SPLITS = ("train", "validation", "test")
DATASETS = ("celeb_a", "synthetic_faces")


def celeb_a(
    image_size=64,
    split="train",
    *,
    attribute=None,
    value=True,
    batch_size=64,
    shuffle=True,
    seed=None,
    data_dir=None,
    dataset="celeb_a",
):
    """Returns the faces of tfds `celeb_a`, 178x218 pixels, cropped and resized.

    Each image is cropped to its middle, as large as the shape of `image_size`
    allows, and averaged down to that size. The first call decodes what it needs
    into a cache on disk; later calls, in any process, only open it. From "Deep
    Learning Face Attributes in the Wild", Liu et al. 2015,
    https://arxiv.org/abs/1411.7766.

    Args:
        image_size: Int, or a pair `(height, width)`, in pixels.
        split: `"train"`, `"validation"`, `"test"`, or a part of one as tfds
            writes it: `"train[:10%]"`.
        attribute: One of the 40 attributes, `"Male"` say; only images that have
            it are returned, and only those are decoded. None returns all.
        value: False returns the images that do not have the attribute instead.
        batch_size: Int, images in a batch.
        shuffle: Whether each epoch has an order of its own. Without it, the last
            batch may be smaller than the others.
        seed: Int that decides the orders, with TensorFlow's global seed if it is set.
        data_dir: Folder of tfds, by default `~/tensorflow_datasets`.
        dataset: `"celeb_a"`, or `"synthetic_faces"` for drawn ones.

    Returns:
        A `tf.data.Dataset` of float32 `(batch, height, width, 3)` in [-1, 1].

    Raises:
        ValueError: If an argument is none of the above, or nothing is left.
        FileNotFoundError: If the data is not there and cannot be downloaded; the
            message says what to do.

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
        # Known before anything is drawn or downloaded.
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
            f"{dataset} {split!r} has; expected one that tells them apart."
        )
    which = "" if attribute is None else f" with {attribute} {value}"
    return image_batches(
        images, batch_size, shuffle, seed, f"{dataset} {split!r}{which}"
    )


def celeb_a_by_attribute(
    attribute, image_size=64, split="train", *, seed=None, **options
):
    """Returns the two halves of `celeb_a`: with an attribute, and without it.

    Args:
        attribute: One of the 40 attributes, `"Male"` say.
        image_size: As in `celeb_a`.
        split: As in `celeb_a`.
        seed: As in `celeb_a`. The orders of the second half are those of `seed + 1`:
            two halves with as many images would come in the same order otherwise.
        **options: The other arguments of `celeb_a`.

    Returns:
        A pair of datasets as `celeb_a` returns them.

    Raises:
        ValueError: As `celeb_a`; also if one half is empty.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", image_size=64)
    """
    if attribute is None:
        raise ValueError("attribute is None; expected one of the 40, 'Male' say.")
    return tuple(
        celeb_a(
            image_size, split, attribute=attribute, value=value, seed=own, **options
        )
        for value, own in ((True, seed), (False, second_seed(seed)))
    )


def synthetic_faces(image_size=64, split="train", **options):
    """Returns drawn faces with the labels of CelebA; nothing is downloaded.

    10,000 faces are drawn the first time, in about a minute. See
    `kerasgan.data.drawn_faces.builder.SyntheticFaces` for what is drawn.

    Args:
        image_size: As in `celeb_a`.
        split: As in `celeb_a`.
        **options: The other arguments of `celeb_a`.

    Returns:
        A dataset as `celeb_a` returns it.

    Example:

    >>> gan.fit(kerasgan.data.synthetic_faces(image_size=64), epochs=10)
    """
    return celeb_a(image_size, split, dataset="synthetic_faces", **options)


def celeb_a_facts(dataset, split, data_dir=None):
    """Returns what determines the images of a split, something that JSON can hold.

    Args:
        dataset: As in `celeb_a`.
        split: As in `celeb_a`.
        data_dir: As in `celeb_a`.
    """
    return cache_facts(_prepared_builder(dataset, data_dir), split)


def _new_builder(dataset, data_dir):
    """Returns the tfds builder of a data set, which need not be on disk yet."""
    # Imported when used: it costs seconds.
    import tensorflow_datasets as tfds

    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)
    if dataset == "synthetic_faces":
        from kerasgan.data.drawn_faces.builder import SyntheticFaces

        return SyntheticFaces(data_dir=data_dir)
    return tfds.builder(dataset, data_dir=data_dir)


def _prepared_builder(dataset, data_dir):
    """Returns the builder of a data set, drawn or downloaded if it was not on disk."""

    def make():
        return _new_builder(dataset, data_dir)

    if dataset == "synthetic_faces":
        return prepared(make)
    return downloaded(
        make,
        site=DOWNLOADS,
        limits="Google Drive limits its downloads",
        otherwise=(
            "With a copy from elsewhere (the official files or Kaggle's), run "
            "'kerasgan prepare celeb_a --from COPY --data-dir DATA_DIR', and give "
            "the same data_dir here."
        ),
    )


def _decode(builder, split, attribute, value, size):
    """Yields uint8 batches of the images that have the attribute."""
    import tensorflow_datasets as tfds

    wanted = {"image": True}
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

    def decode(jpeg):
        return tf.io.decode_and_crop_jpeg(jpeg, window, channels=3, ratio=ratio)

    def decode_batch(examples):
        images = tf.map_fn(decode, examples["image"], fn_output_signature=tf.uint8)
        return resize(images, size)

    yield from (
        dataset.batch(DECODED_AT_ONCE)
        .map(decode_batch, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
        .as_numpy_iterator()
    )


def _decoding(shape, size):
    """Returns how to decode a JPEG of `shape` that will be resized to `size`.

    Returns:
        The ratio by which the decoder itself scales down, which saves much of its
        work and is antialiased too, if that leaves at least `size`. And the largest
        crop shaped like `size` in the middle of what it returns,
        `(top, left, height, width)`.
    """
    # 178x218 have no whole quarter: its last pixels would be partly padding.
    for ratio in (2, 1):
        scaled = [side // ratio for side in shape]
        scale = min(scaled[0] / size[0], scaled[1] / size[1])
        if scale >= 1:
            break
    height, width = (max(1, round(side * scale)) for side in size)
    top, left = (scaled[0] - height) // 2, (scaled[1] - width) // 2
    return ratio, (top, left, height, width)


def resize(images, size):
    """Resizes uint8 images without aliasing.

    Args:
        images: uint8 tensor `(n, height, width, channels)`.
        size: Pair `(height, width)`.

    Returns:
        A uint8 tensor `(n, *size, channels)`. Each pixel is the mean of the area
        it covers; images that grow are interpolated instead.
    """
    grows = images.shape[1] < size[0] or images.shape[2] < size[1]
    method = "bicubic" if grows else "area"
    resized = tf.image.resize(images, size, method=method)
    return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)
