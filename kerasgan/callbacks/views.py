"""What generators make of fixed inputs, and the real images it is compared with."""

import functools

import numpy as np

from kerasgan import inspection
from kerasgan.metrics import symptoms
from kerasgan.metrics.image_arrays import batches_of, image_array

# Images that are measured: enough to tell 8 different ones from 64. To translate takes
# time, so of large images there are fewer, 32 at 64x64 pixels, but 16 at least.
SAMPLES, FEWEST, PIXELS = 64, 16, 32 * 64 * 64
# Real images that are kept; small, they take 25 MB at most.
MOST_IMAGES = 2048
# Images that a network is given at once.
BATCH = 16


class FixedImages:
    """The first images of a data set: a few as they are, many of them small.

    Args:
        name: Name of the argument, for messages.
        images: Float array `(n, height, width, channels)`, or a `tf.data.Dataset` of
            batches of them.

    Raises:
        ValueError: If they are no such images, or fewer than `FEWEST`.
    """

    def __init__(self, name, images):
        self.name = name
        whole, small = [], []
        for batch in batches_of(name, images):
            batch = image_array(name, batch, min(len(batch), MOST_IMAGES))
            whole.append(batch[:SAMPLES])
            small.append(symptoms.small_images(batch))
            if sum(map(len, small)) >= MOST_IMAGES:
                break
        n = sum(map(len, small))
        if n < FEWEST:
            raise ValueError(f"{name} has {n} images; expected at least {FEWEST}.")
        self.whole = np.concatenate(whole)[:SAMPLES]
        self.small = np.concatenate(small)[:MOST_IMAGES]

    def check_shape(self, taken):
        """Raises a ValueError for images that are not of the shape a network takes."""
        if not inspection.shapes_match(self.whole.shape[1:], taken):
            raise ValueError(
                f"{self.name} has images of shape {self.whole.shape[1:]}, but the "
                f"model takes {taken}; expected the same."
            )

    @functools.cached_property
    def typical(self):
        """Mean distance of two images, a float."""
        return symptoms.typical_distance(self.small[:SAMPLES])

    @functools.cached_property
    def nearest(self):
        """Median distance of images to their nearest neighbour, a float."""
        return symptoms.nearest(self.small[:SAMPLES], self.small, themselves=True)

    def different(self, n):
        """Returns how many of the first `n` images differ from one another."""
        return symptoms.count_different(self.small[:n], self.typical)


class View:
    """A generator with fixed inputs, and who judges what it makes of them.

    Args:
        name: The direction, `"a2b"`, or `""` if there is only one.
        generator: A Keras model.
        discriminator: The Keras model that judges its images.
        inputs: What the generator is given, latents or images.
        sources: `FixedImages` that are translated, or None for latents.
        targets: `FixedImages` that are imitated, or None.
        back: The generator of the way back, or None.
    """

    def __init__(
        self, name, generator, discriminator, inputs, sources, targets, back=None
    ):
        self.name = name
        self.generator, self.discriminator = generator, discriminator
        self.inputs, self.sources, self.targets = inputs, sources, targets
        self.back = back
        self.value_range = inspection.output_range(generator) or (-1.0, 1.0)

    def images(self):
        """Returns what the generator makes now, `(n, height, width, channels)`."""
        return _call(self.generator, self.inputs)

    def unit_inputs(self):
        """Returns the images that are translated, moved to [0, 1]."""
        return _to_unit(self.inputs, inspection.output_range(self.back) or (-1.0, 1.0))

    def to_unit(self, images):
        """Returns translations, moved to [0, 1]."""
        return _to_unit(images, self.value_range)

    def back_in_unit(self, images):
        """Translates images in [0, 1] back, to [0, 1]."""
        low, high = self.value_range
        again = _call(self.back, images * (high - low) + low)
        return _to_unit(again, inspection.output_range(self.back) or (-1.0, 1.0))


def views_of(model, images):
    """Returns the views of a model's generators.

    Args:
        model: A `GAN` or `CycleGAN`.
        images: List of `FixedImages`: none, one to imitate, or two, the sources and
            targets of a model that translates.

    Returns:
        A list of `View`. A model that translates has none without images.

    Raises:
        ValueError: If the model does not take such images.
    """
    generators, discriminators = model.players()
    if getattr(model, "latent_shape", None) is not None:
        if len(images) == 2:
            raise ValueError(
                "images is a pair, but the model draws latents; expected one array or "
                "data set of images."
            )
        targets = images[0] if images else None
        n = SAMPLES
        if targets:
            targets.check_shape(
                inspection.input_shape("discriminator", discriminators[0])
            )
            n = len(targets.whole)
        latents = model.latents(n, seed=0)
        return [View("", generators[0], discriminators[0], latents, None, targets)]
    if len(images) == 1:
        raise ValueError(
            "images is one array or data set, but the model translates; expected a "
            "pair of them."
        )
    if not images:
        return []
    views = []
    for name, generator, discriminator, back, (sources, targets) in zip(
        ("a2b", "b2a") if len(generators) == 2 else ("",),
        generators,
        # What the first generator makes, the last discriminator judges.
        discriminators[::-1],
        generators[::-1] if len(generators) == 2 else (None,),
        (images, images[::-1]),
        strict=False,
    ):
        sources.check_shape(inspection.input_shape("generator", generator))
        targets.check_shape(inspection.input_shape("discriminator", discriminator))
        height, width = sources.whole.shape[1:3]
        n = max(FEWEST, min(SAMPLES, PIXELS // (height * width)))
        inputs = sources.whole[:n]
        views.append(
            View(name, generator, discriminator, inputs, sources, targets, back)
        )
    return views


def _call(network, inputs):
    return np.concatenate(
        [
            np.asarray(network(inputs[i : i + BATCH], training=False), "float32")
            for i in range(0, len(inputs), BATCH)
        ]
    )


def _to_unit(images, value_range):
    low, high = value_range
    return (images - low) / (high - low)
