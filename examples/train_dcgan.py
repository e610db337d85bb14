"""Train a DCGAN on faces.

python examples/train_dcgan.py                   # synthetic faces, without a download
python examples/train_dcgan.py --data celeb_a --data-dir DATA_DIR
"""

import argparse
import pathlib

import keras

import kerasgan


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="synthetic_faces", help="or celeb_a")
    parser.add_argument("--data-dir", help="folder of tfds datasets")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=pathlib.Path, default="runs/example")
    options = parser.parse_args()
    run = options.run.expanduser()
    keras.utils.set_random_seed(options.seed)

    # Data: batches of float images in [-1, 1].
    faces = kerasgan.data.celeb_a(
        options.image_size,
        batch_size=options.batch_size,
        seed=options.seed,
        data_dir=options.data_dir,
        dataset=options.data,
    )

    # Networks: any Keras models with matching shapes.
    shape = (options.image_size, options.image_size, 3)
    gan = kerasgan.GAN(
        generator=kerasgan.networks.dcgan_generator(shape, latent_dim=100, width=32),
        discriminator=kerasgan.networks.dcgan_discriminator(shape, width=32),
        ema_decay=0.995,
        seed=options.seed,
    )

    gan.compile(
        d_optimizer=keras.optimizers.Adam(4e-4, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(4e-4, beta_1=0.5),
        loss_fn="non_saturating",
        label_noise=0.05,
    )

    gan.fit(
        faces,
        epochs=options.epochs,
        callbacks=[
            kerasgan.callbacks.SampleGrid(run),
            kerasgan.callbacks.LossCurves(run),
        ],
    )
    gan.save(run / "model.keras")


if __name__ == "__main__":
    main()
