"""Random attributes of drawn faces, with the frequencies of CelebA."""

import numpy as np

LANDMARKS = (
    "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
    "leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
).split()

# P(attribute | man), P(attribute | woman), rounded from CelebA's annotations.
# `Attractive` is missing: it follows from the others; see `sample_attributes`.
FREQUENCIES = {
    "5_o_Clock_Shadow": (0.26, 0.00),
    "Arched_Eyebrows": (0.08, 0.40),
    "Bags_Under_Eyes": (0.35, 0.10),
    "Bald": (0.05, 0.00),
    "Bangs": (0.10, 0.21),
    "Big_Lips": (0.17, 0.29),
    "Big_Nose": (0.42, 0.10),
    "Black_Hair": (0.29, 0.20),
    "Blond_Hair": (0.02, 0.24),
    "Blurry": (0.06, 0.045),
    "Brown_Hair": (0.15, 0.25),
    "Bushy_Eyebrows": (0.24, 0.07),
    "Chubby": (0.12, 0.012),
    "Double_Chin": (0.09, 0.015),
    "Eyeglasses": (0.125, 0.022),
    "Goatee": (0.16, 0.00),
    "Gray_Hair": (0.085, 0.010),
    "Heavy_Makeup": (0.00, 0.66),
    "High_Cheekbones": (0.31, 0.56),
    "Male": (1.00, 0.00),
    "Mouth_Slightly_Open": (0.42, 0.53),
    "Mustache": (0.115, 0.00),
    "Narrow_Eyes": (0.12, 0.11),
    "No_Beard": (0.61, 1.00),
    "Oval_Face": (0.22, 0.33),
    "Pale_Skin": (0.025, 0.055),
    "Pointy_Nose": (0.17, 0.35),
    "Receding_Hairline": (0.12, 0.05),
    "Rosy_Cheeks": (0.00, 0.11),
    "Sideburns": (0.13, 0.00),
    "Smiling": (0.40, 0.54),
    "Straight_Hair": (0.22, 0.19),
    "Wavy_Hair": (0.13, 0.46),
    "Wearing_Earrings": (0.015, 0.31),
    "Wearing_Hat": (0.08, 0.026),
    "Wearing_Lipstick": (0.00, 0.80),
    "Wearing_Necklace": (0.015, 0.20),
    "Wearing_Necktie": (0.17, 0.00),
    "Young": (0.635, 0.874),
}
MALE_FREQUENCY = 0.417

# CelebA's order is alphabetical.
ATTRIBUTES = sorted([*FREQUENCIES, "Attractive"])

# These may differ between two pictures of one person; the others do not.
_PASSING = {
    "Bags_Under_Eyes",
    "Bangs",
    "Blurry",
    "Eyeglasses",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Mouth_Slightly_Open",
    "Rosy_Cheeks",
    "Smiling",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
}

# Frequencies among the men with a beard.
_BEARDS = (
    (0.47, ("5_o_Clock_Shadow",)),
    (0.14, ("5_o_Clock_Shadow", "Goatee")),
    (0.06, ("5_o_Clock_Shadow", "Mustache")),
    (0.09, ("Goatee",)),
    (0.07, ("Goatee", "Mustache")),
    (0.05, ("Mustache",)),
    (0.12, ("Goatee", "Mustache", "Sideburns")),
)


