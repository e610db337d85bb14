import functools

import numpy as np
import pytest
from PIL import Image

from kerasgan.data.drawn_faces.attributes import (
    ATTRIBUTES,
    LANDMARKS,
    sample_attributes,
)
from kerasgan.data.drawn_faces.drawing import draw_face, render

# Of CelebA's 202,599 images, in percent.
CELEB_A = {
    "5_o_Clock_Shadow": 11.1, "Arched_Eyebrows": 26.7, "Attractive": 51.3,
    "Bags_Under_Eyes": 20.5, "Bald": 2.2, "Bangs": 15.2, "Big_Lips": 24.1,
    "Big_Nose": 23.5, "Black_Hair": 23.9, "Blond_Hair": 14.8, "Blurry": 5.1,
    "Brown_Hair": 20.5, "Bushy_Eyebrows": 14.2, "Chubby": 5.8, "Double_Chin": 4.7,
    "Eyeglasses": 6.5, "Goatee": 6.3, "Gray_Hair": 4.2, "Heavy_Makeup": 38.7,
    "High_Cheekbones": 45.5, "Male": 41.7, "Mouth_Slightly_Open": 48.3,
    "Mustache": 4.2, "Narrow_Eyes": 11.5, "No_Beard": 83.5, "Oval_Face": 28.4,
    "Pale_Skin": 4.3, "Pointy_Nose": 27.7, "Receding_Hairline": 8.0,
    "Rosy_Cheeks": 6.6, "Sideburns": 5.7, "Smiling": 48.2, "Straight_Hair": 20.8,
    "Wavy_Hair": 32.0, "Wearing_Earrings": 18.9, "Wearing_Hat": 4.8,
    "Wearing_Lipstick": 47.2, "Wearing_Necklace": 12.3, "Wearing_Necktie": 7.3,
    "Young": 77.4,
}  # fmt: skip
HAIR_COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")


@functools.cache
def faces(count=120):
    """Faces of different people."""
    return [draw_face(5, 4 * index) for index in range(count)]


@functools.cache
def samples():
    rngs = (np.random.default_rng(seed) for seed in range(6000))
    return [sample_attributes(rng, rng) for rng in rngs]


def drawn(index=0, **changes):
    """Returns the picture and landmarks of a face with few attributes, changed."""
    attributes = dict.fromkeys(ATTRIBUTES, False) | {"No_Beard": True, "Young": True}
    image, landmarks = render(attributes | changes, 9, index)
    return image.astype(np.float32), landmarks


