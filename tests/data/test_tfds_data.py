import errno
import io
import subprocess
import sys
import urllib.error

import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import download_manager, util

from kerasgan.data import celeb_a
from kerasgan.data.drawn_faces.builder import SyntheticFaces
from kerasgan.data.tfds_data import prepared

# Draws few faces, but not before another process is about to do the same.
PROGRAM = """
import pathlib, sys, time
from kerasgan.data import synthetic_faces
from kerasgan.data.drawn_faces.builder import SyntheticFaces

data_dir, own, other = map(pathlib.Path, sys.argv[1:])
SyntheticFaces.IMAGES = {"train": 8, "validation": 4, "test": 4}
splits = SyntheticFaces._split_generators

def wait_for_the_other(builder, dl_manager):
    own.touch()
    while not other.exists():
        time.sleep(0.01)
    return splits(builder, dl_manager)

SyntheticFaces._split_generators = wait_for_the_other
faces = synthetic_faces(8, "all", data_dir=data_dir, batch_size=16, seed=0)
(batch,) = faces.as_numpy_iterator()
print(len(batch), batch.mean())
"""


def test_two_processes_that_draw_at_once_both_go_on(tmp_path, cache):
    marks = [tmp_path / "first", tmp_path / "second"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, tmp_path / "tfds", *order],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for order in (marks, marks[::-1])
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors
    said = [output.splitlines()[-1] for output, _ in outputs]
    assert said[0] == said[1] and said[0].startswith("16 ")
    # One data set, and nothing beside it.
    (version,) = (tmp_path / "tfds" / "synthetic_faces").iterdir()
    assert version.name == "1.0.0"


def test_data_set_that_appears_before_drawing_starts(tiny_synthetic_faces, tmp_path):
    def make():
        builder = SyntheticFaces(data_dir=tmp_path)
        if not list(tmp_path.iterdir()):
            # As another process does now.
            (tmp_path / "synthetic_faces").symlink_to(
                tiny_synthetic_faces / "synthetic_faces"
            )
        return builder

    assert prepared(make).info.splits["train"].num_examples == 48


def test_failure_of_its_own_is_no_race(tmp_path, monkeypatch):
    def fail(builder):
        raise FileExistsError("something else")

    monkeypatch.setattr(SyntheticFaces, "download_and_prepare", fail)
    with pytest.raises(FileExistsError, match="something else"):
        prepared(lambda: SyntheticFaces(data_dir=tmp_path))


def failed_download(tmp_path):
    """Returns what happened, as the message says it, and the error."""
    with pytest.raises(FileNotFoundError) as caught:
        celeb_a(data_dir=tmp_path / "tfds")
    what, advice = str(caught.value).split("\n")
    assert what.startswith(f"celeb_a is not in {tmp_path / 'tfds' / 'celeb_a'}")
    assert "'kerasgan prepare celeb_a --from COPY --data-dir DATA_DIR'" in advice
    assert not (tmp_path / "tfds").exists()
    return what.partition(", and tfds could not prepare it ")[2], caught.value


def test_no_network(monkeypatch, tmp_path):
    def urlopen(url, timeout):
        raise urllib.error.URLError("unreachable")

    def download(builder):
        raise AssertionError("tfds would try for minutes")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)
    what, error = failed_download(tmp_path)
    assert what == "(URLError: <urlopen error unreachable>)."
    assert isinstance(error.__cause__, urllib.error.URLError)


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
def test_download_that_the_site_refuses(error, what, monkeypatch, tmp_path):
    def download(builder):
        raise error

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: io.BytesIO())
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)
    said, raised = failed_download(tmp_path)
    assert said.startswith(f"({what}")
    assert said.endswith("); Google Drive limits its downloads.")
    assert raised.__cause__ is error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "(OSError: [Errno 28] No space left on device).",
        ),
        (PermissionError(13, "Permission denied"), "(PermissionError: [Errno 13] Per"),
        (KeyError("image"), "(KeyError: 'image')."),
        (AssertionError(), "(AssertionError)."),
        (ValueError("Two lines.\nof it"), "(ValueError: Two lines)."),
    ],
)
def test_other_failures_are_not_the_sites(error, what, monkeypatch, tmp_path):
    def download(builder):
        raise error

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: io.BytesIO())
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)
    said, raised = failed_download(tmp_path)
    assert said.startswith(what) and "Google" not in said
    assert raised.__cause__ is error
