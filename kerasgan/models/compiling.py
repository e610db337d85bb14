"""The arguments of `compile`: checks, defaults and saving."""

import copy
import dataclasses
import difflib
import inspect
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan import losses
from kerasgan.models import checks

# The label noise of Keras's guide to DCGAN, which trains with binary cross-entropy.
GUIDE_LABEL_NOISE = 0.05
# Arguments of `compile` that are objects, or lists of them.
OBJECTS = ("d_optimizer", "g_optimizer", "loss_fn", "penalties", "metrics")
# Arguments of `keras.Model` methods that are not supported, and their replacements.
REPLACED = {
    "optimizer": "d_optimizer for discriminators and g_optimizer for generators",
    "loss": "loss_fn",
    "loss_weights": "weights of the loss, of penalties, or of CycleGAN.compile",
    "penalty": "penalties, a list",
    "weighted_metrics": "metrics",
    "auto_scale_loss": "no such argument, because losses are scaled automatically with "
    "mixed_float16",
    "workers": "num_parallel_calls of a tf.data.Dataset, or workers of a "
    "keras.utils.PyDataset",
    "use_multiprocessing": "a tf.data.Dataset, or use_multiprocessing of a "
    "keras.utils.PyDataset",
    "max_queue_size": "prefetch of a tf.data.Dataset, or max_queue_size of a "
    "keras.utils.PyDataset",
}


@dataclasses.dataclass(frozen=True)
class TrainedVariables:
    """The variables that each player's optimizer was built for.

    A plain object, because Keras would track lists of variables as new ones.
    """

    discriminators: list[Any]
    generators: list[Any]


def check_no_unknown(
    method: str, unknown: dict[str, Any], known: Iterable[str]
) -> None:
    """Raises a TypeError for arguments that a method does not have.

    Args:
        method: Name of the method.
        unknown: The arguments it does not have.
        known: Names of the arguments it has.
    """
    for name in unknown:
        near = difflib.get_close_matches(name, list(known), n=1)
        expected = REPLACED.get(name) or (near[0] if near else "no such argument")
        raise TypeError(f"{method} got {name}; expected {expected}.")


def check_one_replica(model: keras.Model, networks: Sequence[keras.Model]) -> None:
    """Raises a ValueError if a model or a network has more than one replica.

    Networks may have been built in the scope of a strategy that the model is not in.
    """
    owners = [tf.distribute.get_strategy(), model.distribute_strategy]
    for variable in (v for network in networks for v in network.variables):
        # Keras 3 wraps TensorFlow's variable, whose own `value` is a method.
        value = getattr(variable, "value", None)
        inner = variable if callable(value) else value
        owners.append(getattr(inner, "distribute_strategy", None))
    replicas = max(getattr(owner, "num_replicas_in_sync", 1) for owner in owners)
    if replicas > 1:
        raise ValueError(
            f"the strategy has {replicas} replicas; expected one, because gradients of "
            "several replicas are not combined yet."
        )


def loss_for(discriminators: Sequence[keras.Model], loss_fn: Any) -> Any:
    """Returns the adversarial loss for `loss_fn` if it fits the discriminators."""
    loss = losses.get(loss_fn)
    for discriminator in discriminators:
        checks.check_loss_fits(discriminator, loss)
    return loss


def label_noise_for(loss: Any, label_noise: float | None) -> float:
    """Returns the label noise of training.

    Args:
        loss: An adversarial loss.
        label_noise: The argument of `compile`. None means the default for the loss.

    Raises:
        ValueError: If it is out of range, or the loss does not use labels.
    """
    if label_noise is None:
        cross_entropy = (
            isinstance(loss, losses.KerasLoss) and loss.discriminator_output is not None
        )
        label_noise = GUIDE_LABEL_NOISE if cross_entropy else 0.0
    if not 0.0 <= label_noise <= 1.0:
        raise ValueError(f"label_noise is {label_noise}; expected a number in [0, 1].")
    if label_noise:
        _check_takes_labels(loss, label_noise)
    return float(label_noise)


def _check_takes_labels(loss: Any, label_noise: float) -> None:
    """Raises a ValueError if a loss does not use labels."""
    takes = isinstance(loss, losses.LabelLoss)
    if takes:
        try:
            inspect.signature(loss.discriminator_loss).bind(None, None, labels=None)
        except TypeError:
            takes = False
    if not takes:
        raise ValueError(
            f"label_noise is {label_noise}, but loss_fn {type(loss).__name__} does not "
            "use labels; expected label_noise=0, or a subclass of "
            "kerasgan.losses.LabelLoss whose discriminator_loss takes labels."
        )


