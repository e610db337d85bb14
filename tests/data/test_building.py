import concurrent.futures
import errno
import subprocess
import sys
import threading

import filelock
import pytest

from kerasgan.data import building
from kerasgan.data.building import built_folder, locked

# Builds a folder and waits in the middle. It loads only the module, because importing
# the package takes seconds.
PROGRAM = """
import importlib.util, pathlib, sys

path, folder = sys.argv[1:]
spec = importlib.util.spec_from_file_location("building", path)
building = importlib.util.module_from_spec(spec)
spec.loader.exec_module(building)
folder = pathlib.Path(folder)
with building.locked(folder, "it"), building.built_folder(folder) as unfinished:
    (unfinished / "data").write_bytes(b"half")
    print("building", flush=True)
    sys.stdin.read()
    (unfinished / "data").write_bytes(b"whole")
"""


@pytest.fixture
def builder(tmp_path):
    """A process that is building the folder `tmp_path / "theirs"`."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, building.__file__, tmp_path / "theirs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "building\n"
    yield process
    process.kill()
    process.communicate()


def names(folder):
    """Returns the visible names and those of unfinished folders."""
    return sorted(
        path.name.partition(".theirs")[0].removeprefix(".building-")
        for path in folder.iterdir()
        if not path.name.endswith(".lock")
    )


def build(folder, content=b"whole"):
    with locked(folder, "it"), built_folder(folder) as unfinished:
        (unfinished / "data").write_bytes(content)


def test_folder_appears_when_it_is_complete(tmp_path):
    with built_folder(tmp_path / "mine") as unfinished:
        (unfinished / "data").write_bytes(b"whole")
        assert not (tmp_path / "mine").exists()
    assert (tmp_path / "mine" / "data").read_bytes() == b"whole"
    assert names(tmp_path) == ["mine"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_interrupted_build_leaves_nothing(interruption, tmp_path):
    with pytest.raises(interruption), built_folder(tmp_path / "mine") as unfinished:
        (unfinished / "data").write_bytes(b"half")
        raise interruption
    assert names(tmp_path) == []


def test_killed_process_blocks_nobody_and_leaves_nothing(builder, tmp_path):
    (left,) = (path for path in tmp_path.iterdir() if path.is_dir())
    # Building other folders next to it does not remove it.
    build(tmp_path / "mine")
    assert (left / "data").read_bytes() == b"half"
    with pytest.raises(filelock.Timeout):
        building._lock(tmp_path / "theirs").acquire(blocking=False)
    builder.kill()
    builder.wait()
    assert left.is_dir()
    build(tmp_path / "other")
    assert names(tmp_path) == ["mine", "other"]
    build(tmp_path / "theirs")
    assert names(tmp_path) == ["mine", "other", "theirs"]


def test_other_processes_wait(builder, tmp_path, capsys):
    theirs = tmp_path / "theirs"

    def build_unless_built():
        with locked(theirs, "the data"):
            assert theirs.exists()

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(build_unless_built)
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting.result(0.3)
        builder.communicate("")
        waiting.result(60)
    assert (theirs / "data").read_bytes() == b"whole"
    assert capsys.readouterr().out == (
        "Another process is building the data; waiting for it.\n"
    )


def test_threads_wait_too(tmp_path):
    inside, most = [], []
    start = threading.Barrier(4)

    def enter(_):
        start.wait(60)
        with locked(tmp_path / "mine", "it"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(4)))
    assert most == [1] * 4


def test_disk_without_locks(tmp_path, monkeypatch):
    def reject(self, *arguments, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", reject)
    # Its process may be alive.
    (tmp_path / ".building-other.0123").mkdir()
    with built_folder(tmp_path / "mine") as slower:
        build(tmp_path / "mine", b"faster")
        (slower / "data").write_bytes(b"slower")
    assert (tmp_path / "mine" / "data").read_bytes() == b"faster"
    assert names(tmp_path) == ["mine", "other.0123"]
