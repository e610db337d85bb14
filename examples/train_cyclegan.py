"""Train a CycleGAN that translates faces with an attribute to faces without, and back.

python examples/train_cyclegan.py                # synthetic faces of men and women
python examples/train_cyclegan.py --data celeb_a --data-dir DATA_DIR --attribute Smiling
"""

import argparse
import pathlib

import keras

import kerasgan


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="synthetic_faces", help="or celeb_a")
    parser.add_argument("--data-dir", help="folder of tfds datasets")
    parser.add_argument("--attribute", default="Male")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=pathlib.Path, default="runs/cyclegan-example")
    options = parser.parse_args()
    run = options.run.expanduser()
    keras.utils.set_random_seed(options.seed)

    # Data: pairs of batches, one from each domain, with float images in [-1, 1].
    a, b = kerasgan.data.celeb_a_by_attribute(
        options.attribute,
        options.image_size,
        batch_size=options.batch_size,
        seed=options.seed,
        data_dir=options.data_dir,
        dataset=options.data,
    )
    pairs = kerasgan.data.unpaired(kerasgan.data.augment(a), kerasgan.data.augment(b))

    # Networks: any Keras models with matching shapes.
    shape = (options.image_size, options.image_size, 3)
    generators = [
        kerasgan.networks.resnet_generator(
            shape, width=32, blocks=6, upsampling="resize", name=name
        )
        for name in ("generator_ab", "generator_ba")
    ]
    discriminators = [
        kerasgan.networks.patchgan_discriminator(shape, width=32, name=name)
        for name in ("discriminator_a", "discriminator_b")
    ]
    cyclegan = kerasgan.CycleGAN(*generators, *discriminators, seed=options.seed)

    half = max(1, options.epochs * len(pairs) // 2)
    rate = kerasgan.schedules.ConstantThenLinearDecay(2e-4, half, half)
    cyclegan.compile(
        d_optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
        g_optimizer=keras.optimizers.Adam(rate, beta_1=0.5),
        adversarial_weight=2.0,
    )

    cyclegan.fit(
        pairs,
        epochs=options.epochs,
        callbacks=[
            kerasgan.callbacks.TranslationGrid(run, a, b),
            kerasgan.callbacks.LossCurves(run),
        ],
    )
    cyclegan.save(run / "model.keras")


if __name__ == "__main__":
    main()
