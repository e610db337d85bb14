"""`Record`: a value of a metric, with all that is needed to repeat and compare it."""

import dataclasses
import datetime
import json
import math
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from kerasgan.files import atomic_write
from kerasgan.metrics.estimates import Estimate
from kerasgan.version import library_versions

# Digits of a hash that are shown.
DIGITS = 8


def _today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


@dataclasses.dataclass(frozen=True)
class Record:
    """A value of a metric, with all that is needed to repeat and compare it.

    Args:
        metric: Name of the metric, such as `"kernel_distance"`.
        value: The value.
        standard_error: Its standard error, or None if it is not known.
        options: Options of the metric, such as the number of subsets.
        extractor: Name of the feature extractor, or None if the metric needs none.
        weights_hash: SHA-256 of the weights of the extractor.
        image_size: Height and width of the images in pixels.
        images: Numbers of images, by what they are: `"real"` or `"generated"`.
        data: Name of the dataset.
        split: Name of the split, such as `"test"`.
        data_hash: SHA-256 of the real images.
        seed: Integer that determined the generated images.
        versions: Versions of libraries, by name; by default those that are installed.
        date: ISO date, in UTC; by default today.

    Example:

    >>> record = kerasgan.metrics.Record(
    ...     metric="kernel_distance",
    ...     value=0.0123,
    ...     standard_error=0.0004,
    ...     options={"subsets": 100, "subset_size": 1000},
    ...     extractor="random_conv",
    ...     weights_hash=extractor.weights_hash,
    ...     image_size=(64, 64),
    ...     images={"real": 5000, "generated": 10_000},
    ...     data="celeb_a",
    ...     split="test",
    ...     data_hash=data_hash,
    ...     seed=0,
    ... )
    >>> print(record)
    kernel_distance 0.01230 ± 0.00040 (random_conv 169cd299; 5,000 real and 10,000 ...
    """

    metric: str
    value: float
    standard_error: float | None
    options: dict[str, Any]
    extractor: str | None
    weights_hash: str | None
    image_size: tuple[int, int]
    images: dict[str, int]
    data: str
    split: str
    data_hash: str
    seed: int
    versions: dict[str, str] = dataclasses.field(default_factory=library_versions)
    date: str = dataclasses.field(default_factory=_today)

    def __str__(self) -> str:
        """Returns one line for a paper or a table."""
        shown = f"{self.value:.4g}"
        if self.standard_error is not None:
            shown += f" ± {self.standard_error:.2g}"
        counts = " and ".join(f"{n:,} {kind}" for kind, n in self.images.items())
        height, width = self.image_size
        parts = [
            *([f"{self.extractor} {_short(self.weights_hash)}"] * bool(self.extractor)),
            f"{counts} images of {height} x {width} pixels",
            f"{self.data}, {self.split} split {_short(self.data_hash)}",
            *(f"{name} {value}" for name, value in self.options.items()),
            f"seed {self.seed}",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
            self.date,
        ]
        return f"{self.metric} {shown} ({'; '.join(parts)})"

    def differences(self, other: "Record") -> dict[str, tuple[Any, Any]]:
        """Returns the fields that make two values incomparable, with both values."""
        return {
            name: (getattr(self, name), getattr(other, name))
            for name in PROTOCOL
            if getattr(self, name) != getattr(other, name)
        }

    def minus(self, other: "Record", allow_differences: bool = False) -> Estimate:
        """Returns the difference of two values, and its standard error.

        Args:
            other: The record to compare with.
            allow_differences: Whether the records may differ in what makes values
                comparable. `differences` lists it.

        Returns:
            An `Estimate`. The error is NaN if one of the errors is not known.

        Raises:
            ValueError: If the records differ in more than value, seed, versions and
                date.

        Example:

        >>> after.minus(before)
        Estimate(value=-0.002, standard_error=0.0005)
        """
        different = self.differences(other)
        if different and not allow_differences:
            named = "; ".join(
                f"{name} is {one!r} and {two!r}"
                for name, (one, two) in different.items()
            )
            raise ValueError(f"the records cannot be compared: {named}.")
        errors = [
            math.nan if one.standard_error is None else one.standard_error
            for one in (self, other)
        ]
        return Estimate(self.value - other.value, math.hypot(*errors))


# Fields that must be equal if two values are to be compared.
PROTOCOL = (
    "metric",
    "options",
    "extractor",
    "weights_hash",
    "image_size",
    "images",
    "data",
    "split",
    "data_hash",
)


def write_records(path: str | os.PathLike[str], records: Sequence[Record]) -> None:
    """Writes records as JSON.

    Args:
        path: Path of the file. Missing folders are created.
        records: The records.
    """
    text = json.dumps([dataclasses.asdict(record) for record in records], indent=2)
    with atomic_write(path) as file:
        file.write(f"{text}\n".encode())


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Returns the records that `write_records` wrote.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If the file contains something else.
        OSError: If the file cannot be read.
    """
    try:
        listed = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        return [
            Record(**{**one, "image_size": tuple(one["image_size"])}) for one in listed
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{str(path)!r} has no records ({error}); expected a file that "
            "write_records wrote."
        ) from None


def _short(digest: str | None) -> str:
    return (digest or "")[:DIGITS]
