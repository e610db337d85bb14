"""Keras's own callbacks and fit options, with both models."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import callbacks

EPOCHS, STEPS = 4, 2
D_RATE, G_RATE = 0.02, 0.01
# A score of every epoch, for callbacks that react to the best one.
SCORES = (2.0, 1.0, 3.0, 4.0)


class Record(keras.callbacks.Callback):
    """Draws images after every epoch, and adds a score to the logs."""

    def __init__(self, trainee):
        super().__init__()
        self.trainee, self.drawn = trainee, []

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = SCORES[epoch]
        self.drawn.append(self.trainee.draw(self.model))


class Run:
    """A model that was trained with callbacks.

    Training is eager, because only a few steps are trained.
    """

    def __init__(self, trainee, folder, callback):
        self.trainee, self.folder, self.callback = trainee, folder, callback
        self.model = trainee.compiled(D_RATE, G_RATE, run_eagerly=True)
        self.record = Record(trainee)
        self.history = self.fit(self.model, [self.record, callback]).history

    def fit(self, model, callbacks):
        return model.fit(
            self.trainee.data, epochs=EPOCHS, verbose=2, callbacks=callbacks
        )


def state(model):
    """Returns what training changes: networks, averages, step, pools and optimizers."""
    optimizers = (model.d_optimizer, model.g_optimizer)
    variables = [v for one in optimizers for v in variables_of(one)]
    return [np.asarray(v) for v in (*model.weights, *variables)]


def variables_of(optimizer):
    # A method in Keras 2.
    variables = optimizer.variables
    return variables() if callable(variables) else variables


def assert_same_state(one, other):
    for a, b in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(a, b)


# --- functions that make a callback, and functions that check what it has done -----


def checkpoint(folder, trainee):
    # The loss falls, so its maximum is not in the last epoch.
    return keras.callbacks.ModelCheckpoint(
        str(folder / "best.keras"),
        monitor=trainee.monitor,
        mode="max",
        save_best_only=True,
    )


def holds_the_best_model(run):
    best = int(np.argmax(run.history[run.trainee.monitor]))
    assert best < EPOCHS - 1
    loaded = keras.models.load_model(run.folder / "best.keras")
    np.testing.assert_array_equal(run.trainee.draw(loaded), run.record.drawn[best])
    assert loaded.steps_taken == STEPS * (best + 1)
    for optimizer in (loaded.d_optimizer, loaded.g_optimizer):
        assert int(optimizer.iterations) == STEPS * (best + 1)


def checkpoint_weights(folder, trainee):
    return keras.callbacks.ModelCheckpoint(
        str(folder / "{epoch}.weights.h5"), save_weights_only=True
    )


def holds_the_weights_of_every_epoch(run):
    for epoch, drawn in enumerate(run.record.drawn):
        other = run.trainee.compiled()
        other.load_weights(run.folder / f"{epoch + 1}.weights.h5")
        np.testing.assert_array_equal(run.trainee.draw(other), drawn)
    # Both optimizers are restored too.
    assert_same_state(other, run.model)


def backup(folder, trainee):
    return keras.callbacks.BackupAndRestore(str(folder / "backup"))


def continues_after_an_interruption(run):
    assert not [path for path in run.folder.rglob("*") if path.is_file()]

    def interrupt(batch, logs=None):
        if interrupted.steps_taken == 2 * STEPS + 1:
            raise KeyboardInterrupt

    # The same weights as in `Run`.
    keras.utils.set_random_seed(7)
    interrupted = run.trainee.compiled(D_RATE, G_RATE, run_eagerly=True)
    with pytest.raises(KeyboardInterrupt):
        stop = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
        run.fit(interrupted, [backup(run.folder, run.trainee), stop])
    keras.utils.set_random_seed(8)
    fresh = run.trainee.compiled(D_RATE, G_RATE, run_eagerly=True)
    history = run.fit(fresh, [backup(run.folder, run.trainee)]).history
    # The interrupted epoch is trained again from its start.
    assert len(history["loss"]) == EPOCHS - 2
    assert fresh.steps_taken == EPOCHS * STEPS
    assert_same_state(fresh, run.model)
    for name in set(history):
        np.testing.assert_array_equal(history[name], run.history[name][2:])


def keras_tensorboard(folder, trainee):
    return keras.callbacks.TensorBoard(str(folder))


def our_tensorboard(folder, trainee):
    grid, faces = callbacks.SampleGrid, np.zeros((2, 8, 8, 3), "float32")
    drawn = (
        grid(folder, n=4)
        if trainee.monitor == "g_loss"
        else callbacks.TranslationGrid(folder, faces, faces, n=2)
    )
    return callbacks.TensorBoard(folder, grid=drawn)


def writes_scalars(run):
    found = run.events(run.folder / "train")
    for name, values in run.history.items():
        written = found[f"epoch_{name}"]
        assert written == pytest.approx(dict(enumerate(values)))


def writes_scalars_rates_and_images(run):
    writes_scalars(run)
    found = run.events(run.folder / "train")
    for name, rate in (("d", D_RATE), ("g", G_RATE)):
        written = found[f"epoch_{name}_learning_rate"]
        assert written == pytest.approx(dict.fromkeys(range(EPOCHS), rate))
    (images,) = run.events(run.folder / "images").values()
    assert sorted(images) == list(range(EPOCHS + 1))
    expected = run.callback.grid.draw()
    width, height, last = images[EPOCHS]
    assert (int(width), int(height)) == expected.shape[1::-1]
    np.testing.assert_array_equal(tf.io.decode_png(last), expected)
    assert images[0][2] != last
    # The grid itself was not among the callbacks.
    assert not list(run.folder.rglob("*.png"))


def csv_logger(folder, trainee):
    return keras.callbacks.CSVLogger(str(folder / "log.csv"))


def writes_every_column(run):
    with open(run.folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    # Keras 3 adds columns for validation that may come later.
    names = [name for name in rows[0] if not name.startswith("val_")]
    assert names == ["epoch", *sorted(run.history)]
    assert [row["epoch"] for row in rows] == [str(i) for i in range(EPOCHS)]
    for name, values in run.history.items():
        np.testing.assert_allclose([float(row[name]) for row in rows], values)


def early_stopping(folder, trainee):
    return keras.callbacks.EarlyStopping(
        "score", mode="min", patience=1, restore_best_weights=True
    )


def stops_and_restores_the_best(run):
    assert len(run.history["loss"]) == 3
    best = run.record.drawn[1]
    np.testing.assert_array_equal(run.trainee.draw(run.model), best)
    assert not np.array_equal(best, run.record.drawn[2])
    assert run.model.steps_taken == 2 * STEPS
    # Keras restores the weights of the model, not those of its optimizers.
    for optimizer in (run.model.d_optimizer, run.model.g_optimizer):
        assert int(optimizer.iterations) == 3 * STEPS


def scheduler():
    return keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2)


def plateau():
    # No loss improves by that much.
    return keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=1, min_delta=1e9
    )


class SetToNaN(keras.callbacks.Callback):
    """Sets only the discriminators to NaN, before the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            for network in self.model.players()[1]:
                network.set_weights([np.nan * w for w in network.get_weights()])


