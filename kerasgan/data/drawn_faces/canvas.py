"""A canvas for drawn faces: pose, smooth outlines, masks and blending."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

HEIGHT, WIDTH = 218, 178

_STEPS = 6


@functools.cache
def _spline(count: int, is_closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns the matrices from points to a Catmull-Rom curve and its tangents."""
    t = np.arange(_STEPS)[:, None] / _STEPS
    basis = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    weights = np.concatenate([t**0, t, t**2, t**3], axis=1) @ basis
    points = np.eye(count)
    if is_closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([points[:1], points, points[-1:]])
    pieces = [weights @ padded[k : k + 4] for k in range(len(padded) - 3)]
    line = np.concatenate(pieces if is_closed else [*pieces, points[-1:]])
    return line, np.gradient(line, axis=0)


@functools.cache
def _linear(count: int, size: int) -> np.ndarray:
    """Returns the matrix that interpolates `count` numbers to `size` numbers."""
    spots, at = np.linspace(0, 1, count), np.linspace(0, 1, size)
    return np.stack([np.interp(at, spots, unit) for unit in np.eye(count)], axis=1)


def enlarge(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns a float32 plane interpolated linearly, with aligned corners."""
    h, w = plane.shape
    # Pillow aligns the edges of the outer pixels, so the box is smaller.
    x, y = 0.5 * (w - 1) / (width - 1), 0.5 * (h - 1) / (height - 1)
    image = Image.fromarray(plane).resize(
        (width, height),
        Image.Resampling.BILINEAR,
        (0.5 - x, 0.5 - y, w - 0.5 + x, h - 0.5 + y),
    )
    return np.frombuffer(image.tobytes(), np.float32).reshape(height, width)


def closed(points: npt.ArrayLike) -> np.ndarray:
    """Returns the smooth closed outline, `(6 n, 2)`, through `n` points."""
    points = np.asarray(points, np.float64)
    return _spline(len(points), True)[0] @ points


def curve(points: npt.ArrayLike) -> np.ndarray:
    """Returns the smooth open curve through the points, including both ends."""
    points = np.asarray(points, np.float64)
    return _spline(len(points), False)[0] @ points


def stroke(points: npt.ArrayLike, widths: Sequence[float]) -> np.ndarray:
    """Returns the outline of a brush stroke along a smooth curve.

    Args:
        points: Points of the curve, `(n, 2)`.
        widths: Widths of the stroke, interpolated from one end to the other.
    """
    points = np.asarray(points, np.float64)
    place, tangent = _spline(len(points), False)
    line, along = place @ points, tangent @ points
    half = _linear(len(widths), len(line)) @ widths
    half /= 2 * np.hypot(along[:, 0], along[:, 1]) + 1e-6
    across = along[:, ::-1] * (half[:, None] * (-1, 1))
    return np.concatenate([line + across, (line - across)[::-1]])


def both(outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns an outline on the right side and its mirror image on the left."""
    return outline, outline * (-1, 1)


def whole(right: Sequence[tuple[float, float]]) -> np.ndarray:
    """Returns the smooth symmetric outline with this right half, top to bottom."""
    middle = [(-x, y) for x, y in right[::-1] if x]
    return closed([*right, *middle])


_ANGLE = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    """Returns the outline of an ellipse."""
    return _CIRCLE * (rx, ry) + (x, y)


def bump(
    u: np.ndarray, v: np.ndarray, x: float, y: float, sx: float, sy: float
) -> np.ndarray:
    """Returns a Gaussian of height 1 at `(x, y)` over the fields u and v."""
    return np.exp(-(((u - x) / sx) ** 2) - ((v - y) / sy) ** 2)


def ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Returns 0 below `low`, 1 above `high` and a smooth step in between."""
    t = np.minimum(np.maximum((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


class Pose(NamedTuple):
    """Position and rotation of the head.

    A face is described in a plane, in pixels of an upright picture. The origin is
    between the eyes, x points right and y down. The plane is bent around the head and
    rotated.

    Attributes:
        yaw: Sine of the rotation to the side. It moves features sideways, the nose
            most.
        pitch: Sine of the rotation up or down.
        roll: Tilt, in radians.
        scale: Size, 1 for the average face.
        x: Column of the point between the eyes.
        y: Row of the point between the eyes.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float
    x: float
    y: float

    def place(self, points: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Returns the pixels, `(n, 2)`, of points of the plane.

        Args:
            points: Points of the plane, `(n, 2)`.
            lift: Their distance from the surface of the face.
        """
        x, y = points[:, 0], points[:, 1]
        depth = _depth(x, y) + lift
        x = x * (1 - self.yaw**2 / 2) + depth * self.yaw
        y = y + depth * self.pitch
        cos = self.scale * math.cos(self.roll)
        sin = self.scale * math.sin(self.roll)
        placed = np.empty_like(points)
        placed[:, 0] = self.x + cos * x - sin * y
        placed[:, 1] = self.y + sin * x + cos * y
        return placed

    def fields(
        self, rows: np.ndarray, columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the plane's x and y at a grid of pixels, each `(h, w)`.

        Args:
            rows: float32 `(h,)`.
            columns: float32 `(w,)`.
        """
        dx, dy = columns[None] - self.x, rows[:, None] - self.y
        cos = math.cos(self.roll) / self.scale
        sin = math.sin(self.roll) / self.scale
        flat_x, flat_y = cos * dx + sin * dy, cos * dy - sin * dx
        u, v = flat_x, flat_y
        shrink = 1 / (1 - self.yaw**2 / 2)
        for _ in range(2):
            depth = _depth(u, v)
            u = (flat_x - depth * self.yaw) * shrink
            v = flat_y - depth * self.pitch
        return u, v


def _depth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    above = np.minimum(y, -30) + 30
    away = x * x * (1 / 48**2) + above * above * (1 / 42**2)
    return away * -45 / (1 + 0.4 * away)


class Mask(NamedTuple):
    """The share of each pixel that a shape covers.

    Attributes:
        window: Slices of the rows and columns of the picture that it may cover.
        cover: float32 array in [0, 1] of the window.
    """

    window: tuple[slice, slice]
    cover: np.ndarray

    def __and__(self, other: "Mask") -> "Mask":
        """Returns the intersection of two masks."""
        window: list[slice] = []
        crops: tuple[list[slice], list[slice]] = ([], [])
        for mine, others in zip(self.window, other.window, strict=True):
            start = max(mine.start, others.start)
            stop = max(start, min(mine.stop, others.stop))
            window.append(slice(start, stop))
            for crop, side in zip(crops, (mine, others), strict=True):
                crop.append(slice(start - side.start, stop - side.start))
        cover = self.cover[tuple(crops[0])] * other.cover[tuple(crops[1])]
        return Mask((window[0], window[1]), cover)

    def full(self) -> np.ndarray:
        """Returns the cover of the whole picture, `(218, 178)`."""
        whole = np.zeros((HEIGHT, WIDTH), np.float32)
        whole[self.window] = self.cover
        return whole


class Canvas:
    """Color planes, `(3, 218, 178)` in [0, 1], painted from back to front.

    Args:
        pose: `Pose` of the head. Outlines are in its plane.
    """

    def __init__(self, pose: Pose) -> None:
        self.pose = pose
        # The fields are smooth, so a coarse grid is enough.
        rows = np.linspace(0, HEIGHT - 1, 38, dtype=np.float32)
        columns = np.linspace(0, WIDTH - 1, 31, dtype=np.float32)
        fields = pose.fields(rows, columns)
        self.u, self.v = (enlarge(field, HEIGHT, WIDTH) for field in fields)
        self.planes = np.zeros((3, HEIGHT, WIDTH), np.float32)

    def mask(
        self,
        *outlines: np.ndarray,
        blur: float = 0.0,
        lift: float = 0.0,
        pose: Pose | None = None,
    ) -> Mask:
        """Returns the mask of the union of outlines.

        Args:
            *outlines: Outlines in the plane of the face, each `(n, 2)`.
            blur: Standard deviation of a Gaussian blur, in pixels.
            lift: Their distance from the surface of the face.
            pose: Pose of the plane; by default that of the head.
        """
        points = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
        points = (pose or self.pose).place(points, lift)
        margin = 1 + 2.5 * blur
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        left = min(max(math.floor(left - margin), 0), WIDTH - 1)
        top = min(max(math.floor(top - margin), 0), HEIGHT - 1)
        right = min(max(math.ceil(right + margin), left) + 1, WIDTH)
        bottom = min(max(math.ceil(bottom + margin), top) + 1, HEIGHT)
        wide, high = right - left, bottom - top
        # Sharp edges are drawn large and averaged, soft ones are drawn small.
        if blur < 1.5:
            scale = (
                1.0 if blur > 1 else 2.0 if blur > 0.6 or wide * high > 4000 else 4.0
            )
        else:
            scale = 0.5 if blur < 3 else 0.25
        size = math.ceil(wide * scale), math.ceil(high * scale)
        image = Image.new("L", size)
        draw = ImageDraw.Draw(image).polygon
        # Pixel centers are integers at every scale.
        points = (points - (left - 0.5, top - 0.5)) * scale - 0.5
        spots = np.rint(points).ravel().tolist()
        start = 0
        for outline in outlines:
            end = start + 2 * len(outline)
            draw(spots[start:end], fill=255)
            start = end
        if scale > 1:
            image = image.reduce(int(scale))
        if blur:
            image = image.filter(ImageFilter.GaussianBlur(blur * min(scale, 1)))
        if scale < 1:
            full = round(size[0] / scale), round(size[1] / scale)
            image = image.resize(full, Image.Resampling.BILINEAR)
        levels = np.frombuffer(image.tobytes(), np.uint8).reshape(image.size[::-1])
        cover = levels[:high, :wide] * np.float32(1 / 255)
        return Mask((slice(top, bottom), slice(left, right)), cover)

    def at(self, mask: Mask) -> tuple[np.ndarray, np.ndarray]:
        """Returns the plane's x and y at the pixels of a mask's window."""
        return self.u[mask.window], self.v[mask.window]

    def paint(self, mask: Mask, color: npt.ArrayLike, opacity: float = 1.0) -> None:
        """Paints a mask with a color, `(3,)` or planes of the mask's window."""
        below = self.planes[(slice(None), *mask.window)]
        color = np.asarray(color, np.float32)
        change = (color if color.ndim == 3 else color[:, None, None]) - below
        change *= mask.cover if opacity == 1 else mask.cover * np.float32(opacity)
        below += change

    def tint(self, mask: Mask, color: npt.ArrayLike, strength: float = 1.0) -> None:
        """Multiplies the pixels of a mask by a color, like a glaze or a shadow."""
        glaze = (np.asarray(color, np.float32) - 1)[:, None, None]
        below = self.planes[(slice(None), *mask.window)]
        below *= glaze * (mask.cover * np.float32(strength)) + 1

    def image(self) -> np.ndarray:
        """Returns the picture, uint8 `(218, 178, 3)`."""
        image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        for channel, plane in enumerate(self.planes):
            plane = plane * np.float32(255) + np.float32(0.5)
            image[..., channel] = np.minimum(np.maximum(plane, 0), 255)
        return image
