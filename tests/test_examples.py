"""The examples run as they stand, in a process and a folder of their own."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def run(name, folder, *arguments):
    command = [sys.executable, EXAMPLES / name, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_run(folder, shape):
    assert (folder / "evolution.gif").exists()
    assert len(list((folder / "samples").glob("epoch_*.png"))) == 2
    gan = keras.models.load_model(folder / "model.keras")
    assert isinstance(gan, kerasgan.GAN)
    assert gan.generate(2, seed=0).shape == (2, *shape)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_examples_are_short(path):
    assert len(path.read_text().splitlines()) <= 80


def test_train_dcgan(tmp_path, tiny_synthetic_faces):
    run(
        "train_dcgan.py",
        tmp_path,
        *("--data-dir", tiny_synthetic_faces, "--image-size", 16),
        *("--batch-size", 8, "--epochs", 1),
    )
    check_run(tmp_path / "runs" / "example", (16, 16, 3))
    assert (tmp_path / "runs" / "example" / "loss_curves.png").exists()


def test_train_cyclegan(tmp_path, tiny_synthetic_faces):
    run(
        "train_cyclegan.py",
        tmp_path,
        *("--data-dir", tiny_synthetic_faces, "--image-size", 24),
        *("--batch-size", 16, "--epochs", 1),
    )
    folder = tmp_path / "runs" / "cyclegan-example"
    assert (folder / "evolution.gif").exists()
    assert len(list((folder / "translations").glob("epoch_*.png"))) == 2
    assert (folder / "loss_curves.png").exists()
    cyclegan = keras.models.load_model(folder / "model.keras")
    assert isinstance(cyclegan, kerasgan.CycleGAN)
    assert cyclegan.steps_taken == 1
    faces = np.zeros((2, 30, 21, 3), "uint8")
    assert cyclegan.translate(faces, direction="b2a").shape == faces.shape


def test_custom_generator(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), "uint8")
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    run(
        "custom_generator.py",
        tmp_path,
        *("--data", pictures, "--image-size", 16, "--batch-size", 8, "--epochs", 1),
    )
    check_run(tmp_path / "runs" / "custom", (16, 16, 3))
