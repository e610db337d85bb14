import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

import kerasgan
from kerasgan import cli
from kerasgan.cli import command, errors, prepare, training
from kerasgan.cli.shown_command import shown_command


def test_the_package_exports_main():
    assert cli.__all__ == ["main"]


@pytest.fixture
def failing(monkeypatch):
    """Function that runs a command which raises an exception."""

    def run(error, folder=None):
        def fail(options):
            options.folder = folder
            raise error

        monkeypatch.setattr(prepare, "prepare_dataset", fail)
        return cli.main(["prepare", "celeb_a", "--from", "a b", "--data-dir", "b"])

    return run


def logs(folder):
    """Returns the content of the log files in a folder."""
    return [path.read_text() for path in folder.glob("*.log")]


def test_an_unexpected_error_is_one_line_that_names_the_traceback(
    failing, tmp_path, capsys
):
    error = RuntimeError("first line\nsecond line")
    assert failing(error) == 1
    (log,) = (tmp_path / "logs").iterdir()
    assert capsys.readouterr().err == (
        f"kerasgan: RuntimeError: first line (traceback in {log})\n"
    )
    assert failing(error, tmp_path) == 1
    log = tmp_path / "error.log"
    assert f"(traceback in {log})" in capsys.readouterr().err
    # Without a folder that can be written to, the temporary files remain.
    assert failing(error, tmp_path / "none") == 1
    for text in [*logs(tmp_path), *logs(tmp_path / "logs")]:
        assert "kerasgan prepare celeb_a --from 'a b' --data-dir b\n" in text
        assert "Traceback" in text and "RuntimeError: first line" in text
    assert len(logs(tmp_path)) == 1 and len(logs(tmp_path / "logs")) == 2


