"""Learning rates as a function of the optimizer's own step count."""

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive


@keras.saving.register_keras_serializable(package="kerasgan")
class ConstantThenLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that stays, then falls to zero in a straight line.

    At step `t` the rate is `r` up to `constant_steps`, then
    `r * (1 - (t - constant_steps) / decay_steps)`, and zero from there on. Its
    position is the step count that the optimizer saves, so a run that is resumed
    goes on where it was. From "Unpaired Image-to-Image Translation using
    Cycle-Consistent Adversarial Networks", Zhu et al. 2017, section 4,
    https://arxiv.org/abs/1703.10593, where each part takes 100 epochs.

    Args:
        initial_learning_rate: Float, the rate `r`.
        constant_steps: Int, steps before the rate falls.
        decay_steps: Int, steps until it is zero.

    Raises:
        ValueError: If a number is out of range.

    Example:

    >>> rate = kerasgan.schedules.ConstantThenLinearDecay(2e-4, 1000, 1000)
    >>> cyclegan.compile(g_optimizer=keras.optimizers.Adam(rate, beta_1=0.5))
    """

    def __init__(self, initial_learning_rate, constant_steps, decay_steps):
        check_positive(decay_steps=decay_steps)
        if constant_steps != 0:
            check_positive(constant_steps=constant_steps)
        if not initial_learning_rate > 0:
            raise ValueError(
                f"initial_learning_rate is {initial_learning_rate}; expected a number "
                "above 0."
            )
        self.initial_learning_rate = initial_learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        # A float32 counts exactly up to 2^24 steps only.
        left = self.constant_steps + self.decay_steps - tf.cast(step, "float64")
        part = tf.clip_by_value(left / self.decay_steps, 0.0, 1.0)
        return tf.cast(self.initial_learning_rate * part, "float32")

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable(package="kerasgan")
class LoweredRate(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule's learning rate times a number.

    Args:
        schedule: A Keras learning rate schedule.
        factor: Float.

    Example:

    >>> rate = kerasgan.schedules.ConstantThenLinearDecay(2e-4, 1000, 1000)
    >>> lowered = kerasgan.schedules.LoweredRate(rate, 0.5)
    """

    def __init__(self, schedule, factor):
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step):
        return self.schedule(step) * self.factor

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["factor"])
