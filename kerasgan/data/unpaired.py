"""Two unpaired domains as one dataset."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive
from kerasgan.data.batches import check_image_batches
from kerasgan.ordering import is_startable, startable, started_at

EPOCHS = ("longest", "shortest")


def unpaired(
    a: tf.data.Dataset, b: tf.data.Dataset, epoch: str | int = "longest"
) -> tf.data.Dataset:
    """Returns batches of two domains side by side, as `CycleGAN.fit` takes them.

    The domains are independent. A dataset that is shorter than the epoch is repeated,
    in a new order if it is shuffled, so pairs differ in every pass. From "Unpaired
    Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et al.
    2017, https://arxiv.org/abs/1703.10593.

    Args:
        a: A `tf.data.Dataset` of image batches `(batch, height, width, channels)`.
        b: A dataset of images of the same height and width, with the same batch size.
            The number of channels may differ.
        epoch: Length of an epoch: `"longest"` for the number of batches in the longer
            dataset, `"shortest"` for that in the shorter one, or a number of batches,
            which may exceed both.

    Returns:
        A `tf.data.Dataset` of pairs `(a, b)` of image batches with a known cardinality.
        Both batches have the same number of images: if one is smaller, such as the last
        batch without shuffling, the other is cut. Training can start it at any batch if
        it can start `a` and `b` at any batch.

    Raises:
        ValueError: If an argument is invalid, if `a` or `b` is empty, or if `epoch` is
            a string and the length of a dataset is unknown.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", batch_size=4)
    >>> cyclegan.fit(kerasgan.data.unpaired(men, women), epochs=50)
    """
    domains = {"a": a, "b": b}
    for name, dataset in domains.items():
        check_image_batches(name, dataset)
    batches = _epoch_length(domains, epoch)
    sides = {n: dataset.element_spec.shape[1:3] for n, dataset in domains.items()}
    if not sides["b"].is_compatible_with(sides["a"]):
        pixels = {n: f"{height} x {width}" for n, (height, width) in sides.items()}
        raise ValueError(
            f"b has images of {pixels['b']} pixels, but those of a have "
            f"{pixels['a']}; expected the same size."
        )
    sizes = {name: _batch_size(dataset) for name, dataset in domains.items()}
    if sizes["a"] != sizes["b"]:
        raise ValueError(
            f"b has batches of {sizes['b']} images, but those of a have "
            f"{sizes['a']}; expected the same batch size."
        )
    uneven = any(dataset.element_spec.shape[0] is None for dataset in domains.values())

    def finished(pairs: tf.data.Dataset) -> tf.data.Dataset:
        if uneven:
            pairs = pairs.map(_cut, num_parallel_calls=tf.data.AUTOTUNE)
        return pairs.prefetch(tf.data.AUTOTUNE)

    finite = finished(tf.data.Dataset.zip((a.repeat(), b.repeat())).take(batches))
    if not (is_startable(a) and is_startable(b)):
        return finite
    # b is one epoch ahead: datasets with the same seed and length, or the same dataset
    # twice, would otherwise come in the same order.
    ahead = int(b.cardinality())

    def start(position: int) -> tf.data.Dataset:
        streams = started_at(a, position), started_at(b, position + ahead)
        return finished(tf.data.Dataset.zip(streams))

    return startable(finite, start)


def _epoch_length(domains: Mapping[str, tf.data.Dataset], epoch: Any) -> int:
    """Returns the number of batches in an epoch."""
    if isinstance(epoch, str):
        check_choice("epoch", epoch, EPOCHS)
    else:
        try:
            check_positive(epoch=epoch)
        except ValueError as error:
            came = "a third dataset" if isinstance(epoch, tf.data.Dataset) else epoch
            raise ValueError(
                f"epoch is {came}; expected 'longest', 'shortest' or a positive "
                "integer, the number of batches."
            ) from error
    lengths = {name: int(dataset.cardinality()) for name, dataset in domains.items()}
    for name, length in lengths.items():
        if length == 0:
            raise ValueError(f"{name} is empty; expected at least one batch.")
        if length < 0 and isinstance(epoch, str):
            endless = length == tf.data.INFINITE_CARDINALITY
            came = "is infinite" if endless else "has an unknown length"
            raise ValueError(
                f"epoch is {epoch!r}, but {name} {came}; expected a number of batches."
            )
    if not isinstance(epoch, str):
        return int(epoch)
    return max(lengths.values()) if epoch == "longest" else min(lengths.values())


def _batch_size(dataset: tf.data.Dataset) -> int:
    """Returns the number of images in each batch, or else in the first one."""
    size = dataset.element_spec.shape[0]
    return len(next(iter(dataset))) if size is None else size


def _cut(a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    size = tf.minimum(tf.shape(a)[0], tf.shape(b)[0])
    return a[:size], b[:size]
