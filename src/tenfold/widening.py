"""``Widening``: how far a forecast may err beyond the data, a decade of reach, from what rehearsal left unexplained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR = 0.25  # decades that a withheld scale counts as at least, so that a near one cannot claim a steep growth


@dataclass(frozen=True, slots=True)
class Widening:
    """The size of the error a decade of reach, by its chance.

    Conformal prediction for grouped scores (Lee, Barber and Willett 2023, arXiv:2306.06342): each of K withheld scales
    has the chance 1/(K + 1), shared among the folds that predicted it, and 1/(K + 1) is left for what no withheld scale
    showed. Up to K/(K + 1) the size is read off the scores, straight between them; beyond, where K scales say nothing,
    it is that of Student's t with K degrees of freedom (two at least) and the scores' deviation, and never less than
    the largest score.

    ``sizes``: scores in ascending order. ``chances``: the chance of a size up to each. ``scales``: K. ``deviation``: the
    root mean square of the scores.
    """

    sizes: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()
    scales: int = 0
    deviation: float = 0.0

    @property
    def limit(self) -> float:
        """The largest chance that the scores themselves speak of, K/(K + 1)."""
        return self.scales / (self.scales + 1)

    def size(self, chance: float | Array) -> Array:
        """The error a decade that is not exceeded with such a chance; the shape of ``chance``. Zero without scores."""
        from scipy.special import stdtrit

        asked = np.asarray(chance, dtype=np.float64)
        if not self.sizes:
            return np.zeros(asked.shape)
        seen = np.interp(asked, (0.0, *self.chances), (0.0, *self.sizes))
        wide = self.deviation * stdtrit(max(self.scales, 2), 0.5 + 0.5 * np.maximum(asked, self.limit))
        tail = np.maximum(self.sizes[-1], wide)
        return np.where(asked > self.limit, tail, seen)

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Errors a decade, of either sign, (count,)."""
        sign = rng.choice([-1.0, 1.0], size=count)
        return np.asarray(sign * self.size(rng.random(count)))


def widening(scores: Sequence[tuple[float, float]]) -> Widening:
    """From (the withheld scale, the error a decade) of every fold.

    >>> made = widening([(1e20, 0.01), (1e21, 0.03), (1e21, 0.02)])
    >>> made.scales, round(made.limit, 3)
    (2, 0.667)
    >>> made.size(np.array([0.0, 1 / 3, 2 / 3])).round(4).tolist()
    [0.0, 0.01, 0.03]
    """
    if not scores:
        return Widening()
    folds: dict[float, int] = {}
    for scale, _ in scores:
        folds[scale] = folds.get(scale, 0) + 1
    ordered = sorted((size, 1.0 / (folds[scale] * (len(folds) + 1))) for scale, size in scores)
    chances = np.cumsum([chance for _, chance in ordered])
    sizes = tuple(size for size, _ in ordered)
    return Widening(sizes, tuple(chances.tolist()), len(folds), float(np.sqrt(np.mean(np.square(sizes)))))
