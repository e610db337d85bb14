import importlib
import io
import json
import shutil
import urllib.error

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from kerasgan.data import cycle_gan, unpaired
from kerasgan.images import to_uint8

pytestmark = pytest.mark.usefixtures("cache", "no_network")

# The package's function hides the module of the same name.
module = importlib.import_module("kerasgan.data.cycle_gan")
CYCLE_GAN = tfds.builder_cls("cycle_gan")
# Levels of the constant images of each split.
LEVELS = {
    "trainA": range(0, 12),
    "trainB": range(20, 40),
    "testA": range(50, 53),
    "testB": range(60, 65),
}


def write_cycle_gan(folder, name, images):
    """Prepares a dataset like tfds does after a download.

    Args:
        images: Dict from the name of a split to a list of Pillow images.
    """
    for split, pictures in images.items():
        (folder / name / split).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            picture.save(folder / name / split / f"{number:03d}.jpg", quality=95)

    class CycleGAN(CYCLE_GAN, skip_registration=True):
        def _split_generators(self, dl_manager):
            return {
                split: self._generate_examples(str(folder / name / split), label)
                for split, label in zip(images, "ABAB", strict=True)
            }

    # tfds would derive it from the name of the class.
    CycleGAN.name = "cycle_gan"
    CycleGAN(config=name, data_dir=folder / "tfds").download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )
    shutil.rmtree(folder / name)
    return folder / "tfds"


def flat(level, size=(10, 10), mode="L"):
    return Image.new(mode, size, level)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    images = {split: [flat(n) for n in levels] for split, levels in LEVELS.items()}
    return write_cycle_gan(tmp_path_factory.mktemp("flat"), "horse2zebra", images)


def test_returned_datasets(data_dir):
    pair = cycle_gan("horse2zebra", data_dir=data_dir, batch_size=4)
    assert isinstance(pair, tuple) and len(pair) == 2
    for domain, batches in zip(pair, (3, 5), strict=True):
        assert domain.element_spec == tf.TensorSpec((4, 64, 64, 3), tf.float32)
        assert int(domain.cardinality()) == batches
    assert int(unpaired(*pair).cardinality()) == 5


@pytest.mark.parametrize("split", ["train", "test"])
def test_domains_have_their_images(split, data_dir, levels):
    a, b = cycle_gan("horse2zebra", 8, split, data_dir=data_dir, batch_size=1)
    assert sorted(levels(a)) == list(LEVELS[f"{split}A"])
    assert sorted(levels(b)) == list(LEVELS[f"{split}B"])


