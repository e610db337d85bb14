import math

import numpy as np
import pytest

from kerasgan.data.drawn_faces.canvas import (
    HEIGHT,
    WIDTH,
    Canvas,
    Mask,
    Pose,
    closed,
    curve,
    ellipse,
)

# Drawing uses neither Keras nor TensorFlow.
pytestmark = pytest.mark.keras3_lane

LEVEL = Pose(yaw=0, pitch=0, roll=0, scale=1, x=0, y=0)
POINTS = np.array([(3.0, -4.0), (10.0, 1.0), (6.0, 9.0), (-2.0, 7.5), (-5.0, 0.0)])


@pytest.fixture
def canvas():
    """A canvas of random colors; the plane's origin is the pixel (88, 111)."""
    canvas = Canvas(LEVEL._replace(x=88, y=111))
    canvas.planes[:] = np.random.default_rng(0).random(canvas.planes.shape)
    return canvas


def test_closed_passes_through_its_points():
    outline = closed(POINTS)
    assert outline.shape == (6 * len(POINTS), 2)
    np.testing.assert_allclose(outline[::6], POINTS, atol=1e-12)


def test_curve_passes_through_its_points():
    line = curve(POINTS)
    assert line.shape == (6 * (len(POINTS) - 1) + 1, 2)
    np.testing.assert_allclose(line[::6], POINTS, atol=1e-12)


