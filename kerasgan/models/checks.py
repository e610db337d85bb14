"""Checks before the first step: whether networks, losses and data fit together."""

from typing import Any

import keras

from kerasgan.inspection import (
    input_shape,
    output_activation,
    output_shape,
    shapes_match,
)
from kerasgan.training.data_checks import check_images, check_structure, parts_of


def check_networks_meet(generator: keras.Model, discriminator: keras.Model) -> None:
    """Raises a ValueError if the discriminator cannot take the generator's images."""
    made, taken = output_shape(generator), input_shape("discriminator", discriminator)
    if not shapes_match(made, taken):
        raise ValueError(
            f"discriminator takes images of shape {taken}, but generator makes images "
            f"of shape {made}; expected the same shape."
        )


def check_nothing_shared(networks: dict[str, keras.Model]) -> None:
    """Raises a ValueError if two networks share a layer with weights.

    Its weights would be updated twice in a step, and a saved model could not be loaded.

    Args:
        networks: Dict from roles to networks.
    """
    owners: dict[int, str] = {}
    for role, network in networks.items():
        for variable in network.variables:
            # Integers are states of random generators, of Dropout for example.
            if "float" not in str(variable.dtype):
                continue
            owner = owners.setdefault(id(variable), role)
            if owner != role:
                layer = _layer_of(variable, network)
                raise ValueError(
                    f"{role} shares layer {layer.name!r} with {owner}; expected "
                    "networks that share no layers with weights."
                )


def _layer_of(variable: Any, network: keras.Model) -> keras.layers.Layer:
    """Returns the smallest layer of a network that has a variable."""
    holders = [
        layer
        for layer in network._flatten_layers()
        if any(variable is own for own in layer.variables)
    ]
    # Networks come before the layers inside of them.
    return min(reversed(holders), key=lambda layer: len(layer.variables))


def check_loss_fits(discriminator: keras.Model, loss: Any) -> None:
    """Raises a ValueError if the loss and the last activation do not fit.

    A loss of logits needs a linear activation, a loss of probabilities a sigmoid.
    """
    wanted = getattr(loss, "discriminator_output", None)
    activation = output_activation(discriminator)
    name = type(getattr(loss, "loss_fn", loss)).__name__
    if wanted == "logits" and activation == "sigmoid":
        raise ValueError(
            f"loss_fn {name} expects logits, but the last activation of discriminator "
            f"{discriminator.name!r} is sigmoid; expected a linear activation, or a "
            "Keras loss with from_logits=False."
        )
    if wanted == "probabilities" and activation in ("linear", "tanh"):
        raise ValueError(
            f"loss_fn {name} expects probabilities, but the last activation of "
            f"discriminator {discriminator.name!r} is {activation}; expected sigmoid, "
            "or a loss with from_logits=True."
        )


def check_gan_batches(
    batches: list[Any],
    name: str,
    generator: keras.Model,
    discriminator: keras.Model,
    translates: bool,
    value_range: tuple[float, float] | None,
) -> None:
    """Raises a ValueError for data that a GAN cannot train on.

    Args:
        batches: The first batches, as `fit` yields them.
        name: What the data is, for messages.
        generator: The generator.
        discriminator: The discriminator.
        translates: Whether the generator takes images.
        value_range: The range of the generator's images, or None if it is unknown.
    """
    expected = "pairs (source, target)" if translates else "images alone"
    reason = "generator takes images" if translates else "generator takes latents"
    for batch in batches:
        check_structure(batch, name, 2 if translates else 1, reason, expected)
    if translates:
        check_images(
            [parts_of(batch)[0] for batch in batches],
            f"the source of {name}",
            input_shape("generator", generator),
            generator,
            None,
            taken_by="generator",
        )
    check_images(
        [parts_of(batch)[-1] for batch in batches],
        f"the target of {name}" if translates else name,
        input_shape("discriminator", discriminator),
        generator,
        value_range,
    )
