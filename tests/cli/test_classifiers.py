import argparse
import dataclasses
import json

import pytest
from PIL import Image

from kerasgan.cli import classifiers, domains, train_cyclegan

RECIPE = dataclasses.replace(train_cyclegan.CPU, classifier_steps=1)


@pytest.fixture
def trained(monkeypatch):
    """Counts the classifiers that are trained."""
    count = []
    train = classifiers.AttributeClassifier.train

    def counted(*args, **kwargs):
        count.append(kwargs)
        return train(*args, **kwargs, verbose=0)

    monkeypatch.setattr(classifiers.AttributeClassifier, "train", counted)
    return count


def test_a_classifier_is_trained_once_for_the_same_images(trained, pictures, tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        pictures(f"fruit/{name}", n=4)
    folder = tmp_path / "fruit"

    def kept(**more):
        options = argparse.Namespace(
            data=[str(folder)], data_dir=None, attribute=None, batch_size=2, seed=0
        )
        options.image_size = 16
        vars(options).update(more)
        return classifiers.kept_classifier(domains.find(options), RECIPE, options)

    first = kept()
    assert first.facts["steps"] == 1 and first.facts["held_out_images"] == [4, 4]
    assert json.dumps(kept().facts) == json.dumps(first.facts)
    # What is not about the images changes nothing.
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


def test_without_held_out_images_there_is_none(trained, pictures):
    folders = [str(pictures(name, n=4)) for name in "ab"]
    options = argparse.Namespace(data=folders, attribute=None)
    assert classifiers.kept_classifier(domains.find(options), RECIPE, options) is None
    assert not trained
