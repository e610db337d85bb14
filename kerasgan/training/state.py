"""The whole training state as arrays, and the options it depends on."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgan import compat
from kerasgan.schedules import LoweredRate

# Parts of a model's configuration that may change without changing any number.
FREE = ("name", "metadata", "steps_per_execution", "metrics")
LOWERED = keras.saving.get_registered_name(LoweredRate)
# Keys of a network's configuration that hold names of layers.
NAMES_OF_LAYERS = ("name", "inbound_nodes", "input_layers", "output_layers")
# Keys that do not change what is computed.
IGNORED = ("build_config", "module", "registered_name", "name")
OPTIMIZERS = ("d_optimizer", "g_optimizer")

Groups = dict[str, list[Any]]
Arrays = dict[str, np.ndarray]


def state_variables(model: Any) -> Groups:
    """Returns every variable that training changes, in groups.

    Args:
        model: An adversarial model.

    Returns:
        Dict from group names to lists of variables. There is a group for each network
        and, if the model is compiled, for each optimizer and each learning rate that is
        a variable, under its name in `training_options`. The group `"model"` holds the
        rest: averages, step, image pools, metrics.
    """
    groups = {role: list(getattr(model, role).variables) for role in model.roles}
    for name in OPTIMIZERS if model.is_compiled else ():
        optimizer, path = getattr(model, name), f"{name}.config"
        variables = compat.optimizer_variables(optimizer)
        while hasattr(optimizer, "inner_optimizer"):
            # A LossScaleOptimizer keeps the rate in the optimizer it wraps.
            optimizer = optimizer.inner_optimizer
            path = f"{path}.inner_optimizer.config"
        rate = optimizer.learning_rate
        groups[name] = [v for v in variables if v is not rate]
        # Keras 2 does not list it among the variables.
        if any(v is rate for v in variables) or isinstance(rate, tf.Variable):
            groups[f"{path}.learning_rate"] = [rate]
    known = {id(v) for group in groups.values() for v in group}
    # Metrics of images are reset by each evaluation.
    image_metrics = [*model.image_metric_list, *model.image_metrics]
    known |= {id(v) for metric in image_metrics for v in metric.variables}
    others = [*model.variables, *(v for m in model.metrics for v in m.variables)]
    groups["model"] = list({id(v): v for v in others if id(v) not in known}.values())
    return groups


def named_variables(groups: Groups) -> dict[str, Any]:
    """Returns a dict from names in a checkpoint to the variables of groups."""
    return {
        f"{group}/{i}": variable
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }


def mismatch(groups: Groups, values: Arrays) -> str | None:
    """Returns how values do not fit groups of variables, or None if they fit.

    Args:
        groups: What `state_variables` returned.
        values: Dict from the names of `named_variables` to arrays.
    """
    for group, variables in groups.items():
        kept = sum(name.startswith(f"{group}/") for name in values)
        if kept != len(variables):
            return f"{group} has {len(variables)} variables, but the checkpoint {kept}"
        for i, variable in enumerate(variables):
            shapes = tuple(variable.shape), values[f"{group}/{i}"].shape
            if shapes[0] != shapes[1]:
                return (
                    f"{group} has a variable of shape {shapes[0]}, but the checkpoint "
                    f"has shape {shapes[1]}"
                )
    return None


def write_variables(groups: Groups, values: Arrays) -> None:
    """Assigns the values of a checkpoint to groups of variables."""
    for group, variables in groups.items():
        for i, variable in enumerate(variables):
            variable.assign(values[f"{group}/{i}"])


def model_config(model: Any) -> dict[str, Any]:
    """Returns what `model_from_config` needs, as JSON-compatible values."""
    return {
        "registered_name": keras.saving.get_registered_name(type(model)),
        "config": model.get_config(),
    }


def model_from_config(config: dict[str, Any]) -> Any:
    """Returns a new model that is not compiled, for what `model_config` returned.

    Raises:
        Exception: If a class is unknown or has changed. Keras raises various ones.
    """
    kind = keras.saving.get_registered_object(config["registered_name"])
    if kind is None:
        raise ValueError(f"the class {config['registered_name']} is not registered")
    return kind.from_config(config["config"])


def training_options(model: Any) -> dict[str, Any]:
    """Returns what training depends on besides its data.

    Args:
        model: A compiled adversarial model.

    Returns:
        A flat dict from names such as `"g_optimizer.config.learning_rate"` to
        JSON-compatible values. Networks are described by the configuration of their
        layers, without the names of layers.
    """
    config = {
        name: value
        for name, value in model.training_config().items()
        if name not in (*FREE, *model.roles)
    }
    networks = {role: _without_names(getattr(model, role)) for role in model.roles}
    return dict(_flat("", {**config, **networks}))


def changed_options(now: dict[str, Any], then: dict[str, Any]) -> set[str]:
    """Returns the names of options whose values differ.

    Another version of Keras may add keys to the configuration of a layer or an
    optimizer. A key of a configuration that only one side has is no change.

    Args:
        now: Options of this training.
        then: Options of a checkpoint.
    """
    return {
        name
        for name in now.keys() | then.keys()
        if (name in now and name in then and now[name] != then[name])
        or (
            (name in now) != (name in then)
            and (
                not _is_config(name) or _is_replaced(name, then if name in now else now)
            )
        )
    }


def _is_config(name: str) -> bool:
    """Returns whether an option is a key of a layer's or an optimizer's config."""
    return ".config." in name and not name.endswith(".length")


def _is_replaced(name: str, others: dict[str, Any]) -> bool:
    """Returns whether others have an object where an option is a plain value."""
    return any(other.startswith(f"{name}.") for other in others)


def _without_names(network: keras.Model) -> Any:
    """Returns the configuration of a network, with numbers for names of layers."""
    # Unnamed layers have another name in every process.
    numbers = {layer.name: i for i, layer in enumerate(network._flatten_layers())}
    return {"config": _numbered(network.get_config(), numbers)}


def _numbered(config: Any, numbers: dict[str, int], of_layers: bool = False) -> Any:
    if isinstance(config, dict):
        return {
            key: _numbered(value, numbers, of_layers or key in NAMES_OF_LAYERS)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return [_numbered(value, numbers, of_layers) for value in config]
    if of_layers and isinstance(config, str):
        return numbers.get(config, config)
    return config


def _flat(start: str, value: Any) -> Iterator[tuple[str, Any]]:
    while isinstance(value, dict) and value.get("registered_name") == LOWERED:
        # `Diagnosis` lowered the rate, and lowers it again when the run resumes.
        value = value["config"]["schedule"]
    if isinstance(value, (list, tuple)) and any(
        isinstance(item, (dict, list, tuple)) for item in value
    ):
        yield f"{start}.length", len(value)
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in IGNORED:
                yield from _flat(f"{start}.{name}" if start else str(name), inner)
    elif isinstance(value, (list, tuple)):
        yield start, [_plain(item) for item in value]
    else:
        yield start, _plain(value)


def _plain(value: Any) -> Any:
    """Returns a value that JSON can hold; None for an object it cannot describe."""
    if isinstance(value, np.generic):
        return value.item()
    known = (str, int, float, bool, type(None))
    return value if isinstance(value, known) else None
