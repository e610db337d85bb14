"""Values of metrics with their statistical errors."""

from typing import NamedTuple


class Estimate(NamedTuple):
    """A value and its standard error, in the same unit."""

    value: float
    standard_error: float
