"""The metadata of a saved model, read without building the model."""

import json
import os
import pathlib
import zipfile
from typing import Any

import keras

from kerasgan import inspection
from kerasgan.models.value_range import ValueRange, known_range

# The metadata of an exported generator: a member of the .keras file, or a file in the
# folder that TensorFlow reserves for such files in a SavedModel.
MEMBER = "kerasgan.json"
EXTRA_FOLDER = "assets.extra"


def image_metadata(
    generator: keras.Model, value_range: ValueRange | None
) -> dict[str, Any]:
    """Returns the range and the shape of a generator's images.

    Args:
        generator: A Keras model that ends in images.
        value_range: The range the user gave, or None.
    """
    known = known_range(value_range, generator)
    return {
        "value_range": known and list(known),
        "image_shape": list(inspection.output_shape(generator)),
    }


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Reads the metadata of a saved model without building the model.

    Args:
        path: A `.keras` file with a `GAN`, a `CycleGAN` or an exported generator, or
            the folder of a SavedModel that `export_generator` wrote.

    Returns:
        The `metadata` of the model: its `kind`, the range (None if unknown) and shape
        of its images, the shape and distribution of its latents if it has any, and the
        `versions` of the libraries that saved it. None if the file has no metadata.

    Raises:
        FileNotFoundError: If the file does not exist.

    Example:

    >>> kerasgan.models.read_metadata("faces.keras")["versions"]
    {'kerasgan': '0.1.0', 'keras': '3.15.1', 'tensorflow': '2.21.0'}
    """
    path = pathlib.Path(path)
    if path.is_dir():
        file = path / EXTRA_FOLDER / MEMBER
        return json.loads(file.read_text()) if file.exists() else None
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER in archive.namelist():
                return json.loads(archive.read(MEMBER))
            return json.loads(archive.read("config.json"))["config"]["metadata"]
    # Not an archive, an archive of something else, or damaged.
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None
