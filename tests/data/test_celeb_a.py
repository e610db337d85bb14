import io
import logging
import shutil
import socket

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from kerasgan.data import celeb_a, celeb_a_by_attribute, synthetic_faces
from kerasgan.images import to_uint8

pytestmark = pytest.mark.usefixtures("cache")

ATTRIBUTES = list(tfds.builder_cls("celeb_a")(data_dir="").info.features["attributes"])
TRAIN, VALIDATION, TEST = range(0, 16), range(16, 21), range(21, 24)
HAS = np.random.default_rng(0).integers(0, 2, (24, 40), dtype=bool)
# No image has this one.
HAS[:, ATTRIBUTES.index("Bald")] = False
# Every image has this one.
HAS[:, ATTRIBUTES.index("Wearing_Hat")] = True


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    asked = []

    def reject(*arguments, **options):
        asked.append(arguments)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", reject)
    monkeypatch.setattr(socket, "getaddrinfo", reject)
    yield
    assert not asked


def flat_jpeg(level):
    file = io.BytesIO()
    Image.new("L", (178, 218), level).convert("RGB").save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture(scope="module")
def data_dir(write_celeb_a, tmp_path_factory):
    """A dataset of 24 constant images, whose level is ten times their number."""
    jpegs = [flat_jpeg(10 * number) for number in range(24)]
    return write_celeb_a(tmp_path_factory.mktemp("Grüße 馬 "), jpegs, HAS)


@pytest.fixture
def numbers(levels):
    """Function from a dataset to the numbers of its images, in order."""
    return lambda dataset: [round(level / 10) for level in levels(dataset)]


def with_attribute(attribute, value, among=TRAIN):
    column = HAS[:, ATTRIBUTES.index(attribute)]
    return [number for number in among if column[number] == value]


def test_returned_dataset(data_dir):
    dataset = celeb_a(data_dir=data_dir, batch_size=4)
    assert isinstance(dataset, tf.data.Dataset)
    assert dataset.element_spec == tf.TensorSpec((4, 64, 64, 3), tf.float32)
    assert int(dataset.cardinality()) == 4 == sum(1 for _ in dataset)
    for batch in dataset.as_numpy_iterator():
        pixels = to_uint8(batch)
        np.testing.assert_allclose(batch, pixels / 127.5 - 1.0, atol=1e-6)
        # They are gray.
        assert (np.abs(pixels.astype(int) - pixels[:, :1, :1, :1]) <= 1).all()


