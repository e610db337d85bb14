import argparse

import numpy as np
import pytest

from kerasgan import data
from kerasgan.cli import domains, folders


def find(*names, **more):
    data = [folders.data_source(str(name)) for name in names]
    options = dict(data=data, attribute=None, data_dir=None, **more)
    return domains.find_domains(argparse.Namespace(**options))


def test_faces_are_split_by_an_attribute():
    for dataset in ("synthetic_faces", "celeb_a"):
        options = argparse.Namespace(data=[dataset], attribute=None, data_dir=None)
        found = domains.find_domains(options)
        assert found.names == {"a": "Male", "b": "not Male"}
        # Set, so that it is saved with the options of the run.
        assert options.attribute == "Male" and found.held_out == "test"
    options.attribute = "Smiling"
    assert domains.find_domains(options).names == {"a": "Smiling", "b": "not Smiling"}


@pytest.mark.parametrize(
    "name, names",
    [
        ("horse2zebra", {"a": "horse", "b": "zebra"}),
        ("summer2winter_yosemite", {"a": "summer", "b": "winter_yosemite"}),
        ("maps", {"a": "maps A", "b": "maps B"}),
    ],
)
def test_tfds_data_sets(monkeypatch, name, names):
    asked = []
    monkeypatch.setattr(data, "cycle_gan", lambda *a, **k: asked.append((a, k)))
    found = find(f"cycle_gan/{name}")
    assert found.names == names and found.held_out == "test"
    found.read("test", 32, batch_size=3, shuffle=False)
    options = {"data_dir": None, "batch_size": 3, "shuffle": False}
    assert asked == [((name, 32, "test"), options)]


def test_a_folder_may_look_like_a_tfds_name(pictures, tmp_path, monkeypatch):
    for letter in "AB":
        pictures(f"cycle_gan/mine/train{letter}", n=2)
    monkeypatch.chdir(tmp_path)
    found = find("cycle_gan/mine")
    assert found.names == {"a": "mine A", "b": "mine B"} and found.held_out is None


def test_folders_of_the_same_name_are_distinguished(pictures):
    paths = [pictures(f"{name}/images", n=2) for name in ("cats", "dogs")]
    assert find(*paths).names == {"a": str(paths[0]), "b": str(paths[1])}


def test_domains_are_augmented_independently(pictures):
    # The same images in both domains, so only their augmentation can differ.
    found = find(pictures("a", n=8), pictures("b", n=8))
    a, b = (
        np.concatenate(list(images.as_numpy_iterator()))
        for images in found.train(16, 1.25, batch_size=4, seed=0)
    )
    assert a.shape == b.shape == (8, 16, 16, 3)
    assert not any((image == other).all() for image in a for other in b[:1])
    again, _ = found.train(16, 1.25, batch_size=4, seed=0)
    assert np.abs(a).max() <= 1.0
    np.testing.assert_array_equal(np.concatenate(list(again.as_numpy_iterator())), a)


def test_first_images_are_not_augmented(pictures):
    folders = pictures("a", n=3), pictures("b", n=30)
    a, b = find(*folders).first_images(16, 8)
    assert len(a) == 3 and len(b) == 8
    whole = next(iter(data.image_folder(folders[0], 16, shuffle=False)))
    np.testing.assert_array_equal(a, whole)
