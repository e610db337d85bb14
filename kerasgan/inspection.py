"""What can be inferred from a Keras network: shapes, range of its images, layers."""

from collections.abc import Iterator
from typing import Any

import keras

from kerasgan import compat
from kerasgan.layers import ReflectionPadding2D

Shape = tuple[int | None, ...]

# Ranges of the activations that bound their output.
ACTIVATION_RANGES = {
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "relu6": (0.0, 6.0),
}
# Layers that rearrange or select values and do not change them.
_REARRANGING = (
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
    keras.layers.Cropping2D,
    keras.layers.GlobalAveragePooling2D,
)
# Layers that treat each image of a batch separately, in training as well. A subclass
# may do something else, so exact types are compared.
_SEPARATE_NAMES = """
    InputLayer Activation Add Average AveragePooling2D CenterCrop Concatenate Conv2D
    Conv2DTranspose Cropping2D Dense DepthwiseConv2D Dropout ELU Embedding Flatten
    GaussianDropout GaussianNoise GlobalAveragePooling2D GlobalMaxPooling2D
    GroupNormalization Identity LayerNormalization LeakyReLU Masking MaxPooling2D
    Maximum Minimum Multiply PReLU Permute ReLU RepeatVector Rescaling Reshape Resizing
    SeparableConv2D Softmax SpatialDropout2D Subtract ThresholdedReLU UnitNormalization
    UpSampling2D ZeroPadding2D
""".split()
_SEPARATE = {
    ReflectionPadding2D,
    *(getattr(keras.layers, n) for n in _SEPARATE_NAMES if hasattr(keras.layers, n)),
}


def input_shape(role: str, network: keras.Model) -> Shape:
    """Returns the input shape of a network, without the batch.

    Args:
        role: Name of the argument that holds the network, for messages.
        network: Keras model with one input and one output.

    Returns:
        A tuple, for example `(height, width, channels)`.

    Raises:
        ValueError: If `network` is not a built Keras model, or has several inputs or
            outputs.
    """
    if not isinstance(network, keras.Model):
        raise ValueError(f"{role} is {network!r}; expected a Keras model.")
    if not network.built or not getattr(network, "inputs", None):
        raise ValueError(
            f"{role} {network.name!r} does not know its input shape; expected a "
            "functional model, or a Sequential model that starts with keras.Input."
        )
    for kind, tensors in (("inputs", network.inputs), ("outputs", network.outputs)):
        if len(tensors) != 1:
            raise ValueError(
                f"{role} {network.name!r} has {len(tensors)} {kind}; expected one."
            )
    return tuple(network.inputs[0].shape)[1:]


def output_shape(network: keras.Model) -> Shape:
    """Returns the output shape of a network with one output, without the batch."""
    return tuple(network.outputs[0].shape)[1:]


def shapes_match(first: Shape, second: Shape) -> bool:
    """Returns whether two shapes agree in all dimensions that both know."""
    return len(first) == len(second) and all(
        a is None or b is None or a == b for a, b in zip(first, second, strict=True)
    )


def _output_layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a network from the last one back, into nested models."""
    for layer in reversed(network.layers):
        if isinstance(layer, keras.Model):
            yield from _output_layers(layer)
            return
        yield layer


def output_activation(network: keras.Model) -> str | None:
    """Returns the name of a network's last activation.

    Layers that only rearrange values are skipped.

    Returns:
        `"linear"`, `"tanh"`, `"sigmoid"` and so on, or None if it is unknown.
    """
    for layer in _output_layers(network):
        if hasattr(layer, "activation"):
            return getattr(layer.activation, "__name__", None)
        if not isinstance(layer, _REARRANGING):
            return None
    return None


def output_range(network: keras.Model) -> tuple[float, float] | None:
    """Returns the range of a network's output.

    It is inferred from the last activation and the `Rescaling` layers after it.

    Returns:
        A pair `(low, high)`, or None if it is unknown, for example after a linear
        activation.
    """
    rescalings = []
    for layer in _output_layers(network):
        if isinstance(layer, keras.layers.Rescaling):
            rescalings.append((layer.scale, layer.offset))
        elif hasattr(layer, "activation"):
            name = getattr(layer.activation, "__name__", "")
            return _rescaled(ACTIVATION_RANGES.get(name), rescalings)
        elif not isinstance(layer, _REARRANGING):
            return None
    return None


def _rescaled(
    value_range: tuple[float, float] | None, rescalings: list[tuple[Any, Any]]
) -> tuple[float, float] | None:
    """Returns a range after `Rescaling` layers, given from the last to the first."""
    for scale, offset in reversed(rescalings):
        if value_range is None or not all(
            isinstance(number, (int, float)) for number in (scale, offset)
        ):
            return None
        low, high = sorted(bound * scale + offset for bound in value_range)
        value_range = (float(low), float(high))
    return value_range


def layers_of(network: keras.Model) -> list[Any]:
    """Returns all layers and operations of a network, also those inside of layers."""
    layers = list(network._flatten_layers())
    # Keras 3 keeps functions such as keras.ops.mean apart from layers.
    operations = [
        operation
        for layer in layers
        for operation in getattr(layer, "operations", None) or []
        if not isinstance(operation, keras.layers.Layer)
    ]
    return [*layers, *operations]


def may_mix_batch(layer: Any) -> bool:
    """Returns whether a layer could make the images of a batch depend on one another.

    Batch normalization does. A layer that this module does not know is assumed to.
    """
    # Keras's own model classes only hold layers, which are checked themselves.
    container = isinstance(layer, keras.Model) and _is_from_keras(type(layer))
    if not (
        container or type(layer) in _SEPARATE or compat.is_instance_normalization(layer)
    ):
        return True
    # A Keras activation acts on each value, or on one axis.
    activation = getattr(layer, "activation", None)
    if callable(activation) and not _is_from_keras(activation):
        return True
    axis = getattr(layer, "axis", None)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    # An axis before the last one, counted from the end, may be the batch.
    mixes = any(one is not None and (one == 0 or one < -1) for one in axes)
    # An activity regularizer averages over the batch of a call.
    return mixes or getattr(layer, "activity_regularizer", None) is not None


def _is_from_keras(thing: Any) -> bool:
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.partition(".")[0] == "keras"


def mixing_layers(network: keras.Model) -> list[Any]:
    """Returns the layers of a network that may mix the images of a batch."""
    return [layer for layer in layers_of(network) if may_mix_batch(layer)]
