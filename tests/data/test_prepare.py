import dataclasses
import io
import json
import pathlib
import socket
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core import shuffle

from kerasgan.data import celeb_a_source, prepare
from kerasgan.data.prepare import PreparedCelebA, prepare_celeb_a

SPLITS = {"train": range(1, 8), "validation": range(8, 11), "test": range(11, 13)}
ATTRIBUTES = list(tfds.builder_cls("celeb_a")(data_dir="").info.features["attributes"])
LANDMARKS = [
    f"{place}_{axis}"
    for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    for axis in "xy"
]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def draw_jpeg(rng, size=(178, 218)):
    colors = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colors).resize(size).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclasses.dataclass
class Faces:
    """Twelve drawn images with random labels, and the files CelebA ships them in."""

    images: dict
    partition: dict
    attributes: dict
    landmarks: dict
    identity: dict

    def txt(self):
        def rows(values, form="{}"):
            return "".join(
                f"{name} {' '.join(form.format(v) for v in row)}\n"
                for name, row in values.items()
            )

        return {
            "list_eval_partition.txt": rows(self.partition),
            "list_attr_celeba.txt": f"{len(self.attributes)}\n{' '.join(ATTRIBUTES)} \n"
            + rows(self.attributes, "{:2}"),
            "list_landmarks_align_celeba.txt": f"{len(self.landmarks)}\n"
            + f"{' '.join(LANDMARKS)}\n"
            + rows(self.landmarks, "{:3}"),
            "identity_CelebA.txt": rows(self.identity),
        }

    def csv(self):
        def table(columns, values):
            lines = [["image_id", *columns]]
            lines += [[name, *row] for name, row in values.items()]
            return "".join(",".join(map(str, line)) + "\r\n" for line in lines)

        return {
            "list_eval_partition.csv": table(["partition"], self.partition),
            "list_attr_celeba.csv": table(ATTRIBUTES, self.attributes),
            "list_landmarks_align_celeba.csv": table(LANDMARKS, self.landmarks),
        }

    def zipped(self):
        buffer = io.BytesIO()
        write_zip(buffer, {f"img_align_celeba/{n}": b for n, b in self.images.items()})
        return buffer.getvalue()

    def kaggle(self):
        doubled = "img_align_celeba/img_align_celeba"
        return self.csv() | {f"{doubled}/{n}": b for n, b in self.images.items()}

    def remove(self, name):
        for values in vars(self).values():
            values.pop(name, None)


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    number = {"train": 0, "validation": 1, "test": 2}
    partition = {f"{i:06d}.jpg": [number[s]] for s in SPLITS for i in SPLITS[s]}
    return Faces(
        images={name: draw_jpeg(rng) for name in partition},
        partition=partition,
        attributes={n: rng.choice([-1, 1], 40).tolist() for n in partition},
        landmarks={n: rng.integers(-2, 220, 10).tolist() for n in partition},
        identity={n: [int(rng.integers(1, 10178))] for n in partition},
    )


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
    return folder


def write_official(folder, faces):
    return write_files(folder, faces.txt() | {"img_align_celeba.zip": faces.zipped()})


def official_zip(faces, tmp_path):
    return write_official(tmp_path / "celeba", faces)


def official_folder(faces, tmp_path):
    images = {f"img_align_celeba/{n}": b for n, b in faces.images.items()}
    images["img_celeba/999998.jpg"] = b"not aligned"
    return write_files(tmp_path / "celeba", faces.txt() | images)


def official_nested(faces, tmp_path):
    place = dict.fromkeys(faces.txt(), "CelebA/Anno/")
    place["list_eval_partition.txt"] = "CelebA/Eval/"
    files = {place[name] + name: text for name, text in faces.txt().items()}
    files["CelebA/Img/img_align_celeba.zip"] = faces.zipped()
    # The images before alignment have the same file names.
    files |= {f"CelebA/Img/img_celeba/{name}": b"other" for name in faces.images}
    return write_files(tmp_path / "download", files)


