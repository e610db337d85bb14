"""Base class of callbacks that write files without changing files of other runs."""

import itertools
import os
import pathlib
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from kerasgan.callbacks.checks import check_adversarial
from kerasgan.files import absolute_path

# For each model of this process: the suffixes of its files, by folder and name.
_suffixes: weakref.WeakKeyDictionary[
    keras.Model, dict[tuple[pathlib.Path, str], str]
] = weakref.WeakKeyDictionary()


class RunFiles(keras.callbacks.Callback):
    """Base class of callbacks that write files after every epoch.

    Files record the training step at which they were written. From it, the callback
    tells whether files in the folder belong to the run that trains now:

    - A second `fit` of the same model continues the files. Keras counts epochs from 0
      again, so new epochs get the numbers after the last one.
    - A run that `RunState` resumes continues its files too. It rewrites those of epochs
      that are later than the checkpoint.
    - A model that was loaded from a file continues the files if none was written at a
      later step than the model's.

    All other files belong to another run and are not changed. The new files then have a
    number in their names, such as `samples-002`, and a message is printed.

    A subclass sets `name`, and overrides `file_names`, `steps_on_disk` and
    `begin_files`.

    Args:
        folder: Folder of the run. It is created if it does not exist.
    """

    # Distinguishes the kinds of files in a folder.
    name = ""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        self.folder = absolute_path(folder)
        self.suffix = ""
        self._chosen = False

    def file_names(self, suffix: str) -> list[str]:
        """Returns the names of the files and folders that have a suffix."""
        raise NotImplementedError

    def steps_on_disk(self, suffix: str) -> dict[int, int] | None:
        """Returns the training steps of the epochs in the files with a suffix.

        Returns:
            A dict from epoch numbers, counted from 1, to training steps; empty if there
            are no files. None if there are files that this callback did not write.
        """
        raise NotImplementedError

    def begin_files(self, kept: Mapping[int, int]) -> None:
        """Called once in each training, as soon as the suffix is known.

        Args:
            kept: The epochs in the files that the run continues, with their steps.
        """

    def get_state(self) -> dict[str, Any]:
        """Returns the state for `RunState`."""
        self._choose_suffix()
        return {"suffix": self.suffix}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores the state that `get_state` returned."""
        self._choose_suffix(resumed=state["suffix"])

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        check_adversarial(type(self).__name__, self.model)
        self._first_step = self.model.steps_taken
        self._offset: int | None = None
        self._chosen = False

    def epoch_number(self, epoch: int) -> int:
        """Returns the number of an epoch in the files, counted from 1.

        Args:
            epoch: Keras's index of the epoch, counted from 0 in each call of `fit`.
        """
        self._choose_suffix()
        if self._offset is None:
            self._offset = max(0, self._last_kept - epoch)
        return epoch + 1 + self._offset

    def _choose_suffix(self, resumed: str | None = None) -> None:
        """Chooses the suffix of this training, once.

        Args:
            resumed: Suffix of the run that `RunState` resumes, if it does.
        """
        if self._chosen:
            return
        self._chosen = True
        own = _suffixes.setdefault(self.model, {})
        trusted = own.get((self.folder, self.name)) if resumed is None else resumed
        suffix, steps = self._usable(trusted)
        if resumed is not None:
            # Epochs after the checkpoint are trained again.
            steps = {e: step for e, step in steps.items() if step <= self._first_step}
        self.suffix = own[self.folder, self.name] = suffix
        self._last_kept = max(steps, default=0)
        if suffix and suffix != trusted:
            taken, names = (" and ".join(self.file_names(one)) for one in ("", suffix))
            # Below the progress bar.
            start = "\n" if self.params.get("verbose") else ""
            print(
                f"{start}{self.folder} has {taken} of another run, so this run writes "
                f"{names}."
            )
        self.begin_files(steps)

    def _usable(self, trusted: str | None) -> tuple[str, dict[int, int]]:
        """Returns the first suffix that is free or belongs to this run, and its steps.

        Args:
            trusted: The suffix of this run's files if it is known, tried first.
        """
        for suffix in _candidates(trusted):
            steps = self.steps_on_disk(suffix)
            if steps is None:
                continue
            last = max(steps.values(), default=0)
            if suffix == trusted or not steps or last <= self._first_step > 0:
                return suffix, steps
        raise AssertionError("There are infinitely many suffixes.")


def _candidates(trusted: str | None) -> Iterator[str]:
    if trusted is not None:
        yield trusted
    yield ""
    for number in itertools.count(2):
        yield f"-{number:03d}"