def test_closed_rounds_the_corners():
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = closed(10 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert np.abs(np.hypot(*circle.T) - 10).max() < 0.1


def test_level_pose_does_not_move_points():
    np.testing.assert_array_equal(LEVEL.place(POINTS), POINTS)
    np.testing.assert_array_equal(LEVEL.place(POINTS, lift=9.0), POINTS)


def test_rolled_pose_rotates_and_scales_around_the_eyes():
    pose = LEVEL._replace(roll=0.3, scale=1.5, x=88, y=111)
    placed = (pose.place(POINTS) - (88, 111)) @ (1, 1j)
    expected = POINTS @ (1, 1j) * 1.5 * np.exp(0.3j)
    np.testing.assert_allclose(placed, expected)


def test_rotated_head_moves_lifted_points():
    pose = LEVEL._replace(yaw=0.2, pitch=-0.1)
    slid = pose.place(np.zeros((1, 2)), lift=10.0) - pose.place(np.zeros((1, 2)))
    np.testing.assert_allclose(slid, [(2.0, -1.0)])


def test_fields_are_the_inverse_of_place():
    pose = Pose(yaw=0.15, pitch=0.06, roll=-0.05, scale=1.04, x=87, y=112)
    points = 2 * POINTS
    for point, (column, row) in zip(points, pose.place(points), strict=True):
        u, v = pose.fields(*np.array([[row], [column]], np.float32))
        np.testing.assert_allclose((u.item(), v.item()), point, atol=0.1)


@pytest.mark.parametrize(("rx", "ry"), [(12, 12), (30, 18), (25, 60)])
def test_mask_covers_the_area_of_its_ellipse(canvas, rx, ry):
    mask = canvas.mask(ellipse(0, 0, rx, ry))
    assert mask.cover.sum() == pytest.approx(math.pi * rx * ry, rel=0.01)
    cover = mask.full()
    assert cover.sum() == pytest.approx(mask.cover.sum())
    rows, columns = np.indices(cover.shape)
    radius = np.hypot((columns - 88) / rx, (rows - 111) / ry)
    away = 1.5 / min(rx, ry)
    assert (cover[radius < 1 - away] == 1).all()
    assert (cover[radius > 1 + away] == 0).all()
    # The edge is antialiased, about one pixel wide.
    partly = ((cover > 0) & (cover < 1)).sum()
    assert partly > math.pi * (rx + ry) / 2


def test_blurred_mask_keeps_its_area(canvas):
    outline = ellipse(0, 0, 20, 15)
    area = math.pi * 20 * 15
    for blur in (0.4, 0.8, 1.2):
        mask = canvas.mask(outline, blur=blur)
        assert mask.cover.sum() == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize("blur", [0.0, 0.8, 1.2, 2.0, 4.0])
def test_blur_softens_the_edge_only(canvas, blur):
    cover = canvas.mask(ellipse(0, 0, 40, 40), blur=blur).full()
    assert cover[111, 88] == pytest.approx(1, abs=0.01)
    # From the center to the right: a softer edge covers more pixels partly.
    partly = ((cover[111, 88:] > 0.02) & (cover[111, 88:] < 0.98)).sum()
    assert 2 * blur - 1 <= partly <= 5 * blur + 4


def test_mask_of_separate_outlines_covers_both(canvas):
    one, other = ellipse(-30, 0, 9, 9), ellipse(30, 5, 9, 9)
    covers = [canvas.mask(outline).full() for outline in (one, other)]
    np.testing.assert_array_equal(canvas.mask(one, other).full(), sum(covers))


def test_mask_ends_at_the_edge_of_the_picture(canvas):
    rows, columns = canvas.mask(ellipse(0, 0, 300, 300)).window
    assert (rows, columns) == (slice(0, HEIGHT), slice(0, WIDTH))


def test_and_is_the_intersection_of_masks(canvas):
    masks = [canvas.mask(ellipse(x, 0, 15, 12)) for x in (-5, 5)]
    both = masks[0] & masks[1]
    product = masks[0].full() * masks[1].full()
    np.testing.assert_array_equal(both.full(), product)
    assert not (masks[0] & canvas.mask(ellipse(60, 60, 5, 5))).full().any()


def test_paint_covers_a_mask_with_a_color(canvas):
    before, mask = canvas.planes.copy(), canvas.mask(ellipse(0, 0, 20, 15))
    color = np.array([0.2, 0.9, 0.4])
    canvas.paint(mask, color, opacity=0.0)
    np.testing.assert_array_equal(canvas.planes, before)
    canvas.paint(mask, color)
    cover = mask.full()
    inside = canvas.planes[:, cover == 1].T
    np.testing.assert_allclose(inside, np.tile(color, (len(inside), 1)), atol=1e-6)
    np.testing.assert_array_equal(canvas.planes[:, cover == 0], before[:, cover == 0])
    mixed = before + (color[:, None, None] - before) * cover
    np.testing.assert_allclose(canvas.planes, mixed, atol=1e-6)


def test_paint_with_half_the_opacity_mixes_colors(canvas):
    before = canvas.planes.copy()
    everywhere = Mask(np.s_[:, :], np.ones((HEIGHT, WIDTH), np.float32))
    canvas.paint(everywhere, np.ones_like(before), opacity=0.5)
    np.testing.assert_allclose(canvas.planes, (before + 1) / 2, atol=1e-6)


def test_tint_multiplies_by_a_color(canvas):
    before, mask = canvas.planes.copy(), canvas.mask(ellipse(0, 0, 20, 15))
    canvas.tint(mask, (0.5, 1.0, 0.25), strength=0.0)
    np.testing.assert_array_equal(canvas.planes, before)
    canvas.tint(mask, (0.5, 1.0, 0.25))
    glaze = 1 + mask.full() * np.array([-0.5, 0.0, -0.75])[:, None, None]
    np.testing.assert_allclose(canvas.planes, before * glaze, atol=1e-6)


def test_image_is_rounded_and_clipped(canvas):
    canvas.planes[:, 0, :3] = np.array([-0.3, 0.5, 1.7])
    image = canvas.image()
    assert image.dtype == np.uint8 and image.shape == (HEIGHT, WIDTH, 3)
    assert image[0, :3].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    rounded = np.rint(canvas.planes[:, 1:].transpose(1, 2, 0) * 255)
    assert np.abs(image[1:] - rounded).max() <= 1
