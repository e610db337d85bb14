import dataclasses
import io
import shutil
import socket
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data.drawn_faces.attributes import ATTRIBUTES, LANDMARKS
from kerasgan.ordering import started_at


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Path of an empty cache for this test. The folder does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kerasgan"


@pytest.fixture
def levels():
    """Function from a dataset to the uint8 level at the center of each image."""

    def read(dataset):
        middles = [
            batch[:, batch.shape[1] // 2, batch.shape[2] // 2, 0]
            for batch in dataset.as_numpy_iterator()
        ]
        return np.rint(np.concatenate(middles) * 127.5 + 127.5).astype(int).tolist()

    return read


@pytest.fixture
def check_seeking():
    """Function that checks that training can start a dataset at any batch.

    It returns the first `count` elements of the training stream as NumPy arrays.
    """

    def check(dataset, count, positions):
        def elements(position):
            started = started_at(dataset, position)
            assert started.element_spec == dataset.element_spec
            return list(started.take(count - position).as_numpy_iterator())

        whole = elements(0)
        assert len(whole) == count
        for position in positions:
            for one, other in zip(elements(position), whole[position:], strict=True):
                tf.nest.map_structure(np.testing.assert_array_equal, one, other)
        return whole

    return check


@pytest.fixture
def no_network(monkeypatch):
    def reject(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", reject)
    monkeypatch.setattr(socket, "getaddrinfo", reject)


def _write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def _write_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
    return folder


def _draw_jpeg(rng, size=(178, 218)):
    colors = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colors).resize(size).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclasses.dataclass
class Faces:
    """Images with labels, and the files that CelebA consists of."""

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
        _write_zip(buffer, {f"img_align_celeba/{n}": b for n, b in self.images.items()})
        return buffer.getvalue()

    def kaggle(self):
        doubled = "img_align_celeba/img_align_celeba"
        return self.csv() | {f"{doubled}/{n}": b for n, b in self.images.items()}

    def remove(self, name):
        for values in vars(self).values():
            values.pop(name, None)

    def official_zip(self, parent):
        """Writes the lists and the zip of the images; returns their folder."""
        files = self.txt() | {"img_align_celeba.zip": self.zipped()}
        return _write_files(parent / "celeba", files)

    def official_folder(self, parent):
        """Writes the lists and the folder of the images; returns their folder."""
        images = {f"img_align_celeba/{n}": b for n, b in self.images.items()}
        images["img_celeba/999998.jpg"] = b"not aligned"
        return _write_files(parent / "celeba", self.txt() | images)

    def official_nested(self, parent):
        """Writes the folders of the official release; returns their parent."""
        place = dict.fromkeys(self.txt(), "CelebA/Anno/")
        place["list_eval_partition.txt"] = "CelebA/Eval/"
        files = {place[name] + name: text for name, text in self.txt().items()}
        files["CelebA/Img/img_align_celeba.zip"] = self.zipped()
        # Unaligned images have the same file names.
        files |= {f"CelebA/Img/img_celeba/{name}": b"other" for name in self.images}
        return _write_files(parent / "download", files)

    def kaggle_folder(self, parent):
        """Writes the unpacked files of Kaggle; returns their folder."""
        return _write_files(parent / "kaggle", self.kaggle())

    def kaggle_zip(self, parent, changed=None):
        """Writes the archive of Kaggle, with some files changed; returns its path."""
        _write_zip(parent / "archive.zip", self.kaggle() | (changed or {}))
        return parent / "archive.zip"


@pytest.fixture
def draw_jpeg():
    """Function from a random generator and a size to a JPEG file as bytes."""
    return _draw_jpeg


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    splits = 7 * [0] + 3 * [1] + 2 * [2]
    partition = {f"{i:06d}.jpg": [number] for i, number in enumerate(splits, 1)}
    return Faces(
        images={name: _draw_jpeg(rng) for name in partition},
        partition=partition,
        attributes={n: rng.choice([-1, 1], 40).tolist() for n in partition},
        landmarks={n: rng.integers(-2, 220, 10).tolist() for n in partition},
        identity={n: [int(rng.integers(1, 10178))] for n in partition},
    )


@pytest.fixture(scope="session")
def write_celeb_a():
    """Function that prepares a `celeb_a` of given images; returns its data_dir.

    The first 16 images are for training, 5 for validation, and the others for testing.
    """
    from kerasgan.data.prepare import prepare_celeb_a

    def write(folder, jpegs, has):
        names = [f"{number:06d}.jpg" for number in range(len(jpegs))]
        splits = (16 * [0] + 5 * [1] + len(names) * [2])[: len(names)]
        labels = 2 * np.asarray(has)[: len(names)].astype(int) - 1
        faces = Faces(
            images=dict(zip(names, jpegs, strict=True)),
            partition={n: [split] for n, split in zip(names, splits, strict=True)},
            attributes=dict(zip(names, labels.tolist(), strict=True)),
            landmarks=dict.fromkeys(names, (0,) * 10),
            identity={},
        )
        source = faces.kaggle_folder(folder)
        prepare_celeb_a(source, folder / "tfds")
        shutil.rmtree(source)
        return folder / "tfds"

    return write


@pytest.fixture
def read_celeb_a():
    """Function that reads a split of a `celeb_a`, as a dict from JPEG to record."""
    import tensorflow_datasets as tfds

    def read(data_dir, split):
        dataset = tfds.load(
            "celeb_a",
            data_dir=data_dir,
            split=split,
            decoders={"image": tfds.decode.SkipDecoding()},
        )
        return {record["image"]: record for record in dataset.as_numpy_iterator()}

    return read


@pytest.fixture
def check_loaded(read_celeb_a):
    """Function that compares a prepared `celeb_a` with its source."""

    def check(data_dir, faces, identity):
        for number, split in enumerate(("train", "validation", "test")):
            names = [name for name, row in faces.partition.items() if row == [number]]
            records = read_celeb_a(data_dir, split)
            assert len(records) == len(names)
            for name in names:
                record = records[faces.images[name]]
                attributes = [record["attributes"][key] for key in ATTRIBUTES]
                assert attributes == [n == 1 for n in faces.attributes[name]]
                landmarks = [record["landmarks"][key] for key in LANDMARKS]
                assert landmarks == faces.landmarks[name]
                assert record["identity"]["Identity_No"] == identity[name][0]

    return check


@pytest.fixture
def rejected():
    """Function that expects an error of `prepare_celeb_a` before it writes anything.

    It checks that the message is one sentence, and returns it.
    """
    from kerasgan.data.prepare import prepare_celeb_a

    def reject(error, source, data_dir):
        with pytest.raises(error) as caught:
            prepare_celeb_a(source, data_dir)
        assert not data_dir.exists()
        message = str(caught.value)
        assert message.endswith(".") and ". " not in message and "\n" not in message
        return message

    return reject
