"""Checks before the first step of a CycleGAN."""

import math
import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasgan.arguments import checked_range, size_pair
from kerasgan.inspection import input_shape, output_shape, shapes_match
from kerasgan.models.checks import check_nothing_shared
from kerasgan.models.image_pool import ImagePool
from kerasgan.models.translation import divisor, keeps_size
from kerasgan.models.value_range import ValueRange
from kerasgan.training.data_checks import check_images, check_structure, parts_of

Networks = dict[str, keras.Model]


def check_cycle(networks: Networks) -> None:
    """Raises a ValueError unless the networks of a CycleGAN fit each other.

    Args:
        networks: Dict from `"generator_ab"`, `"generator_ba"`, `"discriminator_a"` and
            `"discriminator_b"` to networks.
    """
    taken = {role: input_shape(role, network) for role, network in networks.items()}
    pairs = (
        ("generator_ab", "generator_ba"),
        ("discriminator_a", "discriminator_b"),
    )
    for first, second in pairs:
        if networks[first] is networks[second]:
            raise ValueError(
                f"{second} is the same object as {first}; expected two networks."
            )
    made = {role: output_shape(networks[role]) for role in pairs[0]}
    for role, shape in made.items():
        if len(taken[role]) != 3:
            raise ValueError(
                f"{role} takes inputs of shape {taken[role]}; expected images (height, "
                "width, channels)."
            )
        if not shapes_match(taken[role][:2], shape[:2]):
            raise ValueError(
                f"{role} makes images of shape {shape} from images of shape "
                f"{taken[role]}; expected the same height and width."
            )
    for role, maker in (
        ("generator_ba", "generator_ab"),
        ("generator_ab", "generator_ba"),
        ("discriminator_b", "generator_ab"),
        ("discriminator_a", "generator_ba"),
    ):
        if not shapes_match(made[maker], taken[role]):
            raise ValueError(
                f"{role} takes images of shape {taken[role]}, but {maker} makes images "
                f"of shape {made[maker]}; expected the same shape."
            )
    check_nothing_shared(networks)


def check_identity(
    given: Any, weights: tuple[float, float], generators: Sequence[keras.Model]
) -> None:
    """Raises a ValueError for an identity term between different channels.

    Args:
        given: The argument `identity_weight`.
        weights: The same as a pair.
        generators: Both generators.
    """
    channels = [input_shape("generator", network)[-1] for network in generators]
    if any(weights) and channels[0] != channels[1]:
        raise ValueError(
            f"identity_weight is {given!r}; expected 0, because images of "
            f"{channels[0]} and of {channels[1]} channels cannot be compared."
        )


def domain_ranges(value_range: Any) -> dict[str, ValueRange | None]:
    """Returns the value range of each domain.

    Args:
        value_range: A pair of floats for both domains, a dict with a pair for `"a"` and
            `"b"`, or None.

    Raises:
        ValueError: If it is none of these.
    """
    if not isinstance(value_range, dict):
        value_range = dict.fromkeys("ab", value_range)
    if set(value_range) != {"a", "b"}:
        raise ValueError(
            f"value_range has the keys {sorted(value_range)}; expected 'a' and 'b'."
        )
    return {domain: checked_range(value_range[domain]) for domain in "ab"}


def size_of_images(image_size: Any, networks: Sequence[keras.Model]) -> tuple[int, int]:
    """Returns `(height, width)` of the training images.

    Args:
        image_size: Int, or a pair `(height, width)`, or None.
        networks: Networks that take images. Their sides may be unknown.

    Raises:
        ValueError: If no side is known, or sizes disagree.
    """
    fixed = {tuple(network.inputs[0].shape[1:3]) for network in networks}
    fixed = {sides for sides in fixed if None not in sides}
    known = fixed if image_size is None else {*fixed, size_pair(image_size)}
    if not known:
        raise ValueError(
            "image_size is None, and no network has a fixed image size; expected "
            "(height, width), or pool_size=0."
        )
    if len(known) > 1:
        sizes = " and ".join(f"{height}x{width}" for height, width in sorted(fixed))
        raise ValueError(
            f"image_size is {image_size!r}, but the networks take images of {sizes} "
            "pixels; expected the same size."
        )
    return known.pop()


def check_pairs(
    batches: list[Any],
    name: str,
    *,
    generators_from: Networks,
    generators_to: Networks,
    discriminators: Networks,
    ranges: dict[str, ValueRange | None],
    pools: dict[str, ImagePool],
) -> None:
    """Raises a ValueError for data that a CycleGAN cannot train on.

    Args:
        batches: The first batches, as `fit` yields them.
        name: What the data is, for messages.
        generators_from: Dict from domains to the generator that takes their images.
        generators_to: Dict from domains to the generator that makes their images.
        discriminators: Dict from domains to the discriminator of their images.
        ranges: Dict from domains to the range of their images, or None.
        pools: Dict from domains to the image pool, or an empty dict.
    """
    for batch in batches:
        check_structure(
            batch,
            name,
            2,
            "a CycleGAN trains on two domains",
            "pairs (a, b), as kerasgan.data.unpaired makes",
        )
    for batch in batches[:1]:
        sizes = [np.shape(images)[1:3] for images in parts_of(batch)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"domain b of {name} has images of {sizes[1][0]}x{sizes[1][1]} pixels, "
                f"but domain a has {sizes[0][0]}x{sizes[0][1]}; expected the same size."
            )
    for i, domain in enumerate("ab"):
        check_images(
            [parts_of(batch)[i] for batch in batches],
            f"domain {domain} of {name}",
            input_shape("discriminator", discriminators[domain]),
            generators_to[domain],
            ranges[domain],
        )
        for batch in batches[:1]:
            shape = np.shape(parts_of(batch)[i])[1:]
            _check_size(domain, shape, generators_from[domain], pools)


def _check_size(
    domain: str, shape: tuple[int, ...], generator: keras.Model, pools: Any
) -> None:
    """Raises a ValueError for a size that a generator or a pool does not support."""
    # A network with a fixed size was checked when the model was created.
    fixed = tuple(generator.inputs[0].shape[1:3]) == shape[:2]
    if not fixed and not keeps_size(generator, shape):
        step = divisor(generator)
        expected = "a network that does" if step is None else f"multiples of {step}"
        raise ValueError(
            f"domain {domain} has images of {shape[0]}x{shape[1]} pixels, but "
            f"generator {generator.name!r} does not return images of the same size; "
            f"expected {expected}."
        )
    pooled = tuple(pools[domain].images.shape[1:]) if pools else shape
    if pooled != shape:
        raise ValueError(
            f"domain {domain} has images of shape {shape}, but the image pool holds "
            f"{pooled}; expected the same."
        )


def weight_pair(**arguments: Any) -> tuple[float, float]:
    """Returns a weight, given as a number or a pair of numbers, as two floats.

    Raises:
        ValueError: If it is negative, infinite, or not a number or pair.
    """
    ((name, value),) = arguments.items()
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(
        isinstance(w, numbers.Real) and 0.0 <= float(w) < math.inf for w in pair
    ):
        raise ValueError(
            f"{name} is {value!r}; expected a number of at least 0, or a pair of them "
            "for the directions a2b and b2a."
        )
    return float(pair[0]), float(pair[1])
