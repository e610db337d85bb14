import dataclasses
import io
import json
import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core import shuffle

from kerasgan.data import celeb_a_source, prepare
from kerasgan.data.prepare import PreparedCelebA, prepare_celeb_a

pytestmark = pytest.mark.usefixtures("no_network")


def test_official_layout(faces, tmp_path, check_loaded):
    source = faces.official_nested(tmp_path)
    prepared = prepare_celeb_a(str(source), str(tmp_path / "tfds"))
    assert prepared.splits == {"train": 7, "validation": 3, "test": 2}
    assert (prepared.left_out, prepared.notes) == ({}, ())
    check_loaded(tmp_path / "tfds", faces, faces.identity)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_kaggle_layout_has_no_identities(faces, tmp_path, check_loaded):
    prepared = prepare_celeb_a(faces.kaggle_zip(tmp_path), tmp_path / "tfds")
    assert prepared.splits == {"train": 7, "validation": 3, "test": 2}
    assert prepared.left_out == {}
    assert "Identity_No is -1" in str(prepared)
    check_loaded(tmp_path / "tfds", faces, {name: [-1] for name in faces.images})


def test_paths_in_the_home_folder(faces, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(prepare, "_write", lambda *arguments: None)
    faces.official_zip(tmp_path)
    prepared = prepare_celeb_a("~/celeba", "~/tfds")
    assert prepared.path == tmp_path / "tfds" / "celeb_a" / "2.1.0"


def test_dataset_is_that_of_tfds(faces, tmp_path, capsys):
    prepared = prepare_celeb_a(faces.official_zip(tmp_path), tmp_path / "tfds")
    captured = capsys.readouterr()
    assert captured.out == "" and "Checking images" in captured.err

    own = tfds.builder_cls("celeb_a")(data_dir=tmp_path / "elsewhere")
    read = tfds.builder("celeb_a", data_dir=tmp_path / "tfds")
    assert type(read) is type(own)
    assert pathlib.Path(read.data_dir) == prepared.path
    assert read.info.full_name == own.info.full_name
    assert read.info.features.to_json() == own.info.features.to_json()
    assert read.info.citation == own.info.citation
    assert list(read.info.splits) == ["train", "validation", "test"]
    about = json.loads((prepared.path / "dataset_info.json").read_text())
    assert about["moduleName"] == type(own).__module__
    # Nothing else is written.
    assert [path.name for path in (tmp_path / "tfds").iterdir()] == ["celeb_a"]
    assert list(prepared.path.parent.iterdir()) == [prepared.path]

    decoded = tfds.load("celeb_a", data_dir=tmp_path / "tfds", split="train")
    assert next(iter(decoded))["image"].shape == (218, 178, 3)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_large_splits_are_sorted_on_disk(
    faces, tmp_path, monkeypatch, check_loaded, read_celeb_a
):
    source = faces.official_zip(tmp_path)
    in_memory = prepare_celeb_a(source, tmp_path / "memory")
    files = set()

    def add(bucket, *arguments, add=shuffle._Bucket.add):
        files.add(bucket._path)
        add(bucket, *arguments)

    monkeypatch.setattr(shuffle._Bucket, "add", add)
    monkeypatch.setattr(prepare, "_SORT_BYTES", 1)
    monkeypatch.setattr(prepare, "_SORT_FILES", 10)
    on_disk = prepare_celeb_a(source, tmp_path / "disk")
    assert len(files) > 3
    assert shuffle.MAX_MEM_BUFFER_SIZE > 1
    check_loaded(tmp_path / "disk", faces, faces.identity)
    # Both have the order of tfds, and no temporary files are left.
    for split in ("train", "validation", "test"):
        order = list(read_celeb_a(tmp_path / "disk", split))
        assert order == list(read_celeb_a(tmp_path / "memory", split))
    names = [
        sorted(file.name for file in prepared.path.iterdir())
        for prepared in (in_memory, on_disk)
    ]
    assert names[0] == names[1]


def test_broken_jpegs_are_left_out(faces, draw_jpeg, tmp_path, check_loaded):
    whole = faces.images["000001.jpg"]
    png = io.BytesIO()
    Image.new("RGB", (178, 218)).save(png, "PNG")
    broken = {
        "000001.jpg": whole[: len(whole) // 2],
        "000002.jpg": whole[:-2] + bytes(16),  # Pillow accepts it, TensorFlow does not.
        "000003.jpg": whole[:-200] + bytes(200),
        "000004.jpg": b"",
        "000005.jpg": b"not a picture",
        "000008.jpg": png.getvalue() + whole[-2:],
        "000009.jpg": draw_jpeg(np.random.default_rng(1), (177, 218)),
        "000011.jpg": draw_jpeg(np.random.default_rng(1), (218, 178)),
    }
    faces.images |= broken
    # This one is complete: cameras pad files.
    faces.images["000006.jpg"] += bytes(16)
    prepared = prepare_celeb_a(faces.official_folder(tmp_path), tmp_path / "tfds")
    assert prepared.left_out == {"broken JPEG": tuple(broken)}
    assert prepared.splits == {"train": 2, "validation": 1, "test": 1}
    for name in broken:
        faces.remove(name)
    check_loaded(tmp_path / "tfds", faces, faces.identity)


@pytest.mark.slow
def test_damaged_images_in_a_zip_are_left_out(faces, tmp_path, check_loaded):
    source = faces.official_zip(tmp_path)
    archive = source / "img_align_celeba.zip"
    data = bytearray(archive.read_bytes())
    # In the entropy-coded data, where only the checksum of the zip file shows it.
    data[
        data.index(faces.images["000003.jpg"]) + len(faces.images["000003.jpg"]) // 2
    ] ^= 1
    archive.write_bytes(data)
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    assert prepared.left_out == {"broken JPEG": ("000003.jpg",)}
    faces.remove("000003.jpg")
    check_loaded(tmp_path / "tfds", faces, faces.identity)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_incomplete_rows_and_images_are_left_out(faces, tmp_path, check_loaded):
    del faces.images["000001.jpg"]
    del faces.partition["000002.jpg"]
    del faces.attributes["000003.jpg"]
    del faces.landmarks["000004.jpg"]
    del faces.identity["000005.jpg"]
    faces.images["999999.jpg"] = faces.images["000006.jpg"]
    prepared = prepare_celeb_a(faces.official_zip(tmp_path), tmp_path / "tfds")
    assert prepared.left_out == {
        "in a list but without an image": ("000001.jpg",),
        "not in list_eval_partition.txt": ("000002.jpg",),
        "not in list_attr_celeba.txt": ("000003.jpg",),
        "not in list_landmarks_align_celeba.txt": ("000004.jpg",),
        "not in identity_CelebA.txt": ("000005.jpg",),
        "in no list": ("999999.jpg",),
    }
    for names in prepared.left_out.values():
        faces.remove(names[0])
    check_loaded(tmp_path / "tfds", faces, faces.identity)


def test_report_names_the_first_few(tmp_path):
    prepared = PreparedCelebA(
        path=tmp_path,
        splits={"train": 3, "validation": 0, "test": 1},
        left_out={"broken JPEG": tuple(f"{i}.jpg" for i in range(12))},
        notes=("something else",),
    )
    assert str(prepared).splitlines() == [
        f"4 images (train 3, validation 0, test 1) in {tmp_path}",
        "left out 12 (broken JPEG): 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 7 more",
        "something else",
    ]


def test_missing_source(tmp_path, rejected):
    message = rejected(FileNotFoundError, tmp_path / "nothing", tmp_path / "tfds")
    assert str(tmp_path / "nothing") in message


def test_no_usable_image(faces, tmp_path, rejected):
    faces.images = dict.fromkeys(faces.images, b"broken")
    source = faces.official_zip(tmp_path)
    assert "12 broken JPEG" in rejected(ValueError, source, tmp_path / "tfds")


def test_full_disk(faces, tmp_path, monkeypatch, rejected):
    usage = dataclasses.make_dataclass("usage", ["free"])(1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    source = faces.official_zip(tmp_path)
    assert "GB free" in rejected(OSError, source, tmp_path / "tfds")


def test_existing_dataset_is_kept(faces, tmp_path):
    source = faces.official_zip(tmp_path)
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    before = {path: path.stat().st_mtime_ns for path in prepared.path.iterdir()}
    with pytest.raises(FileExistsError, match="already has celeb_a") as caught:
        prepare_celeb_a(source, tmp_path / "tfds")
    assert str(prepared.path) in str(caught.value)
    assert before == {path: path.stat().st_mtime_ns for path in prepared.path.iterdir()}


@pytest.mark.parametrize("below", ["", "deep/down"])
def test_data_dir_that_is_a_file(below, faces, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="file is not a folder; set data_dir"):
        prepare_celeb_a(faces.official_zip(tmp_path), tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_data_dir_that_cannot_be_written_to(faces, tmp_path, monkeypatch, rejected):
    # Simulated: permissions do not bind the superuser, who may run the tests.
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    source = faces.official_zip(tmp_path)
    message = rejected(PermissionError, source, tmp_path / "tfds")
    assert f"no write permission for {tmp_path}" in message


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_interrupted_run_leaves_nothing(faces, tmp_path, monkeypatch, check_loaded):
    source = faces.official_zip(tmp_path)
    for interruption in (OSError, KeyboardInterrupt):
        reads = []

        def read(
            images,
            name,
            read=celeb_a_source.Images.read,
            reads=reads,
            interruption=interruption,
        ):
            reads.append(name)
            if len(reads) > 12 + 9:  # All are checked first, and then written.
                raise interruption("interrupted")
            return read(images, name)

        with monkeypatch.context() as patch:
            patch.setattr(celeb_a_source.Images, "read", read)
            with pytest.raises(interruption):
                prepare_celeb_a(source, tmp_path / "tfds")
        assert not [path for path in (tmp_path / "tfds").rglob("*") if path.is_file()]
        with pytest.raises(AssertionError, match="could not find data"):
            tfds.load(
                "celeb_a", data_dir=tmp_path / "tfds", download=False, split="train"
            )

    prepare_celeb_a(source, tmp_path / "tfds")
    check_loaded(tmp_path / "tfds", faces, faces.identity)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_killed_run_can_be_repeated(faces, tmp_path, check_loaded):
    # The files of tfds when its process is killed while it writes.
    killed = tmp_path / "tfds" / "celeb_a" / "incomplete.ABC123_2.1.0"
    killed.mkdir(parents=True)
    (killed / "celeb_a-train.tfrecord-00000-of-00001").write_bytes(b"half")
    prepared = prepare_celeb_a(faces.official_zip(tmp_path), tmp_path / "tfds")
    assert len(prepared.notes) == 1 and str(killed) in prepared.notes[0]
    check_loaded(tmp_path / "tfds", faces, faces.identity)
