"""Training, inference, saving and errors of `CycleGAN`."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import penalties
from kerasgan.models.randomness import LABEL_NOISE, step_seed

SIDE = 8
SHAPE = (SIDE, SIDE, 3)


@keras.saving.register_keras_serializable(package="test")
class BatchDeviation(keras.layers.Layer):
    """Minibatch standard deviation: adds the spread of the batch to each image."""

    def call(self, x):
        return x + tf.math.reduce_std(x, axis=0, keepdims=True)


def normalization(kind):
    if kind == "deviation":
        return [BatchDeviation()]
    if kind == "batch":
        return [keras.layers.BatchNormalization()]
    return [kerasgan.layers.instance_normalization()] if kind == "instance" else []


def generator(kind="instance", shape=SHAPE, channels=3, seed=0, activation="tanh"):
    init = keras.initializers.RandomNormal(0.0, 0.3, seed=seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(4, 3, padding="same", kernel_initializer=init),
            *normalization(kind),
            keras.layers.Activation("tanh"),
            keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                activation=activation,
                kernel_initializer=init,
            ),
        ],
        name=f"generator_{seed}",
    )


def discriminator(kind="instance", shape=SHAPE, seed=2):
    init = keras.initializers.RandomNormal(0.0, 0.3, seed=seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(4, 4, 2, padding="same", kernel_initializer=init),
            *normalization(kind),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Conv2D(1, 3, padding="same", kernel_initializer=init),
        ],
        name=f"discriminator_{seed}",
    )


def make(kind="instance", rates=(0.1, 0.1), compiled=None, graph=False, **options):
    """Returns a compiled model.

    By default it runs eagerly, because one or two steps take less time than tracing.
    """
    model = kerasgan.CycleGAN(
        generator(kind, seed=0),
        generator(kind, seed=1),
        discriminator(kind, seed=2),
        discriminator(kind, seed=3),
        **{"seed": 1, "pool_size": 4, **options},
    )
    model.compile(
        d_optimizer=keras.optimizers.SGD(rates[0]),
        g_optimizer=keras.optimizers.SGD(rates[1]),
        run_eagerly=not graph,
        **(compiled or {}),
    )
    return model


def images(n=4, seed=0, shape=SHAPE):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


def weights(model):
    return [np.asarray(v) for v in model.variables]


def reference_step(model, a, b, adversarial, cycle, identity):
    """Computes a training step with six generator calls.

    Returns the weights of the generators and the discriminators after a step of
    gradient descent with a learning rate of 0.1.
    """
    ab, ba = model.generator_ab, model.generator_ba
    d_a, d_b = model.discriminator_a, model.discriminator_b

    def mae(x, y):
        return tf.reduce_mean(tf.abs(x - y))

    g_weights = ab.trainable_variables + ba.trainable_variables
    with tf.GradientTape() as tape:
        fake_b, fake_a = ab(a, training=True), ba(b, training=True)
        back_a, back_b = ba(fake_b, training=True), ab(fake_a, training=True)
        same_b, same_a = ab(b, training=True), ba(a, training=True)
        loss = (
            adversarial[0] * tf.reduce_mean((d_b(fake_b, training=True) - 1) ** 2) / 2
            + adversarial[1] * tf.reduce_mean((d_a(fake_a, training=True) - 1) ** 2) / 2
            + cycle[0] * mae(back_a, a)
            + cycle[1] * mae(back_b, b)
            + identity[0] * mae(same_b, b)
            + identity[1] * mae(same_a, a)
        )
    g_gradients = tape.gradient(loss, g_weights)
    d_weights = d_a.trainable_variables + d_b.trainable_variables
    with tf.GradientTape() as tape:
        loss = sum(
            tf.reduce_mean((d(real, training=True) - 1) ** 2) / 2
            + tf.reduce_mean(d(fake, training=True) ** 2) / 2
            for d, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b))
        )
    d_gradients = tape.gradient(loss, d_weights)
    return [
        np.asarray(v) - 0.1 * np.asarray(g)
        for v, g in zip(g_weights + d_weights, g_gradients + d_gradients, strict=True)
    ]


DEFAULT_TERMS = (1.0, 1.0), (10.0, 10.0), (5.0, 5.0)
WITHOUT_IDENTITY = ((1.0, 1.0), (10.0, 10.0), (0.0, 0.0))
TERMS_PER_DIRECTION = (1.0, 2.0), (3.0, 4.0), (5.0, 6.0)


@pytest.mark.parametrize(
    ("kind", "terms", "graph"),
    [
        ("instance", DEFAULT_TERMS, False),
        pytest.param("instance", TERMS_PER_DIRECTION, True, marks=pytest.mark.slow),
        pytest.param("instance", WITHOUT_IDENTITY, False, marks=pytest.mark.slow),
        pytest.param("batch", TERMS_PER_DIRECTION, True, marks=pytest.mark.slow),
        (None, DEFAULT_TERMS, False),
        pytest.param("deviation", TERMS_PER_DIRECTION, False, marks=pytest.mark.slow),
    ],
    ids=[
        "instance, default",
        "instance, per direction",
        "instance, no identity loss",
        "batch, per direction",
        "no normalization, default",
        "standard deviation of the batch, per direction",
    ],
)
def test_training_step_equals_reference_step(kind, terms, graph):
    a, b = images(3, 0), images(3, 1)
    names = ("adversarial_weight", "cycle_weight", "identity_weight")
    compiled = dict(zip(names, terms, strict=True))
    expected = reference_step(make(kind, pool_size=0), a, b, *terms)
    model = make(kind, pool_size=0, compiled=compiled, graph=graph)
    model.train_on_batch(a, b)
    got = [
        np.asarray(v)
        for network in (
            model.generator_ab,
            model.generator_ba,
            model.discriminator_a,
            model.discriminator_b,
        )
        for v in network.trainable_variables
    ]
    for x, y in zip(got, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_moving_statistics_equal_those_of_reference_step():
    a, b = images(3, 0), images(3, 1)
    reference = make("batch", pool_size=0)
    reference_step(reference, a, b, (1, 1), (10, 10), (5, 5))
    model = make("batch", pool_size=0)
    model.train_on_batch(a, b)

    def variances(gan):
        return [
            np.asarray(v)
            for v in gan.generator_ab.non_trainable_variables
            if "variance" in v.name
        ]

    assert len(variances(model)) == 1
    # The order of the three calls differs, and each moves the average by 1 %.
    np.testing.assert_allclose(variances(model), variances(reference), rtol=1e-3)
    assert np.abs(variances(model)[0] - 1.0).max() > 1e-3


class Relativistic:
    """A custom loss that compares the outputs for real and generated images."""

    def discriminator_loss(self, real, fake):
        return tf.reduce_mean(tf.nn.softplus(fake - real))

    def generator_loss(self, fake, real):
        return tf.reduce_mean(tf.nn.softplus(real - fake))


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
def test_generator_loss_receives_outputs_for_real_images_of_its_domain(method):
    model = make(pool_size=0, compiled={"loss_fn": Relativistic()})
    a, b = images(3, 0), images(3, 1)
    expected = {}
    for direction, source, target in (("a2b", a, b), ("b2a", b, a)):
        fake = model.generator_of(direction, averaged=False)(source)
        critic = getattr(model, f"discriminator_{direction[-1]}")
        real, made = (np.asarray(critic(shown)) for shown in (target, fake))
        expected[direction] = np.log1p(np.exp(real - made)).mean()
    logs = getattr(model, method)(a, b, return_dict=True)
    for direction, value in expected.items():
        assert logs[f"g_loss_{direction}"] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("label_noise", [0.0, 0.5])
def test_discriminator_losses_use_noisy_labels(label_noise):
    model = make(pool_size=0, compiled={"label_noise": label_noise})
    a, b = images(3, 0), images(3, 1)
    fakes = {"a": model.generator_ba(b), "b": model.generator_ab(a)}
    expected, drawn = {}, []
    for i, (domain, real) in enumerate((("a", a), ("b", b))):
        critic = getattr(model, f"discriminator_{domain}")
        expected[domain] = 0.0
        for player, shown in enumerate((real, fakes[domain])):
            outputs = np.asarray(critic(shown))
            seed = step_seed(1, 0, LABEL_NOISE, i, player)
            noise = np.asarray(tf.random.stateless_uniform(outputs.shape, seed))
            drawn.append(noise)
            # Each label is moved towards that of the other class.
            labels = (1 - label_noise * noise, label_noise * noise)[player]
            expected[domain] += ((outputs - labels) ** 2).mean() / 2
    assert len({noise.tobytes() for noise in drawn}) == 4
    logs = model.train_on_batch(a, b, return_dict=True)
    for domain, value in expected.items():
        assert logs[f"d_loss_{domain}"] == pytest.approx(value, rel=1e-4)


@pytest.mark.slow
def test_zero_identity_weight_skips_identity_loss():
    """Generators are not called with images of their target domain."""
    model = make(compiled={"identity_weight": 0.0})
    seen = []
    inner = model.generator_ab.call

    def call(x, *args, **kwargs):
        seen.append(x.shape[0])
        return inner(x, *args, **kwargs)

    model.generator_ab.call = call
    model.train_step((tf.constant(images(3, 0)), tf.constant(images(3, 1))))
    assert seen == [3, 3]
    assert "identity_loss" not in model.get_metrics_result()
    seen.clear()
    model.compile(identity_weight=5.0)
    model.train_step((tf.constant(images(3, 0)), tf.constant(images(3, 1))))
    assert seen == [6, 3]
    assert "identity_loss" in model.get_metrics_result()


def test_logs_contain_all_loss_terms():
    model = make(compiled={"identity_weight": (5.0, 3.0)})
    a, b = images(4, 0), images(4, 1)
    fake_b, fake_a = model.generator_ab(a), model.generator_ba(b)
    cycle = [
        np.abs(np.asarray(model.generator_ba(fake_b)) - a).mean(),
        np.abs(np.asarray(model.generator_ab(fake_a)) - b).mean(),
    ]
    identity = [
        np.abs(np.asarray(model.generator_ab(b)) - b).mean(),
        np.abs(np.asarray(model.generator_ba(a)) - a).mean(),
    ]
    outputs_b, outputs_a = (
        np.asarray(model.discriminator_b(fake_b)),
        np.asarray(model.discriminator_a(fake_a)),
    )
    logs = model.train_on_batch(a, b, return_dict=True)
    terms = {
        "g_loss_a2b": ((outputs_b - 1) ** 2).mean() / 2,
        "g_loss_b2a": ((outputs_a - 1) ** 2).mean() / 2,
        "cycle_loss": sum(cycle) / 2,
        "identity_loss": sum(identity) / 2,
        "fake_score": (outputs_a.mean() + outputs_b.mean()) / 2,
    }
    for name, value in terms.items():
        assert logs[name] == pytest.approx(value, rel=1e-4), name
    assert logs["g_loss"] == pytest.approx(
        terms["g_loss_a2b"]
        + terms["g_loss_b2a"]
        + 10 * sum(cycle)
        + 5 * identity[0]
        + 3 * identity[1],
        rel=1e-4,
    )
    assert logs["d_loss"] == pytest.approx(logs["d_loss_a"] + logs["d_loss_b"], 1e-5)


@pytest.mark.slow
def test_penalty_applies_to_both_discriminators():
    a, b = images(4, 0), images(4, 1)
    plain = make().train_on_batch(a, b, return_dict=True)
    model = make(compiled={"penalties": [penalties.R2(4.0)]})
    expected = 0.0
    for network, fake in (
        (model.discriminator_a, model.generator_ba(b)),
        (model.discriminator_b, model.generator_ab(a)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            outputs = network(fake)
            means = tf.reduce_mean(outputs, axis=list(range(1, len(outputs.shape))))
        slopes = tape.gradient(means, fake)
        expected += 2.0 * float(tf.reduce_mean(tf.reduce_sum(slopes**2, (1, 2, 3))))
    logs = model.train_on_batch(a, b, return_dict=True)
    assert logs.pop("penalty") == pytest.approx(expected, rel=1e-4)
    # The other logs are the same as without a penalty.
    assert logs == pytest.approx(plain, rel=1e-5)
    assert "penalty" in model.evaluate(a, b, verbose=0, return_dict=True)


@pytest.mark.slow
def test_metrics_are_reported_for_both_directions():
    model = make(compiled={"metrics": [Brightness()]})
    a, b = images(4, 0), images(4, 1)
    model.train_on_batch(a, b)
    logs = model.evaluate(a, b, verbose=0, return_dict=True)
    for direction, source, target in (("a2b", a, b), ("b2a", b, a)):
        expected = model.translate(source, direction).mean() - target.mean()
        assert logs[f"brightness_{direction}"] == pytest.approx(expected, abs=1e-5)


class Brightness(keras.metrics.Mean):
    """Mean brightness of generated images minus that of real images."""

    def __init__(self, name="brightness", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, real, fake, sample_weight=None):
        super().update_state(tf.reduce_mean(fake) - tf.reduce_mean(real))


def test_networks_that_share_a_layer_raise():
    networks = [generator(seed=0), generator(seed=1), discriminator(seed=2)]
    shared = networks[2].layers[0]
    critic = keras.Sequential([keras.Input(SHAPE), shared])
    with pytest.raises(ValueError, match=r"discriminator_b shares layer .* with discr"):
        kerasgan.CycleGAN(*networks, critic)
    shared = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    generators = [
        keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(3, 1), shared])
        for _ in range(2)
    ]
    critics = discriminator(seed=2), discriminator(seed=3)
    with pytest.raises(
        ValueError, match="generator_ba shares layer 'shared' with generator_ab"
    ):
        kerasgan.CycleGAN(*generators, *critics)


@pytest.mark.parametrize(
    "role",
    [
        "generator_ba",
        "discriminator_a",
        pytest.param("generator_ab", marks=pytest.mark.slow),
        pytest.param("discriminator_b", marks=pytest.mark.slow),
    ],
)
def test_layers_frozen_after_compile_raise(role):
    model = make(pool_size=0)
    a, b = images(2, 0), images(2, 1)
    network = getattr(model, role)
    network.layers[0].trainable = False
    player = role.partition("_")[0]
    with pytest.raises(ValueError, match=rf"{player} has \d+ .* call compile again"):
        model.fit(a, b, verbose=0)
    assert model.steps_taken == 0
    model.compile(run_eagerly=True)
    kernel = np.array(network.layers[0].kernel)
    model.fit(a, b, verbose=0)
    np.testing.assert_array_equal(network.layers[0].kernel, kernel)
    assert model.steps_taken == 1


def test_translate_in_overlapping_tiles():
    """Tiles give the same result as the whole image, except near the seams."""
    model = kerasgan.CycleGAN(
        generator(None, (None, None, 3), seed=0),
        generator(None, (None, None, 3), seed=1),
        discriminator(None, (None, None, 3), seed=2),
        discriminator(None, (None, None, 3), seed=3),
        pool_size=0,
    )
    sizes, inner = [], model.ema_generator_ab.call

    def call(x, *args, **kwargs):
        sizes.append(tuple(x.shape[1:3]))
        return inner(x, *args, **kwargs)

    model.ema_generator_ab.call = call
    image = images(1, shape=(40, 24, 3))
    whole = model.translate(image)
    del sizes[:]
    tiled = model.translate(image, tile_size=16, overlap=8)
    assert set(sizes) == {(16, 16)} and len(sizes) == 4 * 2
    # Two 3x3 convolutions reach two pixels across a seam.
    np.testing.assert_allclose(tiled, whole, atol=0.35)
    assert np.abs(tiled - whole).mean() < 0.02
    for name in ("tile_size", "overlap"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            model.translate(image, **{name: 0})


@pytest.mark.slow
def test_identity_loss_of_one_direction_is_not_halved():
    model = make(compiled={"identity_weight": (5.0, 0.0)})
    a, b = images(4, 0), images(4, 1)
    identity = np.abs(np.asarray(model.generator_ab(b)) - b).mean()
    logs = model.train_on_batch(a, b, return_dict=True)
    assert logs["identity_loss"] == pytest.approx(identity, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "loss_fn", ["minimax", "non_saturating", "least_squares", "mean_absolute_error"]
)
def test_training_with_each_loss(loss_fn):
    model = make(compiled={"loss_fn": loss_fn, "label_noise": 0.1})
    before = weights(model.discriminator_a)
    logs = model.train_on_batch(images(2, 0), images(2, 1), return_dict=True)
    assert all(np.isfinite(v) for v in logs.values())
    after = weights(model.discriminator_a)
    assert any((x != y).any() for x, y in zip(before, after, strict=True))


def test_discriminators_are_trained_on_pool_output():
    """They see images that leave a full pool and new ones that do not enter it."""
    model = make(rates=(0.0, 0.0), pool_size=3, graph=True)
    a, b = images(3, 0), images(3, 1)
    made = {
        "a": np.asarray(model.generator_ba(b)),
        "b": np.asarray(model.generator_ab(a)),
    }
    for i, pool in enumerate(model.pools):
        pool.images.assign(images(3, 10 + i))
        pool.count.assign(3)
    swaps = 0
    for _ in range(6):
        before = [np.array(pool.images) for pool in model.pools]
        model.reset_metrics()
        logs = model.train_on_batch(a, b, return_dict=True)
        scores = []
        for domain, old, pool, real in zip(
            "ab", before, model.pools, (a, b), strict=True
        ):
            now = np.array(pool.images)
            changed = np.abs(now - old).max(axis=(1, 2, 3)) > 0
            # A new image is returned unless it replaced an old one.
            stored = [
                any(np.allclose(image, other, atol=1e-5) for other in now[changed])
                for image in made[domain]
            ]
            returned = [*old[changed], *made[domain][~np.array(stored)]]
            swaps += changed.sum()
            assert len(returned) == 3
            critic = model.discriminator_a if domain == "a" else model.discriminator_b
            outputs = np.asarray(critic(np.array(returned)))
            loss = ((np.asarray(critic(real)) - 1) ** 2).mean() / 2
            loss += (outputs**2).mean() / 2
            assert logs[f"d_loss_{domain}"] == pytest.approx(loss, rel=1e-4)
            scores.append(outputs.mean())
        assert logs["fake_score"] == pytest.approx(np.mean(scores), abs=1e-5)
    assert swaps > 5


def test_both_generators_are_averaged():
    model = make(ema_decay=0.5)
    before = [weights(model.generator_ab), weights(model.generator_ba)]
    model.train_on_batch(images(2, 0), images(2, 1))
    for old, network, average in zip(
        before,
        (model.generator_ab, model.generator_ba),
        (model.ema_generator_ab, model.ema_generator_ba),
        strict=True,
    ):
        # At the first update the decay is 0.1.
        for w0, w1, mean in zip(old, weights(network), weights(average), strict=True):
            np.testing.assert_allclose(mean, 0.1 * w0 + 0.9 * w1, rtol=1e-4, atol=1e-6)


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_training_learns_to_translate_between_domains():
    """The generators learn to darken bright images and to brighten dark ones."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.5, 0.5, (64, *SHAPE)).astype("float32")
    bright, dark = noise + 0.4, noise[::-1] - 0.4
    model = kerasgan.CycleGAN(
        generator(None, seed=0),
        generator(None, seed=1),
        discriminator(None, seed=2),
        discriminator(None, seed=3),
        ema_decay=0.9,
        seed=1,
    )
    model.compile(
        d_optimizer=keras.optimizers.Adam(5e-3, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(5e-3, beta_1=0.5),
        cycle_weight=3.0,
        identity_weight=0.0,
    )
    data = kerasgan.data.unpaired(
        *(tf.data.Dataset.from_tensor_slices(x).batch(8) for x in (bright, dark))
    )
    history = model.fit(data, epochs=40, verbose=0).history
    assert history["cycle_loss"][-1] < 0.15
    assert model.translate(bright, "a2b").mean() < -0.25
    assert model.translate(dark, "b2a").mean() > 0.25


@pytest.mark.slow
def test_evaluate_uses_averaged_generators_and_has_no_side_effects():
    model = make()
    model.train_on_batch(images(4, 0), images(4, 1))
    before = weights(model)
    a, b = images(4, 2), images(4, 3)
    logs = model.evaluate(a, b, batch_size=4, return_dict=True, verbose=0)
    cycled_a = model.translate(model.translate(a, "a2b"), "b2a")
    cycled_b = model.translate(model.translate(b, "b2a"), "a2b")
    cycle = (np.abs(cycled_a - a).mean() + np.abs(cycled_b - b).mean()) / 2
    assert logs["cycle_loss"] == pytest.approx(cycle, rel=1e-4)
    unchanged = {
        getattr(v, "path", v.name): (x == y).all()
        for x, y, v in zip(before, weights(model), model.variables, strict=True)
    }
    # Only the state of metrics changes.
    assert sum(unchanged.values()) > 20
    changed = [name for name, same in unchanged.items() if not same]
    ends = ("total", "count", "total:0", "count:0")
    assert all(name.endswith(ends) for name in changed), changed


def test_predict_translates_from_a_to_b():
    model = make()
    model.train_on_batch(images(4, 0), images(4, 1))
    a = images(4, 2)
    np.testing.assert_allclose(
        model.predict(a, verbose=0), model.translate(a, "a2b"), rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
def test_domains_with_different_channels():
    shape_a, shape_b = (SIDE, SIDE, 1), (SIDE, SIDE, 3)
    model = kerasgan.CycleGAN(
        generator("batch", shape_a, 3),
        generator("batch", shape_b, 1),
        discriminator("batch", shape_a),
        discriminator("batch", shape_b),
    )
    model.compile(identity_weight=0.0)
    model.train_on_batch(images(2, shape=shape_a), images(2, shape=shape_b))
    assert model.translate(images(2, shape=shape_a), "a2b").shape == (2, *shape_b)
    with pytest.raises(ValueError, match=r"identity_weight is .*; expected 0, because"):
        model.compile(identity_weight=5.0)


def any_size_cyclegan(**options):
    shape = (None, None, 3)
    model = kerasgan.CycleGAN(
        generator(shape=shape, seed=0),
        generator(shape=shape, seed=1),
        discriminator(shape=shape, seed=2),
        discriminator(shape=shape, seed=3),
        **options,
    )
    model.compile(run_eagerly=True)
    return model


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_pool_requires_image_size_if_networks_accept_any_size():
    with pytest.raises(ValueError, match="image_size is None, and no network has"):
        any_size_cyclegan()
    model = any_size_cyclegan(image_size=(12, 8))
    model.train_on_batch(images(2, shape=(12, 8, 3)), images(2, shape=(12, 8, 3)))
    with pytest.raises(ValueError, match=r"domain a has images of shape \(8, 8, 3\)"):
        model.fit(images(2), images(2))
    any_size_cyclegan(pool_size=0).fit(images(2), images(2), verbose=0)


@pytest.mark.parametrize(
    "image_size, message",
    [
        (
            (8, 8, 3),
            r"image_size is \(8, 8, 3\); expected a positive integer or a pair",
        ),
        (0, "image_size is 0"),
    ],
)
def test_invalid_image_size_raises(image_size, message):
    with pytest.raises(ValueError, match=message):
        any_size_cyclegan(image_size=image_size)


def test_image_size_that_mismatches_networks_raises():
    with pytest.raises(ValueError, match="16, but the networks take images of 8x8"):
        make(image_size=16)


def test_domains_with_different_image_sizes_raise():
    model = any_size_cyclegan(pool_size=0)
    with pytest.raises(
        ValueError, match="domain b of data has images of 12x8 pixels, but"
    ):
        model.fit(images(2), images(2, shape=(12, 8, 3)))


@pytest.mark.slow
def test_other_float_types_train_like_float32():
    a, b = images(2, 0).astype("float16"), images(2, 1).astype("float64")
    model, reference = make(), make()
    logs = model.train_on_batch(a, b, return_dict=True)
    expected = reference.train_on_batch(
        a.astype("float32"), b.astype("float32"), return_dict=True
    )
    assert logs["g_loss"] == pytest.approx(expected["g_loss"], rel=1e-5)


@pytest.mark.slow
def test_mixed_precision_trains_like_float32():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = make(pool_size=0, graph=True)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    full = make(pool_size=0, graph=True)
    for network in itertools.chain(*half.players()):
        assert {layer.compute_dtype for layer in network.layers} == {"float16"}
    assert half.generator_ab.layers[0].kernel.dtype == "float32"
    kernels, others = (
        [v for v in model.trainable_variables if len(v.shape) == 4]
        for model in (half, full)
    )
    before = [np.array(kernel) for kernel in kernels]
    logs, expected = (
        model.train_on_batch(images(2, 0), images(2, 1), return_dict=True)
        for model in (half, full)
    )
    # float16 has 11 bits, and a loss is the mean of many outputs.
    assert logs == pytest.approx(expected, rel=0.02, abs=0.01)
    assert len(kernels) == 4 * 2
    for half_kernel, kernel, start in zip(kernels, others, before, strict=True):
        moved, other = (np.array(v) - start for v in (half_kernel, kernel))
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(moved, other, atol=0.05 * np.abs(other).max())
    assert half.translate(images(2)).dtype == np.float32


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_training_with_xla():
    model = make(pool_size=4, compiled={"jit_compile": True}, graph=True)
    plain = make(pool_size=4)
    for step in range(2):
        a, b = images(2, step), images(2, step + 10)
        logs = model.train_on_batch(a, b, return_dict=True)
        expected = plain.train_on_batch(a, b, return_dict=True)
    for name, value in expected.items():
        assert logs[name] == pytest.approx(value, rel=1e-3), name
    # The pool is full now. XLA draws other random numbers, which replace other images.
    before = np.array(model.pools[0].images)
    assert before.any(axis=(1, 2, 3)).all()
    for step in range(2, 6):
        model.train_on_batch(images(2, step), images(2, step + 10))
    assert (np.array(model.pools[0].images) != before).any()


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_loaded_model_trains_identically(tmp_path):
    compiled = {"identity_weight": (5.0, 0.0), "label_noise": 0.1}
    model = make(compiled=compiled, graph=True)
    a, b = images(12, 0), images(12, 1)
    data = tf.data.Dataset.from_tensor_slices((a, b)).batch(2)
    model.fit(data, verbose=0)
    model.save(tmp_path / "model.keras")
    stored = np.asarray(model.pools[0].images)
    assert stored.any()
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(loaded.pools[0].images), stored)
    assert loaded.identity_weight == (5.0, 0.0)
    for twin in (model, loaded):
        twin.fit(data, verbose=0)
    networks = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    for name in (*networks, "ema_generator_ab", "ema_generator_ba"):
        for x, y in zip(
            weights(getattr(model, name)), weights(getattr(loaded, name)), strict=True
        ):
            np.testing.assert_array_equal(x, y)
    for one, two in zip(model.pools, loaded.pools, strict=True):
        np.testing.assert_array_equal(np.asarray(one.images), np.asarray(two.images))
    assert loaded.steps_taken == 12


@pytest.mark.slow
def test_loaded_model_trains_identically_in_another_process(tmp_path):
    model = make()
    # Two different optimizers that have state.
    model.compile(
        d_optimizer=keras.optimizers.RMSprop(1e-3),
        g_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.25),
        identity_weight=(5.0, 0.0),
        label_noise=0.1,
    )
    for seed in (0, 2):
        model.train_on_batch(images(2, seed), images(2, seed + 1))
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "images.npz", a=images(2, 5), b=images(2, 6))
    program = (
        "import keras, numpy as np, kerasgan\n"
        "model = keras.models.load_model('model.keras')\n"
        "images = np.load('images.npz')\n"
        "np.save('made.npy', model.translate(images['a'], 'a2b'))\n"
        "assert type(model.loss_fn) is kerasgan.losses.LeastSquares\n"
        "assert type(model.d_optimizer).__name__ == 'RMSprop'\n"
        "assert model.g_optimizer.get_config()['beta_1'] == 0.25\n"
        "state = [*model.variables, *model.d_optimizer.variables, "
        "*model.g_optimizer.variables]\n"
        "before = [np.array(v) for v in state]\n"
        "model.train_on_batch(images['a'], images['b'])\n"
        "np.savez('state.npz', *before, *state)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    made = model.translate(images(2, 5), "a2b")
    np.testing.assert_allclose(np.load(tmp_path / "made.npy"), made, atol=1e-6)

    def state():
        optimizers = (model.d_optimizer, model.g_optimizer)
        return weights(model) + [np.asarray(v) for o in optimizers for v in o.variables]

    expected = [np.array(v) for v in state()]
    model.train_on_batch(images(2, 5), images(2, 6))
    expected += state()
    with np.load(tmp_path / "state.npz") as saved:
        for one, two in zip(saved.values(), expected, strict=True):
            np.testing.assert_array_equal(one, two)


def test_translate_accepts_uint8_and_single_images():
    model = make()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 9, 3), "uint8")
    made = model.translate(pixels)
    assert made.dtype == np.uint8 and made.shape == pixels.shape
    floats = model.translate(kerasgan.images.from_uint8(pixels))
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(made, kerasgan.images.to_uint8(floats))
    np.testing.assert_array_equal(
        model.translate(pixels[0]), model.translate(pixels[:1])[0]
    )


