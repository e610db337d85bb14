import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics import ms_ssim_diversity


def faces(n, size=32, seed=0):
    random = np.random.default_rng(seed)
    coarse = random.uniform(-1, 1, (n, 4, 4, 3))
    return np.repeat(np.repeat(coarse, size // 4, axis=1), size // 4, axis=2)


def test_equal_images_have_similarity_one():
    images = np.repeat(faces(1), 5, axis=0)
    value, error = ms_ssim_diversity(images, pairs=10)
    assert (value, error) == pytest.approx((1.0, 0.0), abs=1e-6)


def test_a_collapsed_generator_has_a_higher_similarity():
    varied = faces(40)
    collapsed = np.clip(faces(1) + 0.05 * faces(40, seed=1), -1, 1)
    low, high = (ms_ssim_diversity(x, pairs=60).value for x in (varied, collapsed))
    assert low < 0.3 and high > 0.8


def test_an_image_is_never_compared_with_itself():
    images = faces(2)
    single = tf.image.ssim_multiscale(
        images[:1] + 1, images[1:] + 1, 2.0, np.array([0.0448, 0.2856]) / 0.3304
    )
    value, error = ms_ssim_diversity(images, pairs=200)
    assert value == pytest.approx(float(single[0]), abs=1e-5)
    assert error == pytest.approx(0.0, abs=1e-6)


def test_large_images_have_the_weights_of_the_paper():
    images = faces(2, size=176) * 0.5
    expected = tf.image.ssim_multiscale(images[:1] + 1, images[1:] + 1, 2.0)
    value, _ = ms_ssim_diversity(images, pairs=2)
    # The paper's weights add up to 1.0001.
    assert value == pytest.approx(float(expected[0]), rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 32, 32, 3), (4, 32, 10, 3)])
def test_unsupported_images_raise_an_error(shape):
    with pytest.raises(ValueError, match="expected at least 2 images with sides of"):
        ms_ssim_diversity(np.zeros(shape))
