"""Training, inference, saving and errors of `GAN`."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import losses, penalties
from kerasgan.models import step as gan_step
from kerasgan.models.moves import Outputs
from kerasgan.models.randomness import EVALUATION, LABEL_NOISE, LATENTS, step_seed

SIDE, LATENT_DIM = 8, 3
SHAPE = (SIDE, SIDE, 3)


def latent_generator(input_shape=(LATENT_DIM,), activation="tanh"):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(4 * 4 * 4),
            keras.layers.Reshape((4, 4, 4)),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Conv2DTranspose(3, 4, 2, "same", activation=activation),
        ],
        name="generator",
    )


def translator():
    return keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Conv2D(3, 3, 1, "same", activation="tanh")]
    )


def discriminator(activation=None, patches=False):
    head = (
        [keras.layers.Conv2D(1, 3, 1, "same", activation=activation)]
        if patches
        else [keras.layers.Flatten(), keras.layers.Dense(1, activation=activation)]
    )
    return keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Conv2D(4, 4, 2, "same"), *head],
        name="discriminator",
    )


def images(n=16, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *SHAPE)).astype("float32")


def gan(**options):
    return kerasgan.GAN(discriminator(), latent_generator(), seed=1, **options)


def compiled(model=None, graph=False, **options):
    """Returns a compiled model.

    By default it runs eagerly, because one or two steps take less time than tracing.
    """
    model = model or gan()
    model.compile(**{"run_eagerly": not graph, **options})
    return model


def values(variables):
    return [np.array(v) for v in variables]


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def state_of(model):
    return values(
        [
            *model.variables,
            *model.d_optimizer.variables,
            *model.g_optimizer.variables,
        ]
    )


# --- training step --------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss_fn", "patches"),
    [
        *(
            pytest.param(loss_fn, False, marks=pytest.mark.slow)
            for loss_fn in losses.NAMES
        ),
        pytest.param(keras.losses.MeanSquaredError(), True, marks=pytest.mark.slow),
        ("non_saturating", True),
    ],
)
def test_fit_updates_all_weights_and_logs_losses(loss_fn, patches):
    model = kerasgan.GAN(discriminator(patches=patches), latent_generator(), seed=1)
    compiled(model, graph=True, loss_fn=loss_fn, label_noise=0.05)
    before = values(model.trainable_variables)
    history = model.fit(images(), batch_size=8, epochs=2, verbose=0).history
    assert set(history) == {"loss", "d_loss", "g_loss", "real_score", "fake_score"}
    assert np.isfinite(list(history.values())).all()
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert not np.array_equal(old, np.asarray(new)), new.name
    assert int(model.step) == 4


def test_generator_with_latent_map_as_input():
    model = kerasgan.GAN(discriminator(), latent_generator((1, 1, LATENT_DIM)))
    assert model.latent_dim == LATENT_DIM
    compiled(model).fit(images(), batch_size=8, verbose=0)
    assert model.generate(2).shape == (2, *SHAPE)


@pytest.mark.slow
def test_image_generator_trains_on_pairs():
    model = compiled(kerasgan.GAN(discriminator(), translator(), seed=1))
    before = values(model.generator.trainable_variables)
    pairs = tf.data.Dataset.from_tensor_slices((images(seed=1), images(seed=2)))
    model.fit(pairs.batch(8), verbose=0)
    model.fit(images(seed=1), images(seed=2), batch_size=8, verbose=0)
    for old, new in zip(before, model.generator.trainable_variables, strict=True):
        assert not np.array_equal(old, np.asarray(new))
    assert model.predict(images(3), verbose=0).shape == (3, *SHAPE)
    with pytest.raises(ValueError, match="generator takes images"):
        model.generate(1)


class Bare:
    """A custom loss with only the required methods."""

    def discriminator_loss(self, real, fake):
        return tf.reduce_mean(fake) - tf.reduce_mean(real)

    def generator_loss(self, fake, real):
        return -tf.reduce_mean(fake)


class Scores(losses.LabelLoss):
    """Returns means of the outputs; subclasses inspect what a step passes to it."""

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        return tf.reduce_mean(real) - tf.reduce_mean(fake)

    def generator_loss(self, fake, real):
        return -tf.reduce_mean(fake)


@pytest.mark.slow
@pytest.mark.parametrize("n, updates, sizes", [(12, 3, [4] * 3), (10, 4, [2] * 4)])
def test_each_discriminator_update_gets_different_images(n, updates, sizes):
    seen = []

    class Spy(Scores):
        def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
            seen.append((real.numpy().ravel(), fake.numpy().ravel()))
            return super().discriminator_loss(real, fake)

    # The weights stay at one, so that the discriminator returns the sum of pixels.
    mean = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    generator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1))]
    )
    model = kerasgan.GAN(mean, generator, seed=0)
    model.compile(
        d_optimizer=keras.optimizers.SGD(0.0),
        loss_fn=Spy(),
        discriminator_steps=updates,
        run_eagerly=True,
    )
    batch = np.repeat(np.arange(n, dtype="float32"), 4).reshape(n, 2, 2, 1)
    model.fit(batch, batch_size=n, shuffle=False, verbose=0)
    real = np.concatenate([r for r, _ in seen])
    assert [len(r) for r, _ in seen] == sizes
    assert sorted(real / 4) == list(range(sum(sizes)))
    fakes = np.concatenate([f for _, f in seen])
    assert len(np.unique(fakes)) == sum(sizes)  # the latents differ, too
    assert int(model.step) == 1


def test_generator_is_called_once_per_step():
    calls = []

    class CountCalls(keras.layers.Layer):
        def call(self, inputs):
            calls.append(1)
            return inputs

    generator = keras.Sequential(
        [
            keras.Input((LATENT_DIM,)),
            keras.layers.Dense(SIDE * SIDE * 3, activation="tanh"),
            keras.layers.Reshape(SHAPE),
            CountCalls(),
        ]
    )
    model = kerasgan.GAN(discriminator(), generator, ema_decay=None)
    model.compile(run_eagerly=True)
    calls.clear()
    model.train_on_batch(images(4))
    assert len(calls) == 1


def draw_labels(model, outputs):
    ((real, fake),) = gan_step.draw_labels(model, [Outputs(outputs, outputs, None)], 0)
    return np.asarray(real), np.asarray(fake)


def test_label_noise_moves_labels_toward_other_class():
    model = compiled(label_noise=0.3)
    outputs = tf.zeros((500, 4))
    real, fake = draw_labels(model, outputs)
    assert real.shape == fake.shape == (500, 4)
    for noise in (1 - real, fake):
        assert 0 <= noise.min() < 0.01 and 0.29 < noise.max() <= 0.3
        assert abs(noise.mean() - 0.15) < 0.01
    assert abs(np.corrcoef(real.ravel(), fake.ravel())[0, 1]) < 0.1
    assert_same((real, fake), draw_labels(model, outputs))
    model.step.assign_add(1)
    assert not np.array_equal(real, draw_labels(model, outputs)[0])


@pytest.mark.parametrize("label_noise", [0.0, 0.5])
def test_discriminator_loss_uses_noisy_labels(label_noise):
    model = compiled(loss_fn="least_squares", label_noise=label_noise)
    fake = model.generator(model.latents(8, step_seed(1, 0, LATENTS, 0)), training=True)
    outputs = [np.asarray(model.discriminator(x))[:, 0] for x in (images(8), fake)]
    noise = [
        label_noise
        * np.asarray(
            tf.random.stateless_uniform((8, 1), step_seed(1, 0, LABEL_NOISE, 0, player))
        )[:, 0]
        for player in (0, 1)
    ]
    expected = ((outputs[0] - 1 + noise[0]) ** 2).mean() / 2
    expected += ((outputs[1] - noise[1]) ** 2).mean() / 2
    logs = model.train_on_batch(images(8), return_dict=True)
    assert logs["d_loss"] == pytest.approx(expected, rel=1e-4)


def test_default_label_noise_depends_on_loss():
    assert compiled().label_noise == 0.0
    assert compiled(loss_fn=keras.losses.MeanSquaredError()).label_noise == 0.0
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    assert compiled(loss_fn=cross_entropy).label_noise == 0.05


def test_discriminator_minimizes_penalty():
    """Compares a training step with an explicit gradient descent step."""
    model = compiled(
        graph=True,
        d_optimizer=keras.optimizers.SGD(0.1),
        g_optimizer=keras.optimizers.SGD(0.0),
        loss_fn="least_squares",
        penalties=[penalties.R1(6.0)],
    )
    critic, real = model.discriminator, images(8)
    fake = model.generator(model.latents(8, step_seed(1, 0, LATENTS, 0)), training=True)
    pixels = tf.constant(real)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(pixels)
            outputs = critic(pixels)
        slopes = inner.gradient(outputs, pixels)
        penalty = 3.0 * tf.reduce_mean(tf.reduce_sum(slopes**2, axis=(1, 2, 3)))
        loss = tf.reduce_mean((critic(real) - 1) ** 2 + critic(fake) ** 2) / 2
        both = loss + penalty
    gradients = outer.gradient(both, critic.trainable_variables)
    expected = [
        np.asarray(v) - 0.1 * np.asarray(g)
        for v, g in zip(critic.trainable_variables, gradients, strict=True)
    ]
    logs = model.train_on_batch(real, return_dict=True)
    for new, value in zip(critic.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(np.asarray(new), value, atol=1e-6)
    assert logs["penalty"] == pytest.approx(float(penalty), rel=1e-5)
    assert logs["d_loss"] == pytest.approx(float(loss), rel=1e-5)
    # `loss` is the sum of the reported losses, without the penalty.
    assert logs["loss"] == pytest.approx(logs["d_loss"] + logs["g_loss"], rel=1e-6)


def test_each_discriminator_update_gets_new_penalty_seed():
    seeds = []

    def penalty(discriminate, real, fake, seed):
        seeds.append(tuple(np.asarray(seed)))
        return tf.constant(0.5)

    model = compiled(discriminator_steps=2, penalties=[penalty])
    history = model.fit(images(16), batch_size=8, verbose=0).history
    assert len(seeds) == len(set(seeds)) == 4
    assert history["penalty"] == [0.5]
    seeds.clear()
    logs = model.evaluate(images(16), batch_size=8, verbose=0, return_dict=True)
    assert logs["penalty"] == 0.5 and len(set(seeds)) == 2


@pytest.mark.slow
def test_averaged_weights_follow_decay_formula():
    model = compiled(gan(ema_decay=0.9), graph=True)
    expected = values(model.generator.variables)
    batch = images(8)
    for step in range(120):
        model.train_on_batch(batch)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = [
            decay * e + (1 - decay) * np.asarray(v)
            for e, v in zip(expected, model.generator.variables, strict=True)
        ]
    for e, v in zip(expected, model.ema_generator.variables, strict=True):
        np.testing.assert_allclose(np.asarray(v), e, rtol=1e-4, atol=1e-6)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_training_is_determined_by_seed():
    runs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(3)
        model = kerasgan.GAN(discriminator(), latent_generator(), seed=seed)
        compiled(model, graph=True, label_noise=0.1)
        model.fit(images(), batch_size=8, epochs=2, shuffle=False, verbose=0)
        runs.append(values(model.variables))
    assert_same(runs[0], runs[1])
    assert any(not np.array_equal(a, b) for a, b in zip(*runs[1:], strict=True))


@pytest.mark.slow
def test_training_under_mirrored_strategy():
    cpu = tf.config.list_logical_devices("CPU")[0].name
    with tf.distribute.MirroredStrategy([cpu]).scope():
        model = compiled(graph=True, loss_fn="least_squares", label_noise=0.1)
    before = values(model.trainable_variables)
    data = tf.data.Dataset.from_tensor_slices(images()).batch(8)
    model.fit(data, epochs=2, verbose=0)
    assert model.steps_taken == 4
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert not np.array_equal(old, np.asarray(tf.convert_to_tensor(new)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float64", "float16", "sequence", "infinite"])
def test_training_on_other_data_types(kind):
    class Batches(keras.utils.Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return images()[8 * index : 8 * index + 8]

    data = tf.data.Dataset.from_tensor_slices(images())
    data = {
        "float64": lambda: images().astype("float64"),
        "float16": lambda: data.map(lambda x: tf.cast(x, "float16")).batch(8),
        "sequence": Batches,
        "infinite": lambda: data.repeat().batch(8),
    }[kind]()
    steps = {"steps_per_epoch": 2} if kind == "infinite" else {}

    def trained(data, **options):
        keras.utils.set_random_seed(3)
        sgd = keras.optimizers.SGD
        model = compiled(d_optimizer=sgd(0.1), g_optimizer=sgd(0.1), graph=True)
        before = values(model.trainable_variables)
        model.fit(data, shuffle=False, verbose=0, **options)
        return model.steps_taken, before, values(model.trainable_variables)

    n, before, after = trained(data, **steps)
    assert n == (1 if kind == "float64" else 2)
    # The same values as float32.
    same = images().astype("float16" if kind == "float16" else "float32")
    same = tf.data.Dataset.from_tensor_slices(same.astype("float32")).batch(16 // n)
    _, _, expected = trained(same)
    for start, one, other in zip(before, after, expected, strict=True):
        assert np.abs(one - start).max() > 1e-5
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_mixed_precision_trains_like_float32():
    def trained():
        keras.utils.set_random_seed(3)
        sgd = keras.optimizers.SGD
        model = compiled(
            loss_fn="least_squares",
            d_optimizer=sgd(0.1),
            g_optimizer=sgd(0.1),
        )
        before = values(model.trainable_variables)
        logs = model.train_on_batch(images(8), return_dict=True)
        after = values(model.trainable_variables)
        return model, logs, [b - a for a, b in zip(before, after, strict=True)]

    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half, logs, moves = trained()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    _, expected, others = trained()
    for network in (half.generator, half.discriminator):
        assert {layer.compute_dtype for layer in network.layers} == {"float16"}
    # float16 has 11 bits, and a loss is the mean of many outputs.
    assert logs == pytest.approx(expected, rel=0.02, abs=0.01)
    for move, other in zip(moves, others, strict=True):
        if other.ndim > 1:
            assert np.abs(other).max() > 1e-3
            np.testing.assert_allclose(move, other, atol=0.05 * np.abs(other).max())
    assert half.generate(2).dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"steps_per_execution": 2}])
def test_execution_options_give_same_weights(options):
    runs = []
    for more in ({}, options):
        keras.utils.set_random_seed(3)
        model = compiled(graph=True, label_noise=0.1, **more)
        model.fit(images(), batch_size=8, epochs=2, shuffle=False, verbose=0)
        runs.append(values(model.variables))
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# --- inference, evaluation and saving -------------------------------------------


def test_generate():
    model = gan()
    drawn = model.generate(5, seed=3)
    assert drawn.dtype == np.float32 and drawn.shape == (5, *SHAPE)
    assert -1 <= drawn.min() and drawn.max() <= 1
    assert_same(drawn, model.generate(5, seed=3))
    np.testing.assert_allclose(drawn, model.generate(5, 3, batch_size=2), atol=1e-6)
    assert not np.array_equal(drawn, model.generate(5, seed=4))
    assert not np.array_equal(model.generate(5), model.generate(5))
    with pytest.raises(ValueError, match="n is 0"):
        model.generate(0)


def test_generate_with_and_without_averaged_weights():
    model = gan()
    model.generator.set_weights([w * 0 for w in model.generator.get_weights()])
    assert (model.generate(2, seed=0, averaged=False) == 0).all()
    assert (model.generate(2, seed=0) != 0).any()
    latents = model.latents(2, seed=0)
    np.testing.assert_allclose(
        model.predict(latents, verbose=0), model.generate(2, seed=0), atol=1e-6
    )
    assert (np.asarray(model(latents, training=True)) == 0).all()
    plain = gan(ema_decay=None)
    assert plain.ema_generator is None
    assert_same(plain.generate(2, seed=0), plain.generate(2, seed=0, averaged=False))


def test_latent_distributions():
    normal = np.asarray(gan().latents(20_000, seed=0))
    assert normal.shape == (20_000, LATENT_DIM)
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    uniform = np.asarray(gan(latent_distribution=(-2, 3)).latents(20_000, seed=0))
    assert -2 <= uniform.min() < -1.99 and 2.99 < uniform.max() < 3
    assert abs(uniform.mean() - 0.5) < 0.05


@pytest.mark.slow
def test_evaluate_is_deterministic_and_has_no_side_effects():
    critic = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    model = compiled(kerasgan.GAN(critic, latent_generator(), seed=1))
    model.fit(images(), batch_size=8, verbose=0)

    def state():
        networks = (model.generator, model.discriminator, model.ema_generator)
        optimizers = (model.d_optimizer, model.g_optimizer)
        return [
            np.array(v) for owner in (*networks, *optimizers) for v in owner.variables
        ]

    before, steps = state(), model.steps_taken
    # Nine images in batches of eight: the last batch must have a smaller weight.
    data = images(9)
    first = model.evaluate(data, batch_size=8, verbose=0, return_dict=True)
    second = model.evaluate(data, batch_size=8, verbose=0, return_dict=True)
    assert first == second
    assert set(first) == {"loss", "d_loss", "g_loss", "real_score", "fake_score"}
    assert_same(before, state())
    assert model.steps_taken == steps
    outputs = model.discriminator.predict(data, verbose=0)
    assert first["real_score"] == pytest.approx(outputs.mean(), abs=1e-5)


def test_validation_logs_have_val_prefix():
    data = tf.data.Dataset.from_tensor_slices(images(seed=5)).batch(8)
    logs = []
    for validation_data in (data, images(seed=5), (images(seed=5),)):
        keras.utils.set_random_seed(0)
        history = (
            compiled()
            .fit(images(), validation_data=validation_data, batch_size=8, verbose=0)
            .history
        )
        logs.append({k: v[0] for k, v in history.items() if k.startswith("val_")})
    assert {"val_d_loss", "val_g_loss", "val_real_score"} <= set(logs[0])
    # Keras shuffles no validation data, so an array is read like the dataset.
    assert logs[1] == logs[2] == pytest.approx(logs[0])


def test_summary_names_generator_and_discriminator():
    lines = []
    gan().summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert "generator" in text and "discriminator" in text


def test_config_round_trip():
    model = gan(latent_distribution=(0.0, 1.0), ema_decay=0.5)
    loaded = kerasgan.GAN.from_config(model.get_config())
    assert loaded.latent_dim == LATENT_DIM
    assert loaded.latent_distribution == (0.0, 1.0)
    assert (loaded.ema_decay, loaded.seed) == (0.5, 1)
    assert loaded.generator.count_params() == model.generator.count_params()


@pytest.mark.keras3_lane
@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        dict(loss_fn="least_squares", label_noise=0.1, discriminator_steps=2),
        dict(
            loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
            d_optimizer=keras.optimizers.RMSprop(1e-3),
            g_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.0),
        ),
        dict(penalties=["gradient_penalty"]),
    ],
)
def test_loaded_model_is_compiled_and_trains_identically(tmp_path, options):
    # `compile` builds the optimizers, so each test needs new ones.
    options = {
        key: value.__class__.from_config(value.get_config())
        if isinstance(value, keras.optimizers.Optimizer)
        else value
        for key, value in options.items()
    }
    model = compiled(graph=True, **options)
    train = dict(batch_size=8, epochs=3, shuffle=False, verbose=0)
    model.fit(images(), **train)
    model.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert isinstance(loaded, kerasgan.GAN)
    for both in (model, loaded):
        both.fit(images(seed=5), **train)
    assert_same(values(model.variables), values(loaded.variables))
    for name in ("d_optimizer", "g_optimizer"):
        assert_same(*(values(getattr(m, name).variables) for m in (model, loaded)))
    assert loaded.label_noise == model.label_noise
    assert [*map(type, loaded.penalties)] == [*map(type, model.penalties)]
    assert loaded.discriminator_steps == model.discriminator_steps
    assert_same(model.generate(3, seed=0), loaded.generate(3, seed=0))


def test_uncompiled_model_is_saved_and_loaded(tmp_path):
    model = gan()
    model.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    assert_same(model.generate(2, seed=0), loaded.generate(2, seed=0))
    assert not hasattr(loaded, "d_optimizer")


@pytest.mark.slow
def test_loaded_model_trains_identically_in_another_process(tmp_path):
    model = compiled(
        graph=True,
        loss_fn="least_squares",
        label_noise=0.1,
        discriminator_steps=2,
        d_optimizer=keras.optimizers.RMSprop(1e-3),
        g_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.25),
    )
    model.fit(images(), batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / "gan.keras")
    np.save(tmp_path / "images.npy", images(8, seed=5))
    program = (
        "import keras, numpy as np, kerasgan\n"
        "gan = keras.models.load_model('gan.keras')\n"
        "np.save('drawn.npy', gan.generate(4, seed=0))\n"
        "assert type(gan.loss_fn) is kerasgan.losses.LeastSquares\n"
        "assert type(gan.d_optimizer).__name__ == 'RMSprop'\n"
        "assert gan.g_optimizer.get_config()['beta_1'] == 0.25\n"
        "state = [*gan.variables, *gan.d_optimizer.variables, "
        "*gan.g_optimizer.variables]\n"
        "before = [np.array(v) for v in state]\n"
        "gan.train_on_batch(np.load('images.npy'))\n"
        "np.savez('state.npz', *before, *state)\n"
    )
    before = state_of(model)
    drawn = model.generate(4, seed=0)
    model.train_on_batch(images(8, seed=5))
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True
    )
    np.testing.assert_allclose(np.load(tmp_path / "drawn.npy"), drawn, atol=1e-6)
    with np.load(tmp_path / "state.npz") as saved:
        assert_same(saved.values(), [*before, *state_of(model)])


class PixelError(keras.metrics.Metric):
    """Mean absolute difference between real and generated images, times a factor."""

    def __init__(self, factor=1.0, name="pixel_error"):
        super().__init__(name=name)
        self.factor = factor
        self.mean = keras.metrics.Mean()

    def update_state(self, real, fake, sample_weight=None):
        self.mean.update_state(self.factor * tf.reduce_mean(tf.abs(real - fake)))

    def result(self):
        return self.mean.result()

    def reset_state(self):
        self.mean.reset_state()

    def get_config(self):
        return {"factor": self.factor, "name": self.name}


@pytest.mark.slow
def test_metrics_use_averaged_generator():
    model = compiled(kerasgan.GAN(discriminator(), translator(), seed=1))
    model.compile(metrics=[PixelError(2.0)])
    source, target = images(8, seed=1), images(8, seed=2)
    data = tf.data.Dataset.from_tensors((source, target))
    history = model.fit(data, validation_data=data, epochs=2, verbose=0).history
    assert "pixel_error" not in history and len(history["val_pixel_error"]) == 2
    # Apart from the average.
    model.generator.set_weights([w + 0.5 for w in model.generator.get_weights()])
    logs = model.evaluate(data, verbose=0, return_dict=True)
    expected = 2.0 * np.abs(model.predict(source, verbose=0) - target).mean()
    assert logs["pixel_error"] == pytest.approx(expected, rel=1e-4)
    other = np.abs(np.asarray(model.generator(source)) - target).mean() * 2.0
    assert logs["pixel_error"] != pytest.approx(other, rel=1e-4)


class Relativistic:
    """A custom loss that compares the outputs for real and generated images."""

    def discriminator_loss(self, real, fake):
        return tf.reduce_mean(tf.nn.softplus(fake - real))

    def generator_loss(self, fake, real):
        return tf.reduce_mean(tf.nn.softplus(real - fake))


@pytest.mark.parametrize("training", [True, False])
def test_generator_loss_receives_outputs_for_real_images(training):
    model = compiled(
        loss_fn=Relativistic(),
        d_optimizer=keras.optimizers.SGD(0.0),
        g_optimizer=keras.optimizers.SGD(0.0),
        run_eagerly=True,
    )
    seed = step_seed(1, 0, LATENTS, 0) if training else step_seed(1, 0, EVALUATION)
    fake = model.generator(model.latents(8, seed), training=training)
    real, made = (np.asarray(model.discriminator(x)) for x in (images(8), fake))
    run_step = model.train_on_batch if training else model.test_on_batch
    logs = run_step(images(8), return_dict=True)
    assert logs["g_loss"] == pytest.approx(
        np.log1p(np.exp(real - made)).mean(), rel=1e-4
    )


def test_generator_loss_of_fake_outputs_only_raises():
    with pytest.raises(
        ValueError, match=r"generator_loss\(fake\); expected generator_lo"
    ):
        compiled(loss_fn=FakeOutputsOnly())


class FakeOutputsOnly(Bare):
    def generator_loss(self, fake):
        return -tf.reduce_mean(fake)


# --- errors ---------------------------------------------------------------------


def test_mismatched_network_shapes_raise():
    small = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match=r"discriminator takes .*\(4, 4, 3\).*8, 8, 3"):
        kerasgan.GAN(small, latent_generator())


def test_invalid_networks_raise():
    with pytest.raises(ValueError, match="generator is None; expected a Keras model"):
        kerasgan.GAN(discriminator(), None)
    unbuilt = keras.Sequential([keras.layers.Flatten()])
    with pytest.raises(ValueError, match="does not know its input shape"):
        kerasgan.GAN(unbuilt, latent_generator())


@pytest.mark.parametrize("latent_dim", [0, -1, 5, 1.5])
def test_invalid_latent_dim_raises(latent_dim):
    with pytest.raises(ValueError, match=f"latent_dim is {latent_dim}"):
        kerasgan.GAN(discriminator(), latent_generator(), latent_dim)


@pytest.mark.parametrize("distribution", ["gaussian", (1, 0), (1,), 3])
def test_invalid_latent_distribution_raises(distribution):
    with pytest.raises(ValueError, match="latent_distribution is"):
        gan(latent_distribution=distribution)


@pytest.mark.parametrize("decay", [1.0, -0.1, 2])
def test_ema_decay_out_of_range_raises(decay):
    with pytest.raises(ValueError, match="ema_decay is"):
        gan(ema_decay=decay)


def test_loss_that_mismatches_last_activation_raises():
    sigmoid = kerasgan.GAN(discriminator("sigmoid"), latent_generator())
    for loss in ("non_saturating", keras.losses.BinaryCrossentropy(from_logits=True)):
        with pytest.raises(ValueError, match=r"expects logits, but .* is sigmoid"):
            sigmoid.compile(loss_fn=loss)
    sigmoid.compile(loss_fn="least_squares")
    with pytest.raises(ValueError, match=r"expects probabilities, but .* is linear"):
        gan().compile(loss_fn=keras.losses.BinaryCrossentropy())


def test_invalid_compile_arguments_raise():
    shared = keras.optimizers.Adam()
    for options, message in (
        (dict(d_optimizer=shared, g_optimizer=shared), "g_optimizer is the same"),
        (dict(label_noise=1.5), "label_noise is 1.5"),
        (dict(label_noise=-0.1), "label_noise is -0.1"),
        (dict(discriminator_steps=0), "discriminator_steps is 0"),
        (dict(loss_fn="minmax"), "did you mean 'minimax'"),
    ):
        with pytest.raises(ValueError, match=message):
            gan().compile(**options)


def test_label_noise_with_loss_without_labels_raises():
    model = compiled(loss_fn=Bare())
    model.fit(images(), verbose=0)
    with pytest.raises(ValueError, match="Bare does not use labels"):
        gan().compile(loss_fn=Bare(), label_noise=0.1)


def test_layers_frozen_after_compile_raise(tmp_path):
    model = compiled()
    model.discriminator.trainable = False
    with pytest.raises(
        ValueError, match="discriminator has 0 trainable variables, but"
    ):
        model.fit(images(), verbose=0)
    model.discriminator.trainable = True
    model.generator.layers[-1].trainable = False
    with pytest.raises(ValueError, match=r"generator has 4 .* call compile again"):
        model.fit(images(), verbose=0)
    with pytest.raises(ValueError, match="generator has 4 trainable variables, but"):
        kerasgan.preflight(model, tf.data.Dataset.from_tensors(images()))
    with pytest.warns(UserWarning, match="generator has 4 .* does not restore the st"):
        model.save(tmp_path / "gan.keras")
    model.compile(run_eagerly=True)
    kernel = np.array(model.generator.layers[-1].kernel)
    model.fit(images(), verbose=0)
    assert_same([kernel], [model.generator.layers[-1].kernel])
    assert model.steps_taken == 1


def test_networks_that_share_a_layer_raise():
    shared = keras.layers.Conv2D(3, 3, 1, "same", activation="tanh", name="shared")
    generator = keras.Sequential([keras.Input(SHAPE), shared])
    critic = keras.Sequential([keras.Input(SHAPE), shared, keras.layers.Dense(1)])
    with pytest.raises(
        ValueError, match="discriminator shares layer 'shared' with gen"
    ):
        kerasgan.GAN(critic, generator)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (lambda: [keras.layers.Activation("tanh")], (-1.0, 1.0)),
        (
            lambda: [keras.layers.Activation("tanh"), keras.layers.Rescaling(0.5, 0.5)],
            (0.0, 1.0),
        ),
        (
            lambda: [keras.layers.Activation("sigmoid"), keras.layers.Rescaling(255)],
            (0.0, 255.0),
        ),
        (lambda: [keras.layers.Activation("linear")], None),
        (lambda: [keras.layers.Rescaling(255)], None),
        (lambda: [keras.layers.LeakyReLU()], None),
    ],
)
def test_value_range_is_given_or_inferred_or_required(tail, expected):
    def model(**options):
        generator = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(4 * 48),
                keras.layers.Reshape(SHAPE),
                *tail(),
            ]
        )
        return kerasgan.GAN(discriminator(), generator, **options)

    assert model(value_range=(-2, 3)).value_range == (-2.0, 3.0)
    assert model(value_range=(-2, 3)).metadata["value_range"] == [-2.0, 3.0]
    if expected is None:
        with pytest.raises(
            ValueError, match=r"value_range is None.*expected value_range"
        ):
            _ = model().value_range
        assert model().metadata["value_range"] is None
    else:
        assert model().value_range == expected
    again = kerasgan.GAN.from_config(model(value_range=(-2, 3)).get_config())
    assert again.value_range == (-2.0, 3.0)
    with pytest.raises(ValueError, match=r"value_range is \(1, 0\); expected a pair"):
        model(value_range=(1, 0))


def test_data_outside_given_value_range_raises():
    model = compiled(gan(value_range=(-2, 3)))
    with pytest.raises(ValueError, match=r"expected values in \[-2, 3\]"):
        model.fit(images() * 4, verbose=0)


def test_network_without_trainable_weights_raises():
    frozen = discriminator()
    frozen.trainable = False
    with pytest.raises(ValueError, match="discriminator has no trainable weights"):
        kerasgan.GAN(frozen, latent_generator()).compile()


@pytest.mark.parametrize(
    "data, message",
    [
        (
            (images() + 1) / 2,
            r"from .* to .*tanh; expected values in \[-1, 1\]: .*2 \*",
        ),
        ((images() + 1) * 127.5, r"tanh; expected values in \[-1, 1\]: .* / 127.5"),
        (((images() + 1) * 127.5).astype("uint8"), "/ 127.5 - 1"),
        (images()[:, :4], r"images of shape \(4, 8, 3\)"),
        (images()[..., :1], r"images of shape \(8, 8, 1\)"),
    ],
)
@pytest.mark.parametrize("as_dataset", [False, True])
def test_invalid_data_raises(data, message, as_dataset):
    model = compiled()
    before = values(model.variables)
    if as_dataset:
        data = tf.data.Dataset.from_tensor_slices(data).batch(8)
    with pytest.raises(ValueError, match=message):
        model.fit(data, verbose=0)
    assert_same(before, values(model.variables))


def test_empty_data_raises():
    empty = tf.data.Dataset.from_tensor_slices(images(4)).batch(8, drop_remainder=True)
    with pytest.raises(ValueError, match="data yields no batch"):
        compiled().fit(empty, verbose=0)


@pytest.mark.slow
def test_data_range_of_sigmoid_generator():
    def model():
        return compiled(
            kerasgan.GAN(discriminator(), latent_generator((3,), "sigmoid"))
        )

    model().fit((images() + 1) / 2, verbose=0)
    assert model().value_range == (0.0, 1.0)
    with pytest.raises(ValueError, match=r"sigmoid; expected values in \[0, 1\]"):
        model().fit(images(), verbose=0)


def test_pairs_instead_of_images_and_vice_versa_raise():
    pairs = tf.data.Dataset.from_tensor_slices((images(), images())).batch(8)
    with pytest.raises(ValueError, match="generator takes latents; expected images"):
        compiled().fit(pairs, verbose=0)
    with pytest.raises(ValueError, match=r"expected pairs \(source, target\)"):
        compiled(kerasgan.GAN(discriminator(), translator())).fit(images(), verbose=0)


@pytest.mark.parametrize("option", ["epochs", "batch_size"])
@pytest.mark.parametrize("value", [0, -3])
def test_non_positive_fit_arguments_raise(option, value):
    with pytest.raises(ValueError, match=f"{option} is {value}"):
        compiled().fit(images(), verbose=0, **{option: value})
