"""`GAN`: one generator against one discriminator."""

import keras
import numpy as np
import tensorflow as tf

from kerasgan import inspection
from kerasgan.arguments import check_positive
from kerasgan.models import checks
from kerasgan.models.adversarial import LATENTS, PENALTY, AdversarialModel
from kerasgan.models.averaging import averaged_copy
from kerasgan.models.export import export_network
from kerasgan.models.facts import image_facts
from kerasgan.models.latents import (
    check_distribution,
    check_latent_dim,
    draw_latents,
)
from kerasgan.models.moves import apply_gradients, discriminate, report
from kerasgan.models.randomness import draw_seed, fold_in, step_seed
from kerasgan.training import data_checks


@keras.saving.register_keras_serializable(package="kerasgan")
class GAN(AdversarialModel):
    """A generator and a discriminator trained against each other.

    What the generator takes decides what the data has to be. A generator whose
    input is a vector, or a map of 1x1, draws latents: the data yields images. A
    generator whose input is an image translates: the data yields pairs
    `(source, target)`. The discriminator may answer with one value an image or
    with a map of patches. Training alternates, as in "Generative Adversarial
    Networks", Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, algorithm
    1, with one pass of the generator shared by both updates.

    `model.optimizer`, which Keras's own callbacks steer, is the generator's;
    `kerasgan.callbacks.ForOptimizer` lets them steer the discriminator's, or both.
    Layers that draw random numbers themselves, `Dropout` say, draw from Keras's
    streams, which are not a function of `seed`.

    Args:
        discriminator: Keras model from images `(height, width, channels)` to
            answers of any shape; more means real.
        generator: Keras model to images of that shape, from latents
            `(latent_dim,)` or `(1, 1, latent_dim)`, or from images.
        latent_dim: Int, the length of the latents; by default what the generator
            takes.
        latent_distribution: `"normal"` for standard normal latents, or a pair
            `(low, high)` for latents uniform in between.
        ema_decay: Float in [0, 1). The generator's weights are averaged over the
            steps with this decay, and the average draws the images. None keeps
            no average.
        seed: Int from which latents and label noise follow, together with the
            step; by default drawn.
        name: Name of the model.

    Raises:
        ValueError: If the networks do not fit each other or `latent_dim`.

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
        discriminator,
        generator,
        latent_dim=None,
        *,
        latent_distribution="normal",
        ema_decay=0.999,
        seed=None,
        name="gan",
    ):
        super().__init__(ema_decay, seed=seed, name=name)
        inspection.input_shape("generator", generator)
        checks.check_networks_meet(generator, discriminator)
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = check_latent_dim(latent_dim, self.latent_shape)
        self.latent_distribution = check_distribution(latent_distribution)
        self.ema_generator = None
        if ema_decay is not None:
            self.ema_generator, self._update_average = averaged_copy(generator)
        self.built = True

    @property
    def latent_shape(self):
        """Shape of one latent; None if the generator takes images."""
        shape = inspection.input_shape("generator", self.generator)
        is_latent = len(shape) == 1 or (len(shape) == 3 and shape[:2] == (1, 1))
        return shape if is_latent else None

    @property
    def value_range(self):
        """Pair of floats between which the generator's images lie."""
        return inspection.value_range(self.generator)

    def players(self):
        return [self.generator], [self.discriminator]

    def compile(
        self,
        d_optimizer=None,
        g_optimizer=None,
        loss_fn="non_saturating",
        label_noise=None,
        penalty=None,
        discriminator_steps=1,
        **options,
    ):
        """Configures the model for training.

        Args:
            d_optimizer: Keras optimizer of the discriminator, or its name. By
                default Adam with learning rate 2e-4 and beta_1 0.5, as in DCGAN.
            g_optimizer: The same for the generator; another object.
            loss_fn: Name of an adversarial loss (`"minimax"`,
                `"non_saturating"`, `"least_squares"`), an object of
                `kerasgan.losses`, or any Keras loss on (labels, predictions).
            label_noise: Float in [0, 1]. Each label is moved towards that of the
                other class by a number drawn uniformly between 0 and this. By
                default 0.05 with Keras's binary cross-entropy, as in its guide, else 0.
            penalty: Name of a penalty on the discriminator (`"gradient_penalty"`,
                `"r1"`, `"r2"`), an object of `kerasgan.penalties`, another callable as
                `kerasgan.penalties.get` takes it, or None. The logs have it as
                `penalty`, apart from `d_loss`.
            discriminator_steps: Int, updates of the discriminator a step. The
                batch is cut into as many parts, so that each sees real images of
                its own, and what does not divide is left out; the generator makes
                as many images as one part has.
            **options: `run_eagerly`, `steps_per_execution` and `jit_compile` of
                `keras.Model.compile`. XLA is off unless `jit_compile=True`: on a
                CPU it makes these models slower.

        Raises:
            ValueError: If the loss or the penalty is unknown, if the loss does not
                fit the last activation of the discriminator, if the optimizers are
                one object, or if a number is out of range.
        """
        check_positive(discriminator_steps=discriminator_steps)
        self.discriminator_steps = discriminator_steps
        super().compile(
            d_optimizer, g_optimizer, loss_fn, label_noise, penalty, **options
        )

    def get_compile_config(self):
        config = super().get_compile_config()
        if config is not None:
            config["discriminator_steps"] = self.discriminator_steps
        return config

    def image_facts(self):
        facts = image_facts(self.generator)
        if self.latent_shape is None:
            shape = inspection.input_shape("generator", self.generator)
            return {**facts, "source_shape": list(shape)}
        distribution = self.latent_distribution
        return {
            **facts,
            "latent_shape": list(self.latent_shape),
            "latent_distribution": distribution
            if distribution == "normal"
            else list(distribution),
        }

    def check_data(self, x, y):
        batches = data_checks.first_batches(x, y)
        pairs = batches and isinstance(batches[0], (tuple, list)) and len(batches[0])
        if self.latent_shape is not None and pairs and pairs > 1:
            raise ValueError(
                f"data yields tuples of {pairs}, but generator draws latents; expected "
                "images alone."
            )
        if self.latent_shape is None and batches and pairs != 2:
            raise ValueError(
                "data yields images alone, but generator takes images; expected pairs "
                "(source, target)."
            )
        data_checks.check_images(
            batches,
            "data" if self.latent_shape is not None else "target",
            lambda batch: batch[-1] if pairs else batch,
            inspection.input_shape("discriminator", self.discriminator),
            inspection.output_activation(self.generator),
        )
        return batches

    def latents(self, n, seed):
        """Draws latents.

        Args:
            n: Int, how many.
            seed: Int, or a seed for stateless operations of shape `(2,)`.

        Returns:
            A float tensor `(n,) + latent_shape`.

        Raises:
            ValueError: If the generator takes images.
        """
        if self.latent_shape is None:
            raise ValueError(
                "generator takes images, so there are no latents to draw; expected "
                "images, given to predict."
            )
        seed = fold_in(seed) if isinstance(seed, (int, np.integer)) else seed
        return draw_latents(n, self.latent_shape, self.latent_distribution, seed)

    def train_step(self, data):
        *earlier, (inputs, real) = self._parts(data)
        for purpose, (extra_inputs, extra_real) in enumerate(earlier, start=1):
            fake = self.generator(extra_inputs, training=True)
            self.update_discriminators(
                [(self.discriminator, extra_real, fake)], purpose
            )
        generator_tape = tf.GradientTape()
        with generator_tape:
            fake = self.generator(inputs, training=True)
        # Outside the tape: no gradient of the discriminator reaches the generator.
        self.update_discriminators([(self.discriminator, real, fake)])
        with generator_tape:
            answers = self.discriminator(fake, training=True)
            g_loss = self.loss_fn.generator_loss(tf.cast(answers, "float32"))
        apply_gradients(
            self.g_optimizer,
            generator_tape,
            g_loss,
            self.generator.trainable_variables,
        )
        report(self.g_loss_metric, g_loss, tf.shape(fake)[0])
        if self.ema_generator is not None:
            self._update_average(self.step, self.ema_decay)
        self.count_step(g_loss)
        return self.get_metrics_result()

    def test_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        seed = self.evaluation_seed()
        inputs, real = self._inputs(x, y, seed)
        fake = self(inputs)
        answers = discriminate(self.discriminator, real, fake, training=False)
        rounds = [(self.discriminator, real, fake)]
        penalty = self.penalize(rounds, fold_in(seed, PENALTY), training=False)
        d_loss = self.loss_fn.discriminator_loss(*answers)
        self.report_discriminators(d_loss, [answers], penalty)
        g_loss = self.loss_fn.generator_loss(answers[1])
        report(self.g_loss_metric, g_loss, tf.shape(fake)[0])
        return self.get_metrics_result()

    def call(self, inputs, training=None):
        """Generates images: with the averaged generator, unless it is training."""
        average = self.ema_generator
        if training or average is None:
            return self.generator(inputs, training=training)
        return average(inputs, training=False)

    def generate(self, n, seed=None, averaged=True, batch_size=64):
        """Draws latents and returns the images they become.

        Args:
            n: Int, how many images.
            seed: Int; the same seed gives the same latents. By default drawn.
            averaged: Whether the averaged generator draws them, where there is
                one, or the one being trained.
            batch_size: Int, images generated at once.

        Returns:
            A NumPy float32 array `(n, height, width, channels)` in `value_range`.

        Raises:
            ValueError: If the generator takes images, or a number is not positive.

        Example:

        >>> gan.generate(16, seed=0).shape
        (16, 64, 64, 3)
        """
        check_positive(n=n, batch_size=batch_size)
        latents = self.latents(n, draw_seed() if seed is None else seed)
        network = self._drawing(averaged)
        return np.concatenate(
            [
                np.asarray(
                    network(latents[i : i + batch_size], training=False), "float32"
                )
                for i in range(0, n, batch_size)
            ]
        )

    def export_generator(self, path, averaged=True):
        """Writes the generator alone, for programs that do not have kerasgan.

        A SavedModel needs TensorFlow alone. A Keras model needs what its layers come
        from: `import kerasgan` first if one of them is of `kerasgan.layers`.

        Args:
            path: A file that ends in `.keras` for a Keras model, or a folder that is
                not there yet for a TensorFlow SavedModel, whose signature
                `serving_default` takes any number of inputs. `facts` go with it, into
                `kerasgan.json` in the file, or in the folder's `assets.extra`.
            averaged: Whether it is the averaged generator, where there is one, or the
                one being trained.

        Raises:
            ValueError: If something else is at `path`.

        Example:

        >>> gan.export_generator("served/1")
        >>> serve = tf.saved_model.load("served/1").signatures["serving_default"]
        """
        facts = {**self.facts, "kind": "generator"}
        export_network(self._drawing(averaged), path, facts)

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "latent_distribution": self.latent_distribution,
        }

    def _drawing(self, averaged):
        average = averaged and self.ema_generator is not None
        return self.ema_generator if average else self.generator

    def _parts(self, data):
        """Cuts a batch into one (generator input, real images) a discriminator step."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        n, parts = tf.shape(x)[0], self.discriminator_steps
        size = tf.maximum(n // parts, 1)
        for part in range(parts):
            # Only a last batch smaller than the number of parts starts again.
            rows = (part * size + tf.range(size)) % n
            cut = [t if t is None or parts == 1 else tf.gather(t, rows) for t in (x, y)]
            yield self._inputs(*cut, step_seed(self.seed, self.step, LATENTS, part))

    def _inputs(self, x, y, seed):
        """Returns what the generator takes for a batch, and its real images."""
        if self.latent_shape is None:
            return x, y
        return self.latents(tf.shape(x)[0], seed), x
