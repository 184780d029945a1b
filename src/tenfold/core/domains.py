"""Domains: the set a coefficient lives in. Bounds, the transform a solver works in and the range of starts follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Domain:
    """An interval of the real line.

    Attributes:
        name: what a person calls it.
        lower, upper: the closed bounds a coefficient may reach; infinite when open.
        transform: ``log`` for coefficients that span decades, else ``identity``.
        start: the range that starts are drawn from, in natural units.
        like: an input's symbol, or ``output``: then ``start`` is relative to the range of that quantity in the data
            (as multiples of it), so the search is the same in any unit.
    """

    name: str
    lower: float = -np.inf
    upper: float = np.inf
    transform: str = "identity"
    start: tuple[float, float] = (-1.0, 1.0)
    like: str = ""

    def contains(self, value: float, *, slack: float = 0.0) -> bool:
        """Whether a value is in the domain."""
        return bool(np.isfinite(value) and self.lower - slack <= value <= self.upper + slack)

    def to_free(self, value: Any) -> Any:
        """Natural units to the solver's."""
        return np.log(value) if self.transform == "log" else np.asarray(value, dtype=float) + 0.0

    def to_natural(self, value: Any) -> Any:
        """The solver's units to natural ones."""
        return np.exp(value) if self.transform == "log" else np.asarray(value, dtype=float) + 0.0

    def free_bounds(self) -> tuple[float, float]:
        """Bounds in the solver's units."""
        if self.transform == "log":
            low = np.log(self.lower) if self.lower > 0 else -690.0
            high = np.log(self.upper) if np.isfinite(self.upper) else 690.0
            return float(low), float(high)
        return self.lower, self.upper

    def describe(self) -> str:
        """The domain in words, with its bounds.

        >>> Exponent.describe()
        'exponent in [0, 3]'
        """
        low = "-inf" if np.isneginf(self.lower) else f"{self.lower:g}"
        high = "inf" if np.isposinf(self.upper) else f"{self.upper:g}"
        return f"{self.name} in [{low}, {high}]"


Real = Domain("real number", start=(-2.0, 2.0))
Positive = Domain("positive", lower=0.0, transform="log", start=(1e-3, 1e6))
Exponent = Domain("exponent", lower=0.0, upper=3.0, start=(0.02, 1.5))
Floor = Domain("floor", lower=0.0, start=(0.05, 0.99), like="output", transform="log")
Unit = Domain("fraction", lower=0.0, upper=1.0, start=(0.05, 0.95))


def Interval(lower: float, upper: float, *, start: tuple[float, float] | None = None) -> Domain:
    """A closed interval."""
    return Domain("interval", lower=lower, upper=upper, start=start or (lower, upper))


def Like(symbol: str, *, low: float = 0.3, high: float = 3.0) -> Domain:
    """A positive quantity on the scale of an input (the position of a break, say) or of the ``output``.

    Starts are drawn between ``low`` times the smallest and ``high`` times the largest value in the data.
    """
    return Domain(f"positive, on the scale of {symbol}", lower=0.0, transform="log", start=(low, high), like=symbol)
