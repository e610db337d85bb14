"""A run that is stopped and resumed ends like an uninterrupted run."""

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
from kerasgan.training import compatibility
from kerasgan.training.checkpoints import (
    checkpoint_files,
    locked_folder,
    read_checkpoint,
)

PROGRAM = pathlib.Path(__file__).with_name("resumable.py")
spec = importlib.util.spec_from_file_location("resumable", PROGRAM)
resumable = importlib.util.module_from_spec(spec)
spec.loader.exec_module(resumable)

STEPS = 8
EPOCHS = 3


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch):
    """Skips syncing to disk: these tests kill processes, not machines."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(autouse=True)
def _deterministic_ops():
    # Otherwise some operations may sum in a different order on a busy machine.
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()


class StopAtStep(keras.callbacks.Callback):
    """Raises an error after a training step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        # With steps_per_execution, one call takes several steps.
        if self.model.steps_taken >= self.step:
            raise RuntimeError("stopped")


def run(
    make,
    data,
    folder=None,
    stop=None,
    epochs=EPOCHS,
    callbacks=(),
    validation_data=None,
    **options,
):
    """Runs a program and returns its results, or None if it was stopped."""
    keras.utils.set_random_seed(0)
    model, data = make(), data()
    callbacks = list(callbacks)
    if folder is not None:
        callbacks.append(RunState(folder, **options))
    if stop is not None:
        callbacks.append(StopAtStep(stop))
    stopped = pytest.raises(RuntimeError, match="stopped")
    with stopped if stop else contextlib.nullcontext():
        history = model.fit(
            data,
            epochs=epochs,
            verbose=0,
            callbacks=callbacks,
            validation_data=validation_data,
        )
        return resumable.training_results(model, history)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def program_of(name, **options):
    make, data = resumable.PROGRAMS[name]
    return functools.partial(make, **options), data


@functools.cache
def uninterrupted_run(case):
    return run(*CASES[case])


KERAS_LOSS = keras.losses.BinaryCrossentropy
CASES = {
    "minimax": program_of("gan", loss_fn="minimax", label_noise=0.2),
    "keras loss, gradient penalty, several updates": program_of(
        "gan",
        loss_fn=lambda: KERAS_LOSS(from_logits=True),
        penalties=["gradient_penalty"],
        discriminator_steps=2,
    ),
    "no average": program_of("gan", loss_fn="least_squares", ema_decay=None),
    "steps_per_execution": program_of("gan", steps_per_execution=4),
    "cyclegan": program_of("cyclegan", identity_weight=(2.0, 0.0), label_noise=0.1),
    "cyclegan with r1, without pool": program_of(
        "cyclegan", penalties=["r1"], pool_size=0, ema_decay=None
    ),
}
if compat.KERAS_3:
    # In Keras 2, the random state of layers cannot be saved.
    CASES["dropout"] = program_of("gan", dropout=0.5)


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory):
    """Function that copies a run stopped at step 5 into a folder.

    It returns the program: a function that builds the model, and one that builds data.
    """
    folder = tmp_path_factory.mktemp("stopped")
    run(*CASES["minimax"], folder, stop=5, every_steps=1)

    def copy(target):
        shutil.copytree(folder, target, dirs_exist_ok=True)
        return CASES["minimax"]

    return copy


# The other cases differ in what they train, not in how they resume.
FAST = ("minimax",)
TWICE = ("minimax", "cyclegan")
BOTH_LANES = ("minimax", "cyclegan", "dropout", "steps_per_execution")


def marks_of(case):
    return [
        *([] if case in FAST else [pytest.mark.slow]),
        *([] if case in BOTH_LANES else [pytest.mark.keras3_lane]),
    ]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=marks_of(case)) for case in CASES],
)
def test_resumed_run_equals_uninterrupted_run(tmp_path, case):
    make, data = CASES[case]
    # Runs resume in the middle of an epoch, some of them twice.
    for stop, saved_step in ((13, 12), (21, 20))[: 1 + (case in TWICE)]:
        assert run(make, data, tmp_path, stop, every_steps=4) is None
        newest = checkpoint_files(tmp_path / "state")[0]
        assert newest.name.endswith(f"-step-{saved_step}.state") and saved_step % STEPS
    assert_same(uninterrupted_run(case), run(make, data, tmp_path))


