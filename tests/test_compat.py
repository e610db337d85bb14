import runpy

import keras
import pytest

from kerasgan import compat


def test_keras_3_is_detected():
    assert compat.KERAS_3 == (not keras.__version__.startswith("2."))


@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2.15 runs on TensorFlow only")
def test_other_backends_raise_an_import_error(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ImportError, match='Keras uses the "jax" backend; kerasgan nee'):
        runpy.run_path(compat.__file__)
