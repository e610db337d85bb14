import os

import keras
import numpy as np
import pytest
from PIL import Image, ImageCms

import kerasgan
from kerasgan import cli, images


def save_model(path, channels=3):
    """Saves a small CycleGAN for images of any size, and returns it."""

    def network(filters, activation):
        return keras.Sequential(
            [
                keras.Input((None, None, channels)),
                keras.layers.Conv2D(filters, 3, padding="same", activation=activation),
            ]
        )

    generators = [network(channels, "tanh") for _ in range(2)]
    discriminators = [network(1, None) for _ in range(2)]
    model = kerasgan.CycleGAN(*generators, *discriminators, pool_size=0)
    model.save(path)
    return model


@pytest.fixture
def model(tmp_path):
    (tmp_path / "run").mkdir()
    return save_model(tmp_path / "run" / "model.keras")


def draw(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


@pytest.fixture
def translate(tmp_path):
    """Translates, and returns the exit status."""

    def run(path, *more, out="out"):
        command = ["translate", tmp_path / "run", path, "--out", tmp_path / out, *more]
        return cli.main([str(a) for a in command])

    return run


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_one_image(model, translate, tmp_path, direction, capsys):
    pixels = draw(21, 35, 3)
    images.write_png(tmp_path / "in" / "face.png", pixels)
    for path in (tmp_path / "run", tmp_path / "run" / "model.keras"):
        command = ["translate", path, tmp_path / "in" / "face.png"]
        command += ["--direction", direction, "--out", tmp_path / "out"]
        assert cli.main([str(a) for a in command]) == 0
        assert names(tmp_path / "out") == ["face.png"]
        written = images.read_png(tmp_path / "out" / "face.png")
        expected = model.translate(pixels, direction=direction)
        assert np.abs(written.astype(int) - expected).max() <= 1
        assert f"1 images in {tmp_path / 'out'}" in capsys.readouterr().out
    other = model.translate(pixels, direction="b2a" if direction == "a2b" else "a2b")
    assert np.abs(written.astype(int) - other).max() > 10


def test_a_folder_keeps_names_and_formats(model, translate, tmp_path):
    folder = tmp_path / "in"
    (folder / "deep" / "er").mkdir(parents=True)
    picture = Image.fromarray(draw(16, 12, 3))
    for name in ("a.png", "b.JPG", "deep/er/c.webp", "deep/a.bmp", "deep/d.tiff"):
        picture.save(folder / name)
    picture.save(folder / "odd.psd", "PNG")
    picture.save(folder / "bare", "PNG")
    (folder / ".hidden.png").write_bytes((folder / "a.png").read_bytes())
    assert translate(folder) == 0
    expected = {
        "a.png": "PNG",
        "b.JPG": "JPEG",
        "bare.png": "PNG",
        "deep/a.bmp": "BMP",
        "deep/d.tiff": "TIFF",
        "deep/er/c.webp": "WEBP",
        "odd.psd.png": "PNG",
    }
    assert names(tmp_path / "out") == sorted(expected)
    for name, form in expected.items():
        with Image.open(tmp_path / "out" / name) as image:
            assert image.format == form and image.size == (12, 16)


def test_what_a_file_says_of_its_pixels_is_heard(model, translate, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    grey, deep = draw(9, 12, 1), draw(9, 12, 1).astype("uint16") * 257
    Image.fromarray(grey[..., 0]).save(folder / "grey.png")
    Image.fromarray(deep[..., 0]).save(folder / "deep.png")
    turned = Image.fromarray(draw(10, 20, 3))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.png", exif=exif)
    clear = np.concatenate([draw(9, 12, 3), np.zeros((9, 12, 1), "uint8")], axis=-1)
    images.write_png(folder / "clear.png", clear)
    assert translate(folder) == 0
    seen = {
        "grey": np.repeat(grey, 3, axis=-1),
        "deep": np.repeat(grey, 3, axis=-1),
        "turned": np.rot90(draw(10, 20, 3), -1),
        "clear": np.full((9, 12, 3), 255, "uint8"),
    }
    for name, pixels in seen.items():
        written = images.read_png(tmp_path / "out" / f"{name}.png")
        expected = model.translate(pixels)
        assert np.abs(written.astype(int) - expected).max() <= 1, name


@pytest.mark.parametrize("channels, mode", [(1, "L"), (4, "RGBA")])
def test_models_of_other_channels(tmp_path, translate, channels, mode):
    (tmp_path / "run").mkdir()
    save_model(tmp_path / "run" / "model.keras", channels)
    picture = Image.fromarray(draw(9, 12, 3))
    (tmp_path / "in").mkdir()
    picture.save(tmp_path / "in" / "x.png")
    picture.save(tmp_path / "in" / "y.jpg")
    assert translate(tmp_path / "in") == 0
    with Image.open(tmp_path / "out" / "x.png") as image:
        assert image.mode == mode
    # JPEG has no alpha.
    expected = ["x.png", "y.jpg" if channels == 1 else "y.jpg.png"]
    assert names(tmp_path / "out") == expected


def test_files_that_cannot_be_read_are_left_out(model, translate, tmp_path, capsys):
    folder = tmp_path / "in"
    images.write_png(folder / "good.png", draw(64, 64, 3))
    whole = (folder / "good.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("not an image")
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    assert translate(folder) == 3
    printed = capsys.readouterr()
    assert names(tmp_path / "out") == ["good.png"] and "1 images" in printed.out
    lines = printed.err.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("cut.png", "notes.txt", "nowhere.png"), strict=True):
        assert line.startswith("kerasgan: ") and name in line
    assert translate(folder / "notes.txt", out="none") == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_nothing_is_overwritten_but_what_it_wrote(model, translate, tmp_path, bad):
    folder = tmp_path / "in"
    images.write_png(folder / "face.png", draw(9, 12, 3))
    images.write_png(folder / "in" / "face.png", draw(9, 12, 3))
    images.write_png(folder / "in" / "in" / "face.png", draw(9, 12, 3))
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    (tmp_path / "link").symlink_to(folder)
    base = ["translate", tmp_path / "run"]
    for path, out in (
        (folder, folder),
        (folder / "face.png", folder),
        (folder, tmp_path / "link"),
        (tmp_path / "link" / "face.png", folder / "in" / ".."),
        # Its in/face.png would take the place of its face.png.
        (folder / "in", folder),
    ):
        bad([*base, path, "--out", out], "--out is", "overwritten", "another folder")
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before
    bad([*base, folder, "--out", folder / "in"], "--out is", "inside")
    # Again is fine: what it finds there it has written itself.
    for _ in range(2):
        assert translate(folder) == 0


def test_links_keep_their_names(model, translate, tmp_path):
    images.write_png(tmp_path / "real" / "1.png", draw(9, 12, 3))
    (tmp_path / "face.png").symlink_to(tmp_path / "real" / "1.png")
    assert translate(tmp_path / "face.png") == 0
    assert names(tmp_path / "out") == ["face.png"]


def test_a_killed_write_leaves_what_was_there(model, translate, tmp_path, monkeypatch):
    images.write_png(tmp_path / "in" / "face.png", draw(9, 12, 3))
    assert translate(tmp_path / "in") == 0
    before = (tmp_path / "out" / "face.png").read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert translate(tmp_path / "in", "--direction", "b2a") == 2
    assert names(tmp_path / "out") == ["face.png"]
    assert (tmp_path / "out" / "face.png").read_bytes() == before


def test_translating_that_cannot_start(model, tmp_path, bad):
    images.write_png(tmp_path / "face.png", draw(9, 12, 3))
    (tmp_path / "empty").mkdir()
    base = ["translate", tmp_path / "run"]
    out = ["--out", tmp_path / "out"]
    bad([*base, tmp_path / "no", *out], "PATH is", "expected an image or a folder")
    bad([*base, tmp_path / "empty", *out], "PATH is", "no files")
    face = tmp_path / "face.png"
    bad([*base, face, *out, "--direction", "ab"], "--direction is 'ab'", "'a2b'")
    bad([*base, face, "--out", face], "--out is", "is a file")
    assert not (tmp_path / "out").exists()


def test_a_model_of_channels_that_no_file_has(tmp_path, bad):
    save_model(tmp_path / "model.keras", channels=2)
    images.write_png(tmp_path / "face.png", draw(9, 12, 3))
    command = ["translate", tmp_path / "model.keras", tmp_path / "face.png"]
    bad([*command, "--out", tmp_path / "out"], "MODEL takes images of 2 channels")


def test_no_file_takes_the_place_of_another(model, translate, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pictures = {}
    # All but the first would become x.png.
    for name in ("x.png", "x", "x-2.png", "deep/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        pixels = np.full((9, 12, 3), 60 * len(pictures), "uint8")
        Image.fromarray(pixels).save(folder / name, "PNG")
        pictures[name] = model.translate(pixels)
    for _ in range(2):
        assert translate(folder) == 0
        written = {"x.png": "x.png", "x": "x-3.png", "x-2.png": "x-2.png"}
        written["deep/x"] = "deep/x.png"
        assert names(tmp_path / "out") == sorted(written.values())
        for name, output in written.items():
            got = images.read_png(tmp_path / "out" / output).astype(int)
            assert np.abs(got - pictures[name]).max() <= 1, name


@pytest.mark.parametrize("size", [(300, 20), (32, 32)])
def test_formats_that_do_not_keep_an_image_become_png(model, translate, tmp_path, size):
    folder = tmp_path / "in"
    folder.mkdir()
    picture = Image.fromarray(draw(*size[::-1], 3))
    for name in ("a.ico", "b.icns", "c.pdf", "d.blp"):
        picture.save(folder / name, "PNG")
    assert translate(folder) == 0
    assert names(tmp_path / "out") == sorted(f"{p.name}.png" for p in folder.iterdir())
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as image:
            assert image.format == "PNG" and image.size == size


def test_a_size_that_a_format_changes_is_seen(model, translate, tmp_path, monkeypatch):
    def halved(image, file, name):
        image.resize((image.width // 2, image.height)).save(file, "PNG")

    monkeypatch.setitem(Image.SAVE, "BMP", halved)
    images.write_png(tmp_path / "in" / "x.bmp", draw(16, 12, 3))
    assert translate(tmp_path / "in") == 0
    assert names(tmp_path / "out") == ["x.bmp.png"]
    assert images.read_png(tmp_path / "out" / "x.bmp.png").shape == (16, 12, 3)


def test_alpha_is_not_lost(translate, tmp_path):
    (tmp_path / "run").mkdir()
    save_model(tmp_path / "run" / "model.keras", channels=4)
    images.write_png(tmp_path / "in" / "x.bmp", draw(9, 12, 4))
    assert translate(tmp_path / "in") == 0
    with Image.open(tmp_path / "out" / "x.bmp.png") as image:
        assert image.mode == "RGBA"


def test_colors_mean_what_they_meant(model, translate, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = rgb[:16] + b"GRAY" + rgb[20:]
    picture = Image.fromarray(draw(9, 12, 3))
    for suffix in ("png", "jpg", "webp", "tiff"):
        picture.save(folder / f"rgb.{suffix}", icc_profile=rgb)
    picture.convert("L").save(folder / "grey.png", icc_profile=grey)
    picture.save(folder / "none.png")
    assert translate(folder) == 0
    for path in folder.iterdir():
        with Image.open(tmp_path / "out" / path.name) as image:
            # The grey image has become one of three colors.
            expected = rgb if path.stem == "rgb" else None
            assert image.info.get("icc_profile") == expected, path.name


def test_of_an_animation_the_first_frame_is_translated(model, translate, tmp_path):
    first, second = (np.full((9, 12, 3), level, "uint8") for level in (50, 200))
    images.write_gif(tmp_path / "in" / "x.gif", [first, second])
    assert translate(tmp_path / "in") == 0
    with Image.open(tmp_path / "out" / "x.gif") as image:
        assert image.n_frames == 1
        got = np.asarray(image.convert("RGB")).astype(int)
    # A GIF has 256 colors.
    assert np.abs(got - model.translate(first)).max() <= 8
    assert np.abs(got - model.translate(second)).max() > 10
