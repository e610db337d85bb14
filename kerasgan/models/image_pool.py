"""Generated images of earlier steps, which a discriminator is shown again."""

import tensorflow as tf


class ImagePool:
    """Keeps generated images and hands out old ones in the place of half the new.

    A discriminator that sees only the newest images forgets what the generator did
    before, and the two may go round in circles. Until the pool is full, images are
    kept and returned as they are. Afterwards each image is, by a coin, returned as
    it is, or changed for one of the pool, whose place it takes. Two images of a
    batch never change places with the same one. From "Learning from Simulated and
    Unsupervised Images through Adversarial Training", Shrivastava et al. 2016,
    section 2.3, https://arxiv.org/abs/1612.07828.

    The images and their number are variables of the model, so they are saved with it.

    Args:
        model: Keras model that owns the variables.
        size: Int, images in the pool.
        image_shape: `(height, width, channels)` of every image.
        name: Start of the names of the variables.

    Example:

    >>> pool = ImagePool(model, 50, (64, 64, 3), "pool_a")
    >>> shown = pool(fake_images, seed)
    """

    def __init__(self, model, size, image_shape, name):
        self.size = size
        state = dict(initializer="zeros", trainable=False)
        self.images = model.add_weight(
            name=f"{name}_images", shape=(size, *image_shape), dtype="float32", **state
        )
        self.count = model.add_weight(
            name=f"{name}_count", shape=(), dtype="int64", **state
        )

    def __call__(self, images, seed):
        """Returns what the discriminator is shown in the place of new images.

        Args:
            images: Float tensor `(n, height, width, channels)`.
            seed: Seed of stateless operations, of shape `(2,)`.

        Returns:
            A tensor of that shape. Of a batch larger than the pool, what exceeds
            it is returned as it is.
        """
        held = tf.convert_to_tensor(self.images)
        count = tf.cast(tf.convert_to_tensor(self.count), "int32")
        n = tf.minimum(tf.shape(images)[0], self.size)
        new, rest = images[:n], images[n:]
        coin_seed, place_seed = tf.unstack(
            tf.random.experimental.stateless_split(seed, 2)
        )
        # Every shape is known beforehand, as XLA wants it.
        places = count + tf.range(n)
        fills = places < self.size
        swaps = ~fills & (tf.random.stateless_uniform((n,), coin_seed) < 0.5)
        # Places in a random order, those that are being filled behind all others.
        order = tf.random.stateless_uniform((self.size,), place_seed)
        order = tf.argsort(order + tf.cast(tf.range(self.size) >= count, "float32"))
        filled = tf.minimum(self.size - count, n)
        drawn = tf.gather(order, tf.maximum(tf.range(n) - filled, 0))
        places = tf.where(fills, places, drawn)[:, None]

        old = tf.gather_nd(held, places)
        shown = tf.where(swaps[:, None, None, None], old, new)
        stored = tf.where((fills | swaps)[:, None, None, None], new, old)
        self.images.assign(tf.tensor_scatter_nd_update(held, places, stored))
        self.count.assign_add(tf.cast(filled, "int64"))
        return tf.concat([shown, rest], axis=0)