def test_translate_calls_only_generator_of_direction():
    model = make()
    calls = []
    for name in ("generator_ba", "ema_generator_ba", "generator_ab"):
        network = getattr(model, name)
        network.call = lambda *_, name=name, **__: calls.append(name)
    assert model.translate(images(2), "a2b").shape == (2, *SHAPE) and not calls


def test_translate_scales_uint8_to_range_of_each_domain():
    """Domain a uses [0, 1] and domain b [-1, 1]; both correspond to 0 to 255."""
    model = kerasgan.CycleGAN(
        **networks(generator_ba=generator(seed=1, activation="sigmoid"))
    )
    pixels = np.random.default_rng(0).integers(0, 256, (1, *SHAPE), "uint8")
    made = model.translate(pixels / np.float32(255), "a2b")
    np.testing.assert_array_equal(
        model.translate(pixels, "a2b"), kerasgan.images.to_uint8(made, (-1, 1))
    )
    back = model.translate(kerasgan.images.from_uint8(pixels), "b2a")
    np.testing.assert_array_equal(
        model.translate(pixels, "b2a"), kerasgan.images.to_uint8(back, (0, 1))
    )


def networks(**changed):
    return {
        "generator_ab": generator(seed=0),
        "generator_ba": generator(seed=1),
        "discriminator_a": discriminator(seed=2),
        "discriminator_b": discriminator(seed=3),
        **changed,
    }


