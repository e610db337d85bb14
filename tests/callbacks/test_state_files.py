import numpy as np
import pytest

from kerasgan.callbacks.state_files import (
    DamagedStateError,
    read_state,
    remove_unfinished,
    state_files,
    write_state,
)

VALUES = {
    "scalar": np.float32(0.1),
    "count": np.asarray(7, "int64"),
    "empty": np.zeros((0, 3), "float16"),
    "rows": np.arange(24.0, dtype="float32").reshape(2, 3, 4)[:, ::-1],
    "seed": np.asarray([1, 2], "uint32"),
}
FACTS = {"epoch": 3, "name": "é", "history": [0.1, None, float("1e-45")]}


def test_what_is_read_is_what_was_written(tmp_path):
    write_state(tmp_path / "new" / "state", 12, VALUES, FACTS)
    (file,) = state_files(tmp_path / "new" / "state")
    assert file.name == "step-000000012.state"
    values, facts = read_state(file)
    assert facts == FACTS and list(values) == list(VALUES)
    for name, value in VALUES.items():
        assert values[name].dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(values[name], value, strict=True)


def test_the_newest_two_stay_and_come_first(tmp_path):
    for step in (2, 10, 9, 100):
        write_state(tmp_path, step, VALUES, FACTS)
    assert [int(f.stem.split("-")[1]) for f in state_files(tmp_path)] == [100, 10]


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
    (tmp_path / ".step-000000002.state.abc.part").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("a user's")
    remove_unfinished(tmp_path)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["notes.txt", "step-000000001.state"]
