"""States of training on disk: written whole, and known to be whole when read."""

import hashlib
import json
import math
import pathlib

import numpy as np

from kerasgan.files import atomic_write

KEPT = 2
_SUFFIX = ".state"
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
    arrays = [[name, v.dtype.str, v.shape] for name, v in values.items()]
    header = json.dumps({"facts": facts, "arrays": arrays}).encode()
    digest = hashlib.sha256()
    with atomic_write(folder / f"step-{step:09d}{_SUFFIX}") as file:
        for part in (len(header).to_bytes(_LENGTH, "little"), header, *values.values()):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())
    for file in state_files(folder)[KEPT:]:
        file.unlink()


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
    return sorted(pathlib.Path(folder).glob(f"step-*{_SUFFIX}"), reverse=True)


def remove_unfinished(folder):
    """Removes what a killed process was writing in a folder."""
    for file in pathlib.Path(folder).glob(f".step-*{_SUFFIX}.*"):
        file.unlink()
