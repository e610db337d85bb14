"""Absolute paths, and files that are written whole or not at all."""

import contextlib
import os
import pathlib
import tempfile


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


@contextlib.contextmanager
def atomic_path(path):
    """Gives a path to write to, which takes the place of `path` once it is complete.

    It is that of a hidden file in the same folder, with the same ending, which is
    renamed when the block ends. If the block raises, or the process is killed inside
    it, whatever stood at `path` before still stands there. Missing folders are made.

    Args:
        path: Path of the file to write.

    Yields:
        The `pathlib.Path` to write to.

    Raises:
        OSError: If it cannot be written, with a sentence that names `path`.

    Example:

    >>> with atomic_path("runs/model.keras") as temporary:
    ...     model.save(temporary)
    """
    path = pathlib.Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=f".part{path.suffix}"
        )
        os.close(descriptor)
        yield pathlib.Path(temporary)
        # mkstemp makes files that only their owner may read.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        if isinstance(error, OSError) and error.strerror:
            raise OSError(
                f"{path} could not be written ({error.strerror}); expected a folder "
                "that can be written to, with room for it."
            ) from error
        raise


@contextlib.contextmanager
def atomic_write(path):
    """Opens a temporary file that takes the place of `path` once it is complete.

    Args:
        path: As in `atomic_path`, which it is made with.

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
        file.flush()
        os.fsync(file.fileno())
