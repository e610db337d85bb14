"""Weights of the public PyTorch programs, for the networks that equal theirs."""

import collections.abc
import os
import pathlib

import keras
import numpy as np

# Of a PyTorch weight, (out, in, rows, columns) or transposed (in, out, rows,
# columns), where the axes of a Keras kernel stand, and the other way round.
TO_KERAS, TO_PYTORCH = (2, 3, 1, 0), (3, 2, 0, 1)
# The parameters of a PyTorch batch normalization, in the order of Keras.
BATCH_NORMALIZATION = ("weight", "bias", "running_mean", "running_var")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def load_pytorch_weights(network, source):
    """Gives a network of this package the weights of its counterpart in PyTorch.

    The counterparts are those of the authors' PyTorch CycleGAN and pix2pix programs:

    - `resnet_9blocks`, `resnet_6blocks`: `resnet_generator` with as many `blocks`;
    - `unet_256`, `unet_128`: `unet_generator` with `depth` 8 or 7;
    - `basic`, `n_layers`: `patchgan_discriminator` with as many `layers`, 3 for
      `basic`;
    - `pixel`: `patchgan_discriminator` with `layers="pixel"`.

    With the same `normalization` and `width`, the network then computes what its
    counterpart does. Layers and keys are paired in the order of the network. The
    network changes only if all of `source` fits.

    Args:
        network: A Keras model from `kerasgan.networks`.
        source: The `state_dict` as a mapping of names to arrays or PyTorch tensors,
            or the path of a file: `.pth` or `.pt`, which needs PyTorch, or
            `.safetensors`, which needs safetensors. A leading `module.` of the
            names is passed over, and so are statistics of normalizations that have
            no weights, which old files hold.

    Raises:
        ValueError: If a key is missing, left over, or of another shape, or the file
            is of no such kind.
        ImportError: If what reads the file is not installed.

    Example:

    >>> generator = kerasgan.networks.resnet_generator((256, 256, 3))
    >>> kerasgan.interop.load_pytorch_weights(generator, "latest_net_G.pth")
    """
    modules = _modules(_read(source))
    layers = [_unwrap(layer) for layer in network.layers if layer.weights]
    weights = []
    for layer, prefix in zip(layers, modules, strict=False):
        weights.append(_convert(layer, prefix, dict(modules[prefix])))
    if len(modules) > len(layers):
        prefix = list(modules)[len(layers)]
        raise ValueError(
            f"source has the key {prefix + next(iter(modules[prefix]))!r} left over; "
            f"expected none after those of the {len(layers)} layers of "
            f"{network.name!r}."
        )
    if len(modules) < len(layers):
        last = list(modules)[-1] if modules else None
        raise ValueError(
            f"source has no key for layer {layers[len(modules)].name!r} of "
            f"{network.name!r}; expected one after {last and last + 'weight'!r}."
        )
    for layer, arrays in zip(layers, weights, strict=True):
        layer.set_weights(arrays)


def _read(source):
    """Returns the mapping that `source` is or holds."""
    if isinstance(source, collections.abc.Mapping):
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise ValueError(
            f"source is of type {type(source).__name__}; expected a mapping of names "
            "to arrays, or the path of a .pth or .safetensors file."
        )
    path = pathlib.Path(source)
    if path.suffix == ".safetensors":
        try:
            import safetensors.numpy
        except ImportError as error:
            raise ImportError(_needs(path, "safetensors", "safetensors")) from error
        return safetensors.numpy.load_file(path)
    if path.suffix in (".pth", ".pt"):
        try:
            import torch
        except ImportError as error:
            raise ImportError(_needs(path, "PyTorch", "torch")) from error
        # Nothing but tensors: a pickle could run any program.
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, collections.abc.Mapping):
            raise ValueError(
                f"source {str(path)!r} holds a {type(content).__name__}; expected a "
                "mapping of names to arrays."
            )
        return content
    raise ValueError(
        f"source is {str(path)!r}; expected a .pth, .pt or .safetensors file."
    )


def _needs(path, reader, package):
    return (
        f"Reading {str(path)!r} needs {reader}, which is not installed: "
        f"pip install {package}, or give a mapping of names to arrays."
    )


def _modules(state):
    """Returns the parameters of each PyTorch module, in the order of the network.

    A module's place in the nested lists of the network is its name, so numbers in
    order are layers in order; a U-Net's inner levels stand between the halves of
    the outer ones.
    """
    modules = {}
    for key in sorted(state, key=_place):
        prefix, dot, parameter = key.removeprefix("module.").rpartition(".")
        modules.setdefault(prefix + dot, {})[parameter] = state[key]
    return {
        prefix: {k: v for k, v in module.items() if k != "num_batches_tracked"}
        for prefix, module in modules.items()
        if not set(module) <= set(STATISTICS)
    }


def _place(key):
    parts = key.removeprefix("module.").split(".")
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _unwrap(layer):
    """Returns the convolution that spectral normalization wraps, or the layer."""
    return getattr(layer, "layer", layer)


def _convert(layer, prefix, module):
    """Returns the arrays of a Keras layer from those of a PyTorch module."""
    if isinstance(layer, keras.layers.BatchNormalization):
        names = BATCH_NORMALIZATION
    elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
        names = ("weight", "bias") if layer.use_bias else ("weight",)
    else:
        raise ValueError(
            f"network has a layer {layer.name!r} of type {type(layer).__name__}; "
            "expected convolutions and batch normalizations only."
        )
    arrays = []
    for name, weight in zip(names, layer.weights, strict=True):
        shape = tuple(weight.shape)
        if len(shape) == 4:
            shape = tuple(shape[axis] for axis in TO_PYTORCH)
        array = _array(module, prefix + name, layer, shape)
        arrays.append(array.transpose(TO_KERAS) if len(shape) == 4 else array)
    left_over = sorted(set(module) - set(names))
    if left_over:
        raise ValueError(
            f"source has the key {prefix + left_over[0]!r} left over; layer "
            f"{layer.name!r} has {' and '.join(names)} only."
        )
    return arrays


def _array(module, key, layer, shape):
    """Returns a parameter as an array of the expected shape."""
    name = key.rpartition(".")[2]
    if name not in module:
        raise ValueError(
            f"source has no key {key!r}; layer {layer.name!r} expects one of shape "
            f"{shape}."
        )
    value = module[name]
    if hasattr(value, "detach"):
        # NumPy knows no bfloat16.
        value = value.detach().cpu().float().numpy()
    array = np.asarray(value)
    if array.shape != shape:
        raise ValueError(
            f"source: {key!r} has shape {array.shape}; layer {layer.name!r} expects "
            f"{shape}."
        )
    return array
