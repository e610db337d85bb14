import numpy as np
import pytest
import tensorflow as tf

from kerasgan.data import augment, unpaired
from kerasgan.data.batches import image_batches
from kerasgan.ordering import is_startable, started_at


def flat(n, batch_size=1, seed=3, shape=(2, 3, 1), first=0, shuffle=True):
    """Batches of constant images of the levels `first`, `first + 1`, ..."""
    levels = np.arange(first, first + n, dtype="uint8")[:, None, None, None]
    images = levels * np.ones((1, *shape), "uint8")
    return image_batches(images, batch_size, shuffle, seed, "x")


def pairs(dataset):
    """Returns the levels of the images of each domain, in order."""
    domains = zip(*dataset.as_numpy_iterator(), strict=True)
    return tuple(
        np.rint(np.concatenate(batches)[:, 0, 0, 0] * 127.5 + 127.5)
        .astype(int)
        .tolist()
        for batches in domains
    )


def test_returned_dataset():
    dataset = unpaired(flat(8, 4), flat(12, 4, first=100))
    image = tf.TensorSpec((4, 2, 3, 1), tf.float32)
    assert dataset.element_spec == (image, image)
    for a, b in dataset.as_numpy_iterator():
        assert (a * 127.5 + 127.5 < 50).all() and (b * 127.5 + 127.5 > 50).all()


@pytest.mark.parametrize(("a", "b"), [(1, 3), (5, 5), (12, 2)])
def test_any_number_of_channels(a, b):
    shapes = [(2, 3, channels) for channels in (a, b)]
    dataset = unpaired(flat(4, 2, shape=shapes[0]), flat(4, 2, shape=shapes[1]))
    for one, other in (*dataset, *started_at(dataset, 0).take(3)):
        assert (one.shape, other.shape) == ((2, 2, 3, a), (2, 2, 3, b))


@pytest.mark.parametrize(
    ("epoch", "batches"),
    [("longest", 7), ("shortest", 3), (1, 1), (5, 5), (7, 7), (40, 40)],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_epoch_length(epoch, batches, swapped):
    a, b = flat(6, 2), flat(14, 2)
    dataset = unpaired(*((b, a) if swapped else (a, b)), epoch)
    assert int(dataset.cardinality()) == batches
    # Each epoch has this length.
    assert [sum(1 for _ in dataset) for _ in range(2)] == [batches, batches]


def test_each_repetition_has_each_image_once_in_another_order():
    dataset = unpaired(flat(5), flat(20))
    rounds = []
    for _ in range(2):
        a, b = pairs(dataset)
        assert sorted(b) == list(range(20))
        rounds += [a[start : start + 5] for start in range(0, 20, 5)]
    assert all(sorted(order) == list(range(5)) for order in rounds)
    # Of 120 orders, all eight differ, within and between the epochs.
    assert len({tuple(order) for order in rounds}) == 8


def test_longer_domain_has_another_order_in_each_epoch():
    dataset = unpaired(flat(5), flat(20))
    assert len({tuple(pairs(dataset)[1]) for _ in range(4)}) == 4


def test_more_batches_than_both_have():
    a, b = pairs(unpaired(flat(4), flat(6), 12))
    assert [sorted(a[i : i + 4]) for i in (0, 4, 8)] == 3 * [list(range(4))]
    assert [sorted(b[i : i + 6]) for i in (0, 6)] == 2 * [list(range(6))]
    assert b[:6] != b[6:]


def test_shortest_epoch_takes_other_images_each_time():
    dataset = unpaired(flat(5), flat(40), "shortest")
    seen = [pairs(dataset)[1] for _ in range(8)]
    assert all(len(set(part)) == 5 for part in seen)
    assert len(set().union(*seen)) > 20


@pytest.mark.slow
def test_seeds_decide_everything():
    def epochs(seed):
        dataset = unpaired(flat(5, seed=seed), flat(20, seed=seed + 1))
        return [pairs(dataset) for _ in range(3)]

    assert epochs(1) == epochs(1)
    assert not any(epoch in epochs(1) for epoch in epochs(2))


def test_the_same_dataset_on_both_sides_has_two_orders():
    faces = flat(20)
    a, b = pairs(unpaired(faces, faces))
    assert sorted(a) == sorted(b) == list(range(20)) and a != b


@pytest.mark.slow
def test_training_stream_can_start_at_any_batch(check_seeking):
    a, b = flat(5, 2), flat(9, 2, first=100)
    whole = check_seeking(unpaired(a, b), 40, (1, 4, 6, 23))
    levels = np.rint(np.array(whole)[..., 0, 0, 0] * 127.5 + 127.5)
    # Each domain has its own epochs, of 2 and of 4 batches.
    for domain, (batches, images) in enumerate([(2, range(5)), (4, range(100, 109))]):
        epochs = levels[:, domain].reshape(-1, batches * 2)
        assert all(len(set(epoch)) == len(epoch) for epoch in epochs.tolist())
        assert set(levels[:, domain].ravel()) == set(images)


def test_training_stream_cuts_smaller_last_batches(check_seeking):
    a, b = flat(7, 3, shuffle=False), flat(8, 3, first=100, shuffle=False)
    whole = check_seeking(unpaired(a, b, 6), 7, (2, 5))
    assert [(len(a), len(b)) for a, b in whole] == [
        (n, n) for n in (3, 3, 1, 3, 3, 1, 3)
    ]


def test_training_stream_does_not_pair_images_by_position():
    # Two datasets with the same seed, and the same dataset twice.
    for a, b in ((flat(20), flat(20)), 2 * (flat(20),)):
        stream = started_at(unpaired(a, b), 0).take(200).as_numpy_iterator()
        levels = np.array(list(stream))[..., 0, 0, 0, 0]
        assert abs((levels[:, 0] == levels[:, 1]).mean() - 1 / 20) < 0.06


def test_training_stream_needs_two_datasets_that_can_be_started():
    a, b = flat(4), flat(4)
    other = b.map(lambda x: x)
    assert is_startable(unpaired(a, b))
    assert not is_startable(unpaired(a, other))
    assert not is_startable(unpaired(other, a))


def test_augmentation_is_drawn_again_in_each_repetition():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1, 40, 40, 1), "uint8")
    one = image_batches(images, 1, True, 0, "x")
    crops = augment(one, crop_size=(20, 40), flip=False, seed=0)
    dataset = unpaired(crops, crops, 12)
    crops = [crop.tobytes() for crop, _ in dataset.as_numpy_iterator()]
    # Of 21 positions.
    assert len(set(crops)) > 4


