"""Behavior that all adversarial models share, tested on a minimal model."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import compat
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.moves import apply, differentiate


class MinimalModel(AdversarialModel):
    """A minimal adversarial model: two scalar networks and no images."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        self.discriminator = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1)]
        )
        self.built = True

    def players(self):
        return [self.generator], [self.discriminator]

    def check_batches(self, batches, name="data"):
        if max(np.max(rows) for (rows,) in batches) > 1:
            raise ValueError("data is too large")

    def train_step(self, data):
        self.step.assign_add(1)
        return self.get_metrics_result()


def test_optimizer_attribute_is_generator_optimizer():
    model = MinimalModel()
    model.compile(d_optimizer="sgd", g_optimizer=keras.optimizers.Adam(0.25))
    assert model.optimizer is model.g_optimizer
    assert float(model.optimizer.learning_rate) == 0.25
    assert type(model.d_optimizer).__name__ == "SGD"


def test_default_optimizers_follow_dcgan():
    model = MinimalModel()
    model.compile()
    assert model.d_optimizer is not model.g_optimizer
    for optimizer in (model.d_optimizer, model.g_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert optimizer.get_config()["beta_1"] == 0.5


def test_compile_builds_optimizers():
    model = MinimalModel()
    model.compile()
    # Two slots for each of two weights, besides the counters.
    for optimizer in (model.d_optimizer, model.g_optimizer):
        slots = [v for v in optimizer.variables if tuple(v.shape) in ((1, 1), (1,))]
        assert len(slots) == 4


def test_jit_compile_is_off_by_default():
    model = MinimalModel()
    model.compile()
    assert not model.jit_compile
    model.compile(jit_compile=True)
    assert model.jit_compile


@pytest.mark.slow
def test_data_is_checked_before_every_fit():
    model = MinimalModel()
    model.compile()
    with pytest.raises(ValueError, match="data is too large"):
        model.fit(np.full((4, 1), 2.0), verbose=0)
    assert int(model.step) == 0
    model.fit(np.zeros((4, 1)), verbose=0)
    with pytest.raises(ValueError, match="data is too large"):
        model.fit(np.full((4, 1), 2.0), verbose=0)
    assert model.steps_taken == 1


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_sample_and_class_weights_raise(name):
    model = MinimalModel()
    model.compile()
    with pytest.raises(ValueError, match=f"{name} is given"):
        model.fit(np.zeros((4, 1)), verbose=0, **{name: {0: 1.0}})


def test_unsupported_keras_arguments_name_replacement():
    model = MinimalModel()
    for arguments, message in (
        ({"optimizer": "adam"}, "compile got optimizer; expected d_optimizer for d"),
        ({"loss": "mse"}, "compile got loss; expected loss_fn"),
        ({"penalty": "r1"}, "compile got penalty; expected penalties, a list"),
        ({"los_fn": "mse"}, "compile got los_fn; expected loss_fn"),
    ):
        with pytest.raises(TypeError, match=message):
            model.compile(**arguments)
    model.compile()
    for arguments, message in (
        ({"workers": 4}, "fit got workers; expected num_parallel_calls"),
        ({"epoch": 4}, "fit got epoch; expected epochs"),
    ):
        with pytest.raises(TypeError, match=message):
            model.fit(np.zeros((4, 1)), **arguments)


def test_fit_arguments_are_in_keras_order():
    def order(function):
        names = list(inspect.signature(function).parameters)
        return [name for name in names if name not in ("self", "kwargs")]

    keras_order = order(keras.Model.fit)
    # Arguments that Keras 3 removed are last in Keras 2.
    shared = [name for name in keras_order if name in order(AdversarialModel.fit)]
    assert shared[:13] == order(AdversarialModel.fit)[:13]


def test_fit_before_compile_raises():
    with pytest.raises(ValueError, match="is not compiled; expected compile"):
        MinimalModel().fit(np.zeros((4, 1)), verbose=0)


def test_unsupported_save_formats_raise(tmp_path):
    with pytest.raises(
        ValueError, match=r"filepath is .*model.h5'; expected .*\.keras"
    ):
        MinimalModel().save(tmp_path / "model.h5")
    with pytest.raises(ValueError, match="expected export_generator"):
        MinimalModel().export(tmp_path / "served")


def test_compile_config_round_trip():
    model = MinimalModel()
    model.compile(
        d_optimizer=keras.optimizers.SGD(0.5),
        loss_fn=keras.losses.MeanSquaredError(),
        label_noise=0.25,
        run_eagerly=True,
        steps_per_execution=3,
    )
    other = MinimalModel()
    other.compile_from_config(model.get_compile_config())
    assert float(other.d_optimizer.learning_rate) == 0.5
    assert type(other.loss_fn.loss_fn) is keras.losses.MeanSquaredError
    assert other.label_noise == 0.25
    assert other.run_eagerly and other.run_options["steps_per_execution"] == 3
    assert MinimalModel().get_compile_config() is None


def apply_update(optimizer, tape, loss, variables):
    apply(optimizer, differentiate(optimizer, tape, loss, variables), variables)


def test_update_descends_gradient():
    weight = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        loss = weight**2
    apply_update(keras.optimizers.SGD(0.1), tape, loss, [weight])
    assert float(weight) == pytest.approx(3.0 - 0.1 * 6.0)


def test_loss_scaling_preserves_small_float16_gradients():
    kinds = keras.optimizers, keras.mixed_precision
    scaling = next(kind for kind in kinds if hasattr(kind, "LossScaleOptimizer"))

    def updated_weight(wrap):
        weight = keras.Variable(0.0) if compat.KERAS_3 else tf.Variable(0.0)
        optimizer = wrap(keras.optimizers.SGD(1e6))
        optimizer.build([weight])
        with tf.GradientTape() as tape:
            half = tf.cast(tf.convert_to_tensor(weight), "float16")
            # The gradient of 1e-8 is rounded to 0 in float16.
            loss = tf.cast(half, "float32") * 1e-8
        apply_update(optimizer, tape, loss, [weight])
        return float(weight)

    assert updated_weight(lambda optimizer: optimizer) == 0.0
    assert updated_weight(scaling.LossScaleOptimizer) == pytest.approx(-0.01, rel=1e-2)
