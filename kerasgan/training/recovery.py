"""The last good state of training, to which `Diagnosis` returns."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasgan.optimizers import inner_optimizer, is_scheduled
from kerasgan.schedules import LoweredRate
from kerasgan.training.not_finite import is_finite
from kerasgan.training.variable_copy import VariableCopy


class LastGoodState:
    """A copy of the state of training, in a temporary file.

    It contains:

    - the weights of the networks and of their averages, and the image pools;
    - the state of both optimizers with their step counts, on which the moments and the
      learning rate schedules depend.

    It does not contain:

    - the scale of the loss in float16, because the higher scale would overflow again;
    - learning rates, because they are lowered;
    - the states of random layers and `model.step`, because training would use the same
      random numbers again and could fail again.

    Args:
        model: A compiled `GAN` or `CycleGAN`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.copy: VariableCopy | None = None
        # The optimizers that hold the rates, inside of any LossScaleOptimizer.
        self.optimizers = [
            inner_optimizer(optimizer)
            for optimizer in (model.d_optimizer, model.g_optimizer)
        ]

    def variables(self) -> Sequence[Any]:
        """Returns the variables that the copy holds."""
        # Keras 2 lists metrics among the weights.
        metrics = {id(v) for metric in self.model.metrics for v in metric.variables}
        others = {id(self.model.step), *metrics}
        variables = [v for v in self.model.weights if id(v) not in others]
        for optimizer in self.optimizers:
            rate = optimizer._learning_rate
            variables += [v for v in optimizer.variables if v is not rate]
        return variables

    def is_finite(self) -> bool:
        """Returns whether all variables are finite now."""
        return is_finite(self.variables())

    def keep(self) -> None:
        """Copies the current state."""
        # If this fails, the previous copy remains.
        copy = VariableCopy(self.variables())
        self.discard()
        self.copy = copy
        self.step = self.model.steps_taken

    def discard(self) -> None:
        """Deletes the copy, if there is one."""
        if self.copy is not None:
            self.copy.close()
            self.copy = None

    def restore(self, factor: float) -> None:
        """Restores the copied state and lowers both learning rates.

        Args:
            factor: Number by which the current rates are multiplied.
        """
        assert self.copy is not None
        self.copy.restore()
        for optimizer in self.optimizers:
            rate = optimizer._learning_rate
            if is_scheduled(optimizer):
                lowered = rate.factor if isinstance(rate, LoweredRate) else 1.0
                self._lower_schedule(optimizer, lowered * factor)
            else:
                rate.assign(rate * factor)
        # Metrics are running means and would stay NaN.
        self.model.reset_metrics()

    def lower_schedules(self, factor: float) -> None:
        """Multiplies learning rates that follow a schedule.

        Unlike other rates they are not variables, so no checkpoint holds them.

        Args:
            factor: Number by which the schedules are multiplied.
        """
        for optimizer in filter(is_scheduled, self.optimizers):
            self._lower_schedule(optimizer, factor)

    def _lower_schedule(
        self, optimizer: keras.optimizers.Optimizer, factor: float
    ) -> None:
        rate = optimizer._learning_rate
        schedule = rate.schedule if isinstance(rate, LoweredRate) else rate
        # Keras does not allow assigning the rate of a schedule.
        optimizer._learning_rate = LoweredRate(schedule, factor)
        # The traced training step still holds the old schedule.
        self.model.make_train_function(force=True)
