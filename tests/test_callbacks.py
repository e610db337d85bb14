import csv

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerasgan
from kerasgan import callbacks, images


def small_gan(activation="tanh"):
    generator = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(4 * 4 * 3, activation=activation),
            keras.layers.Reshape((4, 4, 3)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    gan = kerasgan.GAN(discriminator, generator, seed=0)
    gan.compile()
    return gan


def data(low=-1):
    return np.random.default_rng(0).uniform(low, 1, (16, 4, 4, 3)).astype("float32")


def test_sample_grid_writes_a_grid_an_epoch_and_a_gif(tmp_path):
    gan = small_gan()
    first = gan.generate(9, seed=5)
    grids = callbacks.SampleGrid(tmp_path / "run", n=9, seed=5)
    gan.fit(data(), epochs=2, batch_size=8, verbose=0, callbacks=[grids])
    names = sorted(p.name for p in (tmp_path / "run" / "samples").iterdir())
    assert names == ["epoch_0000.png", "epoch_0001.png", "epoch_0002.png"]
    for name, samples in ((names[0], first), (names[2], gan.generate(9, seed=5))):
        expected = images.grid(images.to_uint8(samples))
        written = images.read_png(tmp_path / "run" / "samples" / name)
        np.testing.assert_array_equal(written, expected)
    with Image.open(tmp_path / "run" / "evolution.gif") as gif:
        assert gif.n_frames == 3 and gif.size == (12, 12)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "evolution.gif",
        "samples",
    ]


def test_sample_grid_goes_on_where_training_does(tmp_path):
    gan = small_gan()
    train = dict(batch_size=8, verbose=0)
    for first, last in ((0, 1), (1, 3)):
        grids = callbacks.SampleGrid(tmp_path, n=4)
        gan.fit(data(), initial_epoch=first, epochs=last, callbacks=[grids], **train)
    assert len(list((tmp_path / "samples").iterdir())) == 4
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 4


def test_another_run_in_the_folder_starts_afresh(tmp_path):
    for epochs in (3, 1):
        shown = [callbacks.SampleGrid(tmp_path, n=4), callbacks.LossCurves(tmp_path)]
        small_gan().fit(data(), epochs=epochs, batch_size=8, verbose=0, callbacks=shown)
    assert len(list((tmp_path / "samples").iterdir())) == 2
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 2


def test_loss_curves_go_on_where_training_does(tmp_path):
    gan = small_gan()
    train = dict(batch_size=8, verbose=0)
    for first, last in ((0, 2), (2, 3)):
        curves = [callbacks.LossCurves(tmp_path)]
        gan.fit(data(), initial_epoch=first, epochs=last, callbacks=curves, **train)
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]


def test_sample_grid_knows_the_range_of_a_sigmoid(tmp_path):
    gan = small_gan("sigmoid")
    gan.fit(
        data(0), batch_size=8, verbose=0, callbacks=[callbacks.SampleGrid(tmp_path, 4)]
    )
    expected = np.rint(gan.generate(4, seed=0) * 255)
    written = images.read_png(tmp_path / "samples" / "epoch_0001.png")
    np.testing.assert_array_equal(written, images.grid(expected.astype("uint8")))


def test_long_runs_make_short_gifs(tmp_path):
    for epoch in range(251):
        pixels = np.full((2, 2, 3), epoch, "uint8")
        images.write_png(tmp_path / "samples" / f"epoch_{epoch:04d}.png", pixels)
    callbacks.SampleGrid(tmp_path).on_train_end()
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames <= callbacks.MOST_FRAMES
        gif.seek(gif.n_frames - 1)
        assert np.asarray(gif.convert("RGB"))[0, 0, 0] == 250


def test_sample_grid_arguments(tmp_path):
    with pytest.raises(ValueError, match="n is 0"):
        callbacks.SampleGrid(tmp_path, n=0)


def test_loss_curves_keep_every_epoch(tmp_path):
    gan = small_gan()
    history = gan.fit(
        data(),
        epochs=3,
        batch_size=8,
        validation_data=tf.data.Dataset.from_tensor_slices(data()).batch(8),
        validation_freq=2,
        verbose=0,
        callbacks=[callbacks.LossCurves(tmp_path)],
    ).history
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for name in ("d_loss", "g_loss", "real_score", "fake_score"):
        np.testing.assert_allclose([float(r[name]) for r in rows], history[name])
    assert [bool(row["val_d_loss"]) for row in rows] == [False, True, False]


def test_loss_curves_are_drawn_with_every_curve(tmp_path):
    curves = callbacks.LossCurves(tmp_path)
    for epoch, value in enumerate((1.0, 0.2, 0.6)):
        logs = dict(d_loss=value, g_loss=1 - value, real_score=1.0, fake_score=-1.0)
        curves.on_epoch_end(epoch, logs)
    with Image.open(tmp_path / "loss_curves.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
        assert image.size == (800, 600)
    for colour in ((31, 119, 180), (255, 127, 14)):
        near = np.abs(pixels - colour).max(axis=1) < 8
        assert near.sum() > 200


def test_a_failing_write_leaves_the_last_file(tmp_path, monkeypatch):
    curves = callbacks.LossCurves(tmp_path)
    curves.on_epoch_end(0, dict(d_loss=1.0, g_loss=1.0))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError):
        curves.on_epoch_end(1, dict(d_loss=2.0, g_loss=2.0))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
