"""Keras's own callbacks, each on either model, by what it does."""

import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import callbacks

EPOCHS, STEPS = 4, 2
D_RATE, G_RATE = 0.02, 0.01
# Of every epoch, for callbacks that should do something at one they do not choose.
SCORES = (2.0, 1.0, 3.0, 4.0)


class Record(keras.callbacks.Callback):
    """Keeps what the model is after every epoch, and gives the logs a score."""

    def __init__(self, trainee):
        super().__init__()
        self.trainee, self.drawn, self.rates = trainee, [], []

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = SCORES[epoch]
        self.drawn.append(self.trainee.draw(self.model))
        optimizers = (self.model.d_optimizer, self.model.g_optimizer)
        self.rates.append([float(one.learning_rate) for one in optimizers])


class Run:
    """A model that was trained under callbacks."""

    def __init__(self, trainee, folder, make):
        self.trainee, self.folder = trainee, folder
        self.model = trainee.compiled(D_RATE, G_RATE)
        self.record = Record(trainee)
        self.callback = make(folder, trainee)
        self.history = self.fit(self.model, [self.record, self.callback]).history

    def fit(self, model, callbacks):
        return model.fit(
            self.trainee.data, epochs=EPOCHS, verbose=2, callbacks=callbacks
        )


def state(model):
    """All that training changes: networks, averages, step, pools, both optimizers."""
    optimizers = (model.d_optimizer, model.g_optimizer)
    variables = [v for one in optimizers for v in variables_of(one)]
    return [np.asarray(v) for v in (*model.weights, *variables)]


def variables_of(optimizer):
    # A method in earlier Keras.
    variables = optimizer.variables
    return variables() if callable(variables) else variables


def assert_same_state(one, other):
    for a, b in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(a, b)


# --- what makes each callback, and what it must have done -------------------------


def checkpoint(folder, trainee):
    # Both losses fall: the most of them is not of the last epoch.
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
    # Both optimizers, too: a compiled model goes on as if it had never stopped.
    assert_same_state(other, run.model)


def backup(folder, trainee):
    return keras.callbacks.BackupAndRestore(str(folder / "backup"))


def goes_on_after_an_interruption(run):
    assert not [path for path in run.folder.rglob("*") if path.is_file()]

    def interrupt(batch, logs=None):
        if interrupted.steps_taken == 2 * STEPS + 1:
            raise KeyboardInterrupt

    # As the model that was not interrupted was made, in `Run`.
    keras.utils.set_random_seed(7)
    interrupted = run.trainee.compiled(D_RATE, G_RATE)
    with pytest.raises(KeyboardInterrupt):
        stop = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
        run.fit(interrupted, [backup(run.folder, run.trainee), stop])
    keras.utils.set_random_seed(8)
    fresh = run.trainee.compiled(D_RATE, G_RATE)
    history = run.fit(fresh, [backup(run.folder, run.trainee)]).history
    # The epoch that was interrupted is trained again from its start.
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
    # Keras 3 leaves room for a validation that may come.
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
    # What Keras restores are weights of the model, not those of its optimizers.
    for optimizer in (run.model.d_optimizer, run.model.g_optimizer):
        assert int(optimizer.iterations) == 3 * STEPS


def scheduler(which=None):
    def make(folder, trainee):
        callback = keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2)
        return callback if which is None else callbacks.ForOptimizer(callback, which)

    return make


def plateau(which=None):
    def make(folder, trainee):
        # Nothing improves by as much.
        callback = keras.callbacks.ReduceLROnPlateau(
            "loss", factor=0.5, patience=1, min_delta=1e9
        )
        return callback if which is None else callbacks.ForOptimizer(callback, which)

    return make


def halves(d_times, g_times):
    """Both rates must have been halved so often."""

    def check(run):
        rates = [
            float(one.learning_rate)
            for one in (run.model.d_optimizer, run.model.g_optimizer)
        ]
        expected = [D_RATE / 2**d_times, G_RATE / 2**g_times]
        assert rates == pytest.approx(expected, rel=1e-5)

    return check


class Spoil(keras.callbacks.Callback):
    """Ruins the discriminators, and nothing else, before the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            for network in self.model.players()[1]:
                network.set_weights([np.nan * w for w in network.get_weights()])


def terminate(folder, trainee):
    return [Spoil(), keras.callbacks.TerminateOnNaN()]


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


ROWS = {
    "ModelCheckpoint": (checkpoint, holds_the_best_model),
    "ModelCheckpoint-weights": (checkpoint_weights, holds_the_weights_of_every_epoch),
    "BackupAndRestore": (backup, goes_on_after_an_interruption),
    "TensorBoard-of-Keras": (keras_tensorboard, writes_scalars),
    "TensorBoard": (our_tensorboard, writes_scalars_rates_and_images),
    "CSVLogger": (csv_logger, writes_every_column),
    "EarlyStopping": (early_stopping, stops_and_restores_the_best),
    "LearningRateScheduler": (scheduler(), halves(0, 4)),
    "LearningRateScheduler-discriminator": (scheduler("discriminator"), halves(4, 0)),
    "LearningRateScheduler-generator": (scheduler("generator"), halves(0, 4)),
    "LearningRateScheduler-both": (scheduler("both"), halves(4, 4)),
    # The first epoch is nothing to improve on.
    "ReduceLROnPlateau": (plateau(), halves(0, 3)),
    "ReduceLROnPlateau-discriminator": (plateau("discriminator"), halves(3, 0)),
    "ReduceLROnPlateau-both": (plateau("both"), halves(3, 3)),
    "TerminateOnNaN": (terminate, stops_at_the_first_step),
    "LambdaCallback": (lambda_callback, has_seen_the_loss),
    "ProgbarLogger": (progbar, prints_every_metric),
}


@pytest.mark.parametrize("make, check", ROWS.values(), ids=ROWS)
def test_callback(make, check, trainee, tmp_path, events, capsys):
    run = Run(trainee, tmp_path, make)
    run.events, run.printed = events, capsys.readouterr().out
    check(run)


# --- what else a Keras model does -------------------------------------------------


def test_losses_of_training_validation_and_evaluation(trainee):
    model = trainee.compiled()
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


def test_how_steps_run_hardly_changes_what_they_do(trainee):
    plain = trained(trainee)
    assert_same_state(plain, trained(trainee, steps_per_execution=2))
    # Without a graph no operations are fused, and sums are taken in another order.
    drawn = trainee.draw(trained(trainee, run_eagerly=True))
    np.testing.assert_allclose(drawn, trainee.draw(plain), atol=1e-5)


def test_xla_hardly_changes_what_a_step_does(trainee, monkeypatch):
    # From one seed XLA draws other latents than TensorFlow: here they are fixed.
    latents = tf.reshape(tf.linspace(-1.0, 1.0, 16), (8, 2))
    monkeypatch.setattr(kerasgan.GAN, "latents", lambda _, n, seed: latents[:n])
    drawn = trainee.draw(trained(trainee, jit_compile=True))
    np.testing.assert_allclose(drawn, trainee.draw(trained(trainee)), atol=1e-5)