def kaggle_folder(faces, tmp_path):
    return write_files(tmp_path / "kaggle", faces.kaggle())


def kaggle_zip(faces, tmp_path):
    write_zip(tmp_path / "archive.zip", faces.kaggle())
    return tmp_path / "archive.zip"


def load(data_dir, split):
    """Reads with plain tfds, by the JPEGs' bytes; returns numpy records."""
    dataset = tfds.load(
        "celeb_a",
        data_dir=data_dir,
        split=split,
        decoders={"image": tfds.decode.SkipDecoding()},
    )
    return {record["image"]: record for record in dataset.as_numpy_iterator()}


def check_loaded(data_dir, faces, identity):
    for number, split in enumerate(SPLITS):
        names = [name for name, row in faces.partition.items() if row == [number]]
        records = load(data_dir, split)
        assert len(records) == len(names)
        for name in names:
            record = records[faces.images[name]]
            attributes = [record["attributes"][key] for key in ATTRIBUTES]
            assert attributes == [n == 1 for n in faces.attributes[name]]
            landmarks = [record["landmarks"][key] for key in LANDMARKS]
            assert landmarks == faces.landmarks[name]
            assert record["identity"]["Identity_No"] == identity[name][0]


@pytest.mark.parametrize("layout", [official_zip, official_folder, official_nested])
def test_official_layout(layout, faces, tmp_path):
    prepared = prepare_celeb_a(layout(faces, tmp_path), tmp_path / "tfds")
    assert prepared.splits == {"train": 7, "validation": 3, "test": 2}
    assert (prepared.left_out, prepared.notes) == ({}, ())
    check_loaded(tmp_path / "tfds", faces, faces.identity)


@pytest.mark.parametrize("layout", [kaggle_folder, kaggle_zip])
def test_kaggle_layout_has_no_identities(layout, faces, tmp_path):
    prepared = prepare_celeb_a(layout(faces, tmp_path), tmp_path / "tfds")
    assert prepared.splits == {"train": 7, "validation": 3, "test": 2}
    assert prepared.left_out == {}
    assert "Identity_No is -1" in str(prepared)
    check_loaded(tmp_path / "tfds", faces, {name: [-1] for name in faces.images})


def test_strings_are_paths_too(faces, tmp_path):
    source = official_zip(faces, tmp_path)
    prepared = prepare_celeb_a(str(source), str(tmp_path / "tfds"))
    assert prepared.path.is_dir()


def test_data_set_is_the_one_of_tfds(faces, tmp_path, capsys):
    prepared = prepare_celeb_a(official_zip(faces, tmp_path), tmp_path / "tfds")
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
    # Nothing lies beside the data set.
    assert [path.name for path in (tmp_path / "tfds").iterdir()] == ["celeb_a"]
    assert list(prepared.path.parent.iterdir()) == [prepared.path]

    decoded = tfds.load("celeb_a", data_dir=tmp_path / "tfds", split="train")
    assert next(iter(decoded))["image"].shape == (218, 178, 3)


def test_large_splits_are_sorted_on_disk(faces, tmp_path, monkeypatch):
    source = official_zip(faces, tmp_path)
    in_memory = prepare_celeb_a(source, tmp_path / "memory")
    files = set()

    def add(bucket, *arguments, add=shuffle._Bucket.add):
        files.add(bucket._path)
        add(bucket, *arguments)

    monkeypatch.setattr(shuffle._Bucket, "add", add)
    monkeypatch.setattr(prepare, "_SORT_BYTES", 1)
    on_disk = prepare_celeb_a(source, tmp_path / "disk")
    assert len(files) > 3
    assert shuffle.MAX_MEM_BUFFER_SIZE > 1
    check_loaded(tmp_path / "disk", faces, faces.identity)
    # The order is tfds's own either way, and no temporary file is left.
    for split in SPLITS:
        order = list(load(tmp_path / "disk", split))
        assert order == list(load(tmp_path / "memory", split))
    names = [
        sorted(file.name for file in prepared.path.iterdir())
        for prepared in (in_memory, on_disk)
    ]
    assert names[0] == names[1]