def unpadded_generator(shape=SHAPE):
    return keras.Sequential([keras.Input(shape), keras.layers.Conv2D(3, 3)])


@pytest.mark.parametrize(
    "changed, message",
    [
        (
            {"discriminator_b": discriminator(shape=(16, 16, 3))},
            r"discriminator_b takes images of shape \(16, 16, 3\), but generator_ab "
            r"makes images of shape \(8, 8, 3\)",
        ),
        (
            {"generator_ba": generator(shape=(16, 16, 3))},
            r"generator_ba takes images of shape \(16, 16, 3\), but generator_ab makes",
        ),
        (
            {"generator_ab": unpadded_generator()},
            r"generator_ab makes images of shape \(6, 6, 3\) from images of shape .*; "
            "expected the same height and width",
        ),
        (
            {
                "generator_ab": keras.Sequential(
                    [keras.Input((5,)), keras.layers.Dense(3)]
                )
            },
            r"generator_ab takes inputs of shape \(5,\); expected images",
        ),
        ({"pool_size": -1}, "pool_size is -1"),
        ({"ema_decay": 1.0}, "ema_decay is 1.0"),
    ],
)
def test_invalid_constructor_arguments_raise(changed, message):
    with pytest.raises(ValueError, match=message):
        kerasgan.CycleGAN(**networks(**changed))


