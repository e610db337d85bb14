import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from kerasgan.data import folder_files
from kerasgan.data.folder_files import decode_files, list_folder, shared_ranges
from kerasgan.data.image_files import ValueRange


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def names(folder):
    files, closed = list_folder(folder)
    return [path.relative_to(folder).as_posix() for path in files], closed


def test_visible_files_are_listed_in_order(tmp_path):
    visible = ["a.png", "a/z/1.png", "b/0.png", "b/c/d/e/f.png"]
    hidden = [".hidden.png", "._a.png", ".git/a.png", "b/.thumbnails/a.png"]
    for name in (*visible, *hidden):
        touch(tmp_path / name)
    found, closed = names(tmp_path)
    assert found == sorted(visible, key=pathlib.PurePath) and closed == []


def test_hidden_folder_that_is_given(tmp_path):
    touch(tmp_path / ".images" / "a.png")
    assert names(tmp_path / ".images")[0] == ["a.png"]


def test_links_are_followed_and_cycles_end(tmp_path):
    folder, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    touch(folder / "a" / "1.png")
    touch(elsewhere / "2.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "file.png").symlink_to(folder / "a" / "1.png")
    # Without an end, each round of these two cycles doubles the paths.
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "same").symlink_to(folder / "a")
    (elsewhere / "back").symlink_to(folder)
    assert names(folder)[0] == ["a/1.png", "file.png", "linked/2.png"]


def test_broken_links_are_listed_and_pipes_are_not(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert names(tmp_path)[0] == ["gone.png"]


@pytest.fixture
def close(monkeypatch):
    """Function that takes the permission to list or to enter folders away.

    Permissions do not bind the superuser, who may run the tests.
    """

    def apply(*folders, function="scandir"):
        folders = [str(folder) for folder in folders]
        original = getattr(os, function)

        def reject(path, *arguments, **options):
            closed = str(path) if function == "scandir" else os.path.dirname(path)
            if closed in folders:
                raise PermissionError(13, "Permission denied", str(path))
            return original(path, *arguments, **options)

        monkeypatch.setattr(os, function, reject)

    return apply


@pytest.mark.parametrize("function", ["scandir", "stat"])
def test_subfolders_without_permission_are_listed(function, tmp_path, close):
    for name in ("a.png", "private/b.png", "open/deep/c.png", "open/d.png"):
        touch(tmp_path / name)
    close(tmp_path / "private", tmp_path / "open" / "deep", function=function)
    files, closed = names(tmp_path)
    assert files == ["a.png", "open/d.png"]
    assert closed == [tmp_path / "open" / "deep", tmp_path / "private"]


@pytest.mark.parametrize("function", ["scandir", "stat"])
def test_folder_without_permission(function, tmp_path, close):
    touch(tmp_path / "images" / "a.png")
    close(tmp_path / "images", function=function)
    with pytest.raises(PermissionError) as caught:
        list_folder(tmp_path / "images")
    assert str(caught.value) == (
        f"path is {str(tmp_path / 'images')!r}, which cannot be read (Permission "
        "denied); expected a folder with read permission."
    )


def decoded(files, color_mode="grayscale"):
    """Returns the level of each 2x2 image, and the notes."""
    batches = decode_files(files, (2, 2), color_mode)
    levels = []
    while True:
        try:
            levels += next(batches)[:, 0, 0, 0].tolist()
        except StopIteration as end:
            return levels, end.value


def save_level(path, level, dtype="uint8", **options):
    Image.fromarray(np.full((2, 2), level, dtype)).save(path, **options)
    return path


def test_many_images_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_files, "DECODED_AT_ONCE", 4)
    files = [save_level(tmp_path / f"{n:02d}.png", n) for n in range(20)]
    for number in (3, *range(8, 12)):
        files[number].write_text("no image")
    levels, notes = decoded(files)
    assert levels == [*range(3), *range(4, 8), *range(12, 20)]
    unreadable = [str(files[number]) for number in (3, 8, 9, 10, 11)]
    assert notes == {
        "left_out": {"not readable by Pillow": unreadable},
        "chosen_ranges": [],
    }


def test_values_of_a_folder_have_one_range(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_files, "DECODED_AT_ONCE", 2)
    files = [
        save_level(tmp_path / "0.png", 7),
        save_level(tmp_path / "1.png", 8),
        save_level(tmp_path / "2.png", 9),
        # Alone, this one would have 8 bits.
        save_level(tmp_path / "3.tiff", 200, "uint16"),
        save_level(tmp_path / "4.png", 4000, "uint16"),
        save_level(tmp_path / "5.tiff", 0.5, "float32"),
        save_level(tmp_path / "6.tiff", 255, "float32"),
        save_level(tmp_path / "7.tiff", np.nan, "float32"),
        save_level(tmp_path / "8.tiff", 65535, "uint16", tiffinfo={281: 65535}),
    ]
    levels, notes = decoded(files)
    assert levels == [7, 8, 9, 12, 249, 0, 255, 255]
    assert notes["left_out"] == {"with pixels that are not finite": [str(files[7])]}
    assert notes["chosen_ranges"] == [
        (
            "integers from 200 to 4000 are scaled from the range [0, 4095]",
            str(files[3]),
        ),
        ("floats from 0.5 to 255 are scaled from the range [0, 255]", str(files[5])),
    ]


def test_16_bits_in_use_are_no_choice_to_warn_of(tmp_path):
    files = [
        save_level(tmp_path / "0.png", 100, "uint16"),
        save_level(tmp_path / "1.png", 40000, "uint16"),
    ]
    assert shared_ranges(files) == ({"integers": ValueRange(0, 65535)}, [])
    assert decoded(files)[0] == [0, round(40000 / 257)]
