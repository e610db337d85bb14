"""Eyes, brows, nose, mouth, beard and wrinkles of a drawn face.

Every function takes the `Canvas` and the face, `drawing.Face`.
"""

import numpy as np

from kerasgan.data.face_canvas import Mask, bump, closed, ellipse, ramp, stroke

EYE_X, NOSE_Y, MOUTH_X, MOUTH_Y = 19.5, 24.0, 15.5, 41.5
SIDES = (-1, 1)


def mix(first, second, share):
    """Returns the color between two, `share` of the way to the second."""
    first, second = np.asarray(first), np.asarray(second)
    return first + (second - first) * share


def relief(u, v, face):
    """Returns the height, in pixels, of the bare face over the fields u and v."""
    has = face.has
    side = np.abs(u)
    wide = 1.0 + 0.4 * has["Big_Nose"] - 0.16 * has["Pointy_Nose"]
    height = -30 * ((u / 46) ** 2 + ((v - 6) / 74) ** 2)
    # The nose: a ridge that widens downwards and ends under the tip.
    along = np.interp(v, [-14, -2, 20, 25, 30], [0, 3.5, 10, 9, 0]).astype(np.float32)
    breadth = wide * (4.2 + 3.2 * ramp(v, 4.0, 24.0))
    height += along * np.exp(-((u / breadth) ** 2))
    height += 3.0 * bump(side, v, 7.0 * wide, 25.0, 3.8 * wide, 4.0)
    tip = 5.0 if has["Pointy_Nose"] else 3.0
    height += tip * bump(u, v, 0.0, 22.5, 4.5 * wide, 4.5)
    # Sockets, lids, brows.
    height -= 5.0 * bump(side, v, EYE_X - 2, -1.0, 12.0, 8.0)
    height += 3.2 * bump(side, v, EYE_X, 0.0, 9.0, 6.5)
    ridge = 3.2 if has["Male"] else 1.8
    height += ridge * bump(side, v, 17.0, -13.0, 15.0, 5.5)
    # Cheeks, mouth, chin.
    cheek = 3.0 + 4.5 * has["High_Cheekbones"] + 1.5 * has["Smiling"]
    height += cheek * bump(side, v, 27.0, 19.0 - 3 * has["High_Cheekbones"], 11.0, 9.0)
    height += 4.0 * bump(u, v, 0.0, 41.0, 19.0, 13.0)
    height -= 1.6 * bump(u, v, 0.0, 53.0, 11.0, 4.0)
    height += 4.0 * bump(u, v, 0.0, face.chin - 8.0, 13.0, 8.0)
    return height


def eyes(canvas, face):
    has, u, v = face.has, canvas.u, canvas.v
    opening = 0.45 if has["Narrow_Eyes"] else face.eye_opening
    if has["Smiling"]:
        opening *= 0.9
    liner = (0.10, 0.07, 0.07)
    for s in SIDES:
        x = s * EYE_X

        def at(points, x=x, s=s):
            return [(x + s * dx, dy) for dx, dy in points]

        up, low, tilt = -5.6 * opening, 3.4 * opening, face.eye_tilt
        inner, outer = (-9.3, 1.2), (9.6, -tilt)
        lid = [inner, (-5.5, 0.72 * up), (0, up), (5.5, 0.80 * up - tilt / 2), outer]
        under = [outer, (5.0, 0.9 * low - tilt / 2), (0, low), (-5.5, 0.72 * low)]
        if has["Heavy_Makeup"]:
            shadow = at(
                [(-10, 0), (-6, -8), (1, -10.5), (9, -9), (12.5, -3), (8, 1), (0, 1)]
            )
            canvas.paint(canvas.mask(closed(shadow), blur=1.8), face.eyeshadow, 0.62)
        crease = at(
            [(-8, 0.55 * up - 1.5), (0, up - 3.4), (8.6, 0.6 * up - 1.6 - tilt)]
        )
        canvas.tint(
            canvas.mask(stroke(crease, [0.8, 1.6, 0.8]), blur=0.5),
            face.shadow,
            0.75,
        )
        white = canvas.mask(closed(at(lid + under[1:])))
        canvas.paint(white, np.array([0.93, 0.92, 0.90]) * face.dim)
        rows, columns = white.window
        du, dv = u[rows, columns] - x, v[rows, columns] + 0.3
        distance = np.sqrt(du * du + dv * dv)
        disc = white.cover * np.clip(5.4 - distance, 0, 1)
        canvas.paint(Mask(white.window, disc), face.iris * 0.42)
        light = (
            disc * np.clip(4.4 - distance, 0, 1) * (0.55 + 0.45 * ramp(dv, -3.0, 3.0))
        )
        canvas.paint(Mask(white.window, light), face.iris)
        pupil = disc * np.clip(2.7 - distance, 0, 1)
        canvas.paint(Mask(white.window, pupil), (0.03, 0.03, 0.04))
        # The lid's own shadow, then the lashes.
        shade = white.cover * ramp(-dv - u[rows, columns] * 0, low * 0.2, -up)
        canvas.tint(Mask(white.window, shade), (0.45, 0.40, 0.42), 0.8)
        glint = np.clip(1.7 - np.hypot(du + 1.5 * -face.light[0], dv + 1.9), 0, 1)
        canvas.paint(Mask(white.window, disc * glint), (1, 1, 1), 0.95)
        made_up = has["Heavy_Makeup"]
        heavy = 2.6 if made_up else (1.1 if has["Male"] else 1.8)
        line = [(dx, dy - 0.3) for dx, dy in lid]
        if not has["Male"]:
            line += [(12.6, -tilt - 2.0 - made_up)]
        width = [0.6, heavy, 1.2 * heavy, heavy, 0.3]
        canvas.paint(canvas.mask(stroke(at(line), width)), liner, 0.92)
        canvas.paint(
            canvas.mask(stroke(at(under), [0.9, 0.6, 0.4]), blur=0.3),
            mix(face.shadow * face.skin, liner, 0.8 if made_up else 0.15),
            0.75,
        )
        if has["Bags_Under_Eyes"]:
            bag = at([(-8, 5.5), (-2, 9.3), (5, 8.8), (9, 5.5)])
            canvas.tint(
                canvas.mask(stroke(bag, [1.0, 3.4, 3.0, 1.0]), blur=0.9),
                (0.60, 0.50, 0.55),
                0.9,
            )
            puff = at([(-6, 4.6), (0, 6.4), (6, 5.0)])
            canvas.paint(
                canvas.mask(stroke(puff, [0.6, 1.8, 0.8]), blur=0.7), face.glow, 0.4
            )


