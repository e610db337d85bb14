"""Background, bare head, neck, clothes and jewelry of a drawn face.

The body has its own `Pose`, `Face.body`, because it rotates less than the head.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from kerasgan.data.drawn_faces.canvas import (
    HEIGHT,
    WIDTH,
    Canvas,
    Mask,
    Pose,
    both,
    bump,
    closed,
    curve,
    ellipse,
    enlarge,
    ramp,
    stroke,
    whole,
)
from kerasgan.data.drawn_faces.features import mix, relief

if TYPE_CHECKING:
    from kerasgan.data.drawn_faces.drawing import Face

_COLUMN = np.arange(WIDTH, dtype=np.float32)[None]
_ROW = np.arange(HEIGHT, dtype=np.float32)[:, None]


def background(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draws a gradient with a few blurred shapes."""
    top, bottom = 0.10 + 0.75 * rng.random((2, 3))
    top, bottom = mix(top, top.mean(), 0.75), mix(bottom, bottom.mean(), 0.75)
    corners = np.stack([top, bottom, mix(top, bottom, rng.random()), bottom * 0.7])
    small = (corners.reshape(2, 2, 3) * 255).astype(np.uint8)
    image = Image.fromarray(small).resize((30, 36), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    spots = rng.random((5, 7))[: int(rng.integers(0, 6))]
    for x, y, wide, high, *color in spots.tolist():
        x, y, wide, high = 30 * x, 36 * y, 2 + 6 * wide, 2 + 9 * high
        gray = sum(color) / 3
        fill = tuple(int(40 + 180 * mix(c, gray, 0.6)) for c in color)
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=fill)
    image = image.filter(ImageFilter.GaussianBlur(float(0.9 + 1.4 * rng.random())))
    planes = np.asarray(image, np.float32).transpose(2, 0, 1) * np.float32(1 / 255)
    for plane, below in zip(planes, canvas.planes, strict=True):
        below[:] = enlarge(plane, HEIGHT, WIDTH)


def head_outline(face: "Face") -> np.ndarray:
    """Returns the outline of skull, cheeks and chin."""
    w, jaw, chin_width, chin = face.half_width, face.jaw, face.chin_width, face.chin
    right = [
        (0, -73), (25, -67), (40, -48), (w - 0.5, -18), (w, 4), (w - 2, 24),
        (jaw, 46), (0.5 * (jaw + chin_width), chin - 9), (chin_width, chin - 1.2),
        (0, chin),
    ]  # fmt: skip
    return whole(right)


