"""The state of callbacks, which a resumed run restores."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

# Attributes of Keras's callbacks that change during training.
ATTRIBUTES: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: (
        "best",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
}


def each_callback(
    callbacks: Sequence[keras.callbacks.Callback],
) -> Iterator[tuple[str, Any]]:
    """Yields pairs of a player and a callback; callbacks without a player have "".

    A callback that wraps others, such as `ForOptimizer`, has a dict `callbacks`.
    """
    for callback in callbacks:
        inner = getattr(callback, "callbacks", None)
        yield from inner.items() if isinstance(inner, dict) else [("", callback)]


def stateful_callbacks(
    callbacks: Sequence[keras.callbacks.Callback],
) -> dict[str, keras.callbacks.Callback]:
    """Returns the callbacks that have state, by keys that a resumed run finds again."""
    found: dict[str, keras.callbacks.Callback] = {}
    for player, one in each_callback(callbacks):
        if isinstance(one, tuple(ATTRIBUTES)) or hasattr(one, "get_state"):
            key = f"{type(one).__name__} {player} {getattr(one, 'monitor', '')}"
            found[f"{key} {sum(k.startswith(key) for k in found)}"] = one
    return found


def undo_swaps(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Restores the trained weights where `SwapEMAWeights` has put their averages."""
    for _, callback in each_callback(callbacks):
        if getattr(callback, "_ema_weights_in_model", False):
            # The callback itself does so when the next epoch begins.
            callback.on_epoch_begin(0)


def get_callback_state(callback: Any) -> Any:
    """Returns the state of a callback, as JSON-compatible values."""
    if hasattr(callback, "get_state"):
        return callback.get_state()
    names = next(n for kind, n in ATTRIBUTES.items() if isinstance(callback, kind))
    return {n: _plain(getattr(callback, n)) for n in names if hasattr(callback, n)}


def get_callback_states(
    callbacks: dict[str, keras.callbacks.Callback],
) -> dict[str, Any]:
    """Returns the states of the callbacks that `stateful_callbacks` found."""
    return {key: get_callback_state(callback) for key, callback in callbacks.items()}


def set_callback_state(callback: Any, state: Any) -> None:
    """Restores the state that `get_callback_state` returned."""
    if hasattr(callback, "get_state"):
        callback.set_state(state)
        return
    for name, value in state.items():
        setattr(callback, name, value)


def best_weights(callbacks: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns the weights that callbacks keep, as `EarlyStopping` does, by name."""
    return {
        f"{key}/{i}": weight
        for key, callback in callbacks.items()
        for i, weight in enumerate(getattr(callback, "best_weights", None) or [])
    }


def set_callback_states(
    callbacks: dict[str, Any], states: dict[str, Any], values: dict[str, np.ndarray]
) -> None:
    """Restores the states of callbacks.

    Args:
        callbacks: What `stateful_callbacks` returned.
        states: What `get_callback_states` returned.
        values: Arrays by name, among them those of `best_weights`.
    """
    for key, callback in callbacks.items():
        if key in states:
            set_callback_state(callback, states[key])
        weights = [v for name, v in values.items() if name.startswith(f"{key}/")]
        if weights:
            callback.best_weights = weights


def history_until(history: keras.callbacks.History, epochs: int) -> dict[str, Any]:
    """Returns a history of the first epochs, as JSON-compatible values."""
    epoch = [number for number in history.epoch if number < epochs]
    logs = {k: list(map(float, v)) for k, v in history.history.items()}
    left_out = len(history.epoch) - len(epoch)
    logs = {k: v[: len(v) - left_out] for k, v in logs.items()}
    return {"epoch": epoch, "logs": logs}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