def brows(canvas, face):
    has = face.has
    thick = 6.4 if has["Bushy_Eyebrows"] else (3.8 if has["Male"] else 2.8)
    lift = 1.0 if has["Smiling"] else 0.0
    for s in SIDES:
        if has["Arched_Eyebrows"]:
            line = [(8, -10.5), (16, -15.0), (24.0, -18.5), (33.5, -11.5)]
        else:
            line = [(7.5, -11.5), (15, -13.2), (24, -13.8), (32.5, -10.0)]
        line = [(s * x, y - lift - face.brow_lift) for x, y in line]
        widths = [0.75 * thick, thick, 0.85 * thick, 0.25 * thick]
        outline = stroke(line, widths)
        canvas.paint(canvas.mask(outline, blur=0.8), face.brow_color, 0.55)
        canvas.paint(canvas.mask(outline, blur=0.3), face.brow_color, 0.55)


def nose(canvas, face):
    has = face.has
    wide = 1.0 + 0.4 * has["Big_Nose"] - 0.16 * has["Pointy_Nose"]
    drop = 1.5 if has["Big_Nose"] or has["Pointy_Nose"] else 0.0
    lift = 7.0
    under = ellipse(0, 30.5 + drop, 9.0 * wide, 2.6)
    canvas.tint(canvas.mask(under, blur=1.8, lift=3), face.shadow, 0.75)
    for s in SIDES:
        hole = [
            (s * 2.6 * wide, 28.2 + drop),
            (s * 5.0 * wide, 26.4 + drop),
            (s * 7.4 * wide, 27.4 + drop),
            (s * 5.0 * wide, 29.0 + drop),
        ]
        canvas.tint(
            canvas.mask(closed(hole), blur=0.5, lift=lift),
            face.shadow * 0.4,
            0.85,
        )
        wing = [
            (s * 8.6 * wide, 19.5),
            (s * 11.0 * wide, 24.0 + drop / 2),
            (s * 9.6 * wide, 28.0 + drop),
        ]
        canvas.tint(
            canvas.mask(stroke(wing, [0.5, 1.8, 0.8]), blur=0.7, lift=3.0),
            face.shadow,
            0.85,
        )
    shine = ellipse(
        2.0 * face.light[0], 20.5, 1.3 if has["Pointy_Nose"] else 2.2 * wide, 2.0
    )
    canvas.paint(canvas.mask(shine, blur=1.0, lift=12.0), face.glow, 0.75)
    if has["Pointy_Nose"]:
        bridge = stroke([(0.5, -4), (0.3, 8), (0, 20)], [0.8, 1.4, 2.0])
        canvas.paint(canvas.mask(bridge, blur=0.6, lift=8.0), face.glow, 0.55)


