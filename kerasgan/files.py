"""Absolute paths, atomic writes, and locks between processes."""

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import filelock

# What some network file systems report instead of locking a file.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


def absolute_path(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns an absolute path with a leading `~` expanded to the home folder.

    Convert a path once, when the user gives it: later changes of the working directory
    then have no effect. Symbolic links are kept, and the path does not have to exist.

    Args:
        path: A path, such as `"~/runs/faces"` or `"runs/faces"`.

    Example:

    >>> absolute_path("~/runs/faces")
    PosixPath('/home/me/runs/faces')
    """
    # Unlike `Path.expanduser`, this keeps a `~name` of an unknown user, as shells do.
    return pathlib.Path(os.path.expanduser(path)).absolute()


def why_no_folder(path: str | os.PathLike[str]) -> str:
    """Returns why a path is no folder, as the end of a sentence."""
    return "is a file" if os.path.exists(path) else "does not exist"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Yields a temporary path, and renames it to `path` when the block ends.

    The temporary file is hidden, in the same folder, and has the same extension. If
    the block raises, or the process is killed inside it, an existing file at `path`
    is unchanged. Missing folders are created.

    Args:
        path: Path of the file to write.

    Yields:
        The `pathlib.Path` to write to.

    Raises:
        OSError: If the file cannot be written. The message names `path` and the
            reason.

    Example:

    >>> with atomic_path("runs/model.keras") as temporary:
    ...     model.save(temporary)
    """
    path = pathlib.Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Shortened, because file systems limit names to 255 bytes.
        descriptor, temporary = tempfile.mkstemp(
            prefix=f".{path.name[:20]}.",
            suffix=f".part{path.suffix[:20]}",
            dir=path.parent,
        )
        os.close(descriptor)
        yield pathlib.Path(temporary)
        # mkstemp creates files that only their owner can read.
        umask = os.umask(0)
        os.umask(umask)
        sync(temporary)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        if isinstance(error, OSError) and error.strerror:
            raise OSError(
                f"{path} could not be written ({error.strerror}); expected a folder "
                "that is writable and has enough free space."
            ) from error
        raise


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Opens a temporary file, and renames it to `path` when the block ends.

    Args:
        path: Path of the file to write, as in `atomic_path`.

    Yields:
        A file object open for writing bytes.

    Raises:
        OSError: As in `atomic_path`.

    Example:

    >>> with atomic_write("runs/options.json") as file:
    ...     file.write(b"{}")
    """
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        yield file


def sync(path: str | os.PathLike[str], flags: int = os.O_RDWR) -> None:
    """Makes sure that the content of a file or folder survives a power failure.

    Args:
        path: Path of the file or folder.
        flags: How to open it: `os.O_RDONLY` for a folder. Windows only syncs files that
            are open for writing.
    """
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def file_lock(path: str | os.PathLike[str], wait: bool = False) -> Iterator[bool]:
    """Locks a file, so that only one process is inside the block.

    The operating system releases the lock when its process ends, even if the process
    is killed.

    Args:
        path: Path of the file. It is created, and stays.
        wait: Whether to wait while another process or thread holds the lock.

    Yields:
        Whether the lock is held. Some network disks have no locks; there, all
        processes enter the block.

    Raises:
        filelock.Timeout: If another process holds the lock and `wait` is False.
        OSError: If the file cannot be created.
    """
    lock = filelock.FileLock(path)
    held = True
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except filelock.Timeout:
        raise
    # Of a file system without locks, versions of filelock report ENOSYS differently:
    # they raise this error, which is no OSError, or use a marker file instead.
    except NotImplementedError:
        held = False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        held = False
    try:
        yield held
    finally:
        if held:
            lock.release()
