"""Learning rate schedules: functions of the optimizer's step count."""

from typing import Any

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive


@keras.saving.register_keras_serializable(package="kerasgan")
class ConstantThenLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is constant, then decays linearly to zero.

    The rate at step `t` is

    - `r` for `t <= constant_steps`,
    - `r * (1 - (t - constant_steps) / decay_steps)` for the next `decay_steps` steps,
    - 0 after that.

    The step is counted by the optimizer and saved with it, so a resumed run continues
    at the right rate. From "Unpaired Image-to-Image Translation using
    Cycle-Consistent Adversarial Networks", Zhu et al. 2017, section 4,
    https://arxiv.org/abs/1703.10593, where each part takes 100 epochs.

    Args:
        initial_learning_rate: Initial rate `r`, a positive float.
        constant_steps: Number of steps before the rate decays, 0 or more.
        decay_steps: Number of steps over which the rate decays to zero.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> rate = kerasgan.schedules.ConstantThenLinearDecay(2e-4, 1000, 1000)
    >>> cyclegan.compile(g_optimizer=keras.optimizers.Adam(rate, beta_1=0.5))
    """

    def __init__(
        self, initial_learning_rate: float, constant_steps: int, decay_steps: int
    ) -> None:
        check_positive(decay_steps=decay_steps)
        if constant_steps != 0:
            check_positive(constant_steps=constant_steps)
        if not initial_learning_rate > 0:
            raise ValueError(
                f"initial_learning_rate is {initial_learning_rate}; expected a "
                "positive number."
            )
        self.initial_learning_rate = initial_learning_rate
        self.constant_steps = constant_steps
        self.decay_steps = decay_steps

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Returns the learning rate at a step, a float32 scalar."""
        # float32 represents integers exactly only up to 2^24.
        left = self.constant_steps + self.decay_steps - tf.cast(step, "float64")
        fraction = tf.clip_by_value(left / self.decay_steps, 0.0, 1.0)
        return tf.cast(self.initial_learning_rate * fraction, "float32")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that `from_config` needs."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable(package="kerasgan")
class LoweredRate(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies the learning rate of another schedule by a constant.

    Args:
        schedule: A Keras learning rate schedule.
        factor: Float that the rate is multiplied by.

    Example:

    >>> rate = kerasgan.schedules.ConstantThenLinearDecay(2e-4, 1000, 1000)
    >>> halved = kerasgan.schedules.LoweredRate(rate, 0.5)
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        factor: float,
    ) -> None:
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        """Returns the learning rate at a step, a float32 scalar."""
        return self.schedule(step) * self.factor

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that `from_config` needs."""
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LoweredRate":
        """Returns the schedule that `get_config` describes."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["factor"])
