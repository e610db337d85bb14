"""The DCGAN networks: a generator and a discriminator of strided convolutions.

From "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", Radford et al. 2015, https://arxiv.org/abs/1511.06434. At
64 x 64 pixels, the networks have the same layers and weight shapes as those of
PyTorch's DCGAN tutorial.
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from kerasgan.arguments import check_positive, is_integer
from kerasgan.layers import LEAKY_SLOPE, normal, normalize

# Channels stop doubling at this multiple of `width`, which is reached at 128 pixels.
MAX_CHANNEL_MULTIPLE = 16


def dcgan_generator(
    image_shape: Sequence[int],
    latent_dim: int = 100,
    width: int = 64,
    activation: str | Callable | None = "tanh",
    name: str = "dcgan_generator",
) -> keras.Model:
    """Returns the DCGAN generator, which maps latents to images.

    A dense layer projects the latent to a feature map of 4 to 7 rows and columns.
    Transposed convolutions of stride 2 then double the map until it has the size of
    the image. Each layer but the last is followed by batch normalization and ReLU.
    With `k` doublings, the first map has `width * 2**(k - 1)` channels, at most
    `16 * width`. The number of channels halves from layer to layer, down to `width`
    before the image. If height and width need different numbers of doublings, the
    layers nearest the latent double the longer side only.

    The layers with weights are named `project`, `norm_0`, `up_1`, `norm_1`, ...,
    `to_image`.

    Args:
        image_shape: Tuple `(height, width, channels)`. Height and width are 4, 5, 6
            or 7 times a power of two, at least 8 (64, 80, 96, 112, 128, ...). Any
            positive number of channels is allowed.
        latent_dim: Length of the latent vector.
        width: Number of channels of the last feature map before the image.
        activation: Keras activation of the images. It is computed in float32 under
            every mixed-precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, latent_dim)` to
        `(batch, height, width, channels)`, in [-1, 1] with `"tanh"`.

    Raises:
        ValueError: If the network does not support `image_shape`, or `latent_dim` or
            `width` is not a positive integer.

    Example:

    >>> generator = kerasgan.networks.dcgan_generator((64, 64, 3))
    >>> generator(tf.random.normal((16, 100))).shape
    TensorShape([16, 64, 64, 3])
    """
    rows, columns, channels = _check_shape(image_shape)
    check_positive(latent_dim=latent_dim, width=width)
    strides = _strides(rows, columns)
    filters = _filters(int(width), len(strides))
    base = (_base(rows), _base(columns), filters[-1])

    x = latent = keras.Input((int(latent_dim),), name="latent")
    # Equals a transposed convolution of a 1 x 1 map, and is faster.
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
    image_shape: Sequence[int],
    width: int = 64,
    activation: str | Callable | None = None,
    name: str = "dcgan_discriminator",
) -> keras.Model:
    """Returns the DCGAN discriminator, which maps each image to one score.

    Convolutions of stride 2 halve the image down to 4 to 7 rows and columns. Each
    convolution but the first is followed by batch normalization, and each by
    LeakyReLU of slope 0.2. The first has `width` channels; the number doubles from
    layer to layer, up to `16 * width`. A dense layer maps the last feature map to
    the score. If height and width need different numbers of halvings, the layers
    nearest the score halve the longer side only.

    The layers with weights are named `down_1`, `down_2`, `norm_2`, ..., `to_logit`.

    Args:
        image_shape: Tuple `(height, width, channels)`. Height and width are 4, 5, 6
            or 7 times a power of two, at least 8 (64, 80, 96, 112, 128, ...). Any
            positive number of channels is allowed.
        width: Number of channels of the first feature map.
        activation: Keras activation of the score, for example `"sigmoid"` for a
            probability. The default returns a logit. It is computed in float32 under
            every mixed-precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, height, width, channels)` to
        `(batch, 1)`; a high score means real.

    Raises:
        ValueError: If the network does not support `image_shape`, or `width` is not
            a positive integer.

    Example:

    >>> discriminator = kerasgan.networks.dcgan_discriminator((64, 64, 3))
    >>> discriminator(images).shape
    TensorShape([16, 1])
    """
    rows, columns, channels = _check_shape(image_shape)
    check_positive(width=width)
    strides = _strides(rows, columns)
    filters = _filters(int(width), len(strides))

    x = image = keras.Input((rows, columns, channels), name="image")
    for i, (n, stride) in enumerate(zip(filters, strides, strict=True), start=1):
        x = _convolution(layers.Conv2D, n, stride, f"down_{i}")(x)
        if i > 1:
            x = normalize(x, "batch", f"norm_{i}")
        # By position, because the two Keras generations name the argument
        # differently.
        x = layers.LeakyReLU(LEAKY_SLOPE, name=f"leaky_{i}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(1, use_bias=False, kernel_initializer=normal(), name="to_logit")(x)
    score = layers.Activation(activation, dtype="float32", name="output")(x)
    return keras.Model(image, score, name=name)


def _convolution(
    layer_class: type, filters: int, stride: tuple[int, int], name: str
) -> keras.layers.Layer:
    """Returns a convolution that scales each side exactly by its stride, 1 or 2.

    A kernel of 4 at stride 2, or of 3 at stride 1, makes `same` pad both ends of an
    even side by one pixel, as the PyTorch networks do.
    """
    return layer_class(
        filters,
        kernel_size=tuple(4 if s == 2 else 3 for s in stride),
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=normal(),
        name=name,
    )


def _halvings(side: int) -> int:
    """Returns the k for which `side` is in [4, 8) times 2^k."""
    return side.bit_length() - 3


def _base(side: int) -> int:
    """Returns the side of the smallest feature map, 4 to 7."""
    return side >> _halvings(side)


def _strides(rows: int, columns: int) -> list[tuple[int, int]]:
    """Returns the stride of each layer, `(rows, columns)`, starting at the image."""
    row_halvings, column_halvings = _halvings(rows), _halvings(columns)
    return [
        (2 if i < row_halvings else 1, 2 if i < column_halvings else 1)
        for i in range(max(row_halvings, column_halvings))
    ]


def _filters(width: int, depth: int) -> list[int]:
    """Returns the channels of each feature map, starting at the image."""
    return [width * min(2**i, MAX_CHANNEL_MULTIPLE) for i in range(depth)]


def _check_shape(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """Returns `image_shape` as three ints, or raises a ValueError."""
    parts = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(parts) != 3 or not all(map(is_integer, parts)):
        raise ValueError(
            f"image_shape is {image_shape!r}; expected three integers (height, width, "
            "channels)."
        )
    rows, columns, channels = map(int, parts)
    for name, side in (("height", rows), ("width", columns)):
        if side < 8:
            raise ValueError(f"image_shape: {name} is {side}; expected at least 8.")
        step = 2 ** _halvings(side)
        below = side // step * step
        if side != below:
            raise ValueError(
                f"image_shape: {name} is {side}; expected 4, 5, 6 or 7 times a power "
                f"of two (nearest: {below}, {below + step})."
            )
    check_positive(**{"image_shape: channels": channels})
    return rows, columns, channels
