"""What training gets from its data, and in what order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.step import count_step
from kerasgan.training.stream import Stream


class Watcher(AdversarialModel):
    """Trains nothing, and keeps the numbers that came."""

    def __init__(self):
        super().__init__(seed=0)
        self.generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        self.discriminator = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1)]
        )
        self.came = self.add_weight(
            name="came", shape=(40,), initializer="zeros", trainable=False
        )
        self.built = True

    def players(self):
        return [self.generator], [self.discriminator]

    def check_batches(self, batches, name="data"):
        pass

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        place = tf.reshape(tf.convert_to_tensor(self.step), (1, 1))
        came = tf.convert_to_tensor(self.came)
        self.came.assign(tf.tensor_scatter_nd_update(came, place, x[0]))
        count_step(self, x)
        return self.get_metrics_result()

    def numbers(self):
        return np.asarray(self.came)[: self.steps_taken].tolist()


def watcher(**compiled):
    model = Watcher()
    model.compile(**compiled)
    return model


def numbers(n):
    return tf.data.Dataset.range(n).map(
        lambda i: tf.reshape(tf.cast(i, "float32"), (1, 1))
    )


def fitted(data, **options):
    model = watcher()
    model.fit(data, verbose=0, **options)
    return model.numbers()


def test_every_batch_comes_once_an_epoch():
    assert fitted(numbers(5), epochs=3) == [0, 1, 2, 3, 4] * 3


def test_under_a_strategy_too():
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        model = watcher()
    model.fit(numbers(8), epochs=2, verbose=0)
    assert model.numbers() == [*range(8)] * 2


def test_a_first_epoch_leaves_nothing_out():
    assert fitted(numbers(3), initial_epoch=1, epochs=3) == [0, 1, 2] * 2


def test_endless_data_goes_on_where_the_last_epoch_ended():
    data = numbers(5).repeat()
    assert fitted(data, epochs=2, steps_per_epoch=3) == [0, 1, 2, 3, 4, 0]


def test_data_of_unknown_length():
    data = numbers(6).filter(lambda x: tf.squeeze(x) < 4)
    assert fitted(data, epochs=2) == [0, 1, 2, 3] * 2


def test_looking_first_changes_no_order():
    """However far one looks, and whatever repeats inside."""
    made = []
    for looks in (0, 2, 5, 11):
        data = numbers(4).shuffle(4, seed=3).repeat(2).prefetch(2)
        stream = Stream(data)
        looked_at = [
            batch for batch, _ in zip(stream.look(), range(looks), strict=False)
        ]
        stream.start_at(0)
        came = [float(tf.squeeze(x)) for x in stream.part(12)]
        assert [float(tf.squeeze(x)) for x in looked_at] == came[: len(looked_at)]
        made.append(came)
    assert all(came == made[0] for came in made)
    # Another order in every pass.
    assert len({tuple(made[0][i : i + 4]) for i in (0, 4, 8)}) > 1


@pytest.mark.parametrize("start", [0, 2, 3, 7])
def test_a_stream_can_be_entered_anywhere(start):
    def stream():
        return Stream(numbers(4).shuffle(4, seed=3))

    whole, entered = stream(), stream()
    whole.start_at(0)
    # Some of what is looked at is before the start.
    entered.first(3)
    entered.start_at(start)
    assert [float(tf.squeeze(x)) for x in whole.part(12)][start:] == [
        float(tf.squeeze(x)) for x in entered.part(12 - start)
    ]


@pytest.mark.parametrize("asked", [None, True, False])
def test_nothing_is_tuned_unless_the_data_asks_for_it(asked, monkeypatch):
    opened = []
    opens = tf.data.Dataset.__iter__

    def noted(data):
        opened.append(data.options().autotune.enabled)
        return opens(data)

    data = numbers(4)
    if asked is not None:
        options = tf.data.Options()
        options.autotune.enabled = asked
        data = data.with_options(options)
    kind = next(c for c in type(data).__mro__ if "__iter__" in vars(c))
    monkeypatch.setattr(kind, "__iter__", noted)
    stream = Stream(data)
    stream.start_at(1)
    list(stream.part(2))
    # The data itself, then the part that passes it on.
    assert opened == [bool(asked), False]


def test_opening_a_part_takes_nothing_from_the_next():
    stream = Stream(numbers(6))
    stream.start_at(0)
    part = stream.part(3)
    iter(part)
    assert [float(tf.squeeze(x)) for x in part] == [0, 1, 2]
    iter(part)
    assert [float(tf.squeeze(x)) for x in part] == [3, 4, 5]


def test_arrays_are_shuffled_with_the_seed_of_the_model():
    x = np.arange(6.0)[:, None]
    made = [fitted(x, batch_size=1, epochs=2) for _ in range(2)]
    assert made[0] == made[1]
    assert sorted(made[0][:6]) == [*range(6)] and made[0][:6] != made[0][6:]
    assert fitted(x, batch_size=1, shuffle=False) == [*range(6)]


def test_a_part_of_the_arrays_is_for_validation_in_batches_of_that_size(monkeypatch):
    sizes = []
    monkeypatch.setattr(
        keras.Model, "evaluate", lambda _, x=None, **o: sizes.append((len(x), o)) or {}
    )
    model = watcher()
    model.fit(np.arange(8.0)[:, None], batch_size=2, validation_split=0.25, verbose=0)
    assert model.steps_taken == 3
    assert sizes[0][0] == 2 and sizes[0][1]["batch_size"] == 2


def test_progress_is_shown_by_default(capsys):
    watcher().fit(numbers(2))
    assert "2/2" in capsys.readouterr().out
