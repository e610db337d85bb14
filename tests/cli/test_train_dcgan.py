import json

import keras
import numpy as np
import pytest

from kerasgan import cli, images


def train(folder, tmp_path, *more):
    run = str(tmp_path / "runs" / "faces")
    return cli.main(["train", "dcgan", "--data", str(folder), "--run", run, *more])


def test_a_run_leaves_what_it_promises(small, folder, tmp_path, capsys):
    assert train(folder, tmp_path, "--seed", "3") == 0
    run = tmp_path / "runs" / "faces-001"
    left = sorted(str(p.relative_to(run)) for p in run.rglob("*") if p.is_file())
    states = [name for name in left if name.startswith("state/")]
    assert states[-1].endswith("-step-6.state") and len(states) == 3
    assert [name for name in left if name not in states] == [
        "evolution.gif",
        "history.csv",
        "loss_curves.png",
        "model.keras",
        "options.json",
        "samples/epoch_0000.png",
        "samples/epoch_0001.png",
        "samples/epoch_0002.png",
    ]
    kept = json.loads((run / "options.json").read_text())
    assert list(kept) == ["model", "options", "recipe", "versions"]
    assert kept["options"]["seed"] == 3 and kept["options"]["data"] == str(folder)
    assert kept["options"]["image_size"] == 16 and kept["options"]["epochs"] == 2
    assert kept["recipe"]["width"] == 4 and kept["recipe"]["learning_rate"] == 4e-4
    assert kept["versions"]["keras"] == keras.__version__
    model = keras.models.load_model(run / "model.keras")
    last = images.read_png(run / "samples" / "epoch_0002.png")
    drawn = images.grid(images.to_uint8(model.generate(64, seed=0)))
    assert np.abs(last.astype(int) - drawn).max() <= 1
    assert "evolution.gif" in capsys.readouterr().out


def test_the_options_of_a_run_make_the_same_run_again(small, folder, tmp_path):
    for _ in range(2):
        assert train(folder, tmp_path, "--epochs", "1") == 0
    first, second = (
        (tmp_path / "runs" / f"faces-00{n}" / "samples" / "epoch_0001.png").read_bytes()
        for n in (1, 2)
    )
    assert first == second
    assert train(folder, tmp_path, "--epochs", "1", "--seed", "1") == 0
    third = tmp_path / "runs" / "faces-003" / "samples" / "epoch_0001.png"
    assert third.read_bytes() != first


@pytest.mark.parametrize(
    "option, value",
    [("--epochs", 0), ("--epochs", -2), ("--batch-size", 0), ("--image-size", 0)],
)
def test_numbers_that_are_not_positive(folder, tmp_path, bad, option, value):
    run = tmp_path / "runs" / "x"
    command = ["train", "dcgan", "--data", folder, "--run", run, option, value]
    bad(command, f"{option} is {value}; expected")
    assert not (tmp_path / "runs").exists()


def test_training_that_cannot_start(folder, tmp_path, bad):
    run = tmp_path / "runs" / "x"
    base = ["train", "dcgan", "--run", run]
    bad([*base, "--data", tmp_path / "none"], "--data is", "folder of images")
    bad([*base, "--data", folder, "--batch-size", 25], "batch_size is 25", "24")
    empty = tmp_path / "empty"
    empty.mkdir()
    bad([*base, "--data", empty], str(empty))
    assert not (tmp_path / "runs").exists()
