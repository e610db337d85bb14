import numpy as np
import pytest
import tensorflow as tf

from kerasgan.training.checkpoints import (
    DamagedStateError,
    held_folder,
    newest_state,
    read_state,
    state_files,
    write_state,
)

VALUES = {
    "scalar": np.float32(0.1),
    "count": np.asarray(7, "int64"),
    "empty": np.zeros((0, 3), "float16"),
    "rows": np.arange(24.0, dtype="float32").reshape(2, 3, 4)[:, ::-1],
    "seed": np.asarray([1, 2], "uint32"),
    "bfloat16": tf.constant([1.5, -2.0], "bfloat16").numpy(),
}
FACTS = {"epoch": 3, "name": "é", "history": [0.1, None, float("1e-45")]}


def test_what_is_read_is_what_was_written(tmp_path):
    write_state(tmp_path / "new" / "state", 12, VALUES, FACTS)
    (file,) = state_files(tmp_path / "new" / "state")
    assert file.name == "000000-step-12.state"
    values, facts = read_state(file)
    assert facts == FACTS and list(values) == list(VALUES)
    for name, value in VALUES.items():
        assert values[name].dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(values[name], value, strict=True)


def test_the_newest_two_stay_and_come_first(tmp_path):
    for step in (2, 10, 9, 100):
        write_state(tmp_path, step, VALUES, FACTS)
    names = [file.name for file in state_files(tmp_path)]
    assert names == ["000003-step-100.state", "000002-step-9.state"]


def test_one_that_is_damaged_counts_no_longer(tmp_path):
    for step in (1, 2):
        write_state(tmp_path, step, VALUES, FACTS)
    state_files(tmp_path)[0].write_bytes(b"cut short")
    assert newest_state(tmp_path)[1] == FACTS
    write_state(tmp_path, 3, VALUES, FACTS)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [
        "000000-step-1.state",
        "000001-step-2.damaged",
        "000001-step-3.state",
    ]


def test_every_changed_byte_and_every_length_is_noticed(tmp_path):
    write_state(tmp_path, 1, {"x": np.zeros(2, "float32")}, {})
    (file,) = state_files(tmp_path)
    whole = file.read_bytes()
    damaged = [whole[:n] for n in range(len(whole))]
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        damaged.append(bytes(changed))
    damaged.append(whole + b"\0")
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises(DamagedStateError):
            read_state(file)


def test_what_killed_processes_left_is_removed(tmp_path):
    write_state(tmp_path, 1, VALUES, FACTS)
    (tmp_path / ".000001-step-2.state.abc.part.state").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("a user's")
    assert len(state_files(tmp_path)) == 1
    with held_folder(tmp_path):
        names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [".lock", "000000-step-1.state", "notes.txt"]


def test_one_process_at_a_time(tmp_path):
    folder = tmp_path / "run" / "state"
    # As from another process: a lock belongs to what was opened.
    with held_folder(folder):
        with pytest.raises(OSError, match="run', in which another process is trai"):
            with held_folder(folder):
                pass
        assert folder.exists()
    with held_folder(folder):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OSError, match="run', where no state can be written"):
        with held_folder(tmp_path / "run" / "state"):
            pass
