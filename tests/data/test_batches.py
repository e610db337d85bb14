import threading

import numpy as np
import pytest

from kerasgan.data.batches import image_batches, second_seed
from kerasgan.images import to_uint8


def flat_images(n):
    """Constant images of the levels 0, 1, 2, ..."""
    return np.arange(n, dtype="uint8")[:, None, None, None] * np.ones(
        (1, 2, 3, 1), "uint8"
    )


def epochs(levels, n=20, batch_size=5, seed=3, count=4):
    dataset = image_batches(flat_images(n), batch_size, True, seed, "x")
    return [levels(dataset) for _ in range(count)]


def test_each_epoch_has_each_image_once_in_another_order(levels):
    orders = epochs(levels)
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_the_seed_decides_the_orders(levels):
    orders = epochs(levels)
    assert orders == epochs(levels)
    assert not any(order in orders for order in epochs(levels, seed=4))
    assert not any(order in orders for order in epochs(levels, seed=None))


def test_order_is_over_all_images(levels):
    # A buffer of a few batches would leave the last images near the end.
    firsts = [set(order[:10]) for order in epochs(levels, n=200, batch_size=10)]
    assert all(max(first) > 100 and min(first) < 100 for first in firsts)


def test_shuffled_batches_are_full_and_other_images_are_left_out_each_time(levels):
    dataset = image_batches(flat_images(23), 5, True, 0, "x")
    assert int(dataset.cardinality()) == 4
    assert dataset.element_spec.shape == (5, 2, 3, 1)
    seen = [levels(dataset) for _ in range(10)]
    assert all(len(set(order)) == len(order) == 20 for order in seen)
    assert set().union(*seen) == set(range(23))


def test_without_shuffling_all_images_keep_their_order(levels):
    dataset = image_batches(flat_images(23), 5, False, 0, "x")
    assert int(dataset.cardinality()) == 5
    assert dataset.element_spec.shape == (None, 2, 3, 1)
    assert [len(batch) for batch in dataset] == [5, 5, 5, 5, 3]
    assert levels(dataset) == levels(dataset) == list(range(23))


def test_values_are_exact():
    pixels = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    (batch,) = image_batches(pixels, 1, True, 0, "x").as_numpy_iterator()
    assert batch.dtype == np.float32
    assert (batch.min(), batch.max()) == (-1.0, 1.0)
    np.testing.assert_allclose(batch, pixels / 127.5 - 1.0, atol=1e-7)
    assert (to_uint8(batch) == pixels).all()


class OnlyIndexed:
    """An array that can only be indexed, like a memory map larger than memory."""

    def __init__(self, images):
        self.images = images
        self.shape = images.shape
        self.asked = []
        self.twice = threading.Event()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, rows):
        self.asked.append(len(rows))
        if len(self.asked) > 1:
            self.twice.set()
        return self.images[rows]

    def __array__(self, *arguments, **options):
        raise AssertionError("all the images were read")


def test_only_the_images_of_a_batch_are_read(levels):
    images = OnlyIndexed(flat_images(40))
    dataset = image_batches(images, 4, True, 0, "x")
    assert images.asked == []
    assert sorted(levels(dataset)) == list(range(40))
    assert images.asked == [4] * 10


def test_training_stream_can_start_at_any_batch(check_seeking):
    dataset = image_batches(flat_images(10), 3, True, 0, "x")
    whole = np.array(check_seeking(dataset, 30, (1, 3, 17)))
    seen = np.rint(whole[:, :, 0, 0, 0] * 127.5 + 127.5).astype(int).reshape(10, 9)
    assert all(len(set(epoch)) == 9 for epoch in seen.tolist())
    assert set(seen.ravel()) == set(range(10))


def test_next_batch_is_read_ahead():
    images = OnlyIndexed(flat_images(40))
    batches = iter(image_batches(images, 4, True, 0, "x"))
    next(batches)
    assert images.twice.wait(30)


@pytest.mark.parametrize("batch_size", [0, -8, 2.5, True, "8", None])
@pytest.mark.parametrize("shuffle", [True, False])
def test_invalid_batch_size(batch_size, shuffle):
    with pytest.raises(ValueError) as caught:
        image_batches(flat_images(3), batch_size, shuffle, 0, "x")
    assert str(caught.value) == (
        f"batch_size is {batch_size!r}; expected a positive integer."
    )


@pytest.mark.parametrize(("n", "shuffle"), [(3, True), (0, True), (0, False)])
def test_too_few_images_for_a_batch(n, shuffle):
    with pytest.raises(ValueError) as caught:
        image_batches(flat_images(n), 4, shuffle, 0, "celeb_a 'test'")
    assert str(caught.value) == (
        f"batch_size is 4, but celeb_a 'test' has {n} images; expected at least one "
        "batch."
    )


def test_one_batch(levels):
    assert levels(image_batches(flat_images(3), 4, False, 0, "x")) == [0, 1, 2]
    dataset = image_batches(flat_images(4), 4, True, 0, "x")
    assert int(dataset.cardinality()) == 1
    assert sorted(levels(dataset)) == [0, 1, 2, 3]


def test_second_seed_gives_another_order(levels):
    assert second_seed(None) is None
    assert epochs(levels, seed=0)[0] != epochs(levels, seed=second_seed(0))[0]
