"""Building blocks that more than one network uses."""

import keras
import tensorflow as tf

from kerasgan import compat
from kerasgan.arguments import check_choice, check_positive

# What DCGAN and PatchGAN have.
LEAKY_SLOPE = 0.2


@keras.saving.register_keras_serializable(package="kerasgan")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images with their own mirror image, without repeating the edge.

    One row `a b c d` becomes `c b a b c d c b` with a padding of 2, so a
    convolution sees no made-up border where `"same"` would show it zeros.

    Args:
        padding: Int, rows and columns added on each of the four sides. An image
            needs more rows and columns than that.
        **options: Options of every Keras layer, such as `name`.

    Call takes images `(batch, height, width, channels)` and returns them as
    `(batch, height + 2 * padding, width + 2 * padding, channels)`.

    Raises:
        ValueError: If `padding` is not a positive whole number.

    Example:

    >>> kerasgan.layers.ReflectionPadding2D(3)(tf.zeros((1, 64, 64, 3))).shape
    TensorShape([1, 70, 70, 3])
    """

    def __init__(self, padding=1, **options):
        super().__init__(**options)
        check_positive(padding=padding)
        self.padding = int(padding)

    def call(self, images):
        sides = [self.padding, self.padding]
        return tf.pad(images, [[0, 0], sides, sides, [0, 0]], mode="REFLECT")

    def compute_output_shape(self, input_shape):
        batch, height, breadth, channels = input_shape
        height, breadth = (
            None if side is None else side + 2 * self.padding
            for side in (height, breadth)
        )
        return batch, height, breadth, channels

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def instance_normalization(
    epsilon=1e-5, gamma_initializer="ones", name=None, center=True, scale=True
):
    """Returns a layer that normalizes every channel of every image by itself.

    Batches never mix: each `(image, channel)` plane is brought to mean 0 and
    variance 1, then scaled and shifted by learned weights of its channel.
    From "Instance Normalization: The Missing Ingredient for Fast Stylization",
    Ulyanov et al., https://arxiv.org/abs/1607.08022.

    Args:
        epsilon: Float, added to the variance before the square root.
        gamma_initializer: Keras initializer of the scale.
        name: Name of the layer.
        center: Whether a learned offset is added.
        scale: Whether a learned scale is multiplied in. Without both the layer has
            no weights.

    Returns:
        A Keras layer from `(batch, height, width, channels)` to the same shape.
        In the TensorFlow 2.15 generation it is TensorFlow Addons' own
        `InstanceNormalization`.

    Example:

    >>> layer = kerasgan.layers.instance_normalization()
    >>> layer(images).shape == images.shape
    True
    """
    return compat.instance_normalization(
        epsilon, gamma_initializer, name, center, scale
    )


def normal(mean=0.0):
    """Returns a new initializer N(mean, 0.02).

    It is new each time because one that is used twice draws the same twice.
    """
    return keras.initializers.RandomNormal(mean, 0.02)


def check_normalization(normalization):
    """Raises a ValueError for a normalization that `normalize` does not know."""
    if normalization not in ("instance", "batch", None):
        raise ValueError(
            f"normalization is {normalization!r}; expected 'instance', 'batch' or None."
        )


def normalize(maps, normalization, name):
    """Returns maps normalized as a network's `normalization` says.

    Args:
        maps: Keras tensor `(batch, height, width, channels)`.
        normalization: `"instance"` for `instance_normalization` without learned
            scale and offset, `"batch"` for batch normalization with both, None to
            return the maps as they are.
        name: Name of the layer.
    """
    if normalization is None:
        return maps
    if normalization == "instance":
        return instance_normalization(name=name, center=False, scale=False)(maps)
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=normal(1.0), name=name
    )(maps)


def convolution(
    filters,
    kernel_size,
    stride=1,
    padding="valid",
    use_bias=True,
    spectral_normalization=False,
    transposed=False,
    name=None,
):
    """Returns a convolution with weights drawn from N(0, 0.02) and biases of 0.

    Args:
        filters: Int, channels of the output.
        kernel_size: Int, rows and columns of the kernel.
        stride: Int, by which the sides shrink, or grow if it is transposed.
        padding: `"valid"` or `"same"`, as in Keras.
        use_bias: Whether a learned offset is added to each channel.
        spectral_normalization: Whether each training step first divides the kernel
            by its largest singular value. From "Spectral Normalization for
            Generative Adversarial Networks", Miyato et al. 2018,
            https://arxiv.org/abs/1802.05957.
        transposed: Whether it is a transposed convolution.
        name: Name of the layer.

    Returns:
        A Keras layer, wrapped in `keras.layers.SpectralNormalization` if asked.
    """
    kind = keras.layers.Conv2DTranspose if transposed else keras.layers.Conv2D
    layer = kind(
        filters,
        kernel_size,
        strides=stride,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=normal(),
        name=name,
    )
    if spectral_normalization:
        return compat.spectral_normalization(layer, name)
    return layer


def leaky_relu(maps, name):
    """Returns maps with what is negative multiplied by 0.2.

    It is the larger of a map and a fifth of it. `keras.layers.LeakyReLU` makes the
    same numbers, but behind a convolution with a bias it stops one of TensorFlow's
    graph optimizers, which says so on the terminal at every start.

    Args:
        maps: Keras tensor of any shape.
        name: Name of the last layer.
    """
    fifth = keras.layers.Rescaling(LEAKY_SLOPE, name=f"{name}_slope")(maps)
    return keras.layers.Maximum(name=name)([maps, fifth])


def resize_convolution(maps, filters, name, **options):
    """Returns maps with sides twice as long: each pixel repeated, then convolved.

    A transposed convolution adds up more of its kernel at some pixels than at others,
    which shows as a checkerboard; this cannot. From "Deconvolution and Checkerboard
    Artifacts", Odena et al. 2016, https://doi.org/10.23915/distill.00003.

    Args:
        maps: Keras tensor `(batch, height, width, channels)`.
        filters: Int, channels of the result.
        name: Name of the convolution, and start of the other layers' names.
        **options: `use_bias` and `spectral_normalization`, as for `convolution`.

    Returns:
        A Keras tensor `(batch, 2 * height, 2 * width, filters)`.
    """
    x = keras.layers.UpSampling2D(2, name=f"{name}_resize")(maps)
    x = ReflectionPadding2D(1, name=f"{name}_pad")(x)
    return convolution(filters, 3, **options, name=name)(x)


def check_upsampling(upsampling):
    """Raises a ValueError for an upsampling that is neither of the two."""
    check_choice("upsampling", upsampling, ("transpose", "resize"))


def residual_block(
    maps, normalization="instance", dropout=0.0, spectral_normalization=False, name=None
):
    """Returns maps plus what two convolutions of 3 x 3 pixels make of them.

    Each convolution sees the maps padded by their mirror image and is followed by
    the normalization; ReLU, and dropout if asked, stand between the two. From
    "Deep Residual Learning for Image Recognition", He et al. 2015,
    https://arxiv.org/abs/1512.03385, as CycleGAN has it: nothing after the sum.

    Args:
        maps: Keras tensor `(batch, height, width, channels)`, sides at least 2.
        normalization: As for `normalize`. Convolutions before batch normalization
            have no bias.
        dropout: Float in [0, 1), share of values that training drops.
        spectral_normalization: Whether the kernels are normalized too.
        name: Start of the layers' names: `conv_1`, `norm_1` and so on follow.

    Returns:
        A Keras tensor of the same shape.
    """
    x = maps
    for i in (1, 2):
        x = ReflectionPadding2D(1, name=f"{name}_pad_{i}")(x)
        x = convolution(
            maps.shape[-1],
            3,
            use_bias=normalization != "batch",
            spectral_normalization=spectral_normalization,
            name=f"{name}_conv_{i}",
        )(x)
        x = normalize(x, normalization, f"{name}_norm_{i}")
        if i == 1:
            x = keras.layers.ReLU(name=f"{name}_relu")(x)
            if dropout:
                x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return keras.layers.Add(name=f"{name}_add")([maps, x])
