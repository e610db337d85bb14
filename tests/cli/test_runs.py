import argparse
import json
import zipfile

import keras
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.cli import runs


def small_gan():
    generator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
    )
    discriminator = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    return kerasgan.GAN(discriminator, generator, seed=0)


def test_runs_are_numbered(tmp_path):
    (tmp_path / "x-002").mkdir()
    options = argparse.Namespace(run=str(tmp_path / "x"), resume=None)
    made = [runs.folder(options) for _ in range(3)]
    assert made == [tmp_path / f"x-00{number}" for number in (1, 3, 4)]
    assert all(folder.is_dir() for folder in made)


def test_models_that_are_none(tmp_path, bad):
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
        bad(command(tmp_path / "no.keras"), "no.keras", "not a file")
        for name in ("cut", "zip", "half", "text", "empty"):
            bad(
                command(tmp_path / f"{name}.keras"),
                f"{name}.keras",
                f"expected a {expected} saved by kerasgan",
            )
        bad(command(tmp_path / "other.keras"), "Sequential", f"expected a {expected}")
    bad(commands[1](tmp_path / "gan.keras"), "a GAN; expected a CycleGAN")
    assert not out.exists()


def save_strange(path, change):
    """Saves a GAN with a layer that nobody knows, and changes its config more."""
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


@pytest.mark.parametrize("without", [[], ["facts"]])
def test_a_class_that_python_does_not_know_is_named(tmp_path, without):
    path = tmp_path / "strange.keras"
    save_strange(path, lambda config: [config.pop(name) for name in without])
    with pytest.raises(ValueError, match=r"expected a GAN.*Strange") as raised:
        runs.load_model(path, kerasgan.GAN)
    # That of the versions at hand is no news.
    assert "saved by kerasgan 0" not in str(raised.value)


def test_other_versions_that_saved_a_model_are_named(tmp_path, bad):
    versions = {"kerasgan": "0.9.0", "keras": "9.1.0", "tensorflow": "9.2.0"}
    path = tmp_path / "new.keras"
    save_strange(path, lambda config: config["facts"].update(versions=versions))
    bad(
        ["generate", path, "--out", tmp_path / "out"],
        f"MODEL is '{path}', saved by kerasgan 0.9.0, Keras 9.1.0, TensorFlow 9.2.0, "
        f"and here is kerasgan {kerasgan.__version__}, Keras {keras.__version__}, "
        f"TensorFlow {tf.__version__}; expected a GAN saved by kerasgan.",
        "Strange",
    )


def test_a_model_of_other_versions_that_opens_is_taken(tmp_path):
    small_gan().save(tmp_path / "gan.keras")
    with (
        zipfile.ZipFile(tmp_path / "gan.keras") as known,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for member in known.namelist():
            content = known.read(member)
            if member == "config.json":
                content = content.replace(
                    f'"keras": "{keras.__version__}"'.encode(), b'"keras": "2.99.0"'
                )
            old.writestr(member, content)
    model = runs.load_model(tmp_path / "old.keras", kerasgan.GAN, kerasgan.CycleGAN)
    assert model.facts["versions"]["keras"] == "2.99.0"
