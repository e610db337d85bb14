import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan
from kerasgan import cli, images, ordering
from kerasgan.callbacks import Scorecard, TranslationGrid
from kerasgan.cli import train_cyclegan, training
from kerasgan.metrics import AttributeClassifier


@pytest.mark.slow
def test_a_run_writes_its_files(whole_cyclegan, cyclegan_data):
    assert whole_cyclegan.status == 0
    run = whole_cyclegan.folder
    files = sorted(str(p.relative_to(run)) for p in run.rglob("*") if p.is_file())
    # The number of checkpoints depends on how long a step takes.
    assert [name for name in files if not name.startswith("state/")] == [
        "classifier.keras",
        "evolution.gif",
        "history.csv",
        "loss_curves.png",
        "model.keras",
        "options.json",
        *(f"translations/epoch_000{epoch}.png" for epoch in range(3)),
    ]
    saved = json.loads((run / "options.json").read_text())
    assert saved["options"]["data"] == [str(cyclegan_data)]
    assert saved["domains"] == {"a": "fruit A", "b": "fruit B"}
    assert saved["recipe"]["generator"] == "unet" and saved["recipe"]["width"] == 2
    assert saved["classifier"]["held_out_images"] == [3, 2]
    classifier = AttributeClassifier.load(run / "classifier.keras")
    accuracy = saved["classifier"]["held_out_accuracy"]
    assert classifier.held_out_accuracy == accuracy
    header, row, _ = (run / "history.csv").read_text().splitlines()
    logs = dict(zip(header.split(","), row.split(","), strict=True))
    assert float(logs["classifier_accuracy"]) == accuracy and "flip_rate_a2b" in logs
    # Held-out images are shown, not cropped at random.
    held_out = kerasgan.data.image_folder(cyclegan_data / "testA", 32, shuffle=False)
    shown = images.to_uint8(next(iter(held_out))[0])
    grid = images.read_png(run / "translations" / "epoch_0001.png")
    windows = np.lib.stride_tricks.sliding_window_view(grid, (1, 32, 3))[:, :, 0]
    assert (windows == shown[:1]).all(axis=(-3, -2, -1)).any()
    model = keras.models.load_model(run / "model.keras")
    assert isinstance(model, kerasgan.CycleGAN) and model.steps_taken == 4
    assert saved["steps"] == 4
    # The learning rate is constant for half of the run, and 0 at the end.
    for optimizer in (model.d_optimizer, model.g_optimizer):
        rate = optimizer.get_config()["learning_rate"]["config"]
        assert (rate["constant_steps"], rate["decay_steps"]) == (2, 2)
    printed = whole_cyclegan.out
    assert "Training a classifier" in printed and "scorecard" not in printed
    assert "a2b translates 'fruit A' to 'fruit B'" in printed
    last = printed.splitlines()[-1]
    assert f"kerasgan translate {run} PATH --direction a2b --out translated" in last
    assert str(run / "evolution.gif") in last


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_cached_classifier_changes_nothing(whole_cyclegan, stopped_cyclegan):
    assert "Training a classifier" not in stopped_cyclegan.out
    first = whole_cyclegan.folder / "translations" / "epoch_0001.png"
    second = stopped_cyclegan.folder / "translations" / "epoch_0001.png"
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_stopped_run_has_its_files(stopped_cyclegan):
    assert stopped_cyclegan.status == 130
    run = stopped_cyclegan.folder
    with Image.open(run / "evolution.gif") as gif:
        assert gif.n_frames == 2
    assert keras.models.load_model(run / "model.keras").steps_taken == 2
    assert f"kerasgan train cyclegan --resume {run}" in stopped_cyclegan.out


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_resumed_run_ends_like_an_uninterrupted_one(
    eager, whole_cyclegan, stopped_cyclegan, copied, capsys
):
    run = copied(stopped_cyclegan)
    assert cli.main(["train", "cyclegan", "--resume", str(run)]) == 0
    assert f"{run}: resuming from step 2, epoch 2" in capsys.readouterr().out
    patterns = ("*/epoch_*.png", "history.csv", "evolution.gif", "loss_curves.png")
    for one, other in zip(
        *(
            sorted(path for pattern in patterns for path in folder.glob(pattern))
            for folder in (run, whole_cyclegan.folder)
        ),
        strict=True,
    ):
        assert one.read_bytes() == other.read_bytes(), one
    resumed, whole = (
        keras.models.load_model(folder / "model.keras")
        for folder in (run, whole_cyclegan.folder)
    )
    assert resumed.steps_taken == 4
    for a, b in zip(resumed.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_the_checkpoint_of_a_killed_run_translates(
    stopped_cyclegan, cyclegan_data, copied, tmp_path
):
    # Ctrl-C has saved both the model and a checkpoint of the same step.
    folders = {"model": stopped_cyclegan.folder}
    folders["checkpoint"] = copied(stopped_cyclegan, "model.keras")
    translated, served = [], []
    for name, folder in folders.items():
        out = tmp_path / name
        path = str(cyclegan_data / "testA" / "0.png")
        command = ["translate", str(folder), path, "--direction", "b2a"]
        assert cli.main([*command, "--out", str(out)]) == 0
        translated.append(images.read_png(out / "0.png"))
        command = ["export", str(folder), "--direction", "b2a"]
        assert cli.main([*command, "--out", str(out / "1")]) == 0
        model = tf.saved_model.load(str(out / "1"))
        served.append(model.serve(tf.zeros((1, 32, 32, 3))))
    np.testing.assert_array_equal(*translated)
    np.testing.assert_array_equal(*served)


@pytest.fixture
def planned(eager, monkeypatch, tmp_path):
    """Function that returns what a command would train, without training it."""

    def plan(*more):
        given = []
        monkeypatch.setattr(
            training,
            "fit",
            lambda *given_to, **saved: given.append((given_to, saved)),
        )
        run = str(tmp_path / "runs" / "x")
        command = ["train", "cyclegan", "--run", run, *map(str, more)]
        assert cli.main(command) == 0
        (*arguments, callbacks), saved = given[0]
        return *arguments[1:4], {type(c): c for c in callbacks}, saved

    return plan


@pytest.mark.slow
def test_two_folders_have_no_held_out_images(planned, pictures, capsys):
    a, b = pictures("cats", n=9), pictures("dogs", n=5)
    pairs, options, _, callbacks, saved = planned("--data", a, b)
    printed = capsys.readouterr().out
    assert "shows training images" in printed and "no scorecard" in printed
    assert Scorecard not in callbacks
    assert saved == {"domains": {"a": "cats", "b": "dogs"}}
    assert options.data == [str(a), str(b)]
    # 9 images are 2 batches of 4, and 4 steps are 2 epochs.
    assert options.epochs == 2 and len(pairs) == 2
    # Training can start anywhere without reading what comes before.
    assert ordering.started_at(pairs, 3) is not None


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_faces_are_split_by_an_attribute(planned, tiny_synthetic_faces):
    _, options, _, callbacks, saved = planned(
        *("--data-dir", tiny_synthetic_faces, "--attribute", "Smiling")
    )
    assert options.data == ["synthetic_faces"] and options.attribute == "Smiling"
    assert saved["domains"] == {"a": "Smiling", "b": "not Smiling"}
    assert saved["classifier"]["held_out_images"] == [
        len(callbacks[Scorecard].a),
        len(callbacks[Scorecard].b),
    ]


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_few_images_are_shown_and_more_are_scored(planned, pictures, monkeypatch):
    for name, n in (("trainA", 4), ("trainB", 4), ("testA", 20), ("testB", 10)):
        pictures(f"fruit/{name}", n=n)
    monkeypatch.setattr(train_cyclegan, "MAX_SCORED", 15)
    folder = pictures("fruit/other").parent
    _, _, recipe, callbacks, _ = planned("--data", folder, "--image-size", 20)
    grid, scorecard = callbacks[TranslationGrid], callbacks[Scorecard]
    assert (len(grid.a), len(grid.b)) == (8, 8)
    assert (len(scorecard.a), len(scorecard.b)) == (15, 10)
    # Other callbacks read the scores.
    assert next(iter(callbacks)) is Scorecard
    # A U-Net would halve 20 pixels to 5; options.json names the generator used.
    assert recipe.generator == "resnet"


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_wrong_data_is_rejected_before_training(
    pictures, tmp_path, bad, tiny_synthetic_faces
):
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
        bad([*base, *names], "--data has 'celeb_a'", "a named dataset alone")
    bad([*base, a, "cycle_gan/maps"], "--data has 'cycle_gan/maps'", "alone")
    bad([*base, a, b, "--attribute", "Male"], "--attribute is 'Male'", "celeb_a")
    bad([*base, a, b, "--image-size", 30], "--image-size: height is 30", "28", "32")
    bad([*base, a, empty], f"--data is '{empty}'")
    bad([*base, a, b, "--batch-size", 6], "--batch-size is 6", "5 images")
    bad([*base, *faces, "--attribute", "Mail"], "--attribute is 'Mail'", "'Male'")
    bad([*base, *faces, "--attribute", "Bald"], "--attribute is 'Bald', which no image")
    bad([*base, "cycle_gan/horse2zebras"], "--data is 'horse2zebras'", "'horse2zebra'")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "generator, size, layers",
    [
        ("unet", 64, {"down_4": True, "down_5": False}),
        # 96 can be halved down to 3.
        ("unet", 96, {"down_5": True, "down_6": False}),
        # 100 can be halved only twice, which would leave too small a receptive field.
        ("unet", 100, {"block_6_conv_1": True, "block_7_conv_1": False}),
        ("resnet", 256, {"block_9_conv_1": True, "block_10_conv_1": False}),
    ],
)
def test_the_generator_suits_the_image_size(monkeypatch, generator, size, layers):
    recipe = dataclasses.replace(train_cyclegan.CPU, generator=generator, width=1)
    monkeypatch.setattr(train_cyclegan, "CPU", recipe)
    monkeypatch.setattr(train_cyclegan, "GPU", recipe)
    options = train_cyclegan.argparse.Namespace(image_size=size, recipe={})
    recipe = train_cyclegan.choose_recipe(options)
    network = train_cyclegan._build_generator(recipe, (size, size, 3), "generator_ab")
    names = {layer.name for layer in network.layers}
    assert {name: name in names for name in layers} == layers
    assert ("block_1_add" in names) == (recipe.generator == "resnet")
    # Neither leaves checkerboard artifacts.
    assert any(name.endswith("_resize") for name in names)
