import io
import os
import pathlib
import pickle
import sys
import zipfile

import numpy as np
import pytest

from kerasgan.pytorch_files import read_pytorch_file

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
# The same content in the format of current PyTorch, and in that before 1.6.
FORMATS = ["pytorch_weights.pth", "pytorch_weights_old.pth"]
DTYPES = {
    "net.0.weight": "float32",
    "net.0.bias": "float32",
    "net.2.weight": "float32",
    "net.3.weight": "float32",
    "net.3.bias": "float32",
    "net.3.running_mean": "bfloat16",
    "net.3.running_var": "float64",
    "net.5.weight": "float16",
}


def zip_of(content):
    """Returns a file as `torch.save` writes it, with `content` as its pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/data/0", np.arange(4, dtype="float32").tobytes())
    return file.getvalue()


class Call:
    """Is pickled as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("name", FORMATS)
def test_tensors_have_the_values_that_pytorch_saved(name):
    state = read_pytorch_file(FIXTURES / name)
    assert state.pop("net.3.num_batches_tracked") == 7
    assert {key: array.dtype.name for key, array in state.items()} == DTYPES
    for key, array in state.items():
        expected = np.arange(array.size) % 16 / 8 + (key == "net.3.bias")
        np.testing.assert_array_equal(array.astype("float32").ravel(), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_truncated_files_raise_an_error(name, tmp_path):
    content = (FIXTURES / name).read_bytes()
    path = tmp_path / "truncated.pth"
    for size in range(0, len(content), 61):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match="cannot be read"):
            read_pytorch_file(path)


def test_changed_bytes_raise_an_error_or_change_nothing(tmp_path):
    content = (FIXTURES / FORMATS[0]).read_bytes()
    expected = read_pytorch_file(FIXTURES / FORMATS[0])
    path = tmp_path / "changed.pth"
    errors = 0
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0x55
        path.write_bytes(changed)
        try:
            state = read_pytorch_file(path)
        except ValueError:
            errors += 1
        else:
            for key, array in expected.items():
                np.testing.assert_array_equal(state[key], array)
    assert errors > 50


@pytest.mark.parametrize(
    "function, program",
    [(os.system, "touch {}"), (eval, "open({!r}, 'w')")],
)
def test_a_pickle_cannot_run_code(function, program, tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "malicious.pth"
    call = Call(function, program.format(str(marker)))
    content = pickle.dumps({"weight": call}, protocol=2)
    # Python's own unpickler runs it.
    pickle.loads(content)
    assert marker.exists()
    marker.unlink()
    for file in (zip_of(content), content):
        path.write_bytes(file)
        with pytest.raises(ValueError, match=rf"it contains \w+\.{function.__name__}"):
            read_pytorch_file(path)
        assert not marker.exists()


def test_tensors_cannot_reach_outside_their_memory(tmp_path):
    def tensor(offset, shape, strides, count=4, kind="storage", key="0"):
        # Opcodes as text, because pickle.dumps would have to import PyTorch.
        sides, steps = ("".join(f"I{n}\n" for n in part) for part in (shape, strides))
        call = (
            f"ctorch._utils\n_rebuild_tensor_v2\n((V{kind}\nctorch\nFloatStorage\n"
            f"V{key}\nVcpu\nI{count}\ntQI{offset}\n({sides}t({steps}tI00\nNtR."
        )
        path = tmp_path / "tensor.pth"
        path.write_bytes(zip_of(call.encode()))
        return read_pytorch_file(path)

    np.testing.assert_array_equal(tensor(1, (3,), (1,)), [1, 2, 3])
    np.testing.assert_array_equal(tensor(0, (2, 2), (1, 2)), [[0, 2], [1, 3]])
    for wrong in (
        dict(offset=2, shape=(3,), strides=(1,)),
        dict(offset=-1, shape=(3,), strides=(1,)),
        dict(offset=0, shape=(2, 2), strides=(1, 3)),
        dict(offset=3, shape=(2,), strides=(-4,)),
        dict(offset=0, shape=(5,), strides=(1,), count=5),
        dict(offset=0, shape=(3,), strides=(1,), count=3),
        dict(offset=0, shape=(3,), strides=(1,), count=2**50),
        dict(offset=0, shape=(3,), strides=(1,), count=-1),
        dict(offset=0, shape=(3,), strides=(1,), kind="module"),
        dict(offset=0, shape=(3,), strides=(1,), key="../data.pkl"),
    ):
        with pytest.raises(ValueError, match="cannot be read"):
            tensor(**wrong)


def test_files_of_another_byte_order_raise_an_error(tmp_path):
    path = tmp_path / "net.pth"
    other = {"little": "big", "big": "little"}[sys.byteorder]
    for order, error in ((sys.byteorder, False), (other, True)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({}))
            archive.writestr("archive/byteorder", order)
        if error:
            with pytest.raises(ValueError, match=f"its byte order is {other}"):
                read_pytorch_file(path)
        else:
            assert read_pytorch_file(path) == {}
    content = bytearray((FIXTURES / FORMATS[1]).read_bytes())
    place = content.index(b"little_endian")
    place = content.index(b"\x88", place)  # The opcode of True, then of False.
    content[place] = 0x89
    path.write_bytes(content)
    with pytest.raises(ValueError, match="its byte order is big"):
        read_pytorch_file(path)


def test_other_files_raise_an_error(tmp_path):
    path = tmp_path / "net.pth"
    for content in (b"", b"text", pickle.dumps(1) * 4, zip_of(b"")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read"):
            read_pytorch_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", "{}")
    with pytest.raises(ValueError, match="cannot be read"):
        read_pytorch_file(path)
    with pytest.raises(FileNotFoundError):
        read_pytorch_file(tmp_path / "missing.pth")
