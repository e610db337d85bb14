"""The U-Net generator of pix2pix and CycleGAN: down to one pixel and back.

From "Image-to-Image Translation with Conditional Adversarial Networks", Isola et
al. 2016, https://arxiv.org/abs/1611.07004. It is the network of the authors'
PyTorch programs, weight by weight.
"""

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

# The widest map has this many times `width` channels.
MOST_WIDTHS = 8
MOST_DEPTH = 8
# The first level that has as many channels as the one above it: dropout starts here.
FIRST_DROPOUT = 5


def unet_generator(
    image_shape,
    width=64,
    depth=None,
    upsampling="transpose",
    dropout=0.0,
    normalization="instance",
    spectral_normalization=False,
    activation="tanh",
    name="unet_generator",
):
    """Returns the U-Net generator of pix2pix and CycleGAN, from images to images.

    Convolutions of 4 x 4 pixels halve the sides `depth` times, transposed ones
    double them again, and each of these sees, beside what comes from below, the map
    of its own size on the way down. The first level has `width` maps, and the
    number doubles up to `8 * width`. The innermost level on the way down has no
    normalization: a map of one pixel would become 0.

    The layers with weights are `down_1` to `down_<depth>` and, from the inside out,
    `up_<depth>` to `up_2` and `to_image`, and with batch normalization
    `down_2_norm`, `up_2_norm` and so on.

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is a multiple of
            `2**depth`, or None for any such.
        width: Int, maps of the first level.
        depth: Int, how often the sides are halved, at least 2. By default as often
            as both sides can be, at most 8: down to one pixel at 256 x 256 and at
            128 x 128, as the authors do. It must be given if a side is None.
        upsampling: `"transpose"`, as the authors, or `"resize"`: each pixel is
            repeated, then convolved, which leaves no pattern on flat parts, as for
            `resnet_generator`.
        dropout: Float in [0, 1), share of values that training drops on the way up,
            on the levels from 5 to `depth - 1`. Where the authors use it, it is 0.5.
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

    >>> generator = kerasgan.networks.unet_generator((256, 256, 3))
    >>> generator(images).shape
    TensorShape([1, 256, 256, 3])
    """
    depth = _check_depth(image_shape, depth)
    height, breadth, channels = check_image_shape(image_shape, 2**depth, 2**depth)
    check_positive(width=width)
    check_upsampling(upsampling)
    check_dropout(dropout)
    check_normalization(normalization)
    filters = [int(width) * min(2**i, MOST_WIDTHS) for i in range(depth)]
    options = dict(
        use_bias=normalization != "batch", spectral_normalization=spectral_normalization
    )
    # Both ends of an even side are padded by one pixel, as PyTorch's networks do.
    strided = dict(kernel_size=4, stride=2, padding="same")

    def double(maps, filters, name, **options):
        if upsampling == "resize":
            return resize_convolution(maps, filters, name, **options)
        return convolution(filters, transposed=True, **strided, **options, name=name)(
            maps
        )

    x = image = keras.Input((height, breadth, channels), name="image")
    skips = []
    for level in range(1, depth + 1):
        if level > 1:
            skips.append(x)
            # By position: the slope has another keyword in each Keras generation.
            x = keras.layers.LeakyReLU(LEAKY_SLOPE, name=f"down_{level}_leaky")(x)
        x = convolution(filters[level - 1], **strided, **options, name=f"down_{level}")(
            x
        )
        if 1 < level < depth:
            x = normalize(x, normalization, f"down_{level}_norm")
    for level in range(depth, 1, -1):
        x = keras.layers.ReLU(name=f"up_{level}_relu")(x)
        x = double(x, filters[level - 2], f"up_{level}", **options)
        x = normalize(x, normalization, f"up_{level}_norm")
        if dropout and FIRST_DROPOUT <= level < depth:
            x = keras.layers.Dropout(dropout, name=f"up_{level}_dropout")(x)
        x = keras.layers.Concatenate(name=f"up_{level}_join")([skips.pop(), x])
    x = keras.layers.ReLU(name="to_image_relu")(x)
    x = double(x, channels, "to_image", **{**options, "use_bias": True})
    x = keras.layers.Activation(activation, dtype="float32", name="translation")(x)
    return keras.Model(image, x, name=name)


def _check_depth(image_shape, depth):
    """Returns how often the sides are halved; raises a ValueError if never twice."""
    if depth is not None:
        check_positive(depth=depth)
        if depth < 2:
            raise ValueError(f"depth is {depth}; expected at least 2.")
        return int(depth)
    sides = check_image_shape(image_shape, step=4, least=4)[:2]
    if None in sides:
        raise ValueError(
            f"depth is None and image_shape {tuple(image_shape)}; expected a whole "
            "number, because a side that is not known does not say it."
        )
    # The lowest bit that is set counts the halvings.
    halvings = min((side & -side).bit_length() - 1 for side in sides)
    return min(halvings, MOST_DEPTH)
