"""Eyes, brows, nose, mouth, beard, wrinkles and glasses of a drawn face.

Outlines are in the plane of the face; see `canvas.Pose`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kerasgan.data.drawn_faces.canvas import (
    Canvas,
    Mask,
    both,
    bump,
    closed,
    ellipse,
    ramp,
    stroke,
)

if TYPE_CHECKING:
    from kerasgan.data.drawn_faces.drawing import Face

EYE_X, NOSE_Y, MOUTH_X, MOUTH_Y = 19.5, 24.0, 15.5, 41.5
_INK = (0.10, 0.07, 0.07)


def mix(first: Any, second: Any, share: float = 0.5) -> Any:
    """Interpolates linearly: 0 gives the first, 1 the second."""
    return first + (second - first) * share


def relief(u: np.ndarray, v: np.ndarray, face: "Face") -> np.ndarray:
    """Returns the height, in pixels, of the bare face over the fields u and v."""
    has = face.has
    side = np.abs(u)
    wide = nose_width(face)
    height = -30 * ((u / 46) ** 2 + ((v - 6) / 74) ** 2)
    # The nose is a ridge that becomes wider downwards and ends below the tip.
    ridge = 10.0 * ramp(v, -16.0, 22.0) * (1 - ramp(v, 24.0, 31.0))
    breadth = wide * (4.4 + 3.0 * ramp(v, 2.0, 24.0))
    height += ridge * np.exp(-((u / breadth) ** 2))
    height += 3.0 * bump(side, v, 7.0 * wide, 25.0, 3.8 * wide, 4.0)
    tip = 5.0 if has["Pointy_Nose"] else 3.0
    height += tip * bump(u, v, 0.0, 22.5, 4.5 * wide, 4.5)
    # Sockets, lids, brows.
    height -= 5.0 * bump(side, v, EYE_X - 2, -1.0, 12.0, 8.0)
    height += 3.2 * bump(side, v, EYE_X, 0.0, 9.0, 6.5)
    bone = 3.2 if has["Male"] else 1.8
    height += bone * bump(side, v, 17.0, -13.0, 15.0, 5.5)
    # Cheeks, mouth, chin.
    cheek = 2.5 + 5.0 * has["High_Cheekbones"] + 1.5 * has["Smiling"]
    height += cheek * bump(side, v, 27.0, 19.0 - 3 * has["High_Cheekbones"], 11.0, 9.0)
    height += 4.0 * bump(u, v, 0.0, 41.0, 19.0, 13.0)
    height -= 1.6 * bump(u, v, 0.0, 53.0, 11.0, 4.0)
    height += 4.0 * bump(u, v, 0.0, face.chin - 8.0, 13.0, 8.0)
    return height


def nose_width(face: "Face") -> float:
    """Returns the width of the nose, 1 for the average one."""
    return 1.0 + 0.48 * face.has["Big_Nose"] - 0.18 * face.has["Pointy_Nose"]


def eyes(canvas: Canvas, face: "Face") -> None:
    """Draws eyes with lids, lashes, makeup and bags."""
    has = face.has
    opening = 0.48 if has["Narrow_Eyes"] else face.eye_opening
    opening *= 0.92 if has["Smiling"] else 1.0
    up, low, tilt = -5.1 * opening, 3.5 * opening, face.eye_tilt

    def at(points: npt.ArrayLike) -> np.ndarray:
        return np.add(points, (EYE_X, 0))

    if has["Heavy_Makeup"]:
        lid = at([(-10, 0), (-6, -7), (1, -9.5), (9, -8.5), (13, -3), (8, 1.5), (0, 1)])
        canvas.paint(canvas.mask(*both(closed(lid)), blur=1.8), face.eyeshadow, 0.66)
    crease = stroke(
        at([(-8, 0.55 * up - 1.5), (0, up - 3.4), (8.6, 0.6 * up - 1.6 - tilt)]),
        [0.8, 1.6, 0.8],
    )
    canvas.tint(canvas.mask(*both(crease), blur=0.5), face.shadow, 0.75)

    inner, outer = (-9.3, 1.2), (9.6, -tilt)
    upper = [inner, (-5.5, 0.74 * up), (0, up), (5.5, 0.80 * up - tilt / 2), outer]
    lower = [outer, (5.0, 0.9 * low - tilt / 2), (0, low), (-5.5, 0.72 * low), inner]
    white = canvas.mask(*both(closed(at(upper + lower[1:-1]))))
    canvas.paint(white, np.array([0.93, 0.92, 0.90]))
    u, v = canvas.at(white)
    v = v + np.float32(0.2)
    off = u - np.where(u < 0, np.float32(-EYE_X), np.float32(EYE_X))
    distance = np.sqrt(off * off + v * v)

    def disc(radius: float) -> np.ndarray:
        cover = np.minimum(np.maximum(radius + 0.5 - distance, 0), 1)
        return white.cover * cover

    canvas.paint(Mask(white.window, disc(4.9)), face.iris * 0.42)
    fade = 0.5 + 0.5 * ramp(v, -3.5, 2.5)
    canvas.paint(Mask(white.window, disc(4.0) * fade), face.iris)
    canvas.paint(Mask(white.window, disc(2.2)), (0.03, 0.03, 0.04))
    lidded = white.cover * ramp(-v, 0.2 * low, -1.1 * up)
    canvas.tint(Mask(white.window, lidded), (0.42, 0.37, 0.40), 0.9)
    glint = np.hypot(off - 1.7 * face.light[0], v + 1.7)
    glint = np.minimum(np.maximum(1.6 - glint, 0), 1) * disc(4.0)
    canvas.paint(Mask(white.window, glint), (1, 1, 1), 0.95)

    # Lashes above, a soft edge below.
    made_up = has["Heavy_Makeup"]
    heavy = 2.6 if made_up else 1.1 if has["Male"] else 1.7
    lash = [(x, y - 0.3) for x, y in upper]
    if not has["Male"]:
        lash.append((12.4, -tilt - 2.0 - made_up))
    lashes = stroke(at(lash), [0.6, heavy, 1.2 * heavy, heavy, 0.3])
    canvas.paint(canvas.mask(*both(lashes)), _INK, 0.92)
    edge = stroke(at(lower), [0.9, 0.6, 0.4])
    color = mix(face.shadow * face.skin, np.array(_INK), 0.8 if made_up else 0.15)
    canvas.paint(canvas.mask(*both(edge), blur=0.3), color, 0.75)
    if has["Bags_Under_Eyes"]:
        bag = stroke(
            at([(-8, 5.2), (-2, 9.2), (5, 8.8), (9, 5.4)]), [1.0, 3.4, 3.0, 1.0]
        )
        canvas.tint(canvas.mask(*both(bag), blur=0.9), (0.62, 0.53, 0.58), 0.9)
        puff = stroke(at([(-6, 4.6), (0, 6.4), (6, 5.0)]), [0.6, 1.8, 0.8])
        canvas.paint(canvas.mask(*both(puff), blur=0.7), face.glow, 0.4)


def brows(canvas: Canvas, face: "Face") -> None:
    """Draws eyebrows."""
    has = face.has
    thick = 6.4 if has["Bushy_Eyebrows"] else 3.8 if has["Male"] else 2.8
    if has["Arched_Eyebrows"]:
        line = [(8.5, -13.4), (16, -16.6), (24.0, -18.6), (29, -16.5), (33.5, -11.4)]
    else:
        line = [(7.5, -11.8), (15, -13.3), (24, -13.8), (29, -12.6), (32.5, -10.2)]
    lift = face.brow_lift + has["Smiling"]
    widths = [0.75 * thick, thick, 0.85 * thick, 0.25 * thick]
    outline = both(stroke([(x, y - lift) for x, y in line], widths))
    canvas.paint(canvas.mask(*outline, blur=0.6), face.brow_color, 0.85)


def nose(canvas: Canvas, face: "Face") -> None:
    """Draws a nose."""
    has, wide = face.has, nose_width(face)
    drop = 1.5 if has["Big_Nose"] or has["Pointy_Nose"] else 0.0
    under = ellipse(0, 30.5 + drop, 9.0 * wide, 2.6)
    canvas.tint(canvas.mask(under, blur=1.8, lift=3), face.shadow, 0.75)
    wing = stroke(
        [(8.6 * wide, 20), (10.8 * wide, 24 + drop / 2), (9.4 * wide, 28 + drop)],
        [0.5, 1.8, 0.8],
    )
    canvas.tint(canvas.mask(*both(wing), blur=0.8, lift=3.0), face.shadow, 0.8)
    hole = np.multiply([(2.6, 28.2), (5, 26.4), (7.4, 27.4), (5, 29)], (wide, 1))
    hole = closed(np.add(hole, (0, drop)))
    canvas.tint(canvas.mask(*both(hole), blur=0.5, lift=7.0), face.shadow * 0.4, 0.85)
    round_ = 1.3 if has["Pointy_Nose"] else 2.2 * wide
    shine = ellipse(2.0 * face.light[0], 20.5, round_, 2.0)
    canvas.paint(canvas.mask(shine, blur=1.0, lift=12.0), face.glow, 0.7)
    if has["Pointy_Nose"]:
        bridge = stroke([(0, -4), (0, 8), (0, 20)], [0.8, 1.4, 2.0])
        canvas.paint(canvas.mask(bridge, blur=0.6, lift=8.0), face.glow, 0.55)


def mouth_corner(face: "Face") -> tuple[float, float]:
    """Returns x and y of the right corner of the mouth in the plane of the face."""
    if face.has["Smiling"]:
        return MOUTH_X + 3.2, MOUTH_Y - 2.6
    return MOUTH_X - 1.0, MOUTH_Y - 0.4


def mouth(canvas: Canvas, face: "Face") -> None:
    """Draws a mouth, open or closed."""
    has = face.has
    x, y = mouth_corner(face)
    smile, lift = has["Smiling"], 1.5
    full = (1.75 if has["Big_Lips"] else 1.0) * (0.9 if has["Male"] else 1.1)
    # Rows of the edges of the lips in the middle, from top to bottom.
    middle = MOUTH_Y + (1.2 if smile else 0.6)
    gap = (5.6 if smile else 4.6) if has["Mouth_Slightly_Open"] else 0.0
    top_inner, low_inner = middle - 0.25 * gap, middle + 0.75 * gap
    top = top_inner - 3.6 * full + 0.7 * smile
    low = low_inner + 4.6 * full - 0.4 * smile

    right = [(0.55 * x, mix(y, top)), (3.2, top)]
    upper = [*((-a, b) for a, b in right), (0, top + 1.1), *right[::-1], (x, y)]
    inner_top = [(0.6 * x, mix(y, top_inner, 0.75)), (0, top_inner + 0.3)]
    inner_top += [(-0.6 * x, mix(y, top_inner, 0.75))]
    inner_low = [(-0.6 * x, mix(y, low_inner, 0.78)), (0, low_inner)]
    inner_low += [(0.6 * x, mix(y, low_inner, 0.78))]
    lower = [(0.6 * x, mix(y, low, 0.82)), (0, low), (-0.6 * x, mix(y, low, 0.82))]
    corner = [(-x, y)]

    below = ellipse(0, low + 3.0, 9, 1.8)
    canvas.tint(canvas.mask(below, blur=1.6), face.shadow, 0.6)
    lips = canvas.mask(closed(corner + upper + lower), blur=0.35, lift=lift)
    canvas.paint(lips, face.lip, face.lip_strength)
    upper_lip = canvas.mask(closed(corner + upper + inner_top), blur=0.3, lift=lift)
    canvas.tint(upper_lip, (0.80, 0.74, 0.76), 0.9)
    shine = ellipse(2.5 * face.light[0], mix(low_inner, low, 0.45), 4.5, 0.9 * full)
    gloss = 0.55 if has["Wearing_Lipstick"] else 0.3
    canvas.paint(canvas.mask(shine, blur=0.8, lift=lift), face.glow, gloss)
    if has["Mouth_Slightly_Open"]:
        hole = [*corner, *inner_top[::-1], (x, y), *inner_low[::-1]]
        opening = canvas.mask(closed(hole), lift=lift)
        canvas.paint(opening, (0.22, 0.06, 0.07))
        bite = mix(top_inner, low_inner, 0.78 if smile else 0.42)
        teeth = [(-0.78 * x, y - 2), (0.78 * x, y - 2), (0.62 * x, mix(y, bite, 0.8))]
        teeth += [(0, bite), (-0.62 * x, mix(y, bite, 0.8))]
        row = canvas.mask(closed(teeth), blur=0.3, lift=lift) & opening
        canvas.paint(row, (0.93, 0.92, 0.89), 0.95)
    else:
        seam = stroke([*corner, *inner_top[::-1], (x, y)], [0.8, 1.3, 1.5, 1.3, 0.8])
        canvas.paint(canvas.mask(seam, blur=0.3, lift=lift), face.lip * 0.38, 0.85)
    dimple = both(ellipse(x + 0.6, y, 1.6, 1.6))
    canvas.tint(canvas.mask(*dimple, blur=0.7, lift=lift), face.shadow, 0.75)


def wrinkles(canvas: Canvas, face: "Face") -> None:
    """Draws the lines of a smile and of age."""
    has = face.has
    fold = 0.5 * has["Smiling"] + 0.55 * (not has["Young"]) + 0.2 * has["Chubby"]
    if fold:
        x, y = mouth_corner(face)
        line = [(11, 27), (x - 0.5, 33), (x + 4, y + 1)]
        if not has["Young"]:
            line.append((x + 4, y + 8))
        outline = stroke(line, [0.6, 2.0, 0.6])
        canvas.tint(canvas.mask(*both(outline), blur=0.9), face.shadow, min(1, fold))
    if has["Young"]:
        return
    lines = [stroke([(31, 0.6 * y), (36, 1.5 * y)], [1.2, 0.4]) for y in (-3, 0.5, 4)]
    lines += [stroke([(11, 5), (17, 8.5), (25, 8)], [0.5, 1.3, 0.5])]
    lines = [side for line in lines for side in both(line)]
    if not has["Bangs"]:
        for y in (-23.0, -28.5, -34.0):
            brow = [(-17, y + 0.5), (-6, y - 0.8), (6, y - 0.5), (17, y + 0.8)]
            lines.append(stroke(brow, [0.4, 1.4, 1.2, 0.4]))
    canvas.tint(canvas.mask(*lines, blur=0.5), face.shadow, 0.75)


def beard(canvas: Canvas, face: "Face") -> None:
    """Draws stubble, a goatee, a mustache, or all of them as a full beard."""
    has = face.has
    if has["No_Beard"]:
        return
    color = face.beard_color
    x, y = mouth_corner(face)
    full = has["Goatee"] and has["Sideburns"]
    if has["5_o_Clock_Shadow"] or full:
        window = (slice(100, 218), slice(20, 160))
        u, v = canvas.u[window], canvas.v[window]
        around_mouth = np.hypot(u / (x + 2.0), (v - y - 1.0) / 7.0)
        edge = 22.0 + 12 * ramp(-np.abs(u), -44.0, -26.0)
        jaw = ramp(v - edge, 0.0, 12.0) * ramp(around_mouth, 0.8, 1.05)
        amount = np.maximum(jaw, 0.9 * bump(u, v, 0, 35.0, 12.0, 4.5))
        amount *= face.head.full()[window] * face.grain
        if full:
            canvas.paint(Mask(window, amount), color, 0.95)
        else:
            canvas.tint(Mask(window, amount), (0.50, 0.50, 0.54), 0.85)
    if has["Goatee"]:
        wide = 15.0 if has["Mustache"] else 12.5
        right = [(0, 52.5), (6, 53.5), (wide, 51), (wide + 1, 60)]
        right += [(10, face.chin + 2), (0, face.chin + 4)]
        tuft = closed(right + [(-a, b) for a, b in right[-2:0:-1]])
        canvas.paint(canvas.mask(tuft, blur=1.3), color, 0.88)
        canvas.paint(canvas.mask(ellipse(0, 52, 3, 3), blur=1.0), color, 0.6)
        if has["Mustache"]:
            link = stroke([(x - 1, 37), (x + 3.5, 44), (x + 0.5, 56)], [3.5, 4.5, 5.0])
            canvas.paint(canvas.mask(*both(link), blur=1.0), color, 0.85)
    if has["Mustache"]:
        half = [(0.2, 31.5), (8, 32), (x + 1.5, 37.5), (x + 1, 40), (9, 37.8)]
        outline = closed([*half, (0.2, 36.8)])
        canvas.paint(canvas.mask(*both(outline), blur=0.8), color, 0.9)


def glasses(canvas: Canvas, face: "Face") -> None:
    """Draws glasses."""
    frame_color, lens_tint = face.glasses
    upper = [(-11, -7.5), (0, -8.8), (11.5, -8), (13, 0)]
    lens = closed([*upper, (10, 8.2), (0, 9.6), (-9.5, 8), (-12, 0)])
    middle = (EYE_X, 0.8)
    inside = canvas.mask(*both(np.add(lens, middle)), lift=6.0)
    frame = canvas.mask(*both(np.add(1.17 * lens, middle)), lift=6.0)
    ring = np.maximum(frame.full() - inside.full(), 0)[frame.window]
    canvas.tint(inside, lens_tint)
    glare = np.array([(-7, -6.5), (-1, -7.5), (-7, 5), (-10, 3)], float)
    glares = np.add(glare, middle), np.add(glare, (-EYE_X, 0.8))
    canvas.paint(canvas.mask(*glares, blur=0.8, lift=6.0), (1, 1, 1), 0.16)
    canvas.paint(Mask(frame.window, ring), frame_color, 0.95)
    arm = stroke([(32.5, -3), (47, -2)], [2.4, 2.0])
    bridge = stroke([(-7, -1.5), (0, -3.6), (7, -1.5)], [2.0, 2.0])
    canvas.paint(canvas.mask(*both(arm), bridge, lift=4.0), frame_color, 0.95)
