import dataclasses
import json
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan
from kerasgan import callbacks, cli, images
from kerasgan.cli import train_cyclegan, training
from kerasgan.metrics import AttributeClassifier


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A recipe that trains in seconds: 4 steps, which are 1 or 2 epochs."""
    recipe = dataclasses.replace(
        train_cyclegan.CPU,
        image_size=32,
        width=4,
        layers=2,
        batch_size=4,
        steps=4,
        pool_size=2,
        classifier_steps=2,
    )
    monkeypatch.setattr(train_cyclegan, "CPU", recipe)
    monkeypatch.setattr(train_cyclegan, "GPU", recipe)
    monkeypatch.setattr(training, "FEWEST_STEPS", 2)
    return recipe


@pytest.fixture
def eager():
    """Steps run as they are written: tracing them takes longer than a few take."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def train(tmp_path):
    """Trains, and returns the exit status and the folder of the run."""

    def run(*arguments):
        base = tmp_path / "runs" / "x"
        numbers = len(list(base.parent.glob("x-*")))
        command = ["train", "cyclegan", "--run", base, *arguments]
        status = cli.main([str(a) for a in command])
        return status, base.with_name(f"x-{numbers + 1:03d}")

    return run


def files(run):
    left = sorted(str(p.relative_to(run)) for p in run.rglob("*") if p.is_file())
    # How many there are depends on how long a step takes.
    return [name for name in left if not name.startswith("state/")]


def test_faces_with_an_attribute_and_without(train, tiny_synthetic_faces, capsys):
    status, run = train(
        *("--data-dir", tiny_synthetic_faces, "--attribute", "Smiling"), "--epochs", 1
    )
    assert status == 0
    assert files(run) == [
        "classifier.keras",
        "evolution.gif",
        "history.csv",
        "loss_curves.png",
        "model.keras",
        "options.json",
        "translations/epoch_0000.png",
        "translations/epoch_0001.png",
    ]
    kept = json.loads((run / "options.json").read_text())
    assert kept["options"]["attribute"] == "Smiling"
    assert kept["options"]["data"] == ["synthetic_faces"]
    assert kept["domains"] == {"a": "Smiling", "b": "not Smiling"}
    assert kept["recipe"]["generator"] == "unet" and kept["recipe"]["width"] == 4
    classifier = AttributeClassifier.load(run / "classifier.keras")
    accuracy = kept["classifier"]["held_out_accuracy"]
    assert classifier.held_out_accuracy == accuracy
    header, row = (run / "history.csv").read_text().splitlines()
    logs = dict(zip(header.split(","), row.split(","), strict=True))
    assert float(logs["classifier_accuracy"]) == accuracy and "flip_rate_a2b" in logs
    printed = capsys.readouterr().out
    assert "a2b makes 'not Smiling' of 'Smiling'" in printed
    last = printed.splitlines()[-1]
    assert f"kerasgan translate {run} PATH --direction a2b --out translated" in last
    assert str(run / "evolution.gif") in last
    model = keras.models.load_model(run / "model.keras")
    assert isinstance(model, kerasgan.CycleGAN)
    # The rate stays for half of the run, and has fallen to nothing at its end.
    rate = model.g_optimizer.get_config()["learning_rate"]["config"]
    assert rate["constant_steps"] == model.steps_taken // 2
    assert rate["decay_steps"] + rate["constant_steps"] == model.steps_taken


def test_two_folders(eager, train, pictures, capsys):
    a, b = pictures("cats", n=9), pictures("dogs", n=5)
    status, run = train("--data", a, b)
    assert status == 0
    printed = capsys.readouterr().out
    assert "images that are trained on" in printed and "no scorecard" in printed
    assert not (run / "classifier.keras").exists()
    assert "flip_rate" not in (run / "history.csv").read_text()
    kept = json.loads((run / "options.json").read_text())
    assert kept["domains"] == {"a": "cats", "b": "dogs"}
    assert kept["options"]["data"] == [str(a), str(b)]
    # 9 images are 2 batches of 4, and 4 steps 2 epochs.
    assert kept["options"]["epochs"] == 2 and "classifier" not in kept
    assert keras.models.load_model(run / "model.keras").steps_taken == 4


def test_a_folder_with_a_train_and_a_test_part(
    eager, train, pictures, tmp_path, capsys
):
    for name, n in (("trainA", 4), ("trainB", 4), ("testA", 3), ("testB", 2)):
        pictures(f"fruit/{name}", n=n)
    for _ in range(2):
        status, run = train("--data", tmp_path / "fruit", "--epochs", 1)
        assert status == 0
    printed = capsys.readouterr().out
    assert printed.count("is trained first") == 1 and "no scorecard" not in printed
    kept = json.loads((run / "options.json").read_text())
    assert kept["domains"] == {"a": "fruit A", "b": "fruit B"}
    assert kept["classifier"]["held_out_images"] == [3, 2]
    # Whether the classifier was trained or found, the run is the same.
    for name in ("translations/epoch_0001.png", "history.csv"):
        first = run.with_name("x-001") / name
        assert first.read_bytes() == (run / name).read_bytes()
    # Held-out images are shown, as they are.
    held_out = kerasgan.data.image_folder(
        tmp_path / "fruit" / "testA", 32, shuffle=False
    )
    shown = images.to_uint8(next(iter(held_out))[0])
    sheet = images.read_png(run / "translations" / "epoch_0001.png")
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (1, 32, 3))[:, :, 0]
    assert (windows == shown[:1]).all(axis=(-3, -2, -1)).any()


