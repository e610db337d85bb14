"""The optimizers of both players, in either Keras generation."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan import compat

PLAYERS = ("discriminator", "generator")


def optimizer_pair(
    d_optimizer: Any, g_optimizer: Any
) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """Returns the optimizers of the discriminators and the generators.

    Args:
        d_optimizer: Keras optimizer, its name or its config; None for Adam with the
            settings of DCGAN.
        g_optimizer: The same for the generators.

    Raises:
        ValueError: If both are the same object, or one is no optimizer of this version
            of Keras.
    """
    optimizers = {"d_optimizer": d_optimizer, "g_optimizer": g_optimizer}
    for name, optimizer in optimizers.items():
        # Keras 2 also has `keras.optimizers.legacy`, with other attributes.
        if not isinstance(
            optimizer, (keras.optimizers.Optimizer, str, dict, type(None))
        ):
            kind = type(optimizer)
            raise ValueError(
                f"{name} is a {kind.__module__}.{kind.__name__}; expected a "
                "keras.optimizers.Optimizer, or its name."
            )
    if isinstance(d_optimizer, keras.optimizers.Optimizer) and (
        d_optimizer is g_optimizer
    ):
        raise ValueError(
            "g_optimizer is the same object as d_optimizer; expected two optimizers, "
            "because each keeps state about the weights it updates."
        )
    first, second = (
        keras.optimizers.Adam(2e-4, beta_1=0.5)
        if identifier is None
        else keras.optimizers.get(identifier)
        for identifier in (d_optimizer, g_optimizer)
    )
    return first, second


def prepared(
    optimizer: keras.optimizers.Optimizer,
    networks: Sequence[keras.Model],
    variables: Sequence[tf.Variable],
) -> keras.optimizers.Optimizer:
    """Returns an optimizer that is ready to train some networks.

    Its variables exist, so that loading a model finds them. If a layer computes in
    float16, the optimizer is wrapped in a `LossScaleOptimizer`, as Keras does with the
    optimizer of an ordinary model.

    Args:
        optimizer: A Keras optimizer.
        networks: The networks it trains.
        variables: Their trainable variables.
    """
    half = any(
        layer.compute_dtype == "float16"
        for network in networks
        for layer in network._flatten_layers()
    )
    if half and not hasattr(optimizer, "inner_optimizer"):
        optimizer = compat.loss_scale_optimizer(optimizer)
    inner = inner_optimizer(optimizer)
    if callable(inner._learning_rate) and not is_scheduled(optimizer):
        raise ValueError(
            f"optimizer {inner.name!r} has a function as its learning rate; expected a "
            "number or a keras.optimizers.schedules.LearningRateSchedule."
        )
    _build(optimizer, variables)
    compat.save_all_variables(optimizer)
    # At the end of fit, Keras passes all variables of the model to this method, but the
    # optimizer knows only some of them. `overwrite_with_averages` is called instead.
    optimizer.finalize_variable_values = _ignore
    return optimizer


def _build(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[tf.Variable]
) -> None:
    """Builds an optimizer, unless it was built for the same variables already.

    Raises:
        ValueError: If it was built for other variables, whose state it keeps.
    """
    wanted = [id(variable) for variable in variables]
    # Keras 2 does not list them.
    known = getattr(inner_optimizer(optimizer), "_trainable_variables", None) or []
    built = getattr(optimizer, "built_for", [id(variable) for variable in known])
    if not built:
        optimizer.build(variables)
    elif list(built) != wanted:
        raise ValueError(
            f"optimizer {optimizer.name!r} was built for other variables; expected a "
            "new optimizer after layers are frozen or unfrozen, and for each model."
        )
    optimizer.built_for = tuple(wanted)


def _ignore(var_list: Sequence[tf.Variable]) -> None:
    """Replaces an optimizer's `finalize_variable_values`."""


def overwrite_with_averages(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[tf.Variable]
) -> None:
    """Gives variables their moving averages if the optimizer has `use_ema=True`.

    Keras does this for an ordinary model at the end of `fit`.

    Args:
        optimizer: A Keras optimizer.
        variables: The variables it updates.
    """
    inner = inner_optimizer(optimizer)
    type(inner).finalize_variable_values(inner, list(variables))


def optimizer_of(model: keras.Model, player: str) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a player, `"discriminator"` or `"generator"`."""
    return getattr(model, f"{player[0]}_optimizer")


def learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Returns the learning rate of an optimizer at its current step."""
    if is_scheduled(optimizer):
        optimizer = inner_optimizer(optimizer)
        # Keras 2.15 stores the rate of the previous step.
        # Schedules count each step, also those that only accumulate gradients.
        return float(optimizer._learning_rate(optimizer._iterations))
    return float(optimizer.learning_rate)


def is_scheduled(optimizer: keras.optimizers.Optimizer) -> bool:
    """Returns whether the learning rate of an optimizer follows a schedule."""
    schedule = keras.optimizers.schedules.LearningRateSchedule
    return isinstance(inner_optimizer(optimizer)._learning_rate, schedule)


def inner_optimizer(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Returns the optimizer that a `LossScaleOptimizer` wraps, or `optimizer`."""
    return getattr(optimizer, "inner_optimizer", optimizer)
