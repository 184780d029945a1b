"""The critical batch from a batch sweep: steps to a target loss at every batch, and the law that ties them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import DataError
from tenfold.core.runs import Labels, Runs
from tenfold.fit import Fit, fit
from tenfold.uncertainty import draw

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CriticalBatch:
    """Steps against examples for one target loss.

    With ``S_min`` steps at an endless batch and ``E_min`` tokens at a tiny one, steps S and tokens E to the target obey
    ``(S / S_min - 1)(E / E_min - 1) = 1``, and ``B_crit = E_min / S_min`` needs twice the least of both.

    Attributes:
        target: the loss to reach.
        fit: the law ``steps_batch`` on steps by batch.
        batch: ``B_crit`` in tokens.
        interval: its 90 % interval.
        steps: rows (batch in tokens, steps to the target), a seed each, at the best rate of those swept.
        missing: batches at which no run reached the target.
    """

    target: float
    fit: Fit
    batch: float
    interval: tuple[float, float]
    steps: tuple[tuple[float, float], ...]
    missing: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        least = float(self.fit.coef["S_min"])
        return {
            "target": self.target,
            "critical_batch": self.batch,
            "interval": list(self.interval),
            "least_steps": least,
            "least_tokens": least * self.batch,
            "steps": [list(pair) for pair in self.steps],
            "missing": list(self.missing),
            "rms": self.fit.rms,
        }


def critical_batch(curves: Runs, /, *, target: float) -> CriticalBatch:
    """The critical batch for reaching ``target``, from checkpoints of runs at several batches.

    Runs at several rates count at their best. Train them at a constant rate: in the middle of a decay a checkpoint says
    little of what its steps could reach.

    Args:
        curves: checkpoints with ``run``, ``step``, ``tokens`` and ``loss``; a ladder's ``curves.csv``, for example.
        target: the loss to reach.

    Raises:
        DataError: fewer than three batches reach the target.

    Source: McCandlish et al. 2018, arXiv:1812.06162, section 2.
    """
    reached, missing = steps_to_target(curves, target=target)
    if len({batch for batch, _, _ in reached}) < 3:
        raise DataError(
            f"{len({batch for batch, _, _ in reached})} batches of {curves.source} reach a loss of {target:g}, needs 3",
            hint=f"losses reach {_reach(curves)}; choose a higher target, or train longer",
        )
    batch, steps = np.array([row[0] for row in reached]), np.array([row[1] for row in reached])
    table = Runs(
        {"batch_tokens": batch, "steps": steps},
        {"cell": Labels.of([f"{size:g}" for size in batch])},
        source=f"steps to {target:g} in {curves.source}",
    )
    found = fit("steps_batch", table, target="steps")
    draws = draw(found, table, method="residual:400")
    low, high = draws.interval("B_crit", level=0.9)
    pairs = tuple((float(size), float(count)) for size, count in zip(batch, steps, strict=True))
    return CriticalBatch(target, found, float(found.coef["B_crit"]), (low, high), pairs, tuple(missing))


def steps_to_target(curves: Runs, /, *, target: float) -> tuple[list[tuple[float, float, float]], list[float]]:
    """Steps to a target loss for every batch and seed, at the best rate of those swept.

    Between checkpoints the log of the step is read along a straight line in loss.

    Returns:
        Rows (batch in tokens, steps, seed), and batches at which no run reached the target.
    """
    step, tokens, loss = curves.column("step"), curves.column("tokens"), curves.column("loss")
    names = curves.labels["run"].codes if "run" in curves.labels else curves.column("run")
    seeds = curves.column("seed") if curves.has("seed") else np.zeros(len(curves))
    best: dict[tuple[float, float], float] = {}
    batches = set()
    for name in np.unique(names):
        rows = np.flatnonzero((names == name) & np.isfinite(loss))
        if len(rows) == 0:
            continue
        rows = rows[np.argsort(step[rows])]
        size = round(float(tokens[rows[0]] / step[rows[0]]), 6)
        batches.add(size)
        count = _crossing(np.log(step[rows]), loss[rows], target)
        if count is not None:
            key = (size, float(seeds[rows[0]]))
            best[key] = min(best.get(key, np.inf), count)
    reached = [(size, count, seed) for (size, seed), count in sorted(best.items())]
    return reached, sorted(batches - {size for size, _, _ in reached})


def _crossing(log_step: Array, loss: Array, target: float) -> float | None:
    """Steps at which the curve first reaches the target; None if it does not, or did so before its first checkpoint."""
    below = np.flatnonzero(loss <= target)
    if len(below) == 0 or below[0] == 0:
        return None
    after = int(below[0])
    share = (loss[after - 1] - target) / (loss[after - 1] - loss[after])
    return float(np.exp(log_step[after - 1] + share * (log_step[after] - log_step[after - 1])))


def _reach(curves: Runs) -> str:
    low, high = curves.span("loss")
    return f"{low:.4g} to {high:.4g}"
