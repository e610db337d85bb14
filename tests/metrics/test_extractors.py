import numpy as np
import pytest

from kerasgan.metrics import feature_extractor, kernel_distance


def images(n, size=24, channels=3, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (n, size, size, channels)).astype("float32")


@pytest.mark.parametrize("name", ["pixels", "random_conv"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_extractors_by_name(name, channels):
    extractor = feature_extractor(name, channels)
    assert extractor.name == name
    for size in (24, 33):
        features = extractor.features(images(3, size, channels))
        assert features.shape == (3, extractor.width)
        assert np.isfinite(features).all() and (features.std(axis=0) > 0).any()


def test_pixels_are_those_of_a_smaller_image():
    real = images(2, size=32)
    blocks = real.reshape(2, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(
        feature_extractor("pixels").features(real), blocks.reshape(2, -1), atol=1e-6
    )


def test_random_features_tell_textures_apart():
    noise, other = images(200), images(200, seed=1)
    smooth = np.repeat(np.repeat(images(200, size=6, seed=2), 4, axis=1), 4, axis=2)
    real, same, fake = map(
        feature_extractor("random_conv").features, (noise, other, smooth)
    )
    value, error = kernel_distance(real, same)
    assert abs(value) < 3 * error
    value, error = kernel_distance(real, fake)
    assert value > 10 * error


def test_random_weights_do_not_depend_on_the_program():
    # Values in this network are comparable as long as this does not change.
    assert feature_extractor("random_conv").weights_hash == (
        "169cd299b95b4a3aa63f6409700abad37286038924b3047efa92cefee515c984"
    )


def test_other_numbers_of_channels_raise_an_error():
    with pytest.raises(ValueError, match="images has 1 channels; pixels expects 3"):
        feature_extractor("pixels").features(np.zeros((2, 8, 8, 1)))


def test_unknown_names_raise_an_error():
    with pytest.raises(ValueError, match="name is 'random'; did you mean 'random_c"):
        feature_extractor("random")