def head(canvas: Canvas, face: "Face") -> None:
    """Draws ears, and the bare head with its shading, blush and highlights."""
    has, skin = face.has, face.skin
    ear = both(ellipse(face.half_width + 0.8, 5, 5.5, 12))
    canvas.paint(canvas.mask(*ear), skin * (0.93, 0.84, 0.80))
    inner = both(ellipse(face.half_width + 2.2, 4, 2.4, 7.5))
    canvas.tint(canvas.mask(*inner, blur=1.0), face.shadow, 0.8)
    face.head = canvas.mask(head_outline(face))
    # The shading is soft, so every second pixel in each direction is enough.
    height, width = face.head.cover.shape
    (top, bottom), (left, right) = ((w.start, w.stop - 1) for w in face.head.window)
    rows = np.linspace(top, bottom, height // 2, dtype=np.float32)
    columns = np.linspace(left, right, width // 2, dtype=np.float32)
    u, v = canvas.pose.fields(rows, columns)
    height_map = relief(u, v, face) * np.float32(0.55)
    slope_y, slope_x = np.gradient(height_map, rows, columns)
    x, y, z = face.light
    lit = (z - x * slope_x - y * slope_y) / np.sqrt(slope_x**2 + slope_y**2 + 1)
    light = ramp(lit, -0.15, 1.0)
    spark = np.maximum(lit, 0) ** 14
    side = np.abs(u)
    if has["High_Cheekbones"]:
        light -= 0.16 * bump(side, v, 32.0, 33.0, 7.0, 8.0)
        spark += 0.6 * bump(side, v, 29.0, 12.0, 8.0, 4.5)
    flush = (0.16 + 0.08 * has["Male"]) * bump(u, v, 0.0, 24.0, 8.0, 6.0)
    blush = (0.0, 0.22, 0.24)
    if has["Rosy_Cheeks"]:
        flush = flush + 0.95 * bump(side, v, 27.0, 20.0, 12.0, 9.0)
        blush = (0.0, 0.40, 0.38)
    skin, shadow, glow, pink = (
        np.asarray(color, np.float32)[:, None, None]
        for color in (skin, face.shadow, face.glow, blush)
    )
    color = skin * (shadow + (1.03 - shadow) * light)
    color += (glow - color) * (0.26 * spark)
    color *= 1 - pink * flush
    planes = np.stack([enlarge(plane, height, width) for plane in color])
    canvas.paint(face.head, planes)


def torso(canvas: Canvas, face: "Face") -> None:
    """Draws neck, shoulders and clothes."""
    has, skin, pose = face.has, face.skin, canvas.pose
    x, y = pose.place(np.array([[0.0, 50.0]]), lift=-22)[0].tolist()
    body = Pose(0, 0, pose.roll * 0.3, pose.scale, x, y - 50 * pose.scale)
    face.body = body
    mask = functools.partial(canvas.mask, pose=body)
    neck = (32.0 if has["Male"] else 26.0) + 5.0 * has["Chubby"]
    slope = 92.0 if has["Male"] else 97.0
    bare = [
        (0, 20), (neck, 30), (neck - 0.5, 62), (neck + 1, 78), (neck + 14, 88),
        (74, slope), (100, slope + 12), (112, 135), (60, 150),
    ]  # fmt: skip
    skin_mask = mask(whole(bare))
    around = (_COLUMN[:, skin_mask.window[1]] - x) / (neck * pose.scale)
    around = np.abs(around - face.light[0])
    shade = 0.92 - 0.28 * np.minimum(np.maximum(around - 0.3, 0), 1.2) ** 1.5
    dark = (skin * face.shadow).astype(np.float32)[:, None, None]
    full = skin.astype(np.float32)[:, None, None]
    planes = dark + (full - dark) * shade.astype(np.float32)
    canvas.paint(skin_mask, np.broadcast_to(planes, (3, *skin_mask.cover.shape)))
    # Shadow of the head on the neck, and collarbones.
    under = [(0, 30), (neck + 4, 40), (neck + 2, 72), (0, face.chin + 20)]
    canvas.tint(mask(whole(under), blur=4), face.shadow, 0.85)
    bone = stroke([(5, 101), (24, 96), (52, 96)], [1.0, 2.4, 0.6])
    canvas.tint(mask(*both(bone), blur=1.2), face.shadow, 0.6)
    if has["Wearing_Necktie"]:
        _suit(canvas, face, mask, neck, slope)
    else:
        _top(canvas, face, mask, neck, slope)
    if has["Wearing_Necklace"]:
        _necklace(canvas, face, mask, neck)
    if has["Double_Chin"]:
        _double_chin(canvas, face)


def _double_chin(canvas: Canvas, face: "Face") -> None:
    """Draws a second, softer chin."""
    low, wide = face.chin + 11.0, 0.80 * face.jaw
    roll = whole(
        [(0, low - 30), (wide, low - 28), (wide - 1, low - 12), (0.6 * wide, low - 3),
         (0, low)]
    )  # fmt: skip
    canvas.tint(canvas.mask(np.add(roll, (0, 4)), blur=2.5), face.shadow, 0.8)
    canvas.paint(canvas.mask(roll, blur=0.8), face.skin * (0.95, 0.90, 0.88))
    crease = stroke(
        [(-wide, low - 26), (-0.6 * wide, low - 10), (0, low - 7),
         (0.6 * wide, low - 10), (wide, low - 26)], [4.0, 7.0, 4.0]
    )  # fmt: skip
    canvas.tint(canvas.mask(crease, blur=1.8), face.shadow, 0.95)


def _paint_cloth(
    canvas: Canvas, face: "Face", mask: Mask, color: npt.ArrayLike
) -> None:
    """Paints a mask with shaded cloth."""
    rows, columns = mask.window
    shade = 0.92 + 0.22 * face.light[0] * (_COLUMN[:, columns] / 89 - 1)
    shade = shade - 0.15 * ramp(_ROW[rows], 195.0, 225.0)
    color = np.asarray(color, np.float32)[:, None, None]
    canvas.paint(mask, np.minimum(color * shade, 1))


def _top(
    canvas: Canvas,
    face: "Face",
    mask: Callable[..., Mask],
    neck: float,
    slope: float,
) -> None:
    """Draws a shirt or blouse."""
    low = {"crew": 91.0, "scoop": 103.0, "vee": 108.0}[face.neckline]
    if face.has["Male"]:
        low = min(low, 96.0)
    inner = (0.55 * neck, 0.3 * 84 + 0.7 * low)
    if face.neckline == "vee":
        inner = (0.5 * neck, 0.5 * (84 + low))
    edge = [(neck + 7, 84), inner, (0, low)]
    right = [(60, 150), (114, 135), (101, slope + 10), (74, slope - 1.5), *edge]
    outline = closed(right + [(-a, b) for a, b in right[-2::-1]])
    _paint_cloth(canvas, face, mask(outline), face.cloth)
    seam = stroke(edge + [(-a, b) for a, b in edge[-2::-1]], [1.6, 1.6])
    _paint_cloth(canvas, face, mask(seam, blur=0.4), 0.7 * face.cloth)


def _suit(
    canvas: Canvas,
    face: "Face",
    mask: Callable[..., Mask],
    neck: float,
    slope: float,
) -> None:
    """Draws a shirt, a jacket and a tie."""
    shirt = np.array([0.93, 0.94, 0.97])
    right = [(60, 150), (101, slope + 8), (74, slope - 3), (neck + 5, 78), (0, 92)]
    outline = closed(right + [(-a, b) for a, b in right[-2::-1]])
    _paint_cloth(canvas, face, mask(outline), shirt)
    flaps = both(np.array([(neck + 3, 74), (neck + 8, 84), (19, 102), (2, 89)]))
    canvas.tint(mask(*flaps, blur=1.5), (0.60, 0.60, 0.65), 0.8)
    _paint_cloth(canvas, face, mask(*flaps), shirt * 1.04)
    tie = np.array([(-5.5, 88), (5.5, 88), (4, 97), (12, 125), (-12, 125), (-4, 97)])
    _paint_cloth(canvas, face, mask(tie), face.hat_color * (0.9, 0.6, 0.9))
    fold = stroke([(-4, 96.5), (4, 96.5)], [1.4, 1.4])
    canvas.tint(mask(fold, blur=0.4), (0.45, 0.45, 0.45), 0.8)
    side = [(neck + 9, 82), (74, slope - 3), (101, slope + 8), (114, 140), (10, 140)]
    jacket = mask(*both(np.array([*side, (17, 112), (30, 100)])))
    _paint_cloth(canvas, face, jacket, 0.08 + 0.25 * face.cloth)
    lapel = stroke([(neck + 9, 84), (27, 104), (12, 130)], [1.2, 1.2])
    canvas.tint(mask(*both(lapel), blur=0.5), (0.4, 0.4, 0.4), 0.8)


def _necklace(
    canvas: Canvas, face: "Face", mask: Callable[..., Mask], neck: float
) -> None:
    """Draws a gold chain with a pendant, or pearls."""
    right = [(neck + 6, 83), (0.62 * neck, 96), (0, 102)]
    line = curve(right + [(-a, b) for a, b in right[-2::-1]])
    shadow = stroke(np.add(line[::3], (0, 1.6)), [2.4, 2.4])
    canvas.tint(mask(shadow, blur=0.8), (0.50, 0.42, 0.40), 0.6)
    if face.metal[2] > 0.5:
        pearls = [ellipse(a, b, 2.3, 2.3) for a, b in line[::2]]
        canvas.paint(mask(*pearls), (0.95, 0.93, 0.90))
    else:
        chain = stroke(line[::3], [1.9, 1.9])
        canvas.paint(mask(chain, ellipse(0, 104, 3.4, 4.0)), face.metal)
        canvas.paint(mask(ellipse(-1, 103, 1.2, 1.4)), (1, 1, 0.95))


def earrings(canvas: Canvas, face: "Face") -> None:
    """Draws drop earrings, in front of the hair."""
    x = face.half_width + 2.5
    right = [(x, 15), (x + 1.6, 20), (x + 3, 25), (x + 2.2, 30), (x, 31.5)]
    drops = both(closed([*right, (x - 2.2, 30), (x - 3, 25), (x - 1.6, 20)]))
    canvas.tint(canvas.mask(*drops, blur=1.2), (0.50, 0.45, 0.45), 0.6)
    canvas.paint(canvas.mask(*drops), face.metal)
    glint = both(ellipse(x - 0.6, 26, 1.0, 1.8))
    canvas.paint(canvas.mask(*glint), (1, 1, 0.97))
