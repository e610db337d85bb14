import os

import keras
import numpy as np
import pytest
from PIL import Image, ImageCms

import kerasgan
from kerasgan import cli, images


def save_model(path, channels=3, target_channels=None):
    """Saves a small CycleGAN for images of any size, and returns it."""
    a, b = channels, target_channels or channels

    def network(source, filters, activation):
        return keras.Sequential(
            [
                keras.Input((None, None, source)),
                keras.layers.Conv2D(filters, 3, padding="same", activation=activation),
            ]
        )

    generators = network(a, b, "tanh"), network(b, a, "tanh")
    discriminators = network(a, 1, None), network(b, 1, None)
    model = kerasgan.CycleGAN(*generators, *discriminators, pool_size=0)
    model.save(path)
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run with a model."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def model(run):
    return save_model(run / "model.keras")


def draw(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, "uint8")


@pytest.fixture
def translate(run, tmp_path):
    """Function that runs the command and returns its exit code."""

    def call(path, *more, out="out", model=run):
        command = ["translate", model, path, "--out", tmp_path / out, *more]
        return cli.main([str(a) for a in command])

    return call


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_one_image(run, model, tmp_path, direction, capsys):
    pixels = draw(21, 35, 3)
    images.write_png(tmp_path / "in" / "face.png", pixels)
    for path in (run, run / "model.keras"):
        command = ["translate", path, tmp_path / "in" / "face.png"]
        command += ["--direction", direction, "--out", tmp_path / "out"]
        assert cli.main([str(a) for a in command]) == 0
        assert names(tmp_path / "out") == ["face.png"]
        written = images.read_png(tmp_path / "out" / "face.png")
        expected = model.translate(pixels, direction=direction)
        assert np.abs(written.astype(int) - expected).max() <= 1
        assert f"1 image written to {tmp_path / 'out'}" in capsys.readouterr().out
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


def test_bit_depth_orientation_and_transparency_are_respected(
    model, translate, tmp_path
):
    folder = tmp_path / "in"
    folder.mkdir()
    gray, deep = draw(9, 12, 1), draw(9, 12, 1).astype("uint16") * 257
    Image.fromarray(gray[..., 0]).save(folder / "gray.png")
    Image.fromarray(deep[..., 0]).save(folder / "deep.png")
    turned = Image.fromarray(draw(10, 20, 3))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.png", exif=exif)
    clear = np.concatenate([draw(9, 12, 3), np.zeros((9, 12, 1), "uint8")], axis=-1)
    images.write_png(folder / "clear.png", clear)
    assert translate(folder) == 0
    seen = {
        "gray": np.repeat(gray, 3, axis=-1),
        "deep": np.repeat(gray, 3, axis=-1),
        "turned": np.rot90(draw(10, 20, 3), -1),
        "clear": np.full((9, 12, 3), 255, "uint8"),
    }
    for name, pixels in seen.items():
        written = images.read_png(tmp_path / "out" / f"{name}.png")
        expected = model.translate(pixels)
        assert np.abs(written.astype(int) - expected).max() <= 1, name


@pytest.mark.parametrize("channels, mode", [(1, "L"), (4, "RGBA")])
def test_models_of_other_channels(tmp_path, translate, channels, mode):
    other = tmp_path / "other.keras"
    save_model(other, channels)
    picture = Image.fromarray(draw(9, 12, 3))
    (tmp_path / "in").mkdir()
    picture.save(tmp_path / "in" / "x.png")
    picture.save(tmp_path / "in" / "y.jpg")
    assert translate(tmp_path / "in", model=other) == 0
    with Image.open(tmp_path / "out" / "x.png") as image:
        assert image.mode == mode
    # JPEG has no alpha channel.
    expected = ["x.png", "y.jpg" if channels == 1 else "y.jpg.png"]
    assert names(tmp_path / "out") == expected


