"""The network of `AttributeClassifier`, its training data, and its training."""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.metrics.image_arrays import Images

# Channels of the convolutions. The last is the number of features.
WIDTHS = (32, 64, 128, 128, 128)
# Images are reduced to a shorter side of this many pixels or up to twice as many.
SIDE = 32
MIN_SIDE = 16
LEARNING_RATE = 2e-3
# Keeps the network uncertain about images unlike those it was trained on.
LABEL_SMOOTHING = 0.05
# Largest shift as a fraction of the side, relative changes of scale and of contrast,
# change of brightness, and largest standard deviation of the noise.
SHIFT, ZOOM, LIGHT, NOISE = 1 / 16, 0.1, 0.1, 0.1


def classifier_network(image_shape: tuple[int, int, int], seed: int) -> keras.Model:
    """Builds the network.

    Args:
        image_shape: Tuple `(height, width, channels)`.
        seed: Integer that determines the initial weights.

    Returns:
        A functional Keras model from images to one logit. The layer before the
        logit, `features`, returns shape `(batch, 128)`.

    Raises:
        ValueError: If a side is shorter than 16 pixels.
    """
    side = min(image_shape[:2])
    if side < MIN_SIDE:
        raise ValueError(
            f"a has images of {image_shape[0]}x{image_shape[1]} pixels; expected at "
            f"least {MIN_SIDE}x{MIN_SIDE}."
        )
    shrink = max(1, side // SIDE)
    stride = 2 if shrink >= 4 else 1
    x = images = keras.Input(image_shape, name="images")
    # Averages first, so that patterns of single pixels have no effect.
    x = layers.AveragePooling2D(shrink // stride, name="shrink")(x)
    for i, width in enumerate(WIDTHS):
        x = layers.Conv2D(
            width,
            3,
            strides=1 if i else stride,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seed + i),
            name=f"conv_{i}",
        )(x)
        # A low momentum, because training has few steps.
        x = layers.BatchNormalization(momentum=0.9, name=f"norm_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
        if i:
            x = layers.MaxPooling2D(name=f"pool_{i}")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    logit = layers.Dense(
        1, kernel_initializer=keras.initializers.GlorotUniform(seed), name="logit"
    )(x)
    return keras.Model(images, logit, name="attribute_classifier")


def labeled_batches(a: Images, b: Images, half: int, seed: int) -> tf.data.Dataset:
    """Returns an infinite dataset of augmented batches, half from a and half from b.

    Args:
        a: Images, as an array or a `tf.data.Dataset` of batches.
        b: Images, as an array or a `tf.data.Dataset` of batches.
        half: Number of images of each kind in a batch.
        seed: Integer that determines the augmentation, and the order of arrays.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`. Labels have shape `(batch, 1)` and
        are 1 for a and 0 for b.
    """
    labels = tf.repeat([[1.0], [0.0]], half, axis=0)

    def batch(
        step: tf.Tensor, images_a: tf.Tensor, images_b: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.concat([images_a, images_b], axis=0)
        return augment(tf.cast(images, "float32"), (seed, step)), labels

    return (
        tf.data.Dataset.zip(
            (
                tf.data.Dataset.range(tf.int64.max),
                _infinite_batches(a, half, seed),
                _infinite_batches(b, half, seed),
            )
        )
        .map(batch, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def augment(
    images: tf.Tensor, seed: tuple[int | tf.Tensor, int | tf.Tensor]
) -> tf.Tensor:
    """Randomly flips, shifts, scales, blurs, brightens and adds noise to images.

    Each image is changed independently.

    Args:
        images: Float tensor of shape `(n, height, width, channels)` in [-1, 1].
        seed: Pair of integers that determines all random changes.

    Returns:
        A tensor of the same shape and range.
    """
    n, (height, width) = tf.shape(images)[0], images.shape[1:3]
    pair = tf.stack([tf.cast(part, "int64") for part in seed])
    seeds = tf.random.experimental.stateless_split(pair, 3)
    u = tf.random.stateless_uniform((n, 8), seeds[0], -1.0, 1.0)
    scale_y = 1.0 + ZOOM * u[:, 1]
    scale_x = scale_y * tf.where(u[:, 0] < 0.0, -1.0, 1.0)
    # Scales around the center: the output pixel x is read from the input pixel
    # center + scale * (x - center).
    center_y, center_x = (height - 1) / 2, (width - 1) / 2
    shift_y = center_y * (1.0 - scale_y) + SHIFT * height * u[:, 2]
    shift_x = center_x * (1.0 - scale_x) + SHIFT * width * u[:, 3]
    zero = tf.zeros(n)
    images = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack(
            [scale_x, zero, shift_x, zero, scale_y, shift_y, zero, zero], axis=1
        ),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    u = u[:, 4:, None, None, None]
    blurred = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    images += (u[:, 0] + 1.0) / 2.0 * (blurred - images)
    images = images * (1.0 + LIGHT * u[:, 1]) + LIGHT * u[:, 2]
    noise = tf.random.stateless_normal(tf.shape(images), seeds[1])
    images += NOISE * tf.abs(u[:, 3]) * noise
    return tf.clip_by_value(images, -1.0, 1.0)


def train_network(
    network: keras.Model,
    batches: tf.data.Dataset,
    steps: int,
    verbose: int | str,
) -> None:
    """Trains the network in place, with a learning rate that decays to zero.

    Args:
        network: Model that `classifier_network` returned.
        batches: Dataset that `labeled_batches` returned.
        steps: Number of training steps.
        verbose: As in `keras.Model.fit`.
    """
    # Compiles a second model with the same layers, so that the optimizer is not
    # saved with the network.
    trainer = keras.Model(network.input, network.output)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    trainer.compile(
        keras.optimizers.Adam(rate),
        keras.losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=LABEL_SMOOTHING
        ),
        metrics=[keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)],
        jit_compile=False,
    )
    trainer.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=verbose)


def _infinite_batches(images: Images, n: int, seed: int) -> tf.data.Dataset:
    """Returns an infinite dataset of batches of n images."""
    if isinstance(images, tf.data.Dataset):
        return images.repeat().rebatch(n, drop_remainder=True)
    images = tf.data.Dataset.from_tensor_slices(images)
    return images.shuffle(len(images), seed=seed).repeat().batch(n)