def test_each_epoch_has_each_image_once(data_dir, numbers):
    dataset = celeb_a(8, data_dir=data_dir, batch_size=4, seed=1)
    epochs = [numbers(dataset) for _ in range(3)]
    assert all(sorted(epoch) == list(TRAIN) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    again = celeb_a(8, data_dir=data_dir, batch_size=4, seed=1)
    assert [numbers(again) for _ in range(3)] == epochs
    assert numbers(celeb_a(8, data_dir=data_dir, batch_size=4, seed=2)) != epochs[0]


def test_training_stream_can_start_at_any_batch(data_dir, check_seeking):
    dataset = celeb_a(8, data_dir=data_dir, batch_size=4, seed=1)
    check_seeking(dataset, 12, (7,))


@pytest.mark.parametrize("attribute", ["5_o_Clock_Shadow", "Male", "Young"])
def test_attribute_selects_images(attribute, data_dir, numbers):
    for value in (True, False):
        dataset = celeb_a(
            8,
            attribute=attribute,
            value=value,
            data_dir=data_dir,
            batch_size=3,
            shuffle=False,
        )
        expected = with_attribute(attribute, value)
        assert sorted(numbers(dataset)) == expected
        assert int(dataset.cardinality()) == -(-len(expected) // 3)


def test_halves_are_disjoint_and_complete(data_dir, numbers):
    men, women = celeb_a_by_attribute(
        "Male", (8, 6), "all", data_dir=data_dir, batch_size=1, seed=0
    )
    assert men.element_spec == tf.TensorSpec((1, 8, 6, 3), tf.float32)
    assert sorted(numbers(men)) == with_attribute("Male", True, range(24))
    assert sorted(numbers(women)) == with_attribute("Male", False, range(24))


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_halves_of_the_same_length_have_different_orders(
    tmp_path, write_celeb_a, numbers
):
    has = np.zeros((24, 40), dtype=bool)
    has[::2, ATTRIBUTES.index("Male")] = True
    jpegs = [flat_jpeg(10 * number) for number in range(24)]
    options = {"data_dir": write_celeb_a(tmp_path, jpegs, has), "batch_size": 1}
    # Orders on disk, and after shuffling.
    still = celeb_a_by_attribute("Male", 8, "all", shuffle=False, **options)
    moved = celeb_a_by_attribute("Male", 8, "all", seed=0, **options)
    men, women = (
        [numbers(before).index(number) for number in numbers(after)]
        for before, after in zip(still, moved, strict=True)
    )
    assert sorted(men) == sorted(women) == list(range(12))
    assert men != women
    # The first half has the seed itself.
    alone = celeb_a(8, "all", attribute="Male", seed=0, **options)
    men, _ = celeb_a_by_attribute("Male", 8, "all", seed=0, **options)
    assert numbers(men) == numbers(alone)


def test_images_without_the_attribute_are_not_decoded(data_dir, tmp_path, numbers):
    shutil.copytree(data_dir, tmp_path / "tfds")
    (record,) = (tmp_path / "tfds").rglob("*train.tfrecord*")
    examples = []
    for serialized in tf.data.TFRecordDataset(str(record)).as_numpy_iterator():
        example = tf.train.Example.FromString(serialized)
        if not example.features.feature["attributes/Male"].int64_list.value[0]:
            example.features.feature["image"].bytes_list.value[0] = b"no JPEG"
        examples.append(example.SerializeToString())
    with tf.io.TFRecordWriter(str(record)) as writer:
        for serialized in examples:
            writer.write(serialized)

    options = {"data_dir": tmp_path / "tfds", "batch_size": 1, "attribute": "Male"}
    dataset = celeb_a(8, **options)
    assert sorted(numbers(dataset)) == with_attribute("Male", True)
    with pytest.raises(ValueError, match=r"celeb_a/2\.1\.0 in .* is damaged"):
        celeb_a(8, value=False, **options)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("validation", VALIDATION),
        ("test", TEST),
        ("all", range(24)),
        ("train+test", [*TRAIN, *TEST]),
        (tfds.Split.TEST, TEST),
    ],
)
def test_splits(split, expected, data_dir, numbers):
    dataset = celeb_a(8, split, data_dir=data_dir, batch_size=2, shuffle=False)
    assert sorted(numbers(dataset)) == list(expected)
    assert int(dataset.cardinality()) == -(-len(expected) // 2)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_parts_of_a_split(data_dir, numbers):
    options = {"data_dir": data_dir, "batch_size": 4, "shuffle": False}
    whole = numbers(celeb_a(8, "train", **options))
    assert numbers(celeb_a(8, "train[:50%]", **options)) == whole[:8]
    assert numbers(celeb_a(8, "train[50%:]", **options)) == whole[8:]
    assert numbers(celeb_a(8, "train[3:9]", **options)) == whole[3:9]
    last = tfds.core.ReadInstruction("train", from_=-3, unit="abs")
    assert numbers(celeb_a(8, last, **options)) == whole[-3:]


def test_later_calls_do_not_decode(data_dir, tmp_path, numbers):
    shutil.copytree(data_dir, tmp_path / "tfds")
    options = {"data_dir": tmp_path / "tfds", "batch_size": 4, "shuffle": False}
    first = numbers(celeb_a(8, **options))
    for record in (tmp_path / "tfds").rglob("*.tfrecord*"):
        record.unlink()
    assert numbers(celeb_a(8, **options)) == first
    with pytest.raises(FileNotFoundError, match=r"lacks 1 of 1 files .*tfrecord"):
        celeb_a(9, **options)


def test_dataset_that_was_prepared_again_is_decoded_again(
    write_celeb_a, tmp_path, numbers
):
    data = write_celeb_a(tmp_path, [flat_jpeg(10 * n) for n in (1, 2, 3)], HAS)
    options = {"data_dir": data, "batch_size": 1, "shuffle": False}
    assert sorted(numbers(celeb_a(8, **options))) == [1, 2, 3]
    shutil.rmtree(data)
    write_celeb_a(tmp_path, [flat_jpeg(10 * n) for n in (4, 5, 6)], HAS)
    assert sorted(numbers(celeb_a(8, **options))) == [4, 5, 6]


def test_data_dir_in_the_home_folder(data_dir, monkeypatch, numbers):
    monkeypatch.setenv("HOME", str(data_dir.parent))
    dataset = celeb_a(8, "test", data_dir="~/tfds", batch_size=3)
    assert sorted(numbers(dataset)) == list(TEST)


def test_tfds_does_not_warn(data_dir, monkeypatch):
    # tfds limits this warning to ten per process, which earlier tests may have used.
    def log_first_n(level, message, n, *arguments):
        logging.getLogger("absl").warning(message, *arguments)

    monkeypatch.setattr("absl.logging.log_first_n", log_first_n)
    messages = []
    handler = logging.Handler()
    handler.emit = messages.append
    logger = logging.getLogger("absl")
    level = logger.level
    logger.addHandler(handler)
    try:
        celeb_a(8, attribute="Male", data_dir=data_dir, batch_size=1)
        assert messages == [] and logger.level == level
        logger.warning("other warnings are not silenced")
        assert len(messages) == 1
    finally:
        logger.removeHandler(handler)


@pytest.mark.slow
def test_synthetic_faces_by_name(tiny_synthetic_faces):
    options = {"data_dir": tiny_synthetic_faces, "batch_size": 2, "shuffle": False}
    by_name = celeb_a(16, "test", dataset="synthetic_faces", **options)
    by_function = synthetic_faces(16, "test", **options)
    for a, b in zip(by_name, by_function, strict=True):
        np.testing.assert_array_equal(a, b)
    labels = [
        bool(example["attributes"]["Smiling"])
        for example in tfds.builder_from_directory(
            tiny_synthetic_faces / "synthetic_faces" / "1.0.0"
        ).as_dataset(split="test")
    ]
    everyone = np.concatenate(list(by_name))
    halves = celeb_a_by_attribute(
        "Smiling", 16, "test", dataset="synthetic_faces", **options
    )
    for half, value in zip(halves, (True, False), strict=True):
        expected = everyone[[label == value for label in labels]]
        np.testing.assert_array_equal(np.concatenate(list(half)), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image_size is 0; expected a positive integer."),
        ({"image_size": (64, -1)}, "image_size is -1; expected a positive"),
        ({"image_size": (64, 64, 3)}, "image_size is (64, 64, 3); expected"),
        ({"image_size": "64"}, "image_size is '64'; expected a positive"),
        ({"batch_size": 0}, "batch_size is 0; expected a positive"),
        ({"batch_size": -1}, "batch_size is -1; expected a positive"),
        ({"dataset": "celeba"}, "dataset is 'celeba'; did you mean 'celeb_a'?"),
        (
            {"dataset": "mnist"},
            "dataset is 'mnist'; expected one of 'celeb_a', 'synthetic_faces'.",
        ),
        ({"attribute": "male"}, "attribute is 'male'; did you mean 'Male' or"),
        ({"attribute": "Smile"}, "attribute is 'Smile'; did you mean 'Smiling'"),
        (
            {"attribute": "xyz"},
            "attribute is 'xyz'; expected one of '5_o_Clock_Shadow',",
        ),
        ({"attribute": 3}, "attribute is 3; expected one of "),
        ({"split": "valid"}, "split is 'valid'; did you mean 'validation'?"),
        ({"split": "Train[:5]"}, "split is 'Train[:5]'; did you mean 'train'?"),
        (
            {"split": "x"},
            "split is 'x'; expected one of 'train', 'validation', 'test'.",
        ),
        ({"split": None}, "split is None; expected one of "),
        *(
            (
                {"split": split},
                f"split is {split!r}; expected one of 'train', 'validation', 'test', "
                "or a part of one that has images, such as 'train[:10%]'.",
            )
            for split in (
                "train[:10",
                "train[:x]",
                "train[:200%]",
                "train[99:]",
                "train[:0]",
                "train[5:2]",
            )
        ),
    ],
)
def test_bad_arguments_come_before_any_image(options, message, data_dir, cache):
    with pytest.raises(ValueError) as caught:
        celeb_a(**{"data_dir": data_dir, **options})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize(("attribute", "came"), [(None, "None"), ("Men", "'Men'")])
