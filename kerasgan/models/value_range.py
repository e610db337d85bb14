"""The range of the images a model generates: given, or inferred from its generator."""

import keras

from kerasgan import inspection

ValueRange = tuple[float, float]


def known_range(
    value_range: ValueRange | None, generator: keras.Model
) -> ValueRange | None:
    """Returns the range of a generator's images, or None if it is unknown.

    Args:
        value_range: The range the user gave, or None.
        generator: A Keras model that ends in images.
    """
    return value_range or inspection.output_range(generator)


def required_range(
    value_range: ValueRange | None, generator: keras.Model
) -> ValueRange:
    """Returns the range of a generator's images.

    Args:
        value_range: The range the user gave, or None.
        generator: A Keras model that ends in images.

    Raises:
        ValueError: If it is unknown.
    """
    known = known_range(value_range, generator)
    if known is None:
        raise ValueError(
            "value_range is None and cannot be inferred from the last layers of "
            f"generator {generator.name!r}; expected value_range=(low, high) in the "
            "constructor."
        )
    return known
