"""Files that are written whole or not at all."""

import contextlib
import os
import pathlib
import tempfile


@contextlib.contextmanager
def atomic_write(path):
    """Opens a temporary file that takes the place of `path` once it is complete.

    The bytes go to a hidden file in the same folder, which is renamed when the
    block ends. If the block raises, or the process is killed inside it, whatever
    stood at `path` before still stands there. Missing folders are made.

    Args:
        path: Path of the file to write.

    Yields:
        A file object open for writing bytes.

    Example:

    >>> with atomic_write("runs/options.json") as file:
    ...     file.write(b"{}")
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=".part"
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