def test_network_in_two_roles_raises():
    same = generator()
    with pytest.raises(ValueError, match="generator_ba is the same object as"):
        kerasgan.CycleGAN(**networks(generator_ab=same, generator_ba=same))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"cycle_weight": -1.0}, "cycle_weight is -1.0; expected a number of at least"),
        ({"identity_weight": (1, 2, 3)}, r"identity_weight is \(1, 2, 3\)"),
        ({"adversarial_weight": "x"}, "adversarial_weight is 'x'"),
        ({"cycle_weight": float("nan")}, "cycle_weight is nan"),
    ],
)
def test_invalid_loss_weights_raise(options, message):
    with pytest.raises(ValueError, match=message):
        make(compiled=options)


@pytest.mark.parametrize(
    "data, message",
    [
        (tf.data.Dataset.from_tensors(images()), "data yields images alone"),
        (
            tf.data.Dataset.from_tensors((images(), images(), images())),
            "data yields tuples of 3",
        ),
        (
            tf.data.Dataset.from_tensors((images(), images(shape=(16, 16, 3)))),
            "domain b of data has images of 16x16 pixels, but domain a has 8x8",
        ),
        (
            tf.data.Dataset.from_tensors((127 * images() + 128, images())),
            "domain a of data has values from .* expected values in",
        ),
    ],
    ids=["one", "three", "size", "range"],
)
def test_invalid_data_raises_before_training(data, message):
    model = make()
    with pytest.raises(ValueError, match=message):
        model.fit(data)
    message = message.replace("data", "validation_data")
    with pytest.raises(ValueError, match=message):
        model.fit(images(), images(), validation_data=data)
    assert model.steps_taken == 0


