import numpy as np
import pytest
import tensorflow as tf

from kerasgan.callbacks import real_images
from kerasgan.callbacks.real_images import RealImages
from kerasgan.metrics import symptoms


def noise(n, side=8, seed=0, channels=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, side, side, channels)).astype("float32")


@pytest.mark.parametrize("side, whole", [(8, 64), (64, 32), (128, 16)])
def test_the_first_images_are_kept(monkeypatch, side, whole):
    monkeypatch.setattr(real_images, "MAX_REAL", 70)
    images = noise(100, side)
    dataset = tf.data.Dataset.from_tensor_slices(images)
    for given in (images, dataset.batch(16), dataset.batch(100)):
        kept = RealImages("images", given)
        np.testing.assert_array_equal(kept.whole, images[:whole])
        small = symptoms.small_images(images[:70])
        np.testing.assert_allclose(kept.small, small, atol=1e-6)


def test_a_dataset_is_read_only_as_far_as_needed(monkeypatch):
    monkeypatch.setattr(real_images, "MAX_REAL", 32)
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield noise(16, seed=i)

    spec = tf.TensorSpec((None, 8, 8, 3))
    RealImages("images", tf.data.Dataset.from_generator(batches, output_signature=spec))
    assert len(read) < 10


def test_images_are_checked():
    for images, message in (
        (noise(15), "a has 15 images; expected at least 16"),
        (noise(16)[0], r"a has shape \(8, 8, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            RealImages("a", images)
    kept = RealImages("a", noise(16))
    kept.check((None, None, 3), (-1.0, 1.0))
    kept.check((8, 8, 3), None)
    with pytest.raises(ValueError, match=r"a has images of shape \(8, 8, 3\)"):
        kept.check((4, 8, 3), (-1.0, 1.0))
    with pytest.raises(ValueError, match=r"a has values from .* in \[0, 1\]"):
        kept.check((8, 8, 3), (0.0, 1.0))
    # The extremes may be anywhere among the images.
    for extreme in (2.0, -2.0, np.nan):
        images = noise(80, 64)
        images[70, 3, 3, 0] = extreme
        with pytest.raises(ValueError, match="a has values from"):
            RealImages("a", images).check((64, 64, 3), (-1.0, 1.0))


def test_metadata_about_images():
    kept = RealImages("a", noise(200))
    assert kept.typical == symptoms.typical_distance(kept.small[:64])
    assert kept.count_different(20) == 20
    # No image is its own neighbor.
    assert kept.nearest > 0.5 * kept.typical
    assert kept.difference == pytest.approx(2 / 3, abs=0.02)