def test_a_run_that_is_stopped_is_whole(eager, train, pictures, monkeypatch, capsys):
    write = callbacks.LossCurves.on_epoch_end

    def interrupted(self, epoch, logs=None):
        write(self, epoch, logs)
        # As Ctrl-C does; it is obeyed before the next step.
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(callbacks.LossCurves, "on_epoch_end", interrupted)
    status, run = train("--data", pictures("a", n=8), pictures("b", n=8))
    assert status == 130 and "kerasgan: stopped.\n" in capsys.readouterr().err
    with Image.open(run / "evolution.gif") as gif:
        assert gif.n_frames == 2
    assert keras.models.load_model(run / "model.keras").steps_taken == 2


def test_training_that_cannot_start(pictures, tmp_path, bad, tiny_synthetic_faces):
    run = tmp_path / "runs" / "x"
    base = ["train", "cyclegan", "--run", run, "--data"]
    a, b = pictures("a", n=5), pictures("b", n=5)
    empty = tmp_path / "empty"
    empty.mkdir()
    faces = ["synthetic_faces", "--data-dir", tiny_synthetic_faces]
    bad([*base, a, b, a], "--data has 3 folders", "two")
    bad([*base, a], "--data is", "trainA and trainB")
    bad([*base, a, tmp_path / "none"], "--data has", "none", "folders of images")
    for names in ([a, "celeb_a"], ["celeb_a", "synthetic_faces"], ["celeb_a", a, b]):
        bad([*base, *names], "--data has 'celeb_a'", "stand alone")
    bad([*base, a, "cycle_gan/maps"], "--data has 'cycle_gan/maps'", "stand alone")
    bad([*base, a, empty], str(empty))
    bad([*base, a, b, "--batch-size", 6], "batch_size is 6", "5 images")
    bad([*base, a, b, "--image-size", 30], "--image-size is 30: ", "28", "32")
    bad([*base, a, b, "--attribute", "Male"], "--attribute is 'Male'", "celeb_a")
    bad([*base, *faces, "--attribute", "Mail"], "attribute is 'Mail'", "'Male'")
    bad([*base, *faces, "--attribute", "Bald"], "'Bald', which no image")
    # Male, which all held-out ones of these few faces are.
    bad([*base, *faces], "'Male', which every image")
    bad([*base, "cycle_gan/horse2zebras"], "'horse2zebras'", "'horse2zebra'")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "generator, size, layers",
    [
        ("unet", 64, {"down_4": True, "down_5": False}),
        ("unet", 32, {"down_3": True, "down_4": False}),
        # 96 can be halved down to 3.
        ("unet", 96, {"down_5": True, "down_6": False}),
        # 100 only twice: the place of an eye is all that a U-Net would see at once.
        ("unet", 100, {"block_6_conv_1": True, "block_7_conv_1": False}),
        ("resnet", 64, {"block_6_conv_1": True, "block_7_conv_1": False}),
        ("resnet", 256, {"block_9_conv_1": True, "block_10_conv_1": False}),
    ],
)
def test_generators_of_a_recipe(small, generator, size, layers):
    recipe = dataclasses.replace(small, generator=generator, width=1)
    recipe = train_cyclegan._fitting(recipe, size)
    network = train_cyclegan._generator(recipe, (size, size, 3), "generator_ab")
    names = {layer.name for layer in network.layers}
    assert {name: name in names for name in layers} == layers
    assert ("block_1_add" in names) == (recipe.generator == "resnet")
    # Both leave no checkerboard.
    assert any(name.endswith("_resize") for name in names)


def test_few_are_shown_and_more_are_judged(train, pictures, tmp_path, monkeypatch):
    for name, n in (("trainA", 4), ("trainB", 4), ("testA", 20), ("testB", 10)):
        pictures(f"fruit/{name}", n=n)
    monkeypatch.setattr(train_cyclegan, "JUDGED", 15)
    given = {}
    for name in ("TranslationGrid", "Scorecard"):
        callback = getattr(train_cyclegan.callbacks, name)

        def counted(*arguments, name=name, callback=callback, **options):
            given[name] = [len(images) for images in arguments[1:]]
            return callback(*arguments, **options)

        monkeypatch.setattr(train_cyclegan.callbacks, name, counted)

    def fit(model, dataset, options, recipe, *others, **kept):
        # 20 pixels are halved to 5: what is kept is what was made.
        assert recipe.generator == "resnet"
        assert set(kept) == {"domains", "classifier"}

    monkeypatch.setattr(training, "fit", fit)
    status, _ = train("--data", tmp_path / "fruit", "--image-size", 20)
    assert status == 0
    assert given == {"TranslationGrid": [8, 8], "Scorecard": [15, 10]}
