import collections
import concurrent.futures
import errno
import os
import pathlib
import threading

import numpy as np
import pytest

from kerasgan.data.cache import cache_dir, cached_images

SHAPE = (2, 3, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (10, *SHAPE), "uint8")

pytestmark = pytest.mark.usefixtures("cache")


class Decode:
    """Yields the images in uneven batches, and counts the calls."""

    def __init__(self, images=IMAGES, notes=None):
        self.images = images
        self.notes = notes
        self.calls = 0

    def __call__(self):
        self.calls += 1
        yield self.images[:1]
        yield self.images[1:4]
        yield self.images[4:]
        return self.notes


def cached(decode, facts=None, shape=SHAPE, total=10):
    return cached_images("faces", facts or {"split": "train"}, shape, total, decode)


def reject():
    raise AssertionError("decoded")
    yield


def entries(cache):
    return [path for path in cache.iterdir() if not path.name.startswith(".")]


def test_images_come_back_with_their_notes():
    for decode in (Decode(notes={"skipped": ["a", "b"]}), reject):
        images, notes = cached(decode)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, IMAGES)
        assert notes == {"skipped": ["a", "b"]}


def test_notes_are_a_dict_by_default():
    assert cached(Decode())[1] == cached(reject)[1] == {}


def test_same_facts_are_decoded_once():
    decode = Decode()
    first, _ = cached(decode, {"split": "train", "size": [2, 3]})
    again, _ = cached(decode, {"size": [2, 3], "split": "train"})
    assert decode.calls == 1
    np.testing.assert_array_equal(first, again)


def test_other_facts_are_another_entry(cache):
    cached(Decode())
    others = [
        ({"split": "test"}, SHAPE),
        ({"split": "train", "attribute": None}, SHAPE),
        ({"split": "train"}, (3, 2, 1)),
    ]
    for number, (facts, shape) in enumerate(others):
        images = np.full((10, *shape), number, "uint8")
        got, _ = cached(Decode(images), facts, shape)
        np.testing.assert_array_equal(got, images)
    np.testing.assert_array_equal(cached(reject)[0], IMAGES)
    assert len(entries(cache)) == 4
    assert all(entry.name.startswith("faces-") for entry in entries(cache))


def test_images_are_mapped_and_read_only(cache):
    images, _ = cached(Decode())
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0
    (entry,) = entries(cache)
    assert (entry / "images.bin").read_bytes() == IMAGES.tobytes()
    assert sorted(file.name for file in entry.iterdir()) == ["about.json", "images.bin"]


def test_entry_has_the_permissions_of_other_folders(cache, tmp_path):
    cached(Decode())
    (tmp_path / "other").mkdir()
    (entry,) = entries(cache)
    assert entry.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_files_are_on_disk_before_the_entry_appears(cache, monkeypatch):
    synced = []

    def fsync(descriptor, original=os.fsync):
        synced.append((os.readlink(f"/proc/self/fd/{descriptor}"), entries(cache)))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    cached(Decode())
    (images, none), (about, also_none), (folder, there) = synced
    assert images.endswith("/images.bin") and about.endswith("/about.json")
    assert none == also_none == []
    assert pathlib.Path(folder) == cache and there == entries(cache)


def test_fewer_images_than_expected_finish_the_progress_bar(capsys):
    images, _ = cached(Decode(IMAGES[:6]), total=10)
    np.testing.assert_array_equal(images, IMAGES[:6])
    assert "10/10" in capsys.readouterr().out.split("\r")[-1].split("\n")[-2]


def test_no_image_at_all():
    def decode():
        return {"skipped": ["a"]}
        yield

    for source in (decode, reject):
        images, notes = cached(source)
        assert images.shape == (0, *SHAPE) and images.dtype == np.uint8
        assert notes == {"skipped": ["a"]}


# Damage


def truncate(entry):
    os.truncate(entry / "images.bin", 41)


def extend(entry):
    os.truncate(entry / "images.bin", 61)


def empty(entry):
    os.truncate(entry / "images.bin", 0)


def lose_images(entry):
    (entry / "images.bin").unlink()


def truncate_about(entry):
    os.truncate(entry / "about.json", 20)


def zero_about(entry):
    (entry / "about.json").write_bytes(bytes(100))


def lose_about(entry):
    (entry / "about.json").unlink()


def change_about(entry):
    (entry / "about.json").write_text('{"shape": [20, 1, 3, 1], "notes": {}}')


