"""The examples run unchanged."""

import pathlib
import runpy
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that runs an example in an empty working directory and home folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    def call(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return tmp_path / "work"

    return call


def check_gan(folder, shape):
    assert (folder / "evolution.gif").exists()
    assert len(list((folder / "samples").glob("epoch_*.png"))) == 2
    gan = keras.models.load_model(folder / "model.keras")
    assert isinstance(gan, kerasgan.GAN)
    assert gan.generate(2, seed=0).shape == (2, *shape)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_examples_are_short(path):
    assert len(path.read_text().splitlines()) <= 80


@pytest.mark.slow
def test_train_dcgan(run, tiny_synthetic_faces):
    work = run(
        "train_dcgan.py",
        *("--data-dir", tiny_synthetic_faces, "--image-size", 16),
        *("--batch-size", 24, "--epochs", 1),
    )
    check_gan(work / "runs" / "example", (16, 16, 3))
    assert (work / "runs" / "example" / "loss_curves.png").exists()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_train_cyclegan(run, tiny_synthetic_faces):
    # One step runs faster than it is traced.
    tf.config.run_functions_eagerly(True)
    try:
        work = run(
            "train_cyclegan.py",
            *("--data-dir", tiny_synthetic_faces, "--image-size", 24),
            *("--batch-size", 16, "--epochs", 1),
        )
    finally:
        tf.config.run_functions_eagerly(False)
    folder = work / "runs" / "cyclegan-example"
    assert (folder / "evolution.gif").exists()
    assert len(list((folder / "translations").glob("epoch_*.png"))) == 2
    assert (folder / "loss_curves.png").exists()
    cyclegan = keras.models.load_model(folder / "model.keras")
    assert isinstance(cyclegan, kerasgan.CycleGAN)
    assert cyclegan.steps_taken == 1
    faces = np.zeros((2, 30, 21, 3), "uint8")
    assert cyclegan.translate(faces, direction="b2a").shape == faces.shape


@pytest.mark.slow
def test_custom_generator(run, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), "uint8")
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    work = run(
        "custom_generator.py",
        *("--data", pictures, "--image-size", 16, "--batch-size", 8, "--epochs", 1),
        "--run=~/custom",
    )
    check_gan(tmp_path / "custom", (16, 16, 3))
    assert list(work.iterdir()) == []