def test_broken_jpegs_are_left_out(faces, tmp_path):
    whole = faces.images["000001.jpg"]
    png = io.BytesIO()
    Image.new("RGB", (178, 218)).save(png, "PNG")
    broken = {
        "000001.jpg": whole[: len(whole) // 2],
        "000002.jpg": whole[:-2] + bytes(16),  # Pillow takes it, TensorFlow does not.
        "000003.jpg": whole[:-200] + bytes(200),
        "000004.jpg": b"",
        "000005.jpg": b"not a picture",
        "000008.jpg": png.getvalue() + whole[-2:],
        "000009.jpg": draw_jpeg(np.random.default_rng(1), (177, 218)),
        "000011.jpg": draw_jpeg(np.random.default_rng(1), (218, 178)),
    }
    faces.images |= broken
    # Cameras pad files; this one is whole.
    faces.images["000006.jpg"] += bytes(16)
    prepared = prepare_celeb_a(official_folder(faces, tmp_path), tmp_path / "tfds")
    assert prepared.left_out == {"broken JPEG": tuple(broken)}
    assert prepared.splits == {"train": 2, "validation": 1, "test": 1}
    for name in broken:
        faces.remove(name)
    check_loaded(tmp_path / "tfds", faces, faces.identity)


def test_damage_inside_the_zip_is_left_out(faces, tmp_path):
    source = official_zip(faces, tmp_path)
    archive = source / "img_align_celeba.zip"
    data = bytearray(archive.read_bytes())
    # Inside the entropy coded data, where a decoder alone notices nothing.
    data[
        data.index(faces.images["000003.jpg"]) + len(faces.images["000003.jpg"]) // 2
    ] ^= 1
    archive.write_bytes(data)
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    assert prepared.left_out == {"broken JPEG": ("000003.jpg",)}
    faces.remove("000003.jpg")
    check_loaded(tmp_path / "tfds", faces, faces.identity)


def test_incomplete_rows_and_images_are_left_out(faces, tmp_path):
    del faces.images["000001.jpg"]
    del faces.partition["000002.jpg"]
    del faces.attributes["000003.jpg"]
    del faces.landmarks["000004.jpg"]
    del faces.identity["000005.jpg"]
    faces.images["999999.jpg"] = faces.images["000006.jpg"]
    prepared = prepare_celeb_a(official_zip(faces, tmp_path), tmp_path / "tfds")
    assert prepared.left_out == {
        "listed but not among the images": ("000001.jpg",),
        "not in list_eval_partition.txt": ("000002.jpg",),
        "not in list_attr_celeba.txt": ("000003.jpg",),
        "not in list_landmarks_align_celeba.txt": ("000004.jpg",),
        "not in identity_CelebA.txt": ("000005.jpg",),
        "on no list": ("999999.jpg",),
    }
    for names in prepared.left_out.values():
        faces.remove(names[0])
    check_loaded(tmp_path / "tfds", faces, faces.identity)


def test_short_list_is_reported(faces, tmp_path):
    source = official_zip(faces, tmp_path)
    path = source / "list_attr_celeba.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    assert prepared.notes == ("list_attr_celeba.txt announces 12 rows and has 10",)
    assert prepared.left_out == {
        "not in list_attr_celeba.txt": ("000011.jpg", "000012.jpg")
    }
    # The two were the whole test split.
    assert prepared.splits == {"train": 7, "validation": 3, "test": 0}
    assert list(tfds.builder("celeb_a", data_dir=tmp_path / "tfds").info.splits) == [
        "train",
        "validation",
    ]


def test_hidden_files_of_macos_are_no_images(faces, tmp_path):
    source = official_folder(faces, tmp_path)
    (source / "img_align_celeba" / "._000001.jpg").write_bytes(b"metadata")
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    assert prepared.left_out == {}


def test_columns_may_have_another_order(faces, tmp_path):
    files = faces.txt()
    lines = files["list_attr_celeba.txt"].splitlines()
    lines[1] = " ".join(reversed(ATTRIBUTES))
    lines[2:] = [
        " ".join([line.split()[0], *reversed(line.split()[1:])]) for line in lines[2:]
    ]
    source = official_zip(faces, tmp_path)
    (source / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    prepare_celeb_a(source, tmp_path / "tfds")
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
        "left out 12 broken JPEG: 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 7 more",
        "something else",
    ]


def refused(error, source, data_dir):
    """Expects an error of one sentence and an untouched disk; returns the sentence."""
    with pytest.raises(error) as caught:
        prepare_celeb_a(source, data_dir)
    assert not data_dir.exists()
    message = str(caught.value)
    assert message.endswith(".") and ". " not in message and "\n" not in message
    return message


def test_missing_source(tmp_path):
    message = refused(FileNotFoundError, tmp_path / "nothing", tmp_path / "tfds")
    assert str(tmp_path / "nothing") in message


@pytest.mark.parametrize(
    "name",
    [
        "list_attr_celeba.txt",
        "list_eval_partition.txt",
        "list_landmarks_align_celeba.txt",
        "identity_CelebA.txt",
        "img_align_celeba.zip",
    ],
)
def test_missing_part(name, faces, tmp_path):
    source = official_zip(faces, tmp_path)
    (source / name).unlink()
    assert name in refused(FileNotFoundError, source, tmp_path / "tfds")


@pytest.mark.parametrize(
    ("name", "line", "content"),
    [
        ("list_attr_celeba.txt", 1, "<!DOCTYPE html>"),
        ("list_attr_celeba.txt", 2, " ".join(ATTRIBUTES[1:])),
        ("list_attr_celeba.txt", 2, " ".join(["Bearded", *ATTRIBUTES[1:]])),
        ("list_attr_celeba.txt", 4, "000002.jpg" + 39 * " 1"),
        ("list_attr_celeba.txt", 4, "000002.jpg" + 39 * " 1" + " 7"),
        ("list_landmarks_align_celeba.txt", 2, "x y"),
        ("list_landmarks_align_celeba.txt", 5, "000003.jpg 1 2 3 4 5 6 7 8 9 ten"),
        ("list_landmarks_align_celeba.txt", 5, "000003.jpg" + 10 * f" {2**70}"),
        ("list_eval_partition.txt", 1, "000001.jpg 3"),
        ("list_eval_partition.txt", 2, "000001.jpg 0"),
        ("identity_CelebA.txt", 3, "000003.jpg 1.5"),
        ("identity_CelebA.txt", 3, "\xff\xfe\x00"),
    ],
)
def test_malformed_list(name, line, content, faces, tmp_path):
    source = official_zip(faces, tmp_path)
    lines = (source / name).read_text().splitlines()
    lines[line - 1] = content
    (source / name).write_bytes("\n".join([*lines, ""]).encode("latin-1"))
    message = refused(ValueError, source, tmp_path / "tfds")
    assert name in message and f"line {line} " in message


@pytest.mark.parametrize("name", [*Faces({}, {}, {}, {}, {}).csv()])
def test_malformed_csv_header(name, faces, tmp_path):
    files = faces.kaggle()
    files[name] = files[name].replace("image_id,", "image_id,what,", 1)
    write_zip(tmp_path / "archive.zip", files)
    message = refused(ValueError, tmp_path / "archive.zip", tmp_path / "tfds")
    assert name in message and "line 1 " in message


def test_empty_list(faces, tmp_path):
    source = official_zip(faces, tmp_path)
    (source / "list_attr_celeba.txt").write_bytes(b"")
    assert "list_attr" in refused(ValueError, source, tmp_path / "tfds")


@pytest.mark.parametrize("content", [b"<html>quota exceeded</html>", None])
def test_incomplete_zip(content, faces, tmp_path):
    source = official_zip(faces, tmp_path)
    archive = source / "img_align_celeba.zip"
    archive.write_bytes(content or archive.read_bytes()[:-100])
    message = refused(ValueError, source, tmp_path / "tfds")
    assert str(archive) in message


def test_damaged_list_inside_a_zip(faces, tmp_path):
    source = kaggle_zip(faces, tmp_path)
    data = source.read_bytes()
    source.write_bytes(data.replace(b"000002.jpg,0", b"000002.jpg,1", 1))
    message = refused(ValueError, source, tmp_path / "tfds")
    assert "list_eval_partition.csv" in message


def test_no_usable_image(faces, tmp_path):
    faces.images = dict.fromkeys(faces.images, b"broken")
    source = official_zip(faces, tmp_path)
    assert "12 broken JPEG" in refused(ValueError, source, tmp_path / "tfds")


def test_full_disk(faces, tmp_path, monkeypatch):
    usage = dataclasses.make_dataclass("usage", ["free"])(1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    source = official_zip(faces, tmp_path)
    assert "GB free" in refused(OSError, source, tmp_path / "tfds")


def test_data_set_that_is_already_there_is_kept(faces, tmp_path):
    source = official_zip(faces, tmp_path)
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    before = {path: path.stat().st_mtime_ns for path in prepared.path.iterdir()}
    with pytest.raises(FileExistsError, match="already has celeb_a") as caught:
        prepare_celeb_a(source, tmp_path / "tfds")
    assert str(prepared.path) in str(caught.value)
    assert before == {path: path.stat().st_mtime_ns for path in prepared.path.iterdir()}


@pytest.mark.parametrize("below", ["", "deep/down"])
def test_data_dir_that_is_a_file(below, faces, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match=r"data_dir .* is not a folder"):
        prepare_celeb_a(official_zip(faces, tmp_path), tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_data_dir_that_cannot_be_written_to(faces, tmp_path, monkeypatch):
    # Not by its mode: the superuser may write everywhere.
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    source = official_zip(faces, tmp_path)
    assert "cannot be written" in refused(ValueError, source, tmp_path / "tfds")


@pytest.mark.parametrize("interruption", [OSError, KeyboardInterrupt])
def test_interrupted_run_leaves_nothing(interruption, faces, tmp_path, monkeypatch):
    source = official_zip(faces, tmp_path)
    reads = []

    def read(images, name, read=celeb_a_source.Images.read):
        reads.append(name)
        if len(reads) > 12 + 9:  # All are checked, then written one by one.
            raise interruption("interrupted")
        return read(images, name)

    with monkeypatch.context() as patch:
        patch.setattr(celeb_a_source.Images, "read", read)
        with pytest.raises(interruption):
            prepare_celeb_a(source, tmp_path / "tfds")
    assert not [path for path in (tmp_path / "tfds").rglob("*") if path.is_file()]
    with pytest.raises(AssertionError, match="could not find data"):
        tfds.load("celeb_a", data_dir=tmp_path / "tfds", download=False, split="train")

    prepare_celeb_a(source, tmp_path / "tfds")
    check_loaded(tmp_path / "tfds", faces, faces.identity)


def test_killed_run_is_no_hindrance(faces, tmp_path):
    # What tfds has on disk when the process is killed while writing.
    killed = tmp_path / "tfds" / "celeb_a" / "incomplete.ABC123_2.1.0"
    write_files(killed, {"celeb_a-train.tfrecord-00000-of-00001": b"half"})
    prepared = prepare_celeb_a(official_zip(faces, tmp_path), tmp_path / "tfds")
    assert len(prepared.notes) == 1 and str(killed) in prepared.notes[0]
    check_loaded(tmp_path / "tfds", faces, faces.identity)
