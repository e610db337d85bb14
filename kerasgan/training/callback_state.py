"""What callbacks remember from epoch to epoch, and would forget at a new start."""

import keras
import numpy as np

# Attributes of Keras's own callbacks.
REMEMBERED = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: (
        "best",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
}


def remembering(callbacks):
    """Returns the callbacks that remember something, under keys that find them again.

    Also those inside of `ForOptimizer`.
    """
    found = {}
    for callback in callbacks:
        inner = getattr(callback, "callbacks", None)
        if not isinstance(inner, dict):
            inner = {"": callback}
        for player, one in inner.items():
            if isinstance(one, tuple(REMEMBERED)) or hasattr(one, "get_state"):
                key = f"{type(one).__name__} {player} {getattr(one, 'monitor', '')}"
                found[f"{key} {sum(k.startswith(key) for k in found)}"] = one
    return found


def remembered(callback):
    """Returns what a callback remembers, something that JSON can hold."""
    if hasattr(callback, "get_state"):
        return callback.get_state()
    names = next(n for kind, n in REMEMBERED.items() if isinstance(callback, kind))
    return {n: _plain(getattr(callback, n)) for n in names if hasattr(callback, n)}


def remind(callback, remembered):
    """Gives a callback what `remembered` returned."""
    if hasattr(callback, "get_state"):
        callback.set_state(remembered)
        return
    for name, value in remembered.items():
        setattr(callback, name, value)


def past_of(history, epochs):
    """Returns a history up to an epoch, a dict that JSON can hold."""
    epoch = [number for number in history.epoch if number < epochs]
    logs = {k: list(map(float, v)) for k, v in history.history.items()}
    left_out = len(history.epoch) - len(epoch)
    logs = {k: v[: len(v) - left_out] for k, v in logs.items()}
    return {"epoch": epoch, "logs": logs}


def _plain(value):
    """Returns what JSON can hold of a number that may be NumPy's."""
    return value.item() if isinstance(value, np.generic) else value
