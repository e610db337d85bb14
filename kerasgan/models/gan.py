"""`GAN`: trains one generator and one discriminator."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan import inspection
from kerasgan.arguments import check_positive, checked_range
from kerasgan.models import checks
from kerasgan.models import value_range as ranges
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.averaging import averaged_copy
from kerasgan.models.batch import Batch, split, unpack
from kerasgan.models.latents import (
    check_distribution,
    check_latent_dim,
    latent_metadata,
)
from kerasgan.models.metadata import image_metadata
from kerasgan.models.moves import DiscriminatorBatch, call_network, discriminate
from kerasgan.models.objectives import generator_objective
from kerasgan.models.randomness import LATENTS, PENALTY, fold_in, step_seed
from kerasgan.models.sampling import ImageSampler
from kerasgan.models.step import (
    count_step,
    discriminators_objective,
    evaluate_discriminators,
    evaluation_seed,
    minimize,
    needs_real,
    report,
)


@keras.saving.register_keras_serializable(package="kerasgan")
class GAN(ImageSampler, AdversarialModel):
    """A generator and a discriminator trained against each other.

    The input of the generator determines what the data must contain. If the input is a
    vector or a 1x1 map, the model samples latents, and the data must contain images. If
    the input is an image, the model translates images, and the data must contain pairs
    `(source, target)`. The discriminator may return one value per image, or a map of
    values, one for each patch. Each step updates the discriminator, then the generator,
    as in "Generative Adversarial Networks", Goodfellow et al. 2014,
    https://arxiv.org/abs/1406.2661, algorithm 1. Unlike there, the generator's update
    uses the same generated images as the discriminator's last update.

    Keras's callbacks use `model.optimizer`, which is the generator's optimizer. To
    apply a callback to the discriminator's optimizer, or to both, use
    `kerasgan.callbacks.ForOptimizer`. Layers that draw random numbers themselves, such
    as `Dropout`, use Keras's random generators and do not depend on `seed`.

    Args:
        discriminator: Keras model that takes images `(height, width, channels)`. Higher
            values mean that an image looks more real.
        generator: Keras model that returns images of that shape. Its input is latents
            `(latent_dim,)` or `(1, 1, latent_dim)`, or images.
        latent_dim: Int, length of the latents. By default, it is inferred from the
            generator.
        latent_distribution: `"normal"` for standard normal latents, or a pair
            `(low, high)` for uniform latents.
        ema_decay: Float in [0, 1), decay of the moving average of the generator's
            weights. `generate`, `predict` and `evaluate` use the averaged generator.
            None disables the average.
        value_range: Pair of floats, the range of the images. By default, it is inferred
            from the generator's last layers: `tanh` means (-1, 1).
        seed: Int, random seed of training: latents, label noise, penalties and the
            order of arrays. By default, a random seed is chosen.
        name: Name of the model.

    Raises:
        ValueError: If the shapes of the networks do not match, the networks share
            layers, or an argument is out of range.

    Example:

    >>> gan = kerasgan.GAN(
    ...     generator=kerasgan.networks.dcgan_generator((64, 64, 3)),
    ...     discriminator=kerasgan.networks.dcgan_discriminator((64, 64, 3)),
    ... )
    >>> gan.compile(loss_fn="non_saturating", label_noise=0.05)
    >>> gan.fit(kerasgan.data.synthetic_faces(64), epochs=10)
    >>> images = gan.generate(16, seed=0)  # (16, 64, 64, 3) in [-1, 1]
    """

    roles = ("discriminator", "generator")

    def __init__(
        self,
        discriminator: keras.Model,
        generator: keras.Model,
        latent_dim: int | None = None,
        *,
        latent_distribution: str | tuple[float, float] = "normal",
        ema_decay: float | None = 0.999,
        value_range: tuple[float, float] | None = None,
        seed: int | None = None,
        name: str = "gan",
    ) -> None:
        super().__init__(ema_decay, seed=seed, name=name)
        inspection.input_shape("generator", generator)
        checks.check_networks_meet(generator, discriminator)
        checks.check_nothing_shared(
            {"generator": generator, "discriminator": discriminator}
        )
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = check_latent_dim(latent_dim, self.latent_shape)
        self.latent_distribution = check_distribution(latent_distribution)
        self.given_range = checked_range(value_range)
        self.ema_generator = None
        if ema_decay is not None:
            self.ema_generator, self._update_average = averaged_copy(generator)
        self.built = True

    def players(self) -> tuple[list[keras.Model], list[keras.Model]]:
        """Returns the list of generators and the list of discriminators."""
        return [self.generator], [self.discriminator]

    def compile(  # type: ignore[override]  # one argument more
        self,
        d_optimizer: Any = None,
        g_optimizer: Any = None,
        loss_fn: Any = "non_saturating",
        label_noise: float | None = None,
        penalties: Sequence[Any] | None = None,
        metrics: Sequence[keras.metrics.Metric] | None = None,
        discriminator_steps: int = 1,
        **options: Any,
    ) -> None:
        """Configures the model for training.

        Args:
            d_optimizer: Keras optimizer of the discriminator, or its name. By default,
                Adam with learning rate 2e-4 and beta_1 0.5, as in the DCGAN paper.
            g_optimizer: The same for the generator. It must be a different object.
            loss_fn: Name of an adversarial loss (`"minimax"`, `"non_saturating"`,
                `"least_squares"`), an object of `kerasgan.losses`, an object with the
                methods `discriminator_loss` and `generator_loss`, or a Keras loss or
                its name.
            label_noise: Float in [0, 1]. Each label is moved towards the other class by
                a number drawn uniformly between 0 and `label_noise`. The default is
                0.05 for Keras's binary cross-entropy, as in Keras's DCGAN guide, and 0
                for other losses.
            penalties: List of penalties on the discriminator: names
                (`"gradient_penalty"`, `"r1"`, `"r2"`), objects of
                `kerasgan.penalties`, or callables with the arguments `(discriminate,
                real, fake, seed)`, where `discriminate` maps images to the
                discriminator's outputs. The logs report their sum as `penalty`. It is
                not part of `d_loss`.
            metrics: List of Keras metrics whose `update_state` takes real and generated
                images. `evaluate` and `validation_data` report them, with images from
                the averaged generator.
            discriminator_steps: Int, number of discriminator updates per step. The
                batch is split into equal parts, so that each update uses different real
                images. If the batch size is not divisible by it, the remaining images
                are dropped.
            **options: `run_eagerly`, `steps_per_execution` and `jit_compile`, as in
                `keras.Model.compile`. XLA is off unless `jit_compile=True`, because it
                makes these models slower on a CPU.

        Raises:
            ValueError: If a loss, penalty or metric is unknown, the loss does not match
                the discriminator's last activation, both optimizers are the same
                object, or a number is out of range.
            TypeError: If an argument is unknown.
        """
        check_positive(discriminator_steps=discriminator_steps)
        self.discriminator_steps = discriminator_steps
        super().compile(
            d_optimizer,
            g_optimizer,
            loss_fn,
            label_noise,
            penalties,
            metrics,
            **options,
        )

    def compile_options(self) -> dict[str, Any]:
        """Returns the arguments of `compile` that are plain values."""
        steps = self.discriminator_steps
        return {**super().compile_options(), "discriminator_steps": steps}

    def image_metadata(self) -> dict[str, Any]:
        """Returns the range and shape of images, and of latents or source images."""
        metadata = image_metadata(self.generator, self.given_range)
        if self.latent_shape is not None:
            return {
                **metadata,
                **latent_metadata(self.latent_shape, self.latent_distribution),
            }
        shape = inspection.input_shape("generator", self.generator)
        return {**metadata, "source_shape": list(shape)}

    def check_batches(self, batches: list[Any], name: str = "data") -> None:
        """Raises a ValueError if the model cannot be trained on these batches."""
        checks.check_gan_batches(
            batches,
            name,
            self.generator,
            self.discriminator,
            self.latent_shape is None,
            ranges.known_range(self.given_range, self.generator),
        )

    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the discriminator, then the generator; returns the logs."""
        *earlier, batch = self._batches(data)
        for update, extra in enumerate(earlier, start=1):
            (fake,), _ = call_network(self.generator, extra.inputs, training=True)
            self._train_discriminator(
                DiscriminatorBatch(self.discriminator, extra, fake), update
            )

        tape = tf.GradientTape()
        with tape:
            (fake,), regularization = call_network(
                self.generator, batch.inputs, training=True
            )
        # Outside of the tape: the discriminator's update is not differentiated.
        shown = DiscriminatorBatch(self.discriminator, batch, fake)
        self._train_discriminator(shown)
        with tape:
            outputs = discriminate(
                shown, needs_real=needs_real(self.loss_fn), training=True
            )
            g_loss = self.loss_fn.generator_loss(outputs.fake, outputs.real)
            objective = generator_objective(g_loss, [regularization])
        minimize(self.g_optimizer, tape, objective, self.trained.generators)

        if self.ema_decay is not None:
            self._update_average(self.step, self.ema_decay)
        report(self, objective.terms, shown)
        count_step(self, batch.real)
        return self.logs(training=True)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluates a batch with the averaged generator; returns the logs."""
        seed = evaluation_seed(self)
        batch = self._with_inputs(self._unpacked(data), seed)
        fake = tf.cast(self(batch.inputs), "float32")
        shown = DiscriminatorBatch(self.discriminator, batch, fake)
        objective, _, (outputs,) = evaluate_discriminators(
            self, [shown], fold_in(seed, PENALTY)
        )
        g_loss = self.loss_fn.generator_loss(outputs.fake, outputs.real)
        report(self, {**objective.terms, "g_loss": g_loss}, shown)
        for metric in self.metrics_of[""]:
            metric.update_state(batch.real, fake)
        return self.logs(training=False)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Generates images, with the averaged generator unless `training` is True."""
        average = self.ema_generator
        if training or average is None:
            return self.generator(inputs, training=training)
        return average(inputs, training=False)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, with serialized networks."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "latent_distribution": self.latent_distribution,
            "value_range": self.given_range,
        }

    def _train_discriminator(self, shown: DiscriminatorBatch, update: int = 0) -> None:
        """Updates the discriminator once and reports its metrics."""
        with tf.GradientTape() as tape:
            objective, _ = discriminators_objective(self, [shown], update)
        minimize(self.d_optimizer, tape, objective, self.trained.discriminators)
        report(self, objective.terms, shown)

    def _unpacked(self, data: Any) -> Batch:
        """Returns a batch. Its inputs are None if latents have to be sampled."""
        x, y = unpack(data)
        return Batch(None, x) if self.latent_shape is not None else Batch(x, y)

    def _with_inputs(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """Returns a batch, with sampled latents if it has no inputs."""
        if batch.inputs is not None:
            return batch
        return batch._replace(inputs=self.latents(tf.shape(batch.real)[0], seed))

    def _batches(self, data: Any) -> list[Batch]:
        """Returns a batch for each discriminator update of a step."""
        parts = split(self._unpacked(data), self.discriminator_steps)
        return [
            self._with_inputs(part, step_seed(self.seed, self.step, LATENTS, number))
            for number, part in enumerate(parts)
        ]
