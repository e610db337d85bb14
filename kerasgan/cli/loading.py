"""Loads models from `.keras` files and from the folders of runs."""

import pathlib
import zipfile
from typing import Any

import keras
import numpy as np

from kerasgan.cli import runs
from kerasgan.files import absolute_path
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.metadata import read_metadata
from kerasgan.training import state
from kerasgan.training.checkpoints import newest_checkpoint
from kerasgan.version import library_versions

LIBRARIES = {"kerasgan": "kerasgan", "keras": "Keras", "tensorflow": "TensorFlow"}


def load_model(
    path: pathlib.Path, *classes: type[AdversarialModel]
) -> AdversarialModel:
    """Loads a model from a `.keras` file or from the folder of a run.

    From a folder this loads `model.keras`. If the folder has none, or if a checkpoint
    has more training steps, the newest checkpoint is restored: the run was killed, or
    is still training.

    Args:
        path: `.keras` file, or folder of a run with `RunState`.
        *classes: Classes that the model may have.

    Raises:
        FileNotFoundError: If the path does not exist, or the folder has neither a
            model nor a checkpoint.
        ValueError: If the model cannot be loaded, or has another class. The message
            names the library versions that saved the model if they differ.
    """
    path = absolute_path(path)
    if path.is_dir():
        return _load_run(path, classes)
    if not path.is_file():
        raise FileNotFoundError(
            f"MODEL is {str(path)!r}, which does not exist; expected a .keras file or "
            "the folder of a run."
        )
    return _load_file(path, classes)


def _load_run(
    folder: pathlib.Path, classes: tuple[type[AdversarialModel], ...]
) -> AdversarialModel:
    """Loads the model file or the newest checkpoint of a run."""
    file = folder / runs.MODEL_FILE
    model = _load_file(file, classes) if file.is_file() else None
    steps = -1 if model is None else model.steps_taken
    checkpoint = newest_checkpoint(folder / runs.CHECKPOINTS, after_step=steps)
    if checkpoint is not None:
        model = _restore_run(folder, classes, *checkpoint)
        print(f"{folder}: using the checkpoint of step {model.steps_taken}.")
    if model is None:
        raise FileNotFoundError(
            f"MODEL is {str(folder)!r}, which has neither {runs.MODEL_FILE} nor a "
            "checkpoint; expected a .keras file or the folder of a run."
        )
    return model


def _restore_run(
    folder: pathlib.Path,
    classes: tuple[type[AdversarialModel], ...],
    values: dict[str, np.ndarray],
    metadata: dict[str, Any],
) -> AdversarialModel:
    """Builds the model of a run from a checkpoint."""
    problem, cause = None, None
    if _generation(metadata["versions"]) != _generation(library_versions()):
        # Even where all shapes match, the variables are in another order.
        problem = "another generation of Keras wrote it"
    else:
        try:
            model = state.model_from_config(metadata["model"])
        # The exception that Keras raises depends on the classes of the layers.
        except Exception as error:
            problem, cause = _reason(error), error
    if problem is None:
        variables = state.state_variables(model)
        problem = state.mismatch(variables, values)
    if problem is not None:
        raise ValueError(
            f"MODEL is {str(folder)!r}{_saved_by(metadata['versions'])}; its "
            f"checkpoint cannot be restored: {problem}."
        ) from cause
    if not isinstance(model, classes):
        raise ValueError(
            f"MODEL is {str(folder)!r}, the run of a {type(model).__name__}; expected "
            f"a {_names(classes)}."
        )
    state.write_variables(variables, values)
    model.versions = metadata["versions"]
    return model


def _load_file(
    file: pathlib.Path, classes: tuple[type[AdversarialModel], ...]
) -> AdversarialModel:
    """Loads a model from a `.keras` file."""
    expected = f"expected a {_names(classes)} saved by kerasgan."
    if not zipfile.is_zipfile(file):
        # Keras would report that the file does not exist.
        raise ValueError(
            f"MODEL is {str(file)!r}, which is not a Keras model or is incomplete; "
            f"{expected}"
        )
    try:
        model = keras.models.load_model(file)
    # The exception that Keras raises depends on what the file contains.
    except Exception as error:
        metadata = read_metadata(file)
        saved_by = "" if metadata is None else _saved_by(metadata["versions"])
        raise ValueError(
            f"MODEL is {str(file)!r}{saved_by}; {expected} ({_reason(error)})"
        ) from error
    if not isinstance(model, classes):
        raise ValueError(
            f"MODEL is {str(file)!r}, a {type(model).__name__}; {expected}"
        )
    return model


def _generation(versions: dict[str, str]) -> str:
    return versions["keras"].partition(".")[0]


def _names(classes: tuple[type[AdversarialModel], ...]) -> str:
    return " or ".join(one.__name__ for one in classes)


def _saved_by(versions: dict[str, str]) -> str:
    """Returns which versions saved a model, or "" if they are those installed."""
    installed = library_versions()
    if versions == installed:
        return ""
    saved, here = (
        ", ".join(f"{name} {of[key]}" for key, name in LIBRARIES.items())
        for of in (versions, installed)
    )
    return f", saved by {saved}; installed are {here}"


def _reason(error: BaseException) -> str:
    """Returns the first cause of an error in a few words."""
    # Keras wraps the error once for each model around the failing layer.
    while cause := error.__cause__ or error.__context__:
        error = cause
    first = (str(error).splitlines() or [""])[0].partition(". ")[0]
    return f"{type(error).__name__}: {first}"
