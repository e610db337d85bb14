"""Latents: their length, their distribution, and how they are drawn."""

from typing import Any

import tensorflow as tf

from kerasgan.arguments import check_positive


def draw_latents(
    n: int | tf.Tensor,
    shape: tuple[int, ...],
    distribution: str | tuple[float, float],
    seed: tf.Tensor,
) -> tf.Tensor:
    """Draws latents.

    Args:
        n: Number of latents.
        shape: Shape of one latent.
        distribution: `"normal"`, or a pair `(low, high)`.
        seed: Seed for stateless operations, an integer tensor of shape `(2,)`.

    Returns:
        A float32 tensor `(n,) + shape`.
    """
    whole = tf.concat([[n], shape], axis=0)
    if isinstance(distribution, str):
        latents = tf.random.stateless_normal(whole, seed)
    else:
        low, high = distribution
        latents = tf.random.stateless_uniform(whole, seed, low, high)
    return tf.ensure_shape(latents, (None, *shape))


def check_latent_dim(
    latent_dim: int | None, latent_shape: tuple[int, ...] | None
) -> int | None:
    """Returns the length of the latents.

    Args:
        latent_dim: The argument; None to infer it from the generator.
        latent_shape: Shape of one latent, or None if the generator takes images.

    Raises:
        ValueError: If `latent_dim` does not match the generator.
    """
    if latent_shape is None:
        if latent_dim is not None:
            raise ValueError(
                f"latent_dim is {latent_dim}, but generator takes images; expected "
                "None."
            )
        return None
    if latent_dim is None:
        return latent_shape[-1]
    check_positive(latent_dim=latent_dim)
    if latent_dim != latent_shape[-1]:
        raise ValueError(
            f"latent_dim is {latent_dim}, but generator takes latents of length "
            f"{latent_shape[-1]}; expected the same number."
        )
    return int(latent_dim)


def check_distribution(distribution: Any) -> str | tuple[float, float]:
    """Returns `"normal"` or a pair of floats.

    Raises:
        ValueError: If `distribution` is neither.
    """
    if distribution == "normal":
        return distribution
    try:
        low, high = (float(bound) for bound in distribution)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high:
        raise ValueError(
            f"latent_distribution is {distribution!r}; expected 'normal' or a pair "
            "(low, high)."
        )
    return low, high


def latent_metadata(
    shape: tuple[int, ...], distribution: str | tuple[float, float]
) -> dict[str, Any]:
    """Returns the shape and distribution of latents, as JSON-compatible values."""
    return {
        "latent_shape": list(shape),
        "latent_distribution": distribution
        if distribution == "normal"
        else list(distribution),
    }