def terminate(folder, trainee):
    return [SetToNaN(), keras.callbacks.TerminateOnNaN()]


def stops_at_the_first_step(run):
    assert len(run.history["loss"]) == 2
    assert run.model.steps_taken == STEPS + 1
    assert np.isnan(run.history["loss"][1])


def lambda_callback(folder, trainee):
    file = folder / "seen.txt"

    def write(epoch, logs):
        with open(file, "a") as lines:
            print(epoch, logs["loss"], logs["d_loss"] + logs["g_loss"], file=lines)

    return keras.callbacks.LambdaCallback(on_epoch_end=write)


def has_seen_the_loss(run):
    seen = np.loadtxt(run.folder / "seen.txt")
    np.testing.assert_array_equal(seen[:, 0], range(EPOCHS))
    np.testing.assert_allclose(seen[:, 1], run.history["loss"])
    np.testing.assert_allclose(seen[:, 2], run.history["loss"], rtol=1e-6)


def progbar(folder, trainee):
    return keras.callbacks.ProgbarLogger()


def prints_every_metric(run):
    lines = [line for line in run.printed.splitlines() if " g_loss: " in line]
    assert len(lines) == EPOCHS
    for line in lines:
        for name in ("loss", "d_loss", "g_loss", run.trainee.monitor):
            assert f" {name}: " in line


