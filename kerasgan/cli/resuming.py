"""`--resume`: restores the options of a run and checks that it can be resumed."""

import argparse
import pathlib
from collections.abc import Sequence
from typing import Any

from kerasgan.cli import runs
from kerasgan.files import absolute_path
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.training import state
from kerasgan.training.checkpoints import (
    checkpoint_files,
    locked_folder,
    resumable_checkpoint,
)

# A resumed run may find the same data in another place.
MAY_CHANGE = ("data_dir",)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--resume` and `--override` to the parser of a training command."""
    parser.add_argument(
        "--resume",
        metavar="RUN",
        type=absolute_path,
        help="resume the run in this folder, with the options it was started with",
    )
    parser.add_argument(
        "--override",
        action="store_true",
        help="with --resume: allow options that differ from those of the run",
    )


def given_options(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> set[str]:
    """Returns the names of the options that the user gave, rather than defaults.

    Args:
        parser: The parser. Its defaults are removed, so it cannot be used again.
        arguments: Command-line arguments.
    """
    parsers = [parser]
    while parsers:
        one = parsers.pop()
        one._defaults.clear()
        for action in one._actions:
            action.default = argparse.SUPPRESS
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    return set(vars(parser.parse_args(arguments)))


def restore_options(options: argparse.Namespace) -> None:
    """Sets options that were not given to the values the run was started with.

    `options.recipe` becomes the recipe of the run, or an empty dict for a new run.

    Args:
        options: The parsed command line. Without `resume`, only `recipe` is set.

    Raises:
        FileNotFoundError: If the folder is not that of a run, or has no checkpoint.
        ValueError: If the run trained another kind of model, or if a given option
            differs from that of the run and `override` is False.
    """
    options.recipe = {}
    run = options.resume
    if run is None:
        if options.override:
            raise ValueError("--override is given without --resume; expected both.")
        return
    # Library functions call the folder of the run "folder".
    options.option_of = {**options.option_of, "folder": "--resume"}
    saved = runs.read_options(run)
    if saved is None:
        raise FileNotFoundError(
            f"--resume is {str(run)!r}, which has no {runs.OPTIONS_FILE}; expected the "
            "folder of a run."
        )
    if not checkpoint_files(run / runs.CHECKPOINTS):
        raise FileNotFoundError(
            f"--resume is {str(run)!r}, which has no checkpoint; expected the folder "
            f"of a run, with its folder {runs.CHECKPOINTS!r}."
        )
    if "run" in options.given:
        raise ValueError(
            f"--run is {str(options.run)!r} and --resume is {str(run)!r}; expected "
            "only one of them."
        )
    if saved["model"] != options.model:
        raise ValueError(
            f"--resume is {str(run)!r}, a run of {saved['model']}; expected a run of "
            f"{options.model}."
        )
    # The networks stay the same, even if this device has another recipe.
    options.recipe = saved["recipe"]
    for name, value in saved["options"].items():
        if name not in options.given:
            setattr(options, name, value)
        elif name not in MAY_CHANGE and getattr(options, name) != value:
            if not options.override:
                option = "--" + name.replace("_", "-")
                raise ValueError(
                    f"{option} is {_quoted(getattr(options, name))}, but the run in "
                    f"{str(run)!r} was started with {_quoted(value)}; expected the "
                    "same value, or --override."
                )


def check_checkpoint(options: argparse.Namespace, model: AdversarialModel) -> None:
    """Checks, before any data is read, that a run can be resumed.

    `fit` repeats these checks; reading the data first can take minutes.

    Args:
        options: The parsed command line. Without `resume`, nothing is checked.
        model: The model to train.

    Raises:
        OSError: If another process is training in the folder.
        ValueError: If every checkpoint is damaged, or if the newest one has networks
            of other shapes.
    """
    if options.resume is None:
        return
    folder: pathlib.Path = options.resume / runs.CHECKPOINTS
    with locked_folder(folder):
        checkpoint = resumable_checkpoint(folder)
    if checkpoint is None:
        return
    values, _ = checkpoint
    networks = {role: list(getattr(model, role).variables) for role in model.roles}
    problem = state.mismatch(networks, values)
    if problem is not None:
        raise ValueError(
            f"--resume is {str(options.resume)!r}, but {problem}; expected the "
            "networks that the run was started with."
        )


def _quoted(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else repr(value)
