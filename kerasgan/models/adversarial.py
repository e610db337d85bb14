"""The base class of `GAN` and `CycleGAN`: two optimizers, `compile` and `fit`."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan import compat, optimizers
from kerasgan.models import compiling
from kerasgan.models.randomness import draw_seed
from kerasgan.models.saving import SavableModel
from kerasgan.penalties import get_all as get_penalties
from kerasgan.training import data_checks, fitting
from kerasgan.version import library_versions

# Means that a step may report, in the order of the logs.
REPORTED = ("d_loss", "g_loss", "real_score", "fake_score")
OPTIONAL = ("penalty", "d_regularization", "g_regularization")


class AdversarialModel(SavableModel):
    """Base class of adversarial models.

    A subclass names its networks in `roles`, returns them from `players`, checks its
    data in `check_batches`, and implements `train_step` with the functions in `moves`.

    Args:
        ema_decay: Float in [0, 1), decay of the averaged generators; None for no
            average.
        seed: Int, random seed for training. By default, it is drawn from Python's
            `random`, which `keras.utils.set_random_seed` seeds.
        name: Name of the model.

    Raises:
        ValueError: If `ema_decay` is out of range.
    """

    # Names of the directions in which the model generates.
    directions: tuple[str, ...] = ("",)

    def __init__(
        self,
        ema_decay: float | None = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if ema_decay is not None and not 0.0 <= ema_decay < 1.0:
            raise ValueError(
                f"ema_decay is {ema_decay!r}; expected a number in [0, 1), or None."
            )
        # A NumPy number cannot be saved.
        self.ema_decay = None if ema_decay is None else float(ema_decay)
        self.seed_given = seed is not None
        self.seed = draw_seed() if seed is None else int(seed)
        # Library versions that saved this model, or None if its file has none.
        self.versions: dict[str, str] | None = library_versions()
        self.step = self.add_weight(
            name="step", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.penalties: list[Any] = []
        self.image_metrics: list[keras.metrics.Metric] = []
        self.metrics_of: dict[str, list[keras.metrics.Metric]] = {}
        self.means = {
            name: keras.metrics.Mean(name=name) for name in (*REPORTED, *OPTIONAL)
        }
        # Names of the optional means that steps have reported.
        self.reported: set[str] = set()

    def players(self) -> tuple[list[keras.Model], list[keras.Model]]:
        """Returns the list of generators and the list of discriminators."""
        raise NotImplementedError

    def check_batches(self, batches: list[Any], name: str = "data") -> None:
        """Raises a ValueError if training could not use batches of data.

        Args:
            batches: The first batches, as `fit` yields them.
            name: What the data is, for messages.
        """
        raise NotImplementedError

    def check_data(self, x: Any, y: Any = None, name: str = "data") -> list[Any]:
        """Checks the first batches of data and returns them.

        Args:
            x: A `tf.data.Dataset`, an array, or a `keras.utils.Sequence`.
            y: The targets, if `x` is an array.
            name: What the data is, for messages.

        Raises:
            ValueError: If the model could not train on it.
        """
        batches = data_checks.first_batches(x, y, name)
        self.check_batches(batches, name)
        return batches

    def compile(
        self,
        d_optimizer: Any = None,
        g_optimizer: Any = None,
        loss_fn: Any = "non_saturating",
        label_noise: float | None = None,
        penalties: Sequence[Any] | None = None,
        metrics: Sequence[keras.metrics.Metric] | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool = False,
        **unknown: Any,
    ) -> None:
        """Configures the model for training; see `GAN.compile` for the arguments."""
        known = ("d_optimizer", "g_optimizer", "loss_fn", "label_noise", "penalties")
        compiling.check_no_unknown("compile", unknown, (*known, "metrics"))
        generators, discriminators = self.players()
        compiling.check_one_replica(self, [*generators, *discriminators])
        self.loss_fn = compiling.loss_for(discriminators, loss_fn)
        self.label_noise = compiling.label_noise_for(self.loss_fn, label_noise)
        self.penalties = get_penalties(penalties)
        self.metrics_of = compiling.image_metrics(metrics, self.directions)
        self.image_metrics = list(metrics or [])
        self.reported = {"penalty"} if self.penalties else set()
        self.run_options = {
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        d_optimizer, g_optimizer = optimizers.optimizer_pair(d_optimizer, g_optimizer)
        self.trained = compiling.TrainedVariables(
            compiling.trainable_variables("discriminator", discriminators),
            compiling.trainable_variables("generator", generators),
        )
        self.d_optimizer = optimizers.prepared(
            d_optimizer, discriminators, self.trained.discriminators
        )
        self.g_optimizer = optimizers.prepared(
            g_optimizer, generators, self.trained.generators
        )
        # Keras's own callbacks look at model.optimizer.
        super().compile(
            optimizer=self.g_optimizer, **compat.COMPILE_OPTIONS, **self.run_options
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: None = None,
        sample_weight: None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        *,
        preflight: bool = False,
        **unknown: Any,
    ) -> keras.callbacks.History:
        """Trains the model.

        Takes the arguments of `keras.Model.fit`; `sample_weight` and `class_weight`
        must be None. Before the first step, `fit` checks the shape and values of the
        first images. With `kerasgan.callbacks.RunState` among the callbacks, an
        interrupted run resumes. The order of arrays depends only on the model's seed
        and the number of training steps so far. The order of a dataset of
        `kerasgan.data` depends only on its own seed and that number.

        Args:
            x: Images: a `tf.data.Dataset` of batches, an array, a
                `keras.utils.Sequence`, or a generator of batches.
            y: Array of target images, if `x` is an array of source images.
            batch_size: Int, images in a batch of arrays; 32 by default.
            epochs: Int, number of the final epoch, as in Keras.
            callbacks: List of Keras callbacks.
            validation_data: As in Keras. It is checked like `x`.
            preflight: Whether to run `kerasgan.preflight` first and print its table.

        Returns:
            Keras's `History`.

        Raises:
            ValueError: If an argument is out of range, the data does not fit the
                networks, or the model is not compiled.
            TypeError: If an argument is unknown.
        """
        options = locals()
        for name in ("self", "unknown", "__class__"):
            options.pop(name, None)
        compiling.check_no_unknown("fit", unknown, options)
        for name in ("sample_weight", "class_weight"):
            if options.pop(name) is not None:
                raise ValueError(
                    f"{name} is given; expected None, because all images have the "
                    "same weight."
                )
        self.check_ready()
        return fitting.fit(self, super().fit, **options)

    def check_ready(self) -> None:
        """Raises a ValueError if the model cannot train as it is."""
        if not self.is_compiled:
            raise ValueError(
                f"model {self.name!r} is not compiled; expected compile to be called "
                "before fit."
            )
        generators, discriminators = self.players()
        compiling.check_one_replica(self, [*generators, *discriminators])
        problem = compiling.changed_since_compile(self)
        if problem:
            raise ValueError(f"{problem}.")

    def adopt_seed(self, seed: int) -> None:
        """Takes the seed of a run that resumes, unless the model was given one."""
        if not self.seed_given:
            self.seed = seed
            # Functions traced before draw from the old seed.
            self.train_function = self.test_function = None

    def finalize_weights(self) -> None:
        """Overwrites weights with their averages where an optimizer has `use_ema`."""
        optimizers.overwrite_with_averages(
            self.d_optimizer, self.trained.discriminators
        )
        optimizers.overwrite_with_averages(self.g_optimizer, self.trained.generators)

    @property
    def steps_taken(self) -> int:
        """Number of training steps so far."""
        # Under a strategy the variable has one copy per replica.
        return int(tf.convert_to_tensor(self.step))

    @property
    def image_metric_list(self) -> list[keras.metrics.Metric]:
        """The metrics of images, of all directions."""
        return [metric for group in self.metrics_of.values() for metric in group]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All metrics of the model."""
        return [*self.means.values(), *self.image_metric_list]

    def logs(self, training: bool) -> dict[str, Any]:
        """Returns what a step reports.

        `loss` is the sum of `d_loss` and `g_loss`. No optimizer minimizes it, but
        Keras's callbacks look for it: `TerminateOnNaN` reads nothing else.

        Args:
            training: Whether the model trains.
        """
        logs = {
            name: mean.result()
            for name, mean in self.means.items()
            if name not in OPTIONAL
            or (name in self.reported and (training or name == "penalty"))
        }
        return {**logs, "loss": logs["d_loss"] + logs["g_loss"]}

    def evaluate(
        self, *args: Any, return_dict: bool = False, **kwargs: Any
    ) -> dict[str, float] | list[float]:
        """Evaluates the averaged generator on data, as `keras.Model.evaluate` does.

        The metrics of images are computed once, at the end, because some take seconds.

        Args:
            *args: As in `keras.Model.evaluate`.
            return_dict: Whether to return a dict instead of a list.
            **kwargs: As in `keras.Model.evaluate`.

        Returns:
            The values by name, or in the order of the names.
        """
        logs = dict(super().evaluate(*args, return_dict=True, **kwargs))
        loss = logs.pop("loss")
        for metric in self.image_metric_list:
            logs.update(_values_of(metric))
        logs["loss"] = loss
        return logs if return_dict else [*logs.values()]

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the logs of training; Keras calls this after each epoch."""
        return self.logs(training=True)


def _values_of(metric: keras.metrics.Metric) -> dict[str, float]:
    """Returns the result of a metric by log name."""
    result = metric.result()
    values = result if isinstance(result, dict) else {metric.name: result}
    return {name: float(value) for name, value in values.items()}
