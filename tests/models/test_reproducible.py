"""A program gives the same bytes in every process."""

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

PROGRAMS = pathlib.Path(__file__).parents[1] / "training"
CODE = """
import hashlib, sys
import keras, tensorflow as tf
# Otherwise some operations may sum in a different order on a busy machine.
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
    for name, value in sorted(resumable.training_results(model, history).items()):
        digest.update(name.encode() + value.tobytes())
    print(digest.hexdigest())
"""


def start(steps_per_execution, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", CODE, PROGRAMS, str(steps_per_execution)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment},
    )


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process_or_on_steps_per_execution():
    processes = [start(1, PYTHONHASHSEED="1"), start(4, PYTHONHASHSEED="2")]
    first, second = (process.communicate()[0].split() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert first == second
    # A GAN and a CycleGAN.
    empty = hashlib.sha256().hexdigest()
    assert len(set(first)) == 2 and empty not in first