def test_finished_run_is_not_trained_again(tmp_path, capsys):
    make, data = CASES["minimax"]
    folder = tmp_path / "state"
    assert_same(uninterrupted_run("minimax"), run(make, data, tmp_path))
    before = {f: f.stat().st_mtime_ns for f in checkpoint_files(folder)}
    capsys.readouterr()
    assert_same(uninterrupted_run("minimax"), run(make, data, tmp_path, stop=None))
    assert capsys.readouterr().out == f"{tmp_path}: already complete after 24 steps.\n"
    after = {f: f.stat().st_mtime_ns for f in checkpoint_files(folder)}
    assert before and before == after


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_finished_run_continues_with_more_epochs(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, epochs=1)
    assert_same(uninterrupted_run("minimax"), run(make, data, tmp_path))


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_resumed_run_keeps_shuffle_order_of_arrays(tmp_path):
    def data():
        return resumable.images(10)

    make, _ = CASES["no average"]
    uninterrupted = run(make, data)
    run(make, data, tmp_path, stop=1, every_steps=1)
    assert_same(uninterrupted, run(make, data, tmp_path))


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_resumed_run_keeps_seed_of_unseeded_model(tmp_path):
    def data():
        return resumable.images(32)

    def train(stop=None):
        # Python's random state differs each time, as in another process.
        random.seed(time.time_ns())
        model = resumable.gan(seed=None)
        callbacks = [RunState(folder, 1), *([StopAtStep(stop)] if stop else [])]
        with pytest.raises(RuntimeError) if stop else contextlib.nullcontext():
            model.fit(data(), batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        return model, model.history

    folder = tmp_path / "stopped"
    train(stop=1)
    # Continue from the first checkpoint without another stop.
    shutil.copytree(folder, tmp_path / "whole")
    train(stop=5)
    resumed = resumable.training_results(*train())
    folder = tmp_path / "whole"
    assert_same(resumable.training_results(*train()), resumed)


class ForkServer:
    """A process that forks a training process for each request."""

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

    def wait(self):
        """Waits for the process and returns its exit code, negative for a signal."""
        return os.waitstatus_to_exitcode(int(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def fork_server():
    server = ForkServer()
    yield server
    server.process.stdin.close()
    server.process.wait()


def train_uninterrupted(fork_server, tmp_path, name):
    """Trains without a stop; returns the results and the time in seconds."""
    started = time.monotonic()
    fork_server.start(name=name, folder=str(tmp_path / "alone"), result=f"{tmp_path}/a")
    assert fork_server.wait() == 0
    return dict(np.load(tmp_path / "a.npz")), time.monotonic() - started


def _wait_before_kill(rng, seconds, folder, pid, until_saved):
    """Waits for a random part of a run, or until shortly after a save."""
    if not until_saved:
        time.sleep(rng.uniform(0.2, 0.8) * seconds)
        return
    _wait_for_checkpoint(folder, checkpoint_files(folder), pid)
    time.sleep(rng.uniform(0.0, 0.2))


def _wait_for_checkpoint(folder, before, pid):
    """Waits until there is a newer checkpoint, or the process has ended."""
    with contextlib.suppress(ProcessLookupError):
        while checkpoint_files(folder) == before:
            os.kill(pid, 0)
            time.sleep(0.01)


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize(("name", "kills"), [("gan", 6), ("cyclegan", 4)])
def test_killed_run_equals_uninterrupted_run(fork_server, tmp_path, name, kills):
    uninterrupted, seconds = train_uninterrupted(fork_server, tmp_path, name)
    folder = tmp_path / "killed"
    request = dict(name=name, folder=str(folder), every_steps=1, result=f"{tmp_path}/b")
    rng = random.Random(0)
    reached, killed_in_save = set(), 0
    for kill in range(kills):
        # Every third run is killed in a save, before or after its last byte in turn.
        kill_in_save = (2, kill % 2 == 0) if kill % 3 == 2 else None
        pid = fork_server.start(**request, kill_in_save=kill_in_save)
        if kill_in_save is None:
            _wait_before_kill(rng, seconds, folder / "state", pid, kill % 2)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code = fork_server.wait()
        reached |= set(checkpoint_files(folder / "state"))
        if code == 0:
            # It finished before it was killed, so start a new run.
            assert_same(uninterrupted, dict(np.load(tmp_path / "b.npz")))
            folder = tmp_path / f"killed-{kill}"
            request["folder"] = str(folder)
            if kill_in_save is not None:
                fork_server.start(**request, kill_in_save=kill_in_save)
                code = fork_server.wait()
        assert code in (0, -signal.SIGKILL)
        killed_in_save += kill_in_save is not None and code == -signal.SIGKILL
    # Some of the runs made progress, and all planned kills in a save happened.
    assert len(reached) > kills // 2 and killed_in_save == kills // 3
    fork_server.start(**request)
    assert fork_server.wait() == 0
    assert_same(uninterrupted, dict(np.load(tmp_path / "b.npz")))
    names = {file.name for file in (folder / "state").iterdir()} - {".lock"}
    assert len(names) == 2 and all(name.endswith(".state") for name in names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
def test_signal_saves_checkpoint_and_sets_exit_code(
    fork_server, tmp_path, number, code
):
    folder = tmp_path / "asked"
    # The interval is so long that only the signal can save at another step.
    request = dict(
        name="gan", folder=str(folder), result=f"{tmp_path}/b", every_steps=999
    )
    pid = fork_server.start(**request, epochs=400)
    _wait_for_checkpoint(folder / "state", [], pid)
    time.sleep(0.5)
    os.kill(pid, number)
    assert fork_server.wait() == code
    newest = checkpoint_files(folder / "state")[0]
    _, metadata = read_checkpoint(newest)
    step = metadata["epoch"] * STEPS + metadata["batch"]
    assert 0 < step < 400 * STEPS and step % 999
    assert newest.name.endswith(f"-step-{step}.state")


def test_folder_is_locked_during_training(tmp_path):
    class TriesToHold(keras.callbacks.Callback):
        tries = 0

        def on_train_batch_end(self, batch, logs=None):
            self.tries += 1
            with pytest.raises(OSError, match="another process is training"):
                with locked_folder(tmp_path / "state"):
                    pass

    make, _ = program_of("gan", run_eagerly=True)
    tries = TriesToHold()
    run(make, lambda: resumable.images(8), tmp_path, epochs=2, callbacks=[tries])
    assert tries.tries == 2
    with locked_folder(tmp_path / "state"):
        pass


@pytest.mark.slow
def test_signal_handlers_are_restored(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=2)
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert before == after


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        "cut",
        pytest.param("flipped", marks=pytest.mark.slow),
        pytest.param("empty", marks=pytest.mark.slow),
    ],
)
def test_damaged_checkpoint_falls_back_to_previous_one(tmp_path, damage, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=14, every_steps=3)
    newest, previous = checkpoint_files(tmp_path / "state")
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 3] ^= 1
    else:
        content.clear()
    newest.write_bytes(content)
    capsys.readouterr()
    assert_same(uninterrupted_run("minimax"), run(make, data, tmp_path))
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{newest} is damaged; the checkpoint before it is used."
    assert f"resuming from step {previous.stem.split('-')[-1]}," in printed[1]
    assert newest.with_suffix(".damaged").read_bytes() == content


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_all_checkpoints_damaged_raises(tmp_path, stopped_run):
    make, data = stopped_run(tmp_path)
    for file in checkpoint_files(tmp_path / "state"):
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="all checkpoints are damaged; expected"):
        run(make, data, tmp_path)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_full_disk_raises_one_line_and_loses_no_checkpoint(tmp_path):
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
    remaining = checkpoint_files(tmp_path / "state")
    assert {f: f.read_bytes() for f in remaining} == before
    assert_same(uninterrupted_run("minimax"), run(make, data, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
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
def test_changed_options_raise(tmp_path, options, message, stopped_run):
    _, data = stopped_run(tmp_path)

    def other():
        new = {k: v() if callable(v) else v for k, v in options.items()}
        return resumable.gan(**{"loss_fn": "minimax", "label_noise": 0.2, **new})

    with pytest.raises(ValueError, match=message):
        run(other, data, tmp_path)
    if "variables" not in message:
        assert run(other, data, tmp_path, strict=False) is not None


@pytest.mark.slow
def test_changed_learning_rate_is_used_without_strict(tmp_path, stopped_run):
    _, data = stopped_run(tmp_path)
    keras.utils.set_random_seed(0)
    optimizer = keras.optimizers.Adam(0.5, beta_1=0.5)
    model = resumable.gan(loss_fn="minimax", label_noise=0.2, g_optimizer=optimizer)
    state = RunState(tmp_path, strict=False)
    model.fit(data(), epochs=EPOCHS, verbose=0, callbacks=[state])
    assert float(np.asarray(optimizer.learning_rate)) == 0.5
    assert int(np.asarray(optimizer.iterations)) == EPOCHS * STEPS


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_changed_batch_size_raises(tmp_path, stopped_run):
    make, _ = stopped_run(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"has batch_size 8, steps_per_epoch 4, but .* with batch_size 4, st",
    ):
        run(
            make,
            lambda: tf.data.Dataset.from_tensor_slices(resumable.images(32)).batch(8),
            tmp_path,
        )


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_changed_data_order_is_reported(tmp_path, capsys, stopped_run):
    make, data = stopped_run(tmp_path)
    capsys.readouterr()
    run(make, lambda: data().map(lambda x: x[::-1]), tmp_path)
    assert "comes in another order" in capsys.readouterr().out


def test_data_that_cannot_be_replayed_raises(tmp_path):
    make, data = CASES["minimax"]

    def infinite():
        return data().repeat()

    def generator():
        return iter(data())

    for other, message in ((infinite, "unknown length"), (generator, "read only once")):
        with pytest.raises(ValueError, match=message):
            run(make, other, tmp_path)
    assert not checkpoint_files(tmp_path / "state")


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_resumed_run_with_infinite_data_and_steps_per_epoch(tmp_path):
    def train(stop=None):
        keras.utils.set_random_seed(0)
        model = resumable.gan()
        callbacks = [RunState(tmp_path, 1), *([StopAtStep(stop)] if stop else [])]
        with pytest.raises(RuntimeError) if stop else contextlib.nullcontext():
            history = model.fit(
                resumable.faces().repeat(),
                steps_per_epoch=5,
                epochs=3,
                verbose=0,
                callbacks=callbacks,
            )
            return resumable.training_results(model, history)

    train(stop=7)
    resumed = train()
    for file in checkpoint_files(tmp_path / "state"):
        file.unlink()
    assert_same(train(), resumed)


@pytest.mark.slow
def test_state_of_keras_callbacks_is_restored(tmp_path):
    """The learning rate drops at the same epochs as in an uninterrupted run."""

    def program(folder=None, stop=None):
        plateau = keras.callbacks.ReduceLROnPlateau(
            "g_loss", mode="min", patience=1, min_delta=9
        )
        early = keras.callbacks.EarlyStopping(
            "g_loss", mode="min", patience=5, min_delta=9
        )
        make, data = CASES["minimax"]
        results = run(
            make,
            data,
            folder,
            stop,
            epochs=9,
            callbacks=[plateau, early],
            every_steps=1,
        )
        return results

    uninterrupted = program(tmp_path / "uninterrupted")
    assert len(uninterrupted["logs g_loss"]) == 6
    program(tmp_path / "x", stop=3 * STEPS + 2)
    assert_same(uninterrupted, program(tmp_path / "x"))


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("nan_steps", [(2, 10, 12), (2, 10, 12, 21)])
def test_state_of_diagnosis_is_restored(tmp_path, nan_steps):
    """Restores lowered scheduled rates, the number of recoveries and the findings."""

    def make():
        model = resumable.gan()
        schedule = kerasgan.schedules.ConstantThenLinearDecay
        model.compile(*(keras.optimizers.Adam(schedule(1e-3, 6, 18)) for _ in range(2)))
        return model

    class SetNanWeights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken in nan_steps:
                network = self.model.generator
                network.set_weights([w * np.nan for w in network.get_weights()])

    def program(folder, stop=None):
        diagnosis = Diagnosis(recover=True)
        callbacks = [SetNanWeights(), diagnosis]
        results = run(
            make,
            resumable.faces,
            folder,
            stop,
            epochs=4,
            callbacks=callbacks,
            every_steps=1,
        )
        return results, diagnosis.findings

    uninterrupted, found = program(tmp_path / "uninterrupted")
    assert [finding.step for finding in found] == [step + 1 for step in nan_steps]
    endings = [f"(recovery {i} of 3)" for i in (1, 2, 3)] + ["training stops"]
    program(tmp_path / "x", stop=2 * STEPS + 2)
    results, found_again = program(tmp_path / "x")
    if len(nan_steps) == 3:
        # After a fourth failure, the restored weights depend on where the run resumed.
        assert_same(uninterrupted, results)
    for before, after, ending in zip(found, found_again, endings, strict=False):
        assert (before.kind, before.step) == (after.kind, after.step)
        assert ending in before.sentence and ending in after.sentence
    assert len(found) == len(found_again)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_state_of_custom_callback_is_restored(tmp_path):
    class BatchCounter(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1

        def get_state(self):
            return {"batches": self.batches}

        def set_state(self, state):
            self.batches = state["batches"]

    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=STEPS + 3, callbacks=[BatchCounter()], every_steps=1)
    counter = BatchCounter()
    run(make, data, tmp_path, callbacks=[counter])
    assert counter.batches == EPOCHS * STEPS


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_nan_weights_are_not_saved(tmp_path):
    make, data = CASES["minimax"]

    class SetNanWeights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken == 5:
                weights = self.model.generator.get_weights()
                self.model.generator.set_weights([np.nan * w for w in weights])

    run(make, data, tmp_path, epochs=1, callbacks=[SetNanWeights()], every_steps=1)
    values, metadata = read_checkpoint(checkpoint_files(tmp_path / "state")[0])
    assert metadata["batch"] == 4
    assert all(np.isfinite(value).all() for value in values.values())


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_only_two_newest_checkpoints_are_kept(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, every_steps=5)
    names = sorted(file.name for file in (tmp_path / "state").iterdir())
    assert names == [".lock", "000004-step-20.state", "000005-step-24.state"]


def test_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert RunState("~/run").folder == tmp_path / "run" / "state"


def test_invalid_every_steps_raises():
    with pytest.raises(ValueError, match="every_steps is 0; expected"):
        RunState("x", every_steps=0)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_run_state_does_not_change_training(tmp_path):
    make, data = CASES["cyclegan"]
    with_state = run(make, data, tmp_path, every_steps=1)
    assert checkpoint_files(tmp_path / "state")
    assert_same(uninterrupted_run("cyclegan"), with_state)


def test_keras_model_raises():
    keras_model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    keras_model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"RunState .*expected .*kerasgan"):
        keras_model.fit(
            np.zeros((4, 1)), np.zeros((4, 1)), verbose=0, callbacks=[RunState("x")]
        )
    assert kerasgan.callbacks.RunState is RunState


@pytest.mark.slow
def test_learning_rate_scheduler_is_applied_once_per_epoch(tmp_path):
    make, data = CASES["minimax"]

    def program(folder=None, stop=None):
        halve = keras.callbacks.LearningRateScheduler(lambda _, rate: rate * 0.5)
        return run(make, data, folder, stop, callbacks=[halve], every_steps=2)

    uninterrupted = program(tmp_path / "uninterrupted")
    # In the middle and at the start of an epoch.
    for stop in (5, 2 * STEPS + 1):
        program(tmp_path / "x", stop)
    assert_same(uninterrupted, program(tmp_path / "x"))


@pytest.mark.slow
def test_best_weights_of_early_stopping_are_restored(tmp_path, capsys):
    """The best epoch is the first one, before the stop."""
    make, data = CASES["minimax"]

    def program(folder, stop=None):
        early = keras.callbacks.EarlyStopping(
            "g_loss", mode="min", min_delta=9, patience=2, restore_best_weights=True
        )
        return run(make, data, folder, stop, epochs=9, callbacks=[early], every_steps=1)

    uninterrupted = program(tmp_path / "uninterrupted")
    program(tmp_path / "x", stop=2 * STEPS + 3)
    assert_same(uninterrupted, program(tmp_path / "x"))
    # The best weights are those of an earlier step, but the run is finished.
    capsys.readouterr()
    assert_same(uninterrupted, program(tmp_path / "x"))
    assert f"already complete after {STEPS} steps" in capsys.readouterr().out


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_run_stopped_within_epoch_is_resumed(tmp_path):
    """For example by a callback with a time limit."""
    make, data = CASES["minimax"]

    class StopTraining(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.steps_taken == STEPS + 3

    results = run(make, data, tmp_path, callbacks=[StopTraining()], every_steps=99)
    assert len(results["logs g_loss"]) == 2
    assert_same(uninterrupted_run("minimax"), run(make, data, tmp_path))


@pytest.mark.slow
def test_same_model_continues_with_lowered_rate(tmp_path, capsys):
    """As in a notebook, when a cell is run again."""
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
    # A new process starts with the initial rate.
    model = make()
    assert fit(4) < rate and "already complete" in capsys.readouterr().out


@pytest.mark.slow
def test_changed_network_raises(tmp_path):
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


@pytest.mark.slow
def test_schedule_and_constant_rate_are_interchangeable_without_strict(tmp_path):
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


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_changed_library_versions_are_reported(
    tmp_path, capsys, monkeypatch, stopped_run
):
    make, data = stopped_run(tmp_path)
    monkeypatch.setattr(
        compatibility, "library_versions", lambda: {"tensorflow": "2.99"}
    )
    capsys.readouterr()
    run(make, data, tmp_path)
    assert "was saved by other versions (kerasgan " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_in_last_epoch_is_not_lost(tmp_path, number):
    make, data = CASES["minimax"]

    class SendSignal(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for _ in range(2 if number == signal.SIGTERM else 1):
                os.kill(os.getpid(), number)

    error = SystemExit if number == signal.SIGTERM else KeyboardInterrupt
    with pytest.raises(error):
        run(make, data, tmp_path, epochs=1, callbacks=[SendSignal()])
    newest = checkpoint_files(tmp_path / "state")[0]
    assert read_checkpoint(newest)[1]["finished"]


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_changed_batch_size_restarts_epoch_without_strict(tmp_path, capsys):
    make, _ = CASES["minimax"]

    def batches(n):
        return tf.data.Dataset.from_tensor_slices(resumable.images(32)).batch(n)

    run(make, lambda: batches(4), tmp_path, stop=STEPS + 5, every_steps=1)
    capsys.readouterr()
    results = run(make, lambda: batches(16), tmp_path, strict=False)
    assert "epoch 2, batch 1 of 2" in capsys.readouterr().out
    assert len(results["logs g_loss"]) == EPOCHS


@pytest.mark.parametrize(
    "kind",
    [
        "indexed",
        pytest.param("read again", marks=[pytest.mark.slow, pytest.mark.keras3_lane]),
    ],
)
def test_resume_prints_one_line(tmp_path, capsys, kind):
    """A changed data hash or library version would print more."""
    make, data = indexed_program() if kind == "indexed" else CASES["minimax"]
    run(make, data, tmp_path, stop=5, every_steps=4)
    capsys.readouterr()
    run(make, data, tmp_path)
    assert capsys.readouterr().out == (
        f"{tmp_path}: resuming from step 4, epoch 1, batch 5 of {STEPS}.\n"
    )


def indexed_program(read=None):
    """Returns a program whose data can start at any batch."""
    images = resumable.images(32)

    def rows(numbers):
        if read is not None:
            read.extend(numbers)
        return images[numbers]

    def data():
        def batch(numbers):
            rows_read = tf.numpy_function(rows, [numbers], tf.float32)
            return tf.ensure_shape(rows_read, (4, *images.shape[1:]))

        return indexed_batches(batch, 32, 4, shuffle=True, seed=3, drop_remainder=True)

    return resumable.gan, data


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_indexed_data_is_resumed_without_replay(tmp_path, capsys):
    uninterrupted = run(*indexed_program())
    for stop in (2 * STEPS + 3, 2 * STEPS + 5):
        run(*indexed_program(), tmp_path, stop, every_steps=1)
    read = []
    assert_same(uninterrupted, run(*indexed_program(read), tmp_path))
    # The data check, the remaining steps and prefetching read batches, but the two
    # finished epochs are not read again.
    assert len(read) < 2 * 32 + 4 * 20


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_replay_of_other_data_is_reported(tmp_path, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=2 * STEPS + 3, every_steps=1)
    capsys.readouterr()
    run(make, data, tmp_path)
    printed = capsys.readouterr().out
    # The data check has read 16 of the 18 batches.
    assert "batches again to reach the position where the run stopped." in printed
    assert "2/2" in printed


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_replay_can_be_interrupted(tmp_path):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, stop=2 * STEPS + 6, every_steps=1)

    def signaling_data():
        return (
            data()
            .map(lambda x: tf.numpy_function(send_signal, [x], x.dtype))
            .map(
                lambda x: tf.ensure_shape(x, (None, resumable.SIDE, resumable.SIDE, 3))
            )
        )

    reads = []

    def send_signal(x):
        reads.append(1)
        # Past the batches that the data check reads.
        if len(reads) == 18:
            os.kill(os.getpid(), signal.SIGTERM)
        return x

    before = checkpoint_files(tmp_path / "state")
    with pytest.raises(SystemExit):
        run(make, signaling_data, tmp_path)
    assert checkpoint_files(tmp_path / "state") == before


def nan_weights_at(step):
    class SetNanWeights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken == step:
                weights = self.model.generator.get_weights()
                self.model.generator.set_weights([np.nan * w for w in weights])
                if self.send_signal:
                    os.kill(os.getpid(), signal.SIGTERM)

    callback = SetNanWeights()
    callback.send_signal = False
    return callback


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_each_episode_of_nan_values_is_reported(tmp_path, capsys):
    make, data = CASES["no average"]

    class Overflow(keras.callbacks.Callback):
        """A metric is infinite after some steps, and finite in the next epoch."""

        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps_taken in (3, STEPS + 3):
                self.model.means["g_loss"].update_state(np.inf)

    run(make, data, tmp_path, epochs=3, callbacks=[Overflow()], every_steps=1)
    printed = capsys.readouterr().out
    assert printed.count("values are NaN or infinite") == 2
    assert f"infinite at step {STEPS + 3}," in printed


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_nan_weights_are_reported_once(tmp_path, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, epochs=2, callbacks=[nan_weights_at(5)], every_steps=1)
    lines = [x for x in capsys.readouterr().out.splitlines() if "no checkpoint" in x]
    assert lines == [
        f"{tmp_path}: values are NaN or infinite at step 5, so no checkpoint is saved "
        "until they are finite."
    ]


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_signal_after_nan_weights_reports_step_to_resume_from(tmp_path, capsys):
    make, data = CASES["minimax"]
    callback = nan_weights_at(5)
    callback.send_signal = True
    with pytest.raises(SystemExit):
        run(make, data, tmp_path, callbacks=[callback], every_steps=1)
    assert (
        "stopped at step 5; values are NaN or infinite, so nothing was saved; training "
        "resumes from step 4."
    ) in capsys.readouterr().out
    run(make, data, tmp_path)
    assert "resuming from step 4," in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    "hook",
    [
        "on_epoch_end",
        "on_train_end",
        # Validation itself may fail as well, for example in a metric.
        "on_test_begin",
    ],
)
def test_failing_callback_loses_no_training(tmp_path, hook):
    make, data = CASES["minimax"]

    class Fails(keras.callbacks.Callback):
        """For example, an image cannot be written because the disk is full."""

    def fail(*_):
        raise OSError("no space left")

    callback = Fails()
    setattr(callback, hook, fail)
    validation = data() if hook == "on_test_begin" else None
    with pytest.raises(OSError, match="no space left"):
        run(
            make,
            data,
            tmp_path,
            # The others fail in the first epoch.
            epochs=1 if hook == "on_train_end" else EPOCHS,
            callbacks=[callback],
            validation_data=validation,
            every_steps=999,
        )
    newest = checkpoint_files(tmp_path / "state")[0]
    assert newest.name.endswith(f"-step-{STEPS}.state")
    results = run(make, data, tmp_path)
    uninterrupted = uninterrupted_run("minimax")
    for name, value in uninterrupted.items():
        if name.startswith("logs"):
            # Those of the epoch whose end failed may be lost.
            assert len(results[name]) >= EPOCHS - 1
            value = value[-len(results[name]) :]
        np.testing.assert_array_equal(value, results[name], err_msg=name)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_run_that_fails_after_early_stopping_is_finished(tmp_path, capsys):
    make, data = averaging_gan, resumable.faces

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    class Fails(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        run(make, data, tmp_path / "x", callbacks=[Stop(), Fails()])
    resumed = run(make, data, tmp_path / "x", callbacks=[Stop()])
    assert "already complete" in capsys.readouterr().out
    expected = run(make, data, tmp_path / "whole", callbacks=[Stop()])
    for name, value in expected.items():
        if name.startswith("variable"):
            np.testing.assert_array_equal(value, resumed[name], err_msg=name)


class FailsAfter(keras.callbacks.Callback):
    """Fails after an epoch, for example because the disk is full."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise OSError("no space left")


def averaging_gan():
    """A GAN whose generator's optimizer averages the weights."""
    model = resumable.gan()
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model.compile(keras.optimizers.SGD(0.1), optimizer)
    return model


def swap_generator():
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    return kerasgan.callbacks.ForOptimizer(swap, "generator")


needs_swap = pytest.mark.skipif(
    not hasattr(keras.callbacks, "SwapEMAWeights"), reason="Keras 2 does not have it"
)


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize(
    "swaps", [pytest.param(True, marks=needs_swap), False], ids=["swap", "plain"]
)
def test_run_that_failed_at_its_end_is_finished(tmp_path, capsys, swaps):
    def program(folder, *callbacks):
        swap = [swap_generator()] if swaps else []
        callbacks = [*swap, *callbacks]
        return run(
            averaging_gan, resumable.faces, folder, epochs=2, callbacks=callbacks
        )

    with pytest.raises(OSError, match="no space left"):
        program(tmp_path / "x", FailsAfter(1))
    expected, resumed = program(tmp_path / "whole"), program(tmp_path / "x")
    for name, value in expected.items():
        if name.startswith("variable"):
            np.testing.assert_array_equal(value, resumed[name], err_msg=name)
    assert "already complete" in capsys.readouterr().out


@pytest.mark.slow
@needs_swap
def test_training_that_stops_early_ends_with_averages(tmp_path):
    keras.utils.set_random_seed(0)
    model = averaging_gan()
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(model.generator.get_weights())
            self.model.stop_training = len(seen) == 3

    callbacks = [swap_generator(), Stop()]
    model.fit(resumable.faces(), epochs=9, verbose=0, callbacks=callbacks)
    assert len(seen) == 3
    average = seen[0]
    for step in seen[1:]:
        average = [0.5 * a + 0.5 * w for a, w in zip(average, step, strict=True)]
    trained = [v.path for v in model.generator.trainable_variables]
    for variable, a in zip(model.generator.weights, average, strict=True):
        if variable.path in trained:
            np.testing.assert_allclose(np.array(variable), a, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@needs_swap
def test_failing_callback_leaves_no_averages_in_the_checkpoint(tmp_path):
    def saved(name, *callbacks):
        callbacks = [*callbacks, FailsAfter(0)]
        with pytest.raises(OSError, match="no space left"):
            run(averaging_gan, resumable.faces, tmp_path / name, callbacks=callbacks)
        (values, _) = read_checkpoint(checkpoint_files(tmp_path / name / "state")[0])
        return values

    swapped = saved("swap", swap_generator())
    for name, value in saved("plain").items():
        np.testing.assert_allclose(value, swapped[name], atol=1e-6)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_default_save_interval(tmp_path, monkeypatch):
    """Saving takes at most 2 % of the time, at intervals of at least 10 seconds."""
    module = sys.modules[RunState.__module__]
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    saved = []

    def write(folder, step, values, metadata):
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


class WithoutConfig(keras.layers.Layer):
    """A layer that Keras cannot save."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        raise NotImplementedError("this layer has no config")


@pytest.mark.parametrize("kind", ["run_state", "checkpoint"])
def test_networks_that_cannot_be_saved_are_found_before_the_first_step(tmp_path, kind):
    generator = resumable.gan().generator
    critic = keras.Sequential(
        [
            keras.Input((resumable.SIDE, resumable.SIDE, 3)),
            WithoutConfig(2.0),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model = kerasgan.GAN(critic, generator, seed=0)
    model.compile()
    saves = {
        "run_state": RunState(tmp_path),
        "checkpoint": keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras")),
    }[kind]
    with pytest.raises(ValueError, match=r"discriminator .* cannot be saved \(NotImpl"):
        model.fit(resumable.faces(), callbacks=[saves], verbose=0)
    assert model.steps_taken == 0


def test_model_whose_config_cannot_be_saved_raises(tmp_path):
    class Tagged(kerasgan.GAN):
        def get_config(self):
            return {**super().get_config(), "tag": object()}

    inner = resumable.gan()
    model = Tagged(inner.discriminator, inner.generator, seed=0)
    model.compile()
    with pytest.raises(ValueError, match="model 'gan' has a configuration that cannot"):
        model.fit(resumable.faces(), callbacks=[RunState(tmp_path)], verbose=0)
    assert model.steps_taken == 0


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_complete_run_reads_no_data_again(tmp_path, capsys):
    make, data = CASES["minimax"]
    run(make, data, tmp_path, epochs=1)
    capsys.readouterr()
    run(make, data, tmp_path, epochs=1)
    assert capsys.readouterr().out == (
        f"{tmp_path}: already complete after {STEPS} steps.\n"
    )


@pytest.mark.slow
def test_averages_of_an_optimizer_do_not_change_a_resumed_run(tmp_path):
    """Weights are overwritten at the end of training only, and once."""
    _, data = CASES["minimax"]

    def make():
        return resumable.gan(
            g_optimizer=keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.5)
        )

    class StopsTraining(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.model.steps_taken == STEPS + 3

    uninterrupted = run(make, data, tmp_path / "whole")
    run(make, data, tmp_path / "x", callbacks=[StopsTraining()], every_steps=99)
    assert_same(uninterrupted, run(make, data, tmp_path / "x"))
    assert_same(uninterrupted, run(make, data, tmp_path / "whole"))
