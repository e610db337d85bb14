import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import cli
from kerasgan.models import read_metadata

SHAPE = (8, 8, 3)


def network(source, *layers):
    return keras.Sequential([keras.Input(source), *layers])


def critic():
    return network(SHAPE, keras.layers.Conv2D(1, 1))


@pytest.fixture
def gan(tmp_path):
    """A GAN saved in the folder of a run."""
    generator = network(
        (2,), keras.layers.Dense(192, "tanh"), keras.layers.Reshape(SHAPE)
    )
    model = kerasgan.GAN(critic(), generator, seed=0)
    # The average differs from the trained weights.
    model.ema_generator.set_weights([w + 0.1 for w in generator.get_weights()])
    (tmp_path / "run").mkdir()
    model.save(tmp_path / "run" / "model.keras")
    return model


@pytest.fixture
def cyclegan(tmp_path):
    def translating():
        return network(SHAPE, keras.layers.Conv2D(3, 1, activation="tanh"))

    model = kerasgan.CycleGAN(
        translating(), translating(), critic(), critic(), pool_size=0
    )
    (tmp_path / "run").mkdir()
    model.save(tmp_path / "run" / "model.keras")
    return model


@pytest.fixture
def export(tmp_path):
    """Function that exports from the run and returns the exit code."""

    def run(*arguments):
        command = ["export", tmp_path / "run", *arguments]
        return cli.main([str(a) for a in command])

    return run


def served(folder, batch):
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return next(iter(serve(tf.constant(batch)).values()))


def test_a_folder_becomes_a_saved_model(gan, export, tmp_path, capsys):
    out = tmp_path / "served" / "1"
    assert export("--out", out) == 0
    expected = f"SavedModel of the generator in {out}; images "
    assert capsys.readouterr().out.startswith(expected)
    latents = np.ones((3, 2), "float32")
    expected = gan.ema_generator(latents)
    np.testing.assert_allclose(served(out, latents), expected, atol=1e-6)
    assert read_metadata(out)["latent_shape"] == [2]


def test_a_file_becomes_a_keras_model(gan, export, tmp_path, capsys):
    out = tmp_path / "generator.keras"
    model = tmp_path / "run" / "model.keras"
    # An existing file is overwritten.
    for _ in range(2):
        assert cli.main(["export", str(model), "--out", str(out)]) == 0
        printed = capsys.readouterr().out
        assert f"Keras model of the generator in {out}; images" in printed
        assert "in [-1, 1]\n" in printed
    latents = np.ones((3, 2), "float32")
    loaded = keras.models.load_model(out)
    np.testing.assert_allclose(loaded(latents), gan.ema_generator(latents), atol=1e-6)


def test_the_home_folder_is_expanded(gan, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert cli.main(["export", "~/run", "--out=~/g.keras"]) == 0
    assert (tmp_path / "g.keras").is_file()
    assert not list((tmp_path / "work").iterdir())


def test_an_unknown_range_is_printed(export, tmp_path, capsys):
    generator = network((2,), keras.layers.Dense(192), keras.layers.Reshape(SHAPE))
    (tmp_path / "run").mkdir()
    kerasgan.GAN(critic(), generator).save(tmp_path / "run" / "model.keras")
    assert export("--out", tmp_path / "generator.keras") == 0
    assert "images (8, 8, 3) in an unknown range\n" in capsys.readouterr().out


@pytest.mark.parametrize("direction", [None, "a2b", "b2a"])
def test_a_direction_of_a_cyclegan(cyclegan, export, tmp_path, direction):
    more = ["--direction", direction] if direction else []
    assert export("--out", tmp_path / "1", *more) == 0
    images = np.random.default_rng(0).uniform(-1, 1, (2, *SHAPE)).astype("float32")
    made = served(tmp_path / "1", images)
    expected = cyclegan.translate(images, direction or "a2b")
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert read_metadata(tmp_path / "1")["direction"] == (direction or "a2b")


def test_a_gan_has_no_direction(gan, tmp_path, bad):
    command = ["export", tmp_path / "run", "--out", tmp_path / "1"]
    bad([*command, "--direction", "a2b"], "--direction is 'a2b', but MODEL is a GAN")
    assert not (tmp_path / "1").exists()


def test_wrong_arguments(tmp_path, bad):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "full" / "x").mkdir(parents=True)
    base = ["export", tmp_path / "no"]
    bad([*base, "--out", tmp_path / "full"], "--out is", "full", "a new folder")
    bad([*base, "--out", tmp_path / "file"], "--out is", "file", "a new folder")
    bad([*base, "--out", tmp_path / "file" / "1"], "--out is", "is a file")
    out = ["--out", tmp_path / "1"]
    bad([*base, *out, "--direction", "ab"], "--direction is 'ab'", "'a2b'")
    # The errors above come before the model is loaded.
    bad([*base, *out], "MODEL is", "does not exist")
    critic().save(tmp_path / "other.keras")
    bad(["export", tmp_path / "other.keras", *out], "expected a GAN or CycleGAN saved")
    assert not (tmp_path / "1").exists()
