"""Files and folders given on the command line."""

import os

from kerasgan.files import absolute_path

# Data sets of faces, by the names that `--data` takes.
FACE_DATA_SETS = ("synthetic_faces", "celeb_a")


def data_source(text: str) -> str:
    """Returns the value of `--data`: a folder as an absolute path, else the text.

    Args:
        text: Name of a dataset, or path of a folder.
    """
    path = absolute_path(text)
    return str(path) if path.exists() and text not in FACE_DATA_SETS else text


def check_folder(option: str, path: str | os.PathLike[str]) -> None:
    """Raises an error unless a path is a writable folder or can become one.

    Args:
        option: Name of the option, for the message.
        path: The path to check.

    Raises:
        NotADirectoryError: If the path, or a path above it, is a file, or if the
            folder is not writable.
    """
    path = absolute_path(path)
    nearest = next(p for p in (path, *path.parents) if os.path.exists(p))
    if not nearest.is_dir():
        problem = "is a file"
    elif not os.access(nearest, os.W_OK):
        problem = "is not writable"
    else:
        return
    raise NotADirectoryError(
        f"{option} is {str(path)!r}, but {str(nearest)!r} {problem}; expected a "
        "writable folder or a new one."
    )
