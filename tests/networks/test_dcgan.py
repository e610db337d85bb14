import pathlib
import re

import keras
import numpy as np
import pytest

from kerasgan.networks import dcgan_discriminator, dcgan_generator

FIXTURE = pathlib.Path(__file__).parent / "fixtures" / "dcgan.npz"
# Image shape, smallest feature map, number of layers that change the size.
SIZES = [
    ((8, 8, 1), (4, 4), 1),
    ((10, 14, 4), (5, 7), 1),
    ((8, 16, 3), (4, 4), 2),
    ((28, 28, 1), (7, 7), 2),
    ((32, 32, 3), (4, 4), 3),
    ((64, 64, 3), (4, 4), 4),
    ((80, 80, 3), (5, 5), 4),
    ((64, 80, 3), (4, 5), 4),
    ((96, 64, 4), (6, 4), 4),
    ((64, 128, 3), (4, 4), 5),
    ((112, 16, 1), (7, 4), 4),
    ((256, 256, 3), (4, 4), 6),
]


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def both(shape=(16, 16, 3), width=4, **options):
    """Returns both networks."""
    return (
        dcgan_generator(shape, 6, width, **options),
        dcgan_discriminator(shape, width, **options),
    )


def test_the_networks_have_as_many_weights_as_in_the_tutorial():
    generator = dcgan_generator((64, 64, 3))
    discriminator = dcgan_discriminator((64, 64, 3))
    assert count(generator.trainable_weights) == 3_576_704
    assert count(discriminator.trainable_weights) == 2_765_568


def test_layers_with_weights_have_fixed_names():
    generator, discriminator = both((32, 32, 3))
    names = [layer.name for layer in generator.layers if layer.weights]
    assert names == "project norm_0 up_1 norm_1 up_2 norm_2 to_image".split()
    names = [layer.name for layer in discriminator.layers if layer.weights]
    assert names == "down_1 down_2 norm_2 down_3 norm_3 to_logit".split()
    assert (generator.name, discriminator.name) == (
        "dcgan_generator",
        "dcgan_discriminator",
    )
    assert dcgan_generator((8, 8, 1), name="artist").name == "artist"
    assert dcgan_discriminator((8, 8, 1), name="critic").name == "critic"


@pytest.mark.parametrize("shape, base, depth", SIZES)
def test_supported_sizes(shape, base, depth, draw):
    generator, discriminator = both(shape, width=1)
    assert generator(draw(3, 6)).shape == (3, *shape)
    assert discriminator(draw(3, *shape)).shape == (3, 1)
    filters = min(2 ** (depth - 1), 16)
    assert generator.get_layer("base").output.shape[1:] == (*base, filters)
    assert discriminator.get_layer(f"leaky_{depth}").output.shape[1:] == (
        *base,
        filters,
    )


def test_the_smallest_feature_map_at_80_pixels():
    generator = dcgan_generator((80, 80, 3), latent_dim=128)
    assert generator.input_shape == (None, 128)
    assert generator.get_layer("base").output.shape[1:] == (5, 5, 512)


def test_channels_are_capped_near_the_latent():
    generator = dcgan_generator((256, 256, 3), 4, width=2)
    shapes = [layer.output.shape for layer in generator.layers]
    norms = [s[1:] for s in shapes if len(s) == 4][1::3][:-1]
    expected = [(4, 32), (8, 32), (16, 16), (32, 8), (64, 4), (128, 2)]
    assert norms == [(side, side, filters) for side, filters in expected]


def test_layers_nearest_the_latent_scale_the_longer_side_only():
    generator, discriminator = both((16, 64, 3))
    layers = [generator.get_layer(name) for name in ("up_1", "up_2", "up_3")]
    assert [layer.strides for layer in layers] == [(1, 2), (1, 2), (2, 2)]
    assert [layer.kernel_size for layer in layers] == [(3, 4), (3, 4), (4, 4)]
    layers = [discriminator.get_layer(f"down_{i}") for i in (4, 3, 2, 1)]
    assert [layer.strides for layer in layers] == [(1, 2), (1, 2), (2, 2), (2, 2)]
    assert [layer.kernel_size for layer in layers] == [(3, 4), (3, 4), (4, 4), (4, 4)]


def test_initial_weights_have_the_distribution_of_the_paper():
    for network in both((64, 64, 3), width=16):
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                drawn, beta, mean, variance = layer.get_weights()
                assert (beta == 0).all() and (mean == 0).all() and (variance == 1).all()
                expected_mean = 1.0
            elif layer.weights:
                (drawn,) = layer.get_weights()
                expected_mean = 0.0
            else:
                continue
            n = drawn.size
            assert abs(drawn.mean() - expected_mean) < 4 * 0.02 / np.sqrt(n)
            assert abs(drawn.std() - 0.02) < 4 * 0.02 / np.sqrt(2 * n)


def test_layers_of_the_same_shape_have_different_initial_weights():
    network = dcgan_discriminator((512, 512, 1), width=1)
    first, second = network.get_layer("down_6"), network.get_layer("down_7")
    assert first.kernel.shape == second.kernel.shape
    assert np.abs(first.get_weights()[0] - second.get_weights()[0]).mean() > 0.01


