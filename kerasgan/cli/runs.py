"""The folder of a run: its number, the options that made it, and its model."""

import dataclasses
import json
import pathlib
import sys
import zipfile

import keras
import tensorflow as tf

from kerasgan.files import atomic_write
from kerasgan.version import __version__


def new_folder(path):
    """Makes and returns the next numbered folder, `path-001` and so on.

    Args:
        path: What `--run` says.

    Raises:
        FileExistsError: If all numbers are taken.
    """
    for number in range(1, 1_000_000):
        folder = pathlib.Path(f"{path}-{number:03d}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"--run is {path!r}, which has no free number left.")


def write_options(run, options, recipe, **more):
    """Keeps what made the run in `options.json`.

    Args:
        run: Folder of the run.
        options: What the command was given, an argparse namespace.
        recipe: Dataclass of what the command has chosen itself.
        **more: Anything else to keep that JSON can hold.
    """
    given = {k: v for k, v in vars(options).items() if k != "command"}
    kept = {
        "options": given,
        "recipe": {
            k: v for k, v in dataclasses.asdict(recipe).items() if k not in given
        },
        "versions": {
            "kerasgan": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": sys.version.split()[0],
        },
        **more,
    }
    with atomic_write(run / "options.json") as file:
        file.write(json.dumps(kept, indent=2).encode())


def load_model(path, kind):
    """Loads a model from a file or the folder of a run.

    Args:
        path: `model.keras`, or the folder that it is in.
        kind: The class it has to be.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such model.
    """
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"MODEL is {str(file)!r}, which is not a file.")
    expected = f"expected a {kind.__name__} saved by kerasgan."
    if not zipfile.is_zipfile(file):
        # Keras would say that there is no such file.
        raise ValueError(
            f"MODEL is {str(file)!r}, which is not a Keras model, or not a whole one; "
            f"{expected}"
        )
    try:
        model = keras.models.load_model(file)
    # What Keras raises for a file that is no model depends on what it is.
    except Exception as error:
        raise ValueError(
            f"MODEL is {str(file)!r}; {expected} ({_reason(error)})"
        ) from error
    if not isinstance(model, kind):
        raise ValueError(
            f"MODEL is {str(file)!r}, a {type(model).__name__}; {expected}"
        )
    return model


def _reason(error):
    """Returns what went wrong in the first place, in a few words."""
    # Keras wraps what it could not read in one error for each model around it.
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    first = (str(error).splitlines() or [""])[0].partition(". ")[0]
    return f"{type(error).__name__}: {first}"
