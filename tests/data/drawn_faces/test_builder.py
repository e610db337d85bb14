import io

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from kerasgan.data.drawn_faces import worker
from kerasgan.data.drawn_faces.attributes import LANDMARKS
from kerasgan.data.drawn_faces.builder import SyntheticFaces
from kerasgan.data.drawn_faces.drawing import draw_face

COUNTS = {"train": 8, "validation": 4, "test": 4}


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(SyntheticFaces, "IMAGES", COUNTS)


def prepare(data_dir):
    builder = SyntheticFaces(data_dir=data_dir)
    builder.download_and_prepare()
    return builder


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


def test_what_is_written_is_what_is_drawn(few, tmp_path):
    builder = prepare(tmp_path)
    assert {n: s.num_examples for n, s in builder.info.splits.items()} == COUNTS
    first = 0
    for split, count in COUNTS.items():
        drawn = {}
        for index in range(first, first + count):
            face = draw_face(SyntheticFaces.SEED, index)
            drawn[tuple(face.landmarks.values()), face.identity] = face
        read = records(tmp_path, split)
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


def test_as_dataset_decodes(few, tmp_path):
    example = next(iter(prepare(tmp_path).as_dataset(split="train")))
    assert example["image"].shape == (218, 178, 3)
    assert example["image"].dtype == "uint8"


def test_every_preparation_writes_the_same_bytes(few, tmp_path):
    prepare(tmp_path / "first")
    prepare(tmp_path / "second")
    for split in COUNTS:
        first, second = (
            [r["image"] for r in records(tmp_path / name, split)]
            for name in ("first", "second")
        )
        assert first == second


def test_nobody_is_in_two_splits():
    # Identities rise with the index, so it is enough to look where splits meet.
    first = 0
    for count in list(SyntheticFaces.IMAGES.values())[:-1]:
        first += count
        assert draw_face(0, first - 1).identity < draw_face(0, first).identity


@pytest.mark.usefixtures("no_network")
def test_no_network_is_used(few, tmp_path, capsys):
    prepare(tmp_path)
    assert "Generating train examples" in capsys.readouterr().err


def test_worker_that_fails_is_reported(few, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "__file__", str(tmp_path / "missing.py"))
    with pytest.raises(RuntimeError, match="ended with status 2"):
        prepare(tmp_path / "data")
    assert not (tmp_path / "data" / "synthetic_faces" / "1.0.0").exists()
