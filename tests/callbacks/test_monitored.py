import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import images, losses
from kerasgan.callbacks.monitored import CYCLES, monitored_generators
from kerasgan.callbacks.real_images import RealImages
from kerasgan.metrics import symptoms


def noise(n, side=8, seed=0, low=-1.0, channels=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(low, 1, (n, side, side, channels)).astype("float32")


def translating_gan(source_channels=3, target_channels=1):
    generator = keras.Sequential(
        [
            keras.Input((8, 8, source_channels)),
            keras.layers.Conv2D(target_channels, 1, activation="sigmoid"),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((8, 8, target_channels)), keras.layers.Flatten()]
    )
    discriminator.add(keras.layers.Dense(1))
    return kerasgan.GAN(discriminator, generator)


class Paired(losses.LabelLoss):
    """A relativistic loss: it compares each generated image with a real one."""

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        return tf.reduce_mean(tf.nn.softplus(fake - real))

    def generator_loss(self, fake, real):
        return tf.reduce_mean(tf.nn.softplus(real - fake))


def test_a_gan_always_gets_the_same_latents(small_gan, faces):
    gan = small_gan()
    (monitored,) = monitored_generators(gan, [RealImages("images", faces())])
    expected = gan.generate(16, seed=0, averaged=False)
    np.testing.assert_allclose(monitored.samples(16), expected, atol=1e-6)
    assert monitored.discriminator is gan.discriminator
    assert monitored.sources is None and len(monitored.inputs) == 16
    (monitored,) = monitored_generators(gan, [])
    assert len(monitored.inputs) == 64 and monitored.targets is None


def test_measurements_of_a_gan(small_gan, faces):
    gan = small_gan()
    (monitored,) = monitored_generators(gan, [RealImages("images", faces())])
    made, value_range = monitored.samples(16), (-1.0, 1.0)
    for loss in (losses.NonSaturating(), Paired()):
        measured = monitored.measure(loss, real_score=0.0)
        np.testing.assert_allclose(measured.small, made, atol=1e-6)
        real = gan.discriminator(faces())
        expected = symptoms.gradient_reach(
            gan.discriminator, loss, made, real, value_range
        ).mean()
        assert measured.gradient_reach == pytest.approx(expected, rel=1e-4)
        assert measured.correlation is measured.change is measured.cycle_errors is None
    # Without images, the mean answer of the epoch stands for those to real images.
    (monitored,) = monitored_generators(gan, [])
    reaches = [
        monitored.measure(Paired(), real_score).gradient_reach
        for real_score in (-30.0, 0.0, 30.0)
    ]
    assert reaches[0] < 1e-6 and reaches[0] < reaches[1] < reaches[2]


def test_both_directions_of_a_cyclegan(small_cyclegan):
    cyclegan = small_cyclegan(domain_a="tanh", domain_b="sigmoid")
    a, b = noise(20), noise(20, seed=1, low=0)
    there, back = monitored_generators(
        cyclegan, [RealImages("a", a), RealImages("b", b)]
    )
    assert there.discriminator is cyclegan.discriminator_b
    assert back.discriminator is cyclegan.discriminator_a
    for monitored, direction, originals in ((there, "a2b", a), (back, "b2a", b)):
        assert monitored.name == direction
        np.testing.assert_array_equal(monitored.inputs, originals)
        opposite = direction[::-1]

        def unit(floats, domain):
            return (floats + 1) / 2 if domain == "a" else floats

        def translate(floats, way):
            return cyclegan.translate(floats, way, averaged=False)

        made = translate(originals, direction)
        measured = monitored.measure(cyclegan.loss_fn, 0.0)
        np.testing.assert_allclose(measured.small, made, atol=1e-6)
        before, after = unit(originals, direction[0]), unit(made, direction[2])
        correlations = symptoms.brightness_correlations(before, after)
        assert measured.correlation == pytest.approx(np.median(correlations), abs=1e-4)
        change = np.abs(after - before).mean() / symptoms.mean_difference(before)
        assert measured.change == pytest.approx(change, rel=1e-4)
        again = unit(translate(made[:CYCLES], opposite), direction[0])
        clean, noisy, size = measured.cycle_errors
        assert clean == pytest.approx(np.abs(again - before[:CYCLES]).mean(), rel=1e-3)
        assert noisy != clean and size == pytest.approx(0.016, rel=0.1)


def test_large_images_are_measured_a_few_at_a_time(small_cyclegan, monkeypatch):
    cyclegan = small_cyclegan()
    a, b = noise(20), noise(20, seed=1)
    sizes = []
    call = keras.Sequential.call

    def counted(network, inputs, *args, **kwargs):
        sizes.append(len(inputs))
        return call(network, inputs, *args, **kwargs)

    monkeypatch.setattr(keras.Sequential, "call", counted)
    results = []
    for at_once in (64, 3):
        monkeypatch.setattr(images, "PIXELS_AT_ONCE", at_once * 8 * 8)
        monitored, _ = monitored_generators(
            cyclegan, [RealImages("a", a), RealImages("b", b)]
        )
        results.append(monitored.measure(cyclegan.loss_fn, 0.0))
        assert max(sizes) == min(16, at_once)
        sizes.clear()
    one, other = results
    np.testing.assert_allclose(one.small, other.small, atol=1e-6)
    assert one.gradient_reach == pytest.approx(other.gradient_reach, rel=1e-4)
    assert one.correlation == pytest.approx(other.correlation, abs=1e-5)
    assert one.change == pytest.approx(other.change, rel=1e-5)
    assert one.cycle_errors == pytest.approx(other.cycle_errors, rel=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 5, 12])
