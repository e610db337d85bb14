"""Hands a callback of Keras the optimizer of the player it is meant for."""

import copy
import functools

import keras

from kerasgan.arguments import check_choice
from kerasgan.optimizers import PLAYERS, is_scheduled, learning_rate, optimizer_of

# What Keras names the rate in the logs, in either generation.
RATE_NAMES = ("learning_rate", "lr")
HOOKS = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_")]


class ForOptimizer(keras.callbacks.Callback):
    """Lets a callback of Keras steer the optimizer of either player, or both.

    `LearningRateScheduler`, `ReduceLROnPlateau` and others set the learning rate of
    `model.optimizer`, which is the generator's. Here they see the model with the
    optimizer they are meant for. For both players there are two of the callback, the
    second a copy, and each starts from the rate of its own optimizer: rates that
    differ keep their ratio when both are halved.

    The rate that an epoch ran with joins its logs, as `d_learning_rate` or
    `g_learning_rate`; what Keras itself calls it does not say whose it is.

    Args:
        callback: A `keras.callbacks.Callback`.
        which: `"discriminator"`, `"generator"` or `"both"`.

    Raises:
        ValueError: If `which` is none of them or, when training starts, if the rate
            is a `LearningRateSchedule`, which cannot be set.

    Example:

    >>> halve = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=5)
    >>> gan.fit(faces, callbacks=[kerasgan.callbacks.ForOptimizer(halve, "both")])
    """

    def __init__(self, callback, which):
        super().__init__()
        check_choice("which", which, (*PLAYERS, "both"))
        if which == "both":
            own = (copy.copy(callback), callback)
            self.callbacks = dict(zip(PLAYERS, own, strict=True))
        else:
            self.callbacks = {which: callback}
        for hook in HOOKS:
            # Only those that it has: Keras waits for every step where there is a
            # hook for batches.
            if not _is_inherited(callback, hook) and hook != "on_epoch_end":
                setattr(self, hook, functools.partial(self._call, hook))

    def set_params(self, params):
        super().set_params(params)
        for callback in self.callbacks.values():
            callback.set_params(params)

    def set_model(self, model):
        super().set_model(model)
        for player, callback in self.callbacks.items():
            optimizer = optimizer_of(model, player)
            if is_scheduled(optimizer):
                raise ValueError(
                    f"{player[0]}_optimizer has a LearningRateSchedule, which "
                    f"{type(callback).__name__} cannot set; expected a number for its "
                    "learning rate."
                )
            callback.set_model(_ModelWith(optimizer, model))

    def on_epoch_end(self, epoch, logs=None):
        for player, callback in self.callbacks.items():
            rate = learning_rate(optimizer_of(self.model, player))
            seen = dict(logs)
            callback.on_epoch_end(epoch, seen)
            logs.update({k: v for k, v in seen.items() if k not in RATE_NAMES})
            logs[f"{player[0]}_learning_rate"] = rate

    def _call(self, hook, *args, **kwargs):
        for callback in self.callbacks.values():
            getattr(callback, hook)(*args, **kwargs)


class _ModelWith:
    """A model in everything but its optimizer."""

    def __init__(self, optimizer, model):
        vars(self).update(optimizer=optimizer, _model=model)

    def __getattr__(self, name):
        return getattr(self._model, name)

    def __setattr__(self, name, value):
        # `stop_training`, above all.
        setattr(self._model, name, value)


def _is_inherited(callback, hook):
    method = getattr(callback, hook)
    function = getattr(method, "__func__", method)
    return function is getattr(keras.callbacks.Callback, hook)
