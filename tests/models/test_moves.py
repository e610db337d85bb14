"""Parts of a training step that do not need a complete model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import compat
from kerasgan.models import moves, objectives
from kerasgan.models.batch import Batch, split

SHAPE = (8, 8, 3)


def images(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, *SHAPE)).astype("float32")


@keras.saving.register_keras_serializable(package="test")
class HiddenNormalization(keras.layers.Layer):
    """A custom layer that contains batch normalization."""

    def __init__(self, **options):
        super().__init__(**options)
        self.norm = keras.layers.BatchNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.built = True

    def call(self, x, training=None):
        return self.norm(x, training=training)


@keras.saving.register_keras_serializable(package="test")
class BatchDeviation(keras.layers.Layer):
    """Minibatch standard deviation: adds the spread of the batch to each image."""

    def call(self, x):
        return x + tf.math.reduce_std(x, axis=0, keepdims=True)


class CenteredDense(keras.layers.Dense):
    """A subclass of a Keras layer that mixes the images of a batch."""

    def call(self, x):
        return super().call(x - tf.reduce_mean(x, axis=0, keepdims=True))


def centered(x):
    return x - tf.reduce_mean(x, axis=0, keepdims=True)


MIXING = {
    "hidden batch normalization": HiddenNormalization,
    "minibatch standard deviation": BatchDeviation,
    "subclass of a Keras layer": lambda: CenteredDense(3),
    "custom activation": lambda: keras.layers.Activation(centered),
    "spectral normalization": lambda: kerasgan.layers.convolution(
        3, 3, padding="same", spectral_normalization=True
    ),
}


def record_batch_sizes(network):
    """Returns a list that collects the batch size of each call of a network."""
    sizes, inner = [], network.call

    def call(x, *args, **kwargs):
        sizes.append(int(x.shape[0]))
        return inner(x, *args, **kwargs)

    network.call = call
    return sizes


@pytest.mark.parametrize("kind", MIXING)
def test_layers_that_mix_images_are_called_per_batch(kind):
    network = keras.Sequential([keras.Input(SHAPE), MIXING[kind]()])
    sizes = record_batch_sizes(network)
    first, second = images(2), images(3, 1)
    made, _ = moves.call_network(network, first, second, training=True)
    assert sizes == [2, 3] and [len(one) for one in made] == [2, 3]
    if "spectral" not in kind:
        separate = [np.asarray(network(one, training=True)) for one in (first, second)]
        for one, expected in zip(made, separate, strict=True):
            np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6)
    del sizes[:]
    moves.call_network(network, first, second, training=False)
    assert sizes == [5]


@pytest.mark.skipif(not compat.KERAS_3, reason="Keras 2 has no keras.ops")
def test_operation_that_mixes_images_is_called_per_batch():
    image = keras.Input(SHAPE)
    network = keras.Model(image, image - keras.ops.mean(image, axis=0, keepdims=True))
    sizes = record_batch_sizes(network)
    moves.call_network(network, images(2), images(3), training=True)
    assert sizes == [2, 3]


def test_layers_that_do_not_mix_images_are_called_once():
    network = kerasgan.networks.resnet_generator(SHAPE, width=4, blocks=1)
    sizes = record_batch_sizes(network)
    (first, second), added_loss = moves.call_network(
        network, images(2), images(3, 1), training=True
    )
    assert sizes == [5] and added_loss is None
    np.testing.assert_allclose(second, network(images(3, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(first, network(images(2)), rtol=1e-4, atol=1e-5)


def test_added_losses_are_averaged_over_calls():
    """Weight decay counts once; activity regularization is averaged over images."""
    layer = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer="ones",
        kernel_regularizer=keras.regularizers.L2(0.5),
        activity_regularizer=keras.regularizers.L2(2.0),
    )
    network = keras.Sequential([keras.Input((1,)), layer])
    first, second = tf.constant([[1.0], [2.0]]), tf.constant([[3.0], [0.0]])
    _, added_loss = moves.call_network(network, first, second, training=True)
    # Keras divides the activity loss of a call by its batch size.
    assert float(added_loss) == pytest.approx(0.5 + 2.0 * (1 + 4 + 9 + 0) / 4)


def test_condition_is_passed_to_every_discriminator_call():
    image, label = keras.Input((2,)), keras.Input((1,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    network = keras.Model(
        [image, label], dense(keras.layers.Concatenate()([image, label]))
    )
    batch = Batch(None, tf.ones((3, 2)), tf.constant([[10.0], [20.0], [30.0]]))
    outputs = moves.discriminate(
        moves.DiscriminatorBatch(network, batch, tf.zeros((3, 2))), training=True
    )
    np.testing.assert_allclose(outputs.real[:, 0], [12.0, 22.0, 32.0])
    np.testing.assert_allclose(outputs.fake[:, 0], [10.0, 20.0, 30.0])
    seen = []

    def penalty(discriminate, real, fake, seed):
        seen.append([np.asarray(discriminate(shown))[:, 0] for shown in (real, fake)])
        return tf.constant(0.0)

    d_batch = moves.DiscriminatorBatch(network, batch, tf.zeros((3, 2)))
    objectives.penalty_of([penalty], [d_batch], tf.constant([0, 0]), training=True)
    np.testing.assert_allclose(seen, [[[12.0, 22.0, 32.0], [10.0, 20.0, 30.0]]])


def penalty_of_both(discriminate, real, fake, seed):
    return tf.reduce_mean(discriminate(real)) + tf.reduce_mean(discriminate(fake))


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
@pytest.mark.parametrize("kind", ["gan", "cyclegan"])
def test_every_call_of_a_discriminator_is_one_move(
    kind, method, small_gan, small_cyclegan, monkeypatch
):
    model = small_gan() if kind == "gan" else small_cyclegan(pool_size=0)
    # A custom loss, so that generators look at real images, too.
    model.compile(loss_fn=Difference(), penalties=[penalty_of_both], run_eagerly=True)
    inside, calls = [], []
    inner = moves.call_discriminator

    def call_discriminator(*args, **options):
        inside.append(True)
        made = inner(*args, **options)
        inside.pop()
        return made

    for module in (moves, objectives):
        monkeypatch.setattr(module, "call_discriminator", call_discriminator)

    def recorded(call):
        def recording(*args, **options):
            calls.append(bool(inside))
            return call(*args, **options)

        return recording

    _, discriminators = model.players()
    for network in discriminators:
        network.call = recorded(network.call)
    side = 4 if kind == "gan" else 8
    pictures = np.zeros((2, side, side, 3), "float32")
    batch = (pictures,) if kind == "gan" else (pictures, pictures)
    getattr(model, method)(*batch)
    assert calls and all(calls)


class Difference:
    """A custom loss that compares the outputs for real and generated images."""

    def discriminator_loss(self, real, fake):
        return tf.reduce_mean(fake) - tf.reduce_mean(real)

    def generator_loss(self, fake, real):
        return tf.reduce_mean(real) - tf.reduce_mean(fake)


@pytest.mark.parametrize(("n", "parts", "size"), [(7, 3, 2), (2, 4, 1), (5, 1, 5)])
def test_split_keeps_parts_of_each_example_together(n, parts, size):
    rows = tf.range(n)
    batches = split(Batch(rows, rows * 10, rows * 100), parts)
    assert [len(batch.real) for batch in batches] == [size] * parts
    seen = np.concatenate([batch.inputs for batch in batches])
    assert len(set(seen)) == min(n, size * parts)
    for batch in batches:
        np.testing.assert_array_equal(batch.real, batch.inputs * 10)
        np.testing.assert_array_equal(batch.condition, batch.inputs * 100)
    assert split(Batch(None, rows), 2)[1].inputs is None