@pytest.mark.parametrize(
    "error, message",
    [
        (ValueError("x is 0;\nexpected 1."), "x is 0; expected 1."),
        (PermissionError(13, "Permission denied", "a/b"), "'a/b': Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("'a  b' cannot be written"), "'a  b' cannot be written"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_expected_error_is_one_line(failing, error, message, tmp_path, capsys):
    for folder in (None, tmp_path):
        assert failing(error, folder) == 2
        assert capsys.readouterr().err == f"kerasgan: {message}\n"
    # Developers find the traceback.
    assert failing(error, tmp_path) == 2
    (appended,), (temporary,) = logs(tmp_path), logs(tmp_path / "logs")
    assert appended.count("Traceback") == 2 and temporary.count("Traceback") == 1


# As the installed command does.
PROGRAM = "import sys; from kerasgan.cli import main; sys.exit(main())"


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_sigterm_ends_the_process_of_a_training_with_code_143(pictures, tmp_path):
    run = tmp_path / "x-001"
    command = [sys.executable, "-c", PROGRAM, "train", "dcgan", "--image-size", "16"]
    command += ["--data", str(pictures("faces", 8)), "--run", str(tmp_path / "x")]
    command += ["--batch-size", "4", "--epochs", "99999"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            # The first checkpoint is from before the first step.
            while not list(run.glob("state/*.state")) and process.poll() is None:
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 143
    assert f"Resume with: kerasgan train dcgan --resume {run}\n" in printed


def test_an_error_is_printed_even_if_no_log_can_be_written(
    failing, monkeypatch, capsys
):
    monkeypatch.setattr("tempfile.tempdir", "/none")
    assert failing(ValueError("x is 0.")) == 2
    assert capsys.readouterr().err == "kerasgan: x is 0.\n"


def test_ctrl_c_and_divergence_print_no_traceback(failing, tmp_path, capsys):
    assert failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "kerasgan: stopped.\n"
    assert failing(FloatingPointError("values are not finite.")) == 4
    assert capsys.readouterr().err == "kerasgan: values are not finite.\n"
    assert logs(tmp_path / "logs") == []


@pytest.mark.parametrize(
    "raised, printed",
    [
        ("batch_size is 6, but ...", "--batch-size is 6, but ..."),
        ("x, but batch_size is 6", "x, but --batch-size is 6"),
        ("expected the data_dir, or", "expected the --data-dir, or"),
        ("attribute is 'Mail'", "--attribute is 'Mail'"),
        ("image_shape: height is 30", "--image-size: height is 30"),
        ("path is 'a', which", "--data is 'a', which"),
        ("data has images of", "--data has images of"),
        ("name is 'maps3'", "--data is 'maps3'"),
        ("folder is 'runs/x', in which", "--run is 'runs/x', in which"),
        # Not arguments.
        ("/tmp/batch_size is full", "/tmp/batch_size is full"),
        ("x is 'batch_size'", "x is 'batch_size'"),
        ("--batch-size is 0", "--batch-size is 0"),
        ("x, but the data is", "x, but the data is"),
        ("my_batch_size is 6", "my_batch_size is 6"),
        ("images of the data are", "images of the data are"),
    ],
)
def test_messages_name_the_options(raised, printed):
    options = command._parser().parse_args(["train", "cyclegan"])
    assert options.option_of == training.OPTION_OF
    assert errors.message_of(ValueError(raised), options) == printed


@pytest.mark.parametrize(
    "arguments, names",
    [
        ("train dcgan", {"data": "--data", "seed": "--seed"}),
        ("generate x --out y", {"model": "MODEL", "out": "--out", "seeds": "--seeds"}),
        ("translate x y --out z", {"path": "PATH", "direction": "--direction"}),
        ("export x --out y", {"model": "MODEL", "out": "--out"}),
        (
            "prepare celeb_a --from x --data-dir y",
            {"source": "--from", "data_dir": "--data-dir"},
        ),
    ],
)
def test_every_command_names_its_options(arguments, names):
    options = command._parser().parse_args(arguments.split())
    for name, option in names.items():
        error = ValueError(f"{name} is x")
        assert errors.message_of(error, options) == f"{option} is x"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["COMMAND", "'kerasgan --help'"]),
        (["train"], ["MODEL", "'kerasgan train --help'"]),
        (["train", "dcgan", "--epochs", "few"], ["--epochs", "'few'"]),
        (["train", "dcgan", "--epoch"], ["--epochs"]),
        (["train", "cyclegan", "--data"], ["--data"]),
        (["fly"], ["'fly'", "generate"]),
        (["generate", "x"], ["--out"]),
        (["translate", "x"], ["PATH", "--out"]),
        (["export", "x"], ["--out"]),
        (["prepare", "mnist"], ["mnist", "celeb_a"]),
    ],
)
def test_arguments_that_cannot_be_parsed(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1
    assert printed.err.startswith("kerasgan: ") and printed.err.endswith(".\n")
    for word in words:
        assert word in printed.err


@pytest.mark.parametrize("model", ["dcgan", "cyclegan"])
def test_help_lists_the_options(model, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train", model, "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    for option in (
        *("--data", "--data-dir", "--image-size", "--epochs", "--batch-size"),
        *("--seed", "--run", "--resume", "--override"),
    ):
        assert f"  {option} " in printed
    # Defaults are shown as typed, not as absolute paths.
    assert f"runs/{model}-001" in printed and str(pathlib.Path.cwd()) not in printed


def test_the_installed_command():
    installed = pathlib.Path(sys.executable).parent / "kerasgan"
    done = subprocess.run(
        [installed, "--version"],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert done.returncode == 0 and done.stdout.strip() == kerasgan.__version__
    # Errors that TensorFlow logs, for example without a GPU, are hidden.
    assert "E0000" not in done.stderr and "error" not in done.stderr.lower()


def test_unknown_options_name_the_command_and_the_nearest_option(capsys):
    for arguments, message in (
        (["--epoches", "3"], "--epoches 3; did you mean --epochs? See"),
        (["--nothing"], "--nothing; see"),
    ):
        with pytest.raises(SystemExit) as exited:
            cli.main(["train", "dcgan", *arguments])
        assert exited.value.code == 2
        assert capsys.readouterr().err == (
            f"kerasgan: unrecognized arguments: {message} "
            "'kerasgan train dcgan --help'.\n"
        )


@pytest.mark.parametrize("on_path", [True, False])
def test_suggested_commands_can_be_pasted(monkeypatch, on_path):
    typed = "/home/me/new env/bin/kerasgan"
    monkeypatch.setattr(sys, "argv", [typed, "train"])
    monkeypatch.setattr(shutil, "which", lambda _: typed if on_path else None)
    program = "kerasgan" if on_path else f"'{typed}'"
    assert shown_command("generate", "a b") == f"{program} generate 'a b'"
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert shown_command("generate") == "kerasgan generate"
