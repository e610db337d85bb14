"""Loads weights of public PyTorch networks into the networks of this package."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasgan.pytorch_files import read_pytorch_file

# How to permute the axes of a kernel. PyTorch's order is (out, in, rows, columns), or
# (in, out, rows, columns) if transposed, or (channels, 1, rows, columns) if depthwise.
TO_KERAS, TO_PYTORCH = (2, 3, 1, 0), (3, 2, 0, 1)
# Its own inverse.
DEPTHWISE = (2, 3, 0, 1)
# Layers of the networks that `load_pytorch_weights` supports.
SUPPORTED = (
    keras.layers.BatchNormalization,
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
)
# The parameters of a PyTorch batch normalization, in the order of Keras.
BATCH_NORMALIZATION = ("weight", "bias", "running_mean", "running_var")
STATISTICS = {"running_mean", "running_var", "num_batches_tracked"}


def load_pytorch_weights(
    network: keras.Model, source: Mapping[str, Any] | str | os.PathLike[str]
) -> None:
    """Copies the weights of a PyTorch network into the equivalent network here.

    The PyTorch networks are those of the authors' CycleGAN and pix2pix code:

    - `resnet_9blocks`, `resnet_6blocks`: `resnet_generator` with that number of
      `blocks`;
    - `unet_256`, `unet_128`: `unet_generator` with `depth` 8 or 7;
    - `basic`, `n_layers`: `patchgan_discriminator` with the same number of `layers`
      (3 for `basic`);
    - `pixel`: `patchgan_discriminator` with `layers="pixel"`.

    If `normalization` and `width` are the same too, the network then computes what
    the PyTorch network computes. Layers and keys are matched by their order. If an
    error is raised, the network is unchanged.

    Args:
        network: A Keras model from `kerasgan.networks`.
        source: A `state_dict`, as a mapping of names to arrays or PyTorch tensors, or
            the path of a file: `.pth` or `.pt`, which is read without PyTorch and
            never runs code, or `.safetensors`, which needs the package `safetensors`.
            A prefix `module.` of the names is ignored, and so are statistics of
            normalization layers without weights, which old files contain.

    Raises:
        ValueError: If a key is missing, unused, or has another shape, or the file
            cannot be read.
        ImportError: If the package that reads the file is not installed.

    Example:

    >>> generator = kerasgan.networks.resnet_generator((256, 256, 3))
    >>> kerasgan.interop.load_pytorch_weights(generator, "latest_net_G.pth")
    """
    modules = group_by_module(_read(source))
    layers = [_unwrap(layer) for layer in network.layers if layer.weights]
    weights = []
    for layer, prefix in zip(layers, modules, strict=False):
        if not isinstance(layer, SUPPORTED):
            raise ValueError(
                f"network has a layer {layer.name!r} of type {type(layer).__name__}; "
                "expected convolutions and batch normalizations only."
            )
        weights.append(layer_weights(layer, prefix, modules[prefix]))
    prefixes = list(modules)
    if len(modules) > len(layers):
        prefix = prefixes[len(layers)]
        raise ValueError(
            f"source has the unused key {prefix + next(iter(modules[prefix]))!r}; "
            f"expected keys for the {len(layers)} layers of {network.name!r} only."
        )
    if len(modules) < len(layers):
        after = f" after {prefixes[-1] + 'weight'!r}" if prefixes else ""
        raise ValueError(
            f"source has no key for layer {layers[len(modules)].name!r} of "
            f"{network.name!r}; expected one{after}."
        )
    for layer, arrays in zip(layers, weights, strict=True):
        layer.set_weights(arrays)


def _read(source: Any) -> Mapping[str, Any]:
    """Returns the mapping that `source` is or contains."""
    if isinstance(source, Mapping):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise ValueError(
            f"source is of type {type(source).__name__}; expected a mapping of names "
            "to arrays, or the path of a .pth, .pt or .safetensors file."
        )
    path = pathlib.Path(source)
    if path.suffix == ".safetensors":
        try:
            import safetensors.numpy
        except ImportError as error:
            raise ImportError(
                f"Reading {str(path)!r} needs the package safetensors, which is not "
                "installed: pip install safetensors, or pass a mapping of names to "
                "arrays."
            ) from error
        return safetensors.numpy.load_file(path)
    if path.suffix not in (".pth", ".pt"):
        raise ValueError(
            f"source is {str(path)!r}; expected a .pth, .pt or .safetensors file."
        )
    content = read_pytorch_file(path)
    if not isinstance(content, Mapping):
        raise ValueError(
            f"source {str(path)!r} contains a {type(content).__name__}; expected a "
            "mapping of names to arrays."
        )
    return content


def group_by_module(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the parameters of each PyTorch module, in the order of the network.

    The numbers in a module's name are its positions in nested lists of modules, so
    sorting by number gives the order of the layers. The inner levels of a U-Net stand
    between the two halves of the outer levels.
    """
    modules: dict[str, dict[str, Any]] = {}
    for key in sorted(state, key=_position):
        prefix, dot, parameter = str(key).removeprefix("module.").rpartition(".")
        modules.setdefault(prefix + dot, {})[parameter] = state[key]
    return {
        prefix: {k: v for k, v in module.items() if k != "num_batches_tracked"}
        for prefix, module in modules.items()
        if not set(module) <= STATISTICS
    }