def sample_attributes(
    identity_rng: np.random.Generator, image_rng: np.random.Generator
) -> dict[str, bool]:
    """Draws the forty attributes of one picture of one person.

    Given the sex, most attributes are independent, with the probabilities in
    `FREQUENCIES`. Some are correlated, as in CelebA: smiling with an open mouth and
    high cheekbones; lipstick with heavy makeup and rosy cheeks; age with gray hair,
    baldness and bags under the eyes; chubby with a double chin. A face has at most one
    hair color, either a beard or `No_Beard`, and nothing that a bald head or a hat
    would hide.

    `Attractive`, a judgment that cannot be drawn, is a rule: young, with more of (oval
    face, high cheekbones, smiling, heavy makeup) than of (chubby, double chin, big
    nose, bags under the eyes, receding hairline, eyeglasses).

    Args:
        identity_rng: `numpy.random.Generator` of the person.
        image_rng: `numpy.random.Generator` of the picture.

    Returns:
        Dict from the forty names of CelebA, in CelebA's order, to bool.
    """
    chance = {}
    for name, lasting, passing in zip(
        ATTRIBUTES, identity_rng.random(40), image_rng.random(40), strict=True
    ):
        chance[name] = passing if name in _PASSING else lasting
    male = bool(chance["Male"] < MALE_FREQUENCY)
    rate = {name: pair[0 if male else 1] for name, pair in FREQUENCIES.items()}
    face = {name: bool(chance[name] < rate[name]) for name in rate}
    face["Male"] = male

    def depend(name: str, cause: str, given_cause: float) -> None:
        """Draws `name` given `cause`, with the same overall probability."""
        p, q = rate[name], rate[cause]
        given_cause = min(given_cause, p / q)
        otherwise = (p - given_cause * q) / (1 - q)
        face[name] = bool(chance[name] < (given_cause if face[cause] else otherwise))

    depend("Mouth_Slightly_Open", "Smiling", 0.68)
    depend("High_Cheekbones", "Smiling", 0.72)
    if not male:
        depend("Heavy_Makeup", "Wearing_Lipstick", 1.0)
        depend("Rosy_Cheeks", "Heavy_Makeup", 1.0)
    depend("Double_Chin", "Chubby", 0.6)
    depend("Oval_Face", "Chubby", 0.0)
    depend("Pointy_Nose", "Big_Nose", 0.0)
    depend("Bags_Under_Eyes", "Young", rate["Bags_Under_Eyes"] * 0.8)
    depend("Bald", "Young", rate["Bald"] * 0.5)
    depend("Receding_Hairline", "Young", rate["Receding_Hairline"] * 0.6)

    # One hair color, or a shade between them; only the old are gray.
    colors = ["Black_Hair", "Blond_Hair", "Brown_Hair"]
    gray = not face["Young"] and chance["Gray_Hair"] < rate["Gray_Hair"] / (
        1 - rate["Young"]
    )
    face["Gray_Hair"] = bool(gray)
    left = 1 - rate["Gray_Hair"]
    dice = chance["Black_Hair"]
    for name in colors:
        face[name] = bool(not gray and 0 <= dice < rate[name] / left)
        dice -= rate[name] / left
    dice = chance["Straight_Hair"] - rate["Straight_Hair"]
    face["Wavy_Hair"] = bool(0 <= dice < rate["Wavy_Hair"])

    for name in ("5_o_Clock_Shadow", "Goatee", "Mustache"):
        face[name] = False
    if not face["No_Beard"]:
        shares = np.cumsum([share for share, _ in _BEARDS])
        style = int(np.searchsorted(shares, chance["Goatee"], side="right"))
        for name in _BEARDS[min(style, len(_BEARDS) - 1)][1]:
            face[name] = True

    # Attributes that cannot be seen are false.
    if face["Wearing_Hat"]:
        _clear(face, "Bald", "Bangs", "Receding_Hairline")
        if male:
            _clear(face, "Straight_Hair", "Wavy_Hair")
    if face["Bald"]:
        _clear(face, *colors, "Gray_Hair", "Bangs", "Receding_Hairline")
        _clear(face, "Straight_Hair", "Wavy_Hair", "Sideburns")
    if face["Receding_Hairline"]:
        _clear(face, "Bangs")

    praise = "Oval_Face High_Cheekbones Smiling Heavy_Makeup"
    blame = "Chubby Double_Chin Big_Nose Bags_Under_Eyes Receding_Hairline Eyeglasses"
    face["Attractive"] = face["Young"] and (
        sum(face[name] for name in praise.split())
        > sum(face[name] for name in blame.split())
    )
    return {name: face[name] for name in ATTRIBUTES}


def _clear(face: dict[str, bool], *names: str) -> None:
    for name in names:
        face[name] = False
