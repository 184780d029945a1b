"""``Widening``: how far a forecast may err beyond the data, a decade of reach, from what rehearsal left unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR = 0.25  # decades that a withheld scale counts as at least, so that a near one cannot claim a steep growth
# What a withheld scale counts against the next larger one: a law that misses a bend errs more the larger the scale. On
# the arena's tasks .5 to .85 score alike, and 90 % intervals hold one or two points in a hundred more than at 1.
FADE = 0.7
SIDES = 1.0  # errors to either side that are added to those seen, by Laplace's rule of succession


class Score(NamedTuple):
    """What one fold says: the withheld ``scale``, the ``size`` of the error a decade that nothing else explains, and
    whether the prediction was too ``high``.
    """

    scale: float
    size: float
    high: bool


@dataclass(frozen=True, slots=True)
class Widening:
    """The size of the error a decade of reach by its chance, and to which side.

    Conformal prediction for grouped scores (Lee, Barber and Willett 2023, arXiv:2306.06342) with weights that fade
    (Barber, Candes, Ramdas and Tibshirani 2023, Ann. Statist. 51, 816-845): the largest withheld scale counts as one,
    each smaller one as :data:`FADE` of the one above it, W in all. A scale has its count over W + 1 for a chance, shared
    among the folds that predicted it, and 1/(W + 1) is left for what no withheld scale showed. Up to W/(W + 1) the size
    is read off the scores, straight between them; beyond, where so few scales say nothing, it is that of Student's t
    with the scores' deviation and as many degrees of freedom (two at least) as a mean square of so uneven weights has,
    (sum of weights)^2 over the sum of their squares; and never less than the largest score.

    ``sizes``: scores in ascending order. ``chances``: the chance of a size up to each. ``scales``: how many there were.
    ``count``: W. ``freedom``: of Student's t. ``deviation``: the root mean square of the scores. ``high``: the chance
    that a forecast is too high, by Laplace's rule of succession on the counts of scales.
    """

    sizes: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()
    scales: int = 0
    count: float = 0.0
    freedom: float = 0.0
    deviation: float = 0.0
    high: float = 0.5

    @property
    def limit(self) -> float:
        """The largest chance that the scores themselves speak of, W/(W + 1)."""
        return self.count / (self.count + 1)

    def size(self, chance: float | Array) -> Array:
        """The error a decade that is not exceeded with such a chance; the shape of ``chance``. Zero without scores."""
        from scipy.special import stdtrit

        asked = np.asarray(chance, dtype=np.float64)
        if not self.sizes:
            return np.zeros(asked.shape)
        seen = np.interp(asked, (0.0, *self.chances), (0.0, *self.sizes))
        wide = self.deviation * stdtrit(max(self.freedom, 2.0), 0.5 + 0.5 * np.maximum(asked, self.limit))
        tail = np.maximum(self.sizes[-1], wide)
        return np.where(asked > self.limit, tail, seen)

    def sides(self, level: float) -> tuple[float, float]:
        """How far, a decade, a forecast may be too low and too high: each is exceeded with a chance of (1 - level)/2.

        A side on which errors are rarer than that has none.
        """
        outside = 0.5 * (1.0 - level)
        low, high = (max(1.0 - outside / chance, 0.0) for chance in (1.0 - self.high, self.high))
        return float(self.size(low)), float(self.size(high))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """The logarithm of the truth over the forecast a decade, (count,): negative where the forecast is too high."""
        sign = np.where(rng.random(count) < self.high, -1.0, 1.0)
        return np.asarray(sign * self.size(rng.random(count)))


def widening(scores: Sequence[Score | tuple[float, float, bool]]) -> Widening:
    """From the scores of all folds.

    >>> made = widening([(1e20, 0.01, True), (1e21, 0.03, True), (1e21, 0.02, False)])
    >>> made.scales, round(made.count, 3), round(made.limit, 3), round(made.high, 3)
    (2, 1.7, 0.63, 0.595)
    >>> made.size(np.array([0.0, 0.7 / 2.7, 1.7 / 2.7])).round(4).tolist()
    [0.0, 0.01, 0.03]
    """
    if not scores:
        return Widening()
    rows = sorted((Score(*score) for score in scores), key=lambda score: score.size)
    scale, size, high = (np.array(column) for column in zip(*rows, strict=True))
    found, which, folds = np.unique(scale, return_inverse=True, return_counts=True)
    counts = FADE ** np.arange(len(found))[::-1]
    weight, count = (counts / folds)[which], float(counts.sum())
    return Widening(
        tuple(size.tolist()),
        tuple((np.cumsum(weight) / (count + 1.0)).tolist()),
        len(found),
        count,
        count**2 / float(counts @ counts),
        float(np.sqrt(weight @ size**2 / count)),
        float((weight @ high + SIDES) / (count + 2.0 * SIDES)),
    )
