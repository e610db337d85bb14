"""The PatchGAN discriminator of pix2pix and CycleGAN: one score for each patch.

From "Image-to-Image Translation with Conditional Adversarial Networks", Isola et
al. 2016, https://arxiv.org/abs/1611.07004. It has the same layers and weight shapes
as the network of the authors' PyTorch code.
"""

from collections.abc import Callable, Sequence

import keras

from kerasgan.arguments import check_positive, is_integer
from kerasgan.layers import check_normalization, convolution, leaky_relu, normalize
from kerasgan.networks.checks import check_image_shape

# Channels stop doubling at this multiple of `width`.
MAX_CHANNEL_MULTIPLE = 8
MAX_LAYERS = 5


def patchgan_discriminator(
    image_shape: Sequence[int | None],
    width: int = 64,
    layers: int | str = 3,
    normalization: str | None = "instance",
    spectral_normalization: bool = False,
    activation: str | Callable | None = None,
    name: str = "patchgan_discriminator",
) -> keras.Model:
    """Returns the CycleGAN discriminator, which maps images to maps of scores.

    `layers` convolutions of 4 x 4 pixels halve the image, one more keeps its size,
    and a last one computes one score for each position. Each convolution but the
    last is followed by LeakyReLU of slope 0.2, and each of these but the first by
    normalization before it. The first convolution has `width` channels; the number
    doubles from layer to layer, up to `8 * width`. For 1 to 5 layers, each score
    depends on a patch of 16, 34, 70, 142 or 286 pixels. With 0 layers, as in the
    authors' code, the patch is 16 pixels too, but no feature map has more than
    `width` channels.

    The layers with weights are named `down_1`, `down_2`, ... (stride 2), `conv_<i>`
    (stride 1) and `to_logits`, and with batch normalization `norm_2`, `norm_3`, ...

    Args:
        image_shape: Tuple `(height, width, channels)`. Each side is None, for images
            of any size, or at least `3 * 2**layers` (6 for 0 layers), so that at
            least one score remains.
        width: Number of channels of the first feature map.
        layers: Number of convolutions that halve the image, from 0 to 5, or
            `"pixel"` for a network of 1 x 1 convolutions that scores each pixel
            independently.
        normalization: `"instance"` for instance normalization without learned scale
            and offset, `"batch"` for batch normalization, or None.
        spectral_normalization: Whether to divide the kernel of each convolution by
            its largest singular value.
        activation: Keras activation of the scores, for example `"sigmoid"` for
            probabilities. The default returns logits. It is computed in float32
            under every mixed-precision policy.
        name: Name of the model.

    Returns:
        A functional Keras model from `(batch, height, width, channels)` to
        `(batch, rows, columns, 1)`, where rows and columns are `side // 2**layers - 2`
        (`side // 2 - 2` for 0 layers), or the sides of the image for `"pixel"`. A
        high score means real.

    Raises:
        ValueError: If an argument has an unsupported value.

    Example:

    >>> discriminator = kerasgan.networks.patchgan_discriminator((256, 256, 3))
    >>> discriminator(images).shape
    TensorShape([1, 30, 30, 1])
    """
    check_positive(width=width)
    check_normalization(normalization)
    minimum = 1
    if layers == "pixel":
        feature_maps = [(int(width), 1), (2 * int(width), 1)]
    elif is_integer(layers) and 0 <= int(layers) <= MAX_LAYERS:
        feature_maps = _feature_maps(int(width), int(layers))
        minimum = 3 * 2 ** max(int(layers), 1)
    else:
        raise ValueError(
            f"layers is {layers!r}; expected an integer from 0 to {MAX_LAYERS}, or "
            "'pixel'."
        )
    shape = check_image_shape(image_shape, minimum=minimum)
    pixel = layers == "pixel"
    use_bias = normalization != "batch"
    kernel_size = 1 if pixel else 4

    x = image = keras.Input(shape, name="image")
    for i, (filters, stride) in enumerate(feature_maps, start=1):
        if not pixel:
            x = keras.layers.ZeroPadding2D(1, name=f"pad_{i}")(x)
        x = convolution(
            filters,
            kernel_size,
            stride=stride,
            use_bias=use_bias or i == 1,
            spectral_normalization=spectral_normalization,
            name=f"down_{i}" if stride == 2 else f"conv_{i}",
        )(x)
        if i > 1:
            x = normalize(x, normalization, f"norm_{i}")
        x = leaky_relu(x, name=f"leaky_{i}")
    if not pixel:
        x = keras.layers.ZeroPadding2D(1, name="to_logits_pad")(x)
    x = convolution(
        1,
        kernel_size,
        # As in the authors' code, whose pixel network has no bias here if it uses
        # batch normalization.
        use_bias=use_bias or not pixel,
        spectral_normalization=spectral_normalization,
        name="to_logits",
    )(x)
    scores = keras.layers.Activation(activation, dtype="float32", name="output")(x)
    return keras.Model(image, scores, name=name)


def _feature_maps(width: int, layers: int) -> list[tuple[int, int]]:
    """Returns `(channels, stride)` of every convolution but the last."""
    # The authors' code halves the image once even with 0 layers.
    halved = [
        (width * min(2**i, MAX_CHANNEL_MULTIPLE), 2) for i in range(max(layers, 1))
    ]
    return [*halved, (width * min(2**layers, MAX_CHANNEL_MULTIPLE), 1)]
