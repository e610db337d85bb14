"""Errors that come before the first step: networks and losses that do not fit."""

from kerasgan.inspection import (
    input_shape,
    output_activation,
    output_shape,
    shapes_meet,
)


def check_networks_meet(generator, discriminator):
    """Raises a ValueError if the discriminator cannot take what is generated."""
    made, taken = output_shape(generator), input_shape("discriminator", discriminator)
    if not shapes_meet(made, taken):
        raise ValueError(
            f"discriminator takes images of shape {taken}, but generator makes "
            f"{made}; expected the same shape."
        )


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