def _position(key: str) -> list[tuple[int, int, str]]:
    parts = str(key).removeprefix("module.").split(".")
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _unwrap(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns the layer inside a SpectralNormalization, or the layer itself."""
    return getattr(layer, "layer", layer)


def layer_weights(
    layer: keras.layers.Layer, prefix: str, module: dict[str, Any]
) -> list[np.ndarray]:
    """Returns the weights of a Keras layer from the parameters of a PyTorch module.

    Args:
        layer: A convolution, a dense layer or a batch normalization, which is built.
        prefix: What stands before the names of the parameters, for messages.
        module: The parameters of the module, by name.

    Raises:
        ValueError: If a parameter is missing, unused, or has another shape.
    """
    names: tuple[str, ...] = BATCH_NORMALIZATION
    if not isinstance(layer, keras.layers.BatchNormalization):
        names = ("weight", "bias") if layer.use_bias else ("weight",)
    arrays = []
    for name, weight in zip(names, layer.weights, strict=True):
        to_pytorch, to_keras = _axes(layer, len(weight.shape))
        shape = tuple(weight.shape[axis] for axis in to_pytorch)
        array = _array(module, prefix + name, layer, shape)
        arrays.append(array.transpose(to_keras))
    unused = sorted(set(module) - set(names))
    if unused:
        raise ValueError(
            f"source has the unused key {prefix + unused[0]!r}; layer {layer.name!r} "
            f"expects {' and '.join(names)} only."
        )
    return arrays


def _axes(
    layer: keras.layers.Layer, rank: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns how to permute the axes of a weight to PyTorch's order, and back."""
    if rank == 4:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            return DEPTHWISE, DEPTHWISE
        return TO_PYTORCH, TO_KERAS
    return ((1, 0), (1, 0)) if rank == 2 else ((0,), (0,))


def _array(
    module: dict[str, Any],
    key: str,
    layer: keras.layers.Layer,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Returns a parameter as a float32 array of the expected shape."""
    name = key.rpartition(".")[2]
    if name not in module:
        raise ValueError(
            f"source has no key {key!r}; layer {layer.name!r} expects one of shape "
            f"{shape}."
        )
    value = module[name]
    if hasattr(value, "detach"):
        # A PyTorch tensor. NumPy does not support its bfloat16.
        value = value.detach().cpu().float().numpy()
    if np.shape(value) != shape:
        raise ValueError(
            f"source: {key!r} has shape {np.shape(value)}; layer {layer.name!r} "
            f"expects {shape}."
        )
    return np.asarray(value, "float32")
