"""States of training on disk: written whole, and known to be whole when read.

Their names begin with a number that counts them: the newest has the highest, whatever
step it is of.
"""

import contextlib
import hashlib
import json
import math
import pathlib

import numpy as np

try:
    import fcntl
except ImportError:
    # On Windows, where nothing holds a folder.
    fcntl = None

from kerasgan.files import atomic_write

KEPT = 2
_SUFFIX, _DAMAGED, _LOCK = ".state", ".damaged", ".lock"
# Bytes of the number that says how long the header is.
_LENGTH = 8


class DamagedStateError(ValueError):
    """A file that is not what was written."""


def write_state(folder, step, values, facts):
    """Writes a state and removes all but the newest two.

    Args:
        folder: `pathlib.Path` of the folder; it is made if it is missing.
        step: Int, training steps so far.
        values: Dict from names to arrays.
        facts: Anything that JSON can hold.

    Raises:
        OSError: If it could not be written; what was there is there still.
    """
    values = {name: np.asarray(value, order="C") for name, value in values.items()}
    # By name: that of bfloat16 is the only thing that says what it is.
    arrays = [[name, v.dtype.name, v.shape] for name, v in values.items()]
    header = json.dumps({"facts": facts, "arrays": arrays}).encode()
    digest = hashlib.sha256()
    newest = next(iter(state_files(folder)), None)
    number = 0 if newest is None else int(newest.name.split("-")[0]) + 1
    with atomic_write(folder / f"{number:06d}-step-{step}{_SUFFIX}") as file:
        for part in (len(header).to_bytes(_LENGTH, "little"), header, *values.values()):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())
    for file in state_files(folder)[KEPT:]:
        file.unlink(missing_ok=True)


def read_state(file):
    """Reads a state.

    Args:
        file: `pathlib.Path`.

    Returns:
        The values and the facts, as they were given to `write_state`.

    Raises:
        DamagedStateError: If the file is cut short, or any byte of it is another one.
    """
    content = memoryview(file.read_bytes())
    end = len(content) - hashlib.sha256().digest_size
    if end < 0 or hashlib.sha256(content[:end]).digest() != content[end:]:
        raise DamagedStateError(f"{file} is damaged")
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = json.loads(bytes(content[_LENGTH:start]))
    values = {}
    for name, dtype, shape in header["arrays"]:
        count = math.prod(shape)
        value = np.frombuffer(content, dtype, count, start).reshape(shape)
        values[name] = value
        start += value.nbytes
    return values, header["facts"]


def state_files(folder):
    """Returns the states in a folder, the newest first."""
    return sorted(pathlib.Path(folder).glob(f"[0-9]*-step-*{_SUFFIX}"), reverse=True)


def newest_state(folder):
    """Reads the newest state that is whole; damaged ones after it are put aside.

    Args:
        folder: `pathlib.Path` of the folder.

    Returns:
        What `read_state` returns, or None if there is no state.

    Raises:
        ValueError: If every state is damaged.
    """
    files, damaged = state_files(folder), []
    for file in files:
        try:
            read = read_state(file)
        except DamagedStateError:
            print(f"{file} is damaged; the state before it is taken.")
            damaged.append(file)
        else:
            for other in damaged:
                # Otherwise they would count as states that are kept.
                other.rename(other.with_suffix(_DAMAGED))
            return read
    if files:
        raise ValueError(
            f"folder is {str(folder.parent)!r}, where every state is damaged; expected "
            "one that is whole, or an empty folder to begin anew."
        )
    return None


@contextlib.contextmanager
def held_folder(folder):
    """Holds a folder of states for the training inside the block.

    What a killed process was writing there is removed. The system drops the lock when
    the process ends, however it ends.

    Args:
        folder: `pathlib.Path` of the folder; it is made if it is missing.

    Raises:
        OSError: If it cannot be made or written to, or another training holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / _LOCK, "wb")
    except OSError as error:
        raise OSError(
            f"folder is {str(folder.parent)!r}, where no state can be written "
            f"({error.strerror}); expected a folder that can be written to."
        ) from error
    with lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OSError(
                    f"folder is {str(folder.parent)!r}, in which another process is "
                    "training; expected one process at a time."
                ) from error
            except OSError:
                # Not every disk has locks.
                pass
        for file in folder.glob(f".*{_SUFFIX}*.part*"):
            file.unlink(missing_ok=True)
        yield
