"""How a prediction of withheld points is judged: by its center and by its intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CAP = float(np.log(10.0))  # a prediction off by more than a factor of ten is as bad as one that is not finite


@dataclass(frozen=True, slots=True)
class Scores:
    """``log_error``: mean absolute log error, each point capped at a factor of ten. ``relative``: mean absolute error in
    shares of the measured value. ``r2``: of the withheld points, clipped at -1; NaN where they do not vary. ``inside``:
    share of points within the interval of each level; ``width``: mean width in the logarithm; ``interval_score``: the
    mean of width plus 2 / (1 - level) times what a point lies outside (Gneiting and Raftery, 2007, eq. 43), in the
    logarithm, with the width and every miss capped like the errors.
    """

    log_error: float
    relative: float
    r2: float
    inside: Mapping[float, float]
    width: Mapping[float, float]
    interval_score: Mapping[float, float]

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""

        def keyed(values: Mapping[float, float]) -> dict[str, float]:
            return {f"{level:g}": value for level, value in values.items()}

        return {
            "log_error": self.log_error,
            "relative": self.relative,
            "r2": self.r2,
            "inside": keyed(self.inside),
            "width": keyed(self.width),
            "interval_score": keyed(self.interval_score),
        }


def score(measured: Array, center: Array, intervals: Mapping[float, tuple[Array, Array]]) -> Scores:
    """Judge predictions of positive values, arrays of one length.

    >>> y = np.array([1.0, 2.0])
    >>> made = score(y, y, {0.9: (y * 0.9, y * 1.1)})
    >>> made.log_error, made.r2, made.inside[0.9]
    (0.0, 1.0, 1.0)
    """
    error = capped(center, measured)
    safe = np.where(np.isfinite(center), center, 10.0 * measured)
    spread = float(np.sum((measured - measured.mean()) ** 2))
    r2 = float(max(1.0 - np.sum((safe - measured) ** 2) / spread, -1.0)) if spread > 0 else float("nan")
    inside, width, scores = {}, {}, {}
    for level, (low, high) in intervals.items():
        below, above = capped(low, measured, bad=-CAP), capped(high, measured, bad=CAP)
        reach = above - below
        miss = np.maximum(below, 0.0) + np.maximum(-above, 0.0)
        inside[level] = float(np.mean((below <= 0) & (above >= 0)))
        width[level] = float(reach.mean())
        scores[level] = float(np.mean(reach + 2.0 / (1.0 - level) * miss))
    return Scores(float(np.abs(error).mean()), float(np.mean(np.abs(np.expm1(error)))), r2, inside, width, scores)


def capped(predicted: Array, measured: Array, *, bad: float = CAP) -> Array:
    """Log error within a factor of ten; what is not positive and finite counts as ``bad``."""
    with np.errstate(all="ignore"):
        ratio = np.log(predicted / measured)
    return np.clip(np.where(np.isfinite(ratio), ratio, bad), -CAP, CAP)
