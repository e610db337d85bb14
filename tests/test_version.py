import importlib.metadata

import kerasgan
from kerasgan.version import __version__


def test_one_version_everywhere():
    assert kerasgan.__version__ == __version__
    assert importlib.metadata.version("kerasgan") == __version__
