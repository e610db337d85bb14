"""Building blocks that more than one network uses."""

from kerasgan import compat


def instance_normalization(epsilon=1e-5, gamma_initializer="ones", name=None):
    """Returns a layer that normalizes every channel of every image by itself.

    Batches never mix: each `(image, channel)` plane is brought to mean 0 and
    variance 1, then scaled and shifted by learned weights of its channel.
    From "Instance Normalization: The Missing Ingredient for Fast Stylization",
    Ulyanov et al., https://arxiv.org/abs/1607.08022.

    Args:
        epsilon: Float, added to the variance before the square root.
        gamma_initializer: Keras initializer of the scale.
        name: Name of the layer.

    Returns:
        A Keras layer from `(batch, height, width, channels)` to the same shape.
        In the TensorFlow 2.15 generation it is TensorFlow Addons' own
        `InstanceNormalization`.

    Example:

    >>> layer = kerasgan.layers.instance_normalization()
    >>> layer(images).shape == images.shape
    True
    """
    return compat.instance_normalization(epsilon, gamma_initializer, name)
