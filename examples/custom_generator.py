"""Train a custom generator: any Keras model that maps latents to images.

python examples/custom_generator.py
python examples/custom_generator.py --data FOLDER_OF_IMAGES
"""

import argparse
import pathlib

import keras
from keras import layers

import kerasgan


def upsampling_generator(image_size, latent_dim):
    """Returns a generator with resizing instead of transposed convolutions."""
    inputs = keras.Input((latent_dim,))
    side = image_size // 8
    x = layers.Dense(side * side * 128)(inputs)
    x = layers.Reshape((side, side, 128))(x)
    for width in (96, 64, 32):
        x = layers.UpSampling2D(2, interpolation="nearest")(x)
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
    images = layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    return keras.Model(inputs, images, name="upsampling_generator")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of images (default: synthetic faces)")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--run", type=pathlib.Path, default="runs/custom")
    options = parser.parse_args()
    run = options.run.expanduser()
    keras.utils.set_random_seed(0)

    common = dict(image_size=options.image_size, batch_size=options.batch_size)
    if options.data:
        images = kerasgan.data.image_folder(options.data, **common)
    else:
        images = kerasgan.data.synthetic_faces(**common)

    # The GAN infers the latent size and the range of the images from the generator.
    shape = (options.image_size, options.image_size, 3)
    gan = kerasgan.GAN(
        generator=upsampling_generator(options.image_size, latent_dim=64),
        discriminator=kerasgan.networks.dcgan_discriminator(shape, width=32),
        ema_decay=0.995,
    )
    gan.compile(
        d_optimizer=keras.optimizers.Adam(4e-4, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(4e-4, beta_1=0.5),
        loss_fn="least_squares",
    )
    samples = kerasgan.callbacks.SampleGrid(run)
    gan.fit(images, epochs=options.epochs, callbacks=[samples])
    gan.save(run / "model.keras")


if __name__ == "__main__":
    main()
