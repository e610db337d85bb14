"""A generator alone, for those who only use it."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import zipfile

from kerasgan.files import atomic_path
from kerasgan.models.facts import EXTRA_FOLDER, MEMBER
from kerasgan.version import library_versions


def export_network(network, path, facts):
    """Writes a network as a Keras model or a SavedModel, whole or not at all.

    Args:
        network: A Keras model.
        path: A file that ends in `.keras`, or else a folder that is not there yet or
            is empty. What is missing above it is made.
        facts: Dict to keep beside it, with the versions at hand; JSON can hold it.

    Raises:
        ValueError: If something else is at `path`.
    """
    check_export_path("path", path)
    path = pathlib.Path(path)
    text = json.dumps({**facts, "versions": library_versions()}, indent=2)
    write = _write_keras if path.suffix == ".keras" else _write_saved_model
    write(network, path, text)


def check_export_path(name, path):
    """Raises a ValueError unless a generator can be exported to a path.

    Args:
        name: Name of the argument.
        path: What came.
    """
    path = pathlib.Path(path)
    if path.suffix == ".keras":
        taken = path.is_dir()
    else:
        taken = path.exists() and not (path.is_dir() and not any(path.iterdir()))
    if taken:
        raise ValueError(
            f"{name} is {str(path)!r}, where something else is; expected a file ending "
            "in .keras, or a new folder for a SavedModel."
        )


def _write_keras(network, path, facts):
    with atomic_path(path) as temporary:
        network.save(temporary)
        # Keras passes over members that it does not know.
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(MEMBER, facts)


def _write_saved_model(network, path, facts):
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, so that it only has to be renamed.
    with tempfile.TemporaryDirectory(
        dir=path.parent, prefix=f".{path.name}."
    ) as folder:
        whole = pathlib.Path(folder) / "saved_model"
        # Keras prints where it wrote it, which is not where it will be.
        with contextlib.redirect_stdout(io.StringIO()):
            network.export(str(whole))
        (whole / EXTRA_FOLDER).mkdir()
        (whole / EXTRA_FOLDER / MEMBER).write_text(facts)
        os.replace(whole, path)
