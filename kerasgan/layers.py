"""Layers that several networks share."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kerasgan import compat
from kerasgan.arguments import check_choice, check_positive

# Slope of LeakyReLU for negative inputs in DCGAN, PatchGAN and the U-Net.
LEAKY_SLOPE = 0.2


@keras.saving.register_keras_serializable(package="kerasgan")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images with their own reflection, without repeating the edge pixels.

    With a padding of 2, the row `a b c d` becomes `c b a b c d c b`. A convolution
    then sees no artificial border, where `"same"` padding would add zeros.

    Args:
        padding: Number of rows and columns added on each of the four sides. Each
            side of an image must be longer than `padding`.
        **options: Keyword arguments of `keras.layers.Layer`, for example `name`.

    Input shape: `(batch, height, width, channels)`.

    Output shape: `(batch, height + 2 * padding, width + 2 * padding, channels)`.

    Raises:
        ValueError: If `padding` is not a positive integer.

    Example:

    >>> kerasgan.layers.ReflectionPadding2D(3)(tf.zeros((1, 64, 64, 3))).shape
    TensorShape([1, 70, 70, 3])
    """

    def __init__(self, padding: int = 1, **options: Any) -> None:
        super().__init__(**options)
        check_positive(padding=padding)
        self.padding = int(padding)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the padded images."""
        sides = [self.padding, self.padding]
        return tf.pad(images, [[0, 0], sides, sides, [0, 0]], mode="REFLECT")

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the padded images."""
        batch, *sides, channels = input_shape
        height, width = (
            None if side is None else side + 2 * self.padding for side in sides
        )
        return batch, height, width, channels

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that `from_config` needs."""
        return {**super().get_config(), "padding": self.padding}


def instance_normalization(
    epsilon: float = 1e-5,
    gamma_initializer: str | keras.initializers.Initializer = "ones",
    name: str | None = None,
    center: bool = True,
    scale: bool = True,
) -> keras.layers.Layer:
    """Returns a layer that normalizes each channel of each image separately.

    Each `(image, channel)` plane is scaled to mean 0 and variance 1, then multiplied
    by a learned scale and shifted by a learned offset for its channel. Images of a
    batch do not affect each other. From "Instance Normalization: The Missing
    Ingredient for Fast Stylization", Ulyanov et al. 2016,
    https://arxiv.org/abs/1607.08022.

    Args:
        epsilon: Small number added to the variance before the square root.
        gamma_initializer: Keras initializer of the scale.
        name: Name of the layer.
        center: Whether to add a learned offset.
        scale: Whether to multiply by a learned scale. If `center` and `scale` are
            False, the layer has no weights.

    Returns:
        A Keras layer that maps `(batch, height, width, channels)` to the same shape.
        With Keras 2.15, it is the `InstanceNormalization` of TensorFlow Addons.

    Example:

    >>> layer = kerasgan.layers.instance_normalization()
    >>> layer(images).shape == images.shape
    True
    """
    return compat.instance_normalization(
        epsilon, gamma_initializer, name, center, scale
    )


def normal(mean: float = 0.0) -> keras.initializers.Initializer:
    """Returns a new initializer that draws from N(mean, 0.02).

    Each layer needs its own: an initializer that is used twice draws the same
    weights twice.
    """
    return keras.initializers.RandomNormal(mean, 0.02)


def check_normalization(normalization: Any) -> None:
    """Raises a ValueError if `normalize` does not support `normalization`."""
    if normalization not in ("instance", "batch", None):
        raise ValueError(
            f"normalization is {normalization!r}; expected 'instance', 'batch' or None."
        )


def normalize(
    x: keras.KerasTensor, normalization: str | None, name: str
) -> keras.KerasTensor:
    """Applies a network's `normalization` to feature maps.

    Args:
        x: Keras tensor of shape `(batch, height, width, channels)`.
        normalization: `"instance"` for `instance_normalization` without learned
            scale and offset, `"batch"` for batch normalization with both, or None
            for no normalization.
        name: Name of the layer.

    Returns:
        A Keras tensor of the same shape.
    """
    if normalization is None:
        return x
    if normalization == "instance":
        return instance_normalization(name=name, center=False, scale=False)(x)
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=normal(1.0), name=name
    )(x)


def convolution(
    filters: int,
    kernel_size: int,
    stride: int = 1,
    padding: str = "valid",
    use_bias: bool = True,
    spectral_normalization: bool = False,
    transposed: bool = False,
    name: str | None = None,
) -> keras.layers.Layer:
    """Returns a convolution with weights drawn from N(0, 0.02) and biases of 0.

    Args:
        filters: Number of output channels.
        kernel_size: Number of rows and columns of the kernel.
        stride: Factor by which the sides shrink, or grow if `transposed`.
        padding: `"valid"` or `"same"`, as in Keras.
        use_bias: Whether to add a learned offset to each channel.
        spectral_normalization: Whether to divide the kernel by its largest singular
            value in each training step. From "Spectral Normalization for Generative
            Adversarial Networks", Miyato et al. 2018,
            https://arxiv.org/abs/1802.05957.
        transposed: Whether to return a transposed convolution.
        name: Name of the layer.

    Returns:
        A Keras layer, wrapped in `keras.layers.SpectralNormalization` if
        `spectral_normalization` is True.

    Example:

    >>> layer = kerasgan.layers.convolution(64, 4, stride=2, padding="same")
    >>> layer(tf.zeros((1, 32, 32, 3))).shape
    TensorShape([1, 16, 16, 64])
    """
    layer_class = keras.layers.Conv2DTranspose if transposed else keras.layers.Conv2D
    layer = layer_class(
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


def leaky_relu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Multiplies negative values by 0.2.

    `keras.layers.LeakyReLU` computes the same. After a convolution with a bias,
    however, it makes a TensorFlow graph optimizer fail with a warning at every start,
    so this takes the maximum of `x` and `0.2 * x`.

    Args:
        x: Keras tensor of any shape.
        name: Name of the last layer.

    Returns:
        A Keras tensor of the same shape.
    """
    scaled = keras.layers.Rescaling(LEAKY_SLOPE, name=f"{name}_slope")(x)
    return keras.layers.Maximum(name=name)([x, scaled])


