"""Regularization and `add_loss` terms are minimized by the network they belong to."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.models.randomness import LATENTS, step_seed

SGD = keras.optimizers.SGD
SHAPE = (6, 6, 3)
RATE = 0.1


class AddsLoss(keras.layers.Layer):
    """Adds three times a weight to the losses and returns its input."""

    def build(self, input_shape):
        self.decayed = self.add_weight(name="decayed", shape=(), initializer="ones")

    def call(self, x):
        self.add_loss(3.0 * tf.convert_to_tensor(self.decayed))
        return x


class Regularization:
    """Layers and convolution arguments that regularize a network."""

    def __init__(self, layers=lambda: [], **conv):
        self.layers, self.conv = layers, conv


PLAIN = Regularization()
KERNEL = Regularization(kernel_regularizer=keras.regularizers.L2(0.5))
ACTIVITY = Regularization(activity_regularizer=keras.regularizers.L2(0.25))
ACTIVITY_LAYER = Regularization(lambda: [keras.layers.ActivityRegularization(l2=0.25)])
ADDED = Regularization(lambda: [AddsLoss()])


def generator(kind, from_image, seed=0):
    init = keras.initializers.RandomNormal(0.0, 0.3, seed=seed)
    start = (
        [keras.Input(SHAPE)]
        if from_image
        else [
            keras.Input((3,)),
            keras.layers.Dense(108, kernel_initializer=init),
            keras.layers.Reshape(SHAPE),
        ]
    )
    return keras.Sequential(
        [
            *start,
            keras.layers.Conv2D(
                3, 3, padding="same", kernel_initializer=init, name="conv", **kind.conv
            ),
            *kind.layers(),
            keras.layers.Activation("tanh"),
        ]
    )


def discriminator(kind, seed=1):
    init = keras.initializers.RandomNormal(0.0, 0.3, seed=seed)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(
                4, 3, kernel_initializer=init, name="conv", **kind.conv
            ),
            *kind.layers(),
            keras.layers.Conv2D(1, 3, kernel_initializer=init),
        ]
    )


def images(seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (4, *SHAPE)).astype("float32")


def build(model_kind, player, kind):
    """Returns a model with the initial weights of all tests, and a batch of data."""
    keras.utils.set_random_seed(0)
    kinds = {"generator": PLAIN, "discriminator": PLAIN, player: kind}
    if model_kind == "gan":
        model = kerasgan.GAN(
            discriminator(kinds["discriminator"]),
            generator(kinds["generator"], False),
            seed=1,
        )
        batch = (images(),)
    else:
        model = kerasgan.CycleGAN(
            generator(kinds["generator"], True, 0),
            generator(kinds["generator"], True, 1),
            discriminator(kinds["discriminator"], 2),
            discriminator(kinds["discriminator"], 3),
            pool_size=0,
            seed=1,
        )
        batch = (images(), images(1))
    return model, batch


def train_one_step(model_kind, player, kind, **compiled):
    """Trains one step; returns the networks, their initial weights and the logs."""
    model, batch = build(model_kind, player, kind)
    model.compile(SGD(RATE), SGD(RATE), "least_squares", **compiled)
    generators, discriminators = model.players()
    networks = generators if player == "generator" else discriminators
    before = [[np.array(v) for v in n.trainable_variables] for n in networks]
    logs = model.train_on_batch(*batch, return_dict=True)
    return networks, before, logs


MODELS_AND_PLAYERS = [
    pytest.param(model, player, marks=marks)
    for model, marks in (
        ("gan", ()),
        ("cyclegan", (pytest.mark.slow, pytest.mark.keras3_lane)),
    )
    for player in ("discriminator", "generator")
]


@pytest.mark.parametrize(("model", "player"), MODELS_AND_PLAYERS)
def test_kernel_regularizer(model, player):
    plain, before, plain_logs = train_one_step(model, player, PLAIN)
    networks, _, logs = train_one_step(model, player, KERNEL)
    total = 0.0
    for one, other, start in zip(networks, plain, before, strict=True):
        kernel = np.array(one.get_layer("conv").kernel)
        free = np.array(other.get_layer("conv").kernel)
        first = next(v for v in start if v.shape == kernel.shape)
        # The derivative of 0.5 w^2 is w.
        np.testing.assert_allclose(kernel, free - RATE * first, atol=1e-6)
        total += 0.5 * (first**2).sum()
    name = f"{player[0]}_regularization"
    assert logs[name] == pytest.approx(total, rel=1e-4)
    assert name not in plain_logs
    assert not {n for n in logs if "regularization" in n} - {name}
    # The loss is reported without the regularization.
    assert logs["d_loss"] == pytest.approx(plain_logs["d_loss"], rel=1e-4)


def ancestors(operations):
    """Returns all operations that the given ones depend on, and these."""
    found, left = set(), list(operations)
    while left:
        operation = left.pop()
        if operation not in found:
            found.add(operation)
            left += [x.op for x in operation.inputs] + list(operation.control_inputs)
    return found


@pytest.mark.parametrize("kind", ["gan", "cyclegan"])
def test_step_is_counted_after_its_random_numbers_are_drawn(kind):
    """Nothing that TensorFlow may optimize away decides the order."""
    model, batch = build(kind, "generator", KERNEL)
    model.compile(SGD(RATE), SGD(RATE), "least_squares")
    data = tuple(tf.constant(images) for images in batch)
    graph = tf.function(model.train_step).get_concrete_function(data).graph
    step = model.step if hasattr(model.step, "handle") else model.step.value
    (inner,) = (i for outer, i in graph.captures if outer is step.handle)
    operations = inner.consumers()
    (count,) = (op for op in operations if op.type.startswith("Assign"))
    draws = {op for op in operations if op is not count and not op.control_inputs}
    assert draws and draws <= set(count.control_inputs)
    # It waits for the images, but for nothing that depends on the draws.
    waits_for = ancestors([*(x.op for x in count.inputs)])
    waits_for |= ancestors(set(count.control_inputs) - set(operations))
    assert not waits_for & draws
    captured = {i.op for _, i in graph.captures}
    images_of_step = {x.op for x in graph.inputs if x.op not in captured}
    assert waits_for & images_of_step


@pytest.mark.parametrize(("model", "player"), MODELS_AND_PLAYERS)
def test_added_loss_counts_once_per_step(model, player):
    networks, _, logs = train_one_step(model, player, ADDED)
    for network in networks:
        (layer,) = [layer for layer in network.layers if isinstance(layer, AddsLoss)]
        assert float(layer.decayed) == pytest.approx(1.0 - RATE * 3.0, abs=1e-5)
    expected = 3.0 * len(networks)
    assert logs[f"{player[0]}_regularization"] == pytest.approx(expected, rel=1e-5)


def activity(network, *batches):
    """Returns the activity regularization of batches, averaged over their images."""
    convolution = keras.Model(network.inputs, network.get_layer("conv").output)
    outputs = convolution(tf.concat(batches, axis=0))
    return 0.25 * float(tf.reduce_sum(outputs**2)) / len(outputs)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ACTIVITY, ACTIVITY_LAYER], ids=["argument", "layer"])
@pytest.mark.parametrize(("model", "player"), MODELS_AND_PLAYERS)
def test_activity_regularizer_is_averaged_over_images(model, player, kind):
    networks, _, logs = train_one_step(model, player, kind, run_eagerly=True)
    plain, _, plain_logs = train_one_step(model, player, PLAIN, run_eagerly=True)
    untrained, batch = build(model, player, PLAIN)
    if model == "gan":
        latents = untrained.latents(4, step_seed(1, 0, LATENTS, 0))
        expected = {
            "generator": activity(untrained.generator, latents),
            # Half of the images are real, half generated.
            "discriminator": activity(
                untrained.discriminator, batch[0], untrained.generator(latents)
            ),
        }
    else:
        a, b = batch
        ab, ba = untrained.generator_ab, untrained.generator_ba
        fake_b, fake_a = ab(a), ba(b)
        expected = {
            # Images of both domains, then the other generator's translations.
            "generator": (activity(ab, a, b) + activity(ab, fake_a)) / 2
            + (activity(ba, a, b) + activity(ba, fake_b)) / 2,
            "discriminator": activity(untrained.discriminator_a, a, fake_a)
            + activity(untrained.discriminator_b, b, fake_b),
        }
    name = f"{player[0]}_regularization"
    assert logs[name] == pytest.approx(expected[player], rel=1e-4)
    assert name not in plain_logs
    for one, other in zip(networks, plain, strict=True):
        moved, free = (np.array(n.get_layer("conv").kernel) for n in (one, other))
        assert np.abs(moved - free).max() > 1e-4
