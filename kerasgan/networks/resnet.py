"""The generator of CycleGAN: convolutions around a row of residual blocks.

From "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", Zhu et al. 2017, https://arxiv.org/abs/1703.10593, after "Perceptual
Losses for Real-Time Style Transfer and Super-Resolution", Johnson et al. 2016,
https://arxiv.org/abs/1603.08155. It is the network of the authors' PyTorch
programs, weight by weight.
"""

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
    image_shape,
    width=64,
    blocks=9,
    upsampling="transpose",
    dropout=0.0,
    normalization="instance",
    spectral_normalization=False,
    activation="tanh",
    name="resnet_generator",
):
    """Returns the residual generator of CycleGAN, from images to images.

    A convolution of 7 x 7 pixels makes `width` maps of the image, two more halve
    the sides and double the maps each, `blocks` residual blocks work at a quarter
    of the size, and two upsamplings and a last convolution of 7 x 7 lead back.
    Nothing depends on the size of the image. The authors take 9 blocks at 256
    pixels and 6 at 128.

    The layers with weights are `from_image`, `down_1`, `down_2`, `block_1_conv_1`,
    `block_1_conv_2` and so on, `up_1`, `up_2` and `to_image`, and with batch
    normalization those named `norm` in place of `from`, `conv` or the like.

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is a multiple of
            4, at least 8, or None for any such.
        width: Int, maps of the first convolution.
        blocks: Int, residual blocks.
        upsampling: `"transpose"`, as the authors: transposed convolutions, which
            lay a pattern of 4 x 4 pixels even over a flat image. `"resize"`: each
            pixel is repeated, then convolved, which cannot. See "Deconvolution and
            Checkerboard Artifacts", Odena et al. 2016,
            https://doi.org/10.23915/distill.00003.
        dropout: Float in [0, 1), share of values that training drops in the middle
            of each block. Where the authors use it, it is 0.5.
        normalization: `"instance"` for instance normalization without learned scale
            and offset, `"batch"` for batch normalization, None for neither.
        spectral_normalization: Whether the kernels of all convolutions are divided
            by their largest singular value.
        activation: Keras activation of the images. It is computed in float32
            whatever the precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, height, width, channels)` to the same
        shape, in [-1, 1] with `"tanh"`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> generator = kerasgan.networks.resnet_generator((256, 256, 3))
    >>> generator(images).shape
    TensorShape([1, 256, 256, 3])
    """
    # Reflection needs two rows and columns at a quarter of the size.
    height, breadth, channels = check_image_shape(image_shape, step=4, least=8)
    check_positive(width=width, blocks=blocks)
    check_upsampling(upsampling)
    check_dropout(dropout)
    check_normalization(normalization)
    width = int(width)
    options = dict(
        use_bias=normalization != "batch", spectral_normalization=spectral_normalization
    )

    x = image = keras.Input((height, breadth, channels), name="image")
    x = ReflectionPadding2D(3, name="from_image_pad")(x)
    x = convolution(width, 7, **options, name="from_image")(x)
    x = normalize(x, normalization, "from_image_norm")
    x = keras.layers.ReLU(name="from_image_relu")(x)
    for i in (1, 2):
        # `same` would pad the far ends alone.
        x = keras.layers.ZeroPadding2D(1, name=f"down_{i}_pad")(x)
        x = convolution(width * 2**i, 3, stride=2, **options, name=f"down_{i}")(x)
        x = normalize(x, normalization, f"down_{i}_norm")
        x = keras.layers.ReLU(name=f"down_{i}_relu")(x)
    for i in range(1, blocks + 1):
        x = residual_block(
            x, normalization, dropout, spectral_normalization, f"block_{i}"
        )
    for i in (1, 2):
        x = _double(x, width * 2 ** (2 - i), upsampling, options, f"up_{i}")
        x = normalize(x, normalization, f"up_{i}_norm")
        x = keras.layers.ReLU(name=f"up_{i}_relu")(x)
    x = ReflectionPadding2D(3, name="to_image_pad")(x)
    x = convolution(
        channels, 7, spectral_normalization=spectral_normalization, name="to_image"
    )(x)
    x = keras.layers.Activation(activation, dtype="float32", name="translation")(x)
    return keras.Model(image, x, name=name)


def _double(maps, filters, upsampling, options, name):
    """Returns `filters` maps with sides twice as long."""
    if upsampling == "resize":
        return resize_convolution(maps, filters, name, **options)
    x = convolution(filters, 3, stride=2, transposed=True, **options, name=name)(maps)
    # PyTorch's padding of 1 and output padding of 1; `same` would cut the far ends.
    return keras.layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
