import numpy as np
import pytest

from kerasgan.callbacks.translation_layout import arrange_translations


def four_columns(n, height, width, channels=3, first=1):
    """Returns four columns of images, each image with a color of its own."""
    images = np.zeros((4, n, height, width, channels), "uint8")
    images += (first + np.arange(4 * n, dtype="uint8")).reshape(4, n, 1, 1, 1)
    # Not a color of the text, which is gray.
    images[..., 1:2] = 200
    return list(images)


@pytest.mark.parametrize(
    "height, width, count", [(64, 64, 4), (96, 48, 4), (8, 8, 3), (128, 160, 4)]
)
def test_every_image_keeps_its_pixels_and_its_place(height, width, count):
    a2b = four_columns(3, height, width)[:count]
    b2a = four_columns(3, height, width, first=101)[:count]
    page = arrange_translations(a2b, b2a)
    assert page.dtype == np.uint8 and page.shape[2] == 3
    corners = []
    for column in (*a2b, *b2a):
        for image in column:
            rows, xs = np.nonzero((page == image[0, 0]).all(axis=2))
            y, x = rows.min(), xs.min()
            np.testing.assert_array_equal(page[y : y + height, x : x + width], image)
            corners.append((y, x))
    corners = np.array(corners).reshape(2 * count, 3, 2)
    # Columns share their left edges and rows their upper edges, in order.
    assert (corners[:, :, 1] == corners[:, :1, 1]).all()
    assert (corners[:, :, 0] == corners[:1, :, 0]).all()
    assert (np.diff(corners[:, 0, 1]) > width).all()
    assert (np.diff(corners[0, :, 0]) == height + 2).all()
    steps = np.diff(corners[:, 0, 1])
    assert steps[count - 1] > steps[0]
    assert len({*steps[: count - 1], *steps[count:]}) == 1


def test_headings_are_above_the_columns_and_do_not_touch():
    red = np.zeros((2, 16, 16, 3), "uint8")
    red[..., 0] = 255
    page = arrange_translations([red] * 4, [red] * 4)
    is_red = (page == red[0, 0, 0]).all(axis=2)
    edges = np.flatnonzero(is_red.any(axis=0))
    lefts = edges[np.flatnonzero(np.diff(edges, prepend=-2) > 1)]
    top = np.flatnonzero(is_red.any(axis=1))[0]
    has_text = page[top // 2 : top].min(axis=(0, 2)) < 128
    assert len(lefts) == 8
    for left in lefts:
        assert has_text[left : left + 16].any() and not has_text[left - 4 : left].any()


@pytest.mark.parametrize("channels_a", [1, 3, 4])
@pytest.mark.parametrize("channels_b", [1, 3, 4])
def test_domains_may_differ_in_their_channels(channels_a, channels_b):
    channels = channels_a, channels_b
    a, b = (np.full((1, 16, 16, c), 200, "uint8") for c in channels)
    for images in (a, b):
        if images.shape[-1] >= 3:
            images[..., 1] = 50
        if images.shape[-1] == 4:
            images[..., 3] = 7
    page = arrange_translations([a] * 3, [b] * 3)
    assert page.shape[2] == max(channels)
    colors = {tuple(c) for c in page.reshape(-1, page.shape[2]).tolist()}
    for count in channels:
        color = {1: (200, 200, 200), 3: (200, 50, 200), 4: (200, 50, 200, 7)}[count]
        if count < 4 == page.shape[2]:
            color = (*color, 255)
        assert color[: page.shape[2]] in colors
    # The background is opaque.
    assert (page[0, 0] == 255).all()
