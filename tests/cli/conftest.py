import numpy as np
import pytest
from PIL import Image

from kerasgan import cli
from kerasgan.cli import train_dcgan, training


@pytest.fixture
def pictures(tmp_path):
    """Makes a folder of small pictures and returns its path."""

    def make(name="pictures", n=24, size=20):
        path = tmp_path / name
        path.mkdir(parents=True)
        pixels = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), "uint8")
        for number, image in enumerate(pixels):
            Image.fromarray(image).save(path / f"{number}.png")
        return path

    return make


@pytest.fixture
def folder(pictures):
    """A folder of 24 small pictures."""
    return pictures()


@pytest.fixture
def small(monkeypatch):
    """A recipe that trains in a second: 5 steps, which are 2 epochs of 3."""
    recipe = train_dcgan.Recipe(16, 4, 8, 5, 4e-4, 0.9)
    monkeypatch.setattr(train_dcgan, "CPU", recipe)
    monkeypatch.setattr(train_dcgan, "GPU", recipe)
    monkeypatch.setattr(training, "FEWEST_STEPS", 1)
    return recipe


@pytest.fixture
def bad(capsys):
    """Runs a command that has to fail with one sentence, and nothing else."""

    def run(arguments, *words):
        capsys.readouterr()
        assert cli.main([str(a) for a in arguments]) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith("kerasgan: ")
        assert len(printed.err.splitlines()) == 1
        assert "[Errno" not in printed.err
        for word in words:
            assert word in printed.err

    return run
