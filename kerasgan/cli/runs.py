"""The folder of a run: its number, its options and its model."""

import argparse
import dataclasses
import json
import pathlib
import sys
from typing import Any

import keras

from kerasgan.files import atomic_path, atomic_write
from kerasgan.version import library_versions

OPTIONS_FILE = "options.json"
MODEL_FILE = "model.keras"
CHECKPOINTS = "state"
# Attributes of the parsed command line that are not options of the run.
NOT_SAVED = (
    "command",
    "folder",
    "given",
    "model",
    "option_of",
    "override",
    "parser",
    "recipe",
    "resume",
)


def run_folder(options: argparse.Namespace) -> pathlib.Path:
    """Returns the folder of the run, and stores it as `options.folder`.

    Without `--resume` this creates the next numbered folder: `RUN-001` and so on.

    Args:
        options: The parsed command line.

    Raises:
        FileExistsError: If all numbers are taken.
    """
    options.folder = options.resume or _new_folder(options.run)
    return options.folder


def _new_folder(run: pathlib.Path) -> pathlib.Path:
    for number in range(1, 1_000_000):
        folder = run.with_name(f"{run.name}-{number:03d}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"--run is {str(run)!r}, which has no unused number left.")


def write_options(
    run: pathlib.Path,
    options: argparse.Namespace,
    recipe: Any,
    steps: int,
    **more: Any,
) -> None:
    """Writes what a run was started with to `options.json`.

    A resumed run keeps its file, except with `--override`.

    Args:
        run: Folder of the run.
        options: The parsed command line.
        recipe: Dataclass of the settings that the command chose.
        steps: Number of training steps of the run.
        **more: Further entries, which must be JSON serializable.
    """
    if options.resume is not None and not options.override:
        return
    saved = {k: v for k, v in vars(options).items() if k not in NOT_SAVED}
    content = {
        "model": options.model,
        "options": saved,
        "recipe": {
            k: v for k, v in dataclasses.asdict(recipe).items() if k not in saved
        },
        "steps": steps,
        "versions": {**library_versions(), "python": sys.version.split()[0]},
        **more,
    }
    with atomic_write(run / OPTIONS_FILE) as file:
        # Paths become strings.
        file.write(json.dumps(content, indent=2, default=str).encode())


def read_options(run: pathlib.Path) -> dict[str, Any] | None:
    """Returns what `write_options` wrote, or None if the folder has no such file.

    Args:
        run: Folder of the run.

    Raises:
        ValueError: If the file was not written by `write_options`.
    """
    file = run / OPTIONS_FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text())
        if {"model", "options", "recipe", "steps"} <= content.keys():
            return content
    except (AttributeError, ValueError):
        pass
    raise ValueError(f"{file} is damaged; expected the options of a run.")


def save_model(model: keras.Model, run: pathlib.Path) -> None:
    """Saves a model in the folder of a run, atomically."""
    with atomic_path(run / MODEL_FILE) as temporary:
        model.save(temporary)
