import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics import AttributeClassifier

pytestmark = pytest.mark.slow


def stripes(n, upright, seed):
    """Returns images with stripes four pixels wide, at random places and strengths."""
    rng = np.random.default_rng(seed)
    phase, strength = rng.integers(0, 8, n), rng.uniform(0.3, 1.0, n)
    wave = np.where((np.arange(24) + phase[:, None]) % 8 < 4, 1.0, -1.0)
    images = np.broadcast_to(wave[:, None, :, None], (n, 24, 24, 3))
    if not upright:
        images = images.transpose(0, 2, 1, 3)
    return (images * strength[:, None, None, None]).astype("float32")


A, B = stripes(60, True, 0), stripes(12, False, 1)
HELD_OUT = stripes(40, True, 2), stripes(10, False, 3)


@pytest.fixture(scope="module")
def classifier():
    b = tf.data.Dataset.from_tensor_slices(B).batch(5)
    return AttributeClassifier.train(
        A, b, held_out=HELD_OUT, steps=60, batch_size=16, verbose=0
    )


@pytest.mark.keras3_lane
def test_it_learns_domains_of_unequal_size(classifier):
    assert classifier.held_out_accuracy > 0.95
    assert (classifier.predict(HELD_OUT[0]) > 0.5).mean() > 0.9
    assert (classifier.predict(HELD_OUT[1]) < 0.5).mean() > 0.9


def test_the_accuracy_is_the_mean_over_both_domains():
    inputs = keras.Input((16, 16, 1))
    features = keras.layers.GlobalAveragePooling2D(name="features")(inputs)
    logit = keras.layers.Dense(1, kernel_initializer="ones", name="logit")(features)
    bright = AttributeClassifier(keras.Model(inputs, logit), {})
    value = np.array([0.5] * 90 + [-0.5] * 10, "float32")[:, None, None, None]
    images = np.broadcast_to(value, (100, 16, 16, 1))
    assert bright._balanced_accuracy(images, images[90:]) == pytest.approx(0.95)
    assert bright._balanced_accuracy(images[90:], images) == pytest.approx(0.05)


def test_predictions_follow_from_the_features(classifier):
    images = np.concatenate(HELD_OUT)
    probability, features = classifier.predict(images), classifier.features(images)
    assert probability.shape == (50,) and features.shape == (50, 128)
    assert probability.dtype == features.dtype == np.float32
    assert 0 <= probability.min() and probability.max() <= 1
    dense = classifier.network.get_layer("logit")
    logits = features @ np.asarray(dense.kernel) + np.asarray(dense.bias)
    np.testing.assert_allclose(
        probability, 1 / (1 + np.exp(-logits[:, 0])), rtol=1e-4, atol=1e-6
    )


def test_mirror_images_have_the_same_prediction(classifier):
    images = np.concatenate(HELD_OUT)
    images[:, :, :9] *= 0.1
    mirrored = images[:, :, ::-1]
    assert np.abs(images - mirrored).max() > 0.5
    np.testing.assert_allclose(
        classifier.predict(images), classifier.predict(mirrored), atol=1e-5
    )


def test_more_images_than_a_batch_have_the_same_predictions(classifier):
    images = np.concatenate([A] * 5)
    np.testing.assert_allclose(
        classifier.predict(images), np.tile(classifier.predict(A), 5), atol=1e-5
    )


@pytest.mark.keras3_lane
def test_fine_patterns_do_not_change_predictions(classifier):
    images = np.concatenate(HELD_OUT) * 0.8
    before = classifier.predict(images) > 0.5
    rows, columns = np.indices((24, 24, 1))[:2]
    noise = np.random.default_rng(0).normal(size=images.shape)
    for pattern in (
        (-1.0) ** (rows + columns),
        (-1.0) ** rows,
        (-1.0) ** columns,
        noise,
    ):
        disturbed = np.clip(images + 0.1 * pattern, -1, 1)
        assert ((classifier.predict(disturbed) > 0.5) == before).mean() >= 0.95


