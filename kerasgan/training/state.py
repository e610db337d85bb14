"""The whole state of training, as arrays, and the options that it belongs to."""

import hashlib
import json

import keras
import numpy as np
import tensorflow as tf

from kerasgan.schedules import LoweredRate

# Of a model's configuration: what may change from one part of a run to the next
# without changing a number.
FREE = ("name", "facts", "steps_per_execution")
LOWERED = keras.saving.get_registered_name(LoweredRate)
# Where a network's configuration has names of layers.
NAMES_OF_LAYERS = ("name", "inbound_nodes", "input_layers", "output_layers")
OPTIMIZERS = ("d_optimizer", "g_optimizer")


def state_variables(model):
    """Returns every variable that training changes, in groups.

    Args:
        model: A compiled adversarial model.

    Returns:
        Dict from the name of a group to a list of variables: one group for each
        network and each optimizer, one for each learning rate that is a variable, under
        the name that `training_options` has for it, and `"model"` for all else:
        averages, step, image pools, metrics.
    """
    groups = {role: list(getattr(model, role).variables) for role in model.roles}
    for name in OPTIMIZERS:
        optimizer, path = getattr(model, name), f"{name}.config"
        variables = list(optimizer.variables)
        while hasattr(optimizer, "inner_optimizer"):
            # What a LossScaleOptimizer wraps has the rate.
            optimizer, path = (
                optimizer.inner_optimizer,
                f"{path}.inner_optimizer.config",
            )
        rate = optimizer.learning_rate
        groups[name] = [v for v in variables if v is not rate]
        # Keras 2 does not list it among the variables.
        if any(v is rate for v in variables) or isinstance(rate, tf.Variable):
            groups[f"{path}.learning_rate"] = [rate]
    known = {id(v) for group in groups.values() for v in group}
    others = [*model.variables, *(v for m in model.metrics for v in m.variables)]
    groups["model"] = list({id(v): v for v in others if id(v) not in known}.values())
    return groups


def read_variables(groups):
    """Returns the values of groups of variables, a dict from names to arrays."""
    return {
        f"{group}/{i}": tf.convert_to_tensor(variable).numpy()
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }


def misfit(groups, values):
    """Returns in what group values do not fit the variables, and how; or None.

    Args:
        groups: What `state_variables` returns.
        values: What `read_variables` returned.
    """
    for group, variables in groups.items():
        kept = sum(name.startswith(f"{group}/") for name in values)
        if kept != len(variables):
            return f"{group} has {len(variables)} variables, but the state {kept}"
        for i, variable in enumerate(variables):
            shapes = tuple(variable.shape), values[f"{group}/{i}"].shape
            if shapes[0] != shapes[1]:
                return (
                    f"{group} has a variable of shape {shapes[0]}, where the state has "
                    f"one of {shapes[1]}"
                )
    return None


def write_variables(groups, values):
    """Gives groups of variables the values that `read_variables` returned."""
    for group, variables in groups.items():
        for i, variable in enumerate(variables):
            variable.assign(values[f"{group}/{i}"])


def training_options(model):
    """Returns what training depends on besides its data.

    Args:
        model: A compiled adversarial model.

    Returns:
        A flat dict from names such as `"g_optimizer.config.learning_rate"` to what
        JSON can hold. How a network is built stands there as a short text that is
        another one for another network, whatever its layers are called.
    """
    config = {
        name: value
        for name, value in {**model.get_config(), **model.get_compile_config()}.items()
        if name not in (*FREE, *model.roles)
    }
    networks = {f"{role}.layers": _built(getattr(model, role)) for role in model.roles}
    return {**dict(_flat("", config)), **networks}


def _built(network):
    """Returns a short text that is the same for networks that are built alike."""
    # Layers that are not named have another name in every process.
    numbers = {layer.name: i for i, layer in enumerate(network._flatten_layers())}
    config = _numbered(network.get_config(), numbers)
    # What JSON cannot hold may be told only by where it lies in memory.
    text = json.dumps(config, sort_keys=True, default=lambda _: None)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _numbered(config, numbers, of_layers=False):
    """Returns a network's configuration with numbers for the names of its layers."""
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


def _flat(start, value):
    while isinstance(value, dict) and value.get("registered_name") == LOWERED:
        # By `Diagnosis`, which lowers it again if the run is gone on with.
        value = value["config"]["schedule"]
    if isinstance(value, dict):
        for name, inner in value.items():
            # The sizes of the weights, and where classes live, are no options.
            if name not in ("build_config", "module", "registered_name", "name"):
                yield from _flat(f"{start}.{name}" if start else name, inner)
    elif isinstance(value, (list, tuple)):
        yield start, [v.item() if isinstance(v, np.generic) else v for v in value]
    else:
        yield start, value.item() if isinstance(value, np.generic) else value
