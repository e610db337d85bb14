import os

# Set before TensorFlow is imported: its start-up messages hide what tests say.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import pytest
from tensorflow.python.framework import config


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(7)
    yield
    # The command switches it on, and TensorFlow makes nothing public that undoes it.
    config.disable_op_determinism()


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """No test reads or fills the user's cache."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_synthetic_faces(tmp_path_factory):
    """A tfds folder with a `synthetic_faces` of few images, for any process."""
    from kerasgan.data.drawn_faces.builder import SyntheticFaces

    class Tiny(SyntheticFaces, skip_registration=True):
        name = SyntheticFaces.name
        IMAGES = {"train": 48, "validation": 8, "test": 8}  # noqa: RUF012

    folder = tmp_path_factory.mktemp("tfds")
    Tiny(data_dir=folder).download_and_prepare()
    return folder
