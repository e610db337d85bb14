"""`ForOptimizer`: lets a Keras callback control either optimizer, or both."""

import copy
import functools
from typing import Any

import keras

from kerasgan.arguments import check_choice
from kerasgan.optimizers import PLAYERS, is_scheduled, learning_rate, optimizer_of

# Names under which Keras logs the learning rate.
RATE_NAMES = ("learning_rate", "lr")
HOOKS = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]


class ForOptimizer(keras.callbacks.Callback):
    """Applies a Keras callback to one of the two optimizers, or to both.

    `LearningRateScheduler`, `ReduceLROnPlateau` and others set the learning rate of
    `model.optimizer`, which is the generator's. The wrapper passes them a model whose
    `optimizer` is the selected one. With `"both"`, each optimizer gets its own copy of
    the callback. Each copy starts from the rate of its own optimizer, so rates that
    differ keep their ratio when both are halved.

    The learning rate of each epoch is added to its logs as `d_learning_rate` or
    `g_learning_rate`, in place of Keras's name, which is the same for both optimizers.

    Args:
        callback: A `keras.callbacks.Callback`.
        which: `"discriminator"`, `"generator"` or `"both"`.

    Raises:
        ValueError: If `which` is not one of these. When training starts: if the
            optimizer has a `LearningRateSchedule`, which callbacks cannot set.

    Example:

    >>> halve = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=5)
    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.ForOptimizer(halve, "both")])
    """

    def __init__(self, callback: keras.callbacks.Callback, which: str) -> None:
        super().__init__()
        check_choice("which", which, (*PLAYERS, "both"))
        self.callbacks: dict[str, keras.callbacks.Callback]
        if which == "both":
            copies = (copy.copy(callback), callback)
            self.callbacks = dict(zip(PLAYERS, copies, strict=True))
        else:
            self.callbacks = {which: callback}
        for hook in HOOKS:
            # Only hooks that the callback has: Keras waits for the result of every
            # step if there is a hook for batches.
            if not _is_inherited(callback, hook) and hook != "on_epoch_end":
                setattr(self, hook, functools.partial(self._call, hook))

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks.values():
            callback.set_params(params)

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        for player, callback in self.callbacks.items():
            optimizer = optimizer_of(model, player)
            if is_scheduled(optimizer):
                raise ValueError(
                    f"{player[0]}_optimizer has a LearningRateSchedule, which "
                    f"{type(callback).__name__} cannot set; expected a number as its "
                    "learning rate."
                )
            callback.set_model(_ModelWithOptimizer(optimizer, model))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        for player, callback in self.callbacks.items():
            rate = learning_rate(optimizer_of(self.model, player))
            seen = dict(logs)
            callback.on_epoch_end(epoch, seen)
            logs.update({k: v for k, v in seen.items() if k not in RATE_NAMES})
            logs[f"{player[0]}_learning_rate"] = rate

    def _call(self, hook: str, *args: Any, **kwargs: Any) -> None:
        for callback in self.callbacks.values():
            getattr(callback, hook)(*args, **kwargs)


class _ModelWithOptimizer:
    """Stands for a model, with another optimizer in its attribute `optimizer`."""

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, model: keras.Model
    ) -> None:
        vars(self).update(optimizer=optimizer, _model=model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # For example `stop_training`.
        setattr(self._model, name, value)


def _is_inherited(callback: keras.callbacks.Callback, hook: str) -> bool:
    method = getattr(callback, hook)
    function = getattr(method, "__func__", method)
    return function is getattr(keras.callbacks.Callback, hook)
