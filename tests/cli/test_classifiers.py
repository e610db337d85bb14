import argparse
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasgan.cli import classifiers, domains, train_cyclegan


class Classifier:
    """A classifier that is a number: how many were trained before it."""

    def __init__(self, number):
        self.number = number

    def save(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(str(self.number))


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """The arguments of each training of a classifier."""
    calls = []

    def train(*images, **options):
        calls.append((images, options))
        return Classifier(len(calls) - 1)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kind = classifiers.AttributeClassifier
    monkeypatch.setattr(kind, "train", train)
    monkeypatch.setattr(kind, "load", lambda path: Classifier(int(path.read_text())))
    return calls


def cached(data, data_dir=None, attribute=None, image_size=16, **more):
    options = argparse.Namespace(
        data=[str(path) for path in data],
        data_dir=data_dir and str(data_dir),
        attribute=attribute,
        image_size=image_size,
        **more,
    )
    recipe = train_cyclegan.CPU
    return classifiers.cached_classifier(domains.find_domains(options), recipe, options)


@pytest.fixture
def fruit(pictures, tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(f"fruit/{name}", n=4)
    return tmp_path / "fruit"


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_classifier_is_trained_once_per_data(trained, fruit):
    assert cached([fruit]).number == 0
    (_, options), *_ = trained
    assert options["steps"] == train_cyclegan.CPU.classifier_steps
    assert [len(next(iter(images))) for images in options["held_out"]] == [4, 4]
    # Options that do not change the images.
    assert cached([fruit], seed=5, batch_size=4).number == 0
    assert cached([fruit], image_size=20).number == 1
    picture = Image.new("RGB", (20, 20))
    picture.save(fruit / "trainA" / "more.png")
    assert cached([fruit]).number == 2
    picture.save(fruit / "testB" / "0.png")
    assert cached([fruit]).number == 3
    # The same number of images, but others.
    picture.save(fruit / "trainB" / "0.png")
    assert cached([fruit]).number == 4
    assert cached([fruit]).number == 4
    assert len(trained) == 5


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_classifiers_of_faces_depend_on_the_data_set(
    trained, tiny_synthetic_faces, tmp_path
):
    faces, folder = ["synthetic_faces"], tiny_synthetic_faces
    for _ in range(2):
        assert cached(faces, folder, "Smiling").number == 0
    assert cached(faces, folder, "Mustache").number == 1
    # Another folder may contain other faces.
    shutil.copytree(folder, tmp_path / "copy")
    assert cached(faces, tmp_path / "copy", "Mustache").number == 2


@pytest.mark.slow
def test_its_training_data_does_not_depend_on_the_batch_size_of_the_run(
    trained, fruit, tmp_path
):
    for batch_size in (1, 3):
        cached([fruit], batch_size=batch_size)
        for path in (tmp_path / "cache" / "kerasgan").glob("classifier-*"):
            path.unlink()
    first, second = (
        [np.concatenate(list(x.as_numpy_iterator())) for x in images]
        for images, _ in trained
    )
    for one, other in zip(first, second, strict=True):
        assert len(one) == 4
        np.testing.assert_array_equal(one, other)


def test_a_single_held_out_image_is_rejected_before_training(trained, fruit):
    for number in range(3):
        (fruit / "testB" / f"{number}.png").unlink()
    message = r"--data has 1 held-out image in .*fruit.testB;"
    with pytest.raises(ValueError, match=message):
        cached([fruit])
    assert not trained


def test_without_held_out_images_there_is_no_classifier(trained, pictures):
    assert cached([pictures(name, n=4) for name in "ab"]) is None
    assert not trained
