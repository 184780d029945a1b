"""Starts: variable projection where a law is linear in some coefficients, low-discrepancy points elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.linalg import nonnegative_least_squares

Array = NDArray[np.float64]
# (points (S, r)) -> basis functions, each (S, rows) or (S, 1), and the part without linear coefficients
SMALL = 1e-3  # of the largest value: what counts as zero when starts are made
Basis = Callable[[Array], tuple[list[Array], Array]]


@dataclass(frozen=True, slots=True)
class Starts:
    """How starts are made: ``grid`` points are screened, the best ``polish`` of them, spread out, are refined.

    Given ``at``, coefficients in natural units, nothing is searched: these starts alone are refined, each by Newton's
    steps and by Gauss-Newton's in a trust region, and the lower of its two ends stands.
    """

    grid: int = 256
    polish: int = 16
    rows: int = 2400
    at: tuple[Mapping[str, float], ...] = ()


def low_discrepancy(count: int, dimensions: int) -> Array:
    """Points of the unit cube, shape (count, dimensions), by the generalised golden ratio (R-sequence); deterministic.

    The ratio is the positive root of x^(d+1) = x + 1 (Roberts, 2018).
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1.0 + ratio) ** (1.0 / (dimensions + 1))
    steps = ratio ** -np.arange(1, dimensions + 1)
    return np.asarray((0.5 + np.outer(np.arange(1, count + 1), steps)) % 1.0)


def product_grid(low: Array, high: Array, total: int) -> Array:
    """A regular grid over a box of few dimensions, else low-discrepancy points; about ``total`` points."""
    r = len(low)
    if r == 0:
        return np.zeros((1, 0))
    if r > 2:
        return low + (high - low) * low_discrepancy(total, r)
    side = max(round(total ** (1.0 / r)), 2)
    axes = [np.linspace(low[j], high[j], side) for j in range(r)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def project(basis: list[Array], rest: Array, y: Array, weights: Array, free: NDArray[np.bool_]) -> Array:
    """Linear coefficients that minimise the weighted sum of squared *relative* residuals, for every point at once.

    Args:
        basis: q arrays (S, rows) or (S, 1); rest: (S, rows) or (S, 1), what is left when they are zero.
        free: which coefficients may be negative.

    Returns:
        Coefficients, shape (S, q); zero where a coefficient is held at its bound.
    """
    q = len(basis)
    points = max(part.shape[0] for part in (*basis, rest))
    scaled = weights / np.maximum(np.abs(y), SMALL * np.abs(y).max()) ** 2  # a value of zero must not outweigh all others
    gram = np.empty((q, q, points))
    rhs = np.empty((q, points))
    remainder = y - rest
    for a in range(q):
        left = basis[a] * scaled
        for b in range(a + 1):
            gram[a, b] = gram[b, a] = (left * basis[b]).sum(axis=1)
        rhs[a] = (left * remainder).sum(axis=1)
    return nonnegative_least_squares(gram, rhs, free)[0].T


def spread(points: Array, value: Array, count: int) -> NDArray[np.int64]:
    """Indices of ``count`` good points that are not all neighbours: greedily the best, each far from those chosen.

    Half the picks are simply the lowest; the rest are the lowest within cells of a coarse partition of the box, so that
    agreement between refined starts means something.
    """
    order = np.argsort(value, kind="stable")
    order = order[np.isfinite(value[order])]
    if order.size == 0:  # nothing is finite: one start stands for all, and its lane will say so
        return np.zeros(1, dtype=np.int64)
    if order.size <= count or points.shape[1] == 0:
        return order[:count].astype(np.int64)
    low, high = points.min(axis=0), points.max(axis=0)
    unit = (points - low) / np.where(high > low, high - low, 1.0)
    side = max(int(np.ceil(count ** (1.0 / points.shape[1]))), 2)
    cell = np.minimum((unit * side).astype(int), side - 1)
    key = cell @ (side ** np.arange(points.shape[1]))
    chosen = list(order[: count // 2])
    seen: set[int] = set()
    taken = set(chosen)
    for index in order:
        if len(chosen) >= count:
            break
        if int(key[index]) not in seen and index not in taken:
            chosen.append(index)
        seen.add(int(key[index]))
    return np.array(chosen, dtype=np.int64)


def thinned(rows: int, most: int) -> NDArray[np.int64]:
    """Indices of at most ``most`` rows, evenly spaced; all of them when there are no more."""
    return np.arange(rows) if rows <= most else np.unique(np.linspace(0, rows - 1, most).astype(np.int64))
