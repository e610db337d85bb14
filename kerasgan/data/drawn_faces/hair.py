"""Hair and hats of a drawn face.

Outlines are in the plane of the face; see `canvas.Pose`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kerasgan.data.drawn_faces.canvas import (
    Canvas,
    Mask,
    both,
    bump,
    closed,
    ellipse,
    ramp,
    stroke,
    whole,
)
from kerasgan.data.drawn_faces.features import mix

if TYPE_CHECKING:
    from kerasgan.data.drawn_faces.drawing import Face

_TABLE = 1024


def strand_table(noise: np.ndarray) -> np.ndarray:
    """Returns the brightness of strands, from normally distributed numbers `(n,)`."""
    fine, broad = (
        np.convolve(np.pad(noise, width // 2, "wrap"), np.hanning(width), "valid")
        for width in (9, 33)
    )
    return (0.6 * fine / fine.std() + 0.6 * broad / broad.std()).astype(np.float32)


def _hair_planes(canvas: Canvas, face: "Face", mask: Mask) -> np.ndarray:
    """Returns the color planes of the face's hair in a mask's window."""
    has, (u, v) = face.has, canvas.at(mask)
    if has["Wavy_Hair"]:
        reach = 4.2 * ramp(v, -75.0, -15.0) + 0.8
        u = u + reach * np.sin((v + 0.4 * np.abs(u)) * 0.18 + face.wave)
    if face.style in ("loose", "bob"):
        # Strands follow circles at the top of the head and fall straight below.
        part = u - face.part * ramp(-v, 10.0, 60.0)
        flow = np.sqrt((part / 50) ** 2 + (np.minimum(v + 8, 0) / 72) ** 2) * 234
    elif face.style == "tied":
        # Strands are pulled up to the knot.
        flow = (u - 0.3 * face.part) / np.maximum(v + 125.0, 12.0) * 230
    else:
        # Strands spread from the crown.
        flow = (u - 2 * face.part) / np.maximum(v + 112.0, 12.0) * 200
    strands = face.strands[flow.astype(np.int32) & (_TABLE - 1)]
    light = _band(v + 55 - 0.010 * u * u, 9.0)
    light += 0.5 * bump(np.abs(u), v, 52.0, 30.0, 12.0, 26.0)
    shade = 0.78 + 0.14 * strands + light * (0.22 + 0.14 * strands)
    shade += np.float32(0.0035 * face.light[0]) * u
    shade -= 0.25 * ramp(v, -10.0, 90.0)
    return _colored(face.hair, shade)


def _band(distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((distance / width) ** 2))


def _colored(hair: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Returns color planes between the hair's warm shadow and its highlight."""
    dark = (hair * hair * (0.45, 0.40, 0.36)).astype(np.float32)
    bright = np.minimum(hair * 1.12 + 0.03, 1).astype(np.float32)
    return dark[:, None, None] + (bright - dark)[:, None, None] * shade


def _swing(face: "Face", y: np.ndarray) -> np.ndarray:
    """Returns how far the outline of the hair extends at height `y`."""
    if face.style == "bob":
        return 6.0 * np.sin(np.pi * (y + 30) / (face.length + 20)) - 2.0
    return 3.2 * np.sin(y / 6.0 + face.wave) if face.has["Wavy_Hair"] else 0.0 * y


def _outer(face: "Face") -> list[tuple[float, float]]:
    """Returns the right outline of loose hair, from the top to its ends."""
    rows = np.arange(-30, face.length + 1, 9.0)
    edge = 53 + 0.7 * face.volume + _swing(face, rows)
    right = [(0, -80 - face.volume), (28, -74 - face.volume)]
    right.append((46, -54 - 0.5 * face.volume))
    return right + list(zip(edge.tolist(), rows.tolist(), strict=True))


