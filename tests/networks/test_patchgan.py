import re

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.networks import patchgan_discriminator

# Number of layers, side of the patch that a score depends on, smallest image side.
LAYERS = [(0, 16, 6), (1, 16, 6), (2, 34, 12), (3, 70, 24), (4, 142, 48), (5, 286, 96)]


def small(shape=(29, 36, 3), **options):
    return patchgan_discriminator(shape, **{"width": 2, **options})


def test_it_has_as_many_weights_as_the_authors_network():
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


def test_channels_double_up_to_eight_times_the_width():
    network = small((96, 96, 3), layers=5)
    names = [*(f"down_{i}" for i in range(1, 6)), "conv_6"]
    filters = [network.get_layer(name).filters for name in names]
    assert filters == [2, 4, 8, 16, 16, 16]
    assert small(layers=0).get_layer("conv_2").filters == 2
    assert small(layers=1).get_layer("conv_2").filters == 4


@pytest.mark.parametrize("layers, patch, minimum", LAYERS)
def test_a_score_depends_on_its_patch_only(layers, patch, minimum, spread):
    side = patch + 2 * minimum
    network = small((None, None, 1), layers=layers, width=1, normalization=None)
    images = tf.Variable(tf.ones((1, side, side, 1)))
    spread(network, positive=True)
    with tf.GradientTape() as tape:
        scores = network(images)
        rows = scores.shape[1]
        score = scores[0, rows // 2, rows // 2, 0]
    reach = np.nonzero(np.asarray(tape.gradient(score, images))[0, :, :, 0])
    assert [np.ptp(axis) + 1 for axis in reach] == [patch, patch]
    assert rows == side // 2 ** max(layers, 1) - 2
    # One score remains at the smallest side.
    shape = (minimum, minimum, 1)
    assert small(shape, layers=layers).output_shape == (None, 1, 1, 1)
    with pytest.raises(
        ValueError, match=rf"height is {minimum - 1}; expected at least {minimum}\."
    ):
        small((minimum - 1, minimum, 1), layers=layers)


def test_the_pixel_network_scores_each_pixel_independently(draw, spread):
    network = spread(small(layers="pixel", normalization=None))
    images = draw(1, 29, 36, 3)
    changed = images.copy()
    changed[0, 3, 4] += 0.5
    difference = np.asarray(network(changed)) - np.asarray(network(images))
    assert np.argwhere(np.abs(difference) > 1e-6).tolist() == [[0, 3, 4, 0]]


def test_scores_are_logits_unless_an_activation_is_given(draw, spread):
    images = draw(2, 29, 36, 3)
    logits, probability = spread(small(), positive=True), small(activation="sigmoid")
    probability.set_weights(logits.get_weights())
    expected = 1 / (1 + np.exp(-np.asarray(logits(images))))
    assert np.asarray(logits(images)).max() > 1
    np.testing.assert_allclose(np.asarray(probability(images)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"layers": 6}, "layers is 6; expected an integer from 0 to 5, or 'pixel'."),
        ({"layers": -1}, "layers is -1; expected an integer from 0 to 5"),
        ({"layers": 3.0}, "layers is 3.0; expected an integer from 0 to 5"),
        ({"layers": True}, "layers is True; expected an integer from 0 to 5"),
        ({"layers": "pixels"}, "layers is 'pixels'; expected an integer from 0 to 5"),
        ({"shape": (24, 23, 3)}, "image_shape: width is 23; expected at least 24."),
    ],
)
def test_unsupported_arguments_raise_an_error(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(**options)
