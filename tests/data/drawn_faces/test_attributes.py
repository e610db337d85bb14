import numpy as np
import pytest

from kerasgan.data.drawn_faces.attributes import ATTRIBUTES, sample_attributes

# Of CelebA's 202,599 images, in percent.
CELEB_A = {
    "5_o_Clock_Shadow": 11.1, "Arched_Eyebrows": 26.7, "Attractive": 51.3,
    "Bags_Under_Eyes": 20.5, "Bald": 2.2, "Bangs": 15.2, "Big_Lips": 24.1,
    "Big_Nose": 23.5, "Black_Hair": 23.9, "Blond_Hair": 14.8, "Blurry": 5.1,
    "Brown_Hair": 20.5, "Bushy_Eyebrows": 14.2, "Chubby": 5.8, "Double_Chin": 4.7,
    "Eyeglasses": 6.5, "Goatee": 6.3, "Gray_Hair": 4.2, "Heavy_Makeup": 38.7,
    "High_Cheekbones": 45.5, "Male": 41.7, "Mouth_Slightly_Open": 48.3,
    "Mustache": 4.2, "Narrow_Eyes": 11.5, "No_Beard": 83.5, "Oval_Face": 28.4,
    "Pale_Skin": 4.3, "Pointy_Nose": 27.7, "Receding_Hairline": 8.0,
    "Rosy_Cheeks": 6.6, "Sideburns": 5.7, "Smiling": 48.2, "Straight_Hair": 20.8,
    "Wavy_Hair": 32.0, "Wearing_Earrings": 18.9, "Wearing_Hat": 4.8,
    "Wearing_Lipstick": 47.2, "Wearing_Necklace": 12.3, "Wearing_Necktie": 7.3,
    "Young": 77.4,
}  # fmt: skip
HAIR_COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")


@pytest.fixture(scope="module")
def samples():
    rngs = (np.random.default_rng(seed) for seed in range(6000))
    return [sample_attributes(rng, rng) for rng in rngs]


def test_attributes_are_the_forty_of_celeb_a(samples):
    assert ATTRIBUTES == sorted(CELEB_A) and len(ATTRIBUTES) == 40
    assert all(list(sample) == ATTRIBUTES for sample in samples[:10])


def test_frequencies_are_near_those_of_celeb_a(samples):
    for name, percent in CELEB_A.items():
        rate = np.mean([sample[name] for sample in samples])
        # Four standard errors, and 2 % because some attributes hide others.
        error = 4 * np.sqrt(percent * (100 - percent) / len(samples))
        assert abs(100 * rate - percent) < error + 2, name


def test_labels_are_consistent(samples):
    for face in samples:
        assert sum(face[name] for name in HAIR_COLORS) <= 1
        beard = face["5_o_Clock_Shadow"] or face["Goatee"] or face["Mustache"]
        assert beard != face["No_Beard"]
        assert not (face["Straight_Hair"] and face["Wavy_Hair"])
        if not face["Male"]:
            assert face["No_Beard"] and not face["Bald"] and not face["Sideburns"]
        else:
            assert not face["Wearing_Lipstick"] and not face["Heavy_Makeup"]
        if face["Bald"]:
            hair = (*HAIR_COLORS, "Bangs", "Wavy_Hair", "Receding_Hairline")
            assert not any(face[name] for name in hair)
        if face["Wearing_Hat"]:
            assert not face["Bald"] and not face["Bangs"]
        if face["Heavy_Makeup"]:
            assert face["Wearing_Lipstick"]