def back(canvas: Canvas, face: "Face") -> None:
    """Draws the hair behind the neck, or the knot on top."""
    if face.style in ("loose", "bob"):
        behind = [*_outer(face), (30, face.length + 7), (0, face.length + 5)]
        color = mix(face.hair * face.hair * 0.4, face.hair, 0.35)
        canvas.paint(canvas.mask(whole(behind)), color)
    elif face.style == "tied" and not face.has["Wearing_Hat"]:
        size = 12 + 0.6 * face.volume
        knot = canvas.mask(ellipse(0.5 * face.part, -76 - 0.5 * size, 1.2 * size, size))
        canvas.paint(knot, _hair_planes(canvas, face, knot) * np.float32(0.86))


def _hairline(face: "Face") -> list[tuple[float, float]]:
    """Returns points of the hairline, from the right temple to the left one."""
    part = face.part
    if face.has["Receding_Hairline"]:
        half = [(42.0, -6), (41, -26), (37, -44), (27, -61), (12, -58)]
    elif face.style in ("loose", "bob"):
        return [
            (40, -6), (37, -24), (mix(part, 34, 0.55), -37), (part, -48),
            (mix(part, -34, 0.55), -37), (-37, -24), (-40, -6),
        ]  # fmt: skip
    else:
        half = [(41, -2), (40.5, -20), (35, -33), (25, -43), (12, -46)]
    return [*half, (0, half[-1][1] - 1), *((-x, y) for x, y in half[::-1])]


def front(canvas: Canvas, face: "Face") -> None:
    """Draws the hair in front: crown, sides and fringe."""
    has, vol = face.has, face.volume
    if has["Sideburns"]:
        strip = [(39, -14), (45.5, -14), (44.5, 14), (40.5, 29), (35.5, 27), (37.5, 8)]
        strips = canvas.mask(*both(closed(strip)), blur=0.8)
        canvas.paint(strips, _hair_planes(canvas, face, strips), 0.9)
    if has["Bald"]:
        return
    if face.style in ("loose", "bob"):
        rows = np.arange(face.length - 4, 8, -12.0)
        edge = 40.5 + 0.04 * rows + 0.6 * _swing(face, rows + 8)
        right = _outer(face)
        right.append((mix(right[-1][0], 40), face.length + 5))
        right += zip(edge.tolist(), rows.tolist(), strict=True)
    elif face.style == "tied":
        right = [(0, -76 - 0.4 * vol), (28, -70), (43, -50), (47.5, -22), (46, -4)]
    else:
        right = [
            (0, -77 - vol), (16, -76 - vol), (31, -69 - 0.8 * vol),
            (43, -54 - 0.5 * vol), (48, -34), (48.5, -14), (46.5, 3),
        ]  # fmt: skip
    left = [(-x, y) for x, y in right[:0:-1]]
    outline = np.array([*right, *_hairline(face), *left])
    if face.style == "cropped" and vol > 2:
        tousled = outline[:, 1] < -64
        lumps = face.lumps[: len(outline)] * (1.8 if has["Wavy_Hair"] else 0.8)
        outline[tousled] += lumps[tousled]
    outline = closed(outline)
    _cast(canvas, face, np.add(outline, (-1.5 * face.light[0], 4.5)))
    soft = 0.0 if face.style in ("loose", "bob") else 0.8
    mask = canvas.mask(outline, blur=soft)
    canvas.paint(mask, _hair_planes(canvas, face, mask))
    hidden = has["Receding_Hairline"] or has["Bangs"]
    if face.style in ("loose", "bob") and not hidden:
        parting = stroke([(face.part, -48), (face.part * 0.9, -66)], [2.2, 0.4])
        canvas.tint(canvas.mask(parting, blur=0.7), (0.62, 0.55, 0.52), 0.7)
    if has["Bangs"]:
        _fringe(canvas, face)


def _cast(canvas: Canvas, face: "Face", outline: np.ndarray) -> None:
    """Draws the shadow of an outline on the head."""
    canvas.tint(canvas.mask(outline, blur=2.6) & face.head, face.shadow, 0.85)


