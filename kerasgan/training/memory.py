"""An estimate of the memory that training needs."""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan.training.state import state_variables

# Operations whose output shares memory with their input, or is freed with the layer.
# Counting them would double the estimate against what was measured.
_NOT_KEPT = (
    "BiasAdd",
    "Identity",
    "Mul",
    "Placeholder",
    "ReadVariableOp",
    "Reshape",
    "SquaredDifference",
)


def state_bytes(model: Any) -> int:
    """Returns the bytes of all variables, and of a gradient for each trained weight.

    Args:
        model: A compiled adversarial model.
    """
    variables = [v for group in state_variables(model).values() for v in group]
    trained = [
        v
        for networks in model.players()
        for network in networks
        for v in network.trainable_variables
    ]
    return sum(
        int(np.prod(v.shape)) * tf.as_dtype(v.dtype).size for v in variables + trained
    )


def activation_bytes(model: Any, shape: tuple[int, ...]) -> int:
    """Estimates the bytes of the activations that a training step holds at once.

    A single generator holds one batch. Each of two generators holds three: the images
    it translates, images of the other domain, and translations it translates back. A
    discriminator holds a real and a generated batch. With penalties it also holds
    images of its own and the intermediate gradients of the backward pass.

    Args:
        model: An adversarial model.
        shape: Shape of a batch of images, `(n, height, width, channels)`.
    """
    generators, discriminators = model.players()
    batches = 1 if len(generators) == 1 else 3
    held = [(network, batches) for network in generators]
    shown = 4 if model.penalties else 2
    held += [(network, shown) for network in discriminators]
    return sum(batches * output_bytes(network, shape) for network, batches in held)


def output_bytes(network: keras.Model, shape: tuple[int, ...]) -> int:
    """Returns the bytes of the outputs of a network's layers for a training batch.

    Args:
        network: A Keras model with one input.
        shape: Shape of a batch of images; it fills in sides the network leaves open.
    """
    own = tuple(network.inputs[0].shape)[1:]
    sides = itertools.zip_longest(own, shape[1:])
    taken = [known or given for known, given in sides][: len(own)]
    spec = tf.TensorSpec((shape[0], *taken), network.compute_dtype)
    # Tracing computes nothing.
    traced = tf.function(lambda x: network(x, training=True))
    made = [
        tensor
        for operation in traced.get_concrete_function(spec).graph.get_operations()
        if operation.type not in _NOT_KEPT
        for tensor in operation.outputs
        if tensor.dtype.is_floating and tensor.shape.rank
    ]
    return sum(
        tensor.shape.num_elements() * tensor.dtype.size
        for tensor in made
        if tensor.shape[0] == shape[0] and tensor.shape.is_fully_defined()
    )
