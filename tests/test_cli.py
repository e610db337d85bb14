import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan import cli, images


@pytest.fixture
def folder(tmp_path):
    """A folder of 24 small pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 20, 3), "uint8")
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(path / f"{number}.png")
    return path


@pytest.fixture
def small(monkeypatch):
    """A recipe that trains in a second: 5 steps, which are 2 epochs of 3."""
    recipe = cli.Recipe(16, 4, 8, 5, 4e-4, 0.9)
    monkeypatch.setattr(cli, "CPU", recipe)
    monkeypatch.setattr(cli, "GPU", recipe)
    monkeypatch.setattr(cli, "FEWEST_STEPS", 1)
    return recipe


def train(folder, tmp_path, *more):
    run = str(tmp_path / "runs" / "faces")
    return cli.main(["train", "dcgan", "--data", str(folder), "--run", run, *more])


def test_a_run_leaves_what_it_promises(small, folder, tmp_path, capsys):
    assert train(folder, tmp_path, "--seed", "3") == 0
    run = tmp_path / "runs" / "faces-001"
    assert sorted(str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()) == [
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


def test_generate_writes_one_image_a_seed(small, folder, tmp_path, capsys):
    train(folder, tmp_path, "--epochs", "1")
    run, out = tmp_path / "runs" / "faces-001", tmp_path / "out"
    for model in (run, run / "model.keras"):
        command = ["generate", str(model), "--seeds", "5,0-2", "--out", str(out)]
        assert cli.main(command) == 0
        assert sorted(p.name for p in out.iterdir()) == [
            f"seed_000{seed}.png" for seed in (0, 1, 2, 5)
        ]
    gan = keras.models.load_model(run / "model.keras")
    for seed in (0, 1, 2, 5):
        drawn = images.to_uint8(gan.generate(1, seed=seed)[0]).astype(int)
        written = images.read_png(out / f"seed_000{seed}.png")
        assert np.abs(written - drawn).max() <= 1
    assert "4 images" in capsys.readouterr().out


def bad(arguments, capsys, *words):
    """Runs a command that has to fail with one sentence, and nothing else."""
    assert cli.main([str(a) for a in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("kerasgan: ")
    assert "Traceback" not in printed.err
    for word in words:
        assert word in printed.err


@pytest.mark.parametrize(
    "option, value",
    [("--epochs", 0), ("--epochs", -2), ("--batch-size", 0), ("--image-size", 0)],
)
def test_numbers_that_are_not_positive(folder, tmp_path, capsys, option, value):
    run = tmp_path / "runs" / "x"
    command = ["train", "dcgan", "--data", folder, "--run", run, option, value]
    name = option[2:].replace("-", "_")
    bad(command, capsys, f"{name} is {value}")
    assert not (tmp_path / "runs").exists()


def test_training_that_cannot_start(folder, tmp_path, capsys):
    run = tmp_path / "runs" / "x"
    base = ["train", "dcgan", "--run", run]
    bad([*base, "--data", tmp_path / "none"], capsys, "--data is", "folder of images")
    bad([*base, "--data", folder, "--image-size", 70], capsys, "70", "64", "80")
    bad([*base, "--data", folder, "--batch-size", 25], capsys, "batch_size is 25", "24")
    empty = tmp_path / "empty"
    empty.mkdir()
    bad([*base, "--data", empty], capsys, str(empty))
    assert not (tmp_path / "runs").exists()


def test_models_that_are_none(tmp_path, capsys):
    out = tmp_path / "out"
    bad(["generate", tmp_path / "no.keras", "--out", out], capsys, "no.keras")
    (tmp_path / "text.keras").write_text("not a model")
    bad(["generate", tmp_path / "text.keras", "--out", out], capsys, "text.keras")
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    bad(
        ["generate", tmp_path / "other.keras", "--out", out],
        capsys,
        "Sequential",
        "expected a GAN",
    )
    assert not out.exists()


@pytest.mark.parametrize("seeds", ["", "a", "3-1", "1,,2", "1-2-3"])
def test_seeds_that_are_none(seeds, tmp_path, capsys):
    bad(["generate", tmp_path, "--seeds", seeds, "--out", tmp_path], capsys, "--seeds")


def test_prepare_reports_what_is_missing(tmp_path, capsys):
    command = ["prepare", "celeb_a", "--from", tmp_path / "no", "--data-dir", tmp_path]
    bad(command, capsys, str(tmp_path / "no"))


def test_what_nobody_foresaw_is_one_line_and_a_file(monkeypatch, tmp_path, capsys):
    def fails(*_):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(cli.data, "prepare_celeb_a", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["prepare", "celeb_a", "--from", "a", "--data-dir", "b"]) == 1
    printed = capsys.readouterr().err
    (log,) = tmp_path.iterdir()
    assert printed == f"kerasgan: RuntimeError: first line (more in {log})\n"
    assert "Traceback" in log.read_text()


def test_ctrl_c_is_no_traceback(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.data, "prepare_celeb_a", interrupted)
    assert cli.main(["prepare", "celeb_a", "--from", "a", "--data-dir", "b"]) == 130
    assert capsys.readouterr().err == "kerasgan: stopped.\n"


def test_the_installed_command():
    command = pathlib.Path(sys.executable).parent / "kerasgan"
    done = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert done.stdout.strip() == kerasgan.__version__
    done = subprocess.run([command, "train"], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    done = subprocess.run(
        [command, "train", "dcgan", "--help"], capture_output=True, text=True
    )
    for option in ("--data", "--data-dir", "--image-size", "--epochs", "--batch-size"):
        assert option in done.stdout
    assert done.returncode == 0
