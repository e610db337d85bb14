"""Two domains side by side, nothing in the one belonging to anything in the other."""

import tensorflow as tf

from kerasgan.arguments import check_choice, check_positive
from kerasgan.data.batches import check_image_batches
from kerasgan.ordering import is_startable, startable, started_at

EPOCHS = ("longest", "shortest")


def unpaired(a, b, epoch="longest"):
    """Returns batches of two domains side by side, as CycleGAN training takes them.

    Each dataset goes its own way: one that ends before the epoch starts again, and
    gives its images in a new order if it shuffles, as those of `kerasgan.data` do.
    So which images of the two meet changes all the time. From "Unpaired
    Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et
    al. 2017, https://arxiv.org/abs/1703.10593.

    Args:
        a: A `tf.data.Dataset` of image batches `(batch, height, width, channels)`.
        b: Another one, of images of the same shape and with the same batch size.
        epoch: `"longest"`, as many batches as the longer of the two has,
            `"shortest"`, as many as the shorter has, or the number of batches,
            which may be more than either has.

    Returns:
        A `tf.data.Dataset` of pairs `(a, b)` of image batches, with a known
        cardinality. The two batches have as many images: where last batches are
        smaller, as without shuffling, the larger one is cut.

    Raises:
        ValueError: If an argument is none of the above, if one of the two is empty,
            or if it has no known length and `epoch` is not a number.

    Example:

    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", batch_size=4)
    >>> cyclegan.fit(kerasgan.data.unpaired(men, women), epochs=50)
    """
    domains = {"a": a, "b": b}
    for name, dataset in domains.items():
        check_image_batches(name, dataset)
    batches = _epoch_length(domains, epoch)
    shapes = {n: dataset.element_spec.shape[1:] for n, dataset in domains.items()}
    if not shapes["b"].is_compatible_with(shapes["a"]):
        raise ValueError(
            f"b has images of shape {tuple(shapes['b'])}, but those of a have "
            f"{tuple(shapes['a'])}; expected the same shape."
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


def _epoch_length(domains, epoch):
    """Returns the number of batches in an epoch."""
    if isinstance(epoch, str):
        check_choice("epoch", epoch, EPOCHS)
    else:
        try:
            check_positive(epoch=epoch)
        except ValueError as error:
            came = "a third dataset" if isinstance(epoch, tf.data.Dataset) else epoch
            raise ValueError(
                f"epoch is {came}; expected 'longest', 'shortest' or a whole number "
                "of batches of at least 1."
            ) from error
    lengths = {name: int(dataset.cardinality()) for name, dataset in domains.items()}
    for name, length in lengths.items():
        if length == 0:
            raise ValueError(f"{name} is empty; expected at least one batch.")
        if length < 0 and isinstance(epoch, str):
            endless = length == tf.data.INFINITE_CARDINALITY
            came = "does not end" if endless else "does not know its length"
            raise ValueError(
                f"epoch is {epoch!r}, but {name} {came}; expected a number of batches."
            )
    if not isinstance(epoch, str):
        return int(epoch)
    return max(lengths.values()) if epoch == "longest" else min(lengths.values())


def _batch_size(dataset):
    """Returns the number of images in a batch, of the first one if not in all."""
    size = dataset.element_spec.shape[0]
    return len(next(iter(dataset))) if size is None else size


def _cut(a, b):
    size = tf.minimum(tf.shape(a)[0], tf.shape(b)[0])
    return a[:size], b[:size]
