import argparse

import pytest
import tensorflow as tf
from tensorflow.python.framework import config

from kerasgan.cli import training


@pytest.fixture
def command(dcgan_data, tmp_path):
    """Arguments of a run on a few images."""
    return ["train", "dcgan", "--data", dcgan_data, "--run", tmp_path / "runs" / "x"]


def test_unsupported_image_sizes(command, bad):
    bad([*command, "--image-size", 70], "--image-size: height is 70", "64, 80")
    bad([*command, "--image-size", 4], "--image-size: height is 4", "at least 8")


@pytest.mark.parametrize("model", ["dcgan", "cyclegan"])
@pytest.mark.parametrize("option", ["--epochs", "--batch-size", "--image-size"])
def test_numbers_that_are_not_positive(bad, model, option):
    bad(["train", model, option, 0], f"{option} is 0; expected a positive integer")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_unsupported_seeds(command, tmp_path, bad, seed):
    bad([*command, "--seed", seed], f"--seed is {seed}", "4294967295")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("gpus", "expected"), [([], True), (["GPU:0"], False)])
def test_operations_are_deterministic_on_a_cpu(monkeypatch, gpus, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    training.set_seed(argparse.Namespace(seed=3))
    assert config.is_op_determinism_enabled() is expected


@pytest.mark.parametrize(("gpus", "expected"), [([], "cpu"), (["GPU:0"], "gpu")])
def test_the_recipe_suits_the_device(monkeypatch, gpus, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    assert training.on_this_device("cpu", "gpu") == expected


@pytest.mark.parametrize("option", ["--run", "--data-dir"])
def test_a_folder_below_a_file(command, bad, tmp_path, option):
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "x" / "y"):
        bad([*command, option, path], f"{option} is '{path}'", "is a file")


def test_a_missing_data_dir_is_not_created(tmp_path, bad):
    path = tmp_path / "no"
    for model in ("dcgan", "cyclegan"):
        bad(
            ["train", model, "--data", "celeb_a", "--data-dir", path],
            f"--data-dir is '{path}'",
        )
    assert not path.exists()
