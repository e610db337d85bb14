"""Folders that are built under a hidden name, and leave nothing behind.

A folder that is being built holds a file that its process has locked. The system
drops the lock when the process ends, however it ends; so a folder whose file can be
locked is one that nobody builds any more. Unlike the number of a process, this is
true for containers too that share a disk.
"""

import contextlib
import shutil
import uuid

try:
    import fcntl
except ImportError:
    # On Windows, where what a killed process was building stays.
    fcntl = None

_PREFIX = ".building-"


@contextlib.contextmanager
def building_folder(parent, file):
    """Makes a folder to build in; what is still there at the end is removed.

    Args:
        parent: `pathlib.Path` of the folder to make it in.
        file: Name of the file in it that is there, empty and locked, from the start.

    Yields:
        The `pathlib.Path` of the folder, to be renamed once it is complete.
    """
    folder, held = _claim(parent, file)
    with held:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent, file):
    """Removes what killed processes were building in a folder.

    Args:
        parent: As in `building_folder`.
        file: As in `building_folder`.
    """
    if fcntl is None:
        return
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            held = open(folder / file, "rb+")
        except FileNotFoundError:
            # Killed before there was a file, or renamed just now. Only an empty
            # folder goes this way.
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        except OSError:
            # Another user's.
            continue
        with held, contextlib.suppress(OSError):
            # Fails where its process lives, and on disks without locks.
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def _claim(parent, file):
    """Makes a folder with a locked file; returns it, and what holds the lock."""
    while True:
        folder = parent / f"{_PREFIX}{uuid.uuid4().hex}"
        folder.mkdir()
        try:
            held = open(folder / file, "xb")
        except FileNotFoundError:
            # Another process has removed it, before it could be locked.
            continue
        if fcntl is None:
            # An open file would keep its folder from being renamed there.
            held.close()
            return folder, held
        # Not every disk has locks; nothing is removed there.
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        if (folder / file).exists():
            return folder, held
        held.close()
