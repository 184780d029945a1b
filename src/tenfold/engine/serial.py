r"""Correlated rows: checkpoints of one run, whose residuals share a part that stays and a part that fades with distance.

Within a run, residuals at positions z (logarithms of tokens) have the correlation

    R_jk = c + (1 - c) exp(-|z_j - z_k| / length)

``c`` is the exchangeable share, what a seed does to a whole run; the rest is an Ornstein-Uhlenbeck process, the form of
an AR(1) that holds for uneven spacing. Its inverse is tridiagonal, so everything here takes one pass over the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_CLOSE = 1e-3  # checkpoints nearer than this in the logarithm count as this far apart
_WILD = 4.0  # robust standard deviations beyond which a residual counts as this far out
_SHARES = np.concatenate([np.linspace(0.0, 0.95, 20), [0.98, 0.995]])


@dataclass(frozen=True, slots=True)
class Serial:
    """Correlation within runs: the exchangeable ``share`` and the ``length`` of the rest, in natural logarithms."""

    share: float
    length: float

    def at(self, distance: float) -> float:
        """The correlation of two rows of a run this far apart in the logarithm."""
        return float(self.share + (1.0 - self.share) * np.exp(-distance / self.length))


@dataclass(frozen=True, eq=False)
class Chains:
    """Rows by run and position: ``order`` sorts them, ``run`` is each sorted row's run, ``gap`` its distance from the row
    before, infinite where a run begins."""

    order: Index
    run: Index
    gap: Array

    @property
    def count(self) -> int:
        """How many runs."""
        return int(self.run[-1]) + 1


def chains(run: Index, position: Array) -> Chains:
    """Rows as chains; ``run`` (n,) integers, ``position`` (n,) in logarithms."""
    order = np.lexsort((position, run))
    sorted_run = np.unique(run[order], return_inverse=True)[1].astype(np.int64)
    gap = np.full(len(run), np.inf)
    same = sorted_run[1:] == sorted_run[:-1]
    gap[1:][same] = np.maximum(np.diff(position[order])[same], _CLOSE)
    return Chains(order, sorted_run, gap)


def weights(found: Chains, serial: Serial) -> Array:
    """Weights (n,), in the order of the rows given to :func:`chains`: those of the best mean of each run, ``R^-1 1``.

    They are never negative and add up, within a run, to its effective number of independent rows, ``1' R^-1 1``: at most
    ``1 / share``, however many checkpoints it has.
    """
    fading, total = _fading(found, serial.length)
    scale = 1.0 / ((1.0 - serial.share) + serial.share * total)
    out = np.empty(len(fading))
    out[found.order] = fading * scale[found.run]
    return out


def _fading(found: Chains, length: float) -> tuple[Array, Array]:
    """Weights of the fading part alone, in sorted order, and their sum in each run."""
    rho = np.exp(-found.gap / length)  # with the row before; zero where a run begins
    after = np.append(rho[1:], 0.0)
    each = 1.0 / (1.0 + rho) + 1.0 / (1.0 + after) - 1.0
    return each, np.asarray(np.bincount(found.run, weights=each, minlength=found.count))


def estimate(residual: Array, found: Chains) -> Serial:
    """The correlation that makes residuals (n,) likeliest, runs being independent and rows alike.

    The normal likelihood over a grid of both numbers, refined around its best point; residuals beyond four robust
    standard deviations count as four. Without two rows in any run the rows are independent.
    """
    gaps = found.gap[np.isfinite(found.gap)]
    if not gaps.size:
        return Serial(0.0, _CLOSE)
    middle = 1.4826 * float(np.median(np.abs(residual)))
    e = (np.clip(residual, -_WILD * middle, _WILD * middle) if middle > 0 else residual)[found.order]
    spans = np.bincount(found.run, weights=np.where(np.isinf(found.gap), 0.0, found.gap))
    lengths, shares = np.geomspace(0.2 * np.median(gaps), 5.0 * spans.max(), 24), _SHARES
    for _ in range(2):
        i, j = _lowest(e, found, lengths, shares)
        lengths = np.geomspace(lengths[max(i - 1, 0)], lengths[min(i + 1, len(lengths) - 1)], 9)
        shares = np.linspace(shares[max(j - 1, 0)], shares[min(j + 1, len(shares) - 1)], 9)
    i, j = _lowest(e, found, lengths, shares)
    return Serial(float(shares[j]), float(lengths[i]))


def _lowest(e: Array, found: Chains, lengths: Array, shares: Array) -> tuple[int, int]:
    """Where on a grid the deviance is least."""
    value = np.stack([_deviance(e, found, float(length), shares) for length in lengths])
    best = int(np.argmin(value))
    return best // len(shares), best % len(shares)


def _deviance(e: Array, found: Chains, length: float, shares: Array) -> Array:
    """Minus twice the log-likelihood without constants at one length and every share, the variance at its best."""
    each, total = _fading(found, length)
    rho = np.exp(-found.gap / length)
    left = 1.0 - rho**2
    white = (e - rho * np.append(0.0, e[:-1])) ** 2 / left
    square = np.bincount(found.run, weights=white, minlength=found.count)
    mean = np.bincount(found.run, weights=each * e, minlength=found.count)
    log_det = float(np.log(left).sum())
    rest = 1.0 - shares[:, None]
    inflate = rest + shares[:, None] * total
    quadratic = ((square - shares[:, None] * mean**2 / inflate) / rest).sum(axis=1)
    n = len(e)
    return np.asarray(n * np.log(quadratic / n) + log_det + n * np.log(rest[:, 0]) + np.log(inflate / rest).sum(axis=1))
