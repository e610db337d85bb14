"""A pool of earlier generated images that a discriminator sees again."""

import keras
import tensorflow as tf


class ImagePool:
    """Stores generated images and returns stored ones in place of half the new ones.

    A discriminator that sees only the newest images forgets earlier ones, and both
    players may oscillate. Until the pool is full, new images are stored and returned.
    After that, each new image is returned with probability 1/2; otherwise it replaces
    a random stored image, which is returned instead. Images of one batch never replace
    the same stored image. From "Learning from Simulated and Unsupervised Images through
    Adversarial Training", Shrivastava et al. 2016, section 2.3,
    https://arxiv.org/abs/1612.07828.

    The images and their number are variables of the model, so they are saved with it.

    Args:
        model: Keras model that owns the variables.
        size: Int, number of images in the pool.
        image_shape: `(height, width, channels)` of every image.
        name: Prefix of the variables' names.

    Example:

    >>> pool = ImagePool(model, 50, (64, 64, 3), "pool_a")
    >>> shown = pool(fake_images, seed)
    """

    def __init__(
        self,
        model: keras.Model,
        size: int,
        image_shape: tuple[int, int, int],
        name: str,
    ) -> None:
        self.size = size
        state = dict(initializer="zeros", trainable=False)
        self.images = model.add_weight(
            name=f"{name}_images", shape=(size, *image_shape), dtype="float32", **state
        )
        self.count = model.add_weight(
            name=f"{name}_count", shape=(), dtype="int64", **state
        )

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns the images that the discriminator sees, and updates the pool.

        Args:
            images: New images, float tensor `(n, height, width, channels)`.
            seed: Seed for stateless operations, of shape `(2,)`.

        Returns:
            A tensor of the same shape. If the batch is larger than the pool, the images
            beyond its size are returned unchanged.
        """
        held = tf.convert_to_tensor(self.images)
        count = tf.cast(tf.convert_to_tensor(self.count), "int32")
        n = tf.minimum(tf.shape(images)[0], self.size)
        new, rest = images[:n], images[n:]
        swap_seed, place_seed = tf.unstack(
            tf.random.experimental.stateless_split(seed, 2)
        )
        # All shapes are static, as XLA requires.
        places = count + tf.range(n)
        fills = places < self.size
        swaps = ~fills & (tf.random.stateless_uniform((n,), swap_seed) < 0.5)
        # Stored images in random order, places that are still empty last.
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
