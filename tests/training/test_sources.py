"""The data that `fit` accepts, and its errors for other data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.training.sources import array_batches

SHAPE = (4, 4, 3)


def images(n=12, low=-1.0, high=1.0, shape=SHAPE):
    rng = np.random.default_rng(0)
    return rng.uniform(low, high, (n, *shape)).astype("float32")


@pytest.fixture
def gan(small_gan):
    return small_gan()


@pytest.fixture
def cyclegan(small_cyclegan):
    return small_cyclegan()


def generator_of(*batches):
    yield from batches


class Batches(keras.utils.Sequence):
    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.batch


INVALID = {
    "range": (images(8, 0, 255), r"values from .* to .*; expected values in \[-1, 1\]"),
    "uint8": (images(8, 0, 255).astype("uint8"), "/ 127.5 - 1"),
    "nan": (np.full((8, *SHAPE), np.nan, "float32"), "NaN or infinite"),
    "shape": (images(8, shape=(4, 6, 3)), r"has images of shape \(4, 6, 3\)"),
    "label": ((images(8), np.zeros(8)), "yields tuples of 2, but generator takes lat"),
    "dict": ({"image": images(8)}, "yields a dict with the keys 'image'"),
    "nested": ((images(8), (images(8), 1)), r"nested tuples \(images, \(\.\.\.\)\)"),
}
SOURCES = {
    "generator": lambda batch: generator_of(batch, batch),
    "sequence": Batches,
    "dataset": lambda batch: tf.data.Dataset.from_tensors(batch),
}


@pytest.mark.parametrize("invalid", INVALID)
@pytest.mark.parametrize("source", SOURCES)
def test_first_batch_of_any_source_is_checked(gan, source, invalid):
    batch, message = INVALID[invalid]
    if (source, invalid) == ("dataset", "nested"):
        batch = (images(8), (images(8), np.zeros(8)))
    with pytest.raises(ValueError, match=message):
        gan.fit(SOURCES[source](batch), verbose=0)
    assert gan.steps_taken == 0


def test_check_consumes_no_batch_of_generator(gan):
    gan.fit(generator_of(images(4), images(4), images(4)), verbose=0)
    assert gan.steps_taken == 3
    with pytest.raises(ValueError, match="data yields no batch"):
        gan.fit(generator_of(), verbose=0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (None, "x is None; expected a tf.data.Dataset of batches, an array"),
        ([*images()], "x is a list of 12; expected one array, for example numpy.stack"),
        ((images(), images()), "x is a tuple of 2; expected x and y as separate"),
        ({"a": images()}, "x is a dict; expected a tf.data.Dataset"),
        ("faces", "x is a str; expected a tf.data.Dataset"),
        (3, "x is a int; expected a tf.data.Dataset"),
        (np.array(1.0), r"x has shape \(\); expected at least one image"),
        (images(0), r"x has shape \(0, 4, 4, 3\); expected at least one image"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_unsupported_data_raises(gan, x, message):
    with pytest.raises(ValueError, match=message):
        gan.fit(x, verbose=0)


def test_mismatched_domains_raise(cyclegan):
    a = images(10, shape=(8, 8, 3))
    with pytest.raises(ValueError, match="x has 10 images, but y has 7; expected the"):
        cyclegan.fit(a, a[:7], verbose=0)
    with pytest.raises(ValueError, match="yields images alone, but a CycleGAN trains"):
        cyclegan.fit(a, verbose=0)
    nested = tf.data.Dataset.from_tensors(((a, 1.0), (a, 1.0)))
    with pytest.raises(ValueError, match=r"yields nested tuples \(\(\.\.\.\), "):
        cyclegan.fit(nested, verbose=0)
    uneven = tf.data.Dataset.from_tensors((a, a[:7]))
    with pytest.raises(ValueError, match="yields batches of 10 and 7 images"):
        cyclegan.fit(uneven, verbose=0)
    with pytest.raises(ValueError, match="y is given, but x is a "):
        cyclegan.fit(tf.data.Dataset.from_tensors(a), a, verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0; expected"),
        ({"validation_steps": 0}, "validation_steps is 0; expected"),
        ({"initial_epoch": -1}, "initial_epoch is -1; expected"),
        ({"validation_split": 1.5}, r"validation_split is 1.5; expected a number in"),
    ],
)
def test_arguments_out_of_range_raise(gan, options, message):
    with pytest.raises(ValueError, match=message):
        gan.fit(images(), verbose=0, **options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (images(shape=(4, 6, 3)), r"validation_data has images of shape \(4, 6, 3\)"),
        ((images(low=0, high=255),), "validation_data has values from"),
        (
            tf.data.Dataset.from_tensors(images(low=0, high=255)),
            "validation_data has values from",
        ),
        (
            (batch for batch in [images(low=0, high=255)]),
            "validation_data has values from",
        ),
        (list(images()), "validation_data is a list of 12; expected one array"),
        (
            ((images(), images()), images()),
            r"validation_data is a tuple of 2; expected arrays \(x, y\), or",
        ),
        (iter(()), "validation_data yields no batch"),
        (7, "validation_data is a int; expected a tf.data.Dataset"),
    ],
    ids=["array", "tuple", "dataset", "generator", "list", "nested", "empty", "number"],
)
def test_validation_data_is_checked_before_first_step(gan, data, message):
    with pytest.raises(ValueError, match=message):
        gan.fit(images(), validation_data=data, verbose=0)
    assert gan.steps_taken == 0


def test_error_suggests_no_scaling_for_unknown_range(gan):
    with pytest.raises(
        ValueError, match=r"from -40 to .*expected values in \[-1, 1\]\.$"
    ):
        gan.fit(np.linspace(-40, 40, 12 * 48).reshape(12, *SHAPE), verbose=0)


def record_first_pixels(model):
    """Returns a list that collects the first pixel of every training image."""
    seen = []
    original_step = model.train_step

    def train_step(data):
        (x,) = data if isinstance(data, tuple) else (data,)
        seen.extend(x[:, 0, 0, 0].numpy())
        return original_step(data)

    model.train_step = train_step
    return seen


@pytest.fixture
def numbered_images():
    """Twelve images whose first pixel encodes their index."""
    x = images()
    x[:, 0, 0, 0] = np.arange(12) / 12
    return x


def test_each_fit_shuffles_differently(gan, numbered_images):
    gan.compile(run_eagerly=True)
    seen = record_first_pixels(gan)
    for _ in range(3):
        gan.fit(numbered_images, batch_size=4, epochs=1, verbose=0)
    orders = np.round(np.array(seen) * 12).astype(int).reshape(3, 12)
    assert [sorted(order) for order in orders.tolist()] == [[*range(12)]] * 3
    assert len({tuple(order) for order in orders.tolist()}) == 3


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_short_epochs_see_all_images(gan, numbered_images):
    gan.compile(run_eagerly=True)
    seen = record_first_pixels(gan)
    for _ in range(6):
        gan.fit(numbered_images, batch_size=4, steps_per_epoch=1, verbose=0)
    numbers = np.round(np.array(seen) * 12).astype(int)
    assert sorted(numbers[:12]) == sorted(numbers[12:]) == [*range(12)]
    assert [*numbers[:12]] != [*numbers[12:]]


def test_arrays_are_not_copied():
    # A copy would take 3.8 GB.
    x = np.broadcast_to(images(1), (20_000_000, *SHAPE))
    (first,) = next(iter(array_batches((x,), 4, False, 0)))
    np.testing.assert_array_equal(first, x[:4])


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8"])
def test_float_batches_are_cast_to_floatx(dtype):
    x = images().astype(dtype)
    (batch,) = next(iter(array_batches((x,), 4, False, 0)))
    assert batch.dtype == ("uint8" if dtype == "uint8" else keras.backend.floatx())
    np.testing.assert_array_equal(batch, x[:4])


def test_run_state_with_data_that_cannot_be_replayed_raises(gan, tmp_path):
    run = kerasgan.callbacks.RunState(tmp_path)
    unknown = tf.data.Dataset.from_tensor_slices(images()).filter(lambda x: True)
    for data, message in (
        (generator_of(images()), "generator, which can be read only once"),
        (Batches(images()), "Batches, which may change at the end of each epoch"),
        (unknown.batch(4), "which has an unknown length, .* expected steps_per_epoch"),
    ):
        with pytest.raises(ValueError, match=message):
            gan.fit(data, callbacks=[run], verbose=0)
    gan.fit(unknown.batch(4), callbacks=[run], steps_per_epoch=2, verbose=0)
    assert gan.steps_taken == 2


def test_validation_split_needs_arrays(gan):
    data = tf.data.Dataset.from_tensor_slices(images()).batch(4)
    with pytest.raises(ValueError, match=r"validation_split is 0.5, but x is a \w+;"):
        gan.fit(data, validation_split=0.5, verbose=0)


def test_validation_arrays_must_have_the_same_length(cyclegan):
    a = images(70, shape=(8, 8, 3))
    with pytest.raises(ValueError, match="validation_data has 70 and 66 images"):
        cyclegan.fit(a, a, validation_data=(a, a[:66]), verbose=0)


def test_source_images_are_checked_too():
    translator = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Conv2D(3, 1, activation="tanh")]
    )
    critic = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(1, 3)])
    model = kerasgan.GAN(critic, translator)
    model.compile()
    for source, message in (
        (np.full((4, *SHAPE), np.nan, "float32"), "the source of data has 192 values"),
        (images(4, shape=(4, 4, 1)), r"\(4, 4, 1\), but generator takes images"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(source, images(4), verbose=0)
    # Lists from a generator are pairs, like tuples.
    model.fit(generator_of([images(4), images(4)]), verbose=0)
    assert model.steps_taken == 1