# Callbacks that do not change training: what makes each, and what it must have done.
PASSIVE = {
    "ModelCheckpoint": (checkpoint, holds_the_best_model),
    "ModelCheckpoint-weights": (checkpoint_weights, holds_the_weights_of_every_epoch),
    "TensorBoard-of-Keras": (keras_tensorboard, writes_scalars),
    "TensorBoard": (our_tensorboard, writes_scalars_rates_and_images),
    "CSVLogger": (csv_logger, writes_every_column),
    "LambdaCallback": (lambda_callback, has_seen_the_loss),
    "ProgbarLogger": (progbar, prints_every_metric),
}
ACTIVE = {
    "BackupAndRestore": (backup, continues_after_an_interruption),
    "EarlyStopping": (early_stopping, stops_and_restores_the_best),
    "TerminateOnNaN": (terminate, stops_at_the_first_step),
}
# For learning rates: how often each must have halved the discriminator's and the
# generator's. In the first epoch, there is nothing to improve on.
HALVING = {
    (scheduler, None): (0, 4),
    (scheduler, "discriminator"): (4, 0),
    (scheduler, "generator"): (0, 4),
    (scheduler, "both"): (4, 4),
    (plateau, None): (0, 3),
    (plateau, "discriminator"): (3, 0),
    (plateau, "both"): (3, 3),
}


@pytest.mark.slow
def test_callbacks_that_do_not_change_training(trainee, tmp_path, events, capsys):
    folders = {name: tmp_path / name for name in PASSIVE}
    for folder in folders.values():
        folder.mkdir()
    made = {n: make(folders[n], trainee) for n, (make, _) in PASSIVE.items()}
    run = Run(trainee, tmp_path, list(made.values()))
    run.events, run.printed = events, capsys.readouterr().out
    for name, (_, check) in PASSIVE.items():
        run.folder, run.callback = folders[name], made[name]
        check(run)


@pytest.mark.slow
@pytest.mark.parametrize("make, check", ACTIVE.values(), ids=ACTIVE)
def test_callbacks_that_change_training(make, check, trainee, tmp_path):
    check(Run(trainee, tmp_path, make(tmp_path, trainee)))


@pytest.mark.slow
def test_callbacks_that_set_learning_rates(trainee):
    model = trainee.compiled()
    optimizers = (model.d_optimizer, model.g_optimizer)
    for (make, which), times in HALVING.items():
        for optimizer, rate in zip(optimizers, (D_RATE, G_RATE), strict=True):
            optimizer.learning_rate = rate
        callback = make()
        if which is not None:
            callback = callbacks.ForOptimizer(callback, which)
        model.fit(trainee.data, epochs=EPOCHS, verbose=0, callbacks=[callback])
        rates = [float(optimizer.learning_rate) for optimizer in optimizers]
        expected = [D_RATE / 2 ** times[0], G_RATE / 2 ** times[1]]
        assert rates == pytest.approx(expected, rel=1e-5), (make, which)


# --- options of fit and compile ---------------------------------------------------


def test_losses_of_training_validation_and_evaluation(trainee):
    model = trainee.compiled(run_eagerly=True)
    history = model.fit(trainee.data, epochs=2, verbose=0, validation_data=trainee.data)
    assert type(history) is keras.callbacks.History
    logs = history.history
    names = {name for name in logs if not name.startswith("val_")}
    assert {"loss", "d_loss", "g_loss", trainee.monitor} <= names
    assert set(logs) == names | {f"val_{name}" for name in names}
    for start in ("", "val_"):
        both = np.add(logs[f"{start}d_loss"], logs[f"{start}g_loss"])
        np.testing.assert_allclose(logs[f"{start}loss"], both, rtol=1e-6)
    evaluated = model.evaluate(trainee.data, verbose=0, return_dict=True)
    for name, value in evaluated.items():
        assert value == pytest.approx(logs[f"val_{name}"][-1], rel=1e-5)
    assert set(evaluated) == names


def trained(trainee, **options):
    keras.utils.set_random_seed(7)
    model = trainee.compiled(**options)
    model.fit(trainee.data, epochs=2, verbose=0)
    return model


@pytest.mark.slow
def test_how_steps_are_executed_hardly_changes_them(trainee):
    plain = trained(trainee)
    assert_same_state(plain, trained(trainee, steps_per_execution=2))
    # Without a graph, operations are not fused and sums have another order.
    drawn = trainee.draw(trained(trainee, run_eagerly=True))
    np.testing.assert_allclose(drawn, trainee.draw(plain), atol=1e-5)


# Of a CycleGAN, `test_cyclegan.py` shows it.
@pytest.mark.slow
@pytest.mark.parametrize("trainee", ["gan"], indirect=True)
def test_xla_hardly_changes_a_step(trainee, monkeypatch):
    # XLA draws other latents than TensorFlow from the same seed, so they are fixed.
    latents = tf.reshape(tf.linspace(-1.0, 1.0, 16), (8, 2))
    monkeypatch.setattr(kerasgan.GAN, "latents", lambda _, n, seed: latents[:n])
    drawn = trainee.draw(trained(trainee, jit_compile=True))
    np.testing.assert_allclose(drawn, trainee.draw(trained(trainee)), atol=1e-5)
