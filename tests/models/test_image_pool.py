"""The pool of generated images, against what the paper says of it."""

import collections

import keras
import numpy as np
import pytest

from kerasgan.models.image_pool import ImagePool
from kerasgan.models.randomness import fold_in


def make(size):
    return ImagePool(keras.Sequential(), size, (1, 1, 1), "pool")


def ask(pool, numbers, seed):
    """Sends images that are numbers through the pool; returns numbers."""
    images = np.asarray(numbers, "float32").reshape(-1, 1, 1, 1)
    return [int(n) for n in np.asarray(pool(images, fold_in(seed))).ravel()]


def held(pool):
    return [int(n) for n in np.asarray(pool.images).ravel()]


def test_images_are_returned_as_they_are_until_the_pool_is_full():
    pool = make(5)
    assert ask(pool, [1, 2], 0) == [1, 2]
    assert ask(pool, [3, 4], 1) == [3, 4]
    assert held(pool) == [1, 2, 3, 4, 0]
    assert int(np.asarray(pool.count)) == 4
    # One more fits, the other of this batch takes its chance.
    shown = ask(pool, [5, 6], 2)
    assert shown[0] == 5
    assert int(np.asarray(pool.count)) == 5
    assert sorted([*held(pool), shown[1]]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_no_image_is_lost_or_shown_twice(batch):
    """Each is shown once, or is still held; none that was never made is shown."""
    pool, seen, total = make(7), collections.Counter(), 40 * batch
    for step in range(40):
        new = range(step * batch + 1, (step + 1) * batch + 1)
        seen.update(ask(pool, new, step))
    # The first seven were shown when they came, and may be handed out once again.
    first = min(7, total)
    once = collections.Counter(range(1, total + 1))
    once.update(range(1, first + 1))
    assert seen + collections.Counter(held(pool)) == once


def test_a_coin_decides_and_every_place_is_taken():
    pool = make(10)
    ask(pool, range(10), 0)
    changed, places = 0, collections.Counter()
    for step in range(1, 1001):
        before = held(pool)
        shown = ask(pool, [step + 100], step)
        after = held(pool)
        if shown == [step + 100]:
            assert after == before
        else:
            changed += 1
            (place,) = [i for i in range(10) if before[i] != after[i]]
            assert shown == [before[place]] and after[place] == step + 100
            places[place] += 1
    # Binomial: 500 +- 16, so this is beyond five standard deviations.
    assert 420 < changed < 580
    assert len(places) == 10 and max(places.values()) < 90


def test_the_same_seed_decides_alike_and_another_differently():
    def run(seed):
        pool = make(4)
        return [ask(pool, [4 * i + j for j in range(4)], seed + i) for i in range(8)]

    assert run(0) == run(0)
    assert run(0) != run(100)


def test_what_exceeds_the_pool_is_returned_as_it_is():
    pool = make(2)
    assert ask(pool, [1, 2, 3, 4, 5], 0) == [1, 2, 3, 4, 5]
    for seed in range(5):
        assert ask(pool, [6, 7, 8, 9], seed)[2:] == [8, 9]