def image_metrics(
    metrics: Sequence[Any] | None, directions: Sequence[str]
) -> dict[str, list[keras.metrics.Metric]]:
    """Returns the metrics of each direction.

    Args:
        metrics: List of Keras metrics that take real and generated images.
        directions: Names of the directions, or `("",)` if there is only one.

    Raises:
        ValueError: If `metrics` is not a list of Keras metrics.
    """
    metrics = [] if metrics is None else metrics
    if not isinstance(metrics, (list, tuple)) or not all(
        isinstance(metric, keras.metrics.Metric) for metric in metrics
    ):
        raise ValueError(
            f"metrics is {metrics!r}; expected a list of Keras metrics of real and "
            "generated images."
        )
    return {
        direction: [
            metric
            if not direction
            else type(metric).from_config(
                {**metric.get_config(), "name": f"{metric.name}_{direction}"}
            )
            for metric in metrics
        ]
        for direction in directions
    }


def trainable_variables(role: str, networks: Sequence[keras.Model]) -> list[Any]:
    """Returns the trainable variables of networks.

    Args:
        role: `"discriminator"` or `"generator"`, for messages.
        networks: List of Keras models.

    Raises:
        ValueError: If there are none.
    """
    variables = [v for network in networks for v in network.trainable_variables]
    if not variables:
        names = ", ".join(network.name for network in networks)
        raise ValueError(
            f"{role} {names} has no trainable weights; expected at least one."
        )
    return variables


def changed_since_compile(model: Any) -> str | None:
    """Returns what is wrong if layers were frozen or unfrozen since `compile`.

    Args:
        model: A compiled adversarial model.

    Returns:
        A sentence, or None if both players have the variables they were compiled with.
    """
    generators, discriminators = model.players()
    for role, compiled, networks in (
        ("generator", model.trained.generators, generators),
        ("discriminator", model.trained.discriminators, discriminators),
    ):
        now = [v for network in networks for v in network.trainable_variables]
        if [id(v) for v in now] != [id(v) for v in compiled]:
            return (
                f"{role} has {len(now)} trainable variables, but was compiled with "
                f"{len(compiled)}; call compile again after layers are frozen or "
                "unfrozen"
            )
    return None


def config_of(model: keras.Model) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the arguments of `compile` that are saved with a model.

    Args:
        model: A compiled adversarial model.

    Returns:
        The serialized arguments, and the names and classes of those that cannot be
        serialized.
    """
    config: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name in OBJECTS:
        value = getattr(model, "image_metrics" if name == "metrics" else name)
        things = value if isinstance(value, list) else [value]
        saved = [_serialized(thing) for thing in things]
        bad = [_name(t) for t, one in zip(things, saved, strict=True) if one is None]
        if bad:
            missing[name] = ", ".join(bad)
            continue
        config[name] = saved if isinstance(value, list) else saved[0]
    return config, missing


def warn_of_missing(missing: dict[str, str], saving: bool) -> None:
    """Warns that some arguments of `compile` are not saved with a model."""
    names = ", ".join(f"{name} {kind}" for name, kind in missing.items())
    if saving:
        text = (
            f"{names} cannot be saved with the model, because its class has no "
            "get_config or is not registered with "
            "keras.saving.register_keras_serializable. The model is saved without it; "
            "call compile again after loading."
        )
    else:
        text = (
            f"The model was saved without {names}, so it is loaded uncompiled; call "
            "compile before training."
        )
    warnings.warn(text, stacklevel=3)


def deserialized(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of `compile` that `config_of` serialized."""
    return {
        name: [_deserialized(one) for one in value]
        if isinstance(value, list)
        else _deserialized(value)
        for name, value in config.items()
    }


def _deserialized(config: Any) -> Any:
    if isinstance(config, dict) and "class_name" in config:
        kind = keras.saving.get_registered_object(config.get("registered_name") or "")
        if inspect.isclass(kind) and not hasattr(kind, "from_config"):
            # The user's own classes only need get_config.
            return kind(**config["config"])
        return keras.saving.deserialize_keras_object(config)
    return config


def _serialized(thing: Any) -> Any:
    """Returns what a saved model keeps of an object, or None if it cannot be loaded."""
    if not _can_be_saved(thing):
        return None
    try:
        config = keras.saving.serialize_keras_object(thing)
        # A copy, because some classes take their config apart.
        _deserialized(copy.deepcopy(config))
    except Exception:
        # The object may hold others, whose classes may raise anything.
        return None
    return config


def _can_be_saved(thing: Any) -> bool:
    """Returns whether Keras can save an object and find its class again."""
    if isinstance(thing, losses.KerasLoss):
        return _can_be_saved(thing.loss_fn)
    kind = thing if inspect.isfunction(thing) else type(thing)
    if not inspect.isfunction(thing) and not hasattr(kind, "get_config"):
        return False
    if (kind.__module__ or "").partition(".")[0] == "keras":
        return True
    name = keras.saving.get_registered_name(kind)
    return keras.saving.get_registered_object(name) is kind


def _name(thing: Any) -> str:
    if isinstance(thing, losses.KerasLoss):
        thing = thing.loss_fn
    return getattr(thing, "__name__", type(thing).__name__)
