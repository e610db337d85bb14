import os
import pathlib
import stat
import subprocess
import sys

import pytest

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


def test_writes_whole_files_and_makes_folders(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    with atomic_write(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(path.parent) == ["file"]


def test_a_failure_leaves_what_stood_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_killed_process_leaves_what_stood_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    # files.py alone, so that the child does not import TensorFlow.
    program = (
        "import importlib.util, os, sys\n"
        f"spec = importlib.util.spec_from_file_location('f', {_source()!r})\n"
        "f = importlib.util.module_from_spec(spec); spec.loader.exec_module(f)\n"
        "with f.atomic_write(sys.argv[1]) as file:\n"
        "    file.write(b'half' * 10_000); file.flush(); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)])
    assert done.returncode == -9
    assert path.read_bytes() == b"before"


def test_what_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "inside"
    with pytest.raises(OSError) as caught, atomic_write(path):
        pass
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} could not be written (")
    assert "expected a folder" in sentence and "Errno" not in sentence


def test_an_ending_is_kept_while_it_is_written(tmp_path):
    with atomic_path(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras" and temporary.parent == tmp_path
        temporary.write_bytes(b"whole")
        assert not (tmp_path / "model.keras").exists()
    assert (tmp_path / "model.keras").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["model.keras"]


def test_permissions_follow_the_umask(tmp_path):
    with atomic_write(tmp_path / "ours") as file:
        file.write(b"")
    (tmp_path / "plain").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("ours", "plain")]
    assert modes[0] == modes[1]


def _source():
    import kerasgan.files

    return kerasgan.files.__file__
