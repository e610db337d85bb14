import numpy as np
import pytest
from PIL import Image

from kerasgan.data import image_folder, image_folder_pair, unpaired

pytestmark = pytest.mark.usefixtures("cache")

FOLDERS = {
    "trainA": range(0, 6),
    "trainB": range(20, 30),
    "testA": range(50, 52),
    "testB": range(60, 63),
}


@pytest.fixture
def path(tmp_path):
    for folder, levels in FOLDERS.items():
        (tmp_path / "flat" / folder).mkdir(parents=True)
        for level in levels:
            image = Image.fromarray(np.full((4, 4), level, "uint8"))
            image.save(tmp_path / "flat" / folder / f"{level}.png")
    return tmp_path / "flat"


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_domains_have_their_images(split, kind, path, levels):
    a, b = image_folder_pair(kind(path), 4, split, batch_size=2, shuffle=False)
    assert levels(a) == list(FOLDERS[f"{split}A"])
    assert levels(b) == list(FOLDERS[f"{split}B"])


def test_any_other_split(path, levels):
    (path / "trainA").rename(path / "summerA")
    (path / "trainB").rename(path / "summerB")
    a, _ = image_folder_pair(path, 4, "summer", batch_size=1)
    assert sorted(levels(a)) == list(FOLDERS["trainA"])


def test_options_are_those_of_image_folder(path):
    pair = image_folder_pair(path, (3, 5), batch_size=2, color_mode="grayscale")
    assert [domain.element_spec.shape for domain in pair] == 2 * [(2, 3, 5, 1)]
    assert [int(domain.cardinality()) for domain in pair] == [3, 5]
    assert int(unpaired(*pair).cardinality()) == 5


def test_defaults_are_those_of_image_folder(path):
    with pytest.raises(
        ValueError, match=r"batch_size is 64, but .*trainA has 6 images"
    ):
        image_folder_pair(path)
    a, _ = image_folder_pair(path, batch_size=1)
    assert a.element_spec == image_folder(path, batch_size=1).element_spec


def test_seed_decides_the_orders(path, levels):
    def epochs(seed):
        pair = image_folder_pair(path, 4, batch_size=1, seed=seed)
        return [levels(domain) for domain in pair]

    assert epochs(0) == epochs(0) != epochs(1)
    alone = image_folder(path / "trainA", 4, batch_size=1, seed=0)
    assert epochs(0)[0] == levels(alone)


def test_training_stream_can_start_at_any_batch(path, check_seeking):
    pair = image_folder_pair(path, 4, batch_size=2, seed=0)
    check_seeking(unpaired(*pair), 12, (7,))


def test_folders_of_the_same_length_have_different_orders(path, levels):
    for level in range(20, 24):
        (path / "trainB" / f"{level}.png").unlink()
    a, b = image_folder_pair(path, 4, batch_size=1, seed=0)
    a, b = levels(a), levels(b)
    assert len(a) == len(b) == 6
    # The first does not come with the first, and so on.
    assert np.argsort(a).tolist() != np.argsort(b).tolist()


@pytest.mark.parametrize(
    ("split", "missing"),
    [
        ("valid", "no folder validA and no validB; expected validA and validB for"),
        ("test", "no folder testB; expected testA and testB for split 'test'."),
    ],
)
def test_missing_folders_are_named(split, missing, path, cache):
    (path / "testB").rename(path / "testb")
    with pytest.raises(FileNotFoundError) as caught:
        image_folder_pair(path, split=split)
    text = str(caught.value)
    assert text.startswith(f"path is {str(path)!r}, which has {missing}")
    assert text.endswith(".") and ". " not in text and "\n" not in text
    assert not cache.exists()


def test_empty_folder(path):
    for file in (path / "testB").iterdir():
        file.unlink()
    with pytest.raises(ValueError) as caught:
        image_folder_pair(path, 4, "test", batch_size=1)
    assert str(caught.value) == (
        f"path is {str(path / 'testB')!r}, which has no files; expected a folder of "
        "images."
    )


def test_warnings_about_both_folders_point_to_the_caller(path):
    for folder in ("trainA", "trainB"):
        (path / folder / "notes.txt").write_text("no image")
    with pytest.warns(UserWarning, match=r"1 of .* \(notes\.txt\)\.") as caught:
        image_folder_pair(path, 4, batch_size=1)
    assert [warning.filename for warning in caught] == [__file__, __file__]
    for warning, folder in zip(caught, ("trainA", "trainB"), strict=True):
        assert folder in str(warning.message)
