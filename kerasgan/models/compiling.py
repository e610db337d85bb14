"""What `compile` takes: checked, made, and turned into what a file can hold."""

import inspect

import keras
import tensorflow as tf

from kerasgan import losses
from kerasgan.models import checks

# What the Keras guide to DCGAN uses with its binary cross-entropy.
GUIDE_LABEL_NOISE = 0.05
# The arguments of `compile` that are objects.
OBJECTS = ("d_optimizer", "g_optimizer", "loss_fn", "penalty")


def check_replicas():
    """Raises a ValueError under a strategy of more than one replica."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        raise ValueError(
            f"the strategy has {replicas} replicas; expected one, because gradients "
            "of several are not combined yet."
        )


def loss_for(discriminators, loss_fn):
    """Returns the adversarial loss that is meant, if it fits the discriminators."""
    loss = losses.get(loss_fn)
    for discriminator in discriminators:
        checks.check_loss_fits(discriminator, loss)
    return loss


def label_noise_for(loss, label_noise):
    """Returns the label noise of training, a float.

    Args:
        loss: An adversarial loss.
        label_noise: What came; None for what is usual with the loss.

    Raises:
        ValueError: If it is out of range, or the loss has no labels.
    """
    if label_noise is None:
        cross_entropy = isinstance(loss, losses.KerasLoss) and loss.answers is not None
        label_noise = GUIDE_LABEL_NOISE if cross_entropy else 0.0
    if not 0.0 <= label_noise <= 1.0:
        raise ValueError(f"label_noise is {label_noise}; expected a number in [0, 1].")
    if label_noise and not isinstance(loss, losses.LabelLoss):
        raise ValueError(
            f"label_noise is {label_noise}, but loss_fn {type(loss).__name__} has no "
            "labels; expected 0, or a subclass of kerasgan.losses.LabelLoss."
        )
    return float(label_noise)


def optimizer_pair(d_optimizer, g_optimizer):
    """Returns the optimizers of discriminators and generators.

    Raises:
        ValueError: If both are one object.
    """
    if d_optimizer is not None and d_optimizer is g_optimizer:
        raise ValueError(
            "g_optimizer is the same object as d_optimizer; expected one for each, "
            "because an optimizer keeps state about the weights it updates."
        )
    return [
        keras.optimizers.Adam(2e-4, beta_1=0.5)
        if identifier is None
        else keras.optimizers.get(identifier)
        for identifier in (d_optimizer, g_optimizer)
    ]


def trainable_variables(role, networks):
    """Returns all that is trained in networks, a list.

    Args:
        role: What the networks are, for messages.
        networks: List of Keras models.

    Raises:
        ValueError: If there is nothing, or if they have losses of their own.
    """
    variables = [v for network in networks for v in network.trainable_variables]
    if not variables:
        names = ", ".join(network.name for network in networks)
        raise ValueError(
            f"{role} {names} has no trainable weights; expected a network to train."
        )
    for network in networks:
        if network.losses:
            raise ValueError(
                f"{role} {network.name} has losses of its own, of a regularizer or of "
                "add_loss, which training would not minimize; expected none."
            )
    return variables


def serialized_objects(model):
    """Returns the arguments of `compile` that are objects, as a file can hold them."""
    return {name: serialized(name, getattr(model, name)) for name in OBJECTS}


def deserialized(config):
    """Returns the arguments of `compile` for what `get_compile_config` returned."""
    return {
        name: keras.saving.deserialize_keras_object(value) if name in OBJECTS else value
        for name, value in config.items()
    }


def serialized(name, thing):
    """Returns what a file can hold of an argument that is an object, or None.

    Args:
        name: Name of the argument.
        thing: An object of a class that Keras knows how to save, or a function.

    Raises:
        ValueError: If its class has no `get_config`, or it is not registered.
    """
    known = thing is None or hasattr(type(thing), "get_config")
    if not known and inspect.isfunction(thing):
        name_of_it = keras.saving.get_registered_name(thing)
        known = keras.saving.get_registered_object(name_of_it) is thing
    if not known:
        kind = getattr(thing, "__name__", type(thing).__name__)
        raise ValueError(
            f"{name} {kind} cannot be saved; expected a class with get_config and "
            "keras.saving.register_keras_serializable."
        )
    return keras.saving.serialize_keras_object(thing)
