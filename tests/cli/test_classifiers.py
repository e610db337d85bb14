import argparse
import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasgan.cli import classifiers, domains, train_cyclegan

RECIPE = dataclasses.replace(train_cyclegan.CPU, classifier_steps=1)


def cached(options):
    return classifiers.cached_classifier(domains.find_domains(options), RECIPE, options)


@pytest.fixture
def trained(eager, monkeypatch):
    """The classifiers that were trained; only the first one really is."""
    count = []
    train = classifiers.AttributeClassifier.train

    def counted(*args, **kwargs):
        count.append(count[0] if count else train(*args, **kwargs, verbose=0))
        return count[-1]

    monkeypatch.setattr(classifiers.AttributeClassifier, "train", counted)
    return count


def test_a_classifier_is_trained_once_per_data(trained, pictures, tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(f"fruit/{name}", n=4)
    folder = tmp_path / "fruit"

    def kept(**more):
        options = argparse.Namespace(
            data=[str(folder)], data_dir=None, attribute=None, batch_size=2, seed=0
        )
        options.image_size = 16
        vars(options).update(more)
        return classifiers.cached_classifier(
            domains.find_domains(options), RECIPE, options
        )

    first = kept()
    assert first.facts["steps"] == 1 and first.facts["held_out_images"] == [4, 4]
    assert json.dumps(kept().facts) == json.dumps(first.facts)
    # Options that do not change the images.
    kept(seed=5, batch_size=4)
    assert len(trained) == 1
    kept(image_size=20)
    assert len(trained) == 2
    Image.new("RGB", (20, 20)).save(folder / "trainA" / "more.png")
    kept()
    assert len(trained) == 3
    Image.new("RGB", (20, 20)).save(folder / "testB" / "0.png")
    kept()
    assert len(trained) == 4
    # The same number of images, but others.
    Image.new("RGB", (20, 20)).save(folder / "trainB" / "0.png")
    kept()
    assert len(trained) == 5
    kept()
    assert len(trained) == 5


def test_classifiers_of_faces_depend_on_the_data_set(
    trained, tiny_synthetic_faces, tmp_path
):
    def kept(folder, attribute):
        options = argparse.Namespace(
            data=["synthetic_faces"], data_dir=str(folder), attribute=attribute
        )
        options.image_size = 16
        return classifiers.cached_classifier(
            domains.find_domains(options), RECIPE, options
        )

    kept(tiny_synthetic_faces, "Smiling")
    kept(tiny_synthetic_faces, "Smiling")
    assert len(trained) == 1
    kept(tiny_synthetic_faces, "Mustache")
    assert len(trained) == 2
    # Another folder may contain other faces.
    shutil.copytree(tiny_synthetic_faces, tmp_path / "copy")
    kept(tmp_path / "copy", "Mustache")
    assert len(trained) == 3


def test_its_training_does_not_depend_on_the_batch_size_of_the_run(
    monkeypatch, pictures, tmp_path
):
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(f"fruit/{name}", n=4)
    seen = []

    def train(a, b, **options):
        seen.append([np.concatenate(list(x.as_numpy_iterator())) for x in (a, b)])
        raise KeyboardInterrupt

    monkeypatch.setattr(classifiers.AttributeClassifier, "train", train)
    for batch_size in (1, 3):
        options = argparse.Namespace(
            data=[str(tmp_path / "fruit")], attribute=None, batch_size=batch_size
        )
        options.image_size = 16
        with pytest.raises(KeyboardInterrupt):
            classifiers.cached_classifier(
                domains.find_domains(options), RECIPE, options
            )
    for first, second in zip(*seen, strict=True):
        assert len(first) == 4
        np.testing.assert_array_equal(first, second)


def test_a_single_held_out_image_is_refused_before_training(
    trained, pictures, tmp_path
):
    for name, n in (("trainA", 4), ("trainB", 4), ("testA", 3), ("testB", 1)):
        pictures(f"fruit/{name}", n=n)
    options = argparse.Namespace(data=[str(tmp_path / "fruit")], attribute=None)
    options.image_size = 16
    with pytest.raises(
        ValueError, match=r"--data has 1 held-out image in .*fruit.testB;"
    ):
        cached(options)
    assert not trained


def test_without_held_out_images_there_is_no_classifier(trained, pictures):
    folders = [str(pictures(name, n=4)) for name in "ab"]
    options = argparse.Namespace(data=folders, attribute=None)
    assert cached(options) is None
    assert not trained