def from_pytorch(layer, weights):
    """Returns the weights of a Keras layer from those of a PyTorch module."""
    kernel = weights["weight"]
    if isinstance(layer, keras.layers.BatchNormalization):
        return [weights[k] for k in ("weight", "bias", "running_mean", "running_var")]
    if isinstance(layer, keras.layers.Dense):
        # (in, out, rows, columns) of `project`, (1, in, rows, columns) of `to_logit`.
        return [kernel.transpose(0, 2, 3, 1).reshape(layer.kernel.shape)]
    return [kernel.transpose(2, 3, 1, 0)]


def read_modules(fixture, prefix):
    """Returns the arrays of each PyTorch module, in the order of the modules."""
    modules = {}
    for key in fixture.files:
        if key.startswith(prefix + "."):
            index, parameter = key[len(prefix) + 1 :].split(".")
            modules.setdefault(int(index), {})[parameter] = fixture[key]
    return [modules[index] for index in sorted(modules)]


def to_nhwc(array):
    return array.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("case", ["square", "oblong"])
@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_computes_what_pytorch_computes(case, role):
    with np.load(FIXTURE) as fixture:
        modules = read_modules(fixture, f"{case}.{role}")
        means = read_modules(fixture, f"{case}.{role}_after")
        images = to_nhwc(fixture[f"{case}.generator_train"])
        latents = fixture[f"{case}.latents"].reshape(len(images), -1)
        outputs = {
            mode: to_nhwc(fixture[f"{case}.{role}_{mode}"])
            for mode in ("eval", "train")
        }
    if role == "generator":
        network = dcgan_generator(images.shape[1:], latents.shape[1], width=4)
        inputs = latents
    else:
        network = dcgan_discriminator(images.shape[1:], width=4)
        inputs = images
        outputs = {mode: output[:, 0, 0] for mode, output in outputs.items()}
    layers = [layer for layer in network.layers if layer.weights]
    for layer, weights in zip(layers, modules, strict=True):
        layer.set_weights(from_pytorch(layer, weights))

    # Inference first, because training updates the running statistics.
    inference = np.asarray(network(inputs, training=False))
    training = np.asarray(network(inputs, training=True))
    assert np.abs(outputs["eval"] - outputs["train"]).max() > 0.1
    np.testing.assert_allclose(inference, outputs["eval"], atol=1e-4)
    np.testing.assert_allclose(training, outputs["train"], atol=1e-4)
    # A momentum of 0.9 in Keras is one of 0.1 in PyTorch.
    norms = [
        layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer, after in zip(norms, means, strict=True):
        np.testing.assert_allclose(
            layer.get_weights()[2], after["running_mean"], atol=1e-5
        )


def test_images_are_in_the_range_of_tanh(draw):
    generator = dcgan_generator((16, 16, 3), 6, width=4)
    # Weights large enough to reach both ends of the range.
    generator.set_weights([100 * weight for weight in generator.get_weights()])
    images = np.asarray(generator(draw(64, 6)))
    assert images.min() >= -1 and images.max() <= 1
    assert images.min() < -0.9 and images.max() > 0.9


def test_scores_are_logits_unless_an_activation_is_given(draw):
    discriminator = dcgan_discriminator((16, 16, 3), width=4)
    probability = dcgan_discriminator((16, 16, 3), width=4, activation="sigmoid")
    weights = [10 * weight for weight in discriminator.get_weights()]
    discriminator.set_weights(weights)
    probability.set_weights(weights)
    images = draw(64, 16, 16, 3)
    logits = np.asarray(discriminator(images))
    assert logits.min() < 0 and logits.max() > 1
    np.testing.assert_allclose(
        np.asarray(probability(images)), 1 / (1 + np.exp(-logits)), atol=1e-5
    )


@pytest.mark.parametrize("build", [dcgan_generator, dcgan_discriminator])
def test_unsupported_shapes_raise_an_error(build):
    for shape, message in [
        (64, "image_shape is 64; expected three integers (height, width, channels)."),
        ("abc", "image_shape is 'abc'; expected three integers"),
        ((64, 64), "image_shape is (64, 64); expected three integers"),
        ((64.0, 64, 3), "image_shape is (64.0, 64, 3); expected three integers"),
        ((None, 64, 3), "image_shape is (None, 64, 3); expected three integers"),
        ((64, 64, 0), "image_shape: channels is 0; expected a positive integer."),
        ((64, 64, -3), "image_shape: channels is -3; expected a positive integer."),
        (
            (70, 64, 3),
            "image_shape: height is 70; expected 4, 5, 6 or 7 times a power of two "
            "(nearest: 64, 80).",
        ),
        ((64, 127, 3), "image_shape: width is 127; expected 4, 5, 6 or 7 times a"),
        ((64, 127, 3), "(nearest: 112, 128)."),
        ((9, 8, 3), "(nearest: 8, 10)."),
        ((64, 7, 3), "image_shape: width is 7; expected at least 8."),
        ((-64, 64, 3), "image_shape: height is -64; expected at least 8."),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            build(shape)


@pytest.mark.parametrize("value", [0, -3, 2.5, "8", None])
def test_sizes_that_are_not_positive_integers_raise_an_error(value):
    with pytest.raises(ValueError, match="latent_dim is"):
        dcgan_generator((64, 64, 3), latent_dim=value)
    for build in (dcgan_generator, dcgan_discriminator):
        with pytest.raises(ValueError, match="width is"):
            build((64, 64, 3), width=value)


def test_numpy_integers_are_accepted():
    shape = tuple(np.array([16, 32, 3]))
    assert dcgan_generator(shape, np.int64(4), np.int64(2)).count_params() > 0
    assert dcgan_discriminator(list(shape), np.int64(2)).count_params() > 0
