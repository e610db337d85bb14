"""What a Keras network says about itself: shapes, last activation, layers."""

import keras

from kerasgan.images import VALUE_RANGES


def input_shape(role, network):
    """Returns the shape of one input of a network, `(height, width, channels)` say.

    Args:
        role: The name of the argument that holds the network.
        network: A Keras model with one input and one output.

    Raises:
        ValueError: If it is not a built Keras model, or has several of either.
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


def output_shape(network):
    """Returns the shape of one output of a network with one output."""
    return tuple(network.outputs[0].shape)[1:]


def shapes_meet(first, second):
    """Whether two shapes are the same where both are known."""
    return len(first) == len(second) and all(
        a is None or b is None or a == b for a, b in zip(first, second, strict=True)
    )


def output_activation(network):
    """Returns the name of a network's last activation, None where it is not plain.

    Layers that only move values about are passed over.

    Args:
        network: A Keras model.

    Returns:
        `"linear"`, `"tanh"`, `"sigmoid"` and so on, or None.
    """
    for layer in reversed(network.layers):
        if isinstance(layer, keras.Model):
            return output_activation(layer)
        if hasattr(layer, "activation"):
            return getattr(layer.activation, "__name__", None)
        if not isinstance(
            layer,
            (
                keras.layers.Flatten,
                keras.layers.Reshape,
                keras.layers.Permute,
                keras.layers.Cropping2D,
                keras.layers.GlobalAveragePooling2D,
            ),
        ):
            return None
    return None


def value_range(generator):
    """Returns the pair of floats between which a generator's images lie."""
    return VALUE_RANGES.get(output_activation(generator), VALUE_RANGES["tanh"])


def counts_calls(network):
    """Whether it matters to a network if images come in one call or in several.

    In training, batch normalization mixes the images of a call, and spectral
    normalization changes its kernel at each one.
    """
    kinds = (keras.layers.BatchNormalization, keras.layers.SpectralNormalization)
    return holds(network, kinds)


def holds(network, kinds):
    """Whether a network has a layer of some kinds, also inside of other layers."""
    return any(isinstance(layer, kinds) for layer in network._flatten_layers())
