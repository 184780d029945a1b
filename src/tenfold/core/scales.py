"""Scales: the levels of an axis that runs were trained at, which rehearsal withholds one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of an axis, smallest first: ``of_row`` gives each row's level, ``values`` the level's geometric mean."""

    of_row: NDArray[np.int64]
    values: Array

    def __len__(self) -> int:
        return len(self.values)


def levels(values: Array, *, gap: float = 0.1, most: int = 12, width: float = 0.5) -> Levels:
    """Group a positive axis into levels.

    Values closer than ``gap`` decades belong together (budgets that were met only roughly). When that leaves more than
    ``most`` levels the axis was sampled continuously, and levels are made of equal width in the logarithm instead, about
    ``width`` decades each.
    """
    logs = np.log10(values)
    order = np.argsort(logs, kind="stable")
    jumps = np.diff(logs[order]) > gap
    code = np.empty(len(values), dtype=np.int64)
    code[order] = np.concatenate([[0], np.cumsum(jumps)])
    widest = max((np.ptp(logs[code == c]) for c in range(code.max() + 1)), default=0.0)
    if code.max() + 1 > most or widest > 3 * gap:
        span = float(np.ptp(logs))
        count = int(np.clip(round(span / width), 3, most)) if span > 0 else 1
        edges = np.linspace(logs.min(), logs.max(), count + 1)[1:-1]
        _, code = np.unique(np.searchsorted(edges, logs, side="right"), return_inverse=True)
    means = np.array([10 ** logs[code == c].mean() for c in range(code.max() + 1)])
    return Levels(code.astype(np.int64), means)


def decades(low: float, high: float) -> float:
    """How many factors of ten lie between two values."""
    return float(np.log10(high / low)) if low > 0 and high > 0 else 0.0
