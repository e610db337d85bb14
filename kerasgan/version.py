"""The version of kerasgan and of the libraries it runs on."""

__version__ = "0.1.0"


def library_versions() -> dict[str, str]:
    """Returns the installed versions of kerasgan, Keras and TensorFlow."""
    # Imported here so that reading the version stays fast.
    import keras
    import tensorflow as tf

    return {
        "kerasgan": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
