"""A run that was stopped and a run that was not are the same run."""

import contextlib
import functools
import importlib.util
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import compat
from kerasgan.callbacks import Diagnosis, RunState
from kerasgan.ordering import indexed_batches
from kerasgan.training.checkpoints import checkpoint_files, read_checkpoint

PROGRAM = pathlib.Path(__file__).with_name("resumable.py")
spec = importlib.util.spec_from_file_location("resumable", PROGRAM)
resumable = importlib.util.module_from_spec(spec)
spec.loader.exec_module(resumable)

STEPS = 8
EPOCHS = 3


@pytest.fixture(autouse=True)
def _disk_may_be_slow(monkeypatch):
    """Waits for no disk: what is tested are processes that die, not machines."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(autouse=True)
def _operations_add_in_one_order():
    # Beside other work some do not, now and then.
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()


class Stops(keras.callbacks.Callback):
    """Fails after a training step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        # Several are taken at once with steps_per_execution.
        if self.model.steps_taken >= self.step:
            raise RuntimeError("stopped")


def run(make, data, folder=None, stop=None, epochs=EPOCHS, callbacks=(), **options):
    """Starts a program; returns all that it leaves, None if it was stopped."""
    keras.utils.set_random_seed(0)
    model, data = make(), data()
    callbacks = list(callbacks)
    if folder is not None:
        callbacks.append(RunState(folder, **options))
    if stop is not None:
        callbacks.append(Stops(stop))
    stopped = pytest.raises(RuntimeError, match="stopped")
    with stopped if stop else contextlib.nullcontext():
        history = model.fit(data, epochs=epochs, verbose=0, callbacks=callbacks)
        return resumable.everything(model, history)


def check_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def made(name, **options):
    make, data = resumable.PROGRAMS[name]
    return functools.partial(make, **options), data


@functools.cache
def untouched_run(case):
    return run(*CASES[case])


KERAS_LOSS = keras.losses.BinaryCrossentropy
CASES = {
    "minimax": made("gan", loss_fn="minimax", label_noise=0.2),
    "keras loss, several updates": made(
        "gan",
        loss_fn=lambda: KERAS_LOSS(from_logits=True),
        discriminator_steps=2,
    ),
    "gradient penalty": made("gan", penalties=["gradient_penalty"]),
    "no average": made("gan", loss_fn="least_squares", ema_decay=None),
    "steps_per_execution": made("gan", steps_per_execution=4),
    "cyclegan": made("cyclegan", identity_weight=(2.0, 0.0), label_noise=0.1),
    "cyclegan without pool": made("cyclegan", pool_size=0, ema_decay=None),
    "cyclegan with r1": made("cyclegan", penalties=["r1"]),
}
if compat.KERAS_3:
    # In Keras 2 layers draw from streams that cannot be saved.
    CASES["dropout"] = made("gan", dropout=0.5)


@pytest.mark.parametrize("case", CASES)
def test_stopped_and_started_again_it_ends_the_same(tmp_path, case):
    make, data = CASES[case]
    # Each time it goes on from the middle of an epoch, and not of the same one.
    for stop, place in ((13, 12), (21, 20)):
        assert run(make, data, tmp_path, stop, every_steps=4) is None
        newest = checkpoint_files(tmp_path / "state")[0]
        assert newest.name.endswith(f"-step-{place}.state") and place % STEPS
    check_same(untouched_run(case), run(make, data, tmp_path))


def test_a_run_that_has_ended_is_not_trained_again(tmp_path, capsys):
    make, data = CASES["minimax"]
    folder = tmp_path / "state"
    check_same(untouched_run("minimax"), run(make, data, tmp_path))
    before = {f: f.stat().st_mtime_ns for f in checkpoint_files(folder)}
    capsys.readouterr()
    check_same(untouched_run("minimax"), run(make, data, tmp_path, stop=None))
    assert capsys.readouterr().out == f"{tmp_path}: already complete after 24 steps.\n"
    after = {f: f.stat().st_mtime_ns for f in checkpoint_files(folder)}
    assert before and before == after


def test_a_longer_run_goes_on_from_the_end_of_a_shorter(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, epochs=1)
    check_same(untouched_run("minimax"), run(make, data, tmp_path))


