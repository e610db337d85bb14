import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics import classifier_training
from kerasgan.metrics.classifier_training import (
    augment,
    classifier_network,
    labeled_batches,
)


@pytest.mark.parametrize(
    "shape, seen",
    [
        ((16, 16, 2), (16, 16)),
        ((32, 48, 1), (32, 48)),
        ((64, 64, 3), (32, 32)),
        ((109, 89, 12), (54, 44)),
        ((128, 128, 3), (64, 64)),
        ((192, 256, 3), (64, 85)),
    ],
)
def test_images_are_reduced_to_about_32_pixels(shape, seen):
    network = classifier_network(shape, seed=0)
    assert tuple(network.get_layer("shrink").output.shape)[1:3] == seen
    assert tuple(network.get_layer("features").output.shape) == (None, 128)
    assert np.asarray(network(np.zeros((2, *shape), "float32"))).shape == (2, 1)


def test_the_seed_determines_the_initial_weights():
    first, again, other = (
        classifier_network((16, 16, 3), seed).get_weights() for seed in (3, 3, 4)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.allclose(first[0], other[0])


def test_images_that_are_too_small_raise_an_error():
    with pytest.raises(ValueError, match="a has images of 64x8 pixels"):
        classifier_network((64, 8, 3), seed=0)


def test_half_of_each_batch_is_of_either_domain():
    a = np.full((40, 16, 16, 3), 0.5, "float32")
    b = tf.data.Dataset.from_tensor_slices(-a[:3]).batch(2)
    for images, labels in labeled_batches(a, b, 6, seed=0).take(20):
        means = np.asarray(images).mean(axis=(1, 2, 3))
        np.testing.assert_array_equal(np.asarray(labels)[:, 0], means > 0)
        assert (means > 0).sum() == 6 and len(means) == 12


def test_the_seed_determines_the_augmentation():
    images = np.random.default_rng(0).uniform(-1, 1, (4, 16, 20, 3)).astype("float32")
    first, again, other = (np.asarray(augment(images, (1, s))) for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert first.shape == images.shape and np.abs(first).max() <= 1
    assert np.abs(first - other).mean() > 0.05


def test_augmentation_shifts_by_at_most_a_sixteenth(monkeypatch):
    monkeypatch.setattr(classifier_training, "NOISE", 0.0)
    monkeypatch.setattr(classifier_training, "LIGHT", 0.0)
    images = np.full((64, 32, 48, 1), -1.0, "float32")
    images[:, 14:18, 22:26] = 1.0
    light = (np.asarray(augment(images, (0, 0)))[..., 0] + 1.0) / 2.0
    for axis, side in ((1, 32), (2, 48)):
        profile = light.sum(axis=3 - axis)
        centres = (profile * np.arange(side)).sum(axis=1) / profile.sum(axis=1)
        moved = centres - (side - 1) / 2
        assert np.abs(moved).max() <= side / 16 + 0.1
        assert moved.min() < -0.5 and moved.max() > 0.5


def test_augmentation_flips_half_of_the_images(monkeypatch):
    monkeypatch.setattr(classifier_training, "NOISE", 0.0)
    monkeypatch.setattr(classifier_training, "LIGHT", 0.0)
    images = np.full((200, 16, 16, 1), -1.0, "float32")
    images[:, :, 10:] = 1.0
    made = np.asarray(augment(images, (0, 0)))[..., 0]
    mirrored = made[:, :, :8].mean(axis=(1, 2)) > made[:, :, 8:].mean(axis=(1, 2))
    assert 70 < mirrored.sum() < 130
