import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.files import atomic_path
from kerasgan.training import checkpoints
from kerasgan.training.checkpoints import (
    DamagedCheckpointError,
    checkpoint_files,
    locked_folder,
    newest_checkpoint,
    read_checkpoint,
    resumable_checkpoint,
    write_checkpoint,
)

VALUES = {
    "scalar": np.float32(0.1),
    "count": np.asarray(7, "int64"),
    "empty": np.zeros((0, 3), "float16"),
    "rows": np.arange(24.0, dtype="float32").reshape(2, 3, 4)[:, ::-1],
    "seed": np.asarray([1, 2], "uint32"),
    "bfloat16": tf.constant([1.5, -2.0], "bfloat16").numpy(),
    "variable": tf.Variable([[0.5], [-1.0]]),
}
METADATA = {"epoch": 3, "name": "é", "history": [0.1, None, float("1e-45")]}


def test_checkpoint_round_trip(tmp_path):
    write_checkpoint(tmp_path / "new" / "state", 12, VALUES, METADATA)
    (file,) = checkpoint_files(tmp_path / "new" / "state")
    assert file.name == "000000-step-12.state"
    values, metadata = read_checkpoint(file)
    assert metadata == METADATA and list(values) == list(VALUES)
    for name, value in VALUES.items():
        assert values[name].dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(values[name], value, strict=True)


def test_two_newest_checkpoints_are_kept_newest_first(tmp_path):
    for step in (2, 10, 9, 100):
        write_checkpoint(tmp_path, step, VALUES, METADATA)
    names = [file.name for file in checkpoint_files(tmp_path)]
    assert names == ["000003-step-100.state", "000002-step-9.state"]


def test_damaged_checkpoint_is_renamed_and_skipped(tmp_path):
    for step in (1, 2):
        write_checkpoint(tmp_path, step, VALUES, METADATA)
    checkpoint_files(tmp_path)[0].write_bytes(b"cut short")
    assert resumable_checkpoint(tmp_path)[1] == METADATA
    write_checkpoint(tmp_path, 3, VALUES, METADATA)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [
        "000000-step-1.state",
        "000001-step-2.damaged",
        "000001-step-3.state",
    ]


def test_any_changed_byte_or_length_is_detected(tmp_path):
    write_checkpoint(tmp_path, 1, {"x": np.zeros(2, "float32")}, {})
    (file,) = checkpoint_files(tmp_path)
    whole = file.read_bytes()
    damaged = [whole[:n] for n in range(len(whole))]
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        damaged.append(bytes(changed))
    damaged.append(whole + b"\0")
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises(DamagedCheckpointError):
            read_checkpoint(file)


def test_partial_files_of_killed_processes_are_removed(tmp_path):
    write_checkpoint(tmp_path, 1, VALUES, METADATA)
    for step in (2, 5_000_000):
        # A killed process leaves the temporary file of an atomic write.
        with pytest.raises(KeyboardInterrupt):
            with atomic_path(tmp_path / f"000001-step-{step}.state") as temporary:
                left = temporary.name
                raise KeyboardInterrupt
        (tmp_path / left).write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("a user's")
    assert len(checkpoint_files(tmp_path)) == 1
    with locked_folder(tmp_path):
        names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [".lock", "000000-step-1.state", "notes.txt"]


def test_folder_can_be_locked_only_once(tmp_path):
    folder = tmp_path / "run" / "state"
    # A lock belongs to an open file, so this process behaves like another one.
    with locked_folder(folder):
        with pytest.raises(OSError, match="run', where another process is trai"):
            with locked_folder(folder):
                pass
        assert folder.exists()
    with locked_folder(folder):
        pass


def test_folder_that_cannot_be_created_raises(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OSError, match="run', where no checkpoint can be written"):
        with locked_folder(tmp_path / "run" / "state"):
            pass


def test_checkpoint_numbers_above_999999_sort_numerically(tmp_path):
    for number, step in ((999_999, 5_000_000), (1_000_000, 1_234_567)):
        name = f"{number:06d}-step-{step}.state"
        write_checkpoint(tmp_path / "x", step, VALUES, METADATA)
        (new,) = checkpoint_files(tmp_path / "x")
        new.rename(tmp_path / name)
    names = [file.name for file in checkpoint_files(tmp_path)]
    assert names == ["1000000-step-1234567.state", "999999-step-5000000.state"]
    write_checkpoint(tmp_path, 3, VALUES, METADATA)
    assert checkpoint_files(tmp_path)[0].name == "1000001-step-3.state"


def test_newest_checkpoint_skips_damaged_files_without_renaming(tmp_path, capsys):
    folder = tmp_path / "state"
    # Reading needs no lock, so another process may be training there.
    with locked_folder(folder):
        for step in (1, 2):
            write_checkpoint(folder, step, VALUES, {"step": step})
        newest, oldest = checkpoint_files(folder)
        newest.write_bytes(b"cut short")
        before = sorted(folder.iterdir())
        assert newest_checkpoint(folder)[1] == {"step": 1}
        assert f"{newest} is damaged" in capsys.readouterr().out
        assert newest_checkpoint(folder, after_step=1) is None
        oldest.write_bytes(b"")
        assert newest_checkpoint(folder) is None
        assert sorted(folder.iterdir()) == before
    assert newest_checkpoint(tmp_path / "nothing") is None


def test_newest_checkpoint_tolerates_concurrent_pruning(tmp_path, monkeypatch):
    for step in (1, 2):
        write_checkpoint(tmp_path, step, VALUES, {"step": step})

    def prune_first(file):
        monkeypatch.setattr(checkpoints, "read_checkpoint", read_checkpoint)
        # Training writes two more and deletes the listed ones.
        for step in (3, 4):
            write_checkpoint(tmp_path, step, VALUES, {"step": step})
        assert not file.exists()
        return read_checkpoint(file)

    monkeypatch.setattr(checkpoints, "read_checkpoint", prune_first)
    assert newest_checkpoint(tmp_path)[1] == {"step": 4}


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_locked_folder_excludes_other_processes(tmp_path):
    program = (
        "import pathlib, sys\n"
        "from kerasgan.training.checkpoints import locked_folder\n"
        "with locked_folder(pathlib.Path(sys.argv[1])):\n"
        "    print('held')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "state")]
    with locked_folder(tmp_path / "state"):
        rejected = subprocess.run(command, capture_output=True, text=True)
    assert "where another process is training" in rejected.stderr
    assert "held" in subprocess.run(command, capture_output=True, text=True).stdout
