import matplotlib.path
import numpy as np
import pytest

from kerasgan.data.drawn_faces import body
from kerasgan.data.drawn_faces.attributes import ATTRIBUTES
from kerasgan.data.drawn_faces.canvas import Canvas, Pose, both, ellipse
from kerasgan.data.drawn_faces.drawing import make_face
from kerasgan.data.drawn_faces.features import EYE_X

# Drawing uses neither Keras nor TensorFlow.
pytestmark = pytest.mark.keras3_lane


@pytest.fixture
def canvas():
    """A gray canvas for an upright head in the center."""
    canvas = Canvas(Pose(yaw=0, pitch=0, roll=0, scale=1, x=88, y=111))
    canvas.planes[:] = 0.5
    return canvas


def faces_with(**changes):
    """Yields six faces, of different people, with these labels."""
    labels = dict.fromkeys(ATTRIBUTES, False) | {"No_Beard": True, "Young": True}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        yield make_face(labels | changes, rng, rng)


def test_background_fills_the_canvas(canvas):
    for seed in range(6):
        canvas.planes[:] = np.nan
        body.background(canvas, np.random.default_rng(seed))
        assert (canvas.planes >= 0).all() and (canvas.planes <= 1).all()
        # It is blurred: neighboring pixels hardly differ, distant ones do.
        steps = np.abs(np.diff(canvas.planes, axis=1))
        assert steps.max() < 0.05 < np.ptp(canvas.planes)


@pytest.mark.parametrize("shape", [{}, {"Oval_Face": True}, {"Chubby": True}])
def test_head_outline_encloses_the_eyes(shape):
    eyes = np.concatenate(both(ellipse(EYE_X, 0, 10, 6)))
    for face in faces_with(**shape):
        outline = matplotlib.path.Path(body.head_outline(face))
        assert outline.contains_points(eyes).all()
        chin = [(0, face.chin - 1), (0, face.chin + 1)]
        assert outline.contains_points(chin).tolist() == [True, False]


def test_earrings_change_only_pixels_beside_the_head(canvas):
    for face in faces_with(Wearing_Earrings=True):
        canvas.planes[:] = 0.5
        body.earrings(canvas, face)
        changed = (canvas.planes != 0.5).any(0)
        # The soft shadow is a few pixels larger than the metal.
        beside = np.abs(np.abs(canvas.u) - (face.half_width + 2.5)) < 8
        assert not changed[~beside].any()
        assert not changed[(canvas.v < 10) | (canvas.v > 38)].any()
        left, right = (changed & (side > 0) for side in (-canvas.u, canvas.u))
        assert min(left.sum(), right.sum()) > 60


def test_pale_skin_is_the_brightest(drawn, mean_color, eyes_middle):
    def cheek(index, **changes):
        image, landmarks = drawn(index, **changes)
        x, y = eyes_middle(landmarks)
        return np.mean([mean_color(image, x + dx, y + 20, 2) for dx in (-18, 18)])

    pale = [cheek(4 * k, Pale_Skin=True) for k in range(10)]
    others = [cheek(4 * k) for k in range(10)]
    assert np.mean(pale) > max(others) - 10
    assert all(p > o for p, o in zip(pale, others, strict=True))
