"""The command's parser, and what becomes of errors."""

import argparse
import sys
import tempfile
import traceback

from kerasgan.cli import (
    export,
    generate,
    prepare,
    train_cyclegan,
    train_dcgan,
    translate,
)
from kerasgan.cli.resuming import given_options
from kerasgan.version import __version__


def main(arguments=None):
    """Runs the command; returns its exit status.

    Args:
        arguments: List of strings, by default those of the process.

    Returns:
        0; 1 after an error that nobody foresaw; 2 if something was asked wrongly; 3
        if files were left out; 4 if training failed; 130 if it was stopped. SIGTERM
        ends it with 143.
    """
    options = _parser().parse_args(arguments)
    options.given = given_options(_parser(), arguments)
    try:
        return options.command(options) or 0
    except KeyboardInterrupt:
        print("kerasgan: stopped.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"kerasgan: {error}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        print(f"kerasgan: {error}", file=sys.stderr)
        return 4
    except Exception as error:
        # Not something that was asked wrongly: keep what tells where it happened.
        with tempfile.NamedTemporaryFile(
            "w", prefix="kerasgan-", suffix=".log", delete=False
        ) as log:
            traceback.print_exc(file=log)
        reason = (str(error).splitlines() or [""])[0]
        print(
            f"kerasgan: {type(error).__name__}: {reason} (more in {log.name})",
            file=sys.stderr,
        )
        return 1


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message):
        self.exit(2, f"kerasgan: {message}; see '{self.prog} --help'.\n")


def _parser():
    parser = _Parser(prog="kerasgan", description="Adversarial training for Keras.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train a model")
    models = train.add_subparsers(required=True, metavar="MODEL")
    train_dcgan.add_command(models)
    train_cyclegan.add_command(models)
    generate.add_command(commands)
    translate.add_command(commands)
    export.add_command(commands)
    prepare.add_command(commands)
    return parser