def replace_by_a_file(entry):
    for file in entry.iterdir():
        file.unlink()
    entry.rmdir()
    entry.write_text("")


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (truncate, "images.bin has 41 bytes; expected 60"),
        (extend, "images.bin has 61 bytes; expected 60"),
        (empty, "images.bin has 0 bytes; expected 60"),
        (lose_images, "FileNotFoundError"),
        (truncate_about, "JSONDecodeError"),
        (zero_about, "JSONDecodeError"),
        (lose_about, "FileNotFoundError"),
        (change_about, "images.bin has 60 bytes; expected 60 for images of shape"),
        (replace_by_a_file, "NotADirectoryError"),
    ],
)
def test_damaged_entry_is_built_again(damage, what, cache):
    cached(Decode())
    (entry,) = entries(cache)
    damage(entry)
    with pytest.warns(UserWarning) as caught:
        images, _ = cached(Decode())
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith(f"The cache entry {entry} is damaged ({what}")
    assert text.endswith("); its images are decoded again.")
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(cached(reject)[0], IMAGES)


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_interrupted_decoding_leaves_nothing(interruption, cache):
    def decode():
        yield IMAGES[:4]
        raise interruption("stopped")

    with pytest.raises(interruption, match="stopped"):
        cached(decode)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]
    np.testing.assert_array_equal(cached(Decode())[0], IMAGES)


def test_errors_of_decoding_are_not_those_of_the_cache():
    def decode():
        yield IMAGES[:4]
        raise FileNotFoundError(errno.ENOENT, "No such file", "a.png")

    with pytest.raises(FileNotFoundError) as caught:
        cached(decode)
    assert "XDG_CACHE_HOME" not in str(caught.value)


def test_only_one_of_two_decodes(cache):
    decoding, go_on = threading.Event(), threading.Event()

    def decode():
        decoding.set()
        assert go_on.wait(60)
        yield IMAGES

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(cached, decode)
        assert decoding.wait(60)
        second = pool.submit(cached, reject)
        with pytest.raises(concurrent.futures.TimeoutError):
            second.result(0.2)
        go_on.set()
        for result in (first, second):
            np.testing.assert_array_equal(result.result(60)[0], IMAGES)
    assert len(entries(cache)) == 1


# Folders that cannot be written to


def test_full_disk(cache, monkeypatch):
    usage = collections.namedtuple("usage", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(59))
    with pytest.raises(OSError) as caught:
        cached(reject)
    message = str(caught.value)
    assert str(cache) in message and "XDG_CACHE_HOME" in message
    assert message.endswith(".") and ". " not in message and "\n" not in message
    assert entries(cache) == []
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(60))
    np.testing.assert_array_equal(cached(Decode())[0], IMAGES)


def fail_to(function, error_number, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(error_number, os.strerror(error_number))

    monkeypatch.setattr(function, fail)


@pytest.mark.parametrize(
    ("function", "error_number"),
    [
        ("pathlib.Path.mkdir", errno.EACCES),
        ("pathlib.Path.mkdir", errno.EROFS),
        ("filelock.FileLock.acquire", errno.EACCES),
        ("filelock.FileLock.acquire", errno.EROFS),
        ("os.fsync", errno.EIO),
        ("json.dump", errno.ENOSPC),
        ("pathlib.Path.rename", errno.EACCES),
    ],
)
def test_folder_that_cannot_be_written_to(function, error_number, cache, monkeypatch):
    # Simulated: permissions do not bind the superuser, who may run the tests.
    fail_to(function, error_number, monkeypatch)
    with pytest.raises(OSError) as caught:
        cached(Decode())
    reason = os.strerror(error_number)
    assert type(caught.value) is type(OSError(error_number, reason))
    assert str(caught.value) == (
        f"Decoded images cannot be kept in {cache} ({reason}); set XDG_CACHE_HOME to a "
        "folder that can be written to."
    )


def test_entry_of_a_read_only_cache_is_used(monkeypatch):
    cached(Decode())
    for function in ("pathlib.Path.mkdir", "filelock.FileLock.acquire"):
        fail_to(function, errno.EROFS, monkeypatch)
    np.testing.assert_array_equal(cached(reject)[0], IMAGES)


@pytest.mark.parametrize("below", ["", "deep/down"])
def test_file_where_the_cache_should_be(below, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    root = tmp_path / "file" / below
    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    with pytest.raises(NotADirectoryError) as caught:
        cached(reject)
    message = str(caught.value)
    assert message.startswith(f"Decoded images cannot be kept in {root / 'kerasgan'} (")
    assert "set XDG_CACHE_HOME to a folder" in message
    assert (tmp_path / "file").read_text() == "mine"


# The place of the cache


def test_cache_is_in_xdg_cache_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_dir() == tmp_path / "elsewhere" / "kerasgan"
    cached(Decode())
    assert len(entries(tmp_path / "elsewhere" / "kerasgan")) == 1


@pytest.mark.parametrize("value", ["~/elsewhere", "elsewhere"])
def test_xdg_cache_home_is_made_absolute(value, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_dir() == tmp_path / "elsewhere" / "kerasgan"


@pytest.mark.parametrize("value", [None, ""])
def test_cache_is_in_the_home_folder_by_default(value, tmp_path, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_dir() == tmp_path / ".cache" / "kerasgan"


def test_no_home_folder(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(pathlib.Path, "home", home)
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(OSError, match="set XDG_CACHE_HOME to a folder"):
        cached(reject)
