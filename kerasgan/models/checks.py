"""Errors that come before the first step: what was given does not fit together."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan.images import VALUE_RANGES

# Images of the first batches that the range check looks at.
CHECKED_IMAGES = 64


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


def check_networks_meet(generator, discriminator):
    """Raises a ValueError if the discriminator cannot take what is generated."""
    made, taken = output_shape(generator), input_shape("discriminator", discriminator)
    if not shapes_meet(made, taken):
        raise ValueError(
            f"discriminator takes images of shape {taken}, but generator makes "
            f"{made}; expected the same shape."
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


def check_loss_fits(discriminator, loss):
    """Raises a ValueError if the loss wants logits and gets probabilities, or v.v."""
    wanted = getattr(loss, "answers", None)
    activation = output_activation(discriminator)
    name = type(getattr(loss, "loss_fn", loss)).__name__
    if wanted == "logits" and activation == "sigmoid":
        raise ValueError(
            f"loss_fn {name} expects logits, but the last activation of discriminator "
            f"{discriminator.name!r} is sigmoid; expected a linear one, or a Keras "
            "loss with from_logits=False."
        )
    if wanted == "probabilities" and activation in ("linear", "tanh"):
        raise ValueError(
            f"loss_fn {name} expects probabilities, but the last activation of "
            f"discriminator {discriminator.name!r} is {activation}; expected sigmoid, "
            "or a loss with from_logits=True."
        )


def first_batches(x, y=None):
    """Looks at the first images of whatever `fit` takes, without consuming it.

    Args:
        x: What is given to `fit`: a `tf.data.Dataset`, arrays, or a
            `keras.utils.Sequence`.
        y: The targets given to `fit`.

    Returns:
        A list of batches as the training step will get them; empty for an
        iterator, which could not give back what was looked at.

    Raises:
        ValueError: If a dataset is empty.
    """
    if isinstance(x, tf.data.Dataset):
        batches = []
        for batch in x.take(CHECKED_IMAGES):
            batches.append(tf.nest.map_structure(np.asarray, batch))
            if sum(len(tf.nest.flatten(b)[0]) for b in batches) >= CHECKED_IMAGES:
                break
        if not batches:
            raise ValueError("data yields no batch; expected at least one.")
        return batches
    if isinstance(x, (np.ndarray, tf.Tensor)):
        parts = (x,) if y is None else (x, y)
        return [tuple(np.asarray(part[:CHECKED_IMAGES]) for part in parts)]
    if isinstance(x, keras.utils.Sequence):
        return [x[0]]
    return []


def check_images(batches, role, images_of, shape, activation):
    """Raises a ValueError for images that a network cannot be trained on.

    Args:
        batches: What `first_batches` returned.
        role: What the images are, for the message: `"data"`, `"target"`.
        images_of: Function from a batch to its images, `(n, ...)`.
        shape: The shape the discriminator takes, without the batch.
        activation: Name of the generator's last activation.
    """
    images = [np.asarray(images_of(batch)) for batch in batches]
    if not images:
        return
    got = images[0].shape[1:]
    if not shapes_meet(got, shape):
        raise ValueError(
            f"{role} has images of shape {got}, but discriminator takes {shape}; "
            "expected the same shape."
        )
    for batch in images:
        wrong = batch.size - np.count_nonzero(np.isfinite(batch))
        if wrong:
            raise ValueError(
                f"{role} has {wrong} values in its first batches that are not finite; "
                "expected numbers."
            )
    if activation not in VALUE_RANGES:
        return
    low, high = VALUE_RANGES[activation]
    least = float(min(batch.min() for batch in images))
    most = float(max(batch.max() for batch in images))
    slack = 1e-3
    # A tanh generator with images that never fall below 0 has been given [0, 1].
    if least < low - slack or most > high + slack or (low < 0 and least >= 0):
        mend = ""
        if low < 0:
            mend = f": map them with {'x / 127.5 - 1' if most > 2 else '2 * x - 1'}"
        raise ValueError(
            f"{role} has values from {least:.3g} to {most:.3g}, but generator ends "
            f"in {activation}; expected values in [{low:g}, {high:g}]{mend}."
        )
