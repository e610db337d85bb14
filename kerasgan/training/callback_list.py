"""The callbacks of a training that Keras runs in one or two parts."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasgan.training.callback_state import undo_swaps


def listed(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Returns the `callbacks` of `fit` as a list."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return tf.nest.flatten(callbacks) if callbacks else []


class FitCallbacks(keras.callbacks.CallbackList):
    """Callbacks of a training that may resume in the middle of an epoch.

    Keras trains whole epochs only, so the rest of an epoch is a training of its own.
    For the callbacks, training begins and ends once, and batches are counted from the
    beginning of their epoch.

    Attributes:
        first_batch: Int, position in its epoch of the first batch of this part.
        ends: Whether training ends with this part.
        run_state: The `RunState` among the callbacks, or None.
        in_step: Whether a step, or a callback after it, has not ended.
    """

    first_batch = 0
    begun = False
    trained = False
    ends = True
    run_state: Any = None
    in_step = False

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.begun:
            self.begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        if not self.ends:
            return
        undo_swaps(self.callbacks)
        if self.run_state is not None:
            self.run_state.save_unfinished()
        if self.trained:
            # Keras does this for `model.optimizer` alone.
            self.model.finalize_weights()
        super().on_train_end(logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.in_step = True
        super().on_train_batch_begin(batch + self.first_batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.trained = True
        super().on_train_batch_end(batch + self.first_batch, logs)
        self.in_step = False

    @contextlib.contextmanager
    def saved_on_failure(self) -> Iterator[None]:
        """Saves a checkpoint if validation, or a callback after an epoch, fails.

        An error in a step may leave variables that belong to no step, and the callbacks
        of a batch may have seen it or not, so then nothing is saved.
        """
        try:
            yield
        except Exception:
            if self.run_state is not None and not self.in_step:
                undo_swaps(self.callbacks)
                self.run_state.save_after_failure()
            raise
