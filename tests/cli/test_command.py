import pathlib
import subprocess
import sys

import pytest

import kerasgan
from kerasgan import cli
from kerasgan.cli import prepare


def test_the_package_offers_main_alone():
    assert cli.__all__ == ["main"]


def test_what_nobody_foresaw_is_one_line_and_a_file(monkeypatch, tmp_path, capsys):
    def fails(*_):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(prepare.data, "prepare_celeb_a", fails)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.main(["prepare", "celeb_a", "--from", "a", "--data-dir", "b"]) == 1
    printed = capsys.readouterr().err
    (log,) = tmp_path.iterdir()
    assert printed == f"kerasgan: RuntimeError: first line (more in {log})\n"
    assert "Traceback" in log.read_text()


def test_ctrl_c_is_no_traceback(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare.data, "prepare_celeb_a", interrupted)
    assert cli.main(["prepare", "celeb_a", "--from", "a", "--data-dir", "b"]) == 130
    assert capsys.readouterr().err == "kerasgan: stopped.\n"


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
        (["translate", "x"], ["path", "--out"]),
        (["export", "x"], ["--out"]),
        (["prepare", "mnist"], ["mnist", "celeb_a"]),
    ],
)
def test_arguments_that_cannot_be_read_are_one_sentence(arguments, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1
    assert printed.err.startswith("kerasgan: ") and printed.err.endswith(".\n")
    for word in words:
        assert word in printed.err


def test_the_installed_command():
    command = pathlib.Path(sys.executable).parent / "kerasgan"
    done = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert done.stdout.strip() == kerasgan.__version__
    done = subprocess.run([command, "train"], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for model in ("dcgan", "cyclegan"):
        done = subprocess.run(
            [command, "train", model, "--help"], capture_output=True, text=True
        )
        for option in (
            *("--data", "--data-dir", "--image-size", "--epochs", "--batch-size"),
            *("--seed", "--run"),
        ):
            assert option in done.stdout
        assert done.returncode == 0
