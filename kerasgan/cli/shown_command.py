"""Commands that the command suggests to the user."""

import pathlib
import shlex
import shutil
import sys

PROGRAM = "kerasgan"


def shown_command(*arguments: str) -> str:
    """Returns a command of kerasgan that the user can paste into the shell.

    It begins with the path that the user typed if the program is not on the PATH, as
    in an environment that is not activated.

    Args:
        *arguments: The arguments of the command.
    """
    typed = sys.argv[0]
    named = pathlib.Path(typed).stem == PROGRAM
    program = typed if named and shutil.which(PROGRAM) is None else PROGRAM
    return shlex.join([program, *arguments])
