"""What the command prints after an error, and where it keeps the traceback."""

import argparse
import contextlib
import datetime
import pathlib
import re
import shlex
import tempfile
import traceback
from collections.abc import Sequence

# Log file in the folder of a run.
LOG_FILE = "error.log"


def message_of(error: Exception, options: argparse.Namespace) -> str:
    """Returns the message of an expected error in one line, in terms of the options.

    Library functions name their arguments. The message names what the user typed
    instead: "batch_size is 32; ..." becomes "--batch-size is 32; ...".

    Args:
        error: A ValueError or OSError.
        options: The parsed command line, with the command's `parser` and
            `option_of`, a dict from further argument names to options.
    """
    if isinstance(error, OSError) and str(error).startswith("[Errno"):
        name = "" if error.filename is None else f"{str(error.filename)!r}: "
        message = f"{name}{error.strerror}"
    else:
        lines = str(error).splitlines() or [type(error).__name__]
        message = " ".join(map(str.strip, lines))
    names = {**_option_names(options.parser), **options.option_of}
    for name, option in names.items():
        # A plain word such as "data" is an argument only where the message starts.
        start = r"(?<![\w'\"/.-])" if "_" in name else "^"
        message = re.sub(rf"{start}{re.escape(name)}(?=[\s:;,])", option, message)
    return message


def write_traceback(
    folder: pathlib.Path | None, arguments: Sequence[str]
) -> pathlib.Path | None:
    """Writes the traceback of the exception being handled to a log file.

    Args:
        folder: Folder of the run, whose log file is appended to. If it is None or
            cannot be written to, a new file among the temporary files is used.
        arguments: Arguments of the command, for the log.

    Returns:
        Path of the log file, or None if neither can be written.
    """
    time = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    command = shlex.join(["kerasgan", *arguments])
    entry = f"{time} {command}\n{traceback.format_exc()}\n"
    # File names may contain bytes that are not UTF-8.
    content = entry.encode(errors="backslashreplace")
    if folder is not None:
        path = folder / LOG_FILE
        with contextlib.suppress(OSError), open(path, "ab") as log:
            log.write(content)
            return path
    with (
        contextlib.suppress(OSError),
        tempfile.NamedTemporaryFile(
            prefix="kerasgan-", suffix=".log", delete=False
        ) as log,
    ):
        log.write(content)
        return pathlib.Path(log.name)
    return None


def _option_names(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Returns what the user types for each argument of a parser, by its name."""
    names = {}
    for action in parser._actions:
        typed = action.option_strings or [str(action.metavar)]
        names[action.dest] = typed[0]
    return names
