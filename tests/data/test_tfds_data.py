import concurrent.futures
import errno
import io
import os
import pathlib
import shutil
import threading
import urllib.error

import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import download_manager, util

from kerasgan.data import celeb_a, synthetic_faces
from kerasgan.data.tfds_data import absolute_data_dir, check_writable, prepared

pytestmark = pytest.mark.usefixtures("cache", "no_network")


class Builder:
    """A tfds builder of a dataset that is a folder."""

    name = "faces"

    def __init__(self, data_dir, write=pathlib.Path.mkdir):
        self.data_path = data_dir / "faces" / "1.0.0"
        self.write = write

    def is_prepared(self):
        return self.data_path.exists()

    def download_and_prepare(self):
        self.write(self.data_path)


def test_one_of_two_that_prepare_at_once_waits(tmp_path, capsys):
    writing, go_on = threading.Event(), threading.Event()

    def write(path):
        writing.set()
        assert go_on.wait(60)
        path.mkdir()

    def fail(path):
        raise AssertionError("written twice")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(prepared, lambda: Builder(tmp_path, write))
        assert writing.wait(60)
        second = pool.submit(prepared, lambda: Builder(tmp_path, fail))
        with pytest.raises(concurrent.futures.TimeoutError):
            second.result(0.2)
        go_on.set()
        assert first.result(60).is_prepared() and second.result(60).is_prepared()
    path = tmp_path / "faces" / "1.0.0"
    assert capsys.readouterr().out == (
        f"Another process is building faces in {path}; waiting for it.\n"
    )


def test_process_that_uses_tfds_directly_may_be_faster(tmp_path):
    def write(path):
        path.mkdir()
        raise FileExistsError("there")

    assert prepared(lambda: Builder(tmp_path, write)).is_prepared()


def test_other_failures_are_raised(tmp_path):
    def write(path):
        raise FileExistsError("something else")

    with pytest.raises(FileExistsError, match="something else"):
        prepared(lambda: Builder(tmp_path, write))


def test_dataset_that_is_there_needs_no_lock(tmp_path, monkeypatch):
    Builder(tmp_path).data_path.mkdir(parents=True)
    before = list(tmp_path.rglob("*"))
    assert prepared(lambda: Builder(tmp_path)).is_prepared()
    assert list(tmp_path.rglob("*")) == before


# Downloads


def failed_download(tmp_path):
    """Returns the reason in the message, and the error."""
    with pytest.raises(FileNotFoundError) as caught:
        celeb_a(data_dir=tmp_path / "tfds")
    what, advice = str(caught.value).split("\n")
    assert what.startswith(f"celeb_a is not in {tmp_path / 'tfds' / 'celeb_a'}")
    assert "'kerasgan prepare celeb_a --from COPY --data-dir DATA_DIR'" in advice
    return what.partition("2.1.0")[2], caught.value


@pytest.fixture
def download_fails(monkeypatch):
    """Function that makes tfds fail to download."""

    def fail(error):
        def download(builder):
            raise error

        monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: io.BytesIO())
        monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)

    return fail


@pytest.fixture
def no_site(monkeypatch):
    def urlopen(url, timeout):
        raise urllib.error.URLError("unreachable")

    def download(builder):
        raise AssertionError("tfds would try for minutes")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)


@pytest.mark.usefixtures("no_site")
def test_no_network(tmp_path):
    what, error = failed_download(tmp_path)
    assert what == (
        ", and tfds could not prepare it (URLError: <urlopen error unreachable>)."
    )
    assert isinstance(error.__cause__, urllib.error.URLError)
    assert not (tmp_path / "tfds").exists()


@pytest.mark.usefixtures("no_site")
def test_other_version_that_is_there_is_named(tmp_path):
    folder = tmp_path / "tfds" / "celeb_a"
    (folder / "2.0.1").mkdir(parents=True)
    what, _ = failed_download(tmp_path)
    assert what.startswith(
        f" (version 2.0.1 found there, but tfds {tfds.__version__} reads version "
        "2.1.0), and tfds could not prepare it (URLError"
    )
    (folder / "2.0.0").mkdir()
    what, _ = failed_download(tmp_path)
    assert what.startswith(" (versions 2.0.0 and 2.0.1 found there, but tfds ")