def test_parts_of_both_domains(data_dir, levels):
    options = {"data_dir": data_dir, "batch_size": 2, "shuffle": False}
    whole = cycle_gan("horse2zebra", 8, **options)
    halves = cycle_gan("horse2zebra", 8, "train[:50%]", **options)
    for domain, half in zip(whole, halves, strict=True):
        assert levels(half) == levels(domain)[: len(levels(domain)) // 2]
    rest = cycle_gan("horse2zebra", 8, "train[9:]", **options)
    assert [len(levels(domain)) for domain in rest] == [3, 11]


@pytest.mark.slow
def test_seed_decides_the_orders(data_dir, levels):
    def epochs(seed):
        pair = cycle_gan("horse2zebra", 8, data_dir=data_dir, batch_size=2, seed=seed)
        return [levels(domain) for domain in pair for _ in range(2)]

    assert epochs(1) == epochs(1)
    assert not any(epoch in epochs(1) for epoch in epochs(3))


def test_training_stream_can_start_at_any_batch(data_dir, check_seeking):
    pair = cycle_gan("horse2zebra", 8, data_dir=data_dir, batch_size=2, seed=0)
    check_seeking(unpaired(*pair), 24, (13,))


def test_domains_of_the_same_length_have_different_orders(tmp_path, levels):
    images = [flat(n) for n in range(12)]
    data_dir = write_cycle_gan(tmp_path, "facades", dict.fromkeys(LEVELS, images))
    a, b = cycle_gan("facades", 8, data_dir=data_dir, batch_size=1, seed=0)
    assert sorted(levels(a)) == sorted(levels(b))
    assert levels(a) != levels(b)


def test_metadata_identify_a_dataset(data_dir, tmp_path):
    facts = module.cycle_gan_facts("horse2zebra", "train", data_dir)
    assert json.loads(json.dumps(facts)) == facts
    assert module.cycle_gan_facts("horse2zebra", "train", data_dir) == facts
    assert module.cycle_gan_facts("horse2zebra", "test", data_dir) != facts
    shutil.copytree(data_dir, tmp_path / "copy")
    assert module.cycle_gan_facts("horse2zebra", "train", tmp_path / "copy") != facts


def test_images_of_any_size_and_mode(tmp_path):
    wide = Image.new("RGB", (40, 20), "red")
    wide.paste("blue", (10, 0, 30, 20))
    pictures = [wide, flat(90, (7, 30)), flat((0, 0, 0, 0), (20, 20), "CMYK")]
    data_dir = write_cycle_gan(tmp_path, "maps", dict.fromkeys(LEVELS, pictures))
    options = {"data_dir": data_dir, "batch_size": 3, "shuffle": False}
    for domain in cycle_gan("maps", 16, **options):
        (batch,) = domain.as_numpy_iterator()
        # Their centers, in any order.
        shown = to_uint8(batch)[:, 4:12, 4:12].astype(int)
        colors = sorted(image.mean((0, 1)).round().tolist() for image in shown)
        expected = [[0, 0, 255], [90, 90, 90], [255, 255, 255]]
        np.testing.assert_allclose(colors, expected, atol=3)
        assert (np.ptp(shown, (1, 2)) <= 6).all()
    (batch,) = cycle_gan("maps", (8, 16), **options)[0].as_numpy_iterator()
    assert batch.shape == (3, 8, 16, 3)


def test_later_calls_do_not_decode(data_dir, levels, monkeypatch):
    options = {"data_dir": data_dir, "batch_size": 1, "shuffle": False}
    first = [levels(domain) for domain in cycle_gan("horse2zebra", 8, **options)]
    monkeypatch.setattr(module, "read_image", None)
    again = [levels(domain) for domain in cycle_gan("horse2zebra", 8, **options)]
    assert first == again
    with pytest.raises(ValueError, match="is not readable by Pillow; delete the fol"):
        cycle_gan("horse2zebra", 9, **options)


def test_many_images_keep_their_order(data_dir, levels, monkeypatch):
    options = {"data_dir": data_dir, "batch_size": 1, "shuffle": False}
    first = [levels(domain) for domain in cycle_gan("horse2zebra", 8, **options)]
    monkeypatch.setattr(module, "DECODED_AT_ONCE", 5)
    # Another size, which is not in the cache.
    other = [levels(domain) for domain in cycle_gan("horse2zebra", 9, **options)]
    assert first == other


def test_data_dir_in_the_home_folder(data_dir, monkeypatch):
    monkeypatch.setenv("HOME", str(data_dir.parent))
    a, _ = cycle_gan("horse2zebra", 8, "test", data_dir="~/tfds", batch_size=3)
    assert int(a.cardinality()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "horses"}, "name is 'horses'; did you mean 'horse2zebra'?"),
        ({"name": "map"}, "name is 'map'; did you mean 'maps'?"),
        (
            {"name": "x"},
            "name is 'x'; expected one of 'apple2orange', 'summer2winter_yosemite', "
            "'horse2zebra', 'monet2photo', 'cezanne2photo', 'ukiyoe2photo', "
            "'vangogh2photo', 'maps', 'facades', 'iphone2dslr_flower'.",
        ),
        ({"name": None}, "name is None; expected one of 'apple2orange', "),
        ({"image_size": 0}, "image_size is 0; expected a positive integer."),
        ({"batch_size": 0}, "batch_size is 0; expected a positive integer."),
        ({"split": "trainA"}, "split is 'trainA'; did you mean 'train'?"),
        ({"split": "valid"}, "split is 'valid'; expected one of 'train', 'test'."),
        (
            {"split": "train[:0]"},
            "split is 'train[:0]'; expected one of 'train', 'test', or a part of one "
            "that has images, such as 'train[:10%]'.",
        ),
        ({"split": "test[9"}, "split is 'test[9'; expected one of 'train', 'test', or"),
    ],
)
def test_bad_arguments_come_before_any_image(options, message, data_dir, cache):
    with pytest.raises(ValueError) as caught:
        cycle_gan(**{"name": "horse2zebra", "data_dir": data_dir, **options})
    assert str(caught.value).startswith(message)
    assert not cache.exists()


def test_fewer_images_than_a_batch(data_dir):
    with pytest.raises(ValueError) as caught:
        cycle_gan("horse2zebra", 8, "test", data_dir=data_dir, batch_size=4)
    assert str(caught.value) == (
        "batch_size is 4, but horse2zebra 'testA' has 3 images; expected at least one "
        "batch."
    )


def test_no_network(monkeypatch, tmp_path):
    asked = []

    def urlopen(url, timeout):
        asked.append(url)
        raise urllib.error.URLError("unreachable")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    with pytest.raises(FileNotFoundError) as caught:
        cycle_gan("maps", data_dir=tmp_path / "tfds")
    what, advice = str(caught.value).split("\n")
    assert what == (
        f"cycle_gan/maps is not in {tmp_path}/tfds/cycle_gan/maps/3.0.0, and tfds "
        "could not prepare it (URLError: <urlopen error unreachable>)."
    )
    assert "a folder maps with trainA, trainB, testA and testB" in advice
    # tfds downloads from there, too.
    (url,) = asked
    source = importlib.import_module(CYCLE_GAN.__module__)
    assert source._DL_URLS["maps"].startswith(f"{url}/")


def test_download(data_dir, monkeypatch, tmp_path):
    def download(builder):
        shutil.copytree(data_dir, tmp_path / "tfds", dirs_exist_ok=True)

    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: io.BytesIO())
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", download)
    a, _ = cycle_gan("horse2zebra", 8, data_dir=tmp_path / "tfds", batch_size=3)
    assert int(a.cardinality()) == 4
