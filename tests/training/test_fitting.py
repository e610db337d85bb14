"""The batches that training receives, and their order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.step import count_step
from kerasgan.training.stream import Stream


class BatchRecorder(AdversarialModel):
    """Records the number in each batch instead of training."""

    def __init__(self):
        super().__init__(seed=0)
        self.generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        self.discriminator = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1)]
        )
        self.received = self.add_weight(
            name="received", shape=(40,), initializer="zeros", trainable=False
        )
        self.built = True

    def players(self):
        return [self.generator], [self.discriminator]

    def check_batches(self, batches, name="data"):
        pass

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        place = tf.reshape(tf.convert_to_tensor(self.step), (1, 1))
        received = tf.convert_to_tensor(self.received)
        self.received.assign(tf.tensor_scatter_nd_update(received, place, x[0]))
        count_step(self, x)
        return self.get_metrics_result()

    def numbers(self):
        return np.asarray(self.received)[: self.steps_taken].tolist()


def batch_recorder(**compiled):
    model = BatchRecorder()
    model.compile(**compiled)
    return model


def numbers(n):
    return tf.data.Dataset.range(n).map(
        lambda i: tf.reshape(tf.cast(i, "float32"), (1, 1))
    )


def received_in_fit(data, **options):
    model = batch_recorder()
    model.fit(data, verbose=0, **options)
    return model.numbers()


def test_each_epoch_sees_every_batch_once():
    assert received_in_fit(numbers(5), epochs=3) == [0, 1, 2, 3, 4] * 3


def test_each_epoch_sees_every_batch_once_under_strategy():
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        model = batch_recorder()
    model.fit(numbers(8), epochs=2, verbose=0)
    assert model.numbers() == [*range(8)] * 2


def test_initial_epoch_skips_no_batch():
    assert received_in_fit(numbers(3), initial_epoch=1, epochs=3) == [0, 1, 2] * 2


def test_infinite_data_continues_across_epochs():
    data = numbers(5).repeat()
    assert received_in_fit(data, epochs=2, steps_per_epoch=3) == [0, 1, 2, 3, 4, 0]


def test_each_epoch_sees_all_data_of_unknown_length():
    data = numbers(6).filter(lambda x: tf.squeeze(x) < 4)
    assert received_in_fit(data, epochs=2) == [0, 1, 2, 3] * 2


def test_peek_does_not_change_order():
    """For any number of batches looked at, and with `repeat` in the pipeline."""
    orders = []
    for n_looked_at in (0, 2, 5, 11):
        data = numbers(4).shuffle(4, seed=3).repeat(2).prefetch(2)
        stream = Stream(data)
        looked_at = [
            batch for batch, _ in zip(stream.peek(), range(n_looked_at), strict=False)
        ]
        stream.start_at(0)
        received = [float(tf.squeeze(x)) for x in stream.part(12)]
        assert [float(tf.squeeze(x)) for x in looked_at] == received[: len(looked_at)]
        orders.append(received)
    assert all(received == orders[0] for received in orders)
    # Every pass is shuffled differently.
    assert len({tuple(orders[0][i : i + 4]) for i in (0, 4, 8)}) > 1


@pytest.mark.parametrize("start", [0, 2, 3, 7])
def test_stream_can_start_at_any_batch(start):
    def stream():
        return Stream(numbers(4).shuffle(4, seed=3))

    whole, started = stream(), stream()
    whole.start_at(0)
    # Some of the batches looked at precede the start.
    started.first(3)
    started.start_at(start)
    assert [float(tf.squeeze(x)) for x in whole.part(12)][start:] == [
        float(tf.squeeze(x)) for x in started.part(12 - start)
    ]


@pytest.mark.parametrize("enabled", [None, True, False])
def test_autotune_is_off_unless_data_enables_it(enabled, monkeypatch):
    opened = []
    original_iter = tf.data.Dataset.__iter__

    def recording_iter(data):
        opened.append(data.options().autotune.enabled)
        return original_iter(data)

    data = numbers(4)
    if enabled is not None:
        options = tf.data.Options()
        options.autotune.enabled = enabled
        data = data.with_options(options)
    kind = next(c for c in type(data).__mro__ if "__iter__" in vars(c))
    monkeypatch.setattr(kind, "__iter__", recording_iter)
    stream = Stream(data)
    stream.start_at(1)
    list(stream.part(2))
    # First the data itself, then the dataset of the part.
    assert opened == [bool(enabled), False]


def test_iter_of_part_consumes_nothing():
    stream = Stream(numbers(6))
    stream.start_at(0)
    part = stream.part(3)
    iter(part)
    assert [float(tf.squeeze(x)) for x in part] == [0, 1, 2]
    iter(part)
    assert [float(tf.squeeze(x)) for x in part] == [3, 4, 5]


@pytest.mark.slow
def test_arrays_are_shuffled_with_model_seed():
    x = np.arange(6.0)[:, None]
    runs = [received_in_fit(x, batch_size=1, epochs=2) for _ in range(2)]
    assert runs[0] == runs[1]
    assert sorted(runs[0][:6]) == [*range(6)] and runs[0][:6] != runs[0][6:]
    assert received_in_fit(x, batch_size=1, shuffle=False) == [*range(6)]


def test_validation_split_uses_training_batch_size(monkeypatch):
    sizes = []

    def evaluate(self, x=None, **options):
        sizes.append((len(x), options))
        return {"loss": 0.0}

    monkeypatch.setattr(keras.Model, "evaluate", evaluate)
    model = batch_recorder()
    model.fit(np.arange(8.0)[:, None], batch_size=2, validation_split=0.25, verbose=0)
    assert model.steps_taken == 3
    assert sizes[0][0] == 2 and sizes[0][1]["batch_size"] == 2


def test_progress_bar_is_shown_by_default(capsys):
    batch_recorder().fit(numbers(2))
    assert "2/2" in capsys.readouterr().out
