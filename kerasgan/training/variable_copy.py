"""Copies of variables in temporary files."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf


def as_array(value: Any) -> np.ndarray:
    """Returns the value of a variable, or an array as it is, in C order."""
    if not isinstance(value, np.ndarray):
        value = tf.convert_to_tensor(value).numpy()
    return np.asarray(value, order="C")


class VariableCopy:
    """The current values of variables, in a temporary file.

    Optimizers and averages make the variables several times as large as the networks.
    A copy in memory would add as much to what a training step needs.

    Args:
        variables: Variables of Keras or TensorFlow.

    Raises:
        OSError: If the temporary file cannot be written.
    """

    def __init__(self, variables: Iterable[Any]) -> None:
        self._variables = list(variables)
        try:
            self._file = tempfile.TemporaryFile()
            try:
                for variable in self._variables:
                    self._file.write(as_array(variable).reshape(-1).view("uint8").data)
                self._file.flush()
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise OSError(
                "a copy of the model could not be written to a temporary file "
                f"({error.strerror}); expected a writable folder with enough free "
                "space; set the environment variable TMPDIR to use another folder."
            ) from error

    def restore(self) -> None:
        """Assigns the copied values to the variables."""
        self._file.seek(0)
        for variable in self._variables:
            dtype = tf.as_dtype(variable.dtype).as_numpy_dtype
            size = int(np.prod(variable.shape)) * np.dtype(dtype).itemsize
            value = np.frombuffer(self._file.read(size), dtype)
            variable.assign(value.reshape(variable.shape))

    def close(self) -> None:
        """Deletes the temporary file."""
        self._file.close()


@contextlib.contextmanager
def restored(variables: Iterable[Any]) -> Iterator[None]:
    """Restores the values of variables when the block ends, however it ends."""
    before = VariableCopy(variables)
    try:
        yield
    finally:
        before.restore()
        before.close()
