"""The options of Keras optimizers work for both players of both models."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import compat, optimizers

SGD, Adam = keras.optimizers.SGD, keras.optimizers.Adam
SIDE = 6
SHAPE = (SIDE, SIDE, 3)


def generator(from_image, seed=0, dtype=None):
    init = keras.initializers.RandomNormal(0.0, 0.4, seed=seed)
    first = [keras.Input((3,)), keras.layers.Dense(SIDE * SIDE * 3, dtype=dtype)]
    first.append(keras.layers.Reshape(SHAPE))
    return keras.Sequential(
        [
            *([keras.Input(SHAPE)] if from_image else first),
            keras.layers.Conv2D(
                4, 3, padding="same", kernel_initializer=init, dtype=dtype
            ),
            keras.layers.Conv2D(
                3, 3, padding="same", activation="tanh", kernel_initializer=init
            ),
        ]
    )


def discriminator(seed=1, dtype=None):
    init = keras.initializers.RandomNormal(0.0, 0.4, seed=seed)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(4, 3, kernel_initializer=init, dtype=dtype),
            keras.layers.Conv2D(1, 3, kernel_initializer=init),
        ]
    )


def images(seed=0, n=4):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, *SHAPE)).astype("float32")


def build(kind, dtype=None):
    keras.utils.set_random_seed(0)
    if kind == "gan":
        return kerasgan.GAN(
            discriminator(dtype=dtype), generator(False, dtype=dtype), seed=1
        )
    return kerasgan.CycleGAN(
        generator(True, 0, dtype),
        generator(True, 1, dtype),
        discriminator(2, dtype),
        discriminator(3, dtype),
        pool_size=0,
        seed=1,
    )


def weights(model, player):
    _, networks = model.players()
    if player == "generator":
        networks, _ = model.players()
    return [np.array(v) for n in networks for v in n.trainable_variables]


def trained(kind, player, optimizer, steps=1, callbacks=(), dtype=None, **compiled):
    """Returns a trained model, and the player's weights at the start and each step.

    It runs eagerly, because a few steps take less time than tracing.
    """
    model = build(kind, dtype)
    other = "generator" if player == "discriminator" else "discriminator"
    model.compile(
        **{
            f"{player[0]}_optimizer": optimizer,
            f"{other[0]}_optimizer": SGD(0.01),
            "loss_fn": "least_squares",
            "run_eagerly": True,
            **compiled,
        }
    )
    seen = [weights(model, player)]

    class RecordWeights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(weights(model, player))

    data = images(n=4 * steps)
    if kind == "cyclegan":
        data = (data, images(1, n=4 * steps))
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(4)
    model.fit(dataset, verbose=0, callbacks=[RecordWeights(), *callbacks])
    return model, seen


def first_update(kind, player, optimizer):
    _, seen = trained(kind, player, optimizer)
    return seen[0], [after - before for before, after in zip(*seen[:2], strict=True)]


@functools.cache
def plain_update(kind, player):
    """Returns what `first_update` returns for SGD without options."""
    return first_update(kind, player, SGD(0.1))


def norm(arrays):
    return float(np.sqrt(sum((array**2).sum() for array in arrays)))


# How an optimizer is driven depends on the Keras generation, but not on the model.
MARKS = {"gan": (), "cyclegan": (pytest.mark.slow, pytest.mark.keras3_lane)}
KINDS = [pytest.param(kind, marks=MARKS[kind]) for kind in MARKS]
MODELS_AND_PLAYERS = [
    pytest.param(kind, player, marks=MARKS[kind])
    for kind in MARKS
    for player in ("discriminator", "generator")
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_clipping_and_weight_decay(kind, player):
    start, plain = plain_update(kind, player)
    assert norm(plain) > 0.02
    _, clipped = first_update(kind, player, SGD(0.1, clipvalue=1e-4))
    for one, free in zip(clipped, plain, strict=True):
        # Differences of float32 weights near 1 are exact to 6e-8.
        np.testing.assert_allclose(one, np.clip(free, -1e-5, 1e-5), atol=1e-7)
    _, clipped = first_update(kind, player, SGD(0.1, clipnorm=1e-3))
    for one, free in zip(clipped, plain, strict=True):
        scale = min(1.0, 1e-4 / max(norm([free]), 1e-12))
        np.testing.assert_allclose(one, free * scale, rtol=1e-3, atol=2e-7)
    _, clipped = first_update(kind, player, SGD(0.1, global_clipnorm=1e-3))
    for one, free in zip(clipped, plain, strict=True):
        np.testing.assert_allclose(one, free * 1e-4 / norm(plain), rtol=1e-3, atol=2e-7)
    _, decayed = first_update(kind, player, SGD(0.1, weight_decay=0.5))
    for one, free, before in zip(decayed, plain, start, strict=True):
        np.testing.assert_allclose(one, free - 0.05 * before, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_use_ema_overwrites_weights_after_training(kind, player):
    model, seen = trained(kind, player, SGD(0.1, use_ema=True, ema_momentum=0.5), 4)
    # Keras 2 starts the average at the initial weights, Keras 3 at the first update.
    average = seen[1] if compat.KERAS_3 else seen[0]
    for step in seen[2 if compat.KERAS_3 else 1 :]:
        average = [0.5 * a + 0.5 * w for a, w in zip(average, step, strict=True)]
    ended = weights(model, player)
    for a, w, last in zip(average, ended, seen[-1], strict=True):
        np.testing.assert_allclose(w, a, rtol=1e-5, atol=1e-6)
        assert np.abs(w - last).max() > 1e-5
    # The other player keeps the weights of its last step.
    other = "generator" if player == "discriminator" else "discriminator"
    plain, _ = trained(kind, player, SGD(0.1), 4)
    for a, b in zip(weights(model, other), weights(plain, other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_ema_overwrite_frequency(kind, player):
    start, plain = plain_update(kind, player)
    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=1)
    _, seen = trained(kind, player, optimizer, 2)
    # The second step starts at the average of the first.
    share = 1.0 if compat.KERAS_3 else 0.1
    for before, move, after in zip(start, plain, seen[1], strict=True):
        np.testing.assert_allclose(after, before + share * move, atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(keras.callbacks, "SwapEMAWeights"), reason="Keras 2 does not have it"
)
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_swap_ema_weights(kind, player):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.5)
    wrapped = kerasgan.callbacks.ForOptimizer(swap, player)
    model, seen = trained(kind, player, optimizer, 3, [wrapped])
    assert_averages(weights(model, player), seen)


def assert_averages(ended, seen):
    """The weights are the averages over the steps of an optimizer of Keras 3."""
    average = seen[1]
    for step in seen[2:]:
        average = [0.5 * a + 0.5 * w for a, w in zip(average, step, strict=True)]
    for a, w in zip(average, ended, strict=True):
        np.testing.assert_allclose(w, a, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(
    not hasattr(keras.callbacks, "SwapEMAWeights"), reason="Keras 2 does not have it"
)
@pytest.mark.parametrize("kind", KINDS)
def test_swap_ema_weights_alone_swaps_those_of_the_generator(kind):
    """As Keras's other callbacks, it uses `model.optimizer`."""
    swapped = []

    class AfterSwap(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            swapped.extend(weights(self.model, p) for p in optimizers.PLAYERS)

    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    optimizer, other = (SGD(0.1, use_ema=True, ema_momentum=0.5) for _ in range(2))
    ends = {}

    class BeforeSwap(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ends["discriminator"] = weights(self.model, "discriminator")

    _, seen = trained(
        kind,
        "generator",
        optimizer,
        3,
        [BeforeSwap(), swap, AfterSwap()],
        d_optimizer=other,
        run_eagerly=True,
    )
    for a, b in zip(swapped[0], ends["discriminator"], strict=True):
        np.testing.assert_array_equal(a, b)
    assert_averages(swapped[1], seen)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_use_ema_in_mixed_precision(kind, player):
    optimizer = SGD(1e4, use_ema=True, ema_momentum=0.5)
    # Gradients so small that float16 can represent those of the scaled loss.
    options = {"dtype": "mixed_float16", "loss_fn": TinyLoss(), "run_eagerly": True}
    if kind == "cyclegan":
        options |= {"cycle_weight": 0.0, "identity_weight": 0.0}
    model, seen = trained(kind, player, optimizer, 3, **options)
    assert optimizers.optimizer_of(model, player).inner_optimizer is optimizer
    for before, after in itertools.pairwise(seen):
        # No step was left out because a gradient was infinite.
        assert norm([a - b for a, b in zip(after, before, strict=True)]) > 0.0
    # Keras 2 starts the average at the initial weights, Keras 3 at the first update.
    assert_averages(weights(model, player), seen if compat.KERAS_3 else [None, *seen])


@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_a_schedule_drives_the_optimizer_of_either_player(kind, player):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [0, 1], [0.1, 0.0, 0.1]
    )
    model, seen = trained(kind, player, SGD(schedule), 3, run_eagerly=True)
    moves = [
        norm([a - b for a, b in zip(after, before, strict=True)])
        for before, after in itertools.pairwise(seen)
    ]
    assert moves[0] > 0.0 and moves[1] == 0.0 and moves[2] > 0.0
    optimizer = optimizers.optimizer_of(model, player)
    assert optimizers.learning_rate(optimizer) == pytest.approx(0.1)
    (other,) = set(optimizers.PLAYERS) - {player}
    # The other player has a constant rate.
    fixed = optimizers.learning_rate(optimizers.optimizer_of(model, other))
    assert fixed == pytest.approx(0.01)


@pytest.mark.slow
@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2 has no loss_scale_factor")
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_loss_scale_factor_does_not_change_updates(kind, player):
    _, plain = plain_update(kind, player)
    _, scaled = first_update(kind, player, SGD(0.1, loss_scale_factor=1024))
    for one, other in zip(scaled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-8)


@pytest.mark.slow
@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2 does not accumulate gradients")
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_accumulated_gradients_survive_saving(kind, player, tmp_path):
    optimizer = SGD(0.1, gradient_accumulation_steps=2)
    model, seen = trained(kind, player, optimizer, 3)
    for before, first, second in zip(*seen[:3], strict=True):
        np.testing.assert_array_equal(before, first)
        assert np.abs(second - first).max() > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    kept = optimizers.optimizer_of(loaded, player)
    assert int(kept._iterations) == 3 and int(kept.iterations) == 1
    batch = (images(5),) if kind == "gan" else (images(5), images(6))
    for both in (model, loaded):
        both.train_on_batch(*batch)
    for a, b in zip(weights(model, player), weights(loaded, player), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["gan", "cyclegan"])
def test_optimizers_by_name_and_config(kind):
    model = build(kind)
    model.compile(d_optimizer="adam", g_optimizer="adam")
    assert model.d_optimizer is not model.g_optimizer
    config = keras.optimizers.serialize(Adam(0.25, beta_1=0.125))
    model.compile(d_optimizer=config, g_optimizer=config)
    for optimizer in (model.d_optimizer, model.g_optimizer):
        assert float(optimizer.learning_rate) == 0.25
        assert optimizer.get_config()["beta_1"] == 0.125
    shared = SGD(0.1)
    with pytest.raises(ValueError, match="g_optimizer is the same object as d_optim"):
        model.compile(shared, shared)


class TinyLoss(kerasgan.losses.LeastSquares):
    """A loss so small that float16 d_batches its gradients to zero."""

    def discriminator_loss(self, real, fake, labels=(1.0, 0.0)):
        return 1e-5 * super().discriminator_loss(real, fake, labels)

    def generator_loss(self, fake, real=None):
        return 1e-5 * super().generator_loss(fake)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "player"), MODELS_AND_PLAYERS)