def test_domains_of_different_channels(tmp_path, translate):
    other = tmp_path / "other.keras"
    model = save_model(other, channels=1, target_channels=3)
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray = rgb[:16] + b"GRAY" + rgb[20:]
    pixels = {"a2b": draw(9, 12, 1), "b2a": draw(9, 12, 3)}
    for direction, profile in (("a2b", gray), ("b2a", rgb)):
        file = tmp_path / f"{direction}.png"
        images.to_pil(pixels[direction]).save(file, icc_profile=profile)
        assert translate(file, "--direction", direction, model=other) == 0
        with Image.open(tmp_path / "out" / file.name) as image:
            assert image.mode == {"a2b": "RGB", "b2a": "L"}[direction]
            # It describes the color space of the source.
            assert "icc_profile" not in image.info
        written = images.read_png(tmp_path / "out" / file.name).astype(int)
        expected = model.translate(pixels[direction], direction)
        assert np.abs(written - expected).max() <= 1


def test_the_home_folder_is_expanded(run, model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    images.write_png(tmp_path / "face.png", draw(8, 8, 3))
    command = ["translate", str(run), "~/face.png", "--direction", "a2b"]
    assert cli.main([*command, "--out=~/out"]) == 0
    assert names(tmp_path / "out") == ["face.png"]
    assert names(tmp_path / "work") == []


def test_long_and_non_ascii_names(model, translate, tmp_path):
    folder = tmp_path / "in \N{LATIN SMALL LETTER O WITH DIAERESIS}"
    folder.mkdir()
    e = "\N{LATIN SMALL LETTER E WITH ACUTE}"
    pixels = draw(9, 12, 3)
    # Names of 250 bytes, and the longest that file systems allow: 255.
    expected = {
        f"{e * 123}.png": f"{e * 123}.png",
        f"{e * 123}.ico": f"{e * 123}.ico.png",
        f"{e * 125}a.ico": f"{e * 125}a.png",
        "\u65e5\u672c 1.jpg": "\u65e5\u672c 1.jpg",
    }
    for name in expected:
        Image.fromarray(pixels).save(folder / name, "PNG")
    assert translate(folder, out=e * 120) == 0
    assert names(tmp_path / (e * 120)) == sorted(expected.values())


def test_unreadable_files_are_skipped(model, translate, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "in"
    images.write_png(folder / "good.png", draw(64, 64, 3))
    images.write_png(folder / "huge.png", draw(100, 82, 3))
    # Pillow rejects images of more than twice this number of pixels.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4096)
    whole = (folder / "good.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("not an image")
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    assert translate(folder) == 3
    printed = capsys.readouterr()
    assert names(tmp_path / "out") == ["good.png"] and "1 image written" in printed.out
    skipped = ("cut.png", "huge.png", "notes.txt", "nowhere.png")
    for line, name in zip(printed.err.splitlines(), skipped, strict=True):
        assert line.startswith(f"kerasgan: skipped {folder / name}: ")
        assert ("larger than" in line) == (name == "huge.png")
    assert translate(folder, "--max-image-pixels", 8200, out="more") == 3
    assert names(tmp_path / "more") == ["good.png", "huge.png"]
    capsys.readouterr()
    assert translate(folder / "notes.txt", out="none") == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "none").exists()


def test_only_its_own_output_is_overwritten(run, model, translate, tmp_path, bad):
    folder = tmp_path / "in"
    images.write_png(folder / "face.png", draw(9, 12, 3))
    images.write_png(folder / "in" / "face.png", draw(9, 12, 3))
    images.write_png(folder / "in" / "in" / "face.png", draw(9, 12, 3))
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    (tmp_path / "link").symlink_to(folder)
    base = ["translate", run]
    for path, out in (
        (folder, folder),
        (folder / "face.png", folder),
        (folder, tmp_path / "link"),
        (tmp_path / "link" / "face.png", folder / "in" / ".."),
        # Its in/face.png would overwrite its face.png.
        (folder / "in", folder),
    ):
        bad([*base, path, "--out", out], "--out is", "overwritten", "another folder")
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before
    bad([*base, folder, "--out", folder / "in"], "--out is", "inside")
    # A second call overwrites the output of the first.
    for _ in range(2):
        assert translate(folder) == 0


def test_symbolic_links_keep_their_names(model, translate, tmp_path):
    images.write_png(tmp_path / "real" / "1.png", draw(9, 12, 3))
    (tmp_path / "face.png").symlink_to(tmp_path / "real" / "1.png")
    assert translate(tmp_path / "face.png") == 0
    assert names(tmp_path / "out") == ["face.png"]


def test_a_failed_write_keeps_the_old_file(model, translate, tmp_path, monkeypatch):
    images.write_png(tmp_path / "in" / "face.png", draw(9, 12, 3))
    assert translate(tmp_path / "in") == 0
    before = (tmp_path / "out" / "face.png").read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert translate(tmp_path / "in", "--direction", "b2a") == 2
    assert names(tmp_path / "out") == ["face.png"]
    assert (tmp_path / "out" / "face.png").read_bytes() == before


def test_wrong_arguments(run, model, tmp_path, bad):
    images.write_png(tmp_path / "face.png", draw(9, 12, 3))
    (tmp_path / "empty").mkdir()
    base = ["translate", run]
    out = ["--out", tmp_path / "out"]
    bad([*base, tmp_path / "no", *out], "PATH is", "expected an image or a folder")
    bad([*base, tmp_path / "empty", *out], "PATH is", "no files")
    face = tmp_path / "face.png"
    bad([*base, face, *out, "--direction", "ab"], "--direction is 'ab'", "'a2b'")
    bad([*base, face, "--out", face], "--out is", "is a file")
    assert not (tmp_path / "out").exists()


def test_channels_that_image_files_cannot_have(tmp_path, translate, bad):
    face = draw(9, 12, 3)
    images.write_png(tmp_path / "face.png", face)
    path = tmp_path / "other.keras"
    model = save_model(path, channels=2, target_channels=3)
    command = ["translate", path, tmp_path / "face.png", "--out", tmp_path / "out"]
    bad(command, "MODEL takes images of 2 channels; expected 1, 3 or 4")
    assert translate(tmp_path / "face.png", "--direction", "b2a", model=path) == 0
    assert names(tmp_path / "out") == ["face.png.npy"]
    written = np.load(tmp_path / "out" / "face.png.npy")
    expected = model.translate(face, "b2a")
    assert written.shape == (9, 12, 2) and written.dtype == "uint8"
    assert np.abs(written.astype(int) - expected).max() <= 1


def test_no_file_overwrites_another(model, translate, tmp_path):
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
def test_formats_that_change_an_image_become_png(model, translate, tmp_path, size):
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


def test_a_format_that_changes_the_size_is_detected(
    model, translate, tmp_path, monkeypatch
):
    def halved(image, file, name):
        image.resize((image.width // 2, image.height)).save(file, "PNG")

    monkeypatch.setitem(Image.SAVE, "BMP", halved)
    images.write_png(tmp_path / "in" / "x.bmp", draw(16, 12, 3))
    assert translate(tmp_path / "in") == 0
    assert names(tmp_path / "out") == ["x.bmp.png"]
    assert images.read_png(tmp_path / "out" / "x.bmp.png").shape == (16, 12, 3)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_the_alpha_channel_is_kept(translate, tmp_path):
    other = tmp_path / "other.keras"
    save_model(other, channels=4)
    images.write_png(tmp_path / "in" / "x.bmp", draw(9, 12, 4))
    assert translate(tmp_path / "in", model=other) == 0
    with Image.open(tmp_path / "out" / "x.bmp.png") as image:
        assert image.mode == "RGBA"


def test_icc_profiles_are_kept(model, translate, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray = rgb[:16] + b"GRAY" + rgb[20:]
    picture = Image.fromarray(draw(9, 12, 3))
    for suffix in ("png", "jpg", "webp", "tiff"):
        picture.save(folder / f"rgb.{suffix}", icc_profile=rgb)
    picture.convert("L").save(folder / "gray.png", icc_profile=gray)
    picture.save(folder / "none.png")
    assert translate(folder) == 0
    for path in folder.iterdir():
        with Image.open(tmp_path / "out" / path.name) as image:
            # The gray image has become an RGB image.
            expected = rgb if path.stem == "rgb" else None
            assert image.info.get("icc_profile") == expected, path.name


def test_the_first_frame_of_an_animation_is_translated(model, translate, tmp_path):
    first, second = (np.full((9, 12, 3), level, "uint8") for level in (50, 200))
    images.write_gif(tmp_path / "in" / "x.gif", [first, second])
    assert translate(tmp_path / "in") == 0
    with Image.open(tmp_path / "out" / "x.gif") as image:
        assert image.n_frames == 1
        got = np.asarray(image.convert("RGB")).astype(int)
    # A GIF has 256 colors.
    assert np.abs(got - model.translate(first)).max() <= 8
    assert np.abs(got - model.translate(second)).max() > 10
