import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from kerasgan.data import building
from kerasgan.data.building import building_folder, remove_abandoned
from kerasgan.data.cache import cached_images

# Builds an entry of the cache, and stops in the middle.
PROGRAM = """
import sys, numpy
from kerasgan.data.cache import cached_images

def decode():
    yield numpy.zeros((2, 1, 1, 1), "uint8")
    print("building", flush=True)
    sys.stdin.read()
    yield numpy.zeros((2, 1, 1, 1), "uint8")

cached_images("faces", {}, (1, 1, 1), 4, decode)
"""


def build(facts):
    def decode():
        yield np.ones((4, 1, 1, 1), "uint8")

    return cached_images("others", facts, (1, 1, 1), 4, decode)


@pytest.fixture
def builds(cache):
    """A process in the middle of building an entry."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # A progress bar is on the same line.
    while "building" not in process.stdout.readline():
        assert process.poll() is None
    yield process
    process.kill()
    process.communicate()


def names(cache):
    return sorted(folder.name.partition("-")[0] for folder in cache.iterdir())


def test_what_a_killed_process_left_is_removed(builds, cache):
    (left,) = cache.iterdir()
    build({"number": 1})
    # Its process lives.
    assert left.is_dir() and names(cache) == [".building", "others"]
    builds.kill()
    builds.wait()
    assert left.is_dir()
    build({"number": 2})
    assert names(cache) == ["others", "others"]


def test_process_that_others_build_beside_finishes(builds, cache):
    build({"number": 1})
    builds.communicate("")
    assert builds.returncode == 0
    assert names(cache) == ["faces", "others"]
    # Finished entries are no leftovers.
    build({"number": 2})
    assert names(cache) == ["faces", "others", "others"]


def test_what_is_in_use_stays_until_its_end(tmp_path):
    with building_folder(tmp_path, "data") as folder:
        (folder / "data").write_bytes(b"half")
        remove_abandoned(tmp_path, "data")
        assert (folder / "data").read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == []


def test_what_is_renamed_stays(tmp_path):
    with building_folder(tmp_path, "data") as folder:
        (folder / "data").write_bytes(b"whole")
        folder.rename(tmp_path / "done")
        remove_abandoned(tmp_path, "data")
    remove_abandoned(tmp_path, "data")
    assert [path.name for path in tmp_path.iterdir()] == ["done"]
    assert (tmp_path / "done" / "data").read_bytes() == b"whole"


def test_empty_and_unlocked_folders_are_removed_and_nothing_else(tmp_path):
    (tmp_path / ".building-1").mkdir()
    (tmp_path / ".building-2").mkdir()
    (tmp_path / ".building-2" / "data").write_bytes(b"half")
    (tmp_path / ".building-3").mkdir()
    (tmp_path / ".building-3" / "mine").write_bytes(b"something else")
    (tmp_path / "faces-4").mkdir()
    (tmp_path / "faces-4" / "data").write_bytes(b"whole")
    remove_abandoned(tmp_path, "data")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".building-3",
        "faces-4",
    ]


def test_folder_that_vanishes_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    locked = []

    def flock(file, operation, flock=building.fcntl.flock):
        if not locked:
            # As another process does that was between the two.
            shutil.rmtree(pathlib.Path(file.name).parent)
        locked.append(operation)
        flock(file, operation)

    monkeypatch.setattr(building.fcntl, "flock", flock)
    with building_folder(tmp_path, "data") as folder:
        assert (folder / "data").exists() and len(locked) == 2


def test_disk_without_locks_builds_and_removes_nothing(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError("not supported")

    monkeypatch.setattr(building.fcntl, "flock", flock)
    with building_folder(tmp_path, "data") as folder:
        remove_abandoned(tmp_path, "data")
        assert (folder / "data").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_interrupted_build_leaves_nothing(interruption, tmp_path):
    with pytest.raises(interruption), building_folder(tmp_path, "data"):
        raise interruption
    assert list(tmp_path.iterdir()) == []
