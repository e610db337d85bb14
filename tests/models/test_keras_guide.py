"""A program written for the GAN class of a Keras guide runs with kerasgan.

The guide, "DCGAN to generate face images", has a discriminator that ends in a
sigmoid, images in [0, 1], `BinaryCrossentropy`, label noise of 0.05 and misleading
labels. This program does the same with 128x128 images. Only its import refers to
kerasgan.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan import GAN

LATENT_DIM = 16


def networks():
    discriminator = keras.Sequential(
        [
            keras.Input(shape=(128, 128, 3)),
            layers.Conv2D(8, kernel_size=4, strides=4, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(16, kernel_size=4, strides=4, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )
    generator = keras.Sequential(
        [
            keras.Input(shape=(LATENT_DIM,)),
            layers.Dense(8 * 8 * 16),
            layers.Reshape((8, 8, 16)),
            layers.Conv2DTranspose(16, kernel_size=4, strides=4, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(8, kernel_size=4, strides=4, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Conv2D(3, kernel_size=5, padding="same", activation="sigmoid"),
        ],
        name="generator",
    )
    return discriminator, generator


class Monitor(keras.callbacks.Callback):
    """Generates images like the monitor callback of the guide."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def on_epoch_end(self, epoch, logs=None):
        latents = tf.random.normal((3, LATENT_DIM))
        self.drawn.append((self.model.generator(latents) * 255).numpy())


def test_guide_program_trains():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 128, 128, 3))
    dataset = tf.data.Dataset.from_tensor_slices(pixels.astype("float32"))
    dataset = dataset.batch(8).map(lambda x: x / 255.0)

    discriminator, generator = networks()
    gan = GAN(discriminator=discriminator, generator=generator, latent_dim=LATENT_DIM)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.001),
        g_optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss_fn=keras.losses.BinaryCrossentropy(),
    )
    monitor = Monitor()
    before = [np.array(v) for v in gan.trainable_variables]
    history = gan.fit(dataset, epochs=3, callbacks=[monitor], verbose=0).history

    assert gan.label_noise == 0.05
    assert len(history["d_loss"]) == len(history["g_loss"]) == 3
    # An untrained sigmoid outputs 1/2, a loss of log 2, which training reduces.
    assert history["d_loss"][-1] < history["d_loss"][0] < 0.8
    for old, new in zip(before, gan.trainable_variables, strict=True):
        assert not np.array_equal(old, np.asarray(new))
    assert [d.shape for d in monitor.drawn] == [(3, 128, 128, 3)] * 3
    assert 0 <= np.min(monitor.drawn) and np.max(monitor.drawn) <= 255
