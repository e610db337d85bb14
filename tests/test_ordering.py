import gc
import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasgan import ordering
from kerasgan.ordering import (
    indexed_batches,
    is_startable,
    order_seed,
    startable,
    started_at,
)


class Rows:
    """Reads row numbers as themselves and counts the calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, rows):
        def count(rows):
            self.calls += 1
            return rows

        return tf.ensure_shape(tf.numpy_function(count, [rows], tf.int64), rows.shape)


def batches(n=10, batch_size=3, shuffle=True, seed=5, drop_remainder=True, read=None):
    return indexed_batches(
        read or (lambda rows: rows),
        n,
        batch_size,
        shuffle=shuffle,
        seed=seed,
        drop_remainder=drop_remainder,
    )


def stream(dataset, position, count):
    """Returns `count` batches of the training stream as lists."""
    started = started_at(dataset, position).take(count)
    return [batch.tolist() for batch in started.as_numpy_iterator()]


def test_each_epoch_has_every_row_once_in_another_order():
    rows = np.array(stream(batches(n=12), 0, 5 * 4)).reshape(5, 12)
    assert (np.sort(rows) == np.arange(12)).all()
    assert len(np.unique(rows, axis=0)) == 5


def test_rows_left_out_differ_between_epochs():
    epochs = np.array(stream(batches(), 0, 20 * 3)).reshape(20, 9)
    assert all(len(set(epoch)) == 9 for epoch in epochs.tolist())
    left_out = {(set(range(10)) - set(epoch)).pop() for epoch in epochs.tolist()}
    assert len(left_out) > 4


def test_smaller_last_batch_ends_each_epoch():
    dataset = batches(drop_remainder=False)
    assert dataset.element_spec.shape == (None,)
    got = stream(dataset, 0, 8)
    assert [len(batch) for batch in got] == [3, 3, 3, 1] * 2
    for epoch in (got[:4], got[4:]):
        assert sorted(itertools.chain(*epoch)) == list(range(10))
    assert got[:4] != got[4:]


def test_rows_keep_their_order_without_shuffling():
    dataset = batches(n=5, batch_size=2, shuffle=False, drop_remainder=False)
    assert stream(dataset, 0, 6) == [[0, 1], [2, 3], [4]] * 2
    assert [batch.tolist() for batch in dataset.as_numpy_iterator()] == (
        [[0, 1], [2, 3], [4]]
    )


@pytest.mark.parametrize("drop_remainder", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_stream_started_later_continues_the_stream_from_0(shuffle, drop_remainder):
    dataset = batches(shuffle=shuffle, drop_remainder=drop_remainder)
    whole = stream(dataset, 0, 30)
    for position in (1, 2, 3, 4, 7, 12, 29):
        assert stream(dataset, position, 30 - position) == whole[position:]


def test_far_position_reads_only_its_own_batches():
    read = Rows()
    dataset = batches(n=1000, batch_size=4, read=read)
    far = 10_000_019  # In the middle of an epoch of 250 batches.
    (batch,) = stream(dataset, far, 1)
    # A few more are read ahead.
    assert 1 <= read.calls < 100
    epoch = stream(dataset, far // 250 * 250, 250)
    assert epoch[far % 250] == batch
    assert sorted(itertools.chain(*epoch)) == list(range(1000))


def test_order_depends_on_the_seed_alone():
    tf.random.set_seed(1)
    first = stream(batches(), 0, 6)
    tf.random.set_seed(2)
    assert stream(batches(), 0, 6) == first
    assert stream(batches(seed=6), 0, 6) != first


def test_order_is_over_all_rows():
    rows = np.array(stream(batches(n=200, batch_size=10), 0, 20 * 20))
    first_halves = rows.reshape(20, 200)[:, :100]
    # As many small as large ones, to four standard deviations.
    assert abs((first_halves < 100).mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


def test_finite_dataset_is_one_epoch_with_another_order_each_time():
    dataset = batches()
    assert int(dataset.cardinality()) == 3
    assert dataset.element_spec == tf.TensorSpec((3,), tf.int64)
    assert started_at(dataset, 0).element_spec == dataset.element_spec
    orders = [np.concatenate(list(dataset.as_numpy_iterator())) for _ in range(4)]
    assert all(len(set(order.tolist())) == 9 for order in orders)
    assert len({order.tobytes() for order in orders}) == 4
    assert int(batches(drop_remainder=False).cardinality()) == 4


def test_seed_that_is_drawn_follows_the_global_seed():
    def drawn(seed):
        tf.random.set_seed(seed)
        return [order_seed(None) for _ in range(3)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 3
    tf.random.set_seed(None)
    assert order_seed(None) != order_seed(None)
    assert order_seed(np.int64(3)) == 3


def test_only_registered_datasets_can_be_started():
    dataset = tf.data.Dataset.range(3)
    assert not is_startable(dataset) and started_at(dataset, 0) is None
    assert startable(dataset, lambda position: dataset.skip(position)) is dataset
    assert is_startable(dataset)
    assert list(started_at(dataset, 1).as_numpy_iterator()) == [1, 2]
    # A dataset that was made from it has another order, or other elements.
    assert started_at(dataset.map(lambda x: -x), 0) is None


def test_registry_does_not_keep_datasets_alive():
    before = len(ordering._STARTS)
    dataset = batches()
    assert len(ordering._STARTS) == before + 1
    del dataset
    gc.collect()
    assert len(ordering._STARTS) <= before
