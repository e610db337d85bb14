"""What a saved adversarial model keeps, and how it is loaded."""

import contextlib
import ctypes
import os
import sys
import warnings
from typing import Any

import keras

from kerasgan.files import absolute_path
from kerasgan.models import compiling
from kerasgan.version import library_versions


class SavableModel(keras.Model):
    """Saving and loading of a model with two players.

    `keras.Model` saves one optimizer and one loss; this saves both optimizers, the
    adversarial loss, penalties and metrics, and metadata about the images.
    """

    # Names of the arguments, and attributes, that hold networks.
    roles: tuple[str, ...] = ()
    ema_decay: float | None
    seed: int
    versions: dict[str, str] | None
    label_noise: float
    run_options: dict[str, Any]

    @property
    def is_compiled(self) -> bool:
        """Whether `compile` was called."""
        return hasattr(self, "d_optimizer")

    def compile_options(self) -> dict[str, Any]:
        """Returns the arguments of `compile` that are plain values."""
        return {**self.run_options, "label_noise": self.label_noise}

    def get_compile_config(self) -> dict[str, Any] | None:
        """Returns what `compile_from_config` needs, or None if not compiled.

        Warns of arguments that cannot be saved.
        """
        if not self.is_compiled:
            return None
        problem = compiling.changed_since_compile(self)
        if problem:
            warnings.warn(
                f"{problem}. The saved file does not restore the state of its "
                "optimizer.",
                stacklevel=2,
            )
        config, missing = compiling.config_of(self)
        if missing:
            compiling.warn_of_missing(missing, saving=True)
            config["missing"] = missing
        return {**self.compile_options(), **config}

    def training_config(self) -> dict[str, Any]:
        """Returns all that training depends on besides its data.

        Objects that cannot be serialized appear by the name of their class.
        """
        config, missing = compiling.config_of(self)
        return {**self.get_config(), **self.compile_options(), **config, **missing}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model as it was when `get_compile_config` was called."""
        if config.get("missing"):
            compiling.warn_of_missing(config["missing"], saving=False)
            return
        self.compile(**compiling.deserialized(config))

    def image_metadata(self) -> dict[str, Any]:
        """Returns what users of the images must know, as JSON-compatible values."""
        return {}

    @property
    def metadata(self) -> dict[str, Any]:
        """What a saved file says about the model, as JSON-compatible values."""
        return {
            "kind": type(self).__name__,
            **self.image_metadata(),
            # Keras keeps it as a type that JSON does not accept as a dict.
            "versions": self.versions and dict(self.versions),
        }

    def save(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, **options: Any
    ) -> None:
        """Saves the whole model as a `.keras` file.

        Args:
            filepath: Path that ends in `.keras`.
            overwrite: As in Keras.
            **options: Further arguments of `keras.Model.save`.

        Raises:
            ValueError: If the path has another ending.
        """
        path = absolute_path(filepath)
        if path.suffix != ".keras":
            raise ValueError(
                f"filepath is {str(filepath)!r}; expected a path that ends in .keras, "
                "the format that keeps both optimizers."
            )
        _return_freed_memory()
        super().save(path, overwrite, **options)

    def export(self, *arguments: Any, **options: Any) -> None:
        """Raises a ValueError: `export_generator` exports what can be served."""
        raise ValueError(
            f"export was called on a {type(self).__name__}; expected "
            "export_generator(path), which exports the generator without the "
            "discriminator."
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, with serialized networks."""
        networks = {
            role: keras.saving.serialize_keras_object(getattr(self, role))
            for role in self.roles
        }
        return {
            **networks,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
            "name": self.name,
            "metadata": {**self.metadata, "versions": library_versions()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SavableModel":
        """Returns a model for what `get_config` returned."""
        networks = {
            role: keras.saving.deserialize_keras_object(config[role])
            for role in cls.roles
        }
        options = {**config, **networks}
        metadata = options.pop("metadata", {})
        model = cls(**options)
        model.versions = metadata.get("versions")
        return model


def _return_freed_memory() -> None:
    """Gives memory that training no longer uses back to the operating system.

    On Linux, the C library keeps freed memory. Keras builds the whole file in memory,
    so without this the peak is the sum of both.
    """
    if sys.platform == "linux":
        # Only glibc has this function.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
