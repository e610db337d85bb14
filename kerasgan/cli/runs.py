"""The folder of a run: its number, the options that made it, and its model."""

import dataclasses
import json
import pathlib
import sys
import zipfile

import keras

from kerasgan.files import atomic_path, atomic_write
from kerasgan.models.facts import read_facts
from kerasgan.version import library_versions

# What is no option of the run itself.
NOT_KEPT = ("command", "model", "given", "resume", "override", "recipe")
# As messages name them.
LIBRARIES = ("kerasgan", "Keras", "TensorFlow")


def folder(options):
    """Returns the folder of the run: a new one, or that which `--resume` says.

    A new one is made, the next that is numbered, `RUN-001` and so on.

    Args:
        options: What the command was given.

    Raises:
        FileExistsError: If all numbers are taken.
    """
    if options.resume is not None:
        return pathlib.Path(options.resume)
    for number in range(1, 1_000_000):
        new = pathlib.Path(f"{options.run}-{number:03d}")
        try:
            new.mkdir(parents=True)
        except FileExistsError:
            continue
        return new
    raise FileExistsError(f"--run is {options.run!r}, which has no free number left.")


def write_options(run, options, recipe, **more):
    """Keeps what made the run in `options.json`, unless it is kept there already.

    Args:
        run: Folder of the run.
        options: What the command was given, an argparse namespace.
        recipe: Dataclass of what the command has chosen itself.
        **more: Anything else to keep that JSON can hold.
    """
    if options.resume is not None and not options.override:
        return
    given = {k: v for k, v in vars(options).items() if k not in NOT_KEPT}
    kept = {
        "model": options.model,
        "options": given,
        "recipe": {
            k: v for k, v in dataclasses.asdict(recipe).items() if k not in given
        },
        "versions": {**library_versions(), "python": sys.version.split()[0]},
        **more,
    }
    with atomic_write(run / "options.json") as file:
        file.write(json.dumps(kept, indent=2).encode())


def save_model(model, run):
    """Saves a model into the folder of a run, whole or not at all."""
    with atomic_path(run / "model.keras") as temporary:
        model.save(temporary)


def load_model(path, *kinds):
    """Loads a model from a file or the folder of a run.

    Args:
        path: `model.keras`, or the folder that it is in.
        *kinds: The classes of which it has to be one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such model, or cannot be loaded; where other versions
            of the libraries saved it, they are named.
    """
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"MODEL is {str(file)!r}, which is not a file.")
    names = " or ".join(kind.__name__ for kind in kinds)
    expected = f"expected a {names} saved by kerasgan."
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
            f"MODEL is {str(file)!r}{_saved_by(file)}; {expected} ({_reason(error)})"
        ) from error
    if not isinstance(model, kinds):
        raise ValueError(
            f"MODEL is {str(file)!r}, a {type(model).__name__}; {expected}"
        )
    return model


def _saved_by(file):
    """Returns which versions saved a model, where they are not those at hand."""
    facts = read_facts(file)
    if facts is None or facts["versions"] == library_versions():
        return ""
    saved, here = (
        ", ".join(f"{name} {of[name.lower()]}" for name in LIBRARIES)
        for of in (facts["versions"], library_versions())
    )
    return f", saved by {saved}, and here is {here}"


def _reason(error):
    """Returns what went wrong in the first place, in a few words."""
    # Keras wraps what it could not read in one error for each model around it.
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    first = (str(error).splitlines() or [""])[0].partition(". ")[0]
    return f"{type(error).__name__}: {first}"
