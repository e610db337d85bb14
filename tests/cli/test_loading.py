import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import cli, images
from kerasgan.cli import loading
from kerasgan.models import read_metadata
from kerasgan.training import checkpoints


def generate(model, out):
    """Generates two images and returns them."""
    command = ["generate", model, "--seeds", "3,4", "--out", out]
    assert cli.main([str(a) for a in command]) == 0
    return np.stack([images.read_png(out / f"seed_000{seed}.png") for seed in (3, 4)])


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_finished_run_uses_its_model(whole_dcgan, tmp_path, capsys):
    run = whole_dcgan.folder
    generated = generate(run, tmp_path / "run")
    assert "checkpoint" not in capsys.readouterr().out
    np.testing.assert_array_equal(
        generate(run / "model.keras", tmp_path / "file"), generated
    )
    gan = keras.models.load_model(run / "model.keras")
    expected = images.to_uint8(gan.generate(1, seed=4)[0]).astype(int)
    assert np.abs(expected - generated[1]).max() <= 1


@pytest.mark.slow
def test_a_killed_run_uses_its_newest_checkpoint(
    whole_dcgan, stopped_dcgan, copied, tmp_path, capsys
):
    expected = generate(whole_dcgan.folder, tmp_path / "expected")
    run = copied(whole_dcgan, "model.keras")
    before = content(run)
    np.testing.assert_array_equal(generate(run, tmp_path / "killed"), expected)
    assert f"{run}: using the checkpoint of step 9.\n" in capsys.readouterr().out
    assert content(run) == before
    # The model of a run that was resumed and then killed is older.
    earlier = (stopped_dcgan.folder / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(earlier)
    np.testing.assert_array_equal(generate(run, tmp_path / "resumed"), expected)
    assert "step 9" in capsys.readouterr().out
    model = loading.load_model(run, kerasgan.GAN)
    whole = keras.models.load_model(whole_dcgan.folder / "model.keras")
    for a, b in zip(model.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.metadata == whole.metadata


@pytest.mark.slow
def test_an_older_checkpoint_is_ignored(whole_dcgan, stopped_dcgan, copied, tmp_path):
    run = copied(stopped_dcgan)
    newer = (whole_dcgan.folder / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(newer)
    np.testing.assert_array_equal(
        generate(run, tmp_path / "run"),
        generate(whole_dcgan.folder, tmp_path / "expected"),
    )


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_run_can_be_used_while_it_trains_and_after_sigterm(
    whole_dcgan, after_epoch, tmp_path, capsys
):
    arguments = list(whole_dcgan.arguments)
    run, out = tmp_path / "x-001", tmp_path / "out"
    arguments[arguments.index("--run") + 1] = str(tmp_path / "x")

    def use():
        generate(run, out / "training")
        command = ["export", str(run), "--out", str(out / "generator.keras")]
        assert cli.main(command) == 0

    def terminate():
        os.kill(os.getpid(), signal.SIGTERM)

    with after_epoch(1, use), after_epoch(2, terminate):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
    assert stopped.value.code == 143
    assert read_metadata(out / "generator.keras")["image_shape"] == [16, 16, 3]
    assert not (run / "model.keras").exists()
    printed = capsys.readouterr().out
    assert f"{run}: using the checkpoint of step " in printed
    assert f"Resume with: kerasgan train dcgan --resume {run}\n" in printed
    generate(run, out / "terminated")
    assert "using the checkpoint of step 6." in capsys.readouterr().out
    # Being read has not disturbed training.
    for epoch in range(3):
        name = f"samples/epoch_000{epoch}.png"
        assert (run / name).read_bytes() == (whole_dcgan.folder / name).read_bytes()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_process_that_is_training_and_then_killed(dcgan_data, tmp_path):
    program = "import sys; from kerasgan.cli import main; sys.exit(main())"
    command = ["train", "dcgan", "--data", dcgan_data, "--run", tmp_path / "x"]
    command += ["--image-size", 16, "--batch-size", 8, "--epochs", 10_000]
    command = [sys.executable, "-c", program, *map(str, command)]
    run = tmp_path / "x-001"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            # The first checkpoint is written before the first step.
            while not checkpoints.checkpoint_files(run / "state"):
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
            for number in range(3):
                generate(run, tmp_path / f"training {number}")
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (run / "model.keras").exists()
    generate(run, tmp_path / "killed")
    out = tmp_path / "served"
    assert cli.main(["export", str(run), "--out", str(out)]) == 0
    model = tf.saved_model.load(str(out))
    assert model.serve(tf.zeros((2, 100))).shape == (2, 16, 16, 3)


@pytest.mark.slow
def test_folders_without_a_model(whole_dcgan, copied, tmp_path, bad):
    out = ["--out", tmp_path / "out"]
    bad(
        ["generate", tmp_path, *out],
        f"MODEL is '{tmp_path}', which has neither model.keras nor a checkpoint",
    )
    run = copied(whole_dcgan, "model.keras")
    bad(["translate", run, run, *out], "the run of a GAN; expected a CycleGAN")
    assert not (tmp_path / "out").exists()


def test_a_run_of_a_program_uses_its_newest_checkpoint(tmp_path, capsys):
    gan = small_gan(value_range=(-1, 1))

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.steps_taken == 2

    # The loss cannot be saved, and is not needed to generate.
    gan.compile(loss_fn=lambda labels, outputs: tf.abs(labels - outputs))
    callbacks = [Stop(), kerasgan.callbacks.RunState(tmp_path / "run")]
    gan.fit(np.zeros((8, 4, 4, 3)) - 0.5, batch_size=2, verbose=0, callbacks=callbacks)
    generated = generate(tmp_path / "run", tmp_path / "out")
    assert "using the checkpoint of step 2." in capsys.readouterr().out
    expected = images.to_uint8(gan.generate(1, seed=4)[0]).astype(int)
    assert np.abs(expected - generated[1]).max() <= 1


def test_a_run_of_a_cyclegan_with_metrics_and_numpy_arguments(tmp_path, small_cyclegan):
    options = {
        "pool_size": np.int64(3),
        "image_size": [np.int64(8), np.int64(8)],
        "ema_decay": np.float32(0.5),
    }
    cyclegan = small_cyclegan(**options)
    metrics = [keras.metrics.MeanAbsoluteError()]
    cyclegan.compile(metrics=metrics, run_eagerly=True)
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    state = kerasgan.callbacks.RunState(tmp_path / "run")
    cyclegan.fit(pixels, pixels, verbose=0, callbacks=[state])
    loaded = loading.load_model(tmp_path / "run", kerasgan.CycleGAN)
    np.testing.assert_array_equal(
        loaded.translate(pixels, "b2a"), cyclegan.translate(pixels, "b2a")
    )
    assert loaded.image_size == (8, 8) and loaded.pool_size == 3


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_restored(whole_dcgan, copied, tmp_path, bad):
    run = copied(whole_dcgan, "model.keras")
    values, metadata = checkpoints.newest_checkpoint(run / "state")
    name = metadata["model"]["registered_name"]
    for step, change, reason in (
        (100, {"registered_name": "mine>GAN"}, "the class mine>GAN is not registered"),
        (101, {"registered_name": name}, "generator has "),
    ):
        changed = {**metadata, "model": {**metadata["model"], **change}}
        if step == 101:
            values = {k: v for k, v in values.items() if k != "generator/0"}
        checkpoints.write_checkpoint(run / "state", step, values, changed)
        bad(
            ["generate", run, "--out", tmp_path / "out"],
            f"MODEL is '{run}'; its checkpoint cannot be restored: ",
            reason,
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_checkpoint_of_another_keras_generation(
    whole_dcgan, copied, tmp_path, bad, monkeypatch
):
    run = copied(whole_dcgan, "model.keras")
    versions = {**kerasgan.version.library_versions(), "keras": "9.1.0"}
    monkeypatch.setattr(loading, "library_versions", lambda: versions)
    bad(
        ["generate", run, "--out", tmp_path / "out"],
        f"MODEL is '{run}', saved by kerasgan {kerasgan.__version__}, Keras "
        f"{keras.__version__}",
        "another generation of Keras",
    )


def small_gan(**options):
    generator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
    )
    discriminator = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    return kerasgan.GAN(discriminator, generator, seed=0, **options)


def test_files_that_are_not_models(tmp_path, bad):
    out = tmp_path / "out"
    commands = (
        lambda model: ["generate", model, "--out", out],
        lambda model: ["translate", model, tmp_path / "gan.keras", "--out", out],
    )
    small_gan().save(tmp_path / "gan.keras")
    whole = (tmp_path / "gan.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("notes.txt", "not a model")
    with zipfile.ZipFile(tmp_path / "half.keras", "w") as archive:
        for member in ("config.json", "metadata.json"):
            archive.writestr(
                member, zipfile.ZipFile(tmp_path / "gan.keras").read(member)
            )
    (tmp_path / "text.keras").write_text("not a model")
    (tmp_path / "empty.keras").write_text("")
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "other.keras")
    for command, expected in zip(commands, ("GAN", "CycleGAN"), strict=True):
        bad(command(tmp_path / "no.keras"), "no.keras", "does not exist")
        for name in ("cut", "zip", "half", "text", "empty"):
            bad(
                command(tmp_path / f"{name}.keras"),
                f"{name}.keras",
                f"expected a {expected} saved by kerasgan",
            )
        bad(command(tmp_path / "other.keras"), "Sequential", f"expected a {expected}")
    bad(commands[1](tmp_path / "gan.keras"), "a GAN; expected a CycleGAN")
    assert not out.exists()


def save_unknown_layer(path, change):
    """Saves a GAN with a layer of an unknown class, and changes its config."""
    small_gan().save(path)
    with zipfile.ZipFile(path) as known:
        members = {name: known.read(name) for name in known.namelist()}
    text = members["config.json"].decode()
    whole = json.loads(
        text.replace(
            '"module": "keras.layers", "class_name": "Dense"',
            '"module": null, "class_name": "Strange"',
        )
    )
    change(whole["config"])
    members["config.json"] = json.dumps(whole)
    with zipfile.ZipFile(path, "w") as strange:
        for name, content in members.items():
            strange.writestr(name, content)


@pytest.mark.parametrize("without", [[], ["metadata"]])
def test_an_unknown_class_is_named(tmp_path, without):
    path = tmp_path / "strange.keras"
    save_unknown_layer(path, lambda config: [config.pop(name) for name in without])
    with pytest.raises(ValueError, match=r"expected a GAN.*Strange") as raised:
        loading.load_model(path, kerasgan.GAN)
    # The installed versions saved it.
    assert "saved by kerasgan 0" not in str(raised.value)


def test_versions_that_differ_are_named(tmp_path, bad):
    versions = {"kerasgan": "0.9.0", "keras": "9.1.0", "tensorflow": "9.2.0"}
    path = tmp_path / "new.keras"
    save_unknown_layer(
        path, lambda config: config["metadata"].update(versions=versions)
    )
    bad(
        ["generate", path, "--out", tmp_path / "out"],
        f"MODEL is '{path}', saved by kerasgan 0.9.0, Keras 9.1.0, TensorFlow 9.2.0; "
        f"installed are kerasgan {kerasgan.__version__}, Keras {keras.__version__}, "
        f"TensorFlow {tf.__version__}; expected a GAN saved by kerasgan.",
        "Strange",
    )


def test_a_model_of_other_versions_is_loaded(tmp_path):
    small_gan().save(tmp_path / "gan.keras")
    with (
        zipfile.ZipFile(tmp_path / "gan.keras") as known,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for member in known.namelist():
            text = known.read(member)
            if member == "config.json":
                text = text.replace(
                    f'"keras": "{keras.__version__}"'.encode(), b'"keras": "2.99.0"'
                )
            old.writestr(member, text)
    path = pathlib.Path(tmp_path / "old.keras")
    model = loading.load_model(path, kerasgan.GAN, kerasgan.CycleGAN)
    assert model.metadata["versions"]["keras"] == "2.99.0"
