"""The parser of the `kerasgan` command, and its exit codes."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import NoReturn

from kerasgan.cli import (
    errors,
    export,
    generate,
    prepare,
    train_cyclegan,
    train_dcgan,
    translate,
)
from kerasgan.cli.resuming import given_options
from kerasgan.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    After an error it prints one line to stderr. The traceback is in `error.log` in
    the folder of the run, or, if the command has none, in a file `kerasgan-*.log`
    among the system's temporary files.

    Args:
        arguments: Command-line arguments. The default takes those of the process.

    Returns:
        The exit code: 0 for success; 1 for an unexpected error; 2 for wrong
        arguments or files; 3 if `translate` skipped files; 4 if training stopped
        because of values that are not finite; 130 after Ctrl-C. SIGTERM raises
        SystemExit with code 143.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        _reject_unknown(options.parser, unknown)
    options.given = given_options(_parser(), arguments)
    options.folder = None
    try:
        return options.command(options) or 0
    except KeyboardInterrupt:
        # A progress bar leaves its line open.
        print()
        return _fail("stopped.", 130)
    except (ValueError, OSError) as error:
        errors.write_traceback(options.folder, arguments)
        return _fail(errors.message_of(error, options), 2)
    except FloatingPointError as error:
        return _fail(str(error), 4)
    except Exception as error:
        log = errors.write_traceback(options.folder, arguments)
        reason = (str(error).splitlines() or [""])[0]
        return _fail(f"{type(error).__name__}: {reason} (traceback in {log})", 1)


def _reject_unknown(parser: argparse.ArgumentParser, unknown: list[str]) -> None:
    """Exits with an error that names arguments that a command does not have."""
    near = difflib.get_close_matches(
        unknown[0].partition("=")[0], parser._option_string_actions, n=1
    )
    hint = f"; did you mean {near[0]}?" if near else ""
    parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")


def _fail(message: str, code: int) -> int:
    """Prints an error message and returns the exit code."""
    print(f"kerasgan: {message}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        end = " See" if message.endswith("?") else "; see"
        self.exit(2, f"kerasgan: {message}{end} '{self.prog} --help'.\n")


def _parser() -> argparse.ArgumentParser:
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
