"""Runs each benchmark with tiny sizes. The numbers they measure mean nothing here."""

import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
RATE = r" +\d+\.\d+ (?:steps|pairs)/s\n"

pytestmark = [pytest.mark.slow, pytest.mark.keras3_lane]


@pytest.fixture
def benchmark():
    """A function that runs a benchmark on the CPU and returns what it prints."""

    def run(name, *options):
        done = subprocess.run(
            [sys.executable, f"benchmarks/{name}.py", *map(str, options)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_losses_that_differ_too_much_raise(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    step = importlib.import_module("step")
    theirs = {"d_loss": 0.5, "g_loss": 20.0}
    # Differences of losses above 1 are relative.
    step.check_losses({"d_loss": 0.5004, "g_loss": 20.01, "other": 9.0}, theirs, 5)
    assert "losses of step 5 agree within 5.0e-04" in capsys.readouterr().out
    for name, value in (
        ("d_loss", 0.502),
        ("g_loss", 20.05),
        ("g_loss", -20.0),
        ("d_loss", float("nan")),
        ("g_loss", float("inf")),
    ):
        with pytest.raises(ValueError, match=f"{name} of step 5 is {value}; expected"):
            step.check_losses({**theirs, name: value}, theirs, 5)


TINY_STEPS = (
    *("--steps", 2, "--image-size", 8, "--width", 2, "--batch-size", 2),
    *("--cycle-steps", 2, "--cycle-image-size", 32, "--cycle-width", 2),
    *("--cycle-blocks", 1, "--repeats", 1, "--first-steps", 1),
)


def test_step(benchmark):
    # An interpreter without PyTorch, whether or not this one has it.
    sizes = ("--cycle-batch-sizes", 1)
    printed = benchmark("step", *TINY_STEPS, *sizes, "--torch-python", "false")
    assert re.search(rf"fit{RATE}bare{RATE}fit / bare +\d+\.\d+ \(from", printed)
    assert re.search(rf"CycleGAN 32 px.*\nfit{RATE}", printed)
    assert "PyTorch is not compared: false cannot import it" in printed
    assert re.search(r"median of 1 new processes\n\d+\.\d+ s \(from", printed)


def test_step_of_another_checkout(benchmark, tmp_path):
    # The other checkout is a link to this one, under another path.
    (tmp_path / "kerasgan").symlink_to(ROOT / "kerasgan")
    printed = benchmark("step", *TINY_STEPS, "--cycle-batch-sizes", "--other", tmp_path)
    assert f"this: {ROOT}\nother: {tmp_path}\n" in printed
    assert re.search(
        rf"DCGAN 8 px.*\nthis{RATE}other{RATE}this / other +\d+\.\d+ \(from"
        rf".*\nthis.* of CPU time\nother.* of CPU time\nthis / other +\d",
        printed,
    )


@pytest.mark.parametrize("name", ["saving", "determinism"])
def test_saving_and_determinism(benchmark, name):
    printed = benchmark(name, "--models", "DCGAN", "--steps", 2, "--repeats", 1)
    first, second = {
        "saving": ("without", "RunState"),
        "determinism": ("default", "deterministic"),
    }[name]
    assert re.search(rf"{first}{RATE}{second}{RATE}{first} / {second} +\d", printed)
    if name == "saving":
        assert re.search(r"checkpoints of [1-9]\d* MB", printed)
        assert re.search(r"saving +\d+\.\d+ % of the time \(from", printed)


def test_input(benchmark, tiny_synthetic_faces):
    printed = benchmark(
        "input",
        *("--data-dir", tiny_synthetic_faces, "--dataset", "synthetic_faces"),
        *("--image-size", 16, "--batch-size", 4, "--repeats", 2),
    )
    for name in ("plain", "plain, cached", "first pass", "later passes"):
        assert re.search(rf"{name} +\d+ images/s +\d+\.\d+ x plain", printed)


def test_memory(benchmark):
    sizes = ("--image-size", 16, "--batch-size", 4, "--images", 16)
    options = ("--models", "dcgan", "--epochs", 1, "--repeats", 1)
    printed = benchmark("memory", *sizes, *options)
    command, bare, ratio = map(
        float, re.findall(r"(\d+(?:\.\d+)?)(?: MiB)?$", printed, re.M)[-3:]
    )
    # Importing TensorFlow alone takes more than 200 MiB.
    assert command > 200 and bare > 200
    assert ratio == pytest.approx(command / bare, abs=0.01)


def test_metrics(benchmark):
    sizes = ("--rows", 40, "--width", 8, "--repeats", 1)
    printed = benchmark("metrics", *sizes, "--torch-python", "false")
    for name in ("frechet_distance", "kernel_distance", "prdc"):
        assert re.search(rf"{name}, medians of 1\nkerasgan +\d+\.\d+ s", printed)
    assert "Other libraries are not compared" in printed
    assert re.search(r"peak memory [1-9]\d+ MiB", printed)
