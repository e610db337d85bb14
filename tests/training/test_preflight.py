"""What preflight reports and rejects, and that it has no side effects."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import penalties
from kerasgan.training import fitting
from kerasgan.training import preflight as preflight_module
from kerasgan.training.stream import Stream

SHAPE = (8, 8, 3)


@pytest.fixture(autouse=True)
def _few_measured_batches(monkeypatch):
    monkeypatch.setattr(preflight_module, "MEASURED_BATCHES", 2)


def network(*layers, shape=SHAPE, name=None):
    return keras.Sequential([keras.Input(shape), *layers], name=name)


def translator():
    return network(keras.layers.Conv2D(3, 3, padding="same", activation="tanh"))


def discriminator():
    return network(keras.layers.Conv2D(1, 3))


def gan(**options):
    keras.utils.set_random_seed(1)
    generator = network(
        keras.layers.Dense(192),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("tanh"),
        keras.layers.Reshape(SHAPE),
        shape=(3,),
    )
    model = kerasgan.GAN(discriminator(), generator, seed=1)
    model.compile(**options)
    return model


def cyclegan(**options):
    keras.utils.set_random_seed(1)
    networks = (translator(), translator(), discriminator(), discriminator())
    model = kerasgan.CycleGAN(*networks, pool_size=3, seed=1)
    model.compile(**options)
    return model


def images(n=12, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")


def faces(n=12, batch_size=4):
    return tf.data.Dataset.from_tensor_slices(images(n)).batch(batch_size)


def pairs():
    parts = images(), images(seed=1)
    return tf.data.Dataset.from_tensor_slices(parts).shuffle(12, seed=3).batch(4)


def training_state(model):
    """Returns every variable that training changes, as bytes."""
    holders = [model, model.d_optimizer, model.g_optimizer, *model.metrics]
    return [np.array(v).tobytes() for holder in holders for v in holder.variables]


MODELS = [
    pytest.param(gan, faces, id="gan"),
    pytest.param(cyclegan, pairs, id="cyclegan", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("make, data", MODELS)
def test_preflight_does_not_change_model(make, data):
    model = make()
    # Train first, so that slots, averages, pools and metrics are not empty.
    model.fit(data(), verbose=0)
    before = training_state(model)
    kerasgan.preflight(model, data())
    assert training_state(model) == before
    assert model.steps_taken == 3


def test_failed_preflight_does_not_change_model(monkeypatch):
    model = gan()
    before = training_state(model)
    monkeypatch.setattr(model, "train_function", None)

    def make_train_function():
        def train_function(iterator):
            model.step.assign_add(1)
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")

        model.train_function = train_function

    monkeypatch.setattr(model, "make_train_function", make_train_function)
    with pytest.raises(ValueError, match="batches of 4, but there is not enough mem"):
        kerasgan.preflight(model, faces())
    assert training_state(model) == before


@pytest.mark.slow
@pytest.mark.parametrize("make, data", MODELS)
def test_fit_after_preflight_is_bit_identical(make, data):
    runs = []
    for with_preflight in (True, False):
        model, batches = make(), data().repeat(2).take(5).cache()
        # Fix the order of the batches for both runs.
        list(batches)
        if with_preflight:
            kerasgan.preflight(model, batches)
        model.fit(batches, epochs=2, verbose=0, shuffle=False)
        runs.append(training_state(model))
    assert runs[0] == runs[1]


@pytest.mark.slow
def test_data_is_iterated_once():
    seen = []

    def draw():
        seen.append("begun")
        yield from images().reshape(3, 4, *SHAPE)

    spec = tf.TensorSpec((None, *SHAPE), tf.float32)
    kerasgan.preflight(
        gan(), tf.data.Dataset.from_generator(draw, output_signature=spec)
    )
    assert seen == ["begun"]


@pytest.mark.slow
@pytest.mark.parametrize("make, data", MODELS)
def test_fit_does_not_retrace_step(make, data, monkeypatch):
    model, calls = make(), []
    train_step = model.train_step

    def counting_step(batch):
        calls.append(1)
        return train_step(batch)

    monkeypatch.setattr(model, "train_step", counting_step)
    batches = data()
    kerasgan.preflight(model, batches)
    traces = len(calls)
    assert traces
    model.fit(batches, verbose=0)
    assert len(calls) == traces


@pytest.mark.slow
def test_report_values():
    model = gan()
    report = kerasgan.preflight(model, faces(n=14), epochs=3)
    assert report.parameters == {"discriminator": 28, "generator": 4 * 192 + 4 * 192}
    assert (report.batch_size, report.batches, report.epochs) == (4, 4, 3)
    assert report.model_speed > 0 and report.data_speed > 0
    assert report.first_step_seconds > 4 / report.model_speed
    assert kerasgan.preflight(model, faces().repeat()).batches is None


def test_fit_reports_steps_and_epochs(capsys):
    gan().fit(
        faces().repeat(),
        steps_per_epoch=2,
        initial_epoch=3,
        epochs=5,
        preflight=True,
        verbose=0,
    )
    printed = capsys.readouterr().out
    assert ", 2 batches of 4" in printed and "(epochs: 2)" in printed


def test_speed_with_steps_per_execution():
    """Speed counts steps, not calls of the train function."""
    model = gan(steps_per_execution=5)
    steps = []

    def train_function(iterator):
        model.step.assign_add(5)
        steps.append(5)

    model.make_train_function = lambda: setattr(model, "train_function", train_function)
    clock = iter(np.arange(0.0, 100.0, 0.5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preflight_module.time, "perf_counter", lambda: next(clock))
        report = kerasgan.preflight(model, faces())
    # Two calls of five steps of four images in one second of the fake clock.
    assert steps == [5, 5, 5]
    assert report.model_speed == pytest.approx(2 * 5 * 4 / 1.0)


def test_report_is_printed(capsys):
    found = kerasgan.preflight(gan(), faces())
    assert capsys.readouterr().out == f"{found}\n"


RANDOM_OPS = [
    tf.image.random_flip_left_right,
    lambda batch: batch + tf.random.normal(tf.shape(batch)),
    lambda batch: batch * tf.random.stateless_uniform((), (1, 2)),
    lambda batch: tf.cond(
        tf.reduce_sum(batch) > 0.0, lambda: tf.random.shuffle(batch), lambda: batch
    ),
    keras.layers.RandomFlip(),
]


@pytest.mark.parametrize("random_op", RANDOM_OPS)
def test_cached_random_ops_raise(random_op):
    data = faces().map(random_op)
    with pytest.raises(ValueError, match=r"expected \.cache\(\) before the random"):
        kerasgan.preflight(gan(), data.cache().repeat(2).prefetch(1))


@pytest.mark.parametrize(
    "data",
    [
        lambda: faces().cache().map(RANDOM_OPS[0]),
        lambda: faces().map(RANDOM_OPS[0]),
        lambda: faces().map(lambda batch: tf.clip_by_value(batch * 2, -1, 1)).cache(),
        lambda: faces().shuffle(3).cache(),
        lambda: kerasgan.data.augment(faces().cache()),
    ],
)
def test_cache_without_random_image_ops_passes(data):
    preflight_module._check_nothing_random_is_cached(data())


def test_cached_random_ops_in_one_domain_raise():
    frozen = faces().map(RANDOM_OPS[0]).cache()
    with pytest.raises(ValueError, match="RandomUniform"):
        kerasgan.preflight(cyclegan(), kerasgan.data.unpaired(faces(), frozen))


@pytest.mark.slow
def test_penalty_with_batch_normalization_raises():
    inner = network(keras.layers.BatchNormalization(), shape=(6, 6, 1))
    normalized = network(keras.layers.Conv2D(1, 3), inner, name="critic")
    model = kerasgan.GAN(normalized, gan().generator)
    model.compile()
    kerasgan.preflight(model, faces())
    for penalty in penalties.NAMES:
        model.compile(penalties=[penalty])
        with pytest.raises(
            ValueError, match=r"layer 'batch_n.*'critic' combines the im"
        ):
            kerasgan.preflight(model, faces())
    # Batch normalization in the generator is allowed.
    kerasgan.preflight(gan(penalties=["r1"]), faces())


class BatchDeviation(keras.layers.Layer):
    def call(self, x):
        return x + tf.math.reduce_std(x, axis=0, keepdims=True)


class PixelNorm(keras.layers.Layer):
    """A custom layer that processes each image separately."""

    def call(self, x):
        return x * tf.math.rsqrt(tf.reduce_mean(x**2, axis=-1, keepdims=True) + 1e-6)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_penalty_with_custom_layer_raises_if_it_mixes_images():
    for layer, mixes in ((BatchDeviation(name="spread"), True), (PixelNorm(), False)):
        critic = network(keras.layers.Conv2D(1, 3), layer, keras.layers.Conv2D(2, 3))
        model = kerasgan.GAN(critic, gan().generator)
        model.compile(penalties=["r1"])
        before = training_state(model)
        if mixes:
            with pytest.raises(ValueError, match=r"'spread' \(BatchDeviation\)"):
                kerasgan.preflight(model, faces())
        else:
            kerasgan.preflight(model, faces())
        assert training_state(model) == before


def test_penalty_with_custom_layer_in_either_discriminator_raises():
    for position in range(2):
        critics = [discriminator(), discriminator()]
        critics[position] = network(
            BatchDeviation(name="spread"), keras.layers.Conv2D(1, 3), name="critic"
        )
        model = kerasgan.CycleGAN(translator(), translator(), *critics)
        model.compile(penalties=["r1"])
        with pytest.raises(
            ValueError, match=r"'spread' \(BatchDev.* 'critic' combines"
        ):
            kerasgan.preflight(model, pairs())


IN_ONE_LANE = [pytest.mark.slow, pytest.mark.keras3_lane]


@pytest.mark.parametrize(
    ("seeks", "preflight"),
    [
        (False, True),
        pytest.param(False, False, marks=IN_ONE_LANE),
        pytest.param(True, True, marks=IN_ONE_LANE),
        pytest.param(True, False, marks=IN_ONE_LANE),
    ],
)
def test_batches_that_were_looked_at_are_freed(seeks, preflight, monkeypatch):
    for module in (fitting, preflight_module):
        monkeypatch.setattr(module, "CHECKED_IMAGES", 12)
    looked_at, alive = [], []

    def remember(batch):
        looked_at.extend(map(weakref.ref, tf.nest.flatten(batch)))
        return batch

    peek = Stream.peek
    monkeypatch.setattr(Stream, "peek", lambda self: map(remember, peek(self)))
    model = gan(run_eagerly=True)
    check_data = model.check_data
    model.check_data = lambda *args, **names: remember(check_data(*args, **names))

    class CountsAlive(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            gc.collect()
            alive.append(sum(reference() is not None for reference in looked_at))

    # The order of arrays is known, so training starts at any batch of them.
    data = {"x": images(), "batch_size": 4} if seeks else {"x": faces()}
    callbacks = [CountsAlive()]
    model.fit(**data, epochs=2, verbose=0, callbacks=callbacks, preflight=preflight)
    # All three batches of an epoch, and copies of them for the check.
    assert len(looked_at) >= 2 * 3
    expected = [0] * 6 if seeks else [2, 1, 0, 0, 0, 0]
    assert all(n <= most for n, most in zip(alive, expected, strict=True)), alive


@pytest.mark.slow
def test_fit_with_preflight_keeps_shuffle_order():
    states = []
    for preflight in (True, False):
        model = gan()
        shuffled = faces().unbatch().shuffle(12, seed=3).batch(4)
        model.fit(shuffled, epochs=3, verbose=0, preflight=preflight)
        states.append(training_state(model))
    assert states[0] == states[1]


def test_invalid_data_raises():
    with pytest.raises(ValueError, match="data has images of shape"):
        kerasgan.preflight(gan(), faces().map(lambda batch: batch[:, 1:]))
    with pytest.raises(ValueError, match="map them with 2"):
        kerasgan.preflight(gan(), faces().map(lambda batch: batch / 2 + 0.5))
    with pytest.raises(ValueError, match="expected pairs"):
        kerasgan.preflight(cyclegan(), faces())
    with pytest.raises(ValueError, match="data yields no batch"):
        kerasgan.preflight(gan(), faces().take(0))


def test_invalid_arguments_raise():
    model = kerasgan.GAN(discriminator(), gan().generator)
    with pytest.raises(ValueError, match="model 'gan' is not compiled"):
        kerasgan.preflight(model, faces())
    with pytest.raises(ValueError, match="data is a ndarray"):
        kerasgan.preflight(gan(), images())
    with pytest.raises(ValueError, match="epochs is 0"):
        kerasgan.preflight(gan(), faces(), epochs=0)


def test_run_preflight_returns_batches_that_fit_checks():
    model = gan()
    _, looked_at = preflight_module.run_preflight(model, faces(n=100, batch_size=10))
    expected = model.check_data(faces(n=100, batch_size=10), None)
    assert len(looked_at) == len(expected) == 7
    np.testing.assert_array_equal(looked_at, expected)
