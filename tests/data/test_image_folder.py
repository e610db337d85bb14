import importlib
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from kerasgan.data import image_folder
from kerasgan.images import to_uint8

pytestmark = pytest.mark.usefixtures("cache")

# The package's function hides the module of the same name.
module = importlib.import_module("kerasgan.data.image_folder")
# Four areas of 20x20, each of one color.
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
    # Of the same number of bytes for each level.
    save(path, np.full((4, 4, 3), level, "uint8"), format="BMP")


def read(folder, image_size, **options):
    """Returns the images as uint8, in the order of their paths."""
    dataset = image_folder(folder, image_size, batch_size=2, shuffle=False, **options)
    return np.concatenate([to_uint8(batch) for batch in dataset.as_numpy_iterator()])


def pattern(height, width, channels=3):
    """Smooth shapes with noise on them."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 5, channels), dtype=np.uint8)
    image = Image.fromarray(coarse.squeeze())
    smooth = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    noise = rng.integers(-20, 21, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype("uint8")


def lanczos(pixels, size, axis):
    """Crops to the middle and resizes along one axis, by the definition.

    `size` is the length of the result and the length of the crop it comes from.
    """
    pixels = np.moveaxis(pixels.astype("float64"), axis, 0)
    length, crop = size
    step = crop / length
    centers = (len(pixels) - crop) / 2 + (np.arange(length) + 0.5) * step - 0.5
    # When it shrinks, the kernel is as much wider: that is the antialiasing.
    x = (np.arange(len(pixels)) - centers[:, None]) / max(step, 1.0)
    weights = np.sinc(x) * np.sinc(x / 3) * (np.abs(x) < 3)
    weights /= weights.sum(axis=1, keepdims=True)
    resized = np.moveaxis(np.tensordot(weights, pixels, 1), 0, axis)
    # Pillow rounds between the two axes.
    return np.rint(resized).clip(0, 255)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((50, 37), (16, 24)),
        ((37, 50), (16, 24)),
        ((64, 64), (20, 20)),
        ((9, 40), (8, 8)),
        ((11, 13), (33, 20)),
        ((40, 30), (40, 30)),
    ],
)
def test_crop_and_resize_by_their_definition(shape, size, folder):
    pixels = pattern(*shape)
    save(folder / "a.png", pixels)
    scale = min(shape[0] / size[0], shape[1] / size[1])
    expected = lanczos(pixels, (size[1], size[1] * scale), 1)
    expected = lanczos(expected, (size[0], size[0] * scale), 0)
    (image,) = read(folder, size)
    assert np.abs(image - expected).max() <= 2


def test_fine_pattern_becomes_grey(folder):
    board = np.indices((96, 96)).sum(axis=0) % 2 * np.uint8(255)
    save(folder / "a.png", board.astype("uint8"))
    (image,) = read(folder, 32)
    # Any single pixel is 0 or 255.
    assert np.abs(image[2:-2, 2:-2].astype(int) - 127).max() <= 3


def test_what_is_returned(folder):
    save(folder / "a.png", pattern(9, 9))
    dataset = image_folder(folder, (6, 8), batch_size=1)
    assert dataset.element_spec.shape == (1, 6, 8, 3)
    assert int(dataset.cardinality()) == 1
    (batch,) = dataset.as_numpy_iterator()
    assert batch.dtype == np.float32
    assert batch.min() >= -1 and batch.max() <= 1


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("png.png", {"format": "PNG"}, 0),
        ("png.jpg", {"format": "PNG"}, 0),
        ("bmp", {"format": "BMP"}, 0),
        ("gif.gif", {"format": "GIF", "mode": "P"}, 0),
        ("palette.png", {"format": "PNG", "mode": "P"}, 0),
        ("lossless.webp", {"format": "WEBP", "lossless": True}, 0),
        ("tiff.txt", {"format": "TIFF"}, 0),
        ("upper.JPEG", {"format": "JPEG", "quality": 95, "subsampling": 0}, 3),
        ("no extension", {"format": "JPEG", "quality": 95, "subsampling": 0}, 3),
        ("cmyk.jpg", {"format": "JPEG", "quality": 95, "mode": "CMYK"}, 3),
    ],
)
def test_content_decides_what_is_an_image(name, options, tolerance, folder):
    save(folder / name, AREAS, **options)
    (image,) = read(folder, 40)
    # Where two colors meet JPEG is blurred.
    centers = image[8::20, 8::20].astype(int)
    assert np.abs(centers - COLORS).max() <= tolerance


def test_color_modes(folder):
    save(folder / "a.png", AREAS)
    (grey,) = read(folder, 40, color_mode="grayscale")
    assert grey.shape == (40, 40, 1)
    # ITU-R 601.
    luma = np.rint(COLORS @ [0.299, 0.587, 0.114])
    np.testing.assert_array_equal(grey[10::20, 10::20, 0], luma)
    (rgba,) = read(folder, 40, color_mode="rgba")
    np.testing.assert_array_equal(rgba[..., :3], AREAS)
    assert (rgba[..., 3] == 255).all()


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_images_get_three_channels(mode, folder):
    board = np.kron([[0, 1], [1, 0]], np.full((4, 4), 255)).astype("uint8")
    save(folder / "a.png", board, mode)
    (image,) = read(folder, 8)
    np.testing.assert_array_equal(image, board[..., None].repeat(3, axis=-1))


def test_sixteen_bits_are_scaled(folder):
    levels = np.arange(256, dtype="uint16").reshape(16, 16)
    save(folder / "a.png", levels * 257)
    (image,) = read(folder, 16, color_mode="grayscale")
    np.testing.assert_array_equal(image[..., 0], levels)


def test_transparent_parts_become_white(folder):
    black = np.zeros((4, 4, 4), "uint8")
    black[:2, :, 3] = 255
    black[2:, :, 3] = 51
    save(folder / "rgba.png", black)
    save(folder / "la.png", Image.fromarray(black).convert("LA"))
    save(folder / "webp", black, format="WEBP", lossless=True, exact=True)
    half_white = np.zeros((4, 4, 3), int)
    half_white[2:] = 255 - 51
    for image in read(folder, 4):
        np.testing.assert_array_equal(image, half_white)
    for image in read(folder, 4, color_mode="grayscale"):
        np.testing.assert_array_equal(image, half_white[..., :1])


@pytest.mark.parametrize(
    ("mode", "transparency"),
    [("P", 0), ("P", bytes([0, 255])), ("L", 0), ("RGB", (0, 0, 0))],
)
def test_transparent_color_becomes_white(mode, transparency, folder):
    image = Image.fromarray(np.uint8([[0, 0], [90, 90]]))
    if mode == "P":
        image = image.point([0] * 90 + [1] * 166).copy()
        image.putpalette([0, 0, 0, 90, 90, 90])
    else:
        image = image.convert(mode)
    image.save(folder / "a.png", transparency=transparency)
    (image,) = read(folder, 2)
    np.testing.assert_array_equal(image[..., 0], [[255, 255], [90, 90]])


def test_alpha_is_kept_on_request(folder):
    pixels = pattern(12, 10, 4)
    save(folder / "a.png", pixels)
    (image,) = read(folder, (12, 10), color_mode="rgba")
    np.testing.assert_array_equal(image, pixels)


def test_invisible_colors_do_not_bleed(folder):
    pixels = np.zeros((40, 40, 4), "uint8")
    pixels[:, :20] = [255, 0, 0, 255]
    pixels[:, 20:] = [0, 255, 0, 0]
    save(folder / "a.png", pixels)
    (image,) = read(folder, 10, color_mode="rgba")
    visible = image[image[..., 3] > 0]
    assert len(visible) >= 50
    assert (visible[:, 0] > 250).all() and (visible[:, 1] < 5).all()


def test_exif_turns_images_upright(folder):
    exif = Image.Exif()
    exif[274] = 6  # Orientation: what is stored left is up.
    lying = np.zeros((20, 40, 3), "uint8")
    lying[:, :20] = [255, 0, 0]
    save(folder / "a.png", lying, exif=exif)
    (image,) = read(folder, (40, 20))
    np.testing.assert_array_equal(image[:20, :, 0], 255)
    np.testing.assert_array_equal(image[20:, :, 0], 0)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 1), (7, 5)])
def test_odd_sizes(shape, folder):
    # Only the middle has the color.
    pixels = np.zeros((*shape, 3), "uint8")
    side = min(shape)
    top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
    pixels[max(0, top - 5) : top + side + 5, max(0, left - 5) : left + side + 5] = 90
    save(folder / "a.png", pixels)
    (image,) = read(folder, (6, 6))
    np.testing.assert_array_equal(image, np.full((6, 6, 3), 90))


def test_folders_are_searched_and_sorted(folder, levels):
    for level, name in enumerate(["a/z/1.png", "a.png", "b/0.png", "b/c/d/e/f.png"]):
        save_level(folder / name, level)
    for hidden in (".hidden.png", "._a.png", ".git/a.png", "b/.thumbnails/a.png"):
        save_level(folder / hidden, 200)
    dataset = image_folder(folder, 4, batch_size=3, shuffle=False)
    assert levels(dataset) == [0, 1, 2, 3]


def test_hidden_folder_that_is_asked_for(tmp_path, levels):
    save_level(tmp_path / ".images" / "a.png", 7)
    assert levels(image_folder(tmp_path / ".images", 4, batch_size=1)) == [7]


def test_many_images_keep_their_order(folder, levels, monkeypatch):
    monkeypatch.setattr(module, "DECODED_AT_ONCE", 4)
    for level in range(20):
        save_level(folder / f"{level:02d}.png", level)
    for name in ("03", "08", "09", "10", "11"):
        (folder / f"{name}.png").write_text("no image")
    with pytest.warns(UserWarning, match="5 of 20"):
        dataset = image_folder(folder, 4, batch_size=4, shuffle=False)
    assert levels(dataset) == [*range(3), *range(4, 8), *range(12, 20)]


def test_shuffled_by_seed(folder, levels):
    for level in range(12):
        save_level(folder / f"{level}.png", level)
    first, second, other = (
        levels(image_folder(folder, 4, batch_size=4, seed=seed)) for seed in (1, 1, 2)
    )
    assert sorted(first) == list(range(12))
    assert first == second != other


def test_links_are_followed_and_circles_end(folder, tmp_path, levels):
    save_level(folder / "a" / "1.png", 1)
    save_level(tmp_path / "elsewhere" / "2.png", 2)
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "file.png").symlink_to(folder / "a" / "1.png")
    # Two circles: without an end, each round doubles the paths.
    (folder / "a" / "up").symlink_to(folder)
    (folder / "a" / "same").symlink_to(folder / "a")
    (tmp_path / "elsewhere" / "back").symlink_to(folder)
    dataset = image_folder(folder, 4, batch_size=1, shuffle=False)
    assert sorted(levels(dataset)) == [1, 1, 2]


def test_link_to_nothing_is_named(folder, levels):
    save_level(folder / "a.png", 1)
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    with pytest.warns(UserWarning, match=r"1 of 2 .*: gone\.png\."):
        assert levels(image_folder(folder, 4, batch_size=1)) == [1]


def test_pipes_are_not_waited_for(folder, levels):
    save_level(folder / "a.png", 1)
    os.mkfifo(folder / "pipe.png")
    assert levels(image_folder(folder, 4, batch_size=1)) == [1]


def damage(folder):
    """Adds seven files that are no whole images; returns their sorted names."""
    for format in ("JPEG", "PNG", "WEBP", "DDS"):
        save(folder / "whole", pattern(40, 40), format=format)
        data = (folder / "whole").read_bytes()
        (folder / f"half.{format}").write_bytes(data[: len(data) // 2])
    # Of a pixel format that does not exist.
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


def test_unreadable_files_are_skipped_and_named_each_time(folder, levels, monkeypatch):
    names = damage(folder)
    save_level(folder / "image.png", 9)
    for _ in range(2):
        with pytest.warns(UserWarning) as caught:
            dataset = image_folder(folder, 4, batch_size=1)
        assert [str(warning.message) for warning in caught] == [
            f"7 of 8 files in {folder} are not readable images and were skipped: "
            f"{', '.join(names[:5])} and 2 more."
        ]
        # The line that called image_folder.
        assert caught[0].filename == __file__
        assert levels(dataset) == [9]
        # The second time it comes from the cache.
        monkeypatch.setattr(module, "read_image", None)


def test_whole_folder_gives_no_warning(folder):
    save_level(folder / "a.png", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image_folder(folder, 4, batch_size=1)


def change(folder):
    save_level(folder / "b.png", 50)
    # As later as the clock of any file system tells.
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
    monkeypatch.setattr(module, "read_image", None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (str(folder), "images", "~/images", "images/../images/"):
        assert levels(image_folder(path, 4, batch_size=1)) == [1]


def test_other_images_for_other_arguments(folder):
    save(folder / "a.png", AREAS)
    assert read(folder, 10).shape == (1, 10, 10, 3)
    assert read(folder, (10, 20)).shape == (1, 10, 20, 3)
    assert read(folder, (20, 10)).shape == (1, 20, 10, 3)
    assert read(folder, 10, color_mode="grayscale").shape == (1, 10, 10, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size is 0; expected a positive integer."),
        ({"image_size": (8, -1)}, "image_size is -1; expected a whole"),
        ({"image_size": (8, 8, 3)}, "image_size is (8, 8, 3); expected a whole"),
        ({"image_size": 6.5}, "image_size is 6.5; expected a whole"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole"),
        ({"batch_size": -4}, "batch_size is -4; expected a whole"),
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


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_path_that_is_no_folder(name, tmp_path, cache):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError) as caught:
        image_folder(tmp_path / name)
    assert str(caught.value) == (
        f"path is {str(tmp_path / name)!r}; expected a folder of images."
    )
    assert not cache.exists()


def test_empty_folder(folder, cache):
    save_level(folder / ".hidden.png", 1)
    (folder / "deep" / "down").mkdir(parents=True)
    with pytest.raises(ValueError) as caught:
        image_folder(folder)
    assert str(caught.value) == (
        f"path is {str(folder)!r}, which holds no files; expected a folder of images."
    )
    assert not cache.exists()


def test_folder_without_a_readable_image(folder):
    damage(folder)
    for _ in range(2):
        with pytest.raises(ValueError) as caught:
            image_folder(folder, 4, shuffle=False)
        assert str(caught.value) == (
            f"path is {str(folder)!r}, where none of 7 files is a readable image; "
            "expected a folder of images."
        )
