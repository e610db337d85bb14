import keras
import numpy as np
import pytest

import kerasgan
from kerasgan import cli, images
from kerasgan.cli import generate


def save_gan(path, image_shape=(4, 4, 3), source_shape=(2,), activation="tanh", **more):
    size = int(np.prod(image_shape))
    generator = keras.Sequential(
        [
            keras.Input(source_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(size, activation, kernel_initializer="random_normal"),
            keras.layers.Reshape(image_shape),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    gan = kerasgan.GAN(discriminator, generator, seed=0, **more)
    gan.save(path)
    return gan


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_one_image_is_written_per_seed(tmp_path, channels, capsys):
    gan = save_gan(tmp_path / "gan.keras", (8, 4, channels))
    out = tmp_path / ("ö" * 120) / "日本"
    command = ["generate", tmp_path / "gan.keras", "--seeds", "5,0-2", "--out", out]
    assert cli.main([str(a) for a in command]) == 0
    assert names(out) == [f"seed_000{seed}.png" for seed in (0, 1, 2, 5)]
    for seed in (0, 1, 2, 5):
        generated = images.to_uint8(gan.generate(1, seed=seed)[0]).astype(int)
        written = images.read_png(out / f"seed_000{seed}.png")
        assert np.abs(written - generated).max() <= 1
    assert f"4 images written to {out}" in capsys.readouterr().out


def test_images_are_scaled_from_the_range_of_the_model(tmp_path, bad):
    save_gan(tmp_path / "none.keras", activation=None)
    out = tmp_path / "out"
    command = ["generate", tmp_path / "none.keras", "--seeds", "3", "--out", out]
    bad(command, "value_range is None", "expected value_range=(low, high)")
    gan = save_gan(tmp_path / "given.keras", activation=None, value_range=(-0.2, 0.1))
    command[1] = tmp_path / "given.keras"
    assert cli.main([str(a) for a in command]) == 0
    expected = (gan.generate(1, seed=3)[0] + 0.2) * 255 / 0.3
    written = images.read_png(out / "seed_0003.png")
    assert np.abs(written - expected.clip(0, 255)).max() <= 1


def test_many_images_are_generated_in_batches(tmp_path, monkeypatch):
    save_gan(tmp_path / "gan.keras", (8, 4, 3))
    out, batches = tmp_path / "out", []
    predict = kerasgan.GAN.predict_on_batch

    def counted(gan, latents):
        batches.append((len(latents), len(names(out)) if out.exists() else 0))
        return predict(gan, latents)

    monkeypatch.setattr(kerasgan.GAN, "predict_on_batch", counted)
    # Images of 32 pixels: batches of 4.
    monkeypatch.setattr(generate, "PIXELS_AT_ONCE", 4 * 32 + 5)
    command = ["generate", tmp_path / "gan.keras", "--seeds", "0-7,20", "--out", out]
    assert cli.main([str(a) for a in command]) == 0
    # Each batch is written before the next one is generated.
    assert batches == [(4, 0), (4, 4), (1, 8)] and len(names(out)) == 9
    monkeypatch.setattr(generate, "PIXELS_AT_ONCE", 1)
    command[-1] = tmp_path / "single"
    assert cli.main([str(a) for a in command]) == 0
    for name in names(out):
        one, other = (images.read_png(f / name).astype(int) for f in (out, command[-1]))
        assert np.abs(one - other).max() <= 1


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    save_gan(tmp_path / "gan.keras")
    command = ["generate", "~/gan.keras", "--seeds", "0", "--out=~/faces"]
    assert cli.main(command) == 0
    assert names(tmp_path / "faces") == ["seed_0000.png"]
    assert names(tmp_path / "work") == []


@pytest.mark.parametrize(
    "seeds", ["", "a", "3-1", "5,3-1", "1,,2", "1-2-3", "0-" + str(2**63)]
)
def test_unsupported_seeds(seeds, tmp_path, bad):
    bad(["generate", tmp_path, "--seeds", seeds, "--out", tmp_path], "--seeds")


def test_the_largest_seed(tmp_path):
    save_gan(tmp_path / "gan.keras")
    seed = 2**63 - 1
    command = ["generate", tmp_path / "gan.keras", "--seeds", seed, "--out", tmp_path]
    assert cli.main([str(a) for a in command]) == 0
    assert (tmp_path / f"seed_{seed}.png").exists()


@pytest.mark.parametrize("channels", [2, 5])
def test_images_that_png_files_cannot_hold_are_saved_as_arrays(tmp_path, channels):
    gan = save_gan(tmp_path / "gan.keras", (8, 4, channels))
    out = tmp_path / "out"
    command = ["generate", tmp_path / "gan.keras", "--seeds", "7", "--out", out]
    assert cli.main([str(a) for a in command]) == 0
    assert names(out) == ["seed_0007.npy"]
    expected = images.to_uint8(gan.generate(1, seed=7)[0]).astype(int)
    written = np.load(out / "seed_0007.npy")
    assert written.shape == (8, 4, channels) and written.dtype == "uint8"
    assert np.abs(written - expected).max() <= 1


def test_models_that_generate_from_images(tmp_path, bad):
    out = ["--out", tmp_path / "out"]
    save_gan(tmp_path / "pairs.keras", source_shape=(4, 4, 3))
    bad(["generate", tmp_path / "pairs.keras", *out], "MODEL generates images from im")
    assert not (tmp_path / "out").exists()


def test_out_that_is_a_file(tmp_path, bad):
    (tmp_path / "file").write_text("not a folder")
    for out in (tmp_path / "file", tmp_path / "file" / "x"):
        bad(["generate", tmp_path, "--out", out], f"--out is '{out}'", "is a file")
