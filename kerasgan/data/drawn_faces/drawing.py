"""Draws a face from its seed and number."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from kerasgan.data.drawn_faces import body, features, hair
from kerasgan.data.drawn_faces.attributes import LANDMARKS, sample_attributes
from kerasgan.data.drawn_faces.canvas import Canvas, Pose

IMAGES_PER_IDENTITY = 4

# Skin from fair to dark. Pale skin is a separate color.
_PALE = (0.985, 0.905, 0.875)
_SKIN = np.array(
    [
        (0.945, 0.795, 0.705),
        (0.905, 0.735, 0.620),
        (0.855, 0.665, 0.530),
        (0.745, 0.545, 0.410),
        (0.590, 0.405, 0.295),
        (0.430, 0.285, 0.215),
    ]
)
# Shares of the faces up to each of these colors.
_SKIN_QUANTILES = (0.0, 0.35, 0.62, 0.80, 0.91, 1.0)
_HAIR = {
    "Black_Hair": ((0.085, 0.075, 0.080), (0.130, 0.105, 0.100)),
    "Brown_Hair": ((0.400, 0.245, 0.145), (0.520, 0.335, 0.205)),
    "Blond_Hair": ((0.870, 0.690, 0.400), (0.965, 0.860, 0.610)),
    "Gray_Hair": ((0.600, 0.600, 0.610), (0.820, 0.815, 0.805)),
}
# Dark brown and auburn, which have no label.
_OTHER_HAIR = ((0.240, 0.150, 0.105), (0.520, 0.200, 0.095))
_IRIS = (
    (0.36, 0.22, 0.12),
    (0.30, 0.18, 0.10),
    (0.30, 0.47, 0.62),
    (0.36, 0.48, 0.30),
    (0.48, 0.36, 0.18),
)
_LIPSTICK = (
    (0.78, 0.10, 0.16),
    (0.86, 0.22, 0.36),
    (0.66, 0.10, 0.26),
    (0.84, 0.30, 0.28),
)
_EYESHADOW = (
    (0.36, 0.26, 0.42),
    (0.42, 0.26, 0.18),
    (0.24, 0.28, 0.38),
    (0.46, 0.22, 0.32),
)


class DrawnFace(NamedTuple):
    """A face and its labels.

    Attributes:
        image: uint8 array `(218, 178, 3)`, aligned like those of CelebA.
        landmarks: Dict from the ten names of CelebA to int, in pixels.
        attributes: Dict from the forty names of CelebA to bool.
        identity: Int, number of the person, counted from 1.
    """

    image: np.ndarray
    landmarks: dict[str, int]
    attributes: dict[str, bool]
    identity: int


def draw_face(seed: int, index: int) -> DrawnFace:
    """Draws one face of an endless sequence.

    The same arguments give the same face. Each person has four pictures in a row, which
    share sex, age, skin, hair color and the shape of the face. Pose, light, expression,
    clothes and background differ.

    Args:
        seed: Int, random seed for all faces.
        index: Int, number of the face, counted from 0.

    Returns:
        A `DrawnFace`.

    Example:

    >>> face = draw_face(seed=0, index=7)
    >>> face.image.shape, face.attributes["Smiling"], face.identity
    ((218, 178, 3), True, 2)
    """
    identity = index // IMAGES_PER_IDENTITY
    attributes = sample_attributes(
        np.random.default_rng((seed, 0, identity)),
        np.random.default_rng((seed, 1, index)),
    )
    image, landmarks = render(attributes, seed, index)
    return DrawnFace(image, landmarks, attributes, identity + 1)


@dataclasses.dataclass
class Face:
    """Everything that is decided before the face is drawn.

    Attributes are colors `(3,)` in [0, 1] or lengths in pixels. `has` contains the
    labels. Drawing sets `body` and `head`.
    """

    has: dict[str, bool]
    light: tuple[float, float, float]
    skin: np.ndarray
    shadow: np.ndarray
    glow: np.ndarray
    hair: np.ndarray
    brow_color: np.ndarray
    beard_color: np.ndarray
    iris: np.ndarray
    lip: np.ndarray
    lip_strength: float
    eyeshadow: np.ndarray
    eye_opening: float
    eye_tilt: float
    brow_lift: float
    half_width: float
    jaw: float
    chin_width: float
    chin: float
    style: str
    volume: float
    length: float
    part: float
    wave: float
    lumps: np.ndarray
    strands: np.ndarray
    grain: np.ndarray
    hat_kind: str
    hat_color: np.ndarray
    glasses: tuple[np.ndarray, tuple[float, float, float]]
    cloth: np.ndarray
    neckline: str
    metal: np.ndarray
    body: Any = None
    head: Any = None


def make_face(
    has: dict[str, bool], lasting: np.random.Generator, passing: np.random.Generator
) -> Face:
    """Decides how a face with these labels looks.

    All numbers are drawn even if the labels do not need them, so that changing a label
    changes nothing else.

    Args:
        has: Dict of the forty labels.
        lasting: `numpy.random.Generator` of the person.
        passing: `numpy.random.Generator` of the picture.
    """
    male = has["Male"]
    tone, shade, hue, iris, width, jaw, chin, volume, kind, opening, tilt = (
        lasting.random(11).tolist()
    )
    side, height, warm, part, wave, hat, frame, neckline, metal, length, brow, red = (
        passing.random(12).tolist()
    )
    cloth, hat_color = passing.random((2, 3))
    lumps = passing.uniform(-2.2, 2.2, (40, 2))
    noise = passing.standard_normal(1024)
    grain = passing.random((118, 140), np.float32)

    light = np.array([1.3 * side - 0.65, -0.30 - 0.35 * height, 0.75])
    light_x, light_y, light_z = (light / np.linalg.norm(light)).tolist()
    tint = np.array([1.0 + 0.04 * warm, 1.0, 1.0 - 0.06 * warm])
    steps = np.array([np.interp(tone, _SKIN_QUANTILES, channel) for channel in _SKIN.T])
    skin = (np.array(_PALE) if has["Pale_Skin"] else steps) * tint
    if not male:
        skin = skin * 0.94 + 0.06
    shadow = np.array([0.72, 0.52, 0.47]) + 0.06 * (tone < 0.5)
    first, second = _OTHER_HAIR
    share = float(hue > 0.75)
    for name, pair in _HAIR.items():
        if has[name]:
            (first, second), share = pair, shade
    hair_color = features.mix(np.array(first), np.array(second), share)
    dark = np.array([0.17, 0.12, 0.10])
    brow_color = features.mix(hair_color, dark, 0.55)
    beard_color = features.mix(hair_color, dark, 0.45)
    lip = skin * (0.86, 0.62, 0.62)
    strength = 0.6 if male else 0.85
    if has["Wearing_Lipstick"]:
        lip, strength = np.array(_LIPSTICK[int(red * 4)]), 0.95
        lip = lip * (0.75 + 0.25 * skin[0])
    styled = has["Straight_Hair"] or has["Wavy_Hair"]
    style = "cropped" if male else "loose" if styled else "bob"
    if style == "bob" and kind < 0.55:
        style = "tied"
    grow = 5.0 * has["Chubby"] - 3.2 * has["Oval_Face"]
    dark_frame = np.array([0.10, 0.08, 0.08]) + 0.25 * (frame > 0.7) * cloth
    lens = (0.30, 0.28, 0.30) if frame < 0.2 else (0.93, 0.95, 0.97)
    return Face(
        has=has,
        light=(light_x, light_y, light_z),
        skin=np.clip(skin, 0, 1),
        shadow=shadow,
        glow=np.clip(skin * 0.4 + 0.62, 0, 1),
        hair=hair_color,
        brow_color=brow_color,
        beard_color=beard_color,
        iris=np.array(_IRIS[int(iris * 5) if tone < 0.7 else int(iris * 2)]),
        lip=lip,
        lip_strength=strength,
        eyeshadow=np.array(_EYESHADOW[int(red * 4)]),
        eye_opening=0.92 + 0.2 * opening,
        eye_tilt=2.0 * tilt - 0.4 + 0.8 * (not male),
        brow_lift=2.0 * brow - 0.5 if male else 2.4 * brow,
        half_width=43.0 + 2.5 * width + grow + 1.0 * male,
        jaw=31.0 + 3 * jaw + 6.0 * male + 1.5 * grow,
        chin_width=9.0 + 2 * chin + 5.0 * male + 0.8 * max(grow, 0),
        chin=68.0 + 3 * chin + 5.0 * has["Oval_Face"] + 2.0 * male,
        style=style,
        # Cropped hair is close to the head.
        volume=2.0 if male and not styled else (5.0 if male else 3.0) + 6 * volume,
        length=62.0 + 80 * max(0.0, length - 0.15) if styled else 46.0 + 12 * length,
        part=34.0 * part - 17.0,
        wave=6.28 * wave,
        lumps=lumps,
        strands=hair.strand_table(noise),
        grain=0.72 + 0.28 * grain,
        hat_kind=("beanie", "cap", "fedora")[int(hat * 3)],
        hat_color=0.15 + 0.65 * hat_color,
        glasses=(dark_frame, lens),
        cloth=0.08 + 0.84 * features.mix(cloth, cloth.mean(), 0.4),
        neckline=("crew", "scoop", "vee")[int(neckline * 3)],
        metal=np.array([0.93, 0.76, 0.36] if metal < 0.6 else [0.90, 0.90, 0.92]),
    )


def make_pose(rng: np.random.Generator) -> Pose:
    """Returns the pose of a nearly upright head, like the aligned ones of CelebA."""
    return Pose(
        yaw=float(np.clip(rng.normal(0, 0.13), -0.28, 0.28)),
        pitch=float(np.clip(rng.normal(0, 0.06), -0.12, 0.12)),
        roll=float(np.clip(rng.normal(0, 0.035), -0.09, 0.09)),
        scale=float(rng.uniform(0.96, 1.04)),
        x=float(88.5 + rng.normal(0, 1.2)),
        y=float(111.0 + rng.normal(0, 1.2)),
    )


def render(
    attributes: dict[str, bool], seed: int, index: int
) -> tuple[np.ndarray, dict[str, int]]:
    """Draws a face with given labels.

    Args:
        attributes: Dict from the forty names of CelebA to bool.
        seed: As in `draw_face`.
        index: As in `draw_face`.

    Returns:
        The image and the landmarks, as in `DrawnFace`.
    """
    lasting = np.random.default_rng((seed, 2, index // IMAGES_PER_IDENTITY))
    passing = np.random.default_rng((seed, 3, index))
    pose = make_pose(passing)
    face = make_face(attributes, lasting, passing)
    canvas = Canvas(pose)
    body.background(canvas, passing)
    hair.back(canvas, face)
    body.torso(canvas, face)
    body.head(canvas, face)
    features.wrinkles(canvas, face)
    features.beard(canvas, face)
    features.eyes(canvas, face)
    features.brows(canvas, face)
    features.nose(canvas, face)
    features.mouth(canvas, face)
    if attributes["Bald"]:
        hair.bald_scalp(canvas, face)
    hair.front(canvas, face)
    if attributes["Wearing_Hat"]:
        hair.hat(canvas, face)
    if attributes["Eyeglasses"]:
        features.glasses(canvas, face)
    if attributes["Wearing_Earrings"]:
        body.earrings(canvas, face)
    image = canvas.image()
    if attributes["Blurry"]:
        picture = Image.fromarray(image).filter(ImageFilter.GaussianBlur(2.6))
        image = np.asarray(picture)
    return image, _landmarks(pose, face)


def _landmarks(pose: Pose, face: Face) -> dict[str, int]:
    x, y = features.mouth_corner(face)
    eye = features.EYE_X
    flat = pose.place(np.array([(-eye, 0.0), (eye, 0.0)]))
    tip = pose.place(np.array([(0.0, features.NOSE_Y)]), lift=10.0)
    corners = pose.place(np.array([(-x, y), (x, y)]), lift=1.5)
    spots = np.rint(np.concatenate([flat, tip, corners])).astype(int)
    return dict(zip(LANDMARKS, spots.ravel().tolist(), strict=True))
