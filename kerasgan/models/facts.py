"""What a saved model says of itself, read without building the model."""

import json
import pathlib
import zipfile

from kerasgan import inspection

# Where a generator that was exported alone keeps its facts: a member of the .keras
# file, or a file in the folder that TensorFlow leaves for such beside saved_model.pb.
MEMBER = "kerasgan.json"
EXTRA_FOLDER = "assets.extra"


def image_facts(generator):
    """Returns the range and the shape of the images that a generator makes."""
    return {
        "value_range": list(inspection.value_range(generator)),
        "image_shape": list(inspection.output_shape(generator)),
    }


def read_facts(path):
    """Reads what a saved model says of itself, without building it.

    Args:
        path: A `.keras` file with a `GAN`, a `CycleGAN` or a generator that
            `export_generator` wrote, or the folder of a SavedModel that it wrote.

    Returns:
        A dict, the `facts` of the model: its `kind`, the range and shape of its
        images, the shape and distribution of its latents if it takes any, and the
        `versions` of the libraries that saved it. None if the file does not say.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:

    >>> kerasgan.models.read_facts("faces.keras")["versions"]
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
            return json.loads(archive.read("config.json"))["config"]["facts"]
    # Not an archive, or of something else, or damaged.
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None
