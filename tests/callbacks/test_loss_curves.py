import csv

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import callbacks

BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)


def drawn(path, colour):
    """How many pixels of a picture have nearly this colour."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    return (np.abs(pixels - colour).max(axis=1) < 8).sum()


def test_another_run_in_the_folder_starts_afresh(tmp_path, small_gan, faces):
    for epochs in (3, 1):
        curves = callbacks.LossCurves(tmp_path)
        small_gan().fit(
            faces(), epochs=epochs, batch_size=8, verbose=0, callbacks=[curves]
        )
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 2


def test_loss_curves_go_on_where_training_does(tmp_path, small_gan, faces):
    gan = small_gan()
    train = dict(batch_size=8, verbose=0)
    for first, last in ((0, 2), (2, 3)):
        curves = [callbacks.LossCurves(tmp_path)]
        gan.fit(faces(), initial_epoch=first, epochs=last, callbacks=curves, **train)
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]


def test_loss_curves_keep_every_epoch(tmp_path, small_gan, faces):
    history = (
        small_gan()
        .fit(
            faces(),
            epochs=3,
            batch_size=8,
            validation_data=tf.data.Dataset.from_tensor_slices(faces()).batch(8),
            validation_freq=2,
            verbose=0,
            callbacks=[callbacks.LossCurves(tmp_path)],
        )
        .history
    )
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
        assert image.size == (800, 600)
    for colour in (BLUE, ORANGE):
        assert drawn(tmp_path / "loss_curves.png", colour) > 200


def test_each_kind_of_quantity_has_a_panel(tmp_path):
    curves = callbacks.LossCurves(tmp_path)
    kinds = (
        dict(d_loss=1.0, g_loss=9.0),
        dict(d_loss_a=1.0, g_loss_b2a=0.5),
        dict(real_score=1.0, fake_score=0.0),
        dict(cycle_loss=0.1, identity_loss=0.2),
        dict(flip_rate_a2b=0.5, classifier_accuracy=0.9),
        dict(cycle_error_a2b=0.1, change_b2a=0.3),
        dict(frechet_distance_a2b=10.0),
    )
    for n, size in ((1, (800, 300)), (3, (800, 900)), (7, (1600, 1200))):
        logs = {"learning_rate": 0.1}
        for kind in kinds[:n]:
            logs.update(kind)
        curves.on_epoch_end(0, logs)
        with Image.open(tmp_path / "loss_curves.png") as image:
            assert image.size == size


def test_a_curve_and_its_validation_share_a_colour(tmp_path):
    curves = callbacks.LossCurves(tmp_path)
    for epoch in range(3):
        logs = dict(d_loss=1.0, g_loss=0.5, val_d_loss=0.2, val_g_loss=0.8)
        curves.on_epoch_end(epoch, logs)
    assert drawn(tmp_path / "loss_curves.png", BLUE) > 200
    assert drawn(tmp_path / "loss_curves.png", GREEN) == 0


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
