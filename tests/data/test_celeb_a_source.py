import pytest
import tensorflow_datasets as tfds

from kerasgan.data.celeb_a_source import open_source
from kerasgan.data.drawn_faces.attributes import ATTRIBUTES, LANDMARKS
from kerasgan.data.prepare import prepare_celeb_a

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def features():
    return tfds.builder_cls("celeb_a")(data_dir="").info.features


@pytest.mark.parametrize(
    "layout",
    [
        "official_zip",
        "official_folder",
        "official_nested",
        "kaggle_folder",
        "kaggle_zip",
    ],
)
def test_lists_and_images_are_found(layout, faces, features, tmp_path):
    with open_source(getattr(faces, layout)(tmp_path), features) as found:
        expected = {
            "list_eval_partition": (["partition"], faces.partition),
            "list_attr_celeba": (ATTRIBUTES, faces.attributes),
            "list_landmarks_align_celeba": (LANDMARKS, faces.landmarks),
            "identity_CelebA": (["Identity_No"], faces.identity),
        }
        if "kaggle" in layout:
            del expected["identity_CelebA"]
        assert set(found.lists) == set(expected)
        suffix = "csv" if "kaggle" in layout else "txt"
        for stem, (columns, rows) in expected.items():
            read = found.lists[stem]
            assert read.file == f"{stem}.{suffix}"
            assert list(read.rows) == list(rows)
            for name, row in rows.items():
                assert read.row(name) == dict(zip(columns, row, strict=True))
        assert {name: found.images.read(name) for name in found.images.names} == (
            faces.images
        )


def test_topmost_list_is_read(faces, features, tmp_path):
    source = faces.official_nested(tmp_path)
    nearer = source / "CelebA" / "identity_CelebA.txt"
    nearer.write_text("000001.jpg 77\n")
    with open_source(source, features) as found:
        assert dict(found.lists["identity_CelebA"].rows) == {"000001.jpg": 0}
        assert found.lists["identity_CelebA"].row("000001.jpg") == {"Identity_No": 77}


def test_links_are_followed_and_cycles_end(faces, features, tmp_path):
    source = faces.official_folder(tmp_path)
    (source / "img_align_celeba").rename(tmp_path / "large")
    (source / "img_align_celeba").symlink_to(tmp_path / "large")
    (source / "again").symlink_to(source)
    with open_source(source, features) as found:
        assert found.images.names == faces.images.keys()


def test_blank_lines_and_a_byte_order_mark_are_ignored(faces, features, tmp_path):
    source = faces.official_zip(tmp_path)
    path = source / "identity_CelebA.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    with open_source(source, features) as found:
        identity = found.lists["identity_CelebA"]
        assert list(identity.rows) == list(faces.identity)
        assert list(identity.values) == [row[0] for row in faces.identity.values()]


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
def test_missing_part(name, faces, tmp_path, rejected):
    source = faces.official_zip(tmp_path)
    (source / name).unlink()
    assert name in rejected(FileNotFoundError, source, tmp_path / "tfds")


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
def test_malformed_list(name, line, content, faces, tmp_path, rejected):
    source = faces.official_zip(tmp_path)
    lines = (source / name).read_text().splitlines()
    lines[line - 1] = content
    (source / name).write_bytes("\n".join([*lines, ""]).encode("latin-1"))
    message = rejected(ValueError, source, tmp_path / "tfds")
    assert name in message and f"line {line} " in message


@pytest.mark.parametrize(
    "name",
    [
        "list_eval_partition.csv",
        "list_attr_celeba.csv",
        "list_landmarks_align_celeba.csv",
    ],
)
def test_malformed_csv_header(name, faces, tmp_path, rejected):
    text = faces.csv()[name].replace("image_id,", "image_id,what,", 1)
    source = faces.kaggle_zip(tmp_path, {name: text})
    message = rejected(ValueError, source, tmp_path / "tfds")
    assert name in message and "line 1 " in message


def test_empty_list(faces, tmp_path, rejected):
    source = faces.official_zip(tmp_path)
    (source / "list_attr_celeba.txt").write_bytes(b"")
    assert "list_attr" in rejected(ValueError, source, tmp_path / "tfds")


@pytest.mark.parametrize("content", [b"<html>quota exceeded</html>", None])
def test_incomplete_zip(content, faces, tmp_path, rejected):
    source = faces.official_zip(tmp_path)
    archive = source / "img_align_celeba.zip"
    archive.write_bytes(content or archive.read_bytes()[:-100])
    message = rejected(ValueError, source, tmp_path / "tfds")
    assert str(archive) in message


def test_damaged_list_inside_a_zip(faces, tmp_path, rejected):
    source = faces.kaggle_zip(tmp_path)
    data = source.read_bytes()
    source.write_bytes(data.replace(b"000002.jpg,0", b"000002.jpg,1", 1))
    message = rejected(ValueError, source, tmp_path / "tfds")
    assert "list_eval_partition.csv" in message


def test_hidden_files_of_macos_are_ignored(faces, features, tmp_path):
    source = faces.official_folder(tmp_path)
    (source / "img_align_celeba" / "._000001.jpg").write_bytes(b"metadata")
    with open_source(source, features) as found:
        assert found.images.names == faces.images.keys()


def test_columns_may_have_another_order(faces, features, tmp_path):
    files = faces.txt()
    lines = files["list_attr_celeba.txt"].splitlines()
    lines[1] = " ".join(reversed(ATTRIBUTES))
    lines[2:] = [
        " ".join([line.split()[0], *reversed(line.split()[1:])]) for line in lines[2:]
    ]
    source = faces.official_zip(tmp_path)
    (source / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    with open_source(source, features) as found:
        for name, row in faces.attributes.items():
            read = found.lists["list_attr_celeba"].row(name)
            assert read == dict(zip(ATTRIBUTES, row, strict=True))


def test_short_list_is_reported(faces, tmp_path):
    source = faces.official_zip(tmp_path)
    path = source / "list_attr_celeba.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    prepared = prepare_celeb_a(source, tmp_path / "tfds")
    assert prepared.notes == ("list_attr_celeba.txt announces 12 rows and has 10",)
    assert prepared.left_out == {
        "not in list_attr_celeba.txt": ("000011.jpg", "000012.jpg")
    }
    # These two were the only images for testing.
    assert prepared.splits == {"train": 7, "validation": 3, "test": 0}
    assert list(tfds.builder("celeb_a", data_dir=tmp_path / "tfds").info.splits) == [
        "train",
        "validation",
    ]