def _fringe(canvas: Canvas, face: "Face") -> None:
    """Draws bangs, which cover the forehead down to the brows."""
    low = -21.0 if face.has["Male"] else -17.5
    x = np.linspace(38, -38, 15)
    y = low + 0.004 * x * x + 0.10 * x * np.sign(face.part) + face.lumps[:15, 0]
    outline: list[tuple[float, float]] = [(0, -62), (24, -57), (40, -38), (43, -18)]
    outline += [*zip(x, y, strict=True), (-43, -18), (-40, -38), (-24, -57)]
    bangs = closed(outline)
    _cast(canvas, face, np.add(bangs, (0, 2.5)))
    mask = canvas.mask(bangs, blur=0.6)
    u, v = canvas.at(mask)
    fan = u / (1 + (v + 60) / 130) - 0.002 * u * u * np.sign(face.part)
    strands = face.strands[(fan * 6).astype(np.int32) & (_TABLE - 1)]
    shade = 0.82 + 0.15 * strands + 0.2 * _band(v + 38, 8.0)
    canvas.paint(mask, _colored(face.hair, shade))


def bald_scalp(canvas: Canvas, face: "Face") -> None:
    """Draws the short ring of hair of a bald head, and its shine."""
    u, v = canvas.at(face.head)
    ring = ramp(np.abs(u), 36.0, 44.0) * (1 - ramp(np.abs(v + 14), 12.0, 24.0))
    canvas.paint(Mask(face.head.window, ring * face.head.cover), face.beard_color, 0.45)
    shine = ellipse(12 * face.light[0], -56, 12, 5)
    canvas.paint(canvas.mask(shine, blur=4), (1, 1, 0.97), 0.5)


def hat(canvas: Canvas, face: "Face") -> None:
    """Draws a beanie, a cap or a fedora, down to the middle of the forehead."""

    def paint(
        outline: np.ndarray,
        shade: float,
        texture: Callable[[np.ndarray], np.ndarray] | None = None,
        lift: float = 0.0,
    ) -> None:
        mask = canvas.mask(outline, lift=lift)
        u, v = canvas.at(mask)
        light = 0.84 + np.float32(0.005 * face.light[0]) * u
        light += 0.24 * bump(u, v, 14.0 * face.light[0], -72.0, 34.0, 22.0)
        light = shade * light + (texture(u) if texture else 0)
        canvas.paint(mask, face.hat_color.astype(np.float32)[:, None, None] * light)

    _cast(canvas, face, whole([(0, -50), (50, -36), (48, -20), (0, -18)]))
    if face.hat_kind == "beanie":
        dome = whole([(0, -97), (22, -93), (42, -78), (53, -52), (51, -30), (0, -28)])
        paint(dome, 1.0, lambda u: 0.04 * np.cos(u * 1.1))
        crease = whole([(0, -57), (50, -56), (52, -48), (0, -49)])
        canvas.tint(canvas.mask(crease, blur=1.5), (0.5, 0.5, 0.5), 0.8)
        fold = whole([(0, -50), (51, -50), (54, -40), (52, -28), (0, -29)])
        paint(fold, 1.05, lambda u: 0.08 * np.cos(u * 1.1))
    elif face.hat_kind == "cap":
        dome = whole([(0, -90), (22, -87), (43, -74), (52, -50), (48, -32), (0, -34)])
        paint(dome, 1.0, lambda u: -0.16 * _band(u, 1.0))
        visor = whole([(0, -46), (34, -43), (53, -31), (50, -25), (30, -31), (0, -34)])
        dark = canvas.mask(np.add(visor, (0, 3)), blur=1.5)
        canvas.tint(dark, (0.35, 0.35, 0.40), 0.8)
        paint(visor, 0.72, lift=10.0)
    else:
        brim = [(0, -47), (48, -46), (76, -38), (78, -33), (50, -30), (0, -30)]
        paint(whole(brim), 0.62)
        crown = [(0, -91), (18, -96), (38, -88), (46, -60), (46, -38), (0, -38)]
        paint(whole(crown), 1.0)
        paint(whole([(0, -54), (46, -52), (47, -42), (0, -42)]), 0.35)
        edge = whole([(0, -41.5), (50, -41), (76, -37), (78, -33), (50, -31), (0, -31)])
        paint(edge, 0.85)
