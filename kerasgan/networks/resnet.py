"""The ResNet generator of CycleGAN: a convolutional encoder, residual blocks, decoder.

From "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", Zhu et al. 2017, https://arxiv.org/abs/1703.10593, after "Perceptual
Losses for Real-Time Style Transfer and Super-Resolution", Johnson et al. 2016,
https://arxiv.org/abs/1603.08155. It has the same layers and weight shapes as the
network of the authors' PyTorch code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras

from kerasgan.arguments import check_positive
from kerasgan.layers import (
    ReflectionPadding2D,
    check_normalization,
    check_upsampling,
    convolution,
    normalize,
    residual_block,
    resize_convolution,
)
from kerasgan.networks.checks import check_dropout, check_image_shape


def resnet_generator(
    image_shape: Sequence[int | None],
    width: int = 64,
    blocks: int = 9,
    upsampling: str = "transpose",
    dropout: float = 0.0,
    normalization: str | None = "instance",
    spectral_normalization: bool = False,
    activation: str | Callable | None = "tanh",
    name: str = "resnet_generator",
) -> keras.Model:
    """Returns the ResNet generator of CycleGAN, which maps images to images.

    A convolution of 7 x 7 pixels computes `width` feature maps. Two convolutions of
    stride 2 halve the sides and double the channels. `blocks` residual blocks follow
    at a quarter of the size. Two upsampling layers and a last convolution of 7 x 7
    pixels lead back to an image of the original size. The weights do not depend on
    the size of the image. The authors use 9 blocks at 256 pixels and 6 at 128.

    The layers with weights are named `from_image`, `down_1`, `down_2`,
    `block_1_conv_1`, `block_1_conv_2`, ..., `up_1`, `up_2`, `to_image`, and with batch
    normalization `from_image_norm`, `down_1_norm`, `block_1_norm_1`, ...

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is a multiple of 4,
            at least 8, or None for images of any size.
        width: Number of channels of the first feature map.
        blocks: Number of residual blocks.
        upsampling: `"transpose"` for transposed convolutions, as the authors use
            them. They add a checkerboard pattern with a period of 4 pixels even to a
            flat image. `"resize"` repeats each pixel and then convolves, which adds
            no pattern. See "Deconvolution and Checkerboard Artifacts", Odena et al.
            2016, https://doi.org/10.23915/distill.00003.
        dropout: Rate of the dropout layer inside each block, in [0, 1). The authors
            use 0.5 where they use dropout.
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

    >>> generator = kerasgan.networks.resnet_generator((256, 256, 3))
    >>> generator(images).shape
    TensorShape([1, 256, 256, 3])
    """
    # Reflection padding needs feature maps of at least 2 x 2, a quarter of 8 x 8.
    shape = check_image_shape(image_shape, multiple_of=4, minimum=8)
    check_positive(width=width, blocks=blocks)
    check_upsampling(upsampling)
    check_dropout(dropout)
    check_normalization(normalization)
    width = int(width)
    use_bias = normalization != "batch"

    x = image = keras.Input(shape, name="image")
    x = ReflectionPadding2D(3, name="from_image_pad")(x)
    x = convolution(
        width,
        7,
        use_bias=use_bias,
        spectral_normalization=spectral_normalization,
        name="from_image",
    )(x)
    x = normalize(x, normalization, "from_image_norm")
    x = keras.layers.ReLU(name="from_image_relu")(x)
    for i in (1, 2):
        # "same" would pad only one end of each side; PyTorch pads both.
        x = keras.layers.ZeroPadding2D(1, name=f"down_{i}_pad")(x)
        x = convolution(
            width * 2**i,
            3,
            stride=2,
            use_bias=use_bias,
            spectral_normalization=spectral_normalization,
            name=f"down_{i}",
        )(x)
        x = normalize(x, normalization, f"down_{i}_norm")
        x = keras.layers.ReLU(name=f"down_{i}_relu")(x)
    for i in range(1, blocks + 1):
        x = residual_block(
            x, normalization, dropout, spectral_normalization, f"block_{i}"
        )
    for i in (1, 2):
        upsample = resize_convolution if upsampling == "resize" else _transposed
        x = upsample(
            x,
            width * 2 ** (2 - i),
            f"up_{i}",
            use_bias=use_bias,
            spectral_normalization=spectral_normalization,
        )
        x = normalize(x, normalization, f"up_{i}_norm")
        x = keras.layers.ReLU(name=f"up_{i}_relu")(x)
    x = ReflectionPadding2D(3, name="to_image_pad")(x)
    x = convolution(
        shape[2], 7, spectral_normalization=spectral_normalization, name="to_image"
    )(x)
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
    x = convolution(
        filters,
        3,
        stride=2,
        transposed=True,
        use_bias=use_bias,
        spectral_normalization=spectral_normalization,
        name=name,
    )(x)
    # As PyTorch with padding 1 and output padding 1. "same" would crop the other end.
    return keras.layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