def mouth_corner(face):
    """Returns x and y of the mouth's right corner in the face's plane."""
    if face.has["Smiling"]:
        return MOUTH_X + 3.2, MOUTH_Y - 2.6
    return MOUTH_X - 1.0, MOUTH_Y + 0.4


def mouth(canvas, face):
    has = face.has
    x, y = mouth_corner(face)
    smile = has["Smiling"]
    full = (1.75 if has["Big_Lips"] else 1.0) * (0.9 if has["Male"] else 1.1)
    # Rows of the upper lip's edges and the lower lip's, in the middle.
    middle = MOUTH_Y + (1.2 if smile else 0.6)
    gap = (5.6 if smile else 4.6) if has["Mouth_Slightly_Open"] else 0.0
    top_inner, low_inner = middle - 0.25 * gap, middle + 0.75 * gap
    top, low = top_inner - 3.6 * full, low_inner + 4.6 * full
    if smile:
        top, low = top + 0.7, low - 0.4
    bow = 1.1
    corner_l, corner_r = (-x, y), (x, y)
    upper = [corner_l, (-0.55 * x, mean(y, top)), (-3.2, top), (0, top + bow)]
    upper += [(-px, py) for px, py in upper[2:0:-1]] + [corner_r]
    inner_top = [(0.6 * x, mean(y, top_inner, 0.75)), (0, top_inner + 0.3)]
    inner_top += [(-0.6 * x, mean(y, top_inner, 0.75))]
    inner_low = [(-0.6 * x, mean(y, low_inner, 0.78)), (0, low_inner)]
    inner_low += [(0.6 * x, mean(y, low_inner, 0.78))]
    lower = [(0.6 * x, mean(y, low, 0.82)), (0, low), (-0.6 * x, mean(y, low, 0.82))]
    lift = 1.5

    canvas.tint(canvas.mask(ellipse(0, low + 3.0, 9, 1.8), blur=1.6), face.shadow, 0.6)
    whole = canvas.mask(closed(upper + lower), blur=0.35, lift=lift)
    canvas.paint(whole, face.lip * 1.0, face.lip_strength)
    upper_lip = canvas.mask(closed(upper + inner_top), blur=0.3, lift=lift)
    canvas.tint(upper_lip, (0.80, 0.74, 0.76), 0.9)
    shine = ellipse(2.5 * face.light[0], mean(low_inner, low, 0.45), 4.5, 0.9 * full)
    gloss = 0.55 if has["Wearing_Lipstick"] else 0.3
    canvas.paint(canvas.mask(shine, blur=0.8, lift=lift), face.glow, gloss)
    if has["Mouth_Slightly_Open"]:
        hole = [corner_l, *reversed(inner_top), corner_r, *reversed(inner_low)]
        opening = canvas.mask(closed(hole), lift=lift)
        canvas.paint(opening, (0.22, 0.06, 0.07))
        bite = mean(top_inner, low_inner, 0.78 if smile else 0.42)
        teeth = [(-0.78 * x, y - 2), (0.78 * x, y - 2), (0.62 * x, mean(y, bite, 0.8))]
        teeth += [(0, bite), (-0.62 * x, mean(y, bite, 0.8))]
        row = canvas.mask(closed(teeth), blur=0.3, lift=lift) & opening
        canvas.paint(row, np.array([0.96, 0.95, 0.92]) * face.dim, 0.95)
    else:
        line = [corner_l, *reversed(inner_top), corner_r]
        seam = canvas.mask(stroke(line, [0.8, 1.3, 1.5, 1.3, 0.8]), blur=0.3, lift=lift)
        canvas.paint(seam, face.lip * 0.38, 0.85)
    for s in SIDES:
        dimple = canvas.mask(ellipse(s * (x + 0.6), y, 1.6, 1.6), blur=0.7, lift=lift)
        canvas.tint(dimple, face.shadow, 0.75)


def mean(first, second, share=0.5):
    return first + (second - first) * share


