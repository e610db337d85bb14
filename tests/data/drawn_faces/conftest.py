import numpy as np
import pytest

from kerasgan.data.drawn_faces.attributes import ATTRIBUTES
from kerasgan.data.drawn_faces.drawing import draw_face, render


@pytest.fixture(scope="session")
def people():
    """240 faces of different people."""
    return [draw_face(5, 4 * index) for index in range(240)]


@pytest.fixture
def drawn():
    """Function that draws a face with few attributes and given changes."""

    def draw(index=0, **changes):
        labels = dict.fromkeys(ATTRIBUTES, False) | {"No_Beard": True, "Young": True}
        image, landmarks = render(labels | changes, 9, index)
        return image.astype(np.float32), landmarks

    return draw


@pytest.fixture
def mean_color():
    """Function that returns the mean color, `(3,)`, of a square in an image."""

    def mean(image, x, y, radius=1):
        x, y = round(x), round(y)
        box = image[y - radius : y + radius + 1, x - radius : x + radius + 1]
        return box.reshape(-1, 3).mean(0)

    return mean


@pytest.fixture
def eyes_middle():
    """Function from landmarks to x and y of the point between the eyes."""

    def middle(landmarks):
        return (
            (landmarks["lefteye_x"] + landmarks["righteye_x"]) / 2,
            (landmarks["lefteye_y"] + landmarks["righteye_y"]) / 2,
        )

    return middle
