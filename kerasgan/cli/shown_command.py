"""Commands that the command suggests to the user."""

import pathlib
import shlex
import shutil
import sys

PROGRAM = "kerasgan"


def shown_command(*arguments: str) -> str:
    """Returns a command of kerasgan that the user can paste into the shell.

    It begins with the path that the user typed if the shell would not find this
    program without it, as in an environment that is not activated.

    Args:
        *arguments: The arguments of the command.
    """
    typed, found = pathlib.Path(sys.argv[0]), shutil.which(PROGRAM)
    known = found is not None and pathlib.Path(found).resolve() == typed.resolve()
    program = PROGRAM if known or typed.stem != PROGRAM else sys.argv[0]
    return shlex.join([program, *arguments])
