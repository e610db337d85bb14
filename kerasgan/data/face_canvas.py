"""A canvas for soft drawn faces: the pose, smooth outlines, masks, blending."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

HEIGHT, WIDTH = 218, 178

# Weights of a Catmull-Rom curve at equal steps between its middle two points.
_STEPS = 6
_T = np.arange(_STEPS)[:, None] / _STEPS
_CATMULL_ROM = (
    np.concatenate([_T**0, _T, _T**2, _T**3], axis=1)
    @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
    / 2
)


def closed(points):
    """Returns the smooth closed outline, `(6 n, 2)`, through `n` points."""
    points = np.asarray(points, np.float64)
    around = np.stack([np.roll(points, shift, 0) for shift in (1, 0, -1, -2)])
    return np.einsum("tk,knc->ntc", _CATMULL_ROM, around).reshape(-1, 2)


def curve(points):
    """Returns the smooth open curve through the points, both ends included."""
    points = np.asarray(points, np.float64)
    padded = np.concatenate([points[:1], points, points[-1:]])
    around = np.stack([padded[k : len(points) - 1 + k] for k in range(4)])
    inner = np.einsum("tk,knc->ntc", _CATMULL_ROM, around).reshape(-1, 2)
    return np.concatenate([inner, points[-1:]])


def stroke(points, widths):
    """Returns the outline of a brush stroke along a smooth curve.

    Args:
        points: `(n, 2)`, what the curve goes through.
        widths: The stroke's width, interpolated from the first end to the last.
    """
    line = curve(points)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    spots = np.linspace(0, 1, len(widths))
    half = np.interp(np.linspace(0, 1, len(line)), spots, widths)[:, None] / 2
    return np.concatenate([line + across * half, (line - across * half)[::-1]])


def ellipse(x, y, rx, ry, count=28):
    """Returns the outline, `(count, 2)`, of an ellipse."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def bump(u, v, x, y, sx, sy):
    """Returns a Gaussian hill of height 1 at `(x, y)` over the fields u and v."""
    return np.exp(-(((u - x) / sx) ** 2) - ((v - y) / sy) ** 2)


def ramp(value, low, high):
    """Returns 0 below `low`, 1 above `high` and a smooth step between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


class Pose(NamedTuple):
    """How the head is held.

    A face is laid out in a plane: the origin lies between the eyes, x goes
    right, y goes down, in pixels of an upright picture. The plane is bent
    around the head and turned.

    Attributes:
        yaw: Sine of the turn; features slide sideways, the nose most.
        pitch: Sine of the nod.
        roll: Tilt in radians.
        scale: Size, 1 for the average face.
        x: Column of the point between the eyes.
        y: Row of that point.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float
    x: float
    y: float

    def place(self, points, lift=0.0):
        """Returns the pixels, `(n, 2)`, of points of the plane.

        Args:
            points: `(n, 2)`.
            lift: How far above the face's surface they are.
        """
        x, y = np.asarray(points, np.float64).T
        depth = _depth(x, y) + lift
        x = x * (1 - self.yaw**2 / 2) + depth * self.yaw
        y = y + depth * self.pitch
        cos, sin = self.scale * np.cos(self.roll), self.scale * np.sin(self.roll)
        return np.stack([self.x + cos * x - sin * y, self.y + sin * x + cos * y], 1)

    def fields(self):
        """Returns the plane's x and y under every pixel, each `(218, 178)`."""
        dx = np.arange(WIDTH, dtype=np.float32)[None] - self.x
        dy = np.arange(HEIGHT, dtype=np.float32)[:, None] - self.y
        cos = float(np.cos(self.roll)) / self.scale
        sin = float(np.sin(self.roll)) / self.scale
        flat_x, flat_y = cos * dx + sin * dy, cos * dy - sin * dx
        u, v = flat_x, flat_y
        shrink = 1 / (1 - self.yaw**2 / 2)
        for _ in range(3):
            depth = _depth(u, v)
            u = (flat_x - depth * self.yaw) * shrink
            v = flat_y - depth * self.pitch
        return u, v


def _depth(x, y):
    away = (x / 48) ** 2 + (np.minimum(y + 30, 0) / 42) ** 2
    return -45 * away / (1 + 0.4 * away)


class Mask(NamedTuple):
    """How much of each pixel a shape covers, in a window of the picture."""

    window: tuple
    cover: np.ndarray

    def __and__(self, other):
        """Returns this mask where the other, whose window is larger, covers too."""
        rows, columns = self.window
        return Mask(self.window, self.cover * other.full()[rows, columns])

    def full(self):
        """Returns the cover of the whole picture, `(218, 178)`."""
        whole = np.zeros((HEIGHT, WIDTH), np.float32)
        whole[self.window] = self.cover
        return whole


class Canvas:
    """Color planes, `(3, 218, 178)` in [0, 1], painted from back to front.

    Args:
        pose: `Pose` of the head; outlines are given in its plane.
    """

    def __init__(self, pose):
        self.pose = pose
        self.u, self.v = pose.fields()
        self.planes = np.zeros((3, HEIGHT, WIDTH), np.float32)

    def mask(self, outline, blur=0.0, lift=0.0):
        """Returns the mask of an outline of the face's plane."""
        return self.cover([self.pose.place(outline, lift)], blur)

    def cover(self, outlines, blur=0.0):
        """Returns the mask of the union of outlines given in pixels."""
        points = np.concatenate(outlines)
        margin = 1 + 2.5 * blur
        left, top = np.floor(points.min(0) - margin).astype(int)
        right, bottom = np.ceil(points.max(0) + margin).astype(int) + 1
        left, right = np.clip([left, right], 0, WIDTH).tolist()
        top, bottom = np.clip([top, bottom], 0, HEIGHT).tolist()
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        fine = 4 if (right - left) * (bottom - top) < 6000 else 2
        size = ((right - left) * fine, (bottom - top) * fine)
        image = Image.new("L", size)
        pen = ImageDraw.Draw(image)
        for outline in outlines:
            # Pixel centers are whole numbers; Pillow's are, too, at the fine size.
            spots = (outline - (left, top) + 0.5) * fine - 0.5
            pen.polygon(np.rint(spots).ravel().tolist(), fill=255)
        image = image.reduce(fine)
        if blur:
            image = image.filter(ImageFilter.GaussianBlur(blur))
        cover = np.asarray(image, np.float32) * np.float32(1 / 255)
        return Mask((slice(top, bottom), slice(left, right)), cover)

    def paint(self, mask, color, opacity=1.0):
        """Lays a color, `(3,)` or planes of the whole picture, over a mask."""
        window = (slice(None), *mask.window)
        color = np.asarray(color, np.float32)
        color = color[window] if color.ndim == 3 else color[:, None, None]
        self.planes[window] += (mask.cover * opacity) * (color - self.planes[window])

    def tint(self, mask, color, strength=1.0):
        """Multiplies what a mask covers by a color, as a glaze or shadow does."""
        window = (slice(None), *mask.window)
        glaze = 1 - np.asarray(color, np.float32)[:, None, None]
        self.planes[window] *= 1 - (mask.cover * strength) * glaze

    def image(self):
        """Returns the picture, uint8 `(218, 178, 3)`."""
        planes = np.clip(self.planes * 255 + 0.5, 0, 255).astype(np.uint8)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
