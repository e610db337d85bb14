"""The discriminator of pix2pix and CycleGAN: one answer for every patch.

From "Image-to-Image Translation with Conditional Adversarial Networks", Isola et
al. 2016, https://arxiv.org/abs/1611.07004. It is the network of the authors'
PyTorch programs, weight by weight.
"""

import numbers

import keras

from kerasgan.arguments import check_positive
from kerasgan.layers import check_normalization, convolution, leaky_relu, normalize
from kerasgan.networks.checks import check_image_shape

# The widest map has this many times `width` channels.
MOST_WIDTHS = 8
MOST_LAYERS = 5


def patchgan_discriminator(
    image_shape,
    width=64,
    layers=3,
    normalization="instance",
    spectral_normalization=False,
    activation=None,
    name="patchgan_discriminator",
):
    """Returns the discriminator of CycleGAN, from images to maps of answers.

    `layers` convolutions of 4 x 4 pixels halve the sides, a further one does not,
    and a last one makes one number a place. The first has `width` channels, and the
    number doubles up to `8 * width`. LeakyReLU of slope 0.2 stands between, and
    before it, but for the first, the normalization. Each answer is about a patch of
    16, 34, 70, 142 or 286 pixels for 1 to 5 layers. With 0 layers the patch is of
    16 pixels too, as with 1, and no map is wider than `width`.

    The layers with weights are `down_1` and so on while the sides are halved, then one
    `conv_` with the next number (`conv_1` and `conv_2` for `"pixel"`) and
    `to_logits`, and with batch normalization `norm_2` and so on.

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is at least 3 times
            2 to the power of `layers` (of 1 for 0 layers), so that one answer is
            left, or None for any such.
        width: Int, channels of the first map.
        layers: Int from 0 to 5, or `"pixel"` for a network that judges every pixel
            by itself, with convolutions of 1 x 1.
        normalization: `"instance"` for instance normalization without learned scale
            and offset, `"batch"` for batch normalization, None for neither.
        spectral_normalization: Whether the kernels of all convolutions are divided
            by their largest singular value.
        activation: Keras activation of the answers, `"sigmoid"` for probabilities;
            by default the answers are logits. It is computed in float32 whatever
            the precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, height, width, channels)` to
        `(batch, rows, columns, 1)`, `side // 2**layers - 2` each way, or every
        pixel; high means real.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> discriminator = kerasgan.networks.patchgan_discriminator((256, 256, 3))
    >>> discriminator(images).shape
    TensorShape([1, 30, 30, 1])
    """
    whole = isinstance(layers, numbers.Integral) and 0 <= layers <= MOST_LAYERS
    if layers != "pixel" and not whole:
        raise ValueError(
            f"layers is {layers!r}; expected a whole number from 0 to {MOST_LAYERS}, "
            "or 'pixel'."
        )
    least = 1 if layers == "pixel" else 3 * 2 ** max(layers, 1)
    shape = check_image_shape(image_shape, least=least)
    check_positive(width=width)
    check_normalization(normalization)
    width, pixel = int(width), layers == "pixel"
    use_bias = normalization != "batch"
    options = dict(
        kernel_size=1 if pixel else 4, spectral_normalization=spectral_normalization
    )

    x = image = keras.Input(shape, name="image")
    for i, (filters, stride) in enumerate(_maps(width, layers), start=1):
        x = convolution(
            filters,
            stride=stride,
            use_bias=use_bias or i == 1,
            **options,
            name=f"down_{i}" if stride == 2 else f"conv_{i}",
        )(x if pixel else keras.layers.ZeroPadding2D(1, name=f"pad_{i}")(x))
        if i > 1:
            x = normalize(x, normalization, f"norm_{i}")
        x = leaky_relu(x, name=f"leaky_{i}")
    if not pixel:
        x = keras.layers.ZeroPadding2D(1, name="to_logits_pad")(x)
    # The authors' pixel network has no bias here beside batch normalization.
    x = convolution(1, use_bias=use_bias or not pixel, **options, name="to_logits")(x)
    answer = keras.layers.Activation(activation, dtype="float32", name="answer")(x)
    return keras.Model(image, answer, name=name)


def _maps(width, layers):
    """Returns `(channels, stride)` of every convolution but the last."""
    if layers == "pixel":
        return [(width, 1), (2 * width, 1)]
    # No layers at all still halve once: the authors' program, to the letter.
    maps = [(width * min(2**i, MOST_WIDTHS), 2) for i in range(max(layers, 1))]
    return [*maps, (width * min(2**layers, MOST_WIDTHS), 1)]
