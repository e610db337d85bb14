"""Horses and zebras, apples and oranges: the unpaired data sets of CycleGAN, from tfds.

Their images have several sizes and color modes, so Pillow reads them, as it does those
of a folder.
"""

import io
import os

import numpy as np

from kerasgan.arguments import check_choice, check_positive, size_pair
from kerasgan.data.batches import image_batches, second_seed
from kerasgan.data.cache import cached_images
from kerasgan.data.image_folder import DECODED_AT_ONCE, in_threads, read_image
from kerasgan.data.tfds_data import cache_facts, count_images, downloaded, read_split

# Where tfds downloads them from.
DOWNLOADS = "https://efrosgans.eecs.berkeley.edu"
SPLITS = ("train", "test")


def cycle_gan(
    name,
    image_size=64,
    split="train",
    *,
    batch_size=64,
    shuffle=True,
    seed=None,
    data_dir=None,
):
    """Returns the two domains of one of the data sets of tfds `cycle_gan`.

    Images, most of 256x256 pixels, are cropped to their middle, as large as the
    shape of `image_size` allows, and resized with antialiasing. The first call
    decodes them into a cache on disk; later calls, in any process, only open it.
    From "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", Zhu et al. 2017, https://arxiv.org/abs/1703.10593.

    Args:
        name: `"horse2zebra"`, `"monet2photo"`, `"summer2winter_yosemite"` or
            another one that tfds lists under `cycle_gan`.
        image_size: Int, or a pair `(height, width)`, in pixels.
        split: `"train"`, `"test"`, or a part of one as tfds writes it:
            `"train[:10%]"`, which is taken of both domains.
        batch_size: Int, images in a batch.
        shuffle: Whether each epoch has an order of its own. Without it, the last
            batch may be smaller than the others.
        seed: Int that decides the orders, with TensorFlow's global seed if it is
            set. The orders of the second domain are those of `seed + 1`: with as
            many images, it would come in the same order otherwise.
        data_dir: Folder of tfds, by default `~/tensorflow_datasets`.

    Returns:
        A pair of `tf.data.Dataset` of float32 `(batch, height, width, 3)` in
        [-1, 1], A and B: horses and zebras, say.

    Raises:
        ValueError: If an argument is none of the above, or nothing is left.
        FileNotFoundError: If the data is not there and cannot be downloaded; the
            message says what to do.

    Example:

    >>> horses, zebras = kerasgan.data.cycle_gan("horse2zebra", 256, batch_size=1)
    >>> cyclegan.fit(kerasgan.data.unpaired(horses, zebras), epochs=200)
    """
    # Imported when used: it costs seconds.
    import tensorflow_datasets as tfds

    size = size_pair(image_size)
    check_positive(batch_size=batch_size)
    check_choice("name", name, tfds.builder_cls("cycle_gan").builder_configs)
    kind, bracket, part = str(split).partition("[")
    check_choice("split", kind, SPLITS)
    builder = _prepared_builder(name, data_dir)

    def domain(letter, seed):
        own = f"{kind}{letter}{bracket}{part}"
        images, _ = cached_images(
            name=f"{name}-{letter}-{size[0]}x{size[1]}",
            facts=cache_facts(builder, own),
            image_shape=(*size, 3),
            total=count_images(builder, own, split, SPLITS),
            decode=lambda: _decode(builder, own, size),
        )
        return image_batches(images, batch_size, shuffle, seed, f"{name} {own!r}")

    return domain("A", seed), domain("B", second_seed(seed))


def cycle_gan_facts(name, split, data_dir=None):
    """Returns what determines the images of a split, something that JSON can hold.

    Args:
        name: As in `cycle_gan`.
        split: `"train"` or `"test"`.
        data_dir: As in `cycle_gan`.
    """
    builder = _prepared_builder(name, data_dir)
    return [cache_facts(builder, f"{split}{letter}") for letter in "AB"]


def _prepared_builder(name, data_dir):
    """Returns the builder of a data set, downloaded if it was not on disk."""
    import tensorflow_datasets as tfds

    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)
    return downloaded(
        lambda: tfds.builder(f"cycle_gan/{name}", data_dir=data_dir),
        site=DOWNLOADS,
        limits="the site may be overloaded",
        otherwise=(
            f"With a copy from elsewhere, the folder {name} with trainA, trainB, testA "
            "and testB, use kerasgan.data.image_folder_pair."
        ),
    )


def _decode(builder, split, size):
    """Yields uint8 batches of the images of a split."""
    import tensorflow_datasets as tfds

    def read(image):
        return read_image(io.BytesIO(image), size)

    examples = read_split(builder, split, {"image": tfds.decode.SkipDecoding()})
    batches = examples.batch(DECODED_AT_ONCE).as_numpy_iterator()
    for images in in_threads(read, (batch["image"] for batch in batches)):
        yield np.stack(images)
