import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import callbacks, images
from kerasgan.schedules import ConstantThenLinearDecay


def test_rates_follow_schedules(tmp_path, trainee, events):
    model = trainee.build()
    # Two steps per epoch: the whole rate, half of it, none.
    schedule = ConstantThenLinearDecay(0.02, 2, 4)
    optimizers = keras.optimizers.Adam(schedule), keras.optimizers.Adam(0.01)
    model.compile(*optimizers, run_eagerly=True)
    board = callbacks.TensorBoard(tmp_path)
    model.fit(trainee.data, epochs=3, verbose=0, callbacks=[board])
    found = events(tmp_path / "train")
    for player, expected in (("d", (0.02, 0.01, 0.0)), ("g", (0.01,) * 3)):
        written = found[f"epoch_{player}_learning_rate"]
        assert written == pytest.approx(dict(enumerate(expected)))
    assert not (tmp_path / "images").exists()


def test_rates_are_those_of_the_epoch(tmp_path, trainee, events):
    halve = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=1, min_delta=1e9
    )
    history = (
        trainee.compiled(0.02, 0.01, run_eagerly=True)
        .fit(
            trainee.data,
            epochs=3,
            verbose=0,
            callbacks=[
                callbacks.ForOptimizer(halve, "discriminator"),
                callbacks.TensorBoard(tmp_path),
            ],
        )
        .history
    )
    written = events(tmp_path / "train")["epoch_d_learning_rate"]
    assert written == pytest.approx(dict(enumerate(history["d_learning_rate"])))
    assert written == pytest.approx({0: 0.02, 1: 0.02, 2: 0.01})


@pytest.mark.slow
@pytest.mark.parametrize("update_freq", ["epoch", 3])
def test_images_continue_when_training_does(
    tmp_path, small_gan, faces, events, update_freq
):
    gan = small_gan()
    gan.compile(run_eagerly=True)
    for first, last in ((0, 1), (1, 3)):
        grid = callbacks.SampleGrid(tmp_path, n=4)
        board = callbacks.TensorBoard(
            tmp_path / f"{last}", grid, update_freq=update_freq
        )
        gan.fit(
            faces(),
            batch_size=8,
            initial_epoch=first,
            epochs=last,
            verbose=0,
            callbacks=[board, grid],
        )
    files = {int(p.stem[6:]): p for p in (tmp_path / "samples").glob("epoch_*")}
    for folder, steps in (("1", [0, 1]), ("3", [2, 3])):
        written = events(tmp_path / folder / "images")["samples"]
        assert list(written) == steps
        for step in steps:
            shown = tf.io.decode_png(written[step][2])
            np.testing.assert_array_equal(shown, images.read_png(files[step]))


def test_grid_must_be_a_callback_that_draws(tmp_path):
    with pytest.raises(ValueError, match="grid is 'samples'; expected"):
        callbacks.TensorBoard(tmp_path, grid="samples")


@pytest.mark.parametrize("steps", [0, 5])
def test_the_grid_is_checked_before_the_first_step(tmp_path, small_cyclegan, steps):
    cyclegan = small_cyclegan()
    cyclegan.step.assign(steps)
    board = callbacks.TensorBoard(tmp_path, callbacks.SampleGrid(tmp_path))
    board.set_model(cyclegan)
    with pytest.raises(ValueError, match="SampleGrid is used with a CycleGAN"):
        board.on_train_begin()


def test_log_dir_is_expanded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for log_dir, expected in (
        ("~/logs", str(tmp_path / "home" / "logs")),
        ("logs", str(tmp_path / "logs")),
        ("gs://bucket/logs", "gs://bucket/logs"),
    ):
        assert callbacks.TensorBoard(log_dir).log_dir == expected


def test_without_the_package_tensorboard(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
        callbacks.TensorBoard(tmp_path)
