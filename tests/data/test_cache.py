import collections
import concurrent.futures
import pathlib
import threading

import numpy as np
import pytest

from kerasgan.data.cache import cache_dir, cached_images

SHAPE = (2, 3, 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (10, *SHAPE), "uint8")

pytestmark = pytest.mark.usefixtures("cache")


class Decode:
    """Yields the images in uneven batches, and counts how often it was asked."""

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


def refuse():
    raise AssertionError("decoded")
    yield


def test_images_come_back_with_their_notes():
    images, notes = cached(Decode(notes={"skipped": ["a", "b"]}))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, IMAGES)
    assert notes == {"skipped": ["a", "b"]}
    images, notes = cached(refuse)
    np.testing.assert_array_equal(images, IMAGES)
    assert notes == {"skipped": ["a", "b"]}


def test_no_notes_are_an_empty_dict():
    assert cached(Decode())[1] == cached(refuse)[1] == {}


def test_the_same_facts_are_decoded_once():
    decode = Decode()
    first, _ = cached(decode, {"split": "train", "size": [2, 3]})
    again, _ = cached(decode, {"size": [2, 3], "split": "train"})
    assert decode.calls == 1
    np.testing.assert_array_equal(first, again)


def test_other_facts_are_another_entry(cache):
    first = Decode()
    cached(first)
    others = [
        ({"split": "test"}, SHAPE),
        ({"split": "train", "attribute": None}, SHAPE),
        ({"split": "train"}, (3, 2, 1)),
    ]
    for number, (facts, shape) in enumerate(others):
        images = np.full((10, *shape), number, "uint8")
        got, _ = cached(Decode(images), facts, shape)
        np.testing.assert_array_equal(got, images)
    np.testing.assert_array_equal(cached(refuse)[0], IMAGES)
    assert len(list(cache.iterdir())) == 4
    assert all(entry.name.startswith("faces-") for entry in cache.iterdir())


def test_images_are_mapped_and_cannot_be_written(cache):
    images, _ = cached(Decode())
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0
    (entry,) = cache.iterdir()
    assert (entry / "images.bin").read_bytes() == IMAGES.tobytes()
    assert sorted(file.name for file in entry.iterdir()) == ["about.json", "images.bin"]


def test_entry_has_the_modes_of_other_folders(cache, tmp_path):
    cached(Decode())
    (tmp_path / "other").mkdir()
    (entry,) = cache.iterdir()
    assert entry.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_fewer_images_than_expected_finish_the_progress_bar(capsys):
    images, _ = cached(Decode(IMAGES[:6]), total=10)
    np.testing.assert_array_equal(images, IMAGES[:6])
    assert "10/10" in capsys.readouterr().out.split("\r")[-1].split("\n")[-2]


def test_no_image_at_all():
    def decode():
        return {"skipped": ["a"]}
        yield

    for source in (decode, refuse):
        images, notes = cached(source)
        assert images.shape == (0, *SHAPE) and images.dtype == np.uint8
        assert notes == {"skipped": ["a"]}


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_interrupted_decoding_leaves_nothing(interruption, cache):
    def decode():
        yield IMAGES[:4]
        raise interruption("stopped")

    with pytest.raises(interruption, match="stopped"):
        cached(decode)
    assert list(cache.iterdir()) == []
    np.testing.assert_array_equal(cached(Decode())[0], IMAGES)


def test_killed_run_is_no_hindrance(cache):
    killed = cache / ".building-0123"
    killed.mkdir(parents=True)
    (killed / "images.bin").write_bytes(b"half")
    np.testing.assert_array_equal(cached(Decode())[0], IMAGES)


def test_two_that_build_at_once_both_succeed(cache):
    both = threading.Barrier(2)

    def decode():
        both.wait(60)
        yield IMAGES
        both.wait(60)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(cached, [decode, decode]))
    for images, _ in results:
        np.testing.assert_array_equal(images, IMAGES)
    assert len(list(cache.iterdir())) == 1


def test_full_disk(cache, monkeypatch):
    usage = collections.namedtuple("usage", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(59))
    with pytest.raises(OSError) as caught:
        cached(refuse)
    message = str(caught.value)
    assert str(cache) in message and "XDG_CACHE_HOME" in message
    assert message.endswith(".") and ". " not in message and "\n" not in message
    assert list(cache.iterdir()) == []
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(60))
    np.testing.assert_array_equal(cached(Decode())[0], IMAGES)


def test_cache_is_where_xdg_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_dir() == tmp_path / "elsewhere" / "kerasgan"
    cached(Decode())
    assert len(list((tmp_path / "elsewhere" / "kerasgan").iterdir())) == 1


@pytest.mark.parametrize("value", [None, ""])
def test_cache_is_in_the_home_folder_otherwise(value, tmp_path, monkeypatch):
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_dir() == tmp_path / ".cache" / "kerasgan"
