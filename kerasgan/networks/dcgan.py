"""The networks of DCGAN: a generator and a discriminator made of strided convolutions.

From "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", Radford et al. 2015, https://arxiv.org/abs/1511.06434. At
64 x 64 pixels they are the networks of PyTorch's DCGAN tutorial, weight by weight.
"""

import numbers

import keras
from keras import layers

from kerasgan.arguments import check_positive
from kerasgan.layers import LEAKY_SLOPE, normal, normalize

# The widest map has this many times `width` channels, which 128 pixels reach.
MOST_WIDTHS = 16


def dcgan_generator(
    image_shape, latent_dim=100, width=64, activation="tanh", name="dcgan_generator"
):
    """Returns the generator of DCGAN, from latents to images.

    The latent is projected to a map of 4 to 7 rows and columns, which transposed
    convolutions then double up to the image, each but the last followed by batch
    normalization and ReLU. The first map has `width * 2**(k - 1)` channels for `k`
    doublings, at most `16 * width`, and the number halves on the way until the
    last one before the image has `width`. Where the two sides need different
    numbers of doublings, the layers nearest the latent double the longer side only.

    The layers with weights are `project` and `norm_0`, `up_1` and `norm_1` and so
    on, and `to_image`.

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is 4, 5, 6 or 7
            times a power of two, at least 8 (64, 80, 96, 112, 128, ...), and there
            are 1, 3 or 4 channels.
        latent_dim: Int, length of the latent vector.
        width: Int, channels of the last map before the image.
        activation: Keras activation of the images. It is computed in float32
            whatever the precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, latent_dim)` to
        `(batch, height, width, channels)`, in [-1, 1] with `"tanh"`.

    Raises:
        ValueError: If `image_shape` is none that the network can make, or
            `latent_dim` or `width` is not a positive whole number.

    Example:

    >>> generator = kerasgan.networks.dcgan_generator((64, 64, 3))
    >>> generator(tf.random.normal((16, 100))).shape
    TensorShape([16, 64, 64, 3])
    """
    height, breadth, channels = _check_shape(image_shape)
    check_positive(latent_dim=latent_dim, width=width)
    strides = _strides(height, breadth)
    filters = _filters(int(width), len(strides))
    base = (_base(height), _base(breadth), filters[-1])

    x = latent = keras.Input((int(latent_dim),), name="latent")
    # A transposed convolution of one pixel is a matrix product, and slower as one.
    x = layers.Dense(
        base[0] * base[1] * base[2],
        use_bias=False,
        kernel_initializer=normal(),
        name="project",
    )(x)
    x = layers.Reshape(base, name="base")(x)
    x = normalize(x, "batch", "norm_0")
    x = layers.ReLU(name="relu_0")(x)
    for i, (n, stride) in enumerate(zip(filters[-2::-1], strides[:0:-1], strict=True)):
        x = _convolution(layers.Conv2DTranspose, n, stride, f"up_{i + 1}")(x)
        x = normalize(x, "batch", f"norm_{i + 1}")
        x = layers.ReLU(name=f"relu_{i + 1}")(x)
    x = _convolution(layers.Conv2DTranspose, channels, strides[0], "to_image")(x)
    image = layers.Activation(activation, dtype="float32", name="image")(x)
    return keras.Model(latent, image, name=name)


def dcgan_discriminator(
    image_shape, width=64, activation=None, name="dcgan_discriminator"
):
    """Returns the discriminator of DCGAN, from images to one answer each.

    Convolutions halve the image down to 4 to 7 rows and columns, each followed by
    batch normalization, except the first, and by LeakyReLU of slope 0.2. The first
    has `width` channels, and the number doubles up to `16 * width`. A last
    convolution as large as the map that is left makes one number of it. Where the
    two sides need different numbers of halvings, the layers nearest the answer
    halve the longer side only.

    The layers with weights are `down_1`, `down_2` and `norm_2` and so on, and
    `to_logit`.

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is 4, 5, 6 or 7
            times a power of two, at least 8 (64, 80, 96, 112, 128, ...), and there
            are 1, 3 or 4 channels.
        width: Int, channels of the first map.
        activation: Keras activation of the answer, `"sigmoid"` for a probability;
            by default the answer is a logit. It is computed in float32 whatever
            the precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, height, width, channels)` to
        `(batch, 1)`; high means real.

    Raises:
        ValueError: If `image_shape` is none that the network can take, or `width`
            is not a positive whole number.

    Example:

    >>> discriminator = kerasgan.networks.dcgan_discriminator((64, 64, 3))
    >>> discriminator(images).shape
    TensorShape([16, 1])
    """
    height, breadth, channels = _check_shape(image_shape)
    check_positive(width=width)
    strides = _strides(height, breadth)
    filters = _filters(int(width), len(strides))

    x = image = keras.Input((height, breadth, channels), name="image")
    for i, (n, stride) in enumerate(zip(filters, strides, strict=True), start=1):
        x = _convolution(layers.Conv2D, n, stride, f"down_{i}")(x)
        if i > 1:
            x = normalize(x, "batch", f"norm_{i}")
        # By position: the slope has another keyword in each Keras generation.
        x = layers.LeakyReLU(LEAKY_SLOPE, name=f"leaky_{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(1, use_bias=False, kernel_initializer=normal(), name="to_logit")(x)
    answer = layers.Activation(activation, dtype="float32", name="answer")(x)
    return keras.Model(image, answer, name=name)


def _convolution(layer, filters, stride, name):
    """Returns a convolution that scales each side by its stride, 1 or 2, exactly.

    With a kernel of 4 at stride 2 and of 3 at stride 1, `same` pads both ends of
    an even side by one pixel, as PyTorch's networks do.
    """
    return layer(
        filters,
        kernel_size=tuple(4 if s == 2 else 3 for s in stride),
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=normal(),
        name=name,
    )


def _halvings(side):
    """Returns k of `side`, which lies in [4, 8) times 2^k."""
    return side.bit_length() - 3


def _base(side):
    return side >> _halvings(side)


def _strides(height, breadth):
    """Returns the stride of every layer, `(rows, columns)`, from the image inwards."""
    k = _halvings(height), _halvings(breadth)
    return [tuple(2 if i < side else 1 for side in k) for i in range(max(k))]


def _filters(width, depth):
    """Returns the channels of every map, from the image inwards."""
    return [width * min(2**i, MOST_WIDTHS) for i in range(depth)]


def _check_shape(image_shape):
    """Returns `image_shape` as three ints; raises a ValueError if it cannot be made."""
    parts = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(parts) != 3 or not all(isinstance(p, numbers.Integral) for p in parts):
        raise ValueError(
            f"image_shape is {image_shape!r}; expected three whole numbers "
            "(height, width, channels)."
        )
    height, breadth, channels = map(int, parts)
    for side, value in (("height", height), ("width", breadth)):
        if value < 8:
            raise ValueError(f"image_shape: {side} is {value}; expected at least 8.")
        step = 2 ** _halvings(value)
        below = value // step * step
        if value != below:
            raise ValueError(
                f"image_shape: {side} {value} is not base x 2^k with base 4 to 7; the "
                f"nearest that are: {below}, {below + step}."
            )
    if channels not in (1, 3, 4):
        raise ValueError(f"image_shape: channels is {channels}; expected 1, 3 or 4.")
    return height, breadth, channels
