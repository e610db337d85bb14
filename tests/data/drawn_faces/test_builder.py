import contextlib
import io
import socket
import types

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from kerasgan.data.drawn_faces import worker
from kerasgan.data.drawn_faces.attributes import LANDMARKS
from kerasgan.data.drawn_faces.builder import SyntheticFaces
from kerasgan.data.drawn_faces.drawing import draw_face

COUNTS = {"train": 8, "validation": 4, "test": 4}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A builder of few faces, where they are, and what preparing them printed."""

    def reject(*arguments, **options):
        raise AssertionError("the network was used")

    data_dir = tmp_path_factory.mktemp("faces")
    output, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        patch.setattr(SyntheticFaces, "IMAGES", COUNTS)
        patch.setattr(socket.socket, "connect", reject)
        patch.setattr(socket, "getaddrinfo", reject)
        builder = SyntheticFaces(data_dir=data_dir)
        builder.download_and_prepare()
    return types.SimpleNamespace(
        builder=builder,
        data_dir=data_dir,
        output=output.getvalue(),
        errors=errors.getvalue(),
    )


def records(data_dir, split):
    dataset = tfds.load(
        "synthetic_faces",
        data_dir=data_dir,
        split=split,
        decoders={"image": tfds.decode.SkipDecoding()},
    )
    return list(dataset.as_numpy_iterator())


def test_ten_thousand_images():
    assert SyntheticFaces.IMAGES == {"train": 8000, "validation": 1000, "test": 1000}


def test_features_are_those_of_celeb_a(tmp_path):
    own = SyntheticFaces(data_dir=tmp_path).info.features
    celeb_a = tfds.builder("celeb_a", data_dir=tmp_path).info.features
    assert own.to_json() == celeb_a.to_json()
    assert own.get_serialized_info() == celeb_a.get_serialized_info()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_dataset_contains_the_drawn_faces(prepared):
    splits = prepared.builder.info.splits
    assert {name: split.num_examples for name, split in splits.items()} == COUNTS
    first = 0
    for split, count in COUNTS.items():
        drawn = {}
        for index in range(first, first + count):
            face = draw_face(SyntheticFaces.SEED, index)
            drawn[tuple(face.landmarks.values()), face.identity] = face
        read = records(prepared.data_dir, split)
        assert len(read) == len(drawn) == count
        for record in read:
            landmarks = {key: int(n) for key, n in record["landmarks"].items()}
            identity = int(record["identity"]["Identity_No"])
            spots = tuple(landmarks[key] for key in LANDMARKS)
            face = drawn.pop((spots, identity))
            assert landmarks == face.landmarks
            attributes = {key: bool(n) for key, n in record["attributes"].items()}
            assert attributes == face.attributes
            jpeg = Image.open(io.BytesIO(record["image"]))
            assert (jpeg.format, jpeg.size) == ("JPEG", (178, 218))
            assert np.abs(np.asarray(jpeg, int) - face.image).mean() < 3
        first += count


def test_as_dataset_decodes(prepared):
    example = next(iter(prepared.builder.as_dataset(split="train")))
    assert example["image"].shape == (218, 178, 3)
    assert example["image"].dtype == "uint8"


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_each_preparation_writes_the_same_bytes(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(SyntheticFaces, "IMAGES", COUNTS)
    SyntheticFaces(data_dir=tmp_path).download_and_prepare()
    for split in COUNTS:
        first, second = (
            [record["image"] for record in records(data_dir, split)]
            for data_dir in (prepared.data_dir, tmp_path)
        )
        assert first == second


def test_drawing_is_not_announced_as_a_download(prepared):
    path = prepared.data_dir / "synthetic_faces" / "1.0.0"
    assert prepared.output == f"Drawing 16 faces into {path} ...\n"
    assert "Generating train examples" in prepared.errors
    assert "ownload" not in prepared.errors


def test_nobody_is_in_two_splits():
    # Identities increase with the index, so the ends of the splits are enough.
    first = 0
    for count in list(SyntheticFaces.IMAGES.values())[:-1]:
        first += count
        assert draw_face(0, first - 1).identity < draw_face(0, first).identity


def test_failure_of_a_worker_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(SyntheticFaces, "IMAGES", COUNTS)
    monkeypatch.setattr(worker, "__file__", str(tmp_path / "missing.py"))
    with pytest.raises(RuntimeError, match="ended with status 2"):
        SyntheticFaces(data_dir=tmp_path / "data").download_and_prepare()
    assert not (tmp_path / "data" / "synthetic_faces" / "1.0.0").exists()
