"""Latents: their length, their distribution, and how they are drawn."""

import tensorflow as tf

from kerasgan.arguments import check_positive


def draw_latents(n, shape, distribution, seed):
    """Draws latents.

    Args:
        n: Int or scalar integer tensor, how many.
        shape: Shape of one latent.
        distribution: `"normal"`, or a pair `(low, high)`.
        seed: Seed for stateless operations, an integer tensor of shape `(2,)`.

    Returns:
        A float32 tensor `(n,) + shape`.
    """
    whole = tf.concat([[n], shape], axis=0)
    if distribution == "normal":
        latents = tf.random.stateless_normal(whole, seed)
    else:
        low, high = distribution
        latents = tf.random.stateless_uniform(whole, seed, low, high)
    return tf.ensure_shape(latents, (None, *shape))


def check_latent_dim(latent_dim, latent_shape):
    """Returns the length of the latents, or raises if it is not the generator's."""
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


def check_distribution(distribution):
    """Returns `"normal"` or a pair of floats, or raises a ValueError."""
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
