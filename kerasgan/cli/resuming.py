"""`--resume`: the options of a run that is gone on with."""

import argparse
import json
import pathlib

from kerasgan.training.checkpoints import state_files

# Where the data is may change, if it is the same data.
OF_THIS_CALL = ("data_dir",)


def add_options(parser):
    """Adds the options that go on with a run to those of a model's training."""
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with the run in this folder, with the options it was started with",
    )
    parser.add_argument(
        "--override",
        action="store_true",
        help="with --resume: go on although other options are given, with these",
    )


def given_options(parser, arguments):
    """Returns the names of the options that are given, and not left to defaults.

    Args:
        parser: An argparse parser; it is of no use for anything else afterwards.
        arguments: List of strings, by default those of the process.
    """
    waiting = [parser]
    while waiting:
        one = waiting.pop()
        one._defaults.clear()
        for action in one._actions:
            action.default = argparse.SUPPRESS
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
    return set(vars(parser.parse_args(arguments)))


def take_over(options, model):
    """Gives options that are not given the values that a run was started with.

    `options.recipe` becomes what the command chose itself then, an empty dict for a new
    run.

    Args:
        options: What the command was given; without `resume` nothing happens.
        model: Name of the model that the command trains.

    Raises:
        FileNotFoundError: If there is no run in the folder.
        ValueError: If the run trains another model, or if an option that is given is
            not that of the run, without `override`.
    """
    options.recipe = {}
    if options.resume is None:
        if options.override:
            raise ValueError("--override is given; expected it only with --resume.")
        return
    file = pathlib.Path(options.resume) / "options.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"--resume is {options.resume!r}, which has no {file.name}; expected the "
            "folder of a run."
        )
    if not state_files(file.parent / "state"):
        raise FileNotFoundError(
            f"--resume is {options.resume!r}, which has no state to go on from; "
            "expected the folder of a run with its folder 'state'."
        )
    if "run" in options.given:
        raise ValueError(
            f"--run is {options.run!r}, and --resume {options.resume!r}; expected one "
            "of them."
        )
    kept = json.loads(file.read_text())
    if kept["model"] != model:
        raise ValueError(
            f"--resume is {options.resume!r}, a run of {kept['model']}; expected one "
            f"of {model}."
        )
    # Whatever device it goes on with, the networks are those of before.
    options.recipe = kept["recipe"]
    for name, value in kept["options"].items():
        if name not in options.given:
            setattr(options, name, value)
        elif name not in OF_THIS_CALL and getattr(options, name) != value:
            if not options.override:
                option = "--" + name.replace("_", "-")
                raise ValueError(
                    f"{option} is {_said(getattr(options, name))}, but the run in "
                    f"{options.resume!r} was started with {_said(value)}; expected the "
                    "same, or --override."
                )


def _said(value):
    return " ".join(value) if isinstance(value, list) else repr(value)
