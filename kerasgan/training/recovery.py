"""The last good state of training, and the way back to it."""

import numpy as np
import tensorflow as tf

from kerasgan.optimizers import inner_optimizer, is_scheduled
from kerasgan.schedules import LoweredRate
from kerasgan.training.not_finite import is_finite


class LastGoodState:
    """A copy in memory of all that training has made of a model.

    It has the networks, their averages, pools, and what both optimizers keep, their
    step counts included: a moment and its count belong together, and a schedule of
    the learning rate goes back with them. It has neither the learning rates nor the
    states of random layers nor `model.step`, from which every draw of a step follows:
    put back, they would bring the same rates, latents and coins again, and with them
    what failed.

    Args:
        model: A compiled `GAN` or `CycleGAN`.
    """

    def __init__(self, model):
        self.model = model
        self.values = None
        # What holds the rate, also where Keras wraps it to scale the loss.
        self.optimizers = [
            inner_optimizer(optimizer)
            for optimizer in (model.d_optimizer, model.g_optimizer)
        ]

    def variables(self):
        """Returns the list of variables that go back."""
        # Keras 2 lists metrics among the weights.
        metrics = {id(v) for metric in self.model.metrics for v in metric.variables}
        others = {id(self.model.step), *metrics}
        variables = [v for v in self.model.weights if id(v) not in others]
        for optimizer in self.optimizers:
            rate = optimizer._learning_rate
            variables += [v for v in optimizer.variables if v is not rate]
        return variables

    def is_finite(self):
        """Whether what training has made so far is finite."""
        return is_finite(self.variables())

    def keep(self):
        """Remembers the present state."""
        self.step = self.model.steps_taken
        self.values = [np.array(tf.convert_to_tensor(v)) for v in self.variables()]

    def put_back(self, factor):
        """Puts the remembered state back, and lowers both learning rates.

        Args:
            factor: Float that the present rates are multiplied by.
        """
        for variable, value in zip(self.variables(), self.values, strict=True):
            variable.assign(value)
        for optimizer in self.optimizers:
            rate = optimizer._learning_rate
            if is_scheduled(optimizer):
                lowered = rate.factor if isinstance(rate, LoweredRate) else 1.0
                self._lower_schedule(optimizer, lowered * factor)
            else:
                rate.assign(rate * factor)
        # Metrics are running means: what was not finite would stay in them.
        self.model.reset_metrics()

    def lower_schedules(self, factor):
        """Lets rates that follow a schedule be `factor` times what it says.

        Unlike the others they are no variables, and so in no state that is saved.
        """
        for optimizer in filter(is_scheduled, self.optimizers):
            self._lower_schedule(optimizer, factor)

    def _lower_schedule(self, optimizer, factor):
        rate = optimizer._learning_rate
        schedule = rate.schedule if isinstance(rate, LoweredRate) else rate
        # Keras lets no one assign the rate of a schedule.
        optimizer._learning_rate = LoweredRate(schedule, factor)
        # The old one is part of the training step that was compiled.
        self.model.make_train_function(force=True)
