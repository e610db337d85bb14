import json

import keras
import numpy as np
import pytest

from kerasgan.callbacks import Diagnosis, ForOptimizer
from kerasgan.training.callback_state import (
    get_callback_state,
    history_until,
    set_callback_state,
    stateful_callbacks,
)


def keras_callbacks():
    return [
        keras.callbacks.EarlyStopping("g_loss", mode="min"),
        keras.callbacks.ReduceLROnPlateau("g_loss", mode="min"),
        keras.callbacks.ModelCheckpoint("x.keras", "g_loss", mode="min", save_freq=7),
    ]


@pytest.mark.parametrize("kind", range(3))
def test_saved_attributes_exist_in_installed_keras(kind):
    """An attribute that Keras renamed would otherwise be skipped silently."""
    one, other = keras_callbacks()[kind], keras_callbacks()[kind]
    if hasattr(one, "_reset"):
        one._reset()
        other._reset()
    if kind == 0:
        one.on_train_begin()
        other.on_train_begin()
    names = {"best"} | [
        {"wait", "best_epoch"},
        {"wait", "cooldown_counter"},
        {
            "_batches_seen_since_last_saving",
            "_last_batch_seen",
        },
    ][kind]
    assert set(get_callback_state(one)) == names
    for number, name in enumerate(sorted(names)):
        setattr(one, name, np.float32(number + 3))
    set_callback_state(other, json.loads(json.dumps(get_callback_state(one))))
    assert get_callback_state(other) == get_callback_state(one)


def test_callbacks_of_same_class_have_distinct_keys():
    early, plateau, _ = keras_callbacks()
    others = [ForOptimizer(plateau, "both"), keras_callbacks()[0], Diagnosis()]
    found = stateful_callbacks([early, keras.callbacks.History(), *others])
    assert len(found) == 5
    assert set(map(id, found.values())) >= {id(early), id(plateau), id(others[-1])}
    again = stateful_callbacks([early, *others])
    assert list(again) == list(found)


def test_history_omits_interrupted_epoch():
    history = keras.callbacks.History()
    history.epoch = [0, 1, 2]
    history.history = {"loss": [np.float32(0.5), 2.0, 3.0], "score": [1.0, 4.0, 9.0]}
    kept = {"epoch": [0, 1], "logs": {"loss": [0.5, 2.0], "score": [1.0, 4.0]}}
    assert json.loads(json.dumps(history_until(history, 2))) == kept
    assert history_until(history, 3)["logs"]["score"] == [1.0, 4.0, 9.0]