@pytest.mark.keras3_lane
@pytest.mark.slow
def test_image_size_not_divisible_by_strides_raises():
    def strided_generator():
        return keras.Sequential(
            [
                keras.Input((None, None, 3)),
                keras.layers.Conv2D(4, 3, 2, padding="same"),
                keras.layers.Conv2DTranspose(
                    3, 4, 2, padding="same", activation="tanh"
                ),
            ]
        )

    shape = (None, None, 3)
    model = kerasgan.CycleGAN(
        strided_generator(),
        strided_generator(),
        discriminator(shape=shape),
        discriminator(shape=shape),
        pool_size=0,
    )
    model.compile()
    odd = images(2, shape=(9, 8, 3))
    with pytest.raises(
        ValueError, match=r"domain a has images of 9x8 .* multiples of 2"
    ):
        model.fit(odd, odd)
    model.fit(odd[:, :8], odd[:, :8], verbose=0)


@pytest.mark.slow
def test_invalid_translate_arguments_raise():
    with pytest.raises(ValueError, match="direction is 'a2c'; did you mean 'a2b'"):
        make().translate(images(), "a2c")
    with pytest.raises(ValueError, match=r"images has shape \(4, 8, 8, 1\)"):
        make().translate(images(shape=(8, 8, 1)))
    with pytest.raises(ValueError, match=r"images has shape \(0, 8, 8, 3\)"):
        make().translate(images(0))
    with pytest.raises(ValueError, match="images has dtype int64; expected floats"):
        make().translate(np.zeros((1, *SHAPE), "int64"))
