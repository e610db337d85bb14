"""The U-Net generator of pix2pix and CycleGAN: an encoder and decoder with skips.

From "Image-to-Image Translation with Conditional Adversarial Networks", Isola et
al. 2016, https://arxiv.org/abs/1611.07004. It has the same layers and weight shapes
as the network of the authors' PyTorch code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from kerasgan.arguments import check_positive
from kerasgan.layers import (
    LEAKY_SLOPE,
    check_normalization,
    check_upsampling,
    convolution,
    normalize,
    resize_convolution,
)
from kerasgan.networks.checks import check_dropout, check_image_shape

# Channels stop doubling at this multiple of `width`.
MAX_CHANNEL_MULTIPLE = 8
MAX_DEPTH = 8
# The first level with as many channels as the one above it.
FIRST_DROPOUT_LEVEL = 5


def unet_generator(
    image_shape: Sequence[int | None],
    width: int = 64,
    depth: int | None = None,
    upsampling: str = "transpose",
    dropout: float = 0.0,
    normalization: str | None = "instance",
    spectral_normalization: bool = False,
    activation: str | Callable | None = "tanh",
    name: str = "unet_generator",
) -> keras.Model:
    """Returns the U-Net generator of pix2pix and CycleGAN, which maps images to images.

    Convolutions of 4 x 4 pixels halve the sides `depth` times, and transposed
    convolutions double them again. The output of each doubling is concatenated with
    the feature map of the same size from the way down. The first level has `width`
    channels; the number doubles from level to level, up to `8 * width`. The innermost
    convolution on the way down is not normalized, because instance normalization of
    a map of one pixel is 0.

    The layers with weights are named `down_1`, ..., `down_<depth>`, `up_<depth>`,
    ..., `up_2`, `to_image`, and with batch normalization `down_2_norm`, `up_2_norm`,
    ...

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is a multiple of
            `2**depth`, or None for images of any such size.
        width: Number of channels of the first level.
        depth: Number of times the sides are halved, at least 2. By default, as often
            as both sides can be halved, at most 8. This is down to one pixel at
            256 x 256 and at 128 x 128, as in the authors' code. Required if a side is
            None.
        upsampling: `"transpose"` for transposed convolutions, as the authors use
            them, or `"resize"`, which repeats each pixel and then convolves, and so
            adds no checkerboard pattern. See `resnet_generator`.
        dropout: Dropout rate on the way up, on levels 5 to `depth - 1`, in [0, 1).
            The authors use 0.5 where they use dropout.
        normalization: `"instance"` for instance normalization without learned scale
            and offset, `"batch"` for batch normalization, or None.
        spectral_normalization: Whether to divide the kernel of each convolution by
            its largest singular value.
        activation: Keras activation of the images. It is computed in float32 under
            every mixed-precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, height, width, channels)` to the same
        shape, in [-1, 1] with `"tanh"`.

    Raises:
        ValueError: If an argument has an unsupported value.

    Example:

    >>> generator = kerasgan.networks.unet_generator((256, 256, 3))
    >>> generator(images).shape
    TensorShape([1, 256, 256, 3])
    """
    depth = _check_depth(image_shape, depth)
    shape = check_image_shape(image_shape, multiple_of=2**depth, minimum=2**depth)
    check_positive(width=width)
    check_upsampling(upsampling)
    check_dropout(dropout)
    check_normalization(normalization)
    filters = [int(width) * min(2**i, MAX_CHANNEL_MULTIPLE) for i in range(depth)]
    use_bias = normalization != "batch"
    upsample = resize_convolution if upsampling == "resize" else _transposed

    x = image = keras.Input(shape, name="image")
    skips = []
    for level in range(1, depth + 1):
        if level > 1:
            skips.append(x)
            # By position, because the two Keras generations name the argument
            # differently.
            x = keras.layers.LeakyReLU(LEAKY_SLOPE, name=f"down_{level}_leaky")(x)
        # "same" pads both ends of an even side by one pixel, as PyTorch does.
        x = convolution(
            filters[level - 1],
            4,
            stride=2,
            padding="same",
            use_bias=use_bias,
            spectral_normalization=spectral_normalization,
            name=f"down_{level}",
        )(x)
        if 1 < level < depth:
            x = normalize(x, normalization, f"down_{level}_norm")
    for level in range(depth, 1, -1):
        x = keras.layers.ReLU(name=f"up_{level}_relu")(x)
        x = upsample(
            x,
            filters[level - 2],
            f"up_{level}",
            use_bias=use_bias,
            spectral_normalization=spectral_normalization,
        )
        x = normalize(x, normalization, f"up_{level}_norm")
        if dropout and FIRST_DROPOUT_LEVEL <= level < depth:
            x = keras.layers.Dropout(dropout, name=f"up_{level}_dropout")(x)
        x = keras.layers.Concatenate(name=f"up_{level}_join")([skips.pop(), x])
    x = keras.layers.ReLU(name="to_image_relu")(x)
    x = upsample(
        x,
        shape[2],
        "to_image",
        use_bias=True,
        spectral_normalization=spectral_normalization,
    )
    x = keras.layers.Activation(activation, dtype="float32", name="translation")(x)
    return keras.Model(image, x, name=name)


def _transposed(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    use_bias: bool,
    spectral_normalization: bool,
) -> keras.KerasTensor:
    """Returns feature maps of twice the size, by a transposed convolution."""
    return convolution(
        filters,
        4,
        stride=2,
        padding="same",
        transposed=True,
        use_bias=use_bias,
        spectral_normalization=spectral_normalization,
        name=name,
    )(x)


def _check_depth(image_shape: Sequence[int | None], depth: int | None) -> int:
    """Returns the number of times the sides are halved, or raises a ValueError."""
    if depth is not None:
        check_positive(depth=depth)
        if depth < 2:
            raise ValueError(f"depth is {depth}; expected at least 2.")
        return int(depth)
    height, width, _ = check_image_shape(image_shape, multiple_of=4, minimum=4)
    if height is None or width is None:
        raise ValueError(
            f"depth is None and image_shape is {tuple(image_shape)}; expected an "
            "integer depth, because a side of the image is unknown."
        )
    # The lowest set bit of a side is the largest power of two that divides it.
    halvings = min((side & -side).bit_length() - 1 for side in (height, width))
    return min(halvings, MAX_DEPTH)
