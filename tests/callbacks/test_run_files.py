"""Which files of a folder a training continues, rewrites, or leaves alone."""

import csv
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.callbacks import LossCurves, RunState, SampleGrid

STEPS = 2


@pytest.fixture(autouse=True)
def _fast_plots(monkeypatch):
    """Writes the rows of a plot in place of the plot, which takes long to draw."""

    class Figure:
        def __init__(self, curves):
            self.rows = curves.rows

        def savefig(self, file, **options):
            file.write(repr(self.rows).encode())

    monkeypatch.setattr(LossCurves, "figure", lambda curves: Figure(curves))


@pytest.fixture
def new_gan(small_gan):
    """A function that returns a GAN, always with the same weights."""

    def build():
        keras.utils.set_random_seed(7)
        return small_gan()

    return build


@pytest.fixture
def train(faces):
    """A function that trains a model for epochs of two steps."""
    data = tf.data.Dataset.from_tensor_slices(faces()).batch(8)

    def fit(model, folder, *callbacks, epochs=1, **options):
        own = [SampleGrid(folder, n=4), LossCurves(folder)]
        options = {"verbose": 0, "epochs": epochs, **options}
        return model.fit(data, callbacks=[*own, *callbacks], **options)

    return fit


class Kill(keras.callbacks.Callback):
    """Keeps the files that a process leaves if it is killed after an epoch."""

    def __init__(self, epoch, run, left):
        super().__init__()
        self.epoch, self.run, self.left = epoch, run, left

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            shutil.copytree(self.run, self.left)
            self.model.stop_training = True


@pytest.fixture
def killed(tmp_path, new_gan, train):
    """A function that trains until it is killed, and returns the folder of the run."""

    def fit(epoch, every_steps, run=None):
        run, left = run or tmp_path / "killed", tmp_path / "run"
        kill = Kill(epoch, run, left)
        train(new_gan(), run, RunState(run, every_steps), kill, epochs=4)
        return left

    return fit


def contents(folder):
    """Returns the bytes of the files in a folder, without checkpoints."""
    files = {str(f.relative_to(folder)): f for f in folder.rglob("*") if f.is_file()}
    return {n: f.read_bytes() for n, f in files.items() if not n.startswith("state")}


def names(epochs, suffix=""):
    """Returns the names of all files of a run of so many epochs."""
    grids = {f"samples{suffix}/epoch_{n:04d}.png" for n in range(epochs + 1)}
    table, plot = f"history{suffix}.csv", f"loss_curves{suffix}.png"
    return {*grids, f"evolution{suffix}.gif", table, plot}


