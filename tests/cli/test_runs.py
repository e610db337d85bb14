import zipfile

import keras
import pytest

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
    made = [runs.new_folder(str(tmp_path / "x")) for _ in range(3)]
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


def test_a_class_that_python_does_not_know_is_named(tmp_path):
    small_gan().save(tmp_path / "gan.keras")
    with (
        zipfile.ZipFile(tmp_path / "gan.keras") as known,
        zipfile.ZipFile(tmp_path / "strange.keras", "w") as strange,
    ):
        for member in known.namelist():
            content = known.read(member).replace(
                b'"module": "keras.layers", "class_name": "Dense"',
                b'"module": null, "class_name": "Strange"',
            )
            strange.writestr(member, content)
    with pytest.raises(ValueError, match=r"expected a GAN.*Strange"):
        runs.load_model(tmp_path / "strange.keras", kerasgan.GAN)
