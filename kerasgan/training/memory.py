"""An estimate of the memory that training takes."""

import itertools

import numpy as np
import tensorflow as tf

from kerasgan.training.state import state_variables

# Operations that hand on the memory of their input, or whose result is gone when
# the layer is: with them the estimate would be twice what was measured.
_NOT_KEPT = (
    "BiasAdd",
    "Identity",
    "Mul",
    "Placeholder",
    "ReadVariableOp",
    "Reshape",
    "SquaredDifference",
)


def state_bytes(model):
    """Returns the bytes of all variables, and of a gradient for each weight.

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


def activation_bytes(model, shape):
    """Estimates the bytes of the activations that a training step holds at once.

    A single generator holds one batch. Each of two holds three: the images that it
    translates, those of the other domain, and the translations it takes back. A
    discriminator holds a real and a generated batch; with a penalty also images of
    its own, and what the way back makes of them, from which the slope follows.

    Args:
        model: An adversarial model.
        shape: Shape of a batch of images, `(n, height, width, channels)`.
    """
    generators, discriminators = model.players()
    batches = 1 if len(generators) == 1 else 3
    held = [(network, batches) for network in generators]
    judged = 2 if model.penalty is None else 4
    held += [(network, judged) for network in discriminators]
    return sum(batches * made_bytes(network, shape) for network, batches in held)


def made_bytes(network, shape):
    """Returns the bytes that the layers of a network make of a batch, in training.

    Args:
        network: A Keras model of one input.
        shape: Shape of a batch of images, for the sides that the network leaves open.
    """
    taken = tuple(network.inputs[0].shape)[1:]
    sides = itertools.zip_longest(taken, shape[1:])
    taken = [known or given for known, given in sides][: len(taken)]
    spec = tf.TensorSpec((shape[0], *taken), network.compute_dtype)
    # Only traced: nothing is computed.
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
