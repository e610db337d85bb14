import numpy as np
import pytest

# Drawing uses neither Keras nor TensorFlow.
pytestmark = pytest.mark.keras3_lane


def test_pupils_are_at_the_landmarks(mean_color, people):
    checked = 0
    for face in people[:120]:
        labels = face.attributes
        if labels["Eyeglasses"] or labels["Blurry"] or labels["Narrow_Eyes"]:
            continue
        for side in ("left", "right"):
            x = face.landmarks[f"{side}eye_x"]
            y = face.landmarks[f"{side}eye_y"]
            assert mean_color(face.image, x, y).mean() < 75
            # The white of the eye is brighter, on both sides of the iris.
            whites = [mean_color(face.image, x + d, y).mean() for d in (-6, 6)]
            assert np.mean(whites) > mean_color(face.image, x, y).mean() + 40
            checked += 1
    assert checked > 100


def test_mouth_corners_are_where_lipstick_ends(drawn):
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


def test_nose_is_at_its_landmark(drawn):
    for index in range(12):
        plain, landmarks = drawn(index)
        change = np.abs(drawn(index, Big_Nose=True)[0] - plain).sum(-1)
        rows, columns = np.nonzero(change > 20)
        assert abs((columns.min() + columns.max()) / 2 - landmarks["nose_x"]) < 5
        assert rows.min() < landmarks["nose_y"] < rows.max()


def test_lipstick_is_redder(drawn, mean_color):
    for index in range(8):
        redness = []
        for lipstick in (False, True):
            image, landmarks = drawn(index, Wearing_Lipstick=lipstick, Big_Lips=True)
            x = (landmarks["leftmouth_x"] + landmarks["rightmouth_x"]) / 2
            y = (landmarks["leftmouth_y"] + landmarks["rightmouth_y"]) / 2
            red, green, blue = mean_color(image, x - 6, y + 5)
            redness.append(red - (green + blue) / 2)
        assert redness[1] > redness[0] + 20


def test_frames_of_glasses_are_dark_around_the_eyes(drawn):
    for index in range(8):
        bare, landmarks = drawn(index, Male=True)
        worn, _ = drawn(index, Male=True, Eyeglasses=True)
        for side in ("left", "right"):
            x, y = landmarks[f"{side}eye_x"], landmarks[f"{side}eye_y"]
            below = slice(y + 7, y + 16), x
            assert worn[below].mean(-1).min() < bare[below].mean(-1).min() - 30


def test_smiles_lift_and_widen_the_mouth(drawn):
    for index in range(8):
        spots = [drawn(index, Smiling=smiling)[1] for smiling in (False, True)]
        width = [s["rightmouth_x"] - s["leftmouth_x"] for s in spots]
        height = [s["leftmouth_y"] + s["rightmouth_y"] - 2 * s["nose_y"] for s in spots]
        assert width[1] >= width[0] + 4 and height[1] < height[0]


def test_open_mouths_show_their_inside(drawn):
    for index in range(8):
        image, landmarks = drawn(index, Mouth_Slightly_Open=True)
        x = (landmarks["leftmouth_x"] + landmarks["rightmouth_x"]) // 2
        y = (landmarks["leftmouth_y"] + landmarks["rightmouth_y"]) // 2
        column = image[y - 2 : y + 8, x].mean(-1)
        assert column.min() < 75 and column.max() > 110
