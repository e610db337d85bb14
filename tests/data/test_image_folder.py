import os
import warnings

import numpy as np
import pytest
from PIL import Image

from kerasgan.data import folder_files, image_folder
from kerasgan.images import to_uint8

pytestmark = pytest.mark.usefixtures("cache")

# Four areas of 20x20 pixels, each of one color.
COLORS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], "uint8")
AREAS = COLORS.repeat(20, axis=0).repeat(20, axis=1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def save(path, pixels, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.convert(mode or image.mode).save(path, **options)


def save_level(path, level):
    # All levels give files of the same size.
    save(path, np.full((4, 4, 3), level, "uint8"), format="BMP")


def read(folder, image_size, **options):
    """Returns the images as uint8, in the order of their paths."""
    dataset = image_folder(folder, image_size, batch_size=2, shuffle=False, **options)
    return np.concatenate([to_uint8(batch) for batch in dataset.as_numpy_iterator()])


def test_returned_dataset(folder):
    save(folder / "a.png", pattern(9, 9))
    dataset = image_folder(folder, (6, 8), batch_size=1)
    assert dataset.element_spec.shape == (1, 6, 8, 3)
    assert int(dataset.cardinality()) == 1
    (batch,) = dataset.as_numpy_iterator()
    assert batch.dtype == np.float32
    assert batch.min() >= -1 and batch.max() <= 1


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("png.jpg", "PNG"),
        ("upper.PNG", "PNG"),
        ("tiff.txt", "TIFF"),
        ("no extension", "BMP"),
        ("Grüße 馬 \N{HORSE FACE}.png", "PNG"),
        ("x" * 246 + ".png", "PNG"),
        ("ä" * 123 + ".png", "PNG"),
        # Bytes that are not UTF-8.
        ("caf\udce9.png", "PNG"),
    ],
)
def test_content_decides_what_is_an_image(name, format, folder):
    save(folder / name, AREAS, format=format)
    (folder / f"no image{name[-4:]}").write_text("no image")
    for _ in range(2):
        # The second time, the images come from the cache.
        with pytest.warns(UserWarning, match="1 of 2 files not readable by Pillow"):
            (image,) = read(folder, 40)
        np.testing.assert_array_equal(image, AREAS)


def test_image_shape_and_color_mode(folder):
    save(folder / "a.png", AREAS)
    assert read(folder, 10).shape == (1, 10, 10, 3)
    assert read(folder, (10, 20)).shape == (1, 10, 20, 3)
    assert read(folder, (20, 10)).shape == (1, 20, 10, 3)
    gray = read(folder, 40, color_mode="grayscale")
    assert gray.shape == (1, 40, 40, 1) and gray[0, 0, 0] == 76
    assert read(folder, 10, color_mode="rgba").shape == (1, 10, 10, 4)


def test_files_come_sorted_by_path(folder, levels):
    for level, name in enumerate(["a/z/1.png", "a.png", "b/0.png", "b/c/d/e/f.png"]):
        save_level(folder / name, level)
    dataset = image_folder(folder, 4, batch_size=3, shuffle=False)
    assert levels(dataset) == [0, 1, 2, 3]


def test_seed_decides_the_order(folder, levels):
    for level in range(12):
        save_level(folder / f"{level}.png", level)
    first, second, other = (
        levels(image_folder(folder, 4, batch_size=4, seed=seed)) for seed in (1, 1, 2)
    )
    assert sorted(first) == list(range(12))
    assert first == second != other


# What cannot be read


