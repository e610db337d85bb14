"""A step of another library in a process, and perhaps an environment, of its own."""

import json
import pathlib
import subprocess
import tempfile

import numpy as np


class Peer:
    """A process that works only while it is asked, one JSON object a line each way.

    Args:
        python: Path of the interpreter.
        script: File name of the program, in this folder. It is given a folder, with
            `images.npz` in it, and may leave files there.
        options: Dict of further command line options.
        **images: Arrays to put in `images.npz`.

    Example:

    >>> peer = Peer("python", "cyclegan_torch.py", {"width": 32, "blocks": 6}, a=a, b=b)
    >>> peer.ask(steps=10)["seconds"]
    """

    def __init__(self, python, script, options, **images):
        self._directory = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self._directory.name)
        np.savez(self.folder / "images.npz", **images)
        self._process = subprocess.Popen(
            [
                python,
                str(pathlib.Path(__file__).with_name(script)),
                str(self.folder),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.communicate()
        self._directory.cleanup()

    def ask(self, **request):
        """Returns the answer to a request, when the process has done it."""
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the other library's process ended without an answer.")
        return json.loads(answer)


def missing(python, module):
    """Returns why an interpreter does not import a module, or None if it does."""
    done = subprocess.run(
        [python, "-c", f"import {module}"], capture_output=True, text=True
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else None
