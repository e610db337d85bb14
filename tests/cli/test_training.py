import argparse
import json
import os
import signal

import keras
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.python.framework import config

from kerasgan import callbacks, cli
from kerasgan.cli import training


@pytest.fixture
def train(folder, tmp_path):
    """Returns the arguments of a run on a few pictures, and its folder."""
    run = tmp_path / "runs" / "x"
    return ["train", "dcgan", "--data", folder, "--run", run], run.with_name("x-001")


def test_the_option_of_an_image_size_is_named(train, bad):
    bad([*train[0], "--image-size", 70], "--image-size is 70: ", "64, 80")
    bad([*train[0], "--image-size", 4], "--image-size is 4: ", "at least 8")


@pytest.mark.parametrize("model", ["dcgan", "cyclegan"])
@pytest.mark.parametrize("option", ["--epochs", "--batch-size", "--image-size"])
def test_the_option_of_a_count_is_named(bad, model, option):
    bad(["train", model, option, 0], f"{option} is 0; expected a positive integer")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_are_none(train, bad, seed):
    bad([*train[0], "--seed", seed], f"--seed is {seed}", "4294967295")
    assert not train[1].parent.exists()


@pytest.mark.parametrize(("gpus", "expected"), [([], True), (["GPU:0"], False)])
def test_on_a_cpu_operations_add_in_one_order(monkeypatch, gpus, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    training.set_seed(argparse.Namespace(seed=3))
    assert config.is_op_determinism_enabled() is expected


def test_the_largest_seed_trains(small, train):
    arguments = [*train[0], "--seed", 2**32 - 1, "--epochs", 1]
    assert cli.main([str(a) for a in arguments]) == 0
    kept = json.loads((train[1] / "options.json").read_text())
    assert kept["options"]["seed"] == 2**32 - 1


@pytest.mark.parametrize("option", ["--run", "--data-dir"])
def test_a_folder_below_a_file(train, bad, tmp_path, option):
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "x" / "y"):
        bad([*train[0], option, path], f"{option} is '{path}'", "is a file")


def test_celeb_a_in_a_folder_that_is_not_there(tmp_path, bad):
    path = tmp_path / "no"
    for model in ("dcgan", "cyclegan"):
        bad(
            ["train", model, "--data", "celeb_a", "--data-dir", path],
            f"--data-dir is '{path}'",
        )
    assert not path.exists()


def test_a_run_that_is_stopped_is_whole(small, train, monkeypatch, capsys):
    write = callbacks.LossCurves.on_epoch_end

    def interrupted(self, epoch, logs=None):
        write(self, epoch, logs)
        # As Ctrl-C does; it is obeyed before the next step.
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(callbacks.LossCurves, "on_epoch_end", interrupted)
    assert cli.main([str(a) for a in train[0]]) == 130
    printed, run = capsys.readouterr(), train[1]
    assert printed.err == "kerasgan: stopped.\n"
    assert f"kerasgan train dcgan --resume {run}" in printed.out
    with Image.open(run / "evolution.gif") as gif:
        assert gif.n_frames == 2
    assert keras.models.load_model(run / "model.keras").steps_taken == 3
    assert (run / "history.csv").exists() and (run / "loss_curves.png").exists()
