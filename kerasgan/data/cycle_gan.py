"""The unpaired datasets of CycleGAN, such as horses and zebras, from tfds.

Their images have various sizes and color modes, so Pillow reads them, like those of a
folder.
"""

import io
import os
from collections.abc import Generator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive, size_pair
from kerasgan.data.batches import image_batches, second_seed
from kerasgan.data.cache import cached_images
from kerasgan.data.folder_files import DECODED_AT_ONCE, in_threads
from kerasgan.data.image_files import read_image, why_unreadable
from kerasgan.data.tfds_data import (
    absolute_data_dir,
    cache_facts,
    count_images,
    downloaded,
    read_batches,
    read_split,
)

# Where tfds downloads them from.
DOWNLOADS = "https://efrosgans.eecs.berkeley.edu"
SPLITS = ("train", "test")


def cycle_gan(
    name: str,
    image_size: int | tuple[int, int] = 64,
    split: str = "train",
    *,
    batch_size: int = 64,
    shuffle: bool = True,
    seed: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns the two domains of one of the datasets of tfds `cycle_gan`.

    Images, most of 256x256 pixels, are center-cropped to the shape of `image_size` and
    resized with antialiasing. The first call decodes them into a cache on disk. Later
    calls, in any process, open the cache. From "Unpaired Image-to-Image Translation
    using Cycle-Consistent Adversarial Networks", Zhu et al. 2017,
    https://arxiv.org/abs/1703.10593.

    Args:
        name: `"horse2zebra"`, `"monet2photo"`, `"summer2winter_yosemite"` or another
            configuration of tfds `cycle_gan`.
        image_size: Int, or pair `(height, width)`, in pixels.
        split: `"train"` or `"test"`, or a part of one in the syntax of tfds, such as
            `"train[:10%]"`, which is taken of both domains.
        batch_size: Int, images per batch.
        shuffle: Whether each epoch has a different order. Without shuffling, the last
            batch may be smaller.
        seed: Int, random seed for shuffling. By default, a random seed is chosen. The
            second domain is shuffled with `seed + 1`; otherwise domains of the same
            length would have the same order.
        data_dir: Folder of tfds datasets, by default `~/tensorflow_datasets`.

    Returns:
        A pair of `tf.data.Dataset` of float32 `(batch, height, width, 3)` in [-1, 1]: A
        and B, for example horses and zebras.

    Raises:
        ValueError: If an argument is invalid, the split is empty, or the dataset on
            disk is damaged.
        FileNotFoundError: If the dataset is not on disk and cannot be downloaded, or
            lacks files. The message says what to do.
        NotADirectoryError: If a file is where `data_dir` should be.
        PermissionError: If `data_dir` cannot be read, or cannot be written to.

    Example:

    >>> horses, zebras = kerasgan.data.cycle_gan("horse2zebra", 256, batch_size=1)
    >>> cyclegan.fit(kerasgan.data.unpaired(horses, zebras), epochs=200)
    """
    # Imported here, because it takes seconds.
    import tensorflow_datasets as tfds

    size = size_pair(image_size)
    check_positive(batch_size=batch_size)
    check_choice("name", name, tfds.builder_cls("cycle_gan").builder_configs)
    kind, bracket, part = str(split).partition("[")
    check_choice("split", kind, SPLITS)
    builder = _prepared_builder(name, data_dir)

    def domain(letter: str, seed: int | None) -> tf.data.Dataset:
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


def cycle_gan_facts(
    name: str, split: str, data_dir: str | os.PathLike[str] | None = None
) -> list[dict[str, Any]]:
    """Returns what determines the images of a split, serializable as JSON.

    Args:
        name: As in `cycle_gan`.
        split: `"train"` or `"test"`.
        data_dir: As in `cycle_gan`.
    """
    builder = _prepared_builder(name, data_dir)
    return [cache_facts(builder, f"{split}{letter}") for letter in "AB"]


def _prepared_builder(name: str, data_dir: str | os.PathLike[str] | None) -> Any:
    """Returns the builder of a dataset, downloading it if necessary."""
    import tensorflow_datasets as tfds

    data_dir = absolute_data_dir(data_dir)
    return downloaded(
        lambda: tfds.builder(f"cycle_gan/{name}", data_dir=data_dir),
        site=DOWNLOADS,
        limits="the server may be overloaded",
        otherwise=(
            f"If you have a copy from elsewhere, a folder {name} with trainA, trainB, "
            "testA and testB, use kerasgan.data.image_folder_pair."
        ),
    )


def _decode(
    builder: Any, split: str, size: tuple[int, int]
) -> Generator[np.ndarray, None, None]:
    """Yields uint8 batches of the images of a split."""
    import tensorflow_datasets as tfds

    def read(image: bytes) -> np.ndarray:
        try:
            return read_image(io.BytesIO(image), size)
        except Exception as error:  # Damaged bytes make Pillow raise a dozen types.
            raise ValueError(
                f"{builder.info.full_name} in {builder.data_path} has an image that is "
                f"{why_unreadable(error)}; delete the folder and prepare the dataset "
                "again."
            ) from error

    examples = read_split(builder, split, {"image": tfds.decode.SkipDecoding()})
    batches = read_batches(builder, examples.batch(DECODED_AT_ONCE))
    for images in in_threads(read, (batch["image"] for batch in batches)):
        yield np.stack(images)