def wrinkles(canvas, face):
    """Lines of a smile and of age."""
    has = face.has
    fold = 0.55 * has["Smiling"] + 0.55 * (not has["Young"]) + 0.2 * has["Chubby"]
    for s in SIDES:
        if fold:
            x, y = mouth_corner(face)
            line = [(s * 11, 27), (s * (x - 0.5), 33), (s * (x + 4), y + 1)]
            if not has["Young"]:
                line.append((s * (x + 4), y + 8))
            canvas.tint(
                canvas.mask(stroke(line, [0.6, 2.0, 0.6]), blur=0.9),
                face.shadow,
                min(1.0, fold),
            )
        if not has["Young"]:
            for dy in (-3.0, 0.5, 4.0):
                feet = [(s * 31, dy * 0.6), (s * 36, dy * 1.5)]
                canvas.tint(
                    canvas.mask(stroke(feet, [1.2, 0.4]), blur=0.4), face.shadow, 0.8
                )
            bag = [(s * 11, 5), (s * 17, 8.5), (s * 25, 8)]
            canvas.tint(
                canvas.mask(stroke(bag, [0.5, 1.3, 0.5]), blur=0.5), face.shadow, 0.6
            )
    if not has["Young"] and not has["Bangs"]:
        for y in (-23.0, -28.5, -34.0):
            line = [(-17, y + 0.5), (-6, y - 0.8), (6, y - 0.5), (17, y + 0.8)]
            canvas.tint(
                canvas.mask(stroke(line, [0.4, 1.4, 1.2, 0.4]), blur=0.5),
                face.shadow,
                0.8,
            )


def beard(canvas, face):
    """Stubble, goatee, mustache; all of them grow together into a full beard."""
    has = face.has
    color, u, v = face.beard_color, canvas.u, canvas.v
    x, y = mouth_corner(face)
    hollow = 1 - ramp(np.hypot(u / (x + 3.0), (v - y - 1.0) / 8.5), 0.8, 1.05)
    full = has["Goatee"] and has["Sideburns"]
    if has["5_o_Clock_Shadow"] or full:
        edge = 22.0 + 12 * ramp(-np.abs(u), -44.0, -26.0)
        jaw = ramp(v - edge, 0.0, 12.0) * face.head.full() * (1 - hollow)
        lip = bump(u, v, 0, 35.0, 12.0, 4.5)
        amount = np.maximum(jaw, 0.9 * lip * face.head.full())
        window = (slice(100, 218), slice(20, 160))
        opacity = 0.88 if full else 0.42
        canvas.paint(Mask(window, (amount * face.grain)[window]), color, opacity)
    if has["Goatee"]:
        wide = 15.0 if has["Mustache"] else 12.5
        tuft = [(-wide, 51), (-6, 53.5), (0, 52.5), (6, 53.5), (wide, 51)]
        tuft += [(wide + 1, 60), (10, face.chin + 2), (0, face.chin + 4)]
        tuft += [(-10, face.chin + 2), (-wide - 1, 60)]
        canvas.paint(canvas.mask(closed(tuft), blur=1.3), color, 0.88)
        canvas.paint(canvas.mask(ellipse(0, 52, 3, 3), blur=1.0), color, 0.6)
        if has["Mustache"]:
            for s in SIDES:
                link = [(s * (x - 1), 37), (s * (x + 3.5), 44), (s * (x + 0.5), 56)]
                canvas.paint(
                    canvas.mask(stroke(link, [3.5, 4.5, 5]), blur=1.0), color, 0.85
                )
    if has["Mustache"]:
        for s in SIDES:
            half = [(s * 0.2, 31.5), (s * 8, 32), (s * (x + 1.5), 37.5)]
            half += [(s * (x + 1.0), 40.0), (s * 9, 37.8), (s * 0.2, 36.8)]
            canvas.paint(canvas.mask(closed(half), blur=0.8), color, 0.9)


def glasses(canvas, face):
    dark, lens_tint = face.glasses
    for s in SIDES:
        lens = [(-11, -7.5), (0, -8.8), (11.5, -8), (13, 0), (10, 8.2), (0, 9.6)]
        lens += [(-9.5, 8), (-12, 0)]
        rim = [(s * (EYE_X + x), y + 0.8) for x, y in lens]
        grown = [(s * (EYE_X + 1.17 * x), 1.17 * y + 0.8) for x, y in lens]
        inside = canvas.mask(closed(rim), lift=6.0)
        frame = canvas.mask(closed(grown), lift=6.0)
        ring = np.clip(frame.full() - inside.full(), 0, 1)[frame.window]
        canvas.tint(inside, lens_tint)
        glare = [(-7, -6.5), (-1, -7.5), (-7, 5), (-10, 3)]
        glare = [(s * EYE_X + x, y + 0.8) for x, y in glare]
        canvas.paint(canvas.mask(glare, blur=0.8, lift=6.0), (1, 1, 1), 0.16)
        canvas.paint(Mask(frame.window, ring), dark, 0.95)
        arm = stroke([(s * 32.5, -3), (s * 47, -2)], [2.4, 2.0])
        canvas.paint(canvas.mask(arm, lift=2.0), dark, 0.95)
    bridge = stroke([(-7, -1.5), (0, -3.6), (7, -1.5)], [2.0, 2.0])
    canvas.paint(canvas.mask(bridge, lift=7.0), dark, 0.95)