def pattern(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")


def damage(folder):
    """Adds seven files that are not complete images; returns their sorted names."""
    for format in ("JPEG", "PNG", "WEBP", "DDS"):
        save(folder / "whole", pattern(40, 40), format=format)
        data = (folder / "whole").read_bytes()
        (folder / f"half.{format}").write_bytes(data[: len(data) // 2])
    # With a pixel format that does not exist.
    (folder / "deep").mkdir()
    (folder / "deep" / "new.dds").write_bytes(data[:80] + b"\1\0\0\0" + data[84:])
    (folder / "notes.txt").write_text("no image")
    (folder / "empty.png").write_bytes(b"")
    (folder / "whole").unlink()
    return [
        "deep/new.dds",
        "empty.png",
        "half.DDS",
        "half.JPEG",
        "half.PNG",
        "half.WEBP",
        "notes.txt",
    ]


def test_unreadable_files_are_named_in_each_call(folder, levels, monkeypatch):
    names = damage(folder)
    save_level(folder / "image.png", 9)
    for _ in range(2):
        with pytest.warns(UserWarning) as caught:
            dataset = image_folder(folder, 4, batch_size=1)
        assert [str(warning.message) for warning in caught] == [
            f"{folder} is read without 7 of 8 files not readable by Pillow "
            f"({', '.join(names[:5])} and 2 more)."
        ]
        # The line that called image_folder.
        assert caught[0].filename == __file__
        assert levels(dataset) == [9]
        # The second time, the images come from the cache.
        monkeypatch.setattr(folder_files, "read_image", None)


def test_all_reasons_are_in_one_warning(folder, levels, monkeypatch):
    save_level(folder / "a.png", 1)
    (folder / "b.png").write_text("no image")
    save(folder / "large.png", pattern(40, 40))
    save_level(folder / "locked.png", 1)
    save_level(folder / "private" / "c.png", 1)
    locked, private = str(folder / "locked.png"), str(folder / "private")

    # Permissions do not bind the superuser, who may run the tests.
    def scandir(path, original=os.scandir):
        if str(path) == private:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    def read_image(path, *arguments, original=folder_files.read_image):
        if str(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        patch.setattr(os, "access", lambda path, mode: str(path) != locked)
        patch.setattr(folder_files, "read_image", read_image)
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        with pytest.warns(UserWarning) as caught:
            dataset = image_folder(folder, 4, batch_size=1)
    assert [str(warning.message) for warning in caught] == [
        f"{folder} is read without 1 of 4 files not readable by Pillow (b.png), 1 of 4 "
        "files larger than PIL.Image.MAX_IMAGE_PIXELS, which you can raise for files "
        "that you trust (with the command: --max-image-pixels) (large.png), 1 of 4 "
        "files without read permission (locked.png), 1 subfolder without read "
        "permission (private)."
    ]
    assert levels(dataset) == [1]
    # The files have not changed, but can be read now.
    with pytest.warns(UserWarning, match=r"without 1 of 5 files [^,]* \(b.png\)\.$"):
        dataset = image_folder(folder, 4, batch_size=1)
    assert len(levels(dataset)) == 4


def test_folder_with_nothing_but_closed_subfolders(folder, monkeypatch):
    save_level(folder / "private" / "a.png", 1)

    def scandir(path, original=os.scandir):
        if str(path) == str(folder / "private"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ValueError) as caught:
        image_folder(folder)
    assert str(caught.value) == (
        f"path is {str(folder)!r}, which has 1 subfolder without read permission "
        "(private); expected a folder of images."
    )


def test_warning_about_a_chosen_range_in_each_call(folder):
    for number, level in enumerate((1000, 4000)):
        pixels = np.full((4, 4), level, "uint16")
        save(folder / "deep" / f"{number}.png", Image.fromarray(pixels))
    for _ in range(2):
        with pytest.warns(UserWarning) as caught:
            images = read(folder, 4)
        assert [str(warning.message) for warning in caught] == [
            f"{folder} has files with more than 8 bits per channel that do not state "
            "the range of their values: integers from 1000 to 4000 are scaled from the "
            "range [0, 4095], for example deep/0.png. Convert them to 8 bits to choose "
            "another range."
        ]
        assert caught[0].filename == __file__
        assert images[:, 0, 0, 0].tolist() == [62, 249]


def test_readable_folder_gives_no_warning(folder):
    save_level(folder / "a.png", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image_folder(folder, 4, batch_size=1)


def change(folder):
    save_level(folder / "b.png", 50)
    # A time that differs with the clock of any file system.
    os.utime(folder / "b.png", (2e9, 2e9))


def change_at_the_same_time(folder):
    before = (folder / "b.png").stat()
    save(folder / "b.png", np.full((8, 8, 3), 50, "uint8"))
    os.utime(folder / "b.png", ns=(before.st_atime_ns, before.st_mtime_ns))


def add(folder):
    save_level(folder / "c.png", 60)


def remove(folder):
    (folder / "a.png").unlink()


def rename(folder):
    (folder / "a.png").rename(folder / "z.png")


@pytest.mark.parametrize(
    ("modify", "expected"),
    [
        (change, [1, 50]),
        (change_at_the_same_time, [1, 50]),
        (add, [1, 2, 60]),
        (remove, [2]),
        (rename, [2, 1]),
    ],
)
def test_changed_folder_is_read_again(modify, expected, folder, levels):
    save_level(folder / "a.png", 1)
    save_level(folder / "b.png", 2)
    assert levels(image_folder(folder, 4, batch_size=1, shuffle=False)) == [1, 2]
    modify(folder)
    assert levels(image_folder(folder, 4, batch_size=1, shuffle=False)) == expected


def test_same_folder_is_read_once(folder, tmp_path, levels, monkeypatch):
    save_level(folder / "a.png", 1)
    image_folder(folder, 4, batch_size=1)
    monkeypatch.setattr(folder_files, "read_image", None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (str(folder), "images", "~/images", "images/../images/"):
        assert levels(image_folder(path, 4, batch_size=1)) == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size is 0; expected a positive integer."),
        ({"image_size": (8, -1)}, "image_size is -1; expected a positive"),
        ({"image_size": (8, 8, 3)}, "image_size is (8, 8, 3); expected"),
        ({"image_size": 6.5}, "image_size is 6.5; expected a positive"),
        ({"batch_size": 0}, "batch_size is 0; expected a positive"),
        ({"batch_size": -4}, "batch_size is -4; expected a positive"),
        ({"color_mode": "rbg"}, "color_mode is 'rbg'; did you mean 'rgb' or 'rgba'?"),
        (
            {"color_mode": "L"},
            "color_mode is 'L'; expected one of 'grayscale', 'rgb', ",
        ),
    ],
)
def test_bad_arguments_come_before_any_image(options, message, folder, cache):
    save_level(folder / "a.png", 1)
    with pytest.raises(ValueError) as caught:
        image_folder(folder, **options)
    assert str(caught.value).startswith(message)
    assert not cache.exists()


def test_fewer_images_than_a_batch(folder):
    save_level(folder / "a.png", 1)
    with pytest.raises(ValueError, match=r"batch_size is 64, but .*images has 1 i"):
        image_folder(folder, 4)


@pytest.mark.parametrize(
    ("name", "problem"), [("nothing", "does not exist"), ("file", "is a file")]
)
def test_path_that_is_not_a_folder(name, problem, tmp_path, cache):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError) as caught:
        image_folder(tmp_path / name)
    assert str(caught.value) == (
        f"path is {str(tmp_path / name)!r}, which {problem}; expected a folder of "
        "images."
    )
    assert not cache.exists()


def test_empty_folder(folder, cache):
    save_level(folder / ".hidden.png", 1)
    (folder / "deep" / "down").mkdir(parents=True)
    with pytest.raises(ValueError) as caught:
        image_folder(folder)
    assert str(caught.value) == (
        f"path is {str(folder)!r}, which has no files; expected a folder of images."
    )
    assert not cache.exists()


def test_folder_without_a_readable_image(folder):
    names = damage(folder)
    for _ in range(2):
        with pytest.raises(ValueError) as caught:
            image_folder(folder, 4, shuffle=False)
        assert str(caught.value) == (
            f"path is {str(folder)!r}, which has no readable image, but 7 of 7 files "
            f"not readable by Pillow ({', '.join(names[:5])} and 2 more); expected a "
            "folder of images."
        )
