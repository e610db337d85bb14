import subprocess
import sys

import keras
import pytest

from kerasgan import compat


def test_the_generation_is_the_installed_one():
    assert compat.KERAS_3 == (not keras.__version__.startswith("2."))


@pytest.mark.skipif(
    not compat.KERAS_3, reason="Keras 2.15 has no backend but TensorFlow"
)
def test_another_backend_is_refused_in_one_sentence():
    program = (
        "import sys, types, keras\n"
        "keras.config.backend = lambda: 'jax'\n"
        "import kerasgan\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: kerasgan") and '"jax"' in last
