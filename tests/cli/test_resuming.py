import dataclasses
import json
import os
import signal

import keras
import numpy as np
import pytest

from kerasgan import callbacks, cli
from kerasgan.cli import train_dcgan


@pytest.fixture
def train(small, folder, tmp_path):
    """Runs `kerasgan train dcgan` and returns its exit status."""

    def run(*arguments, name="x"):
        command = ["train", "dcgan", "--data", folder, "--epochs", 3, *arguments]
        if "--resume" not in arguments:
            command += ["--run", tmp_path / name]
        return cli.main([str(a) for a in command])

    return run


@pytest.fixture
def stopped(train, tmp_path, monkeypatch):
    """The folder of a run that was stopped in its second epoch."""
    with monkeypatch.context() as patched:
        write = callbacks.LossCurves.on_epoch_end

        def interrupted(self, epoch, logs=None):
            write(self, epoch, logs)
            os.kill(os.getpid(), signal.SIGINT)

        patched.setattr(callbacks.LossCurves, "on_epoch_end", interrupted)
        assert train() == 130
    return tmp_path / "x-001"


def left(run):
    """Returns all files of a run but its states and what holds times or versions."""
    kept = ("samples/*.png", "history.csv", "evolution.gif", "loss_curves.png")
    return {
        str(file.relative_to(run)): file.read_bytes()
        for pattern in kept
        for file in run.glob(pattern)
    }


def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    train, stopped, tmp_path, capsys
):
    assert train(name="whole") == 0
    capsys.readouterr()
    assert cli.main(["train", "dcgan", "--resume", str(stopped)]) == 0
    assert f"{stopped}: going on from step 3, epoch 2" in capsys.readouterr().out
    whole = tmp_path / "whole-001"
    assert len(left(whole)) == 7
    assert left(stopped) == left(whole)
    one, other = (
        keras.models.load_model(run / "model.keras") for run in (stopped, whole)
    )
    for mine, its in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(mine, its)
    # No new folder was made.
    assert sorted(path.name for path in tmp_path.glob("x-*")) == ["x-001"]


def test_a_run_that_has_ended_is_not_trained_again(train, tmp_path, capsys):
    train()
    capsys.readouterr()
    assert cli.main(["train", "dcgan", "--resume", str(tmp_path / "x-001")]) == 0
    assert "trained already, 9 steps" in capsys.readouterr().out


def test_options_that_are_not_those_of_the_run(stopped, bad, capsys):
    command = ["train", "dcgan", "--resume", stopped]
    bad(
        [*command, "--batch-size", 4],
        f"--batch-size is 4, but the run in '{stopped}' was started with 8; expected "
        "the same, or --override",
    )
    bad([*command, "--epochs", 9], "--epochs is 9", "with 3")
    # The default too, where it is given.
    bad([*command, "--data", "synthetic_faces"], "--data is 'synthetic_faces'")
    kept = (stopped / "options.json").read_bytes()
    assert cli.main([str(a) for a in [*command, "--batch-size", 8]]) == 0
    assert (stopped / "options.json").read_bytes() == kept
    longer = [*command, "--epochs", 4, "--override"]
    capsys.readouterr()
    assert cli.main([str(a) for a in longer]) == 0
    assert "going on from step 9" in capsys.readouterr().out
    assert json.loads((stopped / "options.json").read_text())["options"]["epochs"] == 4
    assert (stopped / "samples" / "epoch_0004.png").exists()


def test_options_that_the_run_refuses_are_not_kept(stopped, bad):
    kept = (stopped / "options.json").read_bytes()
    # Networks of another size than those that were trained.
    other = ["--image-size", 32, "--override"]
    bad(["train", "dcgan", "--resume", stopped, *other], "discriminator has ", "state")
    assert (stopped / "options.json").read_bytes() == kept


def test_runs_that_are_none(stopped, tmp_path, bad):
    bad(
        ["train", "dcgan", "--resume", tmp_path / "no"],
        f"--resume is '{tmp_path / 'no'}', which has no options.json",
    )
    bad(["train", "cyclegan", "--resume", stopped], "a run of dcgan", "of cyclegan")
    bad(["train", "dcgan", "--override"], "--override is given; expected it only with")
    bad(["train", "dcgan", "--resume", stopped, "--run", "y"], "--run is 'y', and")


def test_a_damaged_state_is_told(stopped, capsys):
    newest, *_ = sorted((stopped / "state").iterdir(), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-9])
    assert cli.main(["train", "dcgan", "--resume", str(stopped)]) == 0
    assert f"{newest} is damaged" in capsys.readouterr().out


def test_networks_are_those_of_the_run_on_any_device(stopped, monkeypatch, capsys):
    # As if the run had been started where there is a GPU.
    other = dataclasses.replace(train_dcgan.CPU, width=8, learning_rate=1.0)
    monkeypatch.setattr(train_dcgan, "CPU", other)
    monkeypatch.setattr(train_dcgan, "GPU", other)
    assert cli.main(["train", "dcgan", "--resume", str(stopped)]) == 0
    assert "going on from step 3" in capsys.readouterr().out


def test_numbers_that_are_not_finite_end_it_with_a_code_of_their_own(
    train, tmp_path, monkeypatch, capsys
):
    write = callbacks.LossCurves.on_epoch_begin

    def poisons(self, epoch, logs=None):
        write(self, epoch, logs)
        if epoch:
            weights = self.model.generator.get_weights()
            self.model.generator.set_weights([w * np.nan for w in weights])

    monkeypatch.setattr(callbacks.LossCurves, "on_epoch_begin", poisons)
    assert train("--epochs", 9) == 4
    printed = capsys.readouterr()
    assert "(3 of 3 times)" in printed.out and "training stops" in printed.out
    assert len(printed.err.splitlines()) == 1
    assert f"{tmp_path / 'x-001'}: training stopped at step" in printed.err
    model = keras.models.load_model(tmp_path / "x-001" / "model.keras")
    assert np.isfinite(model.generate(2, seed=0)).all()
