"""The network of `AttributeClassifier`, its batches, and its training."""

import keras
import tensorflow as tf
from keras import layers

# Channels of the convolutions; the last are the features.
WIDTHS = (32, 64, 128, 128, 128)
# Images are shrunk to between this many pixels and twice as many.
SIDE = 32
LEAST_SIDE = 16
LEARNING_RATE = 2e-3
# Labels are this far from 0 and 1, so that the network stays unsure of odd images.
LABEL_SMOOTHING = 0.05
# Largest shift as a part of the side, change of scale, of contrast and brightness,
# and largest standard deviation of the noise.
SHIFT, ZOOM, LIGHT, NOISE = 1 / 16, 0.1, 0.1, 0.1


def classifier_network(image_shape, seed):
    """Builds the network.

    Args:
        image_shape: `(height, width, channels)`.
        seed: Int that decides the first weights.

    Returns:
        A functional Keras model from images to one logit; the layer `features`
        before it yields `(batch, 128)`.

    Raises:
        ValueError: If the images are smaller than 16 pixels.
    """
    side = min(image_shape[:2])
    if side < LEAST_SIDE:
        raise ValueError(
            f"a has images of {image_shape[0]}x{image_shape[1]} pixels; expected at "
            f"least {LEAST_SIDE}x{LEAST_SIDE}."
        )
    shrink = max(1, side // SIDE)
    stride = 2 if shrink >= 4 else 1
    x = images = keras.Input(image_shape, name="images")
    # An average first: what only single pixels say is nothing to go by.
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
        # Followed quickly: training has few steps.
        x = layers.BatchNormalization(momentum=0.9, name=f"norm_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
        if i:
            x = layers.MaxPooling2D(name=f"pool_{i}")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    logit = layers.Dense(
        1, kernel_initializer=keras.initializers.GlorotUniform(seed), name="logit"
    )(x)
    return keras.Model(images, logit, name="attribute_classifier")


def labelled_batches(a, b, half, seed):
    """Returns endless batches of as many images of a as of b, augmented.

    Args:
        a: Images, an array or a `tf.data.Dataset` of batches.
        b: The same.
        half: Int, images of either in a batch.
        seed: Int that decides the augmentation, and the order of arrays.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`; labels `(batch, 1)` are 1 for a.
    """
    labels = tf.repeat([[1.0], [0.0]], half, axis=0)

    def batch(step, images_a, images_b):
        images = tf.concat([images_a, images_b], axis=0)
        return augment(tf.cast(images, "float32"), (seed, step)), labels

    return (
        # An endless range is the count of steps.
        tf.data.Dataset.zip(
            (
                tf.data.Dataset.range(tf.int64.max),
                _endless(a, half, seed),
                _endless(b, half, seed),
            )
        )
        .map(batch, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def augment(images, seed):
    """Mirrors, shifts, zooms, blurs, lights images and adds noise, each in its own way.

    Args:
        images: Float tensor `(n, height, width, channels)` in [-1, 1].
        seed: Pair of ints from which it all follows.

    Returns:
        A tensor of the same shape and range.
    """
    n, (height, width) = tf.shape(images)[0], images.shape[1:3]
    seed = tf.stack([tf.cast(part, "int64") for part in seed])
    seeds = tf.random.experimental.stateless_split(seed, 3)
    u = tf.random.stateless_uniform((n, 8), seeds[0], -1.0, 1.0)
    scale_y = 1.0 + ZOOM * u[:, 1]
    scale_x = scale_y * tf.where(u[:, 0] < 0.0, -1.0, 1.0)
    # Around the middle: output pixel x comes from scale * (x - middle) + middle.
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    move_y = middle_y * (1.0 - scale_y) + SHIFT * height * u[:, 2]
    move_x = middle_x * (1.0 - scale_x) + SHIFT * width * u[:, 3]
    zero = tf.zeros(n)
    images = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack(
            [scale_x, zero, move_x, zero, scale_y, move_y, zero, zero], axis=1
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


def train_network(network, batches, steps, verbose):
    """Trains the network in place, with a learning rate that falls to nothing.

    Args:
        network: What `classifier_network` returned.
        batches: What `labelled_batches` returned.
        steps: Int, batches to train on.
        verbose: As in `keras.Model.fit`.
    """
    # A model around it is compiled, so that no optimizer is saved with the network.
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


def _endless(images, n, seed):
    """Returns endless batches of n images."""
    if isinstance(images, tf.data.Dataset):
        return images.repeat().rebatch(n, drop_remainder=True)
    images = tf.data.Dataset.from_tensor_slices(images)
    return images.shuffle(len(images), seed=seed).repeat().batch(n)
