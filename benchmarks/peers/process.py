"""Runs a program in another process, and possibly another environment."""

import json
import os
import pathlib
import subprocess
import tempfile
from typing import Any

import numpy as np


class Peer:
    """A process that works on request. It is idle between requests.

    Requests and answers are JSON objects, one for each line.

    Args:
        python: Path of the Python interpreter.
        script: File name of the program, in this folder. Its first argument is a
            folder that contains `arrays.npz`. The program may write files there.
        options: Command line options, by name.
        arrays: Arrays to save in `arrays.npz`, by name.
        env: Environment variables to set in the process.

    Example:

    >>> sizes = {"width": 32, "blocks": 6}
    >>> with Peer("python", "cyclegan_torch.py", sizes, {"a": a, "b": b}) as peer:
    ...     peer.ask(steps=10)["seconds"]
    """

    def __init__(
        self,
        python: str,
        script: str,
        options: dict[str, Any],
        arrays: dict[str, np.ndarray],
        env: dict[str, str] | None = None,
    ) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self._directory.name)
        np.savez(self.folder / "arrays.npz", **arrays)
        self._process = subprocess.Popen(
            [
                python,
                str(pathlib.Path(__file__).with_name(script)),
                str(self.folder),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()
        self._directory.cleanup()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and returns the answer."""
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the process ended without an answer.")
        return json.loads(answer)


def import_error(python: str, module: str) -> str | None:
    """Returns why an interpreter cannot import a module, or None if it can."""
    done = subprocess.run(
        [python, "-c", f"import {module}"], capture_output=True, text=True
    )
    if not done.returncode:
        return None
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1]
