import keras
import pytest

from kerasgan.callbacks import ForOptimizer
from kerasgan.callbacks.for_optimizer import learning_rate

WHICH = ("discriminator", "generator", "both")


def rates(model):
    optimizers = (model.d_optimizer, model.g_optimizer)
    return [float(optimizer.learning_rate) for optimizer in optimizers]


class WarmUp(keras.callbacks.Callback):
    """Sets the rate before every step, and uses other hooks and attributes."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = 0.001 * (self.model.steps_taken + 1)

    def on_batch_end(self, batch, logs=None):
        assert logs["d_loss"] and self.params["epochs"] == 5
        self.seen += 1

    def on_test_end(self, logs=None):
        self.model.stop_training = True


@pytest.mark.parametrize("which", WHICH)
def test_every_hook_reaches_the_callback(trainee, which):
    model, warm_up = trainee.compiled(0.02, 0.01, run_eagerly=True), WarmUp()
    history = model.fit(
        trainee.data,
        epochs=5,
        verbose=0,
        validation_data=trainee.data,
        callbacks=[ForOptimizer(warm_up, which)],
    )
    assert len(history.history["loss"]) == 1
    assert warm_up.seen == 2
    unchanged = {"discriminator": 1, "generator": 0}.get(which)
    expected = [0.002, 0.002]
    if unchanged is not None:
        expected[unchanged] = (0.02, 0.01)[unchanged]
    assert rates(model) == pytest.approx(expected)


def test_without_a_hook_for_batches_keras_does_not_wait_for_steps():
    callback = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    for hook in ("on_train_batch_begin", "on_train_batch_end", "on_batch_end"):
        found = getattr(ForOptimizer(callback, "both"), hook).__func__
        assert found is getattr(keras.callbacks.Callback, hook)


def test_logs_have_the_rate_of_each_player(trainee):
    model = trainee.compiled(0.02, 0.01, run_eagerly=True)
    halve = keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2)
    # Changes the rate after an epoch, for the next one.
    tenth = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.1, patience=1, min_delta=1e9
    )
    history = model.fit(
        trainee.data,
        epochs=3,
        verbose=0,
        callbacks=[ForOptimizer(halve, "discriminator"), ForOptimizer(tenth, "both")],
    ).history
    assert not {"learning_rate", "lr"} & set(history)
    assert history["d_learning_rate"] == pytest.approx([0.01, 0.005, 0.00025])
    assert history["g_learning_rate"] == pytest.approx([0.01, 0.01, 0.001])


def test_other_logs_of_a_callback_are_kept(trainee):
    def score(epoch, logs):
        logs["score"] = epoch

    callback = keras.callbacks.LambdaCallback(on_epoch_end=score)
    history = trainee.compiled(run_eagerly=True).fit(
        trainee.data,
        epochs=2,
        verbose=0,
        callbacks=[ForOptimizer(callback, "generator")],
    )
    assert history.history["score"] == [0, 1]


@pytest.mark.parametrize("which", WHICH)
def test_schedules_raise_an_error(trainee, which):
    model = trainee.build()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    scheduled = "d_optimizer" if which == "discriminator" else "g_optimizer"
    model.compile(**{scheduled: keras.optimizers.SGD(schedule)})
    callback = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    with pytest.raises(ValueError, match=f"{scheduled} has a LearningRateSchedule"):
        model.fit(trainee.data, verbose=0, callbacks=[ForOptimizer(callback, which)])
    assert model.steps_taken == 0


def test_unknown_players_raise_an_error():
    with pytest.raises(ValueError, match="which is 'critic'"):
        ForOptimizer(keras.callbacks.TerminateOnNaN(), "critic")


def test_learning_rate_of_any_optimizer():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    for rate, expected in ((0.5, 0.5), (schedule, 0.125)):
        optimizer = keras.optimizers.SGD(rate)
        scaled = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(rate))
        scaled.build([])
        for steps in (optimizer, scaled.inner_optimizer):
            steps.iterations.assign(2)
        assert learning_rate(optimizer) == pytest.approx(expected)
        assert learning_rate(scaled) == pytest.approx(expected)
