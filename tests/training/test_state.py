import json

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan import compat
from kerasgan.training import state
from kerasgan.training.variable_copy import as_array


def model(width=3, optimizer=keras.optimizers.Adam, rate=0.25):
    generator = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(width * 3),
            keras.layers.Reshape((1, width, 3)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((1, width, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    gan = kerasgan.GAN(discriminator, generator, seed=0)
    gan.compile(optimizer(0.5), optimizer(rate))
    return gan


def trained(**options):
    gan = model(**options)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 1, 3, 3)).astype("float32")
    gan.fit(images, batch_size=2, verbose=0)
    return gan


def arrays(model):
    variables = state.named_variables(state.state_variables(model))
    return {name: as_array(variable) for name, variable in variables.items()}


def test_every_variable_is_in_exactly_one_group():
    gan = trained()
    groups = state.state_variables(gan)
    assert set(groups) == {
        *("discriminator", "generator", "d_optimizer", "g_optimizer", "model"),
        *("d_optimizer.config.learning_rate", "g_optimizer.config.learning_rate"),
    }
    held = [id(variable) for group in groups.values() for variable in group]
    assert len(held) == len(set(held))
    metrics = [v for metric in gan.metrics for v in metric.variables]
    every = [*gan.variables, *gan.d_optimizer.variables, *gan.g_optimizer.variables]
    assert set(held) >= {id(variable) for variable in (*every, *metrics)}


def test_variables_can_be_copied_to_another_model():
    one, other = trained(), model(rate=0.125)
    values = arrays(one)
    groups = state.state_variables(other)
    assert state.mismatch(groups, values) is None
    state.write_variables(groups, values)
    for name, value in arrays(other).items():
        np.testing.assert_array_equal(value, values[name])
    assert other.steps_taken == 2
    assert float(np.asarray(other.g_optimizer.learning_rate)) == 0.25


def test_rate_inside_loss_scale_optimizer_has_its_own_group():
    def scaled(rate):
        kinds = keras.optimizers, keras.mixed_precision
        scaling = next(k for k in kinds if hasattr(k, "LossScaleOptimizer"))
        return scaling.LossScaleOptimizer(keras.optimizers.Adam(rate))

    gan = model(optimizer=scaled)
    groups, options = state.state_variables(gan), state.training_options(gan)
    for name, rate in (("d_optimizer", 0.5), ("g_optimizer", 0.25)):
        path = f"{name}.config.inner_optimizer.config.learning_rate"
        assert options[path] == rate
        assert [float(np.asarray(v)) for v in groups[path]] == [rate]
        # Counters, slots and the loss scale are in another group.
        assert len(groups[name]) > 4
        scale = float(compat.loss_scale(getattr(gan, name)))
        values = [np.asarray(v) for v in groups[name]]
        assert any(v.size == 1 and float(v) == scale for v in values)


@pytest.mark.parametrize(
    ("other", "group"),
    [({"width": 4}, "discriminator"), ({"optimizer": keras.optimizers.SGD}, "d_opt")],
)
def test_mismatch_names_group_that_differs(other, group):
    values = arrays(model())
    assert state.mismatch(state.state_variables(model(**other)), values).startswith(
        group
    )


def test_options_are_flat_and_json_serializable():
    options = state.training_options(model())
    assert json.loads(json.dumps(options)) == options
    assert options["g_optimizer.config.learning_rate"] == 0.25
    assert options["seed"] == 0 and options["ema_decay"] == 0.999
    # Options that do not affect the results are left out.
    assert not {"steps_per_execution", "name"} & set(options)
    assert options == state.training_options(model())


def options_with(*layers, name=None):
    """Returns the options of a GAN whose discriminator contains the layers."""
    inner = keras.Sequential([keras.Input((6,)), *layers], name=name)
    x = image = keras.Input((1, 2, 3))
    for layer in (
        keras.layers.Flatten(),
        inner,
        keras.layers.Activation("relu"),
        keras.layers.Dense(1),
    ):
        x = layer(x)
    gan = kerasgan.GAN(keras.Model(image, x), model(width=2).generator, seed=0)
    gan.compile()
    return state.training_options(gan)


def test_layers_are_options_but_their_names_are_not():
    first = options_with(keras.layers.Activation("relu"), keras.layers.Dropout(0.25))
    again = options_with(
        keras.layers.Activation("relu", name="tanh"),
        keras.layers.Dropout(0.25),
        name="inner",
    )
    assert first == again
    for other, changed in (
        ((keras.layers.Activation("tanh"), keras.layers.Dropout(0.25)), ".activation"),
        ((keras.layers.Activation("relu"), keras.layers.Dropout(0.5)), ".rate"),
        ((keras.layers.Dropout(0.25), keras.layers.Activation("relu")), ".class_name"),
        ((keras.layers.Activation("relu"),), ".layers.length"),
    ):
        names = state.changed_options(options_with(*other), first)
        assert names and all(name.startswith("discriminator.") for name in names)
        assert any(name.endswith(changed) for name in names), names


def test_config_keys_of_newer_keras_are_ignored():
    then = options_with(keras.layers.Dropout(0.25))
    now = {**then, "discriminator.config.layers.0.config.quantization": None}
    now["g_optimizer.config.muon_beta"] = 0.9
    assert state.changed_options(now, then) == set()
    assert state.changed_options(then, now) == set()
    # A new kerasgan option is a change, and so is a schedule in place of a number.
    assert state.changed_options({**then, "value_range": None}, then) == (
        set() if then.get("value_range", 0) is None else {"value_range"}
    )
    scheduled = dict(then)
    rate = scheduled.pop("g_optimizer.config.learning_rate")
    scheduled["g_optimizer.config.learning_rate.class_name"] = "CosineDecay"
    scheduled["g_optimizer.config.learning_rate.config.initial_learning_rate"] = rate
    assert state.changed_options(scheduled, then) == {
        "g_optimizer.config.learning_rate"
    }
