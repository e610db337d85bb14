"""`CycleGAN`: two generators that translate between two domains, and back."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import inspection, losses
from kerasgan.arguments import check_choice, check_positive
from kerasgan.images import from_uint8, to_uint8
from kerasgan.models.adversarial import IMAGE_POOL, AdversarialModel
from kerasgan.models.averaging import averaged_copy
from kerasgan.models.cycle_checks import (
    check_cycle,
    check_pairs,
    size_of_images,
    weight_pair,
)
from kerasgan.models.export import export_network
from kerasgan.models.facts import image_facts
from kerasgan.models.image_pool import ImagePool
from kerasgan.models.moves import (
    apply_gradients,
    call_together,
    discriminate,
    report,
    total,
)
from kerasgan.models.randomness import step_seed
from kerasgan.models.translation import translate_images
from kerasgan.training import data_checks

DIRECTIONS = ("a2b", "b2a")
OPPOSITE = dict(zip(DIRECTIONS, DIRECTIONS[::-1], strict=True))
# Metrics of the parts of both losses, in the order in which a step reports them.
TERMS = (
    "d_loss_a",
    "d_loss_b",
    "g_loss_a2b",
    "g_loss_b2a",
    "cycle_loss",
    "identity_loss",
)


@keras.saving.register_keras_serializable(package="kerasgan")
class CycleGAN(AdversarialModel):
    """Translates images between two domains that were never paired.

    One generator makes images of domain b from those of domain a, the other the
    way back. Each has to deceive the discriminator of the domain it makes, and both
    together have to bring an image back to where it started. From "Unpaired
    Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et
    al. 2017, https://arxiv.org/abs/1703.10593.

    The data yields pairs `(a, b)` of batches; which image stands beside which means
    nothing (`kerasgan.data.unpaired` makes such data). A training step updates the
    generators, then the discriminators, which see the images of this step or, by a
    coin, older ones from a pool. Each generator runs twice: once on its own domain
    and, for the identity term, the other's in one call, and once on the other
    generator's images. Networks with batch normalization are called on each batch
    alone instead, because it would mix them.

    `model.optimizer`, which Keras's own callbacks steer, is the generators';
    `kerasgan.callbacks.ForOptimizer` lets them steer the discriminators', or both.

    Args:
        generator_ab: Keras model from images of domain a to images of domain b, of
            the same height and width.
        generator_ba: Keras model from images of domain b to images of domain a.
        discriminator_a: Keras model from images of domain a, `(height, width,
            channels)`, to answers of any shape; more means real.
        discriminator_b: The same for domain b.
        pool_size: Int, images in the pool of each domain; 0 for none.
        ema_decay: Float in [0, 1). The generators' weights are averaged over the
            steps with this decay, and the averages translate. None keeps no average.
        image_size: Int, or a pair `(height, width)`, in pixels, of the images to be
            trained on; needed only for a pool, and only if no network says it.
        seed: Int from which the pool's coins and label noise follow, together with
            the step; by default drawn.
        name: Name of the model.

    Raises:
        ValueError: If the networks do not fit each other, or a number is out of range.

    Example:

    >>> shape = (64, 64, 3)
    >>> cyclegan = kerasgan.CycleGAN(
    ...     kerasgan.networks.resnet_generator(shape, width=32, blocks=6),
    ...     kerasgan.networks.resnet_generator(shape, width=32, blocks=6),
    ...     kerasgan.networks.patchgan_discriminator(shape, width=32),
    ...     kerasgan.networks.patchgan_discriminator(shape, width=32),
    ... )
    >>> cyclegan.compile(adversarial_weight=2.0)  # as the authors' programs
    >>> men, women = kerasgan.data.celeb_a_by_attribute("Male", 64, batch_size=4)
    >>> cyclegan.fit(kerasgan.data.unpaired(men, women), epochs=50)
    >>> women_again = cyclegan.translate(images_of_men, direction="a2b")
    """

    roles = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")

    def __init__(
        self,
        generator_ab,
        generator_ba,
        discriminator_a,
        discriminator_b,
        *,
        pool_size=50,
        ema_decay=0.999,
        image_size=None,
        seed=None,
        name="cyclegan",
    ):
        super().__init__(ema_decay, seed=seed, name=name)
        networks = (generator_ab, generator_ba, discriminator_a, discriminator_b)
        check_cycle(*networks)
        self.generator_ab, self.generator_ba = networks[:2]
        self.discriminator_a, self.discriminator_b = networks[2:]
        self.ema_generator_ab = self.ema_generator_ba = None
        if ema_decay is not None:
            self.ema_generator_ab, update_ab = averaged_copy(generator_ab)
            self.ema_generator_ba, update_ba = averaged_copy(generator_ba)
            self._update_averages = (update_ab, update_ba)
        self.pool_size = pool_size
        self.image_size = image_size
        self.pools = []
        if pool_size:
            check_positive(pool_size=pool_size)
            size = size_of_images(image_size, networks)
            self.pools = [
                ImagePool(self, pool_size, (*size, network.outputs[0].shape[-1]), name)
                for network, name in (
                    (generator_ba, "pool_a"),
                    (generator_ab, "pool_b"),
                )
            ]
        self.term_metrics = [keras.metrics.Mean(name=name) for name in TERMS]
        self.built = True

    def players(self):
        return (
            [self.generator_ab, self.generator_ba],
            [self.discriminator_a, self.discriminator_b],
        )

    def compile(
        self,
        d_optimizer=None,
        g_optimizer=None,
        loss_fn="least_squares",
        label_noise=None,
        penalty=None,
        adversarial_weight=1.0,
        cycle_weight=10.0,
        identity_weight=5.0,
        **options,
    ):
        """Configures the model for training.

        Each weight is one number, or a pair for the directions a2b and b2a: the first
        weighs the adversarial and identity terms of `generator_ab` and the cycle from
        a over b to a, the second the others.

        Args:
            d_optimizer: Keras optimizer of both discriminators, or its name. By
                default Adam with learning rate 2e-4 and beta_1 0.5.
            g_optimizer: The same for both generators; another object.
            loss_fn: As in `GAN.compile`. Least squares are halved, as in the paper
                they come from; with `adversarial_weight=2` the terms weigh what they
                do in the authors' PyTorch implementation of CycleGAN.
            label_noise: As in `GAN.compile`.
            penalty: As in `GAN.compile`, of both discriminators.
            adversarial_weight: Weight of the adversarial term.
            cycle_weight: Weight of the mean absolute error of images that were
                translated and back again.
            identity_weight: Weight of the mean absolute change of images that are
                translated to the domain they come from. With 0 they are not.
            **options: `run_eagerly`, `steps_per_execution` and `jit_compile` of
                `keras.Model.compile`.

        Raises:
            ValueError: As in `GAN.compile`, or if a weight is negative.
        """
        weights = {
            "adversarial_weight": weight_pair(adversarial_weight=adversarial_weight),
            "cycle_weight": weight_pair(cycle_weight=cycle_weight),
            "identity_weight": weight_pair(identity_weight=identity_weight),
        }
        channels = [
            inspection.input_shape("generator", g)[-1] for g in self.players()[0]
        ]
        if any(weights["identity_weight"]) and channels[0] != channels[1]:
            raise ValueError(
                f"identity_weight is {identity_weight!r}; expected 0, because images "
                f"of {channels[0]} and of {channels[1]} channels are not comparable."
            )
        super().compile(
            d_optimizer, g_optimizer, loss_fn, label_noise, penalty, **options
        )
        for name, pair in weights.items():
            setattr(self, name, pair)

    def get_compile_config(self):
        config = super().get_compile_config()
        if config is not None:
            for name in ("adversarial_weight", "cycle_weight", "identity_weight"):
                config[name] = getattr(self, name)
        return config

    def image_facts(self):
        a, b = image_facts(self.generator_ba), image_facts(self.generator_ab)
        return {name: {"a": a[name], "b": b[name]} for name in a}

    def check_data(self, x, y):
        batches = data_checks.first_batches(x, y)
        check_pairs(
            batches,
            generators={"a": self.generator_ab, "b": self.generator_ba},
            discriminators={"a": self.discriminator_a, "b": self.discriminator_b},
            pools=dict(zip("ab", self.pools, strict=False)),
        )
        return batches

    @property
    def metrics(self):
        terms = self.term_metrics
        if not any(getattr(self, "identity_weight", (1.0,))):
            terms = [metric for metric in terms if metric.name != "identity_loss"]
        return [*super().metrics, *terms]

    def train_step(self, data):
        a, b = _both(data)
        with tf.GradientTape() as tape:
            fake_b, terms_a2b = self._translate("a2b", a, b, training=True)
            fake_a, terms_b2a = self._translate("b2a", b, a, training=True)
            g_loss = self._weighed(terms_a2b, terms_b2a)
        generators, _ = self.players()
        variables = [v for network in generators for v in network.trainable_variables]
        apply_gradients(self.g_optimizer, tape, g_loss, variables)
        d_losses = self.update_discriminators(
            [
                (self.discriminator_a, a, self._pooled(0, fake_a)),
                (self.discriminator_b, b, self._pooled(1, fake_b)),
            ]
        )
        if self.ema_decay is not None:
            for update in self._update_averages:
                update(self.step, self.ema_decay)
        self.count_step(g_loss)
        return self._report(g_loss, d_losses, terms_a2b, terms_b2a, tf.shape(a)[0])

    def test_step(self, data):
        a, b = _both(data)
        fake_b, terms_a2b = self._translate("a2b", a, b, training=False)
        fake_a, terms_b2a = self._translate("b2a", b, a, training=False)
        rounds = [(self.discriminator_a, a, fake_a), (self.discriminator_b, b, fake_b)]
        answers = [discriminate(*one, training=False) for one in rounds]
        d_losses = [self.loss_fn.discriminator_loss(*pair) for pair in answers]
        penalty = self.penalize(rounds, self.evaluation_seed(), training=False)
        self.report_discriminators(total(d_losses), answers, penalty)
        g_loss = self._weighed(terms_a2b, terms_b2a)
        return self._report(g_loss, d_losses, terms_a2b, terms_b2a, tf.shape(a)[0])

    def call(self, inputs, training=None):
        """Translates images of domain a to domain b."""
        return self._generator("a2b", averaged=not training)(inputs, training=training)

    def translate(
        self, images, direction="a2b", averaged=True, tile_size=512, overlap=64
    ):
        """Translates images of any size to the other domain.

        Images are extended by their reflection to sides that the generator divides,
        and cropped back to the size they had. Images larger than a tile are cut into
        tiles that overlap and fade into one another, so that the generator never
        holds more than a tile, whatever their size. Only the generator that is asked
        for runs.

        Args:
            images: Float array `(n, height, width, channels)` in the range of their
                domain, [-1, 1] with tanh, or uint8 in [0, 255]; or one image without
                the first dimension.
            direction: `"a2b"` or `"b2a"`.
            averaged: Whether the averaged generator translates, where there is one,
                or the one being trained.
            tile_size: Int, height and width of a tile in pixels. As many pixels are
                in the generator at once, of one image or several.
            overlap: Int, pixels that neighbouring tiles have in common at least; no
                more than half a tile.

        Returns:
            A NumPy array of the images' height and width: uint8 if they are, else
            float32 as the generator makes it.

        Raises:
            ValueError: If the direction is unknown, a number is not positive, or
                `images` are none that the generator takes.

        Example:

        >>> women = cyclegan.translate(men, direction="a2b")
        """
        check_choice("direction", direction, DIRECTIONS)
        check_positive(tile_size=tile_size, overlap=overlap)
        images = np.asarray(images)
        generator = self._generator(direction, averaged)
        channels = inspection.input_shape("generator", generator)[-1]
        if images.ndim not in (3, 4) or images.shape[-1] != channels or not images.size:
            raise ValueError(
                f"images has shape {images.shape}; expected (n, height, width, "
                f"{channels}), or one image without n."
            )
        if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
            raise ValueError(
                f"images has dtype {images.dtype}; expected floats, or uint8 pixels."
            )
        batch = images if images.ndim == 4 else images[None]
        if images.dtype == np.uint8:
            batch = from_uint8(batch, self.value_range(direction[0]))
        made = translate_images(generator, batch.astype("float32"), tile_size, overlap)
        if images.dtype == np.uint8:
            made = to_uint8(made, self.value_range(direction[2]))
        return made if images.ndim == 4 else made[0]

    def value_range(self, domain):
        """Returns the pair of floats between which images of a domain lie.

        Args:
            domain: `"a"` or `"b"`. Its images lie where the last activation of the
                generator that makes them ends: [-1, 1] with tanh.
        """
        check_choice("domain", domain, ("a", "b"))
        made_by = self.generator_ba if domain == "a" else self.generator_ab
        return inspection.value_range(made_by)

    def export_generator(self, path, direction="a2b", averaged=True):
        """Writes the generator of one direction alone, as `GAN.export_generator`.

        Its facts name the `direction`, and say of its inputs, as `source_shape` and
        `source_range`, what they say of its images.
        """
        check_choice("direction", direction, DIRECTIONS)
        facts = {**self.facts, "kind": "generator", "direction": direction}
        for name, source in (
            ("image_shape", "source_shape"),
            ("value_range", "source_range"),
        ):
            facts[source], facts[name] = (facts[name][d] for d in direction.split("2"))
        export_network(self._generator(direction, averaged), path, facts)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "image_size": self.image_size,
        }

    def _generator(self, direction, averaged):
        name = f"generator_{'ab' if direction == 'a2b' else 'ba'}"
        average = getattr(self, f"ema_{name}")
        return average if averaged and average is not None else getattr(self, name)

    def _translate(self, direction, source, target, training):
        """Translates a batch; returns it, and the loss terms of that direction.

        Args:
            direction: `"a2b"` or `"b2a"`.
            source: Images of the domain that is translated.
            target: Images of the other domain, for the identity term.
            training: Whether the generators are trained; otherwise the averages run.

        Returns:
            The translated images, and the adversarial, cycle and identity term.
        """
        i = DIRECTIONS.index(direction)
        there = self._generator(direction, averaged=not training)
        back = self._generator(OPPOSITE[direction], averaged=not training)
        discriminator = (self.discriminator_b, self.discriminator_a)[i]
        if self.identity_weight[i]:
            fake, same = call_together(there, source, target, training=training)
            identity = losses.reconstruction_loss(target, tf.cast(same, "float32"))
        else:
            fake, identity = there(source, training=training), tf.constant(0.0)
        fake = tf.cast(fake, "float32")
        again = tf.cast(back(fake, training=training), "float32")
        answers = tf.cast(discriminator(fake, training=training), "float32")
        return fake, (
            self.loss_fn.generator_loss(answers),
            losses.reconstruction_loss(source, again),
            identity,
        )

    def _weighed(self, *terms):
        """Returns the loss of both generators, the weighed sum of their terms."""
        weights = zip(
            self.adversarial_weight,
            self.cycle_weight,
            self.identity_weight,
            strict=True,
        )
        return total(
            [
                weight * term
                for pair in zip(weights, terms, strict=True)
                for weight, term in zip(*pair, strict=True)
            ]
        )

    def _pooled(self, i, fake):
        """Returns what the discriminator of a domain is shown as generated."""
        if not self.pools:
            return fake
        return self.pools[i](fake, step_seed(self.seed, self.step, IMAGE_POOL, i))

    def _report(self, g_loss, d_losses, terms_a2b, terms_b2a, n):
        """Updates the metrics of a step and returns all of them."""
        report(self.g_loss_metric, g_loss, n)
        # The mean over the directions in which there is one.
        identities = sum(map(bool, self.identity_weight)) or 1
        values = (
            *d_losses,
            terms_a2b[0],
            terms_b2a[0],
            (terms_a2b[1] + terms_b2a[1]) / 2.0,
            (terms_a2b[2] + terms_b2a[2]) / identities,
        )
        for metric, value in zip(self.term_metrics, values, strict=True):
            report(metric, value, n)
        return self.get_metrics_result()


def _both(data):
    """Returns the images of both domains of a batch, in float32."""
    a, b, _ = keras.utils.unpack_x_y_sample_weight(data)
    return tf.cast(a, "float32"), tf.cast(b, "float32")
