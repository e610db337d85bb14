"""`RunState`: saves checkpoints and resumes training from them."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive
from kerasgan.files import absolute_path
from kerasgan.training import state
from kerasgan.training.callback_state import (
    best_weights,
    get_callback_states,
    history_until,
    set_callback_states,
    stateful_callbacks,
)
from kerasgan.training.checkpoints import (
    KEPT,
    locked_folder,
    resumable_checkpoint,
    write_checkpoint,
)
from kerasgan.training.compatibility import (
    changed_since,
    check_resumable,
    data_digest,
    report_differences,
)
from kerasgan.training.not_finite import is_finite
from kerasgan.training.stop_requests import StopRequests
from kerasgan.version import library_versions

# Training between two checkpoints takes at least this many times as long as saving one,
# and at least so many seconds.
TRAINING_TO_SAVING = 50
MIN_SECONDS = 10.0


class RunState(keras.callbacks.Callback):
    """Saves checkpoints and resumes training from the newest one.

    When the same program runs again, training resumes from the newest checkpoint in the
    folder, even in the middle of an epoch. It ends with the same weights, logs and
    images as an uninterrupted run: to the last bit on a CPU, with the same library
    versions and `tf.config.experimental.enable_op_determinism()`. A finished run is not
    trained again, unless `epochs` is increased. A run that a callback stopped in the
    middle of an epoch is not finished.

    A checkpoint contains all variables of the model and both optimizers, the metrics of
    the epoch, the position in the data, the history, and the state of `EarlyStopping`,
    `ReduceLROnPlateau`, `ModelCheckpoint` and `Diagnosis`. For any other callback, it
    contains the JSON-compatible values that its method `get_state()` returns, which
    `set_state(state)` gets when the run resumes.

    The data must come in the same order again. Arrays, and datasets of `kerasgan.data`
    with a `seed`, continue where the run stopped. Other datasets are read again up to
    that position, with a progress bar. Layers that draw random numbers themselves, such
    as `Dropout`, resume exactly only with Keras 3.

    Checkpoints are written atomically and have a checksum. The two newest are kept. If
    one is damaged, the previous one is used, and a message is printed. Only one process
    can train in a folder at a time. After Ctrl-C or SIGTERM, the current step is
    completed and saved. Then `fit` raises KeyboardInterrupt, or SystemExit with code
    143. A second Ctrl-C interrupts at once. NaN or infinite values are never saved.

    Args:
        folder: Folder of the run. Checkpoints are saved in its subfolder `state`.
        every_steps: Int, number of training steps between two checkpoints. By default,
            the interval is chosen so that saving takes at most 2 % of the time, with at
            least 10 seconds between two checkpoints. A checkpoint is also saved before
            the first step, to fail early if the folder is not writable, and at the end.
        strict: Whether to raise an error if options of the model, its optimizers or the
            data differ from those of the checkpoint. If False, training continues with
            the new options.

    Attributes:
        first_step: Int, the step at which this call of `fit` started.
        when_stopped: Str, hint that is printed when a signal stops training.

    Raises:
        ValueError: If `every_steps` is not positive. When training starts: if the
            checkpoint does not match the model, its options or the data, or all
            checkpoints are damaged.
        OSError: If a checkpoint cannot be written, for example on a full disk, or if
            another process is training in the folder. Earlier checkpoints are kept.

    Example:

    >>> gan.fit(faces, epochs=25, callbacks=[kerasgan.callbacks.RunState("runs/faces")])
    """

    when_stopped: str = "run the same program again to resume"

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every_steps: int | None = None,
        strict: bool = True,
    ) -> None:
        super().__init__()
        if every_steps is not None:
            check_positive(every_steps=every_steps)
        self.folder = absolute_path(folder) / "state"
        self.every_steps = every_steps
        self.strict = strict
        self.stop_requests = StopRequests()
        self.first_step = 0
        self._checkpoint: Any = None

    @contextlib.contextmanager
    def opened(self, model: Any) -> Iterator[None]:
        """Locks the folder and reads the newest checkpoint; `fit` runs in this context.

        Args:
            model: A compiled adversarial model. If it was created without a seed, it
                gets the seed of the checkpoint.
        """
        with locked_folder(self.folder):
            self._model = model
            self._checkpoint = resumable_checkpoint(self.folder)
            if self._checkpoint is not None:
                model.adopt_seed(self._checkpoint[1]["options"]["seed"])
            self._options = state.training_options(model)
            self._model_config = state.model_config(model)
            yield

    def epochs_left(self, epochs: int, initial_epoch: int = 0) -> int:
        """Returns the number of epochs left to train, including a partial epoch.

        Args:
            epochs: The argument `epochs` of `fit`.
        """
        if self._checkpoint is None:
            return epochs - initial_epoch
        return 0 if self._is_complete(epochs) else epochs - self._checkpoint[1]["epoch"]

    def _is_complete(self, epochs: int) -> bool:
        _, metadata = self._checkpoint
        return metadata["finished"] and epochs <= metadata["epochs"]

    def resume_fit(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        epochs: int,
        steps: int,
        batches: list[Any],
    ) -> tuple[int, int] | None:
        """Restores the newest checkpoint; `fit` calls this before the first step.

        Args:
            callbacks: All callbacks of this training.
            epochs: The argument `epochs` of `fit`.
            steps: Number of batches per epoch.
            batches: The first batches of the data.

        Returns:
            The epoch and batch at which training starts, both counted from 0, or None
            if there is no checkpoint.
        """
        self._steps = steps
        self._epochs = epochs
        self._stateful = stateful_callbacks(callbacks)
        self._options["steps_per_epoch"] = steps
        self._options["batch_size"] = len(tf.nest.flatten(batches)[0])
        self._data = data_digest(batches)
        # The number of batches and the step of the newest checkpoint.
        self._saved: int | None = None
        self._saved_step: int | None = None
        self._epoch: int | None = None
        if self._checkpoint is None:
            return None
        values, metadata = self._checkpoint
        groups = state.state_variables(self._model)
        changed = changed_since(metadata["options"], values, self._options)
        # A learning rate that the user changed keeps its new value.
        self._kept = {n: v for n, v in groups.items() if n not in changed}
        check_resumable(
            self.folder,
            state.mismatch(self._kept, values),
            changed if self.strict else set(),
            now=self._options,
            then=metadata["options"],
        )
        state.write_variables(self._kept, values)
        self.first_step = self._saved_step = self._model.steps_taken
        run, epoch, batch = self.folder.parent, metadata["epoch"], metadata["batch"]
        if self._is_complete(epochs):
            self._saved = epoch * steps
            print(f"{run}: already complete after {self._model.steps_taken} steps.")
            return epochs, 0
        if "steps_per_epoch" in changed:
            # The epoch is divided into other batches now, so it starts again.
            batch = 0
        self._saved = epoch * steps + batch
        print(
            f"{run}: resuming from step {self._model.steps_taken}, epoch {epoch + 1}, "
            f"batch {batch + 1} of {steps}."
        )
        report_differences(run, metadata, self._data)
        return epoch, batch

    def on_train_begin(self, logs: Any = None) -> None:
        if not hasattr(self, "_options"):
            raise ValueError(
                f"RunState is used with a {type(self.model).__name__}, whose fit "
                "cannot resume; expected a kerasgan.GAN or kerasgan.CycleGAN."
            )
        # A new run saves before its first step.
        self._due = time.monotonic() + (MIN_SECONDS if self._checkpoint else 0.0)
        self._reported_not_finite = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # Here, not at the end of an epoch: all other callbacks have handled its end.
        self._epoch = epoch
        if self._checkpoint is None:
            self._done = 0
            self._save_if_due(0)
        else:
            self._done = self._checkpoint[1]["batch"]
            self._restore_the_rest()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._done = batch + 1
        if self._done < self._steps:
            self._save_if_due(self._done)

    def on_train_end(self, logs: Any = None) -> None:
        if self._checkpoint is not None:
            # No epoch was left.
            self._restore_the_rest()
        elif self._epoch is not None and self._done >= self._steps:
            self._save(self._epoch + 1, 0, finished=True)
        self.stop_requests.raise_if_requested()

    def save_unfinished(self) -> None:
        """Saves a checkpoint if a callback has stopped training within an epoch.

        `fit` calls this before optimizers overwrite weights with their averages.
        """
        if self._checkpoint is None and self._epoch is not None:
            if self._done < self._steps:
                self._save(self._epoch, self._done)

    def save_after_failure(self) -> None:
        """Saves a checkpoint after validation or another callback has raised an error.

        If an epoch was complete, the resumed run does not repeat its end.
        """
        if self._checkpoint is not None or self._epoch is None:
            return
        epoch, batch = divmod(self._epoch * self._steps + self._done, self._steps)
        finished = batch == 0 and (epoch == self._epochs or self.model.stop_training)
        if finished:
            self.model.finalize_weights()
        elif batch == 0:
            # They are of the epoch before, or of an unfinished validation.
            self.model.reset_metrics()
        try:
            self._save(epoch, batch, finished)
        except Exception as error:
            # It must not hide the other error.
            print(f"\n{self.folder.parent}: no checkpoint was saved ({error}).")

    def _restore_the_rest(self) -> None:
        """Restores what Keras has reset since the variables were restored."""
        values, metadata = self._checkpoint
        self._checkpoint = None
        if not metadata["finished"]:
            # These are the metrics of the partial epoch, and a learning rate that a
            # callback set at the beginning of the epoch and has now set again.
            state.write_variables(self._kept, values)
        history = self.model.history
        history.epoch = list(metadata["history"]["epoch"])
        history.history = {k: list(v) for k, v in metadata["history"]["logs"].items()}
        set_callback_states(self._stateful, metadata["callbacks"], values)

    def _save_if_due(self, batch: int) -> None:
        assert self._epoch is not None
        stop = self.stop_requests.signal is not None
        if self.every_steps is None or self._saved is None:
            due = time.monotonic() >= self._due
        else:
            now = self._epoch * self._steps + batch
            due = now // self.every_steps > self._saved // self.every_steps
        saved = self._save(self._epoch, batch) if due or stop else False
        if stop:
            step = self.model.steps_taken
            then = self.when_stopped
            if not saved:
                then = (
                    "values are NaN or infinite, so nothing was saved; training "
                    f"resumes from step {self._saved_step or 0}"
                )
            print(f"\n{self.folder.parent}: stopped at step {step}; {then}.")
            self.stop_requests.raise_if_requested()

    def _save(self, epoch: int, batch: int, finished: bool = False) -> bool:
        """Saves a checkpoint; returns False if values are not finite."""
        now = epoch * self._steps + batch
        if now == self._saved and not finished:
            return True
        started = time.monotonic()
        values = state.named_variables(state.state_variables(self.model))
        step = self.model.steps_taken
        if not is_finite(values.values()):
            self._delay(started)
            if not self._reported_not_finite:
                self._reported_not_finite = True
                print(
                    f"\n{self.folder.parent}: values are NaN or infinite at step "
                    f"{step}, so no checkpoint is saved until they are finite."
                )
            return False
        values.update(best_weights(self._stateful))
        metadata = {
            "epoch": epoch,
            "batch": batch,
            "epochs": self._epochs,
            "finished": finished,
            "model": self._model_config,
            "options": self._options,
            "versions": library_versions(),
            "data": self._data,
            # Without an interrupted epoch, which Keras counts as a whole one.
            "history": history_until(self.model.history, epoch),
            "callbacks": get_callback_states(self._stateful),
        }
        try:
            write_checkpoint(self.folder, step, values, metadata)
        except OSError as error:
            reason = getattr(error.__cause__, "strerror", None) or error
            raise OSError(
                f"the checkpoint of step {step} could not be saved in {self.folder} "
                f"({reason}); expected a writable folder with space for {KEPT + 1} "
                "checkpoints; earlier checkpoints are intact."
            ) from error
        self._saved, self._saved_step = now, step
        self._reported_not_finite = False
        self._delay(started)
        return True

    def _delay(self, started: float) -> None:
        """Sets when the next checkpoint is due, after one that started at `started`."""
        ended = time.monotonic()
        self._due = ended + max(MIN_SECONDS, TRAINING_TO_SAVING * (ended - started))
