"""Checkpoint files: written whole, and verified by a checksum when read.

File names begin with a running number. The newest checkpoint has the highest number,
whatever its training step.
"""

import contextlib
import hashlib
import itertools
import json
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import filelock
import numpy as np
import tensorflow as tf

from kerasgan.files import atomic_write, file_lock
from kerasgan.training.variable_copy import as_array

# Number of checkpoints to keep.
KEPT = 2
_SUFFIX, _DAMAGED, _LOCK = ".state", ".damaged", ".lock"
# Bytes of the integer that holds the length of the header.
_LENGTH = 8

Arrays = dict[str, np.ndarray]
Checkpoint = tuple[Arrays, dict[str, Any]]


class DamagedCheckpointError(ValueError):
    """A checkpoint is damaged: its checksum does not match."""


def write_checkpoint(
    folder: pathlib.Path, step: int, values: dict[str, Any], metadata: dict[str, Any]
) -> None:
    """Writes a checkpoint and removes all but the newest two.

    Args:
        folder: The folder; it is created if it does not exist.
        step: Training steps so far.
        values: Dict from names to arrays or variables. Variables are read one at a
            time.
        metadata: JSON-compatible values.

    Raises:
        OSError: If the file cannot be written. Earlier checkpoints are kept.
    """
    # By name, because bfloat16 has no other description.
    arrays = [
        [name, tf.as_dtype(value.dtype).name, tuple(value.shape)]
        for name, value in values.items()
    ]
    header = json.dumps({"metadata": metadata, "arrays": arrays}).encode()
    digest = hashlib.sha256()
    newest = next(iter(checkpoint_files(folder)), None)
    number = 0 if newest is None else _number(newest) + 1
    with atomic_write(folder / f"{number:06d}-step-{step}{_SUFFIX}") as file:
        parts: list[Any] = [len(header).to_bytes(_LENGTH, "little"), header]
        for part in itertools.chain(parts, map(as_array, values.values())):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())
    for old in checkpoint_files(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def read_checkpoint(file: pathlib.Path) -> Checkpoint:
    """Reads a checkpoint.

    Returns:
        The values and metadata that `write_checkpoint` got.

    Raises:
        DamagedCheckpointError: If the file is truncated or a byte has changed.
    """
    content = memoryview(file.read_bytes())
    end = len(content) - hashlib.sha256().digest_size
    if end < 0 or hashlib.sha256(content[:end]).digest() != content[end:]:
        raise DamagedCheckpointError(f"{file} is damaged")
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = json.loads(bytes(content[_LENGTH:start]))
    values = {}
    for name, dtype, shape in header["arrays"]:
        count = math.prod(shape)
        value = np.frombuffer(content, dtype, count, start).reshape(shape)
        values[name] = value
        start += value.nbytes
    return values, header["metadata"]


def checkpoint_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the checkpoints in a folder, the newest first."""
    files = pathlib.Path(folder).glob(f"[0-9]*-step-*{_SUFFIX}")
    return sorted(files, key=_number, reverse=True)


def _number(file: pathlib.Path) -> int:
    """Returns the running number of a checkpoint."""
    return int(file.name.partition("-")[0])


def _step(file: pathlib.Path) -> int:
    """Returns the training step of a checkpoint."""
    return int(file.stem.rpartition("-")[2])


def newest_checkpoint(folder: pathlib.Path, after_step: int = -1) -> Checkpoint | None:
    """Reads the newest undamaged checkpoint, without changing the folder.

    Another process may write checkpoints there, and delete old ones, at the same time.

    Args:
        folder: The folder of the checkpoints.
        after_step: Checkpoints of this training step or an earlier one are ignored.

    Returns:
        What `read_checkpoint` returns, or None if there is no such checkpoint.
    """
    tried: set[pathlib.Path] = set()
    # Listed again after each failure, because newer ones may have been written.
    while files := [
        file
        for file in checkpoint_files(folder)
        if file not in tried and _step(file) > after_step
    ]:
        tried.add(files[0])
        try:
            return read_checkpoint(files[0])
        except FileNotFoundError:
            continue
        except DamagedCheckpointError:
            print(f"{files[0]} is damaged; the checkpoint before it is used.")
    return None


def resumable_checkpoint(folder: pathlib.Path) -> Checkpoint | None:
    """Reads the newest undamaged checkpoint to resume from; renames damaged ones.

    Only the process that has locked the folder may call this.

    Args:
        folder: The folder of the checkpoints.

    Returns:
        What `read_checkpoint` returns, or None if there is no checkpoint.

    Raises:
        ValueError: If all checkpoints are damaged.
    """
    files, damaged = checkpoint_files(folder), []
    for file in files:
        try:
            checkpoint = read_checkpoint(file)
        except DamagedCheckpointError:
            print(f"{file} is damaged; the checkpoint before it is used.")
            damaged.append(file)
            continue
        for one in damaged:
            # Otherwise it would count as one of those to keep.
            one.rename(one.with_suffix(_DAMAGED))
        return checkpoint
    if files:
        raise ValueError(
            f"folder is {str(folder.parent)!r}, where all checkpoints are damaged; "
            "expected an undamaged one, or an empty folder to start a new run."
        )
    return None


@contextlib.contextmanager
def locked_folder(folder: pathlib.Path) -> Iterator[None]:
    """Locks a folder of checkpoints inside the block.

    Removes incomplete files of a killed process. The operating system releases the lock
    when the process ends, even if it is killed.

    Args:
        folder: The folder; it is created if it does not exist.

    Raises:
        OSError: If it cannot be created or written to, or is locked by another process.
    """
    run = str(folder.parent)
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(file_lock(folder / _LOCK))
        except filelock.Timeout as error:
            raise OSError(
                f"folder is {run!r}, where another process is training; expected one "
                "process at a time."
            ) from error
        except OSError as error:
            raise OSError(
                f"folder is {run!r}, where no checkpoint can be written "
                f"({error.strerror}); expected a folder that can be written to."
            ) from error
        for file in folder.glob(f".*.part{_SUFFIX}"):
            file.unlink(missing_ok=True)
        yield