def mean_color(image, x, y, radius=1):
    x, y = round(x), round(y)
    box = image[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return box.reshape(-1, 3).mean(0)


def thumbnail(image):
    """Returns the middle of the picture at 32 x 32 pixels, flat, in [0, 1]."""
    small = Image.fromarray(image[20:198]).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(small, float).ravel() / 255


def eyes_middle(landmarks):
    return (
        (landmarks["lefteye_x"] + landmarks["righteye_x"]) / 2,
        (landmarks["lefteye_y"] + landmarks["righteye_y"]) / 2,
    )


def test_a_face():
    face = draw_face(0, 0)
    assert face.image.shape == (218, 178, 3) and face.image.dtype == np.uint8
    assert list(face.landmarks) == LANDMARKS
    assert all(type(value) is int for value in face.landmarks.values())
    assert len(face.attributes) == 40
    assert set(face.attributes) == set(CELEB_A)
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


def test_frequencies_are_near_those_of_celeb_a():
    for name, percent in CELEB_A.items():
        rate = np.mean([sample[name] for sample in samples()])
        # Four standard errors, and two points for what hides something else.
        error = 4 * np.sqrt(percent * (100 - percent) / len(samples()))
        assert abs(100 * rate - percent) < error + 2, name


def test_labels_go_together():
    for face in samples():
        assert sum(face[name] for name in HAIR_COLORS) <= 1
        beard = face["5_o_Clock_Shadow"] or face["Goatee"] or face["Mustache"]
        assert beard != face["No_Beard"]
        assert not (face["Straight_Hair"] and face["Wavy_Hair"])
        if not face["Male"]:
            assert face["No_Beard"] and not face["Bald"] and not face["Sideburns"]
        else:
            assert not face["Wearing_Lipstick"] and not face["Heavy_Makeup"]
        if face["Bald"]:
            hair = (*HAIR_COLORS, "Bangs", "Wavy_Hair", "Receding_Hairline")
            assert not any(face[name] for name in hair)
        if face["Wearing_Hat"]:
            assert not face["Bald"] and not face["Bangs"]
        if face["Heavy_Makeup"]:
            assert face["Wearing_Lipstick"]


def test_faces_are_aligned_like_celeb_a():
    spots = np.array([list(face.landmarks.values()) for face in faces()])
    assert (spots >= 0).all() and (spots.reshape(-1, 5, 2) < (178, 218)).all()
    # CelebA's mean landmarks.
    middle = (69, 111, 108, 111, 88, 135, 73, 152, 105, 152)
    assert np.abs(spots.mean(0) - middle).max() < 3
    assert (spots.std(0) > 1).all() and (spots.std(0) < 8).all()


def test_pupils_are_at_the_landmarks():
    checked = 0
    for face in faces():
        labels = face.attributes
        if labels["Eyeglasses"] or labels["Blurry"] or labels["Narrow_Eyes"]:
            continue
        for side in ("left", "right"):
            x = face.landmarks[f"{side}eye_x"]
            y = face.landmarks[f"{side}eye_y"]
            assert mean_color(face.image, x, y).mean() < 75
            # The white of the eye, on both sides of the iris, is brighter.
            whites = [mean_color(face.image, x + d, y).mean() for d in (-6, 6)]
            assert np.mean(whites) > mean_color(face.image, x, y).mean() + 40
            checked += 1
    assert checked > 100


def test_mouth_corners_are_where_lipstick_ends():
    for index in range(12):
        smiling = index % 2 == 0
        bare, landmarks = drawn(index, Smiling=smiling)
        painted, _ = drawn(index, Smiling=smiling, Wearing_Lipstick=True)
        columns = np.nonzero(np.abs(painted - bare).max(axis=(0, 2)) > 12)[0]
        assert abs(columns[0] - landmarks["leftmouth_x"]) <= 2
        assert abs(columns[-1] - landmarks["rightmouth_x"]) <= 2
        for side, column in (("left", columns[0]), ("right", columns[-1])):
            change = np.abs(painted - bare)[:, column].max(-1)
            assert abs(change.argmax() - landmarks[f"{side}mouth_y"]) <= 3


def test_nose_is_at_its_landmark():
    for index in range(12):
        plain, landmarks = drawn(index)
        change = np.abs(drawn(index, Big_Nose=True)[0] - plain).sum(-1)
        rows, columns = np.nonzero(change > 20)
        assert abs((columns.min() + columns.max()) / 2 - landmarks["nose_x"]) < 5
        assert rows.min() < landmarks["nose_y"] < rows.max()


# Where a label is seen: rows and columns from the point between the eyes; and the
# labels it is tried with.
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


def test_every_label_but_four_is_looked_for():
    # Attractive is a rule, Male changes all, the other two have tests of their own.
    rest = {"Attractive", "Blurry", "Male", "No_Beard"}
    assert set(SEEN) | rest == set(ATTRIBUTES)


@pytest.mark.parametrize("name", SEEN)
def test_label_is_seen_where_it_belongs(name):
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


def test_attractive_is_a_rule_and_not_drawn():
    assert np.array_equal(drawn(0)[0], drawn(0, Attractive=True)[0])


def test_blurry_has_no_edges():
    for index in range(4):
        sharp, blurry = drawn(index)[0], drawn(index, Blurry=True)[0]
        edges = [np.abs(np.diff(image, axis=0)).max() for image in (sharp, blurry)]
        assert edges[1] < 0.4 * edges[0]
        assert np.abs(sharp.mean((0, 1)) - blurry.mean((0, 1))).max() < 2


def test_lipstick_is_redder():
    for index in range(8):
        redness = []
        for lipstick in (False, True):
            image, landmarks = drawn(index, Wearing_Lipstick=lipstick, Big_Lips=True)
            x = (landmarks["leftmouth_x"] + landmarks["rightmouth_x"]) / 2
            y = (landmarks["leftmouth_y"] + landmarks["rightmouth_y"]) / 2
            red, green, blue = mean_color(image, x - 6, y + 5)
            redness.append(red - (green + blue) / 2)
        assert redness[1] > redness[0] + 20


def test_frames_of_glasses_are_dark_around_the_eyes():
    for index in range(8):
        bare, landmarks = drawn(index, Male=True)
        worn, _ = drawn(index, Male=True, Eyeglasses=True)
        for side in ("left", "right"):
            x, y = landmarks[f"{side}eye_x"], landmarks[f"{side}eye_y"]
            below = slice(y + 7, y + 16), x
            assert worn[below].mean(-1).min() < bare[below].mean(-1).min() - 30


def test_hair_colors():
    for index in range(8):
        colors = {}
        for name in HAIR_COLORS:
            image, landmarks = drawn(index, Straight_Hair=True, **{name: True})
            x, y = eyes_middle(landmarks)
            colors[name] = image[round(y) - 68 : round(y) - 55, round(x)].mean(0)
        black, blond, brown, gray = (colors[name] for name in HAIR_COLORS)
        assert black.max() < 75
        assert black.mean() + 20 < brown.mean() < blond.mean() - 20
        assert np.ptp(gray) < 20 and gray.mean() > 120
        assert brown[0] > brown[2] + 20 and blond[0] > blond[2] + 40


def test_a_bald_head_is_skin():
    for index in range(8):
        image, landmarks = drawn(index, Male=True, Bald=True)
        x, y = eyes_middle(landmarks)
        forehead = mean_color(image, x, y - 25, 3)
        crown = mean_color(image, x - 12, y - 45, 3)
        assert np.abs(crown / crown.sum() - forehead / forehead.sum()).max() < 0.05


def test_pale_skin_is_the_brightest():
    def cheek(index, **changes):
        image, landmarks = drawn(index, **changes)
        x, y = eyes_middle(landmarks)
        return np.mean([mean_color(image, x + dx, y + 20, 2) for dx in (-18, 18)])

    pale = [cheek(4 * k, Pale_Skin=True) for k in range(10)]
    others = [cheek(4 * k) for k in range(10)]
    assert np.mean(pale) > max(others) - 10
    assert all(p > o for p, o in zip(pale, others, strict=True))


def test_smiles_lift_and_widen_the_mouth():
    for index in range(8):
        spots = [drawn(index, Smiling=smiling)[1] for smiling in (False, True)]
        width = [s["rightmouth_x"] - s["leftmouth_x"] for s in spots]
        height = [s["leftmouth_y"] + s["rightmouth_y"] - 2 * s["nose_y"] for s in spots]
        assert width[1] >= width[0] + 4 and height[1] < height[0]


def test_open_mouths_show_what_is_inside():
    for index in range(8):
        image, landmarks = drawn(index, Mouth_Slightly_Open=True)
        x = (landmarks["leftmouth_x"] + landmarks["rightmouth_x"]) // 2
        y = (landmarks["leftmouth_y"] + landmarks["rightmouth_y"]) // 2
        column = image[y - 2 : y + 8, x].mean(-1)
        assert column.min() < 75 and column.max() > 110


def test_men_and_women_look_different_at_32_pixels():
    pixels = np.array([thumbnail(face.image) for face in faces(240)])
    male = np.array([face.attributes["Male"] for face in faces(240)])
    pixels -= pixels.mean(0)
    # Ridge regression on the first half, in its dual form.
    kernel = pixels @ pixels.T
    weights = np.linalg.solve(
        kernel[:160, :160] + 30 * np.eye(160), np.where(male[:160], 1.0, -1.0)
    )
    guess = kernel[160:, :160] @ weights > 0
    assert (guess == male[160:]).mean() > 0.9
