"""What every adversarial model shares, on the smallest model that has it."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import compat
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.moves import apply, differentiate


class Duel(AdversarialModel):
    """Two scalars: one network each, no images."""

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


def test_keras_callbacks_find_the_generators_optimizer():
    duel = Duel()
    duel.compile(d_optimizer="sgd", g_optimizer=keras.optimizers.Adam(0.25))
    assert duel.optimizer is duel.g_optimizer
    assert float(duel.optimizer.learning_rate) == 0.25
    assert type(duel.d_optimizer).__name__ == "SGD"


def test_default_optimizers_are_dcgans_and_two():
    duel = Duel()
    duel.compile()
    assert duel.d_optimizer is not duel.g_optimizer
    for optimizer in (duel.d_optimizer, duel.g_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)
        assert optimizer.get_config()["beta_1"] == 0.5


def test_optimizers_are_built_before_the_first_step():
    duel = Duel()
    duel.compile()
    # Two slots for each of two weights, besides the counters.
    for optimizer in (duel.d_optimizer, duel.g_optimizer):
        slots = [v for v in optimizer.variables if tuple(v.shape) in ((1, 1), (1,))]
        assert len(slots) == 4


def test_xla_is_off_unless_asked_for():
    duel = Duel()
    duel.compile()
    assert not duel.jit_compile
    duel.compile(jit_compile=True)
    assert duel.jit_compile


def test_data_is_checked_before_every_fit():
    duel = Duel()
    duel.compile()
    with pytest.raises(ValueError, match="data is too large"):
        duel.fit(np.full((4, 1), 2.0), verbose=0)
    assert int(duel.step) == 0
    duel.fit(np.zeros((4, 1)), verbose=0)
    with pytest.raises(ValueError, match="data is too large"):
        duel.fit(np.full((4, 1), 2.0), verbose=0)
    assert duel.steps_taken == 1


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_of_images_are_refused(name):
    duel = Duel()
    duel.compile()
    with pytest.raises(ValueError, match=f"{name} is given"):
        duel.fit(np.zeros((4, 1)), verbose=0, **{name: {0: 1.0}})


def test_arguments_of_keras_that_do_not_exist_here_name_their_replacement():
    duel = Duel()
    for arguments, message in (
        ({"optimizer": "adam"}, "compile got optimizer; expected d_optimizer and g_op"),
        ({"loss": "mse"}, "compile got loss; expected loss_fn"),
        ({"penalty": "r1"}, "compile got penalty; expected penalties, a list"),
        ({"los_fn": "mse"}, "compile got los_fn; expected loss_fn"),
    ):
        with pytest.raises(TypeError, match=message):
            duel.compile(**arguments)
    duel.compile()
    for arguments, message in (
        ({"workers": 4}, "fit got workers; expected num_parallel_calls"),
        ({"epoch": 4}, "fit got epoch; expected epochs"),
    ):
        with pytest.raises(TypeError, match=message):
            duel.fit(np.zeros((4, 1)), **arguments)


def test_fit_takes_its_arguments_in_the_order_of_keras():
    def order(function):
        names = list(inspect.signature(function).parameters)
        return [name for name in names if name not in ("self", "kwargs")]

    keras_order = order(keras.Model.fit)
    # Arguments of Keras 2 that Keras 3 has no more come last there.
    shared = [name for name in keras_order if name in order(AdversarialModel.fit)]
    assert shared[:13] == order(AdversarialModel.fit)[:13]


def test_fit_before_compile_is_an_error():
    with pytest.raises(ValueError, match="is not compiled; expected compile"):
        Duel().fit(np.zeros((4, 1)), verbose=0)


def test_only_the_format_that_keeps_everything_can_be_saved(tmp_path):
    with pytest.raises(
        ValueError, match=r"filepath is .*model.h5'; expected .*\.keras"
    ):
        Duel().save(tmp_path / "model.h5")
    with pytest.raises(ValueError, match="expected export_generator"):
        Duel().export(tmp_path / "served")


def test_compile_config_round_trip():
    duel = Duel()
    duel.compile(
        d_optimizer=keras.optimizers.SGD(0.5),
        loss_fn=keras.losses.MeanSquaredError(),
        label_noise=0.25,
        run_eagerly=True,
        steps_per_execution=3,
    )
    other = Duel()
    other.compile_from_config(duel.get_compile_config())
    assert float(other.d_optimizer.learning_rate) == 0.5
    assert type(other.loss_fn.loss_fn) is keras.losses.MeanSquaredError
    assert other.label_noise == 0.25
    assert other.run_eagerly and other.run_options["steps_per_execution"] == 3
    assert Duel().get_compile_config() is None


def update(optimizer, tape, loss, variables):
    apply(optimizer, differentiate(optimizer, tape, loss, variables), variables)


def test_an_update_descends():
    weight = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        loss = weight**2
    update(keras.optimizers.SGD(0.1), tape, loss, [weight])
    assert float(weight) == pytest.approx(3.0 - 0.1 * 6.0)


def test_small_gradients_survive_float16_with_a_scaled_loss():
    kinds = keras.optimizers, keras.mixed_precision
    scaling = next(kind for kind in kinds if hasattr(kind, "LossScaleOptimizer"))

    def moved(wrap):
        weight = keras.Variable(0.0) if compat.KERAS_3 else tf.Variable(0.0)
        optimizer = wrap(keras.optimizers.SGD(1e6))
        optimizer.build([weight])
        with tf.GradientTape() as tape:
            half = tf.cast(tf.convert_to_tensor(weight), "float16")
            # The gradient passes through float16 as 1e-8, which it rounds to 0.
            loss = tf.cast(half, "float32") * 1e-8
        update(optimizer, tape, loss, [weight])
        return float(weight)

    assert moved(lambda optimizer: optimizer) == 0.0
    assert moved(scaling.LossScaleOptimizer) == pytest.approx(-0.01, rel=1e-2)
