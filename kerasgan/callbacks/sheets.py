"""How translations are laid out for a reader."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEADINGS = ("original", "translated", "back again", "identity")
# Pixels between the images of a direction, between both directions, around them.
GAP, WIDE_GAP, MARGIN = 2, 12, 4
# Pixels between two headings that are wider than the images below them.
SPACE = 6
# Grey values of the paper and of the writing on it.
PAPER, INK = 255, 40


def translation_sheet(a2b, b2a):
    """Lays translations out as one image, with a heading above every column.

    Images keep their pixels. Columns are as wide as their images, or as their
    headings where those need more.

    Args:
        a2b: List of four uint8 arrays `(n, height, width, channels)`: originals of
            domain a, translated, translated back, and what the other generator
            makes of them.
        b2a: The same for domain b.

    Returns:
        A uint8 array `(height, width, channels)`.
    """
    columns = [*a2b, *b2a]
    n = len(columns[0])
    # Domains may have images of different sizes, or one of them be grey.
    height = max(column.shape[1] for column in columns)
    channels = max(column.shape[3] for column in columns)
    font = ImageFont.load_default(min(max(columns[0].shape[2] // 6, 12), 20))
    line = sum(font.getmetrics())
    words = max(round(font.getlength(heading)) for heading in HEADINGS)
    starts, x = [], MARGIN
    for i, column in enumerate(columns):
        starts.append(x)
        gap = WIDE_GAP if i == len(a2b) - 1 else GAP
        x += max(column.shape[2], words + SPACE) + gap
    top = MARGIN + 2 * line + GAP
    size = (x - GAP + MARGIN, top + n * (height + GAP) - GAP + MARGIN)

    paper = Image.new("L", size, PAPER)
    draw = ImageDraw.Draw(paper)
    for i, title in ((0, "a to b"), (len(a2b), "b to a")):
        draw.text((starts[i], MARGIN), title, INK, font)
    for x, heading in zip(starts, HEADINGS * 2, strict=True):
        draw.text((x, MARGIN + line), heading, INK, font)
    sheet = np.repeat(np.asarray(paper)[..., None], channels, axis=2)
    if channels == 4:
        sheet[..., 3] = 255
    for x, column in zip(starts, columns, strict=True):
        for row, image in enumerate(column):
            y = top + row * (height + GAP)
            sheet[y : y + image.shape[0], x : x + image.shape[1]] = image
    return sheet
