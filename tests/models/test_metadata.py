"""Facts that are saved with models."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.models import read_metadata
from kerasgan.version import library_versions

SIDE = 8
OTHER_VERSIONS = {"kerasgan": "0.0.1", "keras": "9.0.0", "tensorflow": "9.1.0"}


def network(source, *layers):
    return keras.Sequential([keras.Input(source), *layers])


def latent_generator(activation="tanh"):
    return network(
        (3,),
        keras.layers.Dense(SIDE * SIDE, activation),
        keras.layers.Reshape((SIDE, SIDE, 1)),
    )


def image_generator(source, channels=3, activation="tanh"):
    return network(source, keras.layers.Conv2D(channels, 1, activation=activation))


def discriminator(shape):
    return network(shape, keras.layers.Conv2D(1, 1))


def gan(activation="tanh", **options):
    return kerasgan.GAN(
        discriminator((SIDE, SIDE, 1)), latent_generator(activation), seed=0, **options
    )


def without_versions(model):
    # Facts must survive the conversion to JSON.
    metadata = json.loads(json.dumps(model.metadata))
    assert metadata == model.metadata
    assert metadata.pop("versions") == library_versions()
    return metadata


def rewrite(path, change):
    """Applies `change` to the config of a saved model."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    whole = json.loads(members["config.json"])
    change(whole["config"])
    members["config.json"] = json.dumps(whole)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_library_versions():
    assert library_versions() == {
        "kerasgan": kerasgan.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


@pytest.mark.parametrize(
    "activation, value_range", [("tanh", [-1.0, 1.0]), ("sigmoid", [0.0, 1.0])]
)
@pytest.mark.parametrize("distribution", ["normal", [-2.0, 0.5]])
def test_metadata_of_gan_with_latents(activation, value_range, distribution):
    model = gan(activation, latent_distribution=distribution)
    assert without_versions(model) == {
        "kind": "GAN",
        "value_range": value_range,
        "image_shape": [SIDE, SIDE, 1],
        "latent_shape": [3],
        "latent_distribution": distribution,
    }


def test_metadata_of_gan_with_image_input():
    source = (SIDE, SIDE, 4)
    model = kerasgan.GAN(discriminator((SIDE, SIDE, 3)), image_generator(source))
    assert without_versions(model) == {
        "kind": "GAN",
        "value_range": [-1.0, 1.0],
        "image_shape": [SIDE, SIDE, 3],
        "source_shape": [SIDE, SIDE, 4],
    }


def cyclegan(image_size=(None, None)):
    a, b = (*image_size, 1), (*image_size, 3)
    return kerasgan.CycleGAN(
        image_generator(a, 3),
        image_generator(b, 1, "sigmoid"),
        discriminator(a),
        discriminator(b),
        pool_size=0,
        seed=0,
    )


def test_metadata_of_cyclegan_describe_both_domains():
    assert without_versions(cyclegan()) == {
        "kind": "CycleGAN",
        "value_range": {"a": [0.0, 1.0], "b": [-1.0, 1.0]},
        "image_shape": {"a": [None, None, 1], "b": [None, None, 3]},
    }


@pytest.mark.parametrize("make", [gan, cyclegan])
def test_metadata_are_read_without_building_model(make, tmp_path, monkeypatch):
    model = make()
    model.save(tmp_path / "model.keras")

    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(type(model), "__init__", fail)
    monkeypatch.setattr(keras.Sequential, "from_config", fail)
    assert read_metadata(tmp_path / "model.keras") == model.metadata
    assert read_metadata(str(tmp_path / "model.keras")) == model.metadata


@pytest.mark.slow
def test_loaded_model_keeps_versions_until_saved_again(tmp_path):
    path, again = tmp_path / "model.keras", tmp_path / "again.keras"
    model = gan()
    model.compile()
    model.save(path)
    rewrite(path, lambda config: config["metadata"].update(versions=OTHER_VERSIONS))
    loaded = keras.models.load_model(path)
    assert loaded.metadata == {**model.metadata, "versions": OTHER_VERSIONS}
    loaded.train_on_batch(np.zeros((2, SIDE, SIDE, 1), "float32"))
    assert loaded.metadata["versions"] == OTHER_VERSIONS
    loaded.save(again)
    assert read_metadata(again)["versions"] == library_versions()
    assert keras.models.load_model(again).metadata["versions"] == library_versions()
    loaded.export_generator(tmp_path / "generator.keras")
    assert read_metadata(tmp_path / "generator.keras")["versions"] == library_versions()


@pytest.mark.parametrize("make", [gan, cyclegan])
def test_file_without_metadata_is_loaded_without_versions(make, tmp_path):
    path = tmp_path / "old.keras"
    model = make()
    model.save(path)
    rewrite(path, lambda config: config.pop("metadata"))
    assert read_metadata(path) is None
    loaded = keras.models.load_model(path)
    assert loaded.metadata == {**model.metadata, "versions": None}
    for one, two in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_read_metadata_of_other_files_returns_none(tmp_path):
    latent_generator().save(tmp_path / "other.keras")
    (tmp_path / "text.keras").write_text("not a model")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as archive:
        archive.writestr("notes.txt", "not a model")
    with zipfile.ZipFile(tmp_path / "list.keras", "w") as archive:
        archive.writestr("config.json", "[]")
    with zipfile.ZipFile(tmp_path / "cut.keras", "w") as archive:
        archive.writestr("config.json", '{"config"')
    for name in ("other", "text", "zip", "list", "cut"):
        assert read_metadata(tmp_path / f"{name}.keras") is None
    assert read_metadata(tmp_path) is None
    with pytest.raises(FileNotFoundError):
        read_metadata(tmp_path / "no.keras")
