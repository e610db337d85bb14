import numpy as np
import pytest
from PIL import Image

from kerasgan.data.drawn_faces.attributes import ATTRIBUTES, LANDMARKS
from kerasgan.data.drawn_faces.drawing import draw_face

# Drawing uses neither Keras nor TensorFlow.
pytestmark = pytest.mark.keras3_lane

# The rows and columns where a label is visible, relative to the point between the eyes,
# and other labels of the face.
WOMAN = {"Wavy_Hair": True}
MAN = {"Male": True, "Brown_Hair": True}
SEEN = {
    "5_o_Clock_Shadow": ((30, 75), (-45, 45), MAN | {"No_Beard": False}),
    "Arched_Eyebrows": ((-25, -3), (-40, 40), WOMAN),
    "Bags_Under_Eyes": ((2, 15), (-35, 35), MAN),
    "Bald": ((-90, 5), (-52, 52), {"Male": True}),
    "Bangs": ((-65, -10), (-48, 48), WOMAN),
    "Big_Lips": ((28, 60), (-25, 25), WOMAN),
    "Big_Nose": ((-20, 38), (-25, 25), MAN),
    "Black_Hair": ((-95, 107), (-75, 75), WOMAN),
    "Blond_Hair": ((-95, 107), (-75, 75), WOMAN),
    "Brown_Hair": ((-95, 107), (-75, 75), WOMAN),
    "Bushy_Eyebrows": ((-25, -3), (-40, 40), MAN),
    "Chubby": ((-30, 107), (-70, 70), MAN),
    "Double_Chin": ((45, 100), (-50, 50), MAN),
    "Eyeglasses": ((-14, 16), (-55, 55), MAN),
    "Goatee": ((30, 85), (-25, 25), MAN | {"No_Beard": False}),
    "Gray_Hair": ((-95, 107), (-75, 75), WOMAN),
    "Heavy_Makeup": ((-16, 10), (-42, 42), WOMAN),
    "High_Cheekbones": ((0, 50), (-48, 48), WOMAN),
    "Mouth_Slightly_Open": ((28, 65), (-28, 28), WOMAN),
    "Mustache": ((24, 50), (-28, 28), MAN | {"No_Beard": False}),
    "Narrow_Eyes": ((-14, 9), (-36, 36), WOMAN),
    "Oval_Face": ((-50, 90), (-60, 60), WOMAN),
    "Pale_Skin": ((-75, 107), (-89, 89), MAN),
    "Pointy_Nose": ((-20, 38), (-25, 25), WOMAN),
    "Receding_Hairline": ((-75, 0), (-50, 50), MAN),
    "Rosy_Cheeks": ((5, 42), (-48, 48), WOMAN),
    "Sideburns": ((-20, 35), (-52, 52), MAN),
    "Smiling": ((-30, 70), (-45, 45), WOMAN),
    "Straight_Hair": ((-95, 107), (-75, 75), {}),
    "Wavy_Hair": ((-95, 107), (-75, 75), {}),
    "Wearing_Earrings": ((10, 38), (-62, 62), WOMAN),
    "Wearing_Hat": ((-110, -8), (-85, 85), MAN),
    "Wearing_Lipstick": ((28, 60), (-25, 25), WOMAN),
    "Wearing_Necklace": ((70, 107), (-55, 55), WOMAN),
    "Wearing_Necktie": ((60, 107), (-89, 89), MAN),
    "Young": ((-45, 60), (-50, 50), MAN),
}


def thumbnail(image):
    """Returns the center of the picture at 32x32 pixels, flat, in [0, 1]."""
    small = Image.fromarray(image[20:198]).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(small, float).ravel() / 255


def test_types_of_a_face():
    face = draw_face(0, 0)
    assert face.image.shape == (218, 178, 3) and face.image.dtype == np.uint8
    assert list(face.landmarks) == LANDMARKS
    assert all(type(value) is int for value in face.landmarks.values())
    assert len(face.attributes) == 40
    assert list(face.attributes) == ATTRIBUTES
    assert all(type(value) is bool for value in face.attributes.values())
    assert type(face.identity) is int


def test_seed_and_index_decide_the_face():
    face, same = draw_face(3, 17), draw_face(3, 17)
    assert face.image.tobytes() == same.image.tobytes()
    assert face[1:] == same[1:]
    assert not np.array_equal(face.image, draw_face(4, 17).image)
    assert not np.array_equal(face.image, draw_face(3, 18).image)


def test_four_pictures_of_one_person():
    for first in (0, 4, 8, 12):
        pictures = [draw_face(1, first + k) for k in range(4)]
        assert {face.identity for face in pictures} == {first // 4 + 1}
        for name in ("Male", "Young", "Pale_Skin", "Big_Nose", "Oval_Face"):
            assert len({face.attributes[name] for face in pictures}) == 1
        assert len({tuple(face.landmarks.values()) for face in pictures}) == 4
        assert len({face.image.tobytes() for face in pictures}) == 4


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_faces_are_aligned_like_celeb_a(people):
    spots = np.array([list(face.landmarks.values()) for face in people[:120]])
    assert (spots >= 0).all() and (spots.reshape(-1, 5, 2) < (178, 218)).all()
    # Mean landmarks of CelebA.
    middle = (69, 111, 108, 111, 88, 135, 73, 152, 105, 152)
    assert np.abs(spots.mean(0) - middle).max() < 3
    assert (spots.std(0) > 1).all() and (spots.std(0) < 8).all()


def test_all_labels_but_four_are_tested_below():
    # Attractive is a rule, Male changes everything, two have their own tests.
    rest = {"Attractive", "Blurry", "Male", "No_Beard"}
    assert set(SEEN) | rest == set(ATTRIBUTES)


@pytest.mark.parametrize("name", SEEN)
def test_label_is_visible_where_it_belongs(name, drawn, eyes_middle):
    (top, bottom), (left, right), others = SEEN[name]
    for index in range(6):
        one, landmarks = drawn(index, **others | {name: False})
        other, _ = drawn(index, **others | {name: True})
        x, y = map(round, eyes_middle(landmarks))
        change = np.abs(one - other).mean(-1)
        margin = 8  # For the pose.
        window = (
            slice(max(y + top - margin, 0), y + bottom + margin),
            slice(max(x + left - margin, 0), x + right + margin),
        )
        assert (change[window] > 10).sum() >= 40
        assert change[window].sum() > 0.95 * change.sum()


def test_attractive_is_not_drawn(drawn):
    assert np.array_equal(drawn(0)[0], drawn(0, Attractive=True)[0])


def test_blurry_has_no_edges(drawn):
    for index in range(4):
        sharp, blurry = drawn(index)[0], drawn(index, Blurry=True)[0]
        edges = [np.abs(np.diff(image, axis=0)).max() for image in (sharp, blurry)]
        assert edges[1] < 0.4 * edges[0]
        assert np.abs(sharp.mean((0, 1)) - blurry.mean((0, 1))).max() < 2


def test_men_and_women_look_different_at_32_pixels(people):
    pixels = np.array([thumbnail(face.image) for face in people])
    male = np.array([face.attributes["Male"] for face in people])
    pixels -= pixels.mean(0)
    # Ridge regression on the first half, in its dual form.
    kernel = pixels @ pixels.T
    weights = np.linalg.solve(
        kernel[:160, :160] + 30 * np.eye(160), np.where(male[:160], 1.0, -1.0)
    )
    guess = kernel[160:, :160] @ weights > 0
    assert (guess == male[160:]).mean() > 0.9
