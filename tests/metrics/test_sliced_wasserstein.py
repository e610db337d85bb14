import numpy as np
import pytest

from kerasgan.metrics import sliced_wasserstein, sliced_wasserstein_distance


def smooth(n, seed, size=32):
    """Images that are brighter in the middle, with noise."""
    random = np.random.default_rng(seed)
    x = np.linspace(-1, 1, size)
    hill = np.exp(-3 * (x[:, None] ** 2 + x**2))[..., None]
    images = 0.8 * hill * random.uniform(0.5, 1.0, (n, 1, 1, 3)) - 0.5
    noise = random.normal(size=(n, size, size, 3))
    return np.clip(images + 0.05 * noise, -1, 1).astype("float32")


def test_levels_are_those_of_an_independent_pyramid():
    images = np.random.default_rng(0).normal(size=(1, 64, 32, 1)).astype("float32")
    first, last = sliced_wasserstein.laplacian_pyramid(images)
    weights = np.array([1, 4, 6, 4, 1]) / 16

    def filtered(image):
        padded = np.pad(image, 2, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
        return np.einsum("hwij,i,j->hw", windows, weights, weights)

    image = images[0, :, :, 0]
    smaller = filtered(image)[::2, ::2]
    zeros = np.zeros_like(image)
    zeros[::2, ::2] = smaller
    np.testing.assert_allclose(
        first[0, :, :, 0], image - 4 * filtered(zeros), atol=1e-5
    )
    np.testing.assert_allclose(last[0, :, :, 0], smaller, atol=1e-6)


def test_odd_sizes_can_be_halved():
    images = np.zeros((2, 65, 37, 3), "float32")
    levels = sliced_wasserstein.laplacian_pyramid(images)
    assert [level.shape[1:3] for level in levels] == [(65, 37), (33, 19)]


def test_the_changed_scale_has_the_largest_distance():
    real, same, noisy, moved = (smooth(80, seed) for seed in range(4))
    noisy[:, ::2, ::2] += 0.2
    # Rolled by half a side, images change in large structures alone.
    moved = np.roll(moved, 16, axis=(1, 2))
    floor, texture, structure = (
        sliced_wasserstein_distance(real, fake, patches=16, directions=32)
        for fake in (same, np.clip(noisy, -1, 1), moved)
    )
    assert list(floor) == ["32", "16", "mean"]
    assert floor["mean"] == pytest.approx((floor["32"] + floor["16"]) / 2)
    assert texture["32"] > 4 * floor["32"]
    assert texture["16"] < 2 * floor["16"]
    assert structure["32"] < 2 * floor["32"]
    assert structure["16"] > 3 * floor["16"]


def test_equal_patches_have_distance_zero_and_brightness_does_not_count():
    images = np.zeros((4, 16, 16, 1), "float32")
    images[:, :, 8:] = 0.5
    rows = [
        sliced_wasserstein._normalized_patches(part, 8, np.random.default_rng(0))
        for part in (images, images + 0.25)
    ]
    np.testing.assert_allclose(*rows, atol=1e-6)
    random = np.random.default_rng(0)
    assert sliced_wasserstein._sliced_distance(rows[0], rows[0], 9, random) == 0.0


def test_one_dimension_is_the_difference_of_sorted_values():
    random = np.random.default_rng(0)
    a, b = np.array([[3.0], [1.0]]), np.array([[2.0], [5.0]])
    distance = sliced_wasserstein._sliced_distance(a, b, 5, random)
    assert distance == pytest.approx((abs(1 - 2) + abs(3 - 5)) / 2)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((2, 16, 16, 3)), np.zeros((2, 16, 16, 1)), "fake has images of sha"),
        (np.zeros((2, 15, 32, 3)), np.zeros((2, 15, 32, 3)), "sides of at least 16"),
        (np.zeros((2, 16, 16, 3)), np.full((2, 16, 16, 3), 9.0), "fake has values fr"),
        (np.zeros((16, 16, 3)), np.zeros((2, 16, 16, 3)), r"real has shape \(16, 16"),
    ],
)
def test_unsupported_images_raise_an_error(real, fake, message):
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein_distance(real, fake)
