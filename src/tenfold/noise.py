"""``seed_noise``: how far two runs that differ only in their seed end from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import AXES
from tenfold.core.errors import DataError
from tenfold.core.runs import Runs
from tenfold.io import read_runs

Array = NDArray[np.float64]

LENT = "data:bytes"  # the table of ours with the most repeats


@dataclass(frozen=True, slots=True)
class SeedNoise:
    """Run-to-run noise: ``sd`` of the logarithm of one run's outcome, on ``freedom`` degrees of freedom.

    ``cells`` is how many points were repeated, ``source`` a sentence that says where the number comes from, and
    ``borrowed`` whether that is another table than the one at hand. Nothing to go by: ``sd`` is NaN and ``freedom`` 0.
    """

    sd: float
    freedom: int
    cells: int
    source: str
    borrowed: bool = False

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Where the standard deviation lies, for normal noise: (low, high) by chi-square; infinite without repeats."""
        if not self.freedom:
            return 0.0, float("inf")
        from scipy.special import chdtri

        ends = (chdtri(self.freedom, 0.5 * (1 - level)), chdtri(self.freedom, 0.5 * (1 + level)))
        low, high = (self.sd * float(np.sqrt(self.freedom / end)) for end in ends)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "sd": self.sd,
            "freedom": self.freedom,
            "cells": self.cells,
            "source": self.source,
            "borrowed": self.borrowed,
        }


def seed_noise(runs: Runs, *, target: str = "loss", borrow: str = LENT) -> SeedNoise:
    """Run-to-run noise from points that were run more than once, or borrowed with a statement.

    Runs repeat each other when they share the label ``cell``, or, without one, the value of every axis that the table has
    and of every other label but the run's own. Of a run with checkpoints only the last row counts. The variance of the
    logarithm is pooled: the squares about each point's mean, over the number of repeats less the number of points.

    Args:
        runs: the table. target: the column whose noise is asked for.
        borrow: the table to borrow from when this one repeats no point; empty for none. Only the noise of a loss is
            lent to a loss: other metrics have noises of their own.

    Raises:
        DataError: no such column, or fewer than one positive value in it.

    Example:
        >>> from tenfold import read_runs
        >>> from tenfold.noise import seed_noise
        >>> found = seed_noise(read_runs("data:bytes"))
        >>> 0.001 < found.sd < 0.004, found.borrowed
        (True, False)
    """
    found = _measured(runs, target, runs.source)
    if found is not None:
        return found
    if borrow and target == "loss":
        lent = _measured(read_runs(borrow), target, borrow)
        if lent is not None:
            source = f"borrowed: {runs.source} repeats no run. {lent.source[0].upper()}{lent.source[1:]}"
            return SeedNoise(lent.sd, lent.freedom, lent.cells, source, borrowed=True)
    return SeedNoise(
        float("nan"), 0, 0, f"unknown: {runs.source} repeats no run, and no other table says how {target} scatters"
    )


def _measured(runs: Runs, target: str, name: str) -> SeedNoise | None:
    """Pooled over the repeated points of a table, or None when no point is repeated."""
    values = runs.column(target)
    usable = np.isfinite(values) & (values > 0)
    if not usable.any():
        raise DataError(f"{target} of {runs.source} holds no positive number, so its log noise does not exist")
    kept = _last(runs.take(usable))
    cell = _cells(kept, target)
    y = np.log(kept.column(target))
    count = np.bincount(cell)
    mean = np.bincount(cell, y) / count
    freedom = int(len(y) - len(count))
    if freedom < 1:
        return None
    sd = float(np.sqrt(np.sum((y - mean[cell]) ** 2) / freedom))
    repeated = int(np.sum(count > 1))
    source = (
        f"measured in {name}: {int(count[count > 1].sum())} runs of {repeated} repeated "
        f"{'point' if repeated == 1 else 'points'} scatter by {sd:.2%}, on {freedom} degrees of freedom"
    )
    return SeedNoise(sd, freedom, repeated, source)


def _last(runs: Runs) -> Runs:
    """The last row of every run: checkpoints of one run are no repeats."""
    if "run" in runs.labels:
        run = runs.labels["run"].codes
    elif runs.has("run"):
        run = np.unique(runs.column("run"), return_inverse=True)[1]
    else:
        return runs
    along = next((runs.column(name) for name in ("step", "tokens", "flops") if runs.has(name)), np.arange(len(runs)))
    order = np.lexsort((np.arange(len(runs)), along, run))
    last = order[np.append(run[order][1:] != run[order][:-1], True)]
    last = np.concatenate([last[run[last] >= 0], np.flatnonzero(run < 0)])  # a row without a run stands for itself
    return runs.take(np.sort(np.unique(last)))


def _cells(runs: Runs, target: str) -> NDArray[np.int64]:
    """Which rows repeat each other, as integers from 0."""
    if "cell" in runs.labels and (runs.labels["cell"].codes >= 0).all():
        return np.unique(runs.labels["cell"].codes, return_inverse=True)[1].astype(np.int64)
    axes = [axis.column for axis in AXES if axis.column in runs.columns and axis.column != target]
    keys: list[NDArray[Any]] = [runs.columns[name] for name in axes]
    keys += [labels.codes for name, labels in runs.labels.items() if name not in ("run", "status")]
    if not keys:
        return np.arange(len(runs), dtype=np.int64)
    table = np.column_stack([np.nan_to_num(np.asarray(key, dtype=np.float64), nan=-1.0) for key in keys])
    return np.unique(table, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
