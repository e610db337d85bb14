import importlib.metadata

import keras
import tensorflow as tf

import kerasgan
from kerasgan.version import __version__, library_versions


def test_the_package_and_its_metadata_have_one_version():
    assert kerasgan.__version__ == __version__
    assert importlib.metadata.version("kerasgan") == __version__


def test_library_versions():
    assert library_versions() == {
        "kerasgan": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
