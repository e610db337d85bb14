import numpy as np
import pytest

# Drawing uses neither Keras nor TensorFlow.
pytestmark = pytest.mark.keras3_lane

HAIR_COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")


def test_hair_colors(drawn, eyes_middle):
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


def test_bald_head_has_the_color_of_skin(drawn, mean_color, eyes_middle):
    for index in range(8):
        image, landmarks = drawn(index, Male=True, Bald=True)
        x, y = eyes_middle(landmarks)
        forehead = mean_color(image, x, y - 25, 3)
        crown = mean_color(image, x - 12, y - 45, 3)
        assert np.abs(crown / crown.sum() - forehead / forehead.sum()).max() < 0.05
