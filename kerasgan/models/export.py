"""Export of a generator without its discriminator."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import zipfile
from typing import Any

import keras

from kerasgan.files import absolute_path, atomic_path
from kerasgan.models.metadata import EXTRA_FOLDER, MEMBER
from kerasgan.version import library_versions


def export_network(
    network: keras.Model, path: str | os.PathLike[str], metadata: dict[str, Any]
) -> None:
    """Writes a network as a Keras model or a SavedModel, whole or not at all.

    Args:
        network: A Keras model.
        path: A path that ends in `.keras`, or else a new or empty folder. Missing
            parent folders are created.
        metadata: JSON-compatible values to store with it; library versions are added.

    Raises:
        ValueError: If `path` exists and is something else.
    """
    check_export_path("path", path)
    path = absolute_path(path)
    text = json.dumps({**metadata, "versions": library_versions()}, indent=2)
    write = _write_keras if path.suffix == ".keras" else _write_saved_model
    write(network, path, text)


def check_export_path(name: str, path: str | os.PathLike[str]) -> None:
    """Raises a ValueError unless a generator can be exported to a path.

    Args:
        name: Name of the argument.
        path: The argument.
    """
    path = absolute_path(path)
    if path.suffix == ".keras":
        taken = path.is_dir()
    else:
        taken = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    if taken:
        raise ValueError(
            f"{name} is {str(path)!r}, which exists; expected a file that ends in "
            ".keras, or a new folder for a SavedModel."
        )


def _write_keras(network: keras.Model, path: pathlib.Path, metadata: str) -> None:
    with atomic_path(path) as temporary:
        network.save(temporary)
        # Keras ignores members of the archive that it does not know.
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(MEMBER, metadata)


def _write_saved_model(network: keras.Model, path: pathlib.Path, metadata: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that it only has to be renamed.
    with tempfile.TemporaryDirectory(
        dir=path.parent, prefix=f".{path.name}."
    ) as folder:
        whole = pathlib.Path(folder) / "saved_model"
        # Keras prints the temporary path.
        with contextlib.redirect_stdout(io.StringIO()):
            network.export(str(whole))
        (whole / EXTRA_FOLDER).mkdir()
        (whole / EXTRA_FOLDER / MEMBER).write_text(metadata)
        if path.exists():
            # Windows does not replace a folder, even an empty one.
            path.rmdir()
        os.replace(whole, path)