def test_a_loaded_classifier_is_the_same(classifier, tmp_path):
    path = tmp_path / "new" / "stripes.keras"
    classifier.save(path)
    loaded = AttributeClassifier.load(path)
    np.testing.assert_allclose(
        loaded.predict(HELD_OUT[0]), classifier.predict(HELD_OUT[0]), atol=1e-6
    )
    assert loaded.metadata == classifier.metadata
    assert loaded.metadata["images"] == [60, 12]
    assert loaded.metadata["held_out_images"] == [40, 10]


@pytest.mark.keras3_lane
def test_it_can_be_loaded_in_a_new_process(classifier, tmp_path):
    classifier.save(tmp_path / "stripes.keras")
    np.save(tmp_path / "images.npy", HELD_OUT[0])
    program = (
        "import sys, numpy as np\n"
        "from kerasgan.metrics import AttributeClassifier\n"
        "classifier = AttributeClassifier.load('stripes.keras')\n"
        "np.save('probability.npy', classifier.predict(np.load('images.npy')))\n"
        "print(classifier.metadata)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    np.testing.assert_allclose(
        np.load(tmp_path / "probability.npy"),
        classifier.predict(HELD_OUT[0]),
        atol=1e-6,
    )
    assert done.stdout.strip() == str(classifier.metadata)


def test_the_file_is_a_keras_model_without_optimizer(classifier, tmp_path):
    classifier.save(tmp_path / "stripes.keras")
    network = keras.models.load_model(tmp_path / "stripes.keras")
    assert network.count_params() == classifier.network.count_params()
    size = (tmp_path / "stripes.keras").stat().st_size
    assert size < 1.5 * 4 * network.count_params()


def test_a_failed_write_leaves_the_existing_file(classifier, tmp_path, monkeypatch):
    path = tmp_path / "stripes.keras"
    path.write_bytes(b"before")

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError):
        classifier.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["stripes.keras"]
    assert path.read_bytes() == b"before"


def test_unsupported_files_raise_an_error(classifier, tmp_path):
    with pytest.raises(ValueError, match=r"expected a path that ends in \.keras"):
        classifier.save(tmp_path / "stripes.h5")
    with pytest.raises(FileNotFoundError):
        AttributeClassifier.load(tmp_path / "missing.keras")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    (tmp_path / "text.keras").write_text("text")
    for name in ("other.keras", "text.keras"):
        with pytest.raises(ValueError, match="contains no attribute classifier"):
            AttributeClassifier.load(tmp_path / name)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(a=A[0]), r"a has shape \(24, 24, 3\)"),
        (dict(a=A * 100), "a has values from"),
        (dict(b=B[:0]), "b has 0 images"),
        (dict(b=B[:, :20]), r"b has images of shape \(20, 24, 3\)"),
        (dict(held_out=A), "held_out is a ndarray"),
        (dict(held_out=(A, B[..., :1])), r"held_out\[1\] has images of shape"),
        (dict(steps=0), "steps is 0"),
        (dict(batch_size=0), "batch_size is 0"),
    ],
)
def test_unsupported_training_images_raise_an_error(arguments, message):
    arguments = {"a": A, "b": B, "held_out": HELD_OUT, **arguments}
    with pytest.raises(ValueError, match=message):
        AttributeClassifier.train(**arguments)


def test_unsupported_images_raise_an_error(classifier):
    for images, message in (
        (A[:, :20], r"images has shape \(60, 20, 24, 3\); expected \(n, 24, 24, 3\)"),
        (A[:0], "with n at least 1"),
        (A * 2, "images has values from"),
    ):
        with pytest.raises(ValueError, match=message):
            classifier.predict(images)


@pytest.mark.keras3_lane
def test_images_may_have_any_number_of_channels():
    # Only the last channel differs.
    a = np.zeros((6, 16, 16, 5), "float32")
    b = a.copy()
    b[..., -1] = 0.9
    classifier = AttributeClassifier.train(
        a, b, held_out=(a, b), steps=3, batch_size=4, verbose=0
    )
    assert classifier.image_shape == (16, 16, 5)
    difference = classifier.features(a) - classifier.features(b)
    assert classifier.predict(a).shape == (6,) and np.abs(difference).max() > 1e-3
