"""Arranges originals and translations in one image with headings."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEADINGS = ("original", "translated", "back again", "identity")
# Pixels between the images of a direction, between the directions, and at the edges.
GAP, WIDE_GAP, MARGIN = 2, 12, 4
# Pixels between two headings that are wider than the images below them.
HEADING_GAP = 6
# Gray values of the background and the text.
BACKGROUND, TEXT = 255, 40


def arrange_translations(
    a2b: Sequence[np.ndarray], b2a: Sequence[np.ndarray]
) -> np.ndarray:
    """Arranges translations in one image, with a heading above every column.

    Images are not scaled. Columns are as wide as their images, or as their headings if
    those are wider.

    Args:
        a2b: Three or four uint8 arrays `(n, height, width, channels)` with 1, 3 or 4
            channels: originals of domain a, their translations, the translations
            translated back and, if there is a fourth, the originals translated by the
            other generator.
        b2a: The same for domain b.

    Returns:
        A uint8 array `(height, width, channels)`. It is gray if all images are, RGBA if
        some images are, and otherwise RGB.
    """
    columns = [*a2b, *b2a]
    n = len(columns[0])
    # The domains may differ in the size and the channels of their images.
    height = max(column.shape[1] for column in columns)
    channels = max(column.shape[3] for column in columns)
    font = ImageFont.load_default(min(max(columns[0].shape[2] // 6, 12), 20))
    assert isinstance(font, ImageFont.FreeTypeFont)
    line = sum(font.getmetrics())
    widest = max(round(font.getlength(heading)) for heading in HEADINGS)
    lefts, x = [], MARGIN
    for i, column in enumerate(columns):
        lefts.append(x)
        gap = WIDE_GAP if i == len(a2b) - 1 else GAP
        x += max(column.shape[2], widest + HEADING_GAP) + gap
    top = MARGIN + 2 * line + GAP
    size = (x - GAP + MARGIN, top + n * (height + GAP) - GAP + MARGIN)

    page = Image.new("L", size, BACKGROUND)
    draw = ImageDraw.Draw(page)
    for i, title in ((0, "a to b"), (len(a2b), "b to a")):
        draw.text((lefts[i], MARGIN), title, TEXT, font)
    headings = [*HEADINGS[: len(a2b)], *HEADINGS[: len(b2a)]]
    for x, heading in zip(lefts, headings, strict=True):
        draw.text((x, MARGIN + line), heading, TEXT, font)
    arranged = _with_channels(np.array(page)[..., None], channels)
    for x, column in zip(lefts, columns, strict=True):
        for row, image in enumerate(_with_channels(column, channels)):
            y = top + row * (height + GAP)
            arranged[y : y + image.shape[0], x : x + image.shape[1]] = image
    return arranged


def _with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Converts gray images to RGB and RGB to opaque RGBA where `channels` needs it."""
    if images.shape[-1] < channels and images.shape[-1] == 1:
        images = np.repeat(images, 3, axis=-1)
    if images.shape[-1] < channels:
        opaque = np.full_like(images[..., :1], 255)
        images = np.concatenate([images, opaque], axis=-1)
    return images
