"""Training that goes on where it was stopped, to the same bits."""

import contextlib
import hashlib
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.training import state
from kerasgan.training.callback_state import past_of, remembered, remembering, remind
from kerasgan.training.checkpoints import KEPT, held_folder, newest_state, write_state
from kerasgan.training.stop_requests import StopRequests
from kerasgan.version import library_versions

# Training between two saves takes at least this many times as long as a save.
TRAINING_TO_SAVING = 50


class RunState(keras.callbacks.Callback):
    """Keeps the state of training, so that the same program goes on where it was.

    Started again, a program goes on from the newest state in the folder, in the
    middle of an epoch as well as at its end, and ends with the weights, logs and
    images of a run that was never stopped: on a CPU with the same versions to the
    last bit. A run that has ended is not trained again; with more `epochs` it goes
    on. A run that a callback stopped in the middle of an epoch has not ended.

    Kept are all variables of the model, both optimizers, the metrics of the epoch,
    its place in the data, the history, what `EarlyStopping`, `ReduceLROnPlateau`,
    `ModelCheckpoint` and `Diagnosis` remember, and what any other callback returns from
    a method `get_state()`, which JSON has to hold: `set_state(state)` gets it back.

    The data has to come in the same order again: give its functions a `seed`, or call
    `keras.utils.set_random_seed` first; and validation data in a fixed one. What was
    trained on already is read once more, without training. Layers that draw random
    numbers themselves, such as `Dropout`, go on exactly with Keras 3 only.

    A state is written whole or not at all, and with a checksum. The newest two are
    kept; if one is damaged, the one before it is taken, and a line says so. One process
    at a time trains in a folder. Ctrl-C and
    SIGTERM are obeyed after the step at hand, once the state is saved: `fit` raises
    KeyboardInterrupt, or SystemExit with code 143, which schedulers expect. A second
    Ctrl-C is obeyed at once. What has a number in it that is not finite is never saved.

    Args:
        folder: Folder of the run; states are files in its folder `state`.
        every_steps: Int, training steps between two states. By default as often as
            saving takes no more than a fiftieth of the time. A state is also saved
            before the first step, which is when a folder that cannot be written to
            is found out, and at the end.
        strict: Whether options of the model, its optimizers or the data that are not
            those the run was started with are an error, and networks that are built
            otherwise. Otherwise the run goes on with the new ones.

    Attributes:
        first_step: Int, the training step that this training began with.

    Raises:
        ValueError: If `every_steps` is not positive or, when training starts, if the
            state does not fit the model, its options or the data, or if no state in
            the folder is whole.
        OSError: If a state cannot be written, on a full disk say; those that are
            there stay. Or if another process trains in the folder.

    Example:

    >>> gan.fit(faces, epochs=25, callbacks=[kerasgan.callbacks.RunState("runs/faces")])
    """

    def __init__(self, folder, every_steps=None, strict=True):
        super().__init__()
        if every_steps is not None:
            check_positive(every_steps=every_steps)
        self.folder = pathlib.Path(folder) / "state"
        self.every_steps = every_steps
        self.strict = strict
        self.stop_requests = StopRequests()
        self.first_step = 0
        self._resumed = None

    @contextlib.contextmanager
    def opened(self, model):
        """Holds the folder and looks for the newest state; `fit` trains inside of it.

        Args:
            model: A compiled adversarial model. Without a seed of its own it takes
                that of the state.
        """
        with held_folder(self.folder):
            self._model = model
            self._resumed = newest_state(self.folder)
            if self._resumed is not None:
                model.adopt_seed(self._resumed[1]["options"]["seed"])
            self._options = state.training_options(model)
            yield

    def epochs_left(self, epochs):
        """Returns how many of all epochs are left to train, those begun counted whole.

        Args:
            epochs: Int, the epoch that `fit` trains to.
        """
        if self._resumed is None:
            return epochs
        return 0 if self._has_ended(epochs) else epochs - self._resumed[1]["epoch"]

    def _has_ended(self, epochs):
        _, facts = self._resumed
        return facts["finished"] and epochs <= facts["epochs"]

    def resume_fit(self, callbacks, epochs, steps, batches):
        """Brings the model to the newest state; `fit` calls it before the first step.

        Args:
            callbacks: List of the callbacks of this training.
            epochs: Int, the epoch that `fit` trains to.
            steps: Int, batches in an epoch.
            batches: The first batches, as a list.

        Returns:
            Where training goes on, a pair `(epoch, batch)`, both counted from 0; None
            if there is no state.
        """
        self._steps = steps
        self._epochs = epochs
        self._remembering = remembering(callbacks)
        self._options["steps_per_epoch"] = steps
        self._options["batch_size"] = len(tf.nest.flatten(batches)[0])
        self._data = _digest(batches)
        self._saved = None
        if self._resumed is None:
            return None
        values, facts = self._resumed
        groups = state.state_variables(self._model)
        changed = self._changed(values, facts)
        # A rate that was changed on purpose stays what it is now.
        self._kept = {n: v for n, v in groups.items() if n not in changed}
        self._check(facts, changed, state.misfit(self._kept, values))
        state.write_variables(self._kept, values)
        self.first_step = self._model.steps_taken
        run, epoch, batch = self.folder.parent, facts["epoch"], facts["batch"]
        if self._has_ended(epochs):
            self._saved = epoch * steps
            print(f"{run}: trained already, {self._model.steps_taken} steps.")
            return epochs, 0
        if "steps_per_epoch" in changed:
            # There is no such place in other batches.
            batch = 0
        self._saved = epoch * steps + batch
        print(
            f"{run}: going on from step {self._model.steps_taken}, epoch {epoch + 1}, "
            f"batch {batch + 1} of {steps}."
        )
        if facts["versions"] != library_versions():
            saved_by = ", ".join(" ".join(pair) for pair in facts["versions"].items())
            print(
                f"{run}: saved by other versions ({saved_by}), so it goes on, but "
                "perhaps not to the same bits."
            )
        if facts["data"] != self._data:
            print(
                f"{run}: the data is not the same or comes in another order, so the "
                "run goes on, but not as if it had never been stopped; give its "
                "functions a seed."
            )
        return epoch, batch

    def on_train_begin(self, logs=None):
        if not hasattr(self, "_options"):
            raise ValueError(
                f"RunState is given to a {type(self.model).__name__}, whose fit does "
                "not ask it where to begin; expected a model of kerasgan."
            )
        self._due = 0.0
        self._epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        # Here, and not at the end of an epoch: all other callbacks are done with it.
        self._epoch = epoch
        if self._resumed is None:
            self._done = 0
            self._save_if_due(0)
        else:
            self._done = self._resumed[1]["batch"]
            self._restore_the_rest()

    def on_train_batch_end(self, batch, logs=None):
        self._done = batch + 1
        if self._done < self._steps:
            self._save_if_due(self._done)

    def on_train_end(self, logs=None):
        if self._resumed is not None:
            # Not one epoch was left.
            self._restore_the_rest()
        elif self._epoch is not None and self._done < self._steps:
            # A callback has stopped it in the middle of an epoch.
            self._save(self._epoch, self._done)
        elif self._epoch is not None:
            self._save(self._epoch + 1, 0, finished=True)
        if self.stop_requests.signal is not None:
            self.stop_requests.obey()

    def _check(self, facts, changed, misfit):
        """Raises a ValueError if a state does not belong to this run."""
        if misfit is not None:
            raise ValueError(
                f"{misfit} in {self.folder}; expected the networks and optimizers that "
                "the run was started with, or another folder."
            )
        if changed and self.strict:
            new, old = (
                ", ".join(f"{name} {options.get(name)!r}" for name in sorted(changed))
                for options in (self._options, facts["options"])
            )
            raise ValueError(
                f"training has {new}, but the run in {str(self.folder.parent)!r} was "
                f"started with {old}; expected the same, or strict=False to go on with "
                "what is new."
            )

    def _changed(self, values, facts):
        """Returns the names of the options that are not those of a state."""
        options = facts["options"]
        # Rates are what they were at the beginning of the run, or have been set since,
        # if the model is the one that was trained.
        now = {f"{n}/0": value for n, value in self._options.items()}
        moved = {n[:-2] for n in now.keys() & values.keys() if now[n] == values[n]}
        self._options.update((n, options[n]) for n in moved & options.keys())
        names = self._options.keys() | options.keys()
        return {n for n in names if self._options.get(n) != options.get(n)}

    def _restore_the_rest(self):
        """Restores what Keras has reset since the model was restored."""
        values, facts = self._resumed
        self._resumed = None
        if not facts["finished"]:
            # The metrics of the epoch so far; and a rate that a callback has set at its
            # beginning, which it has set once more.
            state.write_variables(self._kept, values)
        history = self.model.history
        history.epoch = list(facts["history"]["epoch"])
        history.history = {k: list(v) for k, v in facts["history"]["logs"].items()}
        for key, callback in self._remembering.items():
            if key in facts["callbacks"]:
                remind(callback, facts["callbacks"][key])
            weights = [v for n, v in values.items() if n.startswith(f"{key}/")]
            if weights:
                callback.best_weights = weights

    def _save_if_due(self, batch):
        stop = self.stop_requests.signal is not None
        if self.every_steps is None or self._saved is None:
            due = time.monotonic() >= self._due
        else:
            now = self._epoch * self._steps + batch
            due = now // self.every_steps > self._saved // self.every_steps
        if due or stop:
            self._save(self._epoch, batch)
        if stop:
            print(
                f"\n{self.folder.parent}: stopped at step {self.model.steps_taken}; "
                "the same program, started again, goes on from there."
            )
            self.stop_requests.obey()

    def _save(self, epoch, batch, finished=False):
        now = epoch * self._steps + batch
        if now == self._saved and not finished:
            return
        started = time.monotonic()
        values = state.read_variables(state.state_variables(self.model))
        if not all(np.isfinite(value).all() for value in values.values()):
            self._wait(started)
            return
        for key, callback in self._remembering.items():
            for i, weight in enumerate(getattr(callback, "best_weights", None) or []):
                values[f"{key}/{i}"] = weight
        step = self.model.steps_taken
        # Without an epoch that was stopped in its middle, which Keras takes for one.
        history = past_of(self.model.history, epoch)
        facts = {
            "epoch": epoch,
            "batch": batch,
            "epochs": self._epochs,
            "finished": finished,
            "options": self._options,
            "versions": library_versions(),
            "data": self._data,
            "history": history,
            "callbacks": {
                key: remembered(callback) for key, callback in self._remembering.items()
            },
        }
        try:
            write_state(self.folder, step, values, facts)
        except OSError as error:
            reason = getattr(error.__cause__, "strerror", None) or error
            raise OSError(
                f"the state of step {step} could not be saved in {self.folder} "
                f"({reason}); expected a folder that can be written to, with room for "
                f"{KEPT + 1} states; those saved before are whole."
            ) from error
        self._saved = now
        self._wait(started)

    def _wait(self, started):
        """Puts the next save off, by a time that this one is a small part of."""
        ended = time.monotonic()
        self._due = ended + TRAINING_TO_SAVING * (ended - started)


def _digest(batches):
    """Returns a short text that is another one for other batches."""
    digest = hashlib.sha256()
    for array in tf.nest.flatten(batches):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
