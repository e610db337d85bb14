"""Checks of the models and images that callbacks are given."""

import keras
import numpy as np

from kerasgan import inspection
from kerasgan.metrics.image_arrays import check_range
from kerasgan.models.adversarial import AdversarialModel


def check_adversarial(callback: str, model: keras.Model) -> None:
    """Raises a ValueError if `model` is not a model of this library.

    Args:
        callback: Name of the callback, for the message.
        model: The model that the callback is used with.
    """
    if not isinstance(model, AdversarialModel):
        raise ValueError(
            f"{callback} is used with a {type(model).__name__}; expected a "
            "kerasgan.GAN or kerasgan.CycleGAN."
        )


def check_translates(callback: str, model: keras.Model) -> None:
    """Raises a ValueError if `model` does not translate in both directions."""
    if not hasattr(model, "translate"):
        raise ValueError(
            f"{callback} is used with a {type(model).__name__}; expected a model that "
            "translates, such as kerasgan.CycleGAN."
        )


def check_translated_images(model: keras.Model, a: np.ndarray, b: np.ndarray) -> None:
    """Raises a ValueError if a model cannot translate the images of its domains.

    Args:
        model: A `CycleGAN`.
        a: Images of domain a, a float array `(n, height, width, channels)`.
        b: Images of domain b.
    """
    generators = (model.generator_ab, model.generator_ba)
    for name, images, generator in zip("ab", (a, b), generators, strict=True):
        channels = inspection.input_shape("generator", generator)[-1]
        if images.shape[-1] != channels:
            raise ValueError(
                f"{name} has shape {images.shape}; expected (n, height, width, "
                f"{channels}), as generator_{'ab' if name == 'a' else 'ba'} takes."
            )
        check_range(name, images, model.value_range(name))
