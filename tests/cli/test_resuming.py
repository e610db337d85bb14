import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from kerasgan import cli
from kerasgan.cli import train_dcgan
from kerasgan.training.checkpoints import locked_folder


def resume(run, *more, model="dcgan"):
    return cli.main(["train", model, "--resume", str(run), *more])


def written(run):
    """Returns the files of a run that have neither times nor versions in them."""
    patterns = ("*/epoch_*.png", "history.csv", "evolution.gif", "loss_curves.png")
    return {
        str(file.relative_to(run)): file.read_bytes()
        for pattern in patterns
        for file in run.glob(pattern)
    }


def assert_same_model(run, other):
    one, two = (keras.models.load_model(r / "model.keras") for r in (run, other))
    for a, b in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_resumed_dcgan_ends_like_an_uninterrupted_one(
    whole_dcgan, stopped_dcgan, copied, capsys
):
    run = copied(stopped_dcgan)
    options = (run / "options.json").read_bytes()
    # An option may be given again, if it is the same.
    assert resume(run, "--batch-size", "8") == 0
    printed = capsys.readouterr().out
    assert f"{run}: resuming from step 3, epoch 2" in printed
    # The data starts at any batch.
    assert "Reading" not in printed
    assert len(written(run)) == 7 and written(run) == written(whole_dcgan.folder)
    assert_same_model(run, whole_dcgan.folder)
    assert (run / "options.json").read_bytes() == options
    assert list(run.parent.glob("stopped-*")) == [run]


def test_a_stopped_run_has_its_files(stopped_dcgan):
    assert stopped_dcgan.status == 130
    run = stopped_dcgan.folder
    assert f"kerasgan train dcgan --resume {run}" in stopped_dcgan.out
    with Image.open(run / "evolution.gif") as gif:
        assert gif.n_frames == 2
    assert keras.models.load_model(run / "model.keras").steps_taken == 3
    assert (run / "history.csv").exists() and (run / "loss_curves.png").exists()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_finished_run_only_trains_further_with_more_epochs(
    whole_dcgan, copied, capsys
):
    run = copied(whole_dcgan)
    model = (run / "model.keras").read_bytes()
    assert resume(run) == 0
    assert "already complete after 9 steps" in capsys.readouterr().out
    assert_same_model(run, whole_dcgan.folder)
    assert resume(run, "--epochs", "4", "--override") == 0
    assert "resuming from step 9" in capsys.readouterr().out
    saved = json.loads((run / "options.json").read_text())
    assert saved["options"]["epochs"] == 4 and saved["steps"] == 12
    assert (run / "samples" / "epoch_0004.png").exists()
    assert (run / "model.keras").read_bytes() != model


def test_options_that_differ_from_those_of_the_run(stopped_dcgan, bad):
    run = stopped_dcgan.folder
    command = ["train", "dcgan", "--resume", run]
    bad(
        [*command, "--batch-size", 4],
        f"--batch-size is 4, but the run in '{run}' was started with 8; expected the "
        "same value, or --override",
    )
    bad([*command, "--epochs", 9], "--epochs is 9", "with 3")
    # A given default, too.
    bad([*command, "--data", "synthetic_faces"], "--data is 'synthetic_faces'")
    bad([*command, "--run", "y"], "--run is '", "and --resume is '")
    bad(["train", "cyclegan", "--resume", run], "a run of dcgan", "a run of cyclegan")


def test_folders_that_cannot_be_resumed(stopped_dcgan, copied, tmp_path, bad):
    bad(
        ["train", "dcgan", "--resume", tmp_path / "no"],
        f"--resume is '{tmp_path / 'no'}', which has no options.json",
    )
    bad(["train", "dcgan", "--override"], "--override is given without --resume")
    run = copied(stopped_dcgan, "state")
    bad(["train", "dcgan", "--resume", run], "no checkpoint", "'state'")
    (run / "options.json").write_text("[]")
    bad(["train", "dcgan", "--resume", run], "options.json is damaged")


@pytest.fixture
def no_data(monkeypatch):
    """Reading data fails the test."""

    def read(options):
        raise AssertionError("data was read")

    monkeypatch.setattr(train_dcgan, "_read_data", read)


def test_a_run_is_rejected_before_its_data_is_read(no_data, stopped_dcgan, copied, bad):
    run = copied(stopped_dcgan)
    options = (run / "options.json").read_bytes()
    command = ["train", "dcgan", "--resume", run]
    with locked_folder(run / "state"):
        bad(command, f"kerasgan: --resume is '{run}', where another process")
    # Networks of another size than the trained ones.
    other = ["--image-size", 32, "--override"]
    bad([*command, *other], f"--resume is '{run}', but discriminator has ")
    for file in (run / "state").glob("*.state"):
        file.write_bytes(file.read_bytes()[:-9])
    bad(command, f"--resume is '{run}'", "all checkpoints are damaged")
    assert (run / "options.json").read_bytes() == options


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_run_resumes_from_an_older_checkpoint_and_on_another_device(
    stopped_dcgan, copied, monkeypatch, capsys
):
    run = copied(stopped_dcgan)
    newest, *_ = sorted((run / "state").glob("*.state"), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-9])
    # As if the run had been started on another device.
    other = dataclasses.replace(train_dcgan.CPU, width=8, learning_rate=1.0)
    for device in ("CPU", "GPU"):
        monkeypatch.setattr(train_dcgan, device, other)
    assert resume(run) == 0
    printed = capsys.readouterr().out
    assert f"{newest} is damaged" in printed and "resuming from step" in printed
    model = keras.models.load_model(run / "model.keras")
    assert model.generator.get_layer("to_image").kernel.shape[-1] == 4
    assert float(model.g_optimizer.learning_rate) == np.float32(4e-4)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_values_that_are_not_finite_end_training_with_exit_code_4(
    dcgan_data, tmp_path, monkeypatch, capsys
):
    begin = train_dcgan.callbacks.LossCurves.on_epoch_begin

    def poison(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch:
            weights = self.model.generator.get_weights()
            self.model.generator.set_weights([w * np.nan for w in weights])

    monkeypatch.setattr(train_dcgan.callbacks.LossCurves, "on_epoch_begin", poison)
    command = ["train", "dcgan", "--data", dcgan_data, "--run", tmp_path / "x"]
    assert cli.main([*map(str, command), "--epochs", "9"]) == 4
    printed = capsys.readouterr()
    assert "(recovery 3 of 3)" in printed.out and "training stops" in printed.out
    assert len(printed.err.splitlines()) == 1
    assert f"{tmp_path / 'x-001'}: training stopped at step" in printed.err
    model = keras.models.load_model(tmp_path / "x-001" / "model.keras")
    assert np.isfinite(model.generate(2, seed=0)).all()
