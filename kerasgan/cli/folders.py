"""Files and folders given on the command line, and the size of images in them."""

import argparse
import os

from PIL import Image

from kerasgan.arguments import check_positive
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


def add_image_limit(parser: argparse.ArgumentParser) -> None:
    """Adds `--max-image-pixels` to a parser."""
    parser.add_argument(
        "--max-image-pixels",
        type=int,
        metavar="N",
        help="Pillow's limit on the pixels of an image file; files with more than\n"
        "twice as many are skipped, because they may be malicious (default:\n"
        f"{Image.MAX_IMAGE_PIXELS})",
    )


def set_image_limit(options: argparse.Namespace) -> None:
    """Sets Pillow's limit on the size of images to `--max-image-pixels`, if given."""
    if options.max_image_pixels is not None:
        check_positive(**{"--max-image-pixels": options.max_image_pixels})
        Image.MAX_IMAGE_PIXELS = options.max_image_pixels
