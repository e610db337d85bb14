"""The same program makes the same bytes, in whatever process it runs."""

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

PROGRAMS = pathlib.Path(__file__).parents[1] / "callbacks"
CODE = """
import hashlib, sys
import keras, tensorflow as tf
# Beside other work some operations add in another order now and then.
tf.config.experimental.enable_op_determinism()
sys.path.insert(0, sys.argv[1])
import resumable

for make, data in resumable.PROGRAMS.values():
    keras.utils.set_random_seed(0)
    steps = int(sys.argv[2])
    model = make(
        steps_per_execution=steps, label_noise=0.1, penalties=["gradient_penalty"]
    )
    history = model.fit(data(), epochs=2, verbose=0)
    digest = hashlib.sha256()
    for name, value in sorted(resumable.everything(model, history).items()):
        digest.update(name.encode() + value.tobytes())
    print(digest.hexdigest())
"""


def started(steps_per_execution, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", CODE, PROGRAMS, str(steps_per_execution)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
    )


@pytest.fixture(scope="module")
def digests():
    """What two programs made in three processes, of a GAN and of a CycleGAN."""
    processes = [
        started(1, PYTHONHASHSEED="1"),
        started(1, PYTHONHASHSEED="2"),
        started(4),
    ]
    made = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    return made


def test_two_processes_make_the_same_bytes(digests):
    assert digests[0] == digests[1]
    nothing = hashlib.sha256().hexdigest()
    assert len(set(digests[0])) == 2 and nothing not in digests[0]


def test_steps_in_one_execution_make_the_same_bytes(digests):
    assert digests[0] == digests[2]
