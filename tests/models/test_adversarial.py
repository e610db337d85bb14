"""What every adversarial model shares, on the smallest model that has it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan import compat
from kerasgan.models.adversarial import AdversarialModel, apply_gradients


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

    def check_data(self, x, y):
        # Arrays come as a dataset, too.
        if max(np.max(rows) for (rows,) in x) > 1:
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


def test_more_than_one_replica_is_refused(monkeypatch):
    class Two:
        num_replicas_in_sync = 2

    duel = Duel()
    monkeypatch.setattr(tf.distribute, "get_strategy", Two)
    with pytest.raises(ValueError, match="the strategy has 2 replicas"):
        duel.compile()


def test_networks_with_losses_of_their_own_are_refused():
    duel = Duel()
    duel.discriminator = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1, kernel_regularizer="l2"),
        ]
    )
    with pytest.raises(ValueError, match="has losses of its own"):
        duel.compile()


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


def test_apply_gradients_descends():
    weight = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        loss = weight**2
    apply_gradients(keras.optimizers.SGD(0.1), tape, loss, [weight])
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
        apply_gradients(optimizer, tape, loss, [weight])
        return float(weight)

    assert moved(lambda optimizer: optimizer) == 0.0
    assert moved(scaling.LossScaleOptimizer) == pytest.approx(-0.01, rel=1e-2)
