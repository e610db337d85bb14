import json

import keras
import numpy as np
import pytest

from kerasgan import cli, images, ordering
from kerasgan.cli import folders, train_dcgan, training


def test_a_run_writes_its_files(whole_dcgan, dcgan_data):
    assert whole_dcgan.status == 0
    run = whole_dcgan.folder
    files = sorted(str(p.relative_to(run)) for p in run.rglob("*") if p.is_file())
    states = [name for name in files if name.startswith("state/")]
    assert any(name.endswith("-step-9.state") for name in states)
    assert [name for name in files if name not in states] == [
        "evolution.gif",
        "history.csv",
        "loss_curves.png",
        "model.keras",
        "options.json",
        *(f"samples/epoch_000{epoch}.png" for epoch in range(4)),
    ]
    saved = json.loads((run / "options.json").read_text())
    assert list(saved) == ["model", "options", "recipe", "steps", "versions"]
    assert saved["recipe"] == {
        "width": 4,
        "steps": 5,
        "learning_rate": 4e-4,
        "ema_decay": 0.9,
    }
    assert saved["versions"]["keras"] == keras.__version__ and saved["steps"] == 9
    model = keras.models.load_model(run / "model.keras")
    last = images.read_png(run / "samples" / "epoch_0003.png")
    generated = images.grid(images.to_uint8(model.generate(64, seed=0)))
    assert np.abs(last.astype(int) - generated).max() <= 1
    assert str(run / "evolution.gif") in whole_dcgan.out
    assert f"kerasgan generate {run} --out faces" in whole_dcgan.out


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_the_options_of_a_run_repeat_it(whole_dcgan, tmp_path):
    saved = json.loads((whole_dcgan.folder / "options.json").read_text())["options"]
    # Set by the command itself.
    assert saved.pop("passes") == 1
    saved["run"] = tmp_path / "again"
    arguments = ["train", "dcgan"]
    for name, value in saved.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    assert cli.main(arguments) == 0
    for name in ("samples/epoch_0003.png", "history.csv"):
        again = (tmp_path / "again-001" / name).read_bytes()
        assert again == (whole_dcgan.folder / name).read_bytes()


@pytest.fixture
def planned(monkeypatch, dcgan_data):
    """Function that returns what a command would train, without training it."""

    def plan(*more):
        given = []
        monkeypatch.setattr(training, "fit", lambda *a, **k: given.append(a))
        run = str(dcgan_data.parent / "planned")
        command = ["train", "dcgan", "--data", str(dcgan_data), "--run", run]
        assert cli.main([*command, *more]) == 0
        return given[0][:3]

    return plan


@pytest.mark.slow
def test_the_seed_decides_the_weights_the_order_and_the_latents(planned):
    runs = [planned("--seed", seed) for seed in ("0", "0", "1")]
    weights = [gan.generator.get_weights()[0] for gan, *_ in runs]
    order = [np.concatenate(list(d.as_numpy_iterator())) for _, d, _ in runs]
    for values in (weights, order):
        np.testing.assert_array_equal(values[0], values[1])
        assert (values[0] != values[2]).any()
    assert [gan.seed for gan, *_ in runs] == [0, 0, 1]


def test_small_data_is_repeated_within_an_epoch(planned, monkeypatch):
    monkeypatch.setattr(training, "MIN_STEPS_PER_EPOCH", 7)
    _, dataset, options = planned()
    # Three batches: three passes have at least 7, and one such epoch at least 5 steps.
    assert len(dataset) == 3 and (options.passes, options.epochs) == (3, 1)
    # Training can start anywhere without reading what comes before.
    assert ordering.started_at(dataset, 5) is not None


def test_paths_are_expanded_and_made_absolute(planned, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "images").symlink_to(tmp_path.parent)
    monkeypatch.chdir(tmp_path)
    *_, options = planned("--run=~/runs/x", "--data-dir", "logs")
    assert options.folder == tmp_path / "runs" / "x-001" and options.folder.is_dir()
    assert options.data_dir == tmp_path / "logs"
    assert not (tmp_path / "~").exists()
    # Names of datasets are not paths.
    for text, source in (
        ("~/images", str(tmp_path / "images")),
        ("images", str(tmp_path / "images")),
        ("celeb_a", "celeb_a"),
        ("nothing", "nothing"),
    ):
        assert folders.data_source(text) == source
    (tmp_path / "celeb_a").mkdir()
    assert folders.data_source("celeb_a") == "celeb_a"


def test_an_epoch_has_the_planned_steps(monkeypatch, planned):
    _, dataset, options = planned()
    options.passes, options.epochs, options.override = 3, 2, False
    given = {}

    class Model:
        steps_taken = 0

        def fit(self, x, **arguments):
            given.update(arguments, x=x)

    monkeypatch.undo()
    monkeypatch.setattr(training.runs, "save_model", lambda *_: None)
    training.fit(Model(), dataset, options, train_dcgan.CPU, options.folder, [])
    assert given["x"] is dataset
    assert (given["steps_per_epoch"], given["epochs"]) == (9, 2)


@pytest.mark.parametrize(
    "option, value",
    [("--epochs", 0), ("--epochs", -2), ("--batch-size", 0), ("--image-size", 0)],
)
def test_numbers_that_are_not_positive(dcgan_data, tmp_path, bad, option, value):
    run = tmp_path / "runs" / "x"
    command = ["train", "dcgan", "--data", dcgan_data, "--run", run, option, value]
    bad(command, f"{option} is {value}; expected")
    assert not (tmp_path / "runs").exists()


def test_wrong_data_is_rejected_before_training(pictures, tmp_path, bad):
    run = tmp_path / "runs" / "x"
    base = ["train", "dcgan", "--run", run]
    bad(
        [*base, "--data", tmp_path / "none"],
        "--data is",
        "which does not exist; expected syn",
    )
    # Named like the option that sets it, also where it is a default.
    ten = pictures("ten", n=7)
    bad([*base, "--data", ten], "kerasgan: --batch-size is 8, but", "7 images")
    empty = tmp_path / "empty"
    empty.mkdir()
    bad([*base, "--data", empty], f"kerasgan: --data is '{empty}'")
    assert not (tmp_path / "runs").exists()
