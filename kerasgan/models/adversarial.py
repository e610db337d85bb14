"""What every adversarial model shares: two players, two optimizers, one loss."""

import keras
import tensorflow as tf

from kerasgan import penalties
from kerasgan.arguments import check_positive
from kerasgan.models import compiling
from kerasgan.models.moves import apply_gradients, discriminate, report, total
from kerasgan.models.randomness import draw_seed, fold_in, step_seed
from kerasgan.training.fitting import fit
from kerasgan.version import library_versions

# One number for each thing that a step draws, so that no two share a seed.
LATENTS, LABEL_NOISE, EVALUATION, IMAGE_POOL, PENALTY = range(5)


class AdversarialModel(keras.Model):
    """The moves that adversarial models share, and the state behind them.

    A subclass names its networks in `roles`, says who its players are, in
    `players`, and what its data must look like, in `check_data`; its `train_step` is
    put together from the moves here.

    Args:
        ema_decay: Float in [0, 1), decay of the averaged generators, or None for no
            average.
        seed: Int from which every draw of training follows; by default drawn from
            Python's `random`, which `keras.utils.set_random_seed` sets.
        name: Name of the model.

    Raises:
        ValueError: If `ema_decay` is out of range.
    """

    # Names of the arguments, and attributes, that hold networks.
    roles = ()

    def __init__(self, ema_decay=None, seed=None, name=None):
        super().__init__(name=name)
        if ema_decay is not None and not 0.0 <= ema_decay < 1.0:
            raise ValueError(
                f"ema_decay is {ema_decay!r}; expected a number in [0, 1), or None."
            )
        self.ema_decay = ema_decay
        self.seed_given = seed is not None
        self.seed = int(seed) if self.seed_given else draw_seed()
        # Of the libraries that saved it, if it was; None if its file does not say.
        self.versions = library_versions()
        self.step = self.add_weight(
            name="step", shape=(), dtype="int64", initializer="zeros", trainable=False
        )
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")
        self.real_score_metric = keras.metrics.Mean(name="real_score")
        self.fake_score_metric = keras.metrics.Mean(name="fake_score")
        self.penalty = None
        self.penalty_metric = keras.metrics.Mean(name="penalty")

    def players(self):
        """Returns the list of generators and the list of discriminators."""
        raise NotImplementedError

    def image_facts(self):
        """Returns what has to be known of the images, a dict that JSON can hold."""
        return {}

    def check_data(self, x, y):
        """Raises a ValueError if `fit(x, y)` could not train on what it got.

        Returns:
            The first batches, as a list.
        """
        raise NotImplementedError

    def compile(
        self,
        d_optimizer=None,
        g_optimizer=None,
        loss_fn="non_saturating",
        label_noise=None,
        penalty=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile=False,
    ):
        """Configures both players; the arguments are those of `GAN.compile`."""
        compiling.check_replicas()
        generators, discriminators = self.players()
        self.loss_fn = compiling.loss_for(discriminators, loss_fn)
        self.label_noise = compiling.label_noise_for(self.loss_fn, label_noise)
        self.penalty = penalties.get(penalty)
        self.d_optimizer, self.g_optimizer = compiling.optimizer_pair(
            d_optimizer, g_optimizer
        )
        self.run_options = {
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        # Keras's own callbacks look at model.optimizer.
        super().compile(optimizer=self.g_optimizer, **self.run_options)
        # Built here, not at the first step, so that loading finds their variables.
        for optimizer, role, networks in (
            (self.d_optimizer, "discriminator", discriminators),
            (self.g_optimizer, "generator", generators),
        ):
            optimizer.build(compiling.trainable_variables(role, networks))

    def get_compile_config(self):
        """Returns what `compile_from_config` needs; None if it is not compiled."""
        if not hasattr(self, "d_optimizer"):
            return None
        return {
            **self.run_options,
            **compiling.serialized_objects(self),
            "label_noise": self.label_noise,
        }

    def compile_from_config(self, config):
        """Compiles the model as it was when `get_compile_config` was called."""
        self.compile(**compiling.deserialized(config))

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        preflight=False,
        **kwargs,
    ):
        """Trains the model, after a look at whether the data fits it.

        Takes what `keras.Model.fit` takes and returns its `History`. Before the
        first step, the first images are compared with the networks: their shape,
        and their range against the generator's last activation. With
        `kerasgan.callbacks.RunState` among the callbacks, training goes on where it
        was stopped. With `preflight=True`, `kerasgan.preflight` looks first, and prints
        its table. Arrays come in orders that follow from the model's `seed`.

        Raises:
            ValueError: If the data does not fit the networks, or `epochs` or
                `batch_size` is not positive.
        """
        check_positive(epochs=epochs)
        if batch_size is not None:
            check_positive(batch_size=batch_size)
        for name in ("sample_weight", "class_weight"):
            if kwargs.get(name) is not None:
                raise ValueError(f"{name} is given; expected None: images weigh alike.")
        return fit(
            self,
            super().fit,
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            preflight=preflight,
            **kwargs,
        )

    def adopt_seed(self, seed):
        """Takes the seed of the run that is gone on with, unless one was given."""
        if not self.seed_given:
            self.seed = seed
            # What was built before draws from the seed of before.
            self.train_function = self.test_function = None

    @property
    def facts(self):
        """What a saved file says of the model, a dict that JSON can hold."""
        return {
            "kind": type(self).__name__,
            **self.image_facts(),
            # Keras keeps it as something that JSON does not take for a dict.
            "versions": self.versions and dict(self.versions),
        }

    @property
    def steps_taken(self):
        """Training steps so far, as an int."""
        # Under a strategy the variable is one a replica, which int() does not take.
        return int(tf.convert_to_tensor(self.step))

    @property
    def metrics(self):
        return [
            self.d_loss_metric,
            self.g_loss_metric,
            self.real_score_metric,
            self.fake_score_metric,
            *([] if self.penalty is None else [self.penalty_metric]),
        ]

    def get_metrics_result(self):
        """Returns the metrics, and as `loss` the sum of `d_loss` and `g_loss`.

        No player minimizes it. Keras's own callbacks look for it: `TerminateOnNaN`
        at nothing else, others where they are not told what to monitor.
        """
        logs = super().get_metrics_result()
        return {**logs, "loss": logs["d_loss"] + logs["g_loss"]}

    def get_config(self):
        networks = {
            role: keras.saving.serialize_keras_object(getattr(self, role))
            for role in self.roles
        }
        return {
            **networks,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
            "name": self.name,
            "facts": {**self.facts, "versions": library_versions()},
        }

    @classmethod
    def from_config(cls, config):
        networks = {
            role: keras.saving.deserialize_keras_object(config[role])
            for role in cls.roles
        }
        options = {**config, **networks}
        facts = options.pop("facts", {})
        model = cls(**options)
        model.versions = facts.get("versions")
        return model

    def count_step(self, done):
        """Counts a training step.

        Args:
            done: Tensor that is there once the step had a batch. At the end of data of
                unknown length TensorFlow begins a step that has none.
        """
        with tf.control_dependencies([done]):
            self.step.assign_add(1)

    def update_discriminators(self, rounds, purpose=0):
        """Updates discriminators once, and the metrics with their answers.

        Args:
            rounds: List of `(discriminator, real, fake)`, one a discriminator.
            purpose: Int that tells this update from others in the step.

        Returns:
            The list of their losses.
        """
        with tf.GradientTape() as tape:
            answers = [discriminate(*one, training=True) for one in rounds]
            d_losses = [
                self.discriminator_loss(real, fake, purpose * len(rounds) + i)
                for i, (real, fake) in enumerate(answers)
            ]
            d_loss = total(d_losses)
            seed = step_seed(self.seed, self.step, PENALTY, purpose)
            penalty = self.penalize(rounds, seed, training=True)
            minimized = d_loss if penalty is None else d_loss + penalty
        variables = [v for one in rounds for v in one[0].trainable_variables]
        apply_gradients(self.d_optimizer, tape, minimized, variables)
        self.report_discriminators(d_loss, answers, penalty)
        return d_losses

    def penalize(self, rounds, seed, training):
        """Returns the penalty on discriminators, a scalar; None without one.

        Args:
            rounds: As in `update_discriminators`.
            seed: A seed for stateless operations.
            training: Whether they are trained.
        """
        if self.penalty is None:
            return None
        return total(
            [
                self.penalty(*one, fold_in(seed, i), training)
                for i, one in enumerate(rounds)
            ]
        )

    def evaluation_seed(self):
        """Returns the seed of one batch of an evaluation.

        It follows from the count of images since the metrics were reset: an evaluation
        draws the same whenever it is repeated.
        """
        seen = tf.cast(tf.convert_to_tensor(self.d_loss_metric.count), "int64")
        return step_seed(self.seed, seen, EVALUATION)

    def report_discriminators(self, d_loss, answers, penalty):
        """Updates the metrics of the discriminators.

        Args:
            d_loss: The sum of their losses.
            answers: List of pairs of answers to real and to generated images.
            penalty: The sum of their penalties, or None.
        """
        n = tf.shape(answers[0][0])[0]
        for metric, values in zip(
            (self.real_score_metric, self.fake_score_metric),
            zip(*answers, strict=True),
            strict=True,
        ):
            score = tf.add_n([tf.reduce_mean(v) for v in values]) / len(values)
            report(metric, score, n)
        report(self.d_loss_metric, d_loss, n)
        if penalty is not None:
            report(self.penalty_metric, penalty, n)

    def draw_labels(self, real, fake, purpose):
        """Draws the labels of one discriminator's update.

        Args:
            real: Answers to real images.
            fake: Answers to generated images.
            purpose: Int that tells this update from others in the step.

        Returns:
            A pair of tensors shaped like `real` and `fake`: 1 and 0, each moved
            towards the other by up to `label_noise`.
        """
        noise = [
            tf.random.stateless_uniform(
                tf.shape(answers),
                step_seed(self.seed, self.step, LABEL_NOISE, purpose, player),
                maxval=self.label_noise,
                dtype=answers.dtype,
            )
            for player, answers in enumerate((real, fake))
        ]
        return 1.0 - noise[0], noise[1]

    def discriminator_loss(self, real, fake, purpose):
        """Returns the discriminator's loss on its answers, with label noise if any."""
        if not self.label_noise:
            return self.loss_fn.discriminator_loss(real, fake)
        labels = self.draw_labels(real, fake, purpose)
        return self.loss_fn.discriminator_loss(real, fake, labels=labels)