def test_arrays_are_gone_through_in_the_same_order(tmp_path):
    def data():
        return resumable.images(10)

    make, _ = CASES["no average"]
    untouched = run(make, data)
    run(make, data, tmp_path, stop=1, every_steps=1)
    check_same(untouched, run(make, data, tmp_path))


def test_unseeded_models_go_on_with_their_seed(tmp_path):
    def data():
        return resumable.images(32)

    def train(stop=None):
        # Python's stream is elsewhere each time, as in another process.
        random.seed(time.time_ns())
        model = resumable.gan(seed=None)
        callbacks = [RunState(folder, 1), *([Stops(stop)] if stop else [])]
        with pytest.raises(RuntimeError) if stop else contextlib.nullcontext():
            model.fit(data(), batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        return model, model.history

    folder = tmp_path / "stopped"
    train(stop=1)
    # From the first state on, without another stop.
    shutil.copytree(folder, tmp_path / "whole")
    train(stop=5)
    resumed = resumable.everything(*train())
    folder = tmp_path / "whole"
    check_same(resumable.everything(*train()), resumed)


class Restarts:
    """A process that forks one that trains for each request."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def start(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def ended(self):
        """Waits, and returns an exit code, or minus the number of a signal."""
        return os.waitstatus_to_exitcode(int(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def restarts():
    restarts = Restarts()
    yield restarts
    restarts.process.stdin.close()
    restarts.process.wait()


def train_alone(restarts, tmp_path, name):
    """Trains without being stopped; returns all that is left, and the seconds."""
    started = time.monotonic()
    restarts.start(name=name, folder=str(tmp_path / "alone"), result=f"{tmp_path}/a")
    assert restarts.ended() == 0
    return dict(np.load(tmp_path / "a.npz")), time.monotonic() - started


def _wait(rng, seconds, folder, until_saved):
    """Waits for a random time of a run, or a little after it has saved."""
    if not until_saved:
        time.sleep(rng.uniform(0.2, 0.8) * seconds)
        return
    # A run that had ended saves no more.
    _wait_for_a_state(folder, checkpoint_files(folder), seconds)
    time.sleep(rng.uniform(0.0, 0.2))


def _wait_for_a_state(folder, before, seconds):
    """Waits until there is another newest state, for so many seconds at most."""
    started = time.monotonic()
    while checkpoint_files(folder) == before:
        if time.monotonic() > started + seconds:
            return
        time.sleep(0.01)


@pytest.mark.parametrize(("name", "kills"), [("gan", 20), ("cyclegan", 5)])
def test_killed_at_any_moment_it_ends_the_same(restarts, tmp_path, name, kills):
    untouched, seconds = train_alone(restarts, tmp_path, name)
    folder = tmp_path / "killed"
    request = dict(name=name, folder=str(folder), every_steps=1, result=f"{tmp_path}/b")
    rng = random.Random(0)
    reached, died_in_save = set(), 0
    for kill in range(kills):
        # Every fifth dies in the middle of saving, on either side of the last byte.
        dies = (2, kill % 2 == 0) if kill % 5 == 4 else None
        pid = restarts.start(**request, dies_in_save=dies)
        if dies is None:
            _wait(rng, seconds, folder / "state", until_saved=kill % 2)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code = restarts.ended()
        assert code in (0, -signal.SIGKILL)
        died_in_save += dies is not None and code == -signal.SIGKILL
        reached |= {file.name for file in checkpoint_files(folder / "state")}
        if code == 0:
            # It came to its end before it was killed: once more from the start.
            check_same(untouched, dict(np.load(tmp_path / "b.npz")))
            folder = tmp_path / f"killed-{kill}"
            request["folder"] = str(folder)
    # Not all were killed before they had done anything, and all saves that had to be
    # interrupted were.
    assert len(reached) >= 4 and died_in_save == kills // 5
    restarts.start(**request)
    assert restarts.ended() == 0
    check_same(untouched, dict(np.load(tmp_path / "b.npz")))
    left = {file.name for file in (folder / "state").iterdir()} - {".lock"}
    assert len(left) == 2 and all(name.endswith(".state") for name in left)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
def test_asked_to_stop_it_saves_and_says_why(restarts, tmp_path, number, code):
    folder = tmp_path / "asked"
    # Only what is saved because of the signal can be gone on from.
    request = dict(
        name="gan", folder=str(folder), result=f"{tmp_path}/b", every_steps=999
    )
    pid = restarts.start(**request, epochs=400)
    _wait_for_a_state(folder / "state", [], resumable.PATIENCE)
    time.sleep(0.5)
    os.kill(pid, number)
    assert restarts.ended() == code
    newest = checkpoint_files(folder / "state")[0]
    _, facts = read_checkpoint(newest)
    place = facts["epoch"] * STEPS + facts["batch"]
    assert 0 < place < 400 * STEPS and place % 999
    assert newest.name.endswith(f"-step-{place}.state")


def test_handlers_of_signals_are_put_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=2)
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert before == after


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_of_a_damaged_state_the_one_before_is_taken(tmp_path, damage, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=14, every_steps=3)
    newest, before = checkpoint_files(tmp_path / "state")
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 3] ^= 1
    else:
        content.clear()
    newest.write_bytes(content)
    capsys.readouterr()
    check_same(untouched_run("minimax"), run(make, data, tmp_path))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{newest} is damaged; the checkpoint before it is used."
    assert f"resuming from step {before.stem.split('-')[-1]}," in said[1]
    assert newest.with_suffix(".damaged").read_bytes() == content


def test_without_a_whole_state_nothing_is_begun_anew(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=1)
    for file in checkpoint_files(tmp_path / "state"):
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="all checkpoints are damaged; expected"):
        run(make, data, tmp_path)


def test_a_full_disk_stops_with_one_sentence_and_loses_nothing(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=2)
    before = {f: f.read_bytes() for f in checkpoint_files(tmp_path / "state")}
    largest = max(map(len, before.values()))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, limits[1]))
    try:
        with pytest.raises(
            OSError, match="checkpoint of step 6 could not be saved"
        ) as e:
            run(make, data, tmp_path, every_steps=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(str(e.value).splitlines()) == 1
    left = checkpoint_files(tmp_path / "state")
    assert {f: f.read_bytes() for f in left} == before
    check_same(untouched_run("minimax"), run(make, data, tmp_path))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"label_noise": 0.3},
            "training has label_noise 0.3, but .* was started with label_noise 0.2;",
        ),
        (
            {"d_optimizer": keras.optimizers.SGD},
            "d_optimizer has .* variables, but the checkpoint",
        ),
        (
            {"g_optimizer": lambda: keras.optimizers.Adam(1e-5, beta_1=0.5)},
            r"training has g_optimizer.config.learning_rate [\d.e-]+, but",
        ),
        ({"ema_decay": 0.5}, "has ema_decay 0.5, but"),
        ({"seed": 5}, "has seed 5, but .* was started with seed 0"),
    ],
)
def test_options_that_are_not_those_of_the_run(tmp_path, options, sentence):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=1)

    def other():
        new = {k: v() if callable(v) else v for k, v in options.items()}
        return resumable.gan(**{"loss_fn": "minimax", "label_noise": 0.2, **new})

    with pytest.raises(ValueError, match=sentence):
        run(other, data, tmp_path)
    if "variables" not in sentence:
        assert run(other, data, tmp_path, strict=False) is not None


def test_another_rate_is_taken_if_asked_for(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=1)
    keras.utils.set_random_seed(0)
    optimizer = keras.optimizers.Adam(0.5, beta_1=0.5)
    model = resumable.gan(loss_fn="minimax", label_noise=0.2, g_optimizer=optimizer)
    state = RunState(tmp_path, strict=False)
    model.fit(data(), epochs=EPOCHS, verbose=0, callbacks=[state])
    assert float(np.asarray(optimizer.learning_rate)) == 0.5
    assert int(np.asarray(optimizer.iterations)) == EPOCHS * STEPS


def test_another_batch_size_is_named(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=1)
    with pytest.raises(
        ValueError,
        match=r"has batch_size 8, steps_per_epoch 4, but .* with batch_size 4, st",
    ):
        run(
            make,
            lambda: tf.data.Dataset.from_tensor_slices(resumable.images(32)).batch(8),
            tmp_path,
        )


def test_data_in_another_order_is_told(tmp_path, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=1)
    capsys.readouterr()
    run(make, lambda: data().map(lambda x: x[::-1]), tmp_path)
    assert "comes in another order" in capsys.readouterr().out


def test_data_that_cannot_be_gone_through_again(tmp_path):
    make, data = CASES["minimax"]

    def endless():
        return data().repeat()

    def generator():
        return iter(data())

    for other, why in ((endless, "unknown length"), (generator, "read only once")):
        with pytest.raises(ValueError, match=why):
            run(make, other, tmp_path)
    assert not checkpoint_files(tmp_path / "state")


def test_endless_data_with_steps_per_epoch(tmp_path):
    def train(stop=None):
        keras.utils.set_random_seed(0)
        model = resumable.gan()
        callbacks = [RunState(tmp_path, 1), *([Stops(stop)] if stop else [])]
        with pytest.raises(RuntimeError) if stop else contextlib.nullcontext():
            history = model.fit(
                resumable.faces().repeat(),
                steps_per_epoch=5,
                epochs=3,
                verbose=0,
                callbacks=callbacks,
            )
            return resumable.everything(model, history)

    train(stop=7)
    resumed = train()
    for file in checkpoint_files(tmp_path / "state"):
        file.unlink()
    check_same(train(), resumed)


def test_what_keras_callbacks_remember_is_kept(tmp_path):
    """A rate that falls on a plateau falls at the same epochs."""

    def program(folder=None, stop=None):
        plateau = keras.callbacks.ReduceLROnPlateau(
            "g_loss", mode="min", patience=1, min_delta=9
        )
        early = keras.callbacks.EarlyStopping(
            "g_loss", mode="min", patience=5, min_delta=9
        )
        make, data = CASES["minimax"]
        kept = run(
            make,
            data,
            folder,
            stop,
            epochs=9,
            callbacks=[plateau, early],
            every_steps=1,
        )
        return kept

    untouched = program(tmp_path / "untouched")
    assert len(untouched["logs g_loss"]) == 6
    program(tmp_path / "x", stop=3 * STEPS + 2)
    check_same(untouched, program(tmp_path / "x"))


@pytest.mark.parametrize("poisoned", [(2, 10, 12), (2, 10, 12, 21)])
def test_a_diagnosis_remembers_how_often_it_went_back(tmp_path, poisoned):
    """Rates of a schedule that it has lowered, too, and what it has found."""
    make, data = CASES["cyclegan"]

    class Poisons(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken in poisoned:
                network = self.model.generator_ab
                network.set_weights([w * np.nan for w in network.get_weights()])

    def program(folder, stop=None):
        watch = Diagnosis(recover=True)
        callbacks = [Poisons(), watch]
        left = run(
            make, data, folder, stop, epochs=4, callbacks=callbacks, every_steps=1
        )
        return left, watch.findings

    untouched, found = program(tmp_path / "untouched")
    assert [finding.step for finding in found] == [step + 1 for step in poisoned]
    endings = [f"({i} of 3 times)" for i in (1, 2, 3)] + ["training stops"]
    program(tmp_path / "x", stop=2 * STEPS + 2)
    left, found_again = program(tmp_path / "x")
    if len(poisoned) == 3:
        # To what it goes back for the last time, the state that it went on from.
        check_same(untouched, left)
    for before, after, ending in zip(found, found_again, endings, strict=False):
        assert (before.kind, before.step) == (after.kind, after.step)
        assert ending in before.sentence and ending in after.sentence
    assert len(found) == len(found_again)


def test_a_callback_of_ones_own_is_remembered(tmp_path):
    class Counts(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1

        def get_state(self):
            return {"batches": self.batches}

        def set_state(self, state):
            self.batches = state["batches"]

    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=STEPS + 3, callbacks=[Counts()], every_steps=1)
    counts = Counts()
    run(make, data, tmp_path, callbacks=[counts])
    assert counts.batches == EPOCHS * STEPS


def test_a_loss_that_is_no_number_is_not_saved(tmp_path):
    make, data = CASES["minimax"]

    class Poisons(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken == 5:
                weights = self.model.generator.get_weights()
                self.model.generator.set_weights([np.nan * w for w in weights])

    run(make, data, tmp_path, epochs=1, callbacks=[Poisons()], every_steps=1)
    values, facts = read_checkpoint(checkpoint_files(tmp_path / "state")[0])
    assert facts["batch"] == 4
    assert all(np.isfinite(value).all() for value in values.values())


def test_the_newest_two_states_are_kept_and_nothing_else(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, every_steps=5)
    names = sorted(file.name for file in (tmp_path / "state").iterdir())
    assert names == [".lock", "000004-step-20.state", "000005-step-24.state"]


def test_how_often_is_a_positive_number():
    with pytest.raises(ValueError, match="every_steps is 0; expected"):
        RunState("x", every_steps=0)


def test_it_changes_nothing(tmp_path):
    make, data = CASES["cyclegan"]
    with_state = run(make, data, tmp_path, every_steps=1)
    assert checkpoint_files(tmp_path / "state")
    check_same(untouched_run("cyclegan"), with_state)


def test_models_of_kerasgan_only():
    keras_model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    keras_model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"RunState .*expected .*kerasgan"):
        keras_model.fit(
            np.zeros((4, 1)), np.zeros((4, 1)), verbose=0, callbacks=[RunState("x")]
        )
    assert kerasgan.callbacks.RunState is RunState


def test_a_rate_that_is_set_at_each_epoch_is_set_once(tmp_path):
    make, data = CASES["minimax"]

    def program(folder=None, stop=None):
        halve = keras.callbacks.LearningRateScheduler(lambda _, rate: rate * 0.5)
        return run(make, data, folder, stop, callbacks=[halve], every_steps=2)

    untouched = program(tmp_path / "untouched")
    for stop in (5, STEPS + 1, 2 * STEPS + 3):
        program(tmp_path / "x", stop)
    check_same(untouched, program(tmp_path / "x"))


def test_the_best_weights_are_kept(tmp_path, capsys):
    """The best epoch is the first, which is before the stop."""
    make, data = CASES["minimax"]

    def program(folder, stop=None):
        early = keras.callbacks.EarlyStopping(
            "g_loss", mode="min", min_delta=9, patience=2, restore_best_weights=True
        )
        return run(make, data, folder, stop, epochs=9, callbacks=[early], every_steps=1)

    untouched = program(tmp_path / "untouched")
    program(tmp_path / "x", stop=2 * STEPS + 3)
    check_same(untouched, program(tmp_path / "x"))
    # The best weights have an earlier step in them, and yet it has ended.
    capsys.readouterr()
    check_same(untouched, program(tmp_path / "x"))
    assert f"already complete after {STEPS} steps" in capsys.readouterr().out


def test_a_training_that_is_stopped_in_an_epoch_has_not_ended(tmp_path):
    """As by a callback that looks at the clock."""
    make, data = CASES["minimax"]

    class Stops(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.steps_taken == STEPS + 3

    left = run(make, data, tmp_path, callbacks=[Stops()], every_steps=99)
    assert len(left["logs g_loss"]) == 2
    check_same(untouched_run("minimax"), run(make, data, tmp_path))


def test_the_same_model_goes_on_with_a_rate_that_was_lowered(tmp_path, capsys):
    """As in a notebook, whose cell is run again."""
    make, data = CASES["minimax"]
    keras.utils.set_random_seed(0)
    model, batches = make(), data()

    def fit(epochs):
        plateau = keras.callbacks.ReduceLROnPlateau(
            "g_loss", mode="min", patience=1, min_delta=9
        )
        callbacks = [plateau, RunState(tmp_path)]
        model.fit(batches, epochs=epochs, verbose=0, callbacks=callbacks)
        return float(model.g_optimizer.learning_rate)

    rate = fit(3)
    assert rate < 1e-5
    assert fit(3) == rate and "already complete" in capsys.readouterr().out
    assert fit(4) < rate and model.steps_taken == 4 * STEPS
    # And in a new process, with the rate that it began with.
    model = make()
    assert fit(4) < rate and "already complete" in capsys.readouterr().out


def test_networks_that_are_built_otherwise_are_named(tmp_path):
    def make(rate):
        return lambda: resumable.gan(loss_fn="minimax", dropout=rate)

    _, data = CASES["minimax"]
    run(make(0.25), data, tmp_path, stop=5, every_steps=1)
    with pytest.raises(
        ValueError,
        match=r"has discriminator\.config\.\S+\.rate 0\.5, but .* \S+\.rate 0\.25;",
    ):
        run(make(0.5), data, tmp_path)
    with pytest.raises(ValueError, match="training has jit_compile True, but"):
        run(
            lambda: resumable.gan("minimax", dropout=0.25, jit_compile=True),
            data,
            tmp_path,
        )
    assert run(make(0.25), data, tmp_path) is not None


def test_from_a_schedule_to_a_rate_if_asked_for(tmp_path):
    _, data = CASES["minimax"]
    decay = kerasgan.schedules.ConstantThenLinearDecay(1e-3, 6, 18)

    def make(rate):
        return lambda: resumable.gan(d_optimizer=keras.optimizers.Adam(rate))

    for one, other in ((decay, 0.25), (0.25, decay)):
        folder = tmp_path / str(one == 0.25)
        run(make(one), data, folder, stop=5, every_steps=1)
        with pytest.raises(ValueError, match=r"d_optimizer\.config\.learning_rate"):
            run(make(other), data, folder)
        assert run(make(other), data, folder, strict=False) is not None


def test_other_versions_are_told(tmp_path, capsys, monkeypatch):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=1)
    module = sys.modules[RunState.__module__]
    monkeypatch.setattr(module, "library_versions", lambda: {"tensorflow": "2.99"})
    capsys.readouterr()
    run(make, data, tmp_path)
    assert "was saved by other versions (kerasgan " in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_the_last_epoch_is_not_lost(tmp_path, number):
    make, data = CASES["minimax"]

    class Asks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for _ in range(2 if number == signal.SIGTERM else 1):
                os.kill(os.getpid(), number)

    kind = SystemExit if number == signal.SIGTERM else KeyboardInterrupt
    with pytest.raises(kind):
        run(make, data, tmp_path, epochs=1, callbacks=[Asks()])
    newest = checkpoint_files(tmp_path / "state")[0]
    assert read_checkpoint(newest)[1]["finished"]


def test_with_other_batches_an_epoch_is_begun_again(tmp_path, capsys):
    make, _ = CASES["minimax"]

    def batches(n):
        return tf.data.Dataset.from_tensor_slices(resumable.images(32)).batch(n)

    run(make, lambda: batches(4), tmp_path, stop=STEPS + 5, every_steps=1)
    capsys.readouterr()
    left = run(make, lambda: batches(16), tmp_path, strict=False)
    assert "epoch 2, batch 1 of 2" in capsys.readouterr().out
    assert len(left["logs g_loss"]) == EPOCHS


def test_a_clean_resume_prints_one_line(tmp_path, capsys):
    """Another data hash, or other versions, would print more."""
    make, data = seekable()
    run(make, data, tmp_path, stop=5, every_steps=4)
    capsys.readouterr()
    run(make, data, tmp_path)
    assert capsys.readouterr().out == (
        f"{tmp_path}: resuming from step 4, epoch 1, batch 5 of {STEPS}.\n"
    )


def seekable(read=None):
    """A program whose data can start at any batch."""
    images = resumable.images(32)

    def rows(numbers):
        if read is not None:
            read.extend(numbers)
        return images[numbers]

    def data():
        def batch(numbers):
            shown = tf.numpy_function(rows, [numbers], tf.float32)
            return tf.ensure_shape(shown, (4, *images.shape[1:]))

        return indexed_batches(batch, 32, 4, shuffle=True, seed=3, drop_remainder=True)

    return resumable.gan, data


def test_a_run_returns_to_its_place_without_reading(tmp_path, capsys):
    untouched = run(*seekable())
    for stop in (2 * STEPS + 3, 2 * STEPS + 5):
        run(*seekable(), tmp_path, stop, every_steps=1)
    read = []
    check_same(untouched, run(*seekable(read), tmp_path))
    # The first batches, which are checked, and what is left to train; batches are read
    # ahead, but not those of two epochs.
    assert len(read) < 2 * 32 + 4 * 20


def test_other_data_is_read_again_and_says_so(tmp_path, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=2 * STEPS + 3, every_steps=1)
    capsys.readouterr()
    run(make, data, tmp_path)
    printed = capsys.readouterr().out
    # 16 batches were looked at before.
    assert "batches again to return to the place in the data." in printed
    assert "/2 " in printed


def test_reading_again_can_be_interrupted(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=2 * STEPS + 6, every_steps=1)

    def asks():
        return (
            data()
            .map(lambda x: tf.numpy_function(ask, [x], x.dtype))
            .map(
                lambda x: tf.ensure_shape(x, (None, resumable.SIDE, resumable.SIDE, 3))
            )
        )

    reads = []

    def ask(x):
        reads.append(1)
        # After the batches that are checked first.
        if len(reads) == 18:
            os.kill(os.getpid(), signal.SIGTERM)
        return x

    before = checkpoint_files(tmp_path / "state")
    with pytest.raises(SystemExit):
        run(make, asks, tmp_path)
    assert checkpoint_files(tmp_path / "state") == before


def poisoned(step):
    class Poisons(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken == step:
                weights = self.model.generator.get_weights()
                self.model.generator.set_weights([np.nan * w for w in weights])
                if self.stops:
                    os.kill(os.getpid(), signal.SIGTERM)

    callback = Poisons()
    callback.stops = False
    return callback


def test_a_run_that_is_not_finite_says_that_nothing_is_saved(tmp_path, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, epochs=2, callbacks=[poisoned(5)], every_steps=1)
    told = [x for x in capsys.readouterr().out.splitlines() if "no checkpoint" in x]
    assert told == [
        f"{tmp_path}: values are NaN or infinite at step 5, so no checkpoint is saved "
        "until they are finite."
    ]


def test_a_stop_request_names_the_step_that_will_resume(tmp_path, capsys):
    make, data = CASES["minimax"]
    callback = poisoned(5)
    callback.stops = True
    with pytest.raises(SystemExit):
        run(make, data, tmp_path, callbacks=[callback], every_steps=1)
    assert (
        "stopped at step 5; values are NaN or infinite, so nothing was saved; the same "
        "program resumes from step 4."
    ) in capsys.readouterr().out
    run(make, data, tmp_path)
    assert "resuming from step 4," in capsys.readouterr().out


@pytest.mark.parametrize("hook", ["on_epoch_end", "on_train_end"])
def test_a_callback_that_fails_loses_no_training(tmp_path, hook):
    make, data = CASES["minimax"]

    class Fails(keras.callbacks.Callback):
        """As a picture that cannot be written on a full disk."""

    def fail(*_):
        raise OSError("no space left")

    callback = Fails()
    setattr(callback, hook, fail)
    with pytest.raises(OSError, match="no space left"):
        run(make, data, tmp_path, epochs=1, callbacks=[callback], every_steps=999)
    newest = checkpoint_files(tmp_path / "state")[0]
    assert newest.name.endswith(f"-step-{STEPS}.state")
    left = run(make, data, tmp_path)
    untouched = untouched_run("minimax")
    for name, value in untouched.items():
        if name.startswith("variable"):
            np.testing.assert_array_equal(value, left[name])


def test_the_default_interval(tmp_path, monkeypatch):
    """Saving takes 2 % of the time at most, and 10 seconds pass at least."""
    module = sys.modules[RunState.__module__]
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    saved = []

    def write(folder, step, values, facts):
        saved.append((step, clock[0]))
        clock[0] += costs

    monkeypatch.setattr(module, "write_checkpoint", write)

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            clock[0] += 1.0

    make, data = CASES["minimax"]
    for costs, pause in ((0.001, 10.0), (0.2, 10.0), (0.3, 15.0)):
        clock[0], saved[:] = 0.0, []
        run(make, data, tmp_path / str(costs), epochs=6, callbacks=[Clock()])
        (_, first), *more, (last, _) = saved
        assert first == 0.0 and last == 6 * STEPS
        times = [first, *(when for _, when in more)]
        gaps = np.diff(times) - costs
        assert len(gaps) >= 2 and gaps.min() >= pause and gaps.max() < pause + 2.0