def resize_convolution(
    x: keras.KerasTensor,
    filters: int,
    name: str,
    use_bias: bool = True,
    spectral_normalization: bool = False,
) -> keras.KerasTensor:
    """Doubles the sides of feature maps: repeats each pixel, then convolves.

    A transposed convolution adds up more entries of its kernel at some pixels than
    at others, which shows as a checkerboard pattern. A resize convolution does not.
    From "Deconvolution and Checkerboard Artifacts", Odena et al. 2016,
    https://doi.org/10.23915/distill.00003.

    Args:
        x: Keras tensor of shape `(batch, height, width, channels)`.
        filters: Number of output channels.
        name: Name of the convolution, and prefix of the other layers' names.
        use_bias: As in `convolution`.
        spectral_normalization: As in `convolution`.

    Returns:
        A Keras tensor of shape `(batch, 2 * height, 2 * width, filters)`.
    """
    x = keras.layers.UpSampling2D(2, name=f"{name}_resize")(x)
    x = ReflectionPadding2D(1, name=f"{name}_pad")(x)
    return convolution(
        filters,
        3,
        use_bias=use_bias,
        spectral_normalization=spectral_normalization,
        name=name,
    )(x)


def check_upsampling(upsampling: Any) -> None:
    """Raises a ValueError if `upsampling` is not `"transpose"` or `"resize"`."""
    check_choice("upsampling", upsampling, ("transpose", "resize"))


def residual_block(
    x: keras.KerasTensor,
    normalization: str | None = "instance",
    dropout: float = 0.0,
    spectral_normalization: bool = False,
    name: str | None = None,
) -> keras.KerasTensor:
    """Applies a residual block of two 3 x 3 convolutions.

    Each convolution is preceded by reflection padding and followed by normalization.
    ReLU, and dropout if its rate is positive, stand between the two. The input is
    added to the result. From "Deep Residual Learning for Image Recognition", He et
    al. 2015, https://arxiv.org/abs/1512.03385, in the variant of CycleGAN, which has
    no activation after the sum.

    Args:
        x: Keras tensor of shape `(batch, height, width, channels)`, with sides of at
            least 2.
        normalization: As in `normalize`. With `"batch"`, the convolutions have no
            bias.
        dropout: Dropout rate, in [0, 1).
        spectral_normalization: As in `convolution`.
        name: Prefix of the layers' names: `<name>_conv_1`, `<name>_norm_1`, ...

    Returns:
        A Keras tensor of the same shape.
    """
    y = x
    for i in (1, 2):
        y = ReflectionPadding2D(1, name=f"{name}_pad_{i}")(y)
        y = convolution(
            x.shape[-1],
            3,
            use_bias=normalization != "batch",
            spectral_normalization=spectral_normalization,
            name=f"{name}_conv_{i}",
        )(y)
        y = normalize(y, normalization, f"{name}_norm_{i}")
        if i == 1:
            y = keras.layers.ReLU(name=f"{name}_relu")(y)
            if dropout:
                y = keras.layers.Dropout(dropout, name=f"{name}_dropout")(y)
    return keras.layers.Add(name=f"{name}_add")([x, y])
