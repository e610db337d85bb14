import subprocess
import sys

import keras
import pytest

from kerasgan import compat


def test_keras_3_is_detected():
    assert compat.KERAS_3 == (not keras.__version__.startswith("2."))


@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2.15 runs on TensorFlow only")
def test_other_backends_raise_an_import_error():
    # In a new process, because the check runs when the module is imported.
    program = (
        "import sys, types, keras\n"
        "keras.config.backend = lambda: 'jax'\n"
        "import kerasgan\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('ImportError: Keras uses the "jax" backend; kerasgan needs')
