import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.callbacks import views
from kerasgan.callbacks.views import FixedImages, views_of
from kerasgan.metrics import symptoms


def noise(n, side=8, seed=0, low=-1.0):
    rng = np.random.default_rng(seed)
    return rng.uniform(low, 1, (n, side, side, 3)).astype("float32")


def test_the_first_images_are_kept(monkeypatch):
    monkeypatch.setattr(views, "MOST_IMAGES", 70)
    images = noise(100, side=64)
    dataset = tf.data.Dataset.from_tensor_slices(images)
    for given in (images, dataset.batch(16), dataset.batch(100)):
        fixed = FixedImages("images", given)
        np.testing.assert_array_equal(fixed.whole, images[:64])
        small = symptoms.small_images(images[:70])
        np.testing.assert_allclose(fixed.small, small, atol=1e-6)


def test_a_data_set_is_read_no_further_than_needed(monkeypatch):
    monkeypatch.setattr(views, "MOST_IMAGES", 32)
    read = []

    def batches():
        for i in range(100):
            read.append(i)
            yield noise(16, seed=i)

    spec = tf.TensorSpec((None, 8, 8, 3))
    FixedImages(
        "images", tf.data.Dataset.from_generator(batches, output_signature=spec)
    )
    assert len(read) < 10


def test_images_are_checked():
    for images, message in (
        (noise(15), "a has 15 images; expected at least 16"),
        (noise(16) * 127, "a has values from"),
        (noise(16)[0], r"a has shape \(8, 8, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            FixedImages("a", images)
    fixed = FixedImages("a", noise(16))
    fixed.check_shape((None, None, 3))
    with pytest.raises(ValueError, match=r"a has images of shape \(8, 8, 3\)"):
        fixed.check_shape((4, 8, 3))


def test_what_is_known_of_images():
    fixed = FixedImages("a", noise(200))
    assert fixed.typical == symptoms.typical_distance(fixed.small[:64])
    assert fixed.different(20) == 20
    # None of them is its own neighbour.
    assert fixed.nearest > 0.5 * fixed.typical


def test_a_gan_draws_the_same_latents(small_gan, faces):
    gan = small_gan()
    (view,) = views_of(gan, [FixedImages("images", faces())])
    expected = gan.generate(16, seed=0, averaged=False)
    np.testing.assert_allclose(view.images(), expected, atol=1e-6)
    assert view.discriminator is gan.discriminator and view.sources is None
    (view,) = views_of(gan, [])
    assert view.images().shape == (64, 4, 4, 3) and view.targets is None


def test_both_directions_of_a_cyclegan(small_cyclegan):
    cyclegan = small_cyclegan(domain_a="tanh", domain_b="sigmoid")
    a, b = noise(20), noise(20, seed=1, low=0)
    there, back = views_of(cyclegan, [FixedImages("a", a), FixedImages("b", b)])
    made = {d: cyclegan.translate(x, d, averaged=False) for d, x in zip(
        ("a2b", "b2a"), (a, b), strict=True
    )}  # fmt: skip
    for view, images in ((there, a), (back, b)):
        np.testing.assert_allclose(view.images(), made[view.name], atol=1e-6)
        np.testing.assert_array_equal(view.inputs, images)
    assert there.discriminator is cyclegan.discriminator_b
    assert back.discriminator is cyclegan.discriminator_a
    # In [0, 1], whatever the range of a domain.
    np.testing.assert_allclose(there.unit_inputs(), (a + 1) / 2)
    np.testing.assert_allclose(back.unit_inputs(), b)
    np.testing.assert_array_equal(there.to_unit(made["a2b"]), made["a2b"])
    again = cyclegan.translate(made["a2b"], "b2a", averaged=False)
    np.testing.assert_allclose(
        there.back_in_unit(there.to_unit(made["a2b"])), (again + 1) / 2, atol=1e-5
    )


def test_fewer_large_images_are_translated(small_cyclegan, monkeypatch):
    fixed = [FixedImages("a", noise(64)), FixedImages("b", noise(64))]
    for pixels, n in ((10**9, 64), (8 * 8 * 32, 32), (64, 16)):
        monkeypatch.setattr(views, "PIXELS", pixels)
        there, _ = views_of(small_cyclegan(), fixed)
        assert there.images().shape == (n, 8, 8, 3)


def test_a_gan_that_translates():
    generator = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 1, activation="sigmoid")]
    )
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    discriminator.add(keras.layers.Dense(1))
    gan = kerasgan.GAN(discriminator, generator)
    sources, targets = noise(16), noise(16, low=0)[..., :1]
    fixed = [FixedImages("images[0]", sources), FixedImages("images[1]", targets)]
    (view,) = views_of(gan, fixed)
    np.testing.assert_allclose(view.images(), generator(sources), atol=1e-6)
    assert view.back is None and view.value_range == (0.0, 1.0)
    assert views_of(gan, []) == []
    with pytest.raises(ValueError, match=r"images\[1\] has images of shape"):
        views_of(gan, fixed[::-1])


def test_images_have_to_be_what_the_model_takes(small_gan, small_cyclegan):
    fixed = [FixedImages("images", noise(16))]
    with pytest.raises(ValueError, match="images is a pair, but the model draws"):
        views_of(small_gan(), fixed * 2)
    with pytest.raises(ValueError, match="but the model translates"):
        views_of(small_cyclegan(), fixed)
    with pytest.raises(ValueError, match=r"takes \(4, 4, 3\)"):
        views_of(small_gan(), fixed)
