"""Folders that one process builds while the others wait.

The lock is a file next to the folder, locked with `filelock`. The operating system
releases it when its process ends, even if the process is killed, so a lock that can be
taken means that nobody builds. The folder is built under a hidden name and renamed when
it is complete.
"""

import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

import filelock

from kerasgan.files import file_lock, sync

_PREFIX = ".building-"


@contextlib.contextmanager
def locked(folder: pathlib.Path, what: str) -> Iterator[None]:
    """Holds the lock of a folder, so that only one process builds it.

    Waits while another process or thread holds it. Then removes what killed processes
    left next to `folder`. On a disk without file locks, it neither waits nor removes.

    Args:
        folder: Path of the folder to build.
        what: Description of the folder, printed if this process has to wait.

    Example:

    >>> with locked(entry, "the decoded images"):
    ...     if not entry.exists():
    ...         with built_folder(entry) as building:
    ...             (building / "images.bin").write_bytes(images)
    """
    path = _lock_file(folder)
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(file_lock(path))
        except filelock.Timeout:
            print(f"Another process is building {what}; waiting for it.", flush=True)
            held = stack.enter_context(file_lock(path, wait=True))
        if held:
            _remove_abandoned(folder)
        yield


@contextlib.contextmanager
def built_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Builds a folder that appears whole or not at all.

    If the block raises, what it wrote is removed. What a killed process wrote is
    removed by the next process that calls `locked` for a folder next to it.

    Args:
        folder: Path of the folder to build. If another process has built it in the
            meantime, which is possible on a disk without file locks, that one stays.

    Yields:
        The path of an empty folder to write to.
    """
    building = folder.parent / f"{_PREFIX}{folder.name}.{uuid.uuid4().hex}"
    building.mkdir()
    try:
        yield building
        try:
            building.rename(folder)
        except OSError:
            if not folder.exists():
                raise
        # Windows cannot open folders.
        with contextlib.suppress(PermissionError):
            sync(folder.parent, os.O_RDONLY)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _lock_file(folder: pathlib.Path) -> pathlib.Path:
    return folder.parent / f".{folder.name}.lock"


def _remove_abandoned(own: pathlib.Path) -> None:
    """Removes what killed processes left in the folder above `own`.

    The caller holds the lock of `own`.
    """
    for building in own.parent.glob(f"{_PREFIX}*"):
        name = building.name.removeprefix(_PREFIX).rpartition(".")[0]
        if name == own.name:
            shutil.rmtree(building, ignore_errors=True)
            continue
        # Fails if its process is alive, or if it belongs to another user.
        with contextlib.suppress(filelock.Timeout, OSError):
            with file_lock(_lock_file(own.parent / name)) as held:
                if held:
                    shutil.rmtree(building, ignore_errors=True)
