"""The pool of generated images, compared with its description in the paper."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models.image_pool import ImagePool
from kerasgan.models.randomness import fold_in


def make(size):
    return ImagePool(keras.Sequential(), size, (1, 1, 1), "pool")


def query(pool, numbers, seed):
    """Passes 1x1 images of the numbers through the pool; returns the numbers."""
    images = np.asarray(numbers, "float32").reshape(-1, 1, 1, 1)
    return [int(n) for n in np.asarray(pool(images, fold_in(seed))).ravel()]


def stored(pool):
    return [int(n) for n in np.asarray(pool.images).ravel()]


def test_images_are_returned_unchanged_until_pool_is_full():
    pool = make(5)
    assert query(pool, [1, 2], 0) == [1, 2]
    assert query(pool, [3, 4], 1) == [3, 4]
    assert stored(pool) == [1, 2, 3, 4, 0]
    assert int(np.asarray(pool.count)) == 4
    # One more image fits; the other one may replace a stored image.
    returned = query(pool, [5, 6], 2)
    assert returned[0] == 5
    assert int(np.asarray(pool.count)) == 5
    assert sorted([*stored(pool), returned[1]]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_no_image_is_lost_or_returned_twice(batch):
    """Each image is returned once or still stored, and no other image is returned."""
    pool, seen, total = make(7), collections.Counter(), 40 * batch
    for step in range(40):
        new = range(step * batch + 1, (step + 1) * batch + 1)
        seen.update(query(pool, new, step))
    # The first seven are returned when they are stored, and maybe once more.
    first = min(7, total)
    once = collections.Counter(range(1, total + 1))
    once.update(range(1, first + 1))
    assert seen + collections.Counter(stored(pool)) == once


@pytest.mark.slow
def test_images_are_swapped_half_the_time_at_every_place():
    pool = make(10)
    call = tf.function(pool)
    query(call, range(10), 0)
    changed, places = 0, collections.Counter()
    for step in range(1, 1001):
        before = stored(pool)
        returned = query(call, [step + 100], step)
        after = stored(pool)
        if returned == [step + 100]:
            assert after == before
        else:
            changed += 1
            (place,) = [i for i in range(10) if before[i] != after[i]]
            assert returned == [before[place]] and after[place] == step + 100
            places[place] += 1
    # Binomial: 500 +- 16, so this is beyond five standard deviations.
    assert 420 < changed < 580
    assert len(places) == 10 and max(places.values()) < 90


def test_output_is_determined_by_seed():
    def run(seed):
        pool = make(4)
        return [query(pool, [4 * i + j for j in range(4)], seed + i) for i in range(8)]

    assert run(0) == run(0)
    assert run(0) != run(100)


def test_images_beyond_pool_size_are_returned_unchanged():
    pool = make(2)
    assert query(pool, [1, 2, 3, 4, 5], 0) == [1, 2, 3, 4, 5]
    for seed in range(5):
        assert query(pool, [6, 7, 8, 9], seed)[2:] == [8, 9]
