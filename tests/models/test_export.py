"""Export of generators, which can be served without kerasgan."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import networks
from kerasgan.models import read_metadata
from kerasgan.models.export import check_export_path

SHAPE = (8, 8, 3)
# Batch sizes of the requests to a server.
SIZES = (1, 3)
# Serves all exports of a folder with TensorFlow alone, then the Keras model with Keras.
SERVE = """
import pathlib, sys
sys.modules["kerasgan"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf

folder = pathlib.Path(sys.argv[1])
for name in ("draws", "a2b", "b2a"):
    served = tf.saved_model.load(str(folder / name))
    signature = served.signatures["serving_default"]
    for n in (1, 3):
        batch = tf.constant(np.load(folder / f"{name}-in.npy")[:n])
        (made,) = signature(batch).values()
        np.save(folder / f"{name}-{n}.npy", made)
        np.testing.assert_array_equal(served.serve(batch), made)
assert not any(name.startswith("keras.") for name in sys.modules)

del sys.modules["keras"]
import keras

network = keras.models.load_model(folder / "draws.keras")
np.save(folder / "draws-keras.npy", network(np.load(folder / "draws-in.npy")))
try:
    keras.models.load_model(folder / "a2b.keras")
except Exception:  # The type depends on the Keras version.
    pass
else:
    raise AssertionError("a kerasgan layer was loaded without kerasgan")
assert not any(name.startswith("kerasgan.") for name in sys.modules)
"""


def discriminator():
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(1, 3)])


def perturb(*generators):
    """Changes the averaged weights, so that they differ from the trained ones."""
    rng = np.random.default_rng(0)
    for network in generators:
        network.set_weights(
            [w + rng.normal(0, 0.1, w.shape) ** 2 for w in network.get_weights()]
        )


def make_gan():
    generator = networks.dcgan_generator(SHAPE, latent_dim=5, width=4)
    gan = kerasgan.GAN(discriminator(), generator, seed=0)
    perturb(gan.ema_generator)
    return gan


def make_cyclegan():
    shape = (None, None, 3)
    generators = [networks.resnet_generator(shape, width=2, blocks=1) for _ in "ab"]
    cyclegan = kerasgan.CycleGAN(*generators, discriminator(), discriminator(), seed=0)
    perturb(cyclegan.ema_generator_ab, cyclegan.ema_generator_ba)
    return cyclegan


@pytest.fixture(scope="module")
def gan():
    return make_gan()


@pytest.fixture(scope="module")
def cyclegan():
    return make_cyclegan()


@pytest.fixture(scope="module")
def served(gan, cyclegan, tmp_path_factory):
    """Returns a folder of exported models and their outputs in another process."""
    folder = tmp_path_factory.mktemp("served")
    rng = np.random.default_rng(0)
    np.save(folder / "draws-in.npy", rng.normal(size=(3, 5)).astype("float32"))
    for suffix in ("", ".keras"):
        gan.export_generator(folder / f"draws{suffix}")
        for direction in ("a2b", "b2a"):
            cyclegan.export_generator(folder / f"{direction}{suffix}", direction)
    for direction in ("a2b", "b2a"):
        # The image size and the batch size were not used before.
        images = rng.uniform(-1, 1, (3, 12, 16, 3)).astype("float32")
        np.save(folder / f"{direction}-in.npy", images)
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_gan_is_served_without_kerasgan(gan, served, n):
    latents = np.load(served / "draws-in.npy")[:n]
    made = np.load(served / f"draws-{n}.npy")
    assert made.shape == (n, *SHAPE) and made.dtype == np.float32
    np.testing.assert_allclose(made, gan.predict(latents, verbose=0), atol=1e-6)
    # The generator without averaged weights gives a different result.
    assert np.abs(made - gan.generator(latents)).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_cyclegan_is_served_without_kerasgan(cyclegan, served, direction, n):
    images = np.load(served / f"{direction}-in.npy")[:n]
    made = np.load(served / f"{direction}-{n}.npy")
    expected = cyclegan.translate(images, direction)
    np.testing.assert_allclose(made, expected, atol=1e-6)
    other = "b2a" if direction == "a2b" else "a2b"
    for wrong in (
        cyclegan.translate(images, other),
        cyclegan.translate(images, direction, averaged=False),
    ):
        assert np.abs(made - wrong).max() > 1e-3


@pytest.mark.slow
def test_generator_of_keras_layers_loads_without_kerasgan(gan, served):
    latents = np.load(served / "draws-in.npy")
    np.testing.assert_allclose(
        np.load(served / "draws-keras.npy"), gan.predict(latents, verbose=0), atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["", ".keras"])
def test_metadata_are_exported(gan, cyclegan, served, suffix):
    assert read_metadata(served / f"draws{suffix}") == {
        **gan.metadata,
        "kind": "generator",
    }
    assert read_metadata(served / f"b2a{suffix}") == {
        "kind": "generator",
        "direction": "b2a",
        "source_shape": [None, None, 3],
        "source_range": [-1.0, 1.0],
        "image_shape": [None, None, 3],
        "value_range": [-1.0, 1.0],
        "versions": gan.metadata["versions"],
    }


def test_metadata_of_direction_distinguish_domains(tmp_path):
    def network(source, channels, activation):
        layer = keras.layers.Conv2D(channels, 1, activation=activation)
        return keras.Sequential([keras.Input((8, 8, source)), layer])

    model = kerasgan.CycleGAN(
        network(1, 3, "tanh"),
        network(3, 1, "sigmoid"),
        network(1, 1, None),
        network(3, 1, None),
    )
    model.export_generator(tmp_path / "b2a.keras", "b2a")
    metadata = read_metadata(tmp_path / "b2a.keras")
    assert (metadata["source_shape"], metadata["source_range"]) == (
        [8, 8, 3],
        [-1.0, 1.0],
    )
    assert (metadata["image_shape"], metadata["value_range"]) == ([8, 8, 1], [0.0, 1.0])


@pytest.mark.slow
def test_metadata_are_extra_assets_of_saved_model(gan, served):
    text = (served / "draws" / "assets.extra" / "kerasgan.json").read_text()
    assert json.loads(text)["latent_shape"] == [5]
    assert (served / "draws" / "saved_model.pb").exists()


def test_export_of_trained_weights(gan, cyclegan, tmp_path):
    latents = np.random.default_rng(1).normal(size=(2, 5)).astype("float32")
    gan.export_generator(tmp_path / "raw.keras", averaged=False)
    raw = keras.models.load_model(tmp_path / "raw.keras")
    np.testing.assert_allclose(raw(latents), gan.generator(latents), atol=1e-6)
    images = np.zeros((1, *SHAPE), "float32")
    cyclegan.export_generator(tmp_path / "ab.keras", averaged=False)
    raw = keras.models.load_model(tmp_path / "ab.keras")
    np.testing.assert_allclose(raw(images), cyclegan.generator_ab(images), atol=1e-6)


def test_export_without_averaged_generator(tmp_path):
    generator = networks.dcgan_generator(SHAPE, latent_dim=5, width=4)
    gan = kerasgan.GAN(discriminator(), generator, ema_decay=None)
    gan.export_generator(tmp_path / "raw.keras")
    latents = np.ones((2, 5), "float32")
    exported = keras.models.load_model(tmp_path / "raw.keras")
    np.testing.assert_allclose(exported(latents), generator(latents), atol=1e-6)


def test_export_creates_folders_and_leaves_no_temporary_files(
    gan, tmp_path, capsys, monkeypatch
):
    replace = os.replace

    def replace_as_on_windows(source, target):
        if os.path.isdir(target):
            raise PermissionError(13, "Access is denied", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_as_on_windows)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "deep" / "er" / "1", tmp_path / "empty"):
        gan.export_generator(path)
        assert tf.saved_model.contains_saved_model(str(path))
        # The folder has the default permissions.
        assert path.stat().st_mode == tmp_path.joinpath("deep").stat().st_mode
    gan.export_generator(tmp_path / "files" / "x.keras")
    gan.export_generator(tmp_path / "files" / "x.keras")
    for folder, names in (("", ["deep", "empty", "files"]), ("files", ["x.keras"])):
        assert sorted(p.name for p in (tmp_path / folder).iterdir()) == names
    # Keras would print the path of the temporary folder.
    assert str(tmp_path) not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["full", "file", "folder.keras"])
def test_export_does_not_overwrite_other_files(gan, name, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(ValueError, match=f"^path is '.*{name}'.*expected a file"):
        gan.export_generator(tmp_path / name)
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(ValueError, match=r"^--out is"):
        check_export_path("--out", tmp_path / name)


def test_unknown_direction_raises(cyclegan, tmp_path):
    with pytest.raises(ValueError, match="direction is 'ab'"):
        cyclegan.export_generator(tmp_path / "x", "ab")
    assert not list(tmp_path.iterdir())


def test_failed_export_leaves_no_files(gan, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    for name in ("1", "x.keras"):
        with pytest.raises(OSError, match="No space"):
            gan.export_generator(tmp_path / name)
    assert not list(tmp_path.iterdir())
