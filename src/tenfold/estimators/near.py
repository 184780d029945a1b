"""Weights by nearness to the scale that is forecast at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import AXES, axis_of
from tenfold.core.errors import ConfigError, DataError
from tenfold.io.needs import derive
from tenfold.prepare import Prepared

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Near:
    """Rows weigh less the farther they lie from a scale: a row's weight halves with every ``decades`` of distance.

    Only differences of distance matter, so a target far beyond the runs does not leave a few of them alone.
    """

    axis: str
    value: float
    decades: float = 1.0

    def __post_init__(self) -> None:
        for name, number in (("value", self.value), ("decades", self.decades)):
            if not (np.isfinite(number) and number > 0):
                raise ConfigError(f"near.{name} must be positive, got {number:g}", path=f"near.{name}")

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"axis": self.axis, "value": self.value, "decades": self.decades}


def parse_near(text: str) -> Near:
    """Read ``flops=1e21`` or ``flops=1e21:0.5``, the decades in which a weight halves behind the colon.

    >>> parse_near("flops=1e21:0.5")
    Near(axis='flops', value=1e+21, decades=0.5)
    """
    name, _, rest = text.partition("=")
    value, colon, decades = rest.partition(":")
    try:
        return Near(name.strip(), float(value), float(decades) if colon else 1.0)
    except ValueError:
        pass
    raise ConfigError(f"cannot read {text!r}", path="near", hint="write near=flops=1e21 or flops=1e21:0.5")


def weights(ready: Prepared, near: Near) -> Array:
    """Each row's weight, (n,), one where it is nearest.

    Raises:
        DataError: the runs do not have the axis, or it is not positive somewhere.
    """
    known = {word for axis in AXES for word in (axis.symbol, axis.column)}
    column = axis_of(near.axis).column if near.axis in known else near.axis
    values = derive(ready.runs, [column]).column(column)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise DataError(
            f"{column} is missing or not positive in some rows of {ready.runs.source}: how near they are is unknown",
            hint="weigh by another axis, or leave such rows out with --where",
        )
    distance = np.abs(np.log10(values / near.value))
    return np.asarray(2.0 ** (-(distance - distance.min()) / near.decades))


def sentence(near: Near, made: Array) -> str:
    """One line for the notes."""
    effective = float(made.sum() ** 2 / np.sum(made**2))
    return (
        f"rows weigh less the farther they lie from {near.axis} {near.value:g}, half every {near.decades:g} decades: "
        f"{len(made)} rows weigh as {effective:.3g} alike"
    )
