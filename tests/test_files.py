import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest

import kerasgan.files
from kerasgan.files import absolute_path, atomic_path, atomic_write


def test_absolute_path_expands_the_home_folder_and_the_working_directory(
    tmp_path, monkeypatch
):
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(work)
    assert absolute_path("~/runs") == home / "runs"
    assert absolute_path("~") == home
    assert absolute_path("runs/~") == work / "runs" / "~"
    assert absolute_path(pathlib.Path("runs")) == work / "runs"
    assert absolute_path(tmp_path / "runs") == tmp_path / "runs"
    assert absolute_path("~nobody-has-this-name/runs") == (
        work / "~nobody-has-this-name" / "runs"
    )
    # Following a link first would change the meaning of `..`.
    (tmp_path / "link").symlink_to(work)
    assert absolute_path(tmp_path / "link" / "..") == tmp_path / "link" / ".."


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    with atomic_write(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(path.parent) == ["file"]


def test_an_error_leaves_the_existing_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_killed_process_leaves_the_existing_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    # Loads files.py alone, so that the process does not import TensorFlow.
    program = (
        "import importlib.util, os, sys\n"
        "spec = importlib.util.spec_from_file_location('f', sys.argv[1])\n"
        "f = importlib.util.module_from_spec(spec); spec.loader.exec_module(f)\n"
        "with f.atomic_write(sys.argv[2]) as file:\n"
        "    file.write(b'half' * 10_000); file.flush(); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, kerasgan.files.__file__, str(path)]
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"before"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    path = tmp_path / "file" / "inside"
    with pytest.raises(OSError) as caught, atomic_write(path):
        pass
    message = str(caught.value)
    assert message.startswith(f"{path} could not be written (")
    assert "expected a folder" in message and "Errno" not in message


def test_the_temporary_file_keeps_the_extension(tmp_path):
    with atomic_path(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras" and temporary.parent == tmp_path
        temporary.write_bytes(b"whole")
        assert not (tmp_path / "model.keras").exists()
    assert (tmp_path / "model.keras").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "ä" * 125 + ".png", "." * 255])
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path, name):
    with atomic_write(tmp_path / name) as file:
        file.write(b"whole")
    assert os.listdir(tmp_path) == [name]


def test_permissions_follow_the_umask(tmp_path):
    with atomic_write(tmp_path / "ours") as file:
        file.write(b"")
    (tmp_path / "plain").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("ours", "plain")]
    assert modes[0] == modes[1]