def test_last_batches_are_cut_to_the_same_size():
    a, b = flat(7, 3, shuffle=False), flat(8, 3, first=100, shuffle=False)
    dataset = unpaired(a, b, 6)
    assert dataset.element_spec[0].shape == (None, 2, 3, 1)
    sizes = [(len(x), len(y)) for x, y in dataset]
    assert sizes == [(3, 3), (3, 3), (1, 1), (3, 3), (3, 3), (1, 1)]
    a, b = (np.rint(x[:, 0, 0, 0] * 127.5 + 127.5) for x in list(dataset)[2])
    assert (a.tolist(), b.tolist()) == ([6], [106])


def test_datasets_of_infinite_or_unknown_length_with_a_number():
    a, b = pairs(unpaired(flat(3).repeat(), flat(9), 9))
    assert sorted(a) == 3 * [0] + 3 * [1] + 3 * [2] and sorted(b) == list(range(9))
    dataset = unpaired(flat(9), flat(9).filter(lambda x: tf.reduce_max(x) < 0), 5)
    assert int(dataset.cardinality()) == 5 == sum(1 for _ in dataset)


def test_distribution_strategy_splits_both_batches():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    dataset = strategy.experimental_distribute_dataset(unpaired(flat(8, 4), flat(4, 4)))
    assert [(a.shape[0], b.shape[0]) for a, b in dataset] == [(4, 4), (4, 4)]


INFINITE, EMPTY = flat(4).repeat(), flat(4).take(0)
UNKNOWN = flat(4).filter(lambda image: True)
NO_IMAGES = "expected a tf.data.Dataset of image batches (batch, height, width, channe"
EPOCH = "expected 'longest', 'shortest' or a positive integer, the number of batches."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((flat(4), None), f"b is of type NoneType; {NO_IMAGES}"),
        (((flat(4), flat(4)), flat(4)), f"a is of type tuple; {NO_IMAGES}"),
        ((flat(4), np.zeros((4, 8, 8, 3))), f"b is of type ndarray; {NO_IMAGES}"),
        ((flat(4).unbatch(), flat(4)), "a is a dataset of TensorSpec(shape=(2, 3, 1)"),
        ((unpaired(flat(4), flat(4)), flat(4)), "a is a dataset of (TensorSpec("),
        ((flat(4), flat(4), flat(4)), f"epoch is a third dataset; {EPOCH}"),
        ((flat(4), flat(4), 0), f"epoch is 0; {EPOCH}"),
        ((flat(4), flat(4), -3), f"epoch is -3; {EPOCH}"),
        ((flat(4), flat(4), True), f"epoch is True; {EPOCH}"),
        ((flat(4), flat(4), 2.0), f"epoch is 2.0; {EPOCH}"),
        ((flat(4), flat(4), None), f"epoch is None; {EPOCH}"),
        ((flat(4), flat(4), "long"), "epoch is 'long'; did you mean 'longest'?"),
        ((EMPTY, flat(4)), "a is empty; expected at least one batch."),
        ((flat(4), EMPTY, 5), "b is empty; expected at least one batch."),
        (
            (flat(4), INFINITE),
            "epoch is 'longest', but b is infinite; expected a number of batches.",
        ),
        (
            (UNKNOWN, flat(4), "shortest"),
            "epoch is 'shortest', but a has an unknown length; expected a number of",
        ),
        (
            (flat(4), flat(4, shape=(2, 4, 1))),
            "b has images of 2 x 4 pixels, but those of a have 2 x 3; expected the "
            "same size.",
        ),
        (
            (flat(8, 2), flat(8, 4)),
            "b has batches of 4 images, but those of a have 2; expected the same batch",
        ),
        (
            (flat(8, 4, shuffle=False), flat(8, 2, shuffle=False)),
            "b has batches of 2 images, but those of a have 4; expected the same batch",
        ),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError) as caught:
        unpaired(*arguments)
    text = str(caught.value)
    assert text.startswith(message)
    assert text[-1] in ".?" and ". " not in text and "\n" not in text