def test_any_number_of_channels(channels):
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16 * channels)])
    generator.add(keras.layers.Activation("tanh"))
    generator.add(keras.layers.Reshape((4, 4, channels)))
    discriminator = keras.Sequential([keras.Input((4, 4, channels))])
    discriminator.add(keras.layers.Conv2D(1, 4))
    gan = kerasgan.GAN(discriminator, generator)
    real = RealImages("images", noise(16, 4, channels=channels))
    (monitored,) = monitored_generators(gan, [real])
    measured = monitored.measure(losses.NonSaturating(), 0.0)
    assert measured.small.shape == (16, 4, 4, channels)
    assert measured.gradient_reach > 0


def test_domains_may_differ_in_their_channels():
    def network(source, target, activation=None):
        layer = keras.layers.Conv2D(target, 1, activation=activation)
        return keras.Sequential([keras.Input((8, 8, source)), layer])

    cyclegan = kerasgan.CycleGAN(
        network(1, 12, "tanh"),
        network(12, 1, "tanh"),
        network(1, 1),
        network(12, 1),
        pool_size=0,
    )
    both = [RealImages("a", noise(16, channels=1)), RealImages("b", noise(16))]
    with pytest.raises(ValueError, match=r"b has images of shape \(8, 8, 3\)"):
        monitored_generators(cyclegan, both)
    both[1] = RealImages("b", noise(16, channels=12))
    for monitored, channels in zip(
        monitored_generators(cyclegan, both), (12, 1), strict=True
    ):
        measured = monitored.measure(losses.LeastSquares(), 0.0)
        assert measured.small.shape == (16, 8, 8, channels)
        # What differs in its channels cannot be the identity.
        assert measured.change is None
        assert -1 <= measured.correlation <= 1 and len(measured.cycle_errors) == 3


def test_a_gan_that_translates():
    gan = translating_gan()
    sources, targets = noise(16), noise(16, low=0, channels=1)
    both = [RealImages("images[0]", sources), RealImages("images[1]", targets)]
    (monitored,) = monitored_generators(gan, both)
    made = monitored.measure(losses.NonSaturating(), 0.0).small
    np.testing.assert_allclose(made, gan.generator(sources), atol=1e-6)
    assert monitored.back is None and monitored.value_range == (0.0, 1.0)
    assert monitored_generators(gan, []) == []
    with pytest.raises(ValueError, match=r"images\[1\] has images of shape"):
        monitored_generators(gan, both[::-1])


def test_images_must_fit_the_model(small_gan, small_cyclegan):
    real = [RealImages("images", noise(16))]
    with pytest.raises(ValueError, match="images is a pair, but the model draws"):
        monitored_generators(small_gan(), real * 2)
    with pytest.raises(ValueError, match="but the model translates; expected a pair"):
        monitored_generators(small_cyclegan(), real)
    with pytest.raises(ValueError, match=r"takes \(4, 4, 3\)"):
        monitored_generators(small_gan(), real)
    four = [RealImages("images", 2 * noise(16, 4))]
    with pytest.raises(ValueError, match=r"images has values from .* in \[-1, 1\]"):
        monitored_generators(small_gan(), four)
