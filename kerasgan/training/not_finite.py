"""Where values first became NaN or infinite: in which loss, and in which layer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# A training step computes the terms of a loss before their sum, and a CycleGAN its
# generators' losses before those of its discriminators.
COMPUTED = (
    "g_loss_a2b",
    "g_loss_b2a",
    "cycle_loss",
    "identity_loss",
    "real_score",
    "fake_score",
    "d_loss_a",
    "d_loss_b",
)
SUMS = ("d_loss", "g_loss", "loss")


def terms_not_finite(logs: Mapping[str, float]) -> list[str]:
    """Returns the names of the logs that are NaN or infinite, in order of computation.

    Args:
        logs: The logs that Keras passes to callbacks.
    """
    bad = [name for name, value in logs.items() if not math.isfinite(value)]
    order = [*COMPUTED, *(name for name in bad if name not in COMPUTED + SUMS), *SUMS]
    return sorted(bad, key=order.index)


def is_finite(variables: Iterable[Any]) -> bool:
    """Returns whether every floating-point variable holds only finite numbers."""
    values = map(tf.convert_to_tensor, variables)
    return all(
        bool(tf.reduce_all(tf.math.is_finite(value)))
        for value in values
        if value.dtype.is_floating
    )


def first_layer_not_finite(
    networks: Sequence[tuple[str, keras.Model, Any]],
) -> str | None:
    """Finds the first layer with weights or outputs that are not finite.

    The weights of all networks are checked first, then the layers' outputs.

    Args:
        networks: List of `(role, network, inputs)`: the name of a network, the network,
            and a few inputs, or None.

    Returns:
        A phrase such as `"the weights of layer 'conv2d' of the generator"`, or None if
        there is no such layer.
    """
    for role, network, _ in networks:
        layers = [layer for layer in network.layers if layer.weights]
        bad = [layer for layer in layers if not is_finite(layer.weights)]
        if bad:
            # A loss that is not finite can make the weights of all layers NaN.
            others = " and of all others" if 1 < len(bad) == len(layers) else ""
            return f"the weights of layer {bad[0].name!r}{others} of the {role}"
    for role, network, inputs in networks:
        if inputs is None:
            continue
        # Nested networks, and layers that are called twice, have outputs that do not
        # belong to this network.
        layers = [
            layer
            for layer in network.layers
            if not isinstance(layer, keras.Model) and len(layer._inbound_nodes) == 1
        ]
        every = keras.Model(network.inputs[0], [layer.output for layer in layers])
        outputs = every(inputs, training=False)
        # Keras returns the output of a single layer without a list.
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        for layer, output in zip(layers, outputs, strict=True):
            if not np.isfinite(output).all():
                return f"the output of layer {layer.name!r} of the {role}"
    return None
