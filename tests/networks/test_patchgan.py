import re

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.networks import patchgan_discriminator

# Layers, the patch an answer is about, and the smallest side.
LAYERS = [(0, 16, 6), (1, 16, 6), (2, 34, 12), (3, 70, 24), (4, 142, 48), (5, 286, 96)]


def draw(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def small(shape=(29, 36, 3), **options):
    return patchgan_discriminator(shape, **{"width": 2, **options})


def spread(network):
    """Draws weights so large that every layer shows in the output."""
    generator = np.random.default_rng(1)
    network.set_weights(
        [np.abs(generator.normal(0, 0.3, w.shape)) for w in network.get_weights()]
    )
    return network


def test_weights_are_as_many_as_the_authors():
    network = patchgan_discriminator((256, 256, 3))
    assert network.count_params() == 2_764_737
    assert network.output_shape == (None, 30, 30, 1)
    pixel = patchgan_discriminator((256, 256, 3), layers="pixel")
    assert pixel.count_params() == (3 * 64 + 64) + (64 * 128 + 128) + (128 + 1)
    assert pixel.output_shape == (None, 256, 256, 1)


def test_layers_with_weights_have_fixed_names():
    def names(**options):
        network = small(normalization="batch", **options)
        return " ".join(layer.name for layer in network.layers if layer.weights)

    assert names() == "down_1 down_2 norm_2 down_3 norm_3 conv_4 norm_4 to_logits"
    assert names(layers=0) == names(layers=1) == "down_1 conv_2 norm_2 to_logits"
    assert names(layers="pixel") == "conv_1 conv_2 norm_2 to_logits"


def test_channels_double_up_to_eight_widths():
    network = small((96, 96, 3), layers=5)
    names = [*(f"down_{i}" for i in range(1, 6)), "conv_6"]
    filters = [network.get_layer(name).filters for name in names]
    assert filters == [2, 4, 8, 16, 16, 16]
    assert small(layers=0).get_layer("conv_2").filters == 2
    assert small(layers=1).get_layer("conv_2").filters == 4


@pytest.mark.parametrize("layers, patch, least", LAYERS)
def test_an_answer_is_about_its_patch(layers, patch, least):
    side = patch + 2 * least
    network = small((None, None, 1), layers=layers, width=1, normalization=None)
    images = tf.Variable(tf.ones((1, side, side, 1)))
    spread(network)
    with tf.GradientTape() as tape:
        answers = network(images)
        rows = answers.shape[1]
        answer = answers[0, rows // 2, rows // 2, 0]
    reach = np.nonzero(np.asarray(tape.gradient(answer, images))[0, :, :, 0])
    assert [np.ptp(axis) + 1 for axis in reach] == [patch, patch]
    assert rows == side // 2 ** max(layers, 1) - 2


@pytest.mark.parametrize("layers, patch, least", LAYERS)
def test_one_answer_is_left_of_the_smallest_side(layers, patch, least):
    assert small((least, least, 1), layers=layers).output_shape == (None, 1, 1, 1)
    with pytest.raises(
        ValueError, match=rf"height is {least - 1}; expected at least {least}\."
    ):
        small((least - 1, least, 1), layers=layers)


def test_a_pixel_is_judged_by_itself():
    network = spread(small(layers="pixel", normalization=None))
    images = draw(1, 29, 36, 3)
    changed = images.copy()
    changed[0, 3, 4] += 0.5
    difference = np.asarray(network(changed)) - np.asarray(network(images))
    assert np.argwhere(np.abs(difference) > 1e-6).tolist() == [[0, 3, 4, 0]]


@pytest.mark.parametrize("normalization", ["instance", "batch", None])
@pytest.mark.parametrize("layers", [1, 3, "pixel"])
def test_unknown_sides_compute_the_same(normalization, layers):
    options = dict(normalization=normalization, layers=layers)
    images = draw(2, 29, 36, 3)
    fixed, free = spread(small(**options)), small((None, None, 3), **options)
    free.set_weights(fixed.get_weights())
    expected = np.asarray(fixed(images))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(np.asarray(free(images)), expected, rtol=1e-4, atol=1e-5)


def test_the_answers_are_logits_unless_an_activation_is_given():
    images = draw(2, 29, 36, 3)
    logits, probability = small(), small(activation="sigmoid")
    spread(logits)
    probability.set_weights(logits.get_weights())
    expected = 1 / (1 + np.exp(-np.asarray(logits(images))))
    assert np.asarray(logits(images)).max() > 1
    np.testing.assert_allclose(np.asarray(probability(images)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"layers": 6}, "layers is 6; expected a whole number from 0 to 5, or 'pixel'"),
        ({"layers": -1}, "layers is -1; expected a whole number from 0 to 5"),
        ({"layers": 3.0}, "layers is 3.0; expected a whole number from 0 to 5"),
        ({"layers": "pixels"}, "layers is 'pixels'; expected a whole number"),
        ({"shape": (24, 23, 3)}, "image_shape: width is 23; expected at least 24."),
        ({"width": None}, "width is None; expected a whole number of at least 1."),
        ({"normalization": 1}, "normalization is 1; expected 'instance', 'batch' or"),
    ],
)
def test_what_cannot_be_made_is_named(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**options)
