"""Errors that come before the first step of a CycleGAN."""

import math
import numbers

import numpy as np

from kerasgan.arguments import size_pair
from kerasgan.inspection import (
    input_shape,
    output_activation,
    output_shape,
    shapes_meet,
)
from kerasgan.models.translation import divisor, keeps_size
from kerasgan.training.data_checks import check_images


def check_cycle(generator_ab, generator_ba, discriminator_a, discriminator_b):
    """Raises a ValueError unless the networks of a CycleGAN fit each other."""
    for kind, (first, second) in (
        ("generator_{}", {"ab": generator_ab, "ba": generator_ba}.items()),
        ("discriminator_{}", {"a": discriminator_a, "b": discriminator_b}.items()),
    ):
        if first[1] is second[1]:
            raise ValueError(
                f"{kind.format(second[0])} is the same object as "
                f"{kind.format(first[0])}; expected a network for each."
            )
    made = {}
    for role, generator in (
        ("generator_ab", generator_ab),
        ("generator_ba", generator_ba),
    ):
        taken = input_shape(role, generator)
        made[role] = output_shape(generator)
        if len(taken) != 3:
            raise ValueError(
                f"{role} takes inputs of shape {taken}; expected images (height, "
                "width, channels)."
            )
        if not shapes_meet(taken[:2], made[role][:2]):
            raise ValueError(
                f"{role} makes images of shape {made[role]} from {taken}; expected "
                "the same height and width."
            )
    for role, network, maker in (
        ("generator_ba", generator_ba, "generator_ab"),
        ("generator_ab", generator_ab, "generator_ba"),
        ("discriminator_b", discriminator_b, "generator_ab"),
        ("discriminator_a", discriminator_a, "generator_ba"),
    ):
        taken = input_shape(role, network)
        if not shapes_meet(made[maker], taken):
            raise ValueError(
                f"{role} takes images of shape {taken}, but {maker} makes "
                f"{made[maker]}; expected the same shape."
            )


def size_of_images(image_size, networks):
    """Returns `(height, width)` of the images of training.

    Args:
        image_size: Int, or a pair `(height, width)`, or None.
        networks: Networks that take images; some may leave the sides open.

    Raises:
        ValueError: If nothing says it, or not everything says the same.
    """
    known = {tuple(network.inputs[0].shape[1:3]) for network in networks}
    known = {sides for sides in known if None not in sides}
    if image_size is not None:
        known.add(size_pair(image_size))
    if not known:
        raise ValueError(
            "image_size is None, and no network says how large its images are; "
            "expected (height, width), or pool_size=0."
        )
    if len(known) > 1:
        sizes = " and ".join(f"{height}x{width}" for height, width in sorted(known))
        raise ValueError(
            f"image_size is {image_size!r}, but with the networks that makes images of "
            f"{sizes} pixels; expected one size."
        )
    return known.pop()


def check_pairs(batches, generators, discriminators, pools):
    """Raises a ValueError for data that a CycleGAN cannot be trained on.

    Args:
        batches: What `first_batches` returned.
        generators: Dict from `"a"` and `"b"` to the generator that takes its images.
        discriminators: Dict from them to the discriminator that judges its images.
        pools: Dict from them to the image pool, or an empty one.
    """
    for batch in batches[:1]:
        n = len(batch) if isinstance(batch, (tuple, list)) else 1
        if n != 2:
            raise ValueError(
                f"data yields {n} batches of images at a time; expected a pair (a, b), "
                "as kerasgan.data.unpaired makes."
            )
        sizes = [np.shape(images)[1:3] for images in batch]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"domain b has images of {sizes[1][0]}x{sizes[1][1]} pixels, but those "
                f"of domain a have {sizes[0][0]}x{sizes[0][1]}; expected the same size."
            )
    for i, (domain, other) in enumerate(("ab", "ba")):
        check_images(
            batches,
            f"domain {domain}",
            lambda batch, i=i: batch[i],
            input_shape("discriminator", discriminators[domain]),
            output_activation(generators[other]),
        )
        for batch in batches[:1]:
            _check_size(domain, np.shape(batch[i])[1:], generators[domain], pools)


def _check_size(domain, shape, generator, pools):
    """Raises a ValueError for a size that a generator or a pool is not made for."""
    # What a network was built for has been checked with it.
    built = tuple(generator.inputs[0].shape[1:3]) == shape[:2]
    if not built and not keeps_size(generator, shape):
        step = divisor(generator)
        expected = "a network that does" if step is None else f"multiples of {step}"
        raise ValueError(
            f"domain {domain} has images of {shape[0]}x{shape[1]} pixels, whose size "
            f"generator {generator.name!r} does not keep; expected {expected}."
        )
    pooled = tuple(pools[domain].images.shape[1:]) if pools else shape
    if pooled != shape:
        raise ValueError(
            f"domain {domain} has images of shape {shape}, but the image pool holds "
            f"{pooled}; expected the same."
        )


def weight_pair(**arguments):
    """Returns a weight, given as a number or a pair of them, as two floats."""
    ((name, value),) = arguments.items()
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(
        isinstance(w, numbers.Real) and 0.0 <= w < math.inf for w in pair
    ):
        raise ValueError(
            f"{name} is {value!r}; expected a number of at least 0, or a pair of them "
            "for the directions a2b and b2a."
        )
    return tuple(map(float, pair))
