import csv

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan import callbacks

BLUE, ORANGE, GREEN = (31, 119, 180), (255, 127, 14), (44, 160, 44)
KINDS = (
    dict(d_loss=1.0, g_loss=9.0),
    dict(d_loss_a=1.0, g_loss_b2a=0.5),
    dict(real_score=1.0, fake_score=0.0),
    dict(cycle_loss=0.1, identity_loss=0.2),
    dict(flip_rate_a2b=0.5, classifier_accuracy=0.9),
    dict(cycle_error_a2b=0.1, change_b2a=0.3),
    dict(frechet_distance_a2b=10.0),
    dict(penalty=0.2, d_regularization=0.1),
)


@pytest.fixture
def curves(tmp_path, small_gan):
    """A callback whose training has begun."""
    callback = callbacks.LossCurves(tmp_path)
    callback.set_model(small_gan())
    callback.on_train_begin()
    return callback


def pixels(path):
    """Returns the pixels of a plot."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def count(image, color):
    """Returns the number of pixels that have nearly this color."""
    return int((np.abs(image - color).max(axis=2) < 8).sum())


def plotted(axes):
    """Returns the curves of a panel, `{label: (epochs, values)}`."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.get_lines()
    }


@pytest.mark.slow
def test_history_has_every_epoch(tmp_path, small_gan, faces):
    gan = small_gan()
    gan.compile(run_eagerly=True)
    history = gan.fit(
        faces(),
        epochs=3,
        batch_size=8,
        validation_data=tf.data.Dataset.from_tensor_slices(faces()).batch(8),
        validation_freq=2,
        verbose=0,
        callbacks=[callbacks.LossCurves(tmp_path)],
    ).history
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["step"]) for row in rows] == [
        ("1", "2"),
        ("2", "4"),
        ("3", "6"),
    ]
    for name in ("d_loss", "g_loss", "real_score", "fake_score"):
        np.testing.assert_allclose([float(r[name]) for r in rows], history[name])
    assert [bool(row["val_d_loss"]) for row in rows] == [False, True, False]


def test_each_panel_has_its_curves(tmp_path, curves):
    losses, scores = [1.0, 0.2, 0.6], [3.0, -1.0, 2.0]
    for epoch, (loss, score) in enumerate(zip(losses, scores, strict=True)):
        logs = dict(d_loss=loss, g_loss=1 - loss, real_score=score, fake_score=-score)
        if epoch != 1:
            logs["val_d_loss"] = 2 * loss
        curves.on_epoch_end(epoch, logs)
    upper, lower = curves.figure().axes
    assert upper.get_ylabel() == "loss"
    assert plotted(upper) == {
        "d_loss": ([1, 2, 3], losses),
        "g_loss": ([1, 2, 3], [1 - loss for loss in losses]),
        "val_d_loss": ([1, 3], [2.0, 1.2]),
    }
    assert lower.get_ylabel() == "discriminator's output"
    assert plotted(lower) == {
        "real_score": ([1, 2, 3], scores),
        "fake_score": ([1, 2, 3], [-score for score in scores]),
    }
    # The file shows them: each panel has its curves, and nothing is cut off.
    picture = pixels(tmp_path / "loss_curves.png")
    assert picture.shape == (600, 800, 3)
    for panel in np.array_split(picture, 2):
        assert count(panel, BLUE) > 200 and count(panel, ORANGE) > 200


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_each_kind_of_quantity_has_a_panel(tmp_path, curves):
    for n, size in ((1, (300, 800)), (3, (900, 800)), (8, (1200, 1600))):
        logs = {"learning_rate": 0.1}
        for kind in KINDS[:n]:
            logs.update(kind)
        curves.rows.clear()
        curves.on_epoch_end(0, logs)
        panels = [plotted(axes) for axes in curves.figure().axes]
        expected = [{k: ([1], [v]) for k, v in kind.items()} for kind in KINDS[:n]]
        for panel in expected:
            assert panel in panels
        assert len(panels) == n
        picture = pixels(tmp_path / "loss_curves.png")
        assert picture.shape == (*size, 3)
    # Two columns of four panels.
    for half in np.array_split(picture, 2, axis=1):
        for panel in np.array_split(half, 4):
            assert count(panel, BLUE) > 20


def test_a_curve_and_its_validation_share_a_color(tmp_path, curves):
    for epoch in range(3):
        logs = dict(d_loss=1.0, g_loss=0.5, val_d_loss=0.2, val_g_loss=0.8)
        curves.on_epoch_end(epoch, logs)
    (axes,) = curves.figure().axes
    styles = {
        line.get_label(): (line.get_color(), line.get_linestyle())
        for line in axes.get_lines()
    }
    assert styles == {
        "d_loss": ("C0", "-"),
        "g_loss": ("C1", "-"),
        "val_d_loss": ("C0", "--"),
        "val_g_loss": ("C1", "--"),
    }
    picture = pixels(tmp_path / "loss_curves.png")
    assert count(picture, BLUE) > 200 and count(picture, GREEN) == 0


def test_a_failed_write_keeps_the_last_files(tmp_path, curves, monkeypatch):
    curves.on_epoch_end(0, dict(d_loss=1.0, g_loss=1.0))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError):
        curves.on_epoch_end(1, dict(d_loss=2.0, g_loss=2.0))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
