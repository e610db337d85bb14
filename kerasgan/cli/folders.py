"""Folders that are given on the command line."""

import os
import pathlib


def check_folder(option, path):
    """Raises an error unless `path` is a folder, or a place to make one.

    Args:
        option: Name of the option, for the message.
        path: What came.

    Raises:
        NotADirectoryError: If a file is there or above it, or if the folder cannot
            be written to.
    """
    path = pathlib.Path(path).expanduser()
    nearest = next(p for p in (path, *path.absolute().parents) if os.path.exists(p))
    if not nearest.is_dir():
        what = "is a file"
    elif not os.access(nearest, os.W_OK):
        what = "cannot be written to"
    else:
        return
    raise NotADirectoryError(
        f"{option} is {str(path)!r}, but {str(nearest)!r} {what}; expected a folder, "
        "or where to make one."
    )
