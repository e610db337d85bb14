"""`CycleGAN`: translates images between two domains."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgan.arguments import check_positive, size_pair
from kerasgan.models import value_range as ranges
from kerasgan.models.adversarial import AdversarialModel
from kerasgan.models.averaging import averaged_copy
from kerasgan.models.batch import Batch, unpack
from kerasgan.models.cycle_checks import (
    check_cycle,
    check_identity,
    check_pairs,
    domain_ranges,
    size_of_images,
    weight_pair,
)
from kerasgan.models.cycle_step import (
    DIRECTIONS,
    TERMS,
    mean_of,
    pooled,
    terms,
    translate_batch,
    weighted_loss,
)
from kerasgan.models.image_pool import ImagePool
from kerasgan.models.metadata import image_metadata
from kerasgan.models.moves import DiscriminatorBatch
from kerasgan.models.objectives import generator_objective
from kerasgan.models.step import (
    count_step,
    discriminators_objective,
    evaluate_discriminators,
    evaluation_seed,
    minimize,
    report,
)
from kerasgan.models.translator import ImageTranslator


@keras.saving.register_keras_serializable(package="kerasgan")
class CycleGAN(ImageTranslator, AdversarialModel):
    """Learns to translate images between two domains from unpaired images.

    One generator translates images of domain a to domain b, the other translates back.
    Each is trained to fool the discriminator of its target domain, and both together to
    reconstruct the original image. From "Unpaired Image-to-Image Translation using
    Cycle-Consistent Adversarial Networks", Zhu et al. 2017,
    https://arxiv.org/abs/1703.10593.

    The data must contain pairs `(a, b)` of batches, for example from
    `kerasgan.data.unpaired`. Images at the same position do not have to correspond.
    Each step updates the generators, then the discriminators. The discriminators are
    trained on the translations of this step and, at random, on older ones from an image
    pool. Each generator is called twice per step: first on the images of both domains,
    for the translation and the identity term, then on the other generator's
    translations. Networks with batch normalization or unknown layers are called on each
    batch separately instead.

    Keras's callbacks use `model.optimizer`, which is the generators' optimizer. To
    apply a callback to the discriminators' optimizer, or to both, use
    `kerasgan.callbacks.ForOptimizer`.

    Args:
        generator_ab: Keras model that translates images of domain a to domain b. It
            must keep their height and width.
        generator_ba: Keras model that translates images of domain b to domain a.
        discriminator_a: Keras model that takes images of domain a, `(height, width,
            channels)`. Higher values mean that an image looks more real.
        discriminator_b: The same for domain b.
        pool_size: Int, number of images in the pool of each domain. 0 disables the
            pool.
        ema_decay: Float in [0, 1), decay of the moving average of the generators'
            weights. `translate` uses the averaged generators. None disables the
            average.
        image_size: Int, or a pair `(height, width)`, size of the training images in
            pixels. Required only if there is a pool and no network has a fixed size.
        value_range: Pair of floats, the range of the images, or a dict with a pair for
            `"a"` and `"b"`. By default, it is inferred from the generators' last
            layers: `tanh` means (-1, 1).
        seed: Int, random seed of the image pool and the label noise. By default, a
            random seed is chosen.
        name: Name of the model.

    Raises:
        ValueError: If the shapes of the networks do not match, the networks share
            layers, or an argument is out of range.

    Example:

    >>> shape = (64, 64, 3)
    >>> cyclegan = kerasgan.CycleGAN(
    ...     kerasgan.networks.resnet_generator(shape, width=32, blocks=6),
    ...     kerasgan.networks.resnet_generator(shape, width=32, blocks=6),
    ...     kerasgan.networks.patchgan_discriminator(shape, width=32),
    ...     kerasgan.networks.patchgan_discriminator(shape, width=32),
    ... )
    >>> cyclegan.compile(adversarial_weight=2.0)  # as in the authors' programs
    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", 64, batch_size=4)
    >>> cyclegan.fit(kerasgan.data.unpaired(men, women), epochs=50)
    >>> translated = cyclegan.translate(images_of_men, direction="a2b")
    """

    roles = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    directions = DIRECTIONS

    def __init__(
        self,
        generator_ab: keras.Model,
        generator_ba: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        *,
        pool_size: int = 50,
        ema_decay: float | None = 0.999,
        image_size: int | tuple[int, int] | None = None,
        value_range: Any = None,
        seed: int | None = None,
        name: str = "cyclegan",
    ) -> None:
        super().__init__(ema_decay, seed=seed, name=name)
        networks = (generator_ab, generator_ba, discriminator_a, discriminator_b)
        check_cycle(dict(zip(self.roles, networks, strict=True)))
        self.generator_ab, self.generator_ba = networks[:2]
        self.discriminator_a, self.discriminator_b = networks[2:]
        self.given_range = domain_ranges(value_range)
        self.ema_generator_ab = self.ema_generator_ba = None
        if ema_decay is not None:
            self.ema_generator_ab, update_ab = averaged_copy(generator_ab)
            self.ema_generator_ba, update_ba = averaged_copy(generator_ba)
            self._update_averages = (update_ab, update_ba)
        self.image_size = None if image_size is None else size_pair(image_size)
        self.pools: list[ImagePool] = []
        self.pool_size = int(pool_size)
        if pool_size:
            check_positive(pool_size=pool_size)
            size = size_of_images(image_size, networks)
            self.pools = [
                ImagePool(
                    self, self.pool_size, (*size, network.outputs[0].shape[-1]), name
                )
                for network, name in (
                    (generator_ba, "pool_a"),
                    (generator_ab, "pool_b"),
                )
            ]
        self.means.update({name: keras.metrics.Mean(name=name) for name in TERMS})
        self.built = True

    def players(self) -> tuple[list[keras.Model], list[keras.Model]]:
        """Returns the list of generators and the list of discriminators."""
        return (
            [self.generator_ab, self.generator_ba],
            [self.discriminator_a, self.discriminator_b],
        )

    def compile(  # type: ignore[override]  # three arguments more
        self,
        d_optimizer: Any = None,
        g_optimizer: Any = None,
        loss_fn: Any = "least_squares",
        label_noise: float | None = None,
        penalties: Sequence[Any] | None = None,
        metrics: Sequence[keras.metrics.Metric] | None = None,
        adversarial_weight: float | tuple[float, float] = 1.0,
        cycle_weight: float | tuple[float, float] = 10.0,
        identity_weight: float | tuple[float, float] = 5.0,
        **options: Any,
    ) -> None:
        """Configures the model for training.

        Each weight is a number, or a pair for the directions a2b and b2a. The first
        weight of a pair applies to the adversarial and identity terms of `generator_ab`
        and to the cycle from a to b to a, the second to the opposite direction.

        Args:
            d_optimizer: Keras optimizer of both discriminators, or its name. By
                default, Adam with learning rate 2e-4 and beta_1 0.5.
            g_optimizer: The same for both generators. It must be a different object.
            loss_fn: As in `GAN.compile`. `"least_squares"` is halved, as in the LSGAN
                paper. With `adversarial_weight=2.0`, all terms have the same weights as
                in the CycleGAN authors' PyTorch implementation.
            label_noise: As in `GAN.compile`.
            penalties: As in `GAN.compile`, for both discriminators.
            metrics: As in `GAN.compile`. Each is reported for both directions, as
                `NAME_a2b` and `NAME_b2a`.
            adversarial_weight: Weight of the adversarial term.
            cycle_weight: Weight of the mean absolute error of images that were
                translated and translated back.
            identity_weight: Weight of the mean absolute change of images that already
                belong to the target domain. If it is 0, the term is not computed.
            **options: `run_eagerly`, `steps_per_execution` and `jit_compile`, as in
                `keras.Model.compile`.

        Raises:
            ValueError: As in `GAN.compile`, or if a weight is negative.
            TypeError: If an argument is unknown.
        """
        self.adversarial_weight = weight_pair(adversarial_weight=adversarial_weight)
        self.cycle_weight = weight_pair(cycle_weight=cycle_weight)
        self.identity_weight = weight_pair(identity_weight=identity_weight)
        check_identity(identity_weight, self.identity_weight, self.players()[0])
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
        names = ("adversarial_weight", "cycle_weight", "identity_weight")
        weights = {name: getattr(self, name) for name in names}
        return {**super().compile_options(), **weights}

    def image_metadata(self) -> dict[str, Any]:
        """Returns the range and shape of both domains' images."""
        metadata = {
            domain: image_metadata(self.generator_to(domain), self.given_range[domain])
            for domain in "ab"
        }
        return {
            name: {domain: metadata[domain][name] for domain in "ab"}
            for name in metadata["a"]
        }

    def check_batches(self, batches: list[Any], name: str = "data") -> None:
        """Raises a ValueError if the model cannot be trained on these batches."""
        check_pairs(
            batches,
            name,
            generators_from={"a": self.generator_ab, "b": self.generator_ba},
            generators_to={domain: self.generator_to(domain) for domain in "ab"},
            discriminators={"a": self.discriminator_a, "b": self.discriminator_b},
            ranges={
                domain: ranges.known_range(
                    self.given_range[domain], self.generator_to(domain)
                )
                for domain in "ab"
            },
            pools=dict(zip("ab", self.pools, strict=False)),
        )

    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the generators, then the discriminators; returns the logs."""
        batches = self._batches(data)
        with tf.GradientTape() as tape:
            a2b, b2a = (
                translate_batch(self, direction, batch, training=True)
                for direction, batch in batches.items()
            )
            objective = generator_objective(
                weighted_loss(self, a2b, b2a),
                # The generator of one direction also translates back in the other.
                [
                    mean_of(a2b.forward_regularization, b2a.backward_regularization),
                    mean_of(b2a.forward_regularization, a2b.backward_regularization),
                ],
            )
        minimize(self.g_optimizer, tape, objective, self.trained.generators)

        d_batches = [
            DiscriminatorBatch(
                self.discriminator_a, batches["b2a"], pooled(self, 0, b2a.fake)
            ),
            DiscriminatorBatch(
                self.discriminator_b, batches["a2b"], pooled(self, 1, a2b.fake)
            ),
        ]
        with tf.GradientTape() as tape:
            d_objective, d_losses = discriminators_objective(self, d_batches)
        minimize(self.d_optimizer, tape, d_objective, self.trained.discriminators)

        if self.ema_decay is not None:
            for update in self._update_averages:
                update(self.step, self.ema_decay)
        reported = {**objective.terms, **d_objective.terms}
        reported |= terms(self, d_losses, a2b, b2a)
        report(self, reported, d_batches[0])
        count_step(self, batches["a2b"].real)
        return self.logs(training=True)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluates a batch with the averaged generators; returns the logs."""
        batches = self._batches(data)
        a2b, b2a = (
            translate_batch(self, direction, batch, training=False)
            for direction, batch in batches.items()
        )
        d_batches = [
            DiscriminatorBatch(self.discriminator_a, batches["b2a"], b2a.fake),
            DiscriminatorBatch(self.discriminator_b, batches["a2b"], a2b.fake),
        ]
        objective, d_losses, _ = evaluate_discriminators(
            self, d_batches, evaluation_seed(self)
        )
        reported = {**objective.terms, "g_loss": weighted_loss(self, a2b, b2a)}
        reported |= terms(self, d_losses, a2b, b2a)
        report(self, reported, d_batches[0])
        for direction, made in (("a2b", a2b), ("b2a", b2a)):
            for metric in self.metrics_of[direction]:
                metric.update_state(batches[direction].real, made.fake)
        return self.logs(training=False)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Translates images of domain a to domain b."""
        return self.generator_of("a2b", averaged=not training)(
            inputs, training=training
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, with serialized networks."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "image_size": self.image_size,
            "value_range": dict(self.given_range),
        }

    def logs(self, training: bool) -> dict[str, Any]:
        """Returns what a step reports; see `AdversarialModel.logs`."""
        logs = super().logs(training)
        if not any(getattr(self, "identity_weight", (1.0,))):
            logs.pop("identity_loss")
        return logs

    def _batches(self, data: Any) -> dict[str, Batch]:
        """Returns a batch for each direction."""
        a, b = (tf.cast(images, "float32") for images in unpack(data))
        return {"a2b": Batch(a, b), "b2a": Batch(b, a)}
