"""Reads PyTorch checkpoint files without PyTorch.

A checkpoint is a pickle, and a pickle can run any program when it is loaded. The
unpickler here resolves only the names that tensors need and rejects all others. It
supports both formats of `torch.save`: zip archives, and the format that PyTorch used
before version 1.6.
"""

import collections
import os
import pickle
import sys
import zipfile
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf

DTYPES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": tf.bfloat16.as_numpy_dtype,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
# The dtype and the bytes of a storage. Several tensors may share one.
Storage = tuple[np.dtype, np.ndarray]
# The first value of a file in the old format.
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


def read_pytorch_file(path: str | os.PathLike[str]) -> Any:
    """Returns what `torch.save` wrote, with NumPy arrays in place of tensors.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If the file is damaged, is not a PyTorch file, or contains other
            objects than tensors in dicts, lists and tuples, numbers and strings.
        OSError: If the file cannot be opened.

    Example:

    >>> read_pytorch_file("latest_net_G.pth")["model.1.weight"].shape
    (64, 3, 7, 7)
    """
    with open(path, "rb") as file:
        try:
            return _read_zip(file) if zipfile.is_zipfile(file) else _read_old(file)
        # Unpickling a damaged file can raise any exception.
        except Exception as error:
            raise ValueError(
                f"{str(path)!r} cannot be read ({error or type(error).__name__}); "
                "expected tensors that torch.save wrote."
            ) from error


def _read_zip(file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = member.removesuffix("data.pkl")
        # Missing in files of PyTorch before 2.1.
        if f"{folder}byteorder" in archive.namelist():
            _check_byte_order(archive.read(f"{folder}byteorder").decode())
        unpickler = _TensorUnpickler(archive.open(member), _size(file))
        content = unpickler.load()
        for key, (_, memory) in unpickler.storages.items():
            _fill(memory, archive.read(f"{folder}data/{key}"), key)
    return content


def _read_old(file: BinaryIO) -> Any:
    size = _size(file)
    magic_number, _, system = (_TensorUnpickler(file, size).load() for _ in range(3))
    if magic_number != MAGIC_NUMBER:
        raise ValueError("it has another magic number")
    _check_byte_order("little" if system["little_endian"] else "big")
    unpickler = _TensorUnpickler(file, size)
    content = unpickler.load()
    for key in _TensorUnpickler(file, size).load():
        dtype, memory = unpickler.storages[key]
        count = int.from_bytes(file.read(8), "little")
        _fill(memory, file.read(min(count * dtype.itemsize, size)), key)
    return content


def _check_byte_order(order: str) -> None:
    if order != sys.byteorder:
        raise ValueError(f"its byte order is {order}")


def _fill(memory: np.ndarray, data: bytes, key: str) -> None:
    if len(data) != len(memory):
        raise ValueError(f"storage {key} has {len(data)} of {len(memory)} bytes")
    memory[:] = np.frombuffer(data, np.uint8)


def _size(file: BinaryIO) -> int:
    """Returns the size of a file in bytes, and goes to its start."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


class _TensorUnpickler(pickle.Unpickler):
    """Unpickles tensors as NumPy arrays whose memory is filled afterwards.

    Args:
        file: File that is open for reading bytes.
        max_bytes: Largest size of a tensor's memory.
    """

    def __init__(self, file: Any, max_bytes: int) -> None:
        super().__init__(file, encoding="utf-8")
        self.max_bytes = max_bytes
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in DTYPES:
            return np.dtype(DTYPES[name])
        if module == "torch._utils" and name in (
            "_rebuild_tensor",
            "_rebuild_tensor_v2",
        ):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        raise ValueError(f"it contains {module}.{name}")

    def persistent_load(self, pid: Any) -> Storage:
        kind, dtype, key, _, count, *view = pid
        if kind != "storage" or any(view):
            raise ValueError(f"it contains a {kind}")
        if not 0 <= count * dtype.itemsize <= self.max_bytes:
            raise ValueError(f"storage {key} is larger than the file")
        storage = dtype, np.zeros(count * dtype.itemsize, np.uint8)
        return self.storages.setdefault(key, storage)


def _rebuild_tensor(
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_: Any,
) -> np.ndarray:
    """Returns an array over the memory of a storage; NumPy checks the bounds."""
    dtype, memory = storage
    return np.ndarray(
        shape,
        dtype,
        memory,
        offset * dtype.itemsize,
        tuple(stride * dtype.itemsize for stride in strides),
    )


def _rebuild_parameter(tensor: np.ndarray, *_: Any) -> np.ndarray:
    return tensor


FUNCTIONS = {
    "_rebuild_tensor": _rebuild_tensor,
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_parameter": _rebuild_parameter,
}
