"""``classify_regime``: what limits the loss along an axis, from the exponent that was measured.

Bahri et al. (2021), Explaining Neural Scaling Laws, arXiv:2102.06701, tell two regimes apart on each axis:

* **variance-limited**: the other axis is what holds the loss up. It tends to its limit there, and the excess falls with
  the exponent 1, whatever the data and the model.
* **resolution-limited**: the axis itself is scarce. The exponent is what data and model make it; for a learner that is
  accurate to second order on a manifold of d dimensions it is 4/d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenfold.core.errors import DataError

VARIANCE = "variance-limited"
RESOLUTION = "resolution-limited"
OPEN = "undecided"
WIDE = 2.0  # an interval whose ends differ by more than this factor, with 1 inside, fits both regimes
SMOOTH = 4.0  # exponent times dimension for a smooth loss and a learner that is accurate to second order


@dataclass(frozen=True, slots=True)
class Regime:
    """What limits the loss along one axis.

    ``dimension`` is the interval of the dimension d = 4/exponent that a resolution-limited exponent implies, else None.
    """

    name: str
    interval: tuple[float, float]
    dimension: tuple[float, float] | None
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "regime": self.name,
            "interval": list(self.interval),
            "dimension": None if self.dimension is None else list(self.dimension),
            "reason": self.reason,
        }


def classify_regime(interval: tuple[float, float], *, saturates: bool) -> Regime:
    """Whether an axis is variance-limited or resolution-limited, from an interval of its exponent.

    Args:
        interval: low and high end of the exponent, as a positive number: the loss, less its limit on this axis, falls as
            the axis to the power of minus it.
        saturates: whether the loss tends to a limit that the other axis sets, above the irreducible loss. Without such a
            limit there is nothing for the variance to fall around, and the axis is resolution-limited.

    Raises:
        DataError: the interval is reversed, not finite or not positive.

    Example:
        >>> from tenfold.regime import classify_regime
        >>> classify_regime((0.96, 1.03), saturates=True).name
        'variance-limited'
        >>> low, high = classify_regime((0.32, 0.36), saturates=False).dimension
        >>> round(low, 1), round(high, 1)
        (11.1, 12.5)
    """
    low, high = (float(end) for end in interval)
    if not 0 < low <= high < float("inf"):
        raise DataError(
            f"an exponent's interval must be positive, finite and in order, got [{low:g}, {high:g}]",
            hint="give the exponent by which the loss falls, as a positive number; an interval that reaches zero shows no"
            " power law on this axis.",
        )
    told = f"the exponent lies in [{low:.3g}, {high:.3g}]"
    if saturates and low <= 1 <= high:
        if high > WIDE * low:
            return Regime(OPEN, (low, high), None, f"{told}, which has 1 inside and is too wide to mean it")
        return Regime(VARIANCE, (low, high), None, f"{told}, which has 1 inside, and the loss tends to a limit")
    dimension = (SMOOTH / high, SMOOTH / low)
    why = "has 1 outside" if saturates else "is of a loss that still falls"
    text = f"{told}, which {why}; as 4/d it implies d from {dimension[0]:.3g} to {dimension[1]:.3g}"
    return Regime(RESOLUTION, (low, high), dimension, text)