def test_halves_need_an_attribute(attribute, came, data_dir):
    with pytest.raises(ValueError, match=f"attribute is {came}; "):
        celeb_a_by_attribute(attribute, 8, data_dir=data_dir)


def test_fewer_images_than_a_batch(data_dir):
    with pytest.raises(ValueError) as caught:
        celeb_a(8, "test", data_dir=data_dir, batch_size=4)
    assert str(caught.value) == (
        "batch_size is 4, but celeb_a 'test' has 3 images; expected at least one batch."
    )


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("attribute", "how_many"), [("Bald", "no"), ("Wearing_Hat", "every")]
)
def test_empty_half(attribute, how_many, shuffle, data_dir):
    with pytest.raises(ValueError) as caught:
        celeb_a_by_attribute(
            attribute, 8, data_dir=data_dir, shuffle=shuffle, batch_size=2
        )
    assert str(caught.value) == (
        f"attribute is {attribute!r}, which {how_many} image of celeb_a 'train' has; "
        "expected an attribute that only some images have."
    )


def test_download(data_dir, monkeypatch, tmp_path, numbers):
    def download(builder):
        shutil.copytree(data_dir, tmp_path / "tfds", dirs_exist_ok=True)
        builder.info.read_from_directory(builder.data_dir)

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: io.BytesIO())
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)
    dataset = celeb_a(8, "test", data_dir=tmp_path / "tfds", batch_size=3)
    assert sorted(numbers(dataset)) == list(TEST)


@pytest.mark.parametrize("options", [{"attribute": "Mail"}, {"split": "trian"}])
def test_nothing_is_drawn_for_invalid_arguments(options, tmp_path):
    with pytest.raises(ValueError, match="did you mean"):
        synthetic_faces(16, data_dir=tmp_path / "tfds", **options)
    assert not list(tmp_path.rglob("*.tfrecord*"))