def table(folder, suffix=""):
    with open(folder / f"history{suffix}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [(int(row["epoch"]), int(row["step"])) for row in rows]


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_a_new_model_keeps_the_files_of_other_runs(tmp_path, new_gan, train, capsys):
    train(new_gan(), tmp_path, epochs=3)
    first = contents(tmp_path)
    assert set(first) == names(3) and capsys.readouterr().out == ""
    train(new_gan(), tmp_path)
    second = contents(tmp_path)
    assert {name: second[name] for name in first} == first
    assert set(second) - set(first) == names(1, "-002")
    assert table(tmp_path, "-002") == [(1, STEPS)]
    with Image.open(tmp_path / "evolution-002.gif") as gif:
        assert gif.n_frames == 2
    assert sorted(capsys.readouterr().out.splitlines()) == [
        f"{tmp_path} has history.csv and loss_curves.png of another run, so this run "
        "writes history-002.csv and loss_curves-002.png.",
        f"{tmp_path} has samples and evolution.gif of another run, so this run writes "
        "samples-002 and evolution-002.gif.",
    ]
    train(new_gan(), tmp_path)
    third = contents(tmp_path)
    assert {name: third[name] for name in second} == second
    assert set(third) - set(second) == names(1, "-003")


@pytest.mark.slow
def test_a_second_fit_continues_the_files(tmp_path, new_gan, train, capsys):
    gan = new_gan()
    train(gan, tmp_path, epochs=2)
    first = contents(tmp_path)
    # Keras counts the epochs from 0 again, or from where it is told.
    train(gan, tmp_path, epochs=2)
    train(gan, tmp_path, initial_epoch=4, epochs=5)
    assert set(contents(tmp_path)) == names(5)
    assert table(tmp_path) == [(n, n * STEPS) for n in range(1, 6)]
    for number in range(3):
        name = f"samples/epoch_{number:04d}.png"
        assert (tmp_path / name).read_bytes() == first[name]
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.n_frames == 6
    assert capsys.readouterr().out == ""


def test_a_second_fit_continues_numbered_files(tmp_path, new_gan, train):
    train(new_gan(), tmp_path)
    gan = new_gan()
    for _ in range(2):
        train(gan, tmp_path)
    assert set(contents(tmp_path)) == names(1) | names(2, "-002")


def test_no_row_is_lost_when_training_goes_back(tmp_path, new_gan, train):
    gan = new_gan()
    # As `EarlyStopping(restore_best_weights=True)` does.
    restore = keras.callbacks.LambdaCallback(on_train_end=lambda _: gan.step.assign(2))
    train(gan, tmp_path, restore, epochs=3)
    train(gan, tmp_path)
    assert table(tmp_path) == [(1, 2), (2, 4), (3, 6), (4, 4)]
    assert set(contents(tmp_path)) == names(4)


@pytest.mark.slow
def test_a_loaded_model_continues_files_of_earlier_steps(tmp_path, new_gan, train):
    gan, file = new_gan(), tmp_path / "model.keras"
    train(gan, tmp_path, epochs=2)
    gan.save(file)
    train(keras.models.load_model(file), tmp_path)
    first = contents(tmp_path)
    assert set(first) == names(3) | {file.name}
    assert table(tmp_path) == [(n, n * STEPS) for n in range(1, 4)]
    # Now the folder has an epoch that the saved model was not trained for.
    train(keras.models.load_model(file), tmp_path)
    second = contents(tmp_path)
    assert {name: second[name] for name in first} == first
    untrained = {"samples-002/epoch_0000.png"}
    assert set(second) - set(first) == names(1, "-002") - untrained
    assert table(tmp_path, "-002") == [(1, 6)]


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("every_steps, first_step", [(3, 3), (1000, 0)])
def test_a_resumed_run_rewrites_its_own_files(
    tmp_path, new_gan, train, killed, every_steps, first_step
):
    """The last checkpoint is in epoch 2, or before the first step."""
    train(new_gan(), tmp_path / "full", RunState(tmp_path / "full"), epochs=4)
    run = killed(1, every_steps) if first_step else killed(2, every_steps)
    assert len(table(run)) > 1
    # The files of the epochs that are trained again do not matter.
    text = (run / "history.csv").read_text()
    (run / "history.csv").write_text(text.replace("\n2,4,", "\n2,4,1"))
    state = RunState(run, every_steps)
    train(new_gan(), run, state, epochs=4)
    assert state.first_step == first_step
    assert contents(run) == contents(tmp_path / "full")


@pytest.mark.slow
def test_a_resumed_run_shows_only_epochs_that_it_has_reached(new_gan, train, killed):
    run, gan = killed(2, 1000), new_gan()
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: setattr(gan, "stop_training", True)
    )
    train(gan, run, RunState(run, 1000), stop, epochs=4)
    assert table(run) == [(1, 2)]
    with Image.open(run / "evolution.gif") as gif:
        assert gif.n_frames == 2


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize("every_steps", [3, 1000])
def test_a_resumed_run_continues_numbered_files(
    tmp_path, new_gan, train, killed, every_steps, capsys
):
    other = tmp_path / "other"
    train(new_gan(), other, epochs=4)
    before = contents(other)
    run = killed(1, every_steps, other)
    assert "samples-002" in capsys.readouterr().out
    train(new_gan(), run, RunState(run, every_steps), epochs=4)
    assert "-002" not in capsys.readouterr().out
    after = contents(run)
    assert set(after) == names(4) | names(4, "-002")
    for name, content in before.items():
        assert after[name] == content
        # Both runs are the same training.
        if name.startswith("samples"):
            assert after[name.replace("samples", "samples-002")] == content


@pytest.mark.parametrize(
    "name, content",
    [
        ("history.csv", b"epoch,loss\n1,0.5\n"),
        ("history.csv", b"\xff\xfe\x00"),
        ("history.csv", b"epoch,step\n1,two\n"),
        ("loss_curves.png", b"a plot"),
        ("samples/epoch_0001.png", b"not a PNG"),
        ("evolution.gif", b"a GIF"),
    ],
)
def test_files_of_other_programs_are_kept(tmp_path, new_gan, train, name, content):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    train(new_gan(), tmp_path)
    assert file.read_bytes() == content
    # The other callback is not affected.
    is_grid = "samples" in name or "evolution" in name
    expected = {n for n in names(1) if (n[:7] in ("samples", "evoluti")) != is_grid}
    expected |= {
        n for n in names(1, "-002") if (n[:7] in ("samples", "evoluti")) == is_grid
    }
    assert set(contents(tmp_path)) == expected | {name}


@pytest.mark.slow
def test_folders_are_expanded_and_made_absolute_once(
    tmp_path, new_gan, train, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    move = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: monkeypatch.chdir(tmp_path / "elsewhere")
    )
    for folder, written in (("~/run", "home/run"), ("runs/x", "runs/x")):
        monkeypatch.chdir(tmp_path)
        train(new_gan(), folder, move, epochs=2)
        assert set(contents(tmp_path / written)) == names(2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["elsewhere", "home", "runs"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_only_models_of_this_library_are_accepted(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    for callback in (SampleGrid(tmp_path), LossCurves(tmp_path)):
        with pytest.raises(ValueError, match="is used with a Sequential"):
            model.fit(np.ones((2, 1)), np.ones((2, 1)), callbacks=[callback])
    assert not list(tmp_path.iterdir())