@pytest.mark.usefixtures("no_site")
def test_incomplete_dataset_that_is_there_is_named(tmp_path):
    (tmp_path / "tfds" / "celeb_a" / "2.1.0").mkdir(parents=True)
    what, _ = failed_download(tmp_path)
    assert what.startswith(" (the folder is there, but it is incomplete), and tfds")


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (
            download_manager.NonMatchingChecksumError("https://drive", "file"),
            "NonMatchingChecksumError: ",
        ),
        (util.DownloadError("Failed to get url."), "DownloadError: Failed to get url)"),
        (requests.ConnectionError("reset"), "ConnectionError: reset)"),
        (urllib.error.HTTPError("https://drive", 429, "busy", {}, None), "HTTPError: "),
    ],
)
def test_download_that_the_server_rejects(error, what, download_fails, tmp_path):
    download_fails(error)
    message, raised = failed_download(tmp_path)
    assert message.startswith(f", and tfds could not prepare it ({what}")
    assert message.endswith("); Google Drive limits its downloads.")
    assert raised.__cause__ is error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "(OSError: [Errno 28] No space left on device).",
        ),
        (KeyError("image"), "(KeyError: 'image')."),
        (AssertionError(), "(AssertionError)."),
        (ValueError("Two lines.\nof it"), "(ValueError: Two lines)."),
    ],
)
def test_other_failures_are_not_the_servers(error, what, download_fails, tmp_path):
    download_fails(error)
    message, raised = failed_download(tmp_path)
    assert message == f", and tfds could not prepare it {what}"
    assert raised.__cause__ is error


# Files


def test_missing_and_damaged_files(tiny_synthetic_faces, tmp_path):
    shutil.copytree(tiny_synthetic_faces, tmp_path / "tfds")
    options = {"data_dir": tmp_path / "tfds", "batch_size": 8}
    (shard,) = (tmp_path / "tfds").rglob("*train.tfrecord*")
    os.truncate(shard, shard.stat().st_size - 20)
    with pytest.raises(ValueError) as caught:
        synthetic_faces(16, **options)
    message = str(caught.value)
    start = f"synthetic_faces/1.0.0 in {shard.parent} "
    end = "delete the folder and prepare the dataset again."
    assert message.startswith(f"{start}is damaged (") and message.endswith(end)
    assert ". " not in message and "\n" not in message
    shard.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        synthetic_faces(16, **options)
    assert str(caught.value) == (
        f"{start}lacks 1 of 1 files ({shard.name}); copy them there, or {end}"
    )
    # The other splits are whole.
    assert int(synthetic_faces(16, "test", **options).cardinality()) == 1


# Folders


def test_data_dir_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/tfds", "tfds", pathlib.Path("tfds"), tmp_path / "tfds"):
        assert absolute_data_dir(path) == str(tmp_path / "tfds")
    assert absolute_data_dir(None) is None


def test_data_dir_is_not_a_readable_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    for load in (celeb_a, synthetic_faces):
        with pytest.raises(NotADirectoryError) as caught:
            load(data_dir=tmp_path / "file")
        assert str(caught.value) == (
            f"data_dir is {str(tmp_path / 'file')!r}, a file; expected a folder of "
            "tfds datasets."
        )
    # Simulated: permissions do not bind the superuser, who may run the tests.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"data_dir is '.*', which cannot be rea"):
        celeb_a(data_dir=tmp_path)


@pytest.mark.parametrize("name", ["celeb_a", "synthetic_faces"])
def test_data_dir_that_cannot_be_written_to(name, tmp_path, monkeypatch):
    load = {"celeb_a": celeb_a, "synthetic_faces": synthetic_faces}[name]
    advice = "set data_dir to a folder that can be written to."
    (tmp_path / name).write_text("mine")
    with pytest.raises(NotADirectoryError) as caught:
        load(data_dir=tmp_path)
    assert str(caught.value) == (
        f"{name} cannot be written to {tmp_path / name}, because {tmp_path / name} is "
        f"not a folder; {advice}"
    )
    closed = tmp_path / "closed"
    closed.mkdir()

    def access(path, mode):
        return path != closed or not mode & os.W_OK

    monkeypatch.setattr(os, "access", access)
    for data_dir in (closed, closed / "deep" / "down"):
        with pytest.raises(PermissionError) as caught:
            load(data_dir=data_dir)
        assert str(caught.value) == (
            f"{name} cannot be written to {data_dir / name}, because there is no write "
            f"permission for {closed}; {advice}"
        )
    assert list(closed.iterdir()) == []


def test_nearest_folder(tmp_path):
    assert check_writable("x", tmp_path) == tmp_path
    assert check_writable("x", tmp_path / "deep" / "down") == tmp_path
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(NotADirectoryError, match="link is not a folder"):
        check_writable("x", tmp_path / "link" / "deep")