def test_mixed_precision_scales_loss_of_either_player(kind, player):
    def updates_of(dtype):
        model = build(kind, dtype)
        more = {"cycle_weight": 0.0, "identity_weight": 0.0}
        # The other player stands still, so that both types see the same networks.
        rates = [1e5 if player == one else 0.0 for one in optimizers.PLAYERS]
        model.compile(*map(SGD, rates), TinyLoss(), **(more if kind != "gan" else {}))
        before = weights(model, player)
        batch = (images(),) if kind == "gan" else (images(), images(1))
        model.train_on_batch(*batch)
        after = weights(model, player)
        return model, [b - a for a, b in zip(before, after, strict=True)]

    model, half = updates_of("mixed_float16")
    layer = next(x for x in model.players()[1][0].layers if x.weights)
    assert layer.compute_dtype == "float16"
    assert hasattr(model.d_optimizer, "inner_optimizer")
    assert hasattr(model.g_optimizer, "inner_optimizer")
    assert model.optimizer is model.g_optimizer
    _, full = updates_of("float32")
    for one, other in zip(half, full, strict=True):
        # float16 has 11 bits; a gradient is the sum of many products.
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.02 * norm([other]))
    kernels = [update for update in half if update.ndim == 4]
    assert all((kernel != 0).mean() > 0.99 for kernel in kernels)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_scale_optimizers_are_saved_and_loaded(kind, tmp_path):
    def scaling(rate):
        optimizer = compat.loss_scale_optimizer(SGD(rate, momentum=0.5))
        config = {**optimizer.get_config(), "dynamic_growth_steps": 1}
        return type(optimizer).from_config({**config, "initial_scale": 64.0})

    model = build(kind, "mixed_float16")
    model.compile(scaling(0.02), scaling(0.01), run_eagerly=True)
    batch = (images(),) if kind == "gan" else (images(), images(1))
    model.train_on_batch(*batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for both in (model, loaded):
        for player, rate in zip(optimizers.PLAYERS, (0.02, 0.01), strict=True):
            optimizer = optimizers.optimizer_of(both, player)
            assert type(optimizer) is type(scaling(rate))
            assert type(optimizer.inner_optimizer) is SGD
            # It has grown after one step.
            assert float(compat.loss_scale(optimizer)) == 128.0
            assert optimizers.learning_rate(optimizer) == pytest.approx(rate)
        both.train_on_batch(*batch)
    for player in optimizers.PLAYERS:
        for both in (model, loaded):
            optimizer = optimizers.optimizer_of(both, player)
            assert float(compat.loss_scale(optimizer)) == 256.0
        for a, b in zip(weights(model, player), weights(loaded, player), strict=True):
            np.testing.assert_array_equal(a, b)


def test_loss_scale_optimizer_is_not_wrapped_again():
    scaling = compat.loss_scale_optimizer
    model = build("gan", "mixed_float16")
    model.compile(scaling(SGD(0.1)), scaling(SGD(0.1)))
    assert type(model.d_optimizer.inner_optimizer) is SGD


@pytest.mark.parametrize("kind", ["gan", "cyclegan"])
def test_an_optimizer_belongs_to_the_variables_it_was_built_for(kind):
    model = build(kind)
    d_optimizer, g_optimizer = SGD(0.1, use_ema=True), SGD(0.1)
    model.compile(d_optimizer, g_optimizer)
    model.compile(d_optimizer, g_optimizer)
    generators, _ = model.players()
    generators[0].layers[-1].trainable = False
    with pytest.raises(ValueError, match="built for other variables; expected a new"):
        model.compile(d_optimizer, g_optimizer)
    model.compile(d_optimizer, SGD(0.1))
    with pytest.raises(ValueError, match="built for other variables"):
        build(kind).compile(d_optimizer, SGD(0.1))


def test_objects_that_are_no_optimizers_are_rejected():
    named = {"d_optimizer": keras.losses.MeanSquaredError()}
    if not compat.KERAS_3:
        # It has no attribute that tells its learning rate from a schedule.
        named["g_optimizer"] = keras.optimizers.legacy.Adam()
    for name, wrong in named.items():
        with pytest.raises(ValueError, match=rf"{name} is a [\w.]+; expected a keras"):
            build("gan").compile(**{name: wrong})


@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2 calls a function each step")
@pytest.mark.parametrize("kind", ["gan", "cyclegan"])
def test_a_function_as_learning_rate_is_rejected(kind):
    for rates in ((lambda: 0.1, 0.1), (0.1, lambda: 0.1)):
        with pytest.raises(ValueError, match="has a function as its learning rate"):
            build(kind).compile(*map(SGD, rates))


@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2 does not accumulate gradients")
@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_of_a_schedule_counts_accumulated_steps(kind):
    schedule = kerasgan.schedules.ConstantThenLinearDecay(1.0, 0, 10)
    optimizer = SGD(schedule, gradient_accumulation_steps=2)
    model, _ = trained(kind, "generator", optimizer, 4, run_eagerly=True)
    rate = optimizers.learning_rate(model.g_optimizer)
    assert rate == pytest.approx(float(np.asarray(optimizer.learning_rate)))
    assert rate == pytest.approx(0.6)
