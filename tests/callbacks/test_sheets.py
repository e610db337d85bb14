import numpy as np
import pytest

from kerasgan.callbacks.sheets import translation_sheet


def columns(n, height, width, channels=3, first=1):
    """Four columns of images, every one of which has a value of its own."""
    images = np.zeros((4, n, height, width, channels), "uint8")
    images += (first + np.arange(4 * n, dtype="uint8")).reshape(4, n, 1, 1, 1)
    # No colour of the writing, which is grey.
    images[..., 1:2] = 200
    return list(images)


@pytest.mark.parametrize("height, width", [(64, 64), (96, 48), (8, 8), (128, 160)])
def test_every_image_keeps_its_pixels_and_its_place(height, width):
    a2b, b2a = columns(3, height, width), columns(3, height, width, first=101)
    sheet = translation_sheet(a2b, b2a)
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    corners = []
    for column in (*a2b, *b2a):
        for image in column:
            rows, xs = np.nonzero((sheet == image[0, 0]).all(axis=2))
            y, x = rows.min(), xs.min()
            np.testing.assert_array_equal(sheet[y : y + height, x : x + width], image)
            corners.append((y, x))
    corners = np.array(corners).reshape(8, 3, 2)
    # A column has one left edge, a row one upper edge, and both go on in order.
    assert (corners[:, :, 1] == corners[:, :1, 1]).all()
    assert (corners[:, :, 0] == corners[:1, :, 0]).all()
    assert (np.diff(corners[:, 0, 1]) > width).all()
    assert (np.diff(corners[0, :, 0]) == height + 2).all()
    steps = np.diff(corners[:, 0, 1])
    assert steps[3] > steps[0] and len({*steps[:3], *steps[4:]}) == 1


def test_headings_stand_apart_above_the_columns():
    small = np.zeros((2, 16, 16, 3), "uint8")
    small[..., 0] = 255
    sheet = translation_sheet([small] * 4, [small] * 4)
    edges = np.flatnonzero((sheet == small[0, 0, 0]).all(axis=2).any(axis=0))
    lefts = edges[np.flatnonzero(np.diff(edges, prepend=-2) > 1)]
    top = np.flatnonzero((sheet == small[0, 0, 0]).all(axis=2).any(axis=1))[0]
    ink = sheet[top // 2 : top].min(axis=(0, 2)) < 128
    assert len(lefts) == 8
    for left in lefts:
        # Something is written there, and before it a space is left.
        assert ink[left : left + 16].any() and not ink[left - 4 : left].any()


def test_grey_and_transparent_images():
    grey = translation_sheet(columns(1, 16, 16, 1), columns(1, 16, 16, 1))
    assert grey.shape[2] == 1
    mixed = translation_sheet(columns(1, 16, 16, 1), columns(1, 16, 24, 3))
    assert mixed.shape[2] == 3
    clear = translation_sheet(columns(1, 16, 16, 4), columns(1, 16, 16, 4))
    assert (clear[0, 0] == 255).all()
