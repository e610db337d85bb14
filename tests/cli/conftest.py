import contextlib
import dataclasses
import io
import os
import pathlib
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import callbacks, cli
from kerasgan.cli import train_cyclegan, train_dcgan, training
from kerasgan.training import preflight

# An image has 16 x 16 or 32 x 32 pixels, and a run has a few steps.
DCGAN = train_dcgan.Recipe(16, 4, 8, 5, 4e-4, 0.9)
CYCLEGAN = dataclasses.replace(
    train_cyclegan.CPU,
    image_size=32,
    width=2,
    layers=1,
    batch_size=4,
    steps=4,
    pool_size=2,
    classifier_steps=2,
)


@contextlib.contextmanager
def _small_recipes():
    with pytest.MonkeyPatch.context() as patched:
        for module, recipe in ((train_dcgan, DCGAN), (train_cyclegan, CYCLEGAN)):
            for device in ("CPU", "GPU"):
                patched.setattr(module, device, recipe)
        patched.setattr(training, "MIN_STEPS_PER_EPOCH", 1)
        patched.setattr(preflight, "MEASURED_BATCHES", 1)
        # So that a run stops after the batches that the checks have read.
        patched.setattr(preflight, "CHECKED_IMAGES", 1)
        yield


@pytest.fixture(autouse=True)
def _small(tmp_path, monkeypatch):
    """Runs take a few seconds, and log files are written to the test's folder."""
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "logs"))
    with _small_recipes():
        yield


def _write_pictures(folder, n, size=20):
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), "uint8")
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def pictures(tmp_path):
    """Function that writes a folder of small images and returns its path."""
    return lambda name, n=24: _write_pictures(tmp_path / name, n)


@contextlib.contextmanager
def _after_epoch(number, action):
    write = callbacks.LossCurves.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        write(self, epoch, logs)
        if epoch + 1 == number:
            action()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(callbacks.LossCurves, "on_epoch_end", on_epoch_end)
        yield


@pytest.fixture
def after_epoch():
    """Context manager that calls a function after an epoch, counted from 1."""
    return _after_epoch


@dataclasses.dataclass
class Run:
    """A run of `kerasgan train`: its arguments, exit code, folder and output."""

    arguments: list[str]
    status: int
    folder: pathlib.Path
    out: str


def _train(model, data, base, *more):
    arguments = ["train", model, "--data", str(data), "--run", str(base), *more]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = cli.main(arguments)
    return Run(arguments, status, base.with_name(f"{base.name}-001"), out.getvalue())


@contextlib.contextmanager
def _interrupted_after_first_epoch():
    with _after_epoch(1, lambda: os.kill(os.getpid(), signal.SIGINT)):
        yield


# Runs that several tests read, but do not change.
OPTIONS = ("--epochs", "3", "--seed", str(training.MAX_SEED))


@pytest.fixture(scope="session")
def dcgan_data(tmp_path_factory):
    """A folder of 24 images: three batches."""
    return _write_pictures(tmp_path_factory.mktemp("dcgan") / "pictures", n=24)


@pytest.fixture(scope="session")
def whole_dcgan(dcgan_data):
    """A finished run of three epochs."""
    with _small_recipes():
        return _train("dcgan", dcgan_data, dcgan_data.parent / "whole", *OPTIONS)


@pytest.fixture(scope="session")
def stopped_dcgan(dcgan_data):
    """The same run, stopped by Ctrl-C after the first epoch."""
    with _small_recipes(), _interrupted_after_first_epoch():
        return _train("dcgan", dcgan_data, dcgan_data.parent / "stopped", *OPTIONS)


@pytest.fixture(scope="session")
def cyclegan_data(tmp_path_factory):
    """A folder with two domains, and held-out images of both."""
    folder = tmp_path_factory.mktemp("cyclegan") / "fruit"
    for name, n in (("trainA", 8), ("trainB", 6), ("testA", 3), ("testB", 2)):
        _write_pictures(folder / name, n)
    return folder


@contextlib.contextmanager
def _eager():
    # Tracing a training step takes longer than a few eager steps.
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def eager():
    """Training steps run eagerly."""
    with _eager():
        yield


@pytest.fixture(scope="session")
def whole_cyclegan(cyclegan_data):
    """A finished run of two epochs of two steps."""
    with _small_recipes(), _eager():
        return _train("cyclegan", cyclegan_data, cyclegan_data.parent / "whole")


@pytest.fixture(scope="session")
def stopped_cyclegan(cyclegan_data):
    """The same run, stopped by Ctrl-C after the first epoch."""
    with _small_recipes(), _eager(), _interrupted_after_first_epoch():
        return _train("cyclegan", cyclegan_data, cyclegan_data.parent / "stopped")


@pytest.fixture
def copied(tmp_path):
    """Function that copies the folder of a run, some of its files left out."""

    def copy(run, *left_out):
        folder = tmp_path / run.folder.name
        return pathlib.Path(
            shutil.copytree(
                run.folder, folder, ignore=shutil.ignore_patterns(*left_out)
            )
        )

    return copy


@pytest.fixture
def bad(capsys):
    """Function that runs a command, which must fail with one sentence."""

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
