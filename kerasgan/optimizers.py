"""Both players' optimizers, as either Keras generation has them."""

import keras

PLAYERS = ("discriminator", "generator")


def optimizer_of(model, player):
    """Returns the optimizer of a player, `"discriminator"` or `"generator"`."""
    return getattr(model, f"{player[0]}_optimizer")


def learning_rate(optimizer):
    """Returns the learning rate of an optimizer at its present step, a float."""
    if is_scheduled(optimizer):
        optimizer = inner_optimizer(optimizer)
        # Keras 2.15 itself remembers that of the step before.
        return float(optimizer._learning_rate(optimizer.iterations))
    return float(optimizer.learning_rate)


def is_scheduled(optimizer):
    """Whether the learning rate of an optimizer follows a schedule."""
    schedule = keras.optimizers.schedules.LearningRateSchedule
    return isinstance(inner_optimizer(optimizer)._learning_rate, schedule)


def inner_optimizer(optimizer):
    """Returns what a `LossScaleOptimizer` wraps."""
    return getattr(optimizer, "inner_optimizer", optimizer)
