"""Checkpoints of a run: which are used, and how many independent points they amount to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.runs import Runs
from tenfold.engine import serial
from tenfold.engine.serial import Chains, Serial
from tenfold.prepare import Prepared

Array = NDArray[np.float64]
Index = NDArray[np.int64]

USES = ("pooled", "last", "equal")
ALONG = ("tokens", "step", "steps", "flops")  # what may tell how far a run has come
_MOST = 200_000  # rows from which correlation is estimated: whole runs up to that many


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """How checkpoints of a run are used.

    ``use``: ``pooled`` weighs each run by the number of independent points that its checkpoints amount to, with the
    correlation within runs estimated from residuals; ``last`` keeps the last checkpoint of each run; ``equal`` counts
    every row as one. ``warmup`` is the share of each run's tokens whose checkpoints are cut at the start.
    """

    use: str = "pooled"
    warmup: float = 0.0

    def __post_init__(self) -> None:
        if self.use not in USES:
            raise ConfigError(
                f"checkpoints are used {', '.join(USES)}, not {self.use!r}",
                path="checkpoints",
                hint=did_you_mean(self.use, USES),
            )
        if not 0 <= self.warmup < 1:
            raise ConfigError(
                f"the warm-up is a share of each run's tokens, 0 or more and below 1, got {self.warmup:g}",
                path="warmup",
                hint="write 0.1 to cut the first tenth",
            )

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"use": self.use, "warmup": self.warmup}


@dataclass(frozen=True, slots=True)
class Correlation:
    """What residuals say of checkpoints within runs: :class:`tenfold.engine.serial.Serial`, and what the rows amount to.

    ``along`` is the column that distances are measured on, in its logarithm; ``rows`` of ``runs`` runs weigh as much as
    ``effective`` independent ones.
    """

    share: float
    length: float
    along: str
    rows: int
    runs: int
    effective: float

    @property
    def serial(self) -> Serial:
        """The two numbers that weights are made of."""
        return Serial(self.share, self.length)

    def sentence(self) -> str:
        """One line for the notes."""
        return (
            f"{self.rows} checkpoints of {self.runs} runs weigh as {self.effective:.3g} independent points: residuals of "
            f"one run correlate by {self.serial.at(float(np.log(2.0))):.2f} at a factor 2 in {self.along}, by "
            f"{self.share:.2f} at any distance"
        )

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def run_codes(runs: Runs) -> Index | None:
    """Which run each row belongs to, integers from 0; None when rows name none."""
    if "run" in runs.labels and (runs.labels["run"].codes >= 0).all():
        return np.unique(runs.labels["run"].codes, return_inverse=True)[1].astype(np.int64)
    if "run" in runs.columns and np.isfinite(runs.columns["run"]).all():
        return np.unique(runs.columns["run"], return_inverse=True)[1].astype(np.int64)
    return None


def _needed(runs: Runs) -> Index:
    codes = run_codes(runs)
    if codes is None:
        raise DataError(
            f"{runs.source} does not say which rows are checkpoints of one run",
            hint='name the column with --columns run="Your Name", or leave --checkpoints and --warmup out',
        )
    return codes


def _along(runs: Runs, codes: Index) -> tuple[str, Array] | None:
    """The column that grows within runs, and its values; None when no run has two rows."""
    if np.bincount(codes).max() < 2:
        return None
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    for name in ALONG:
        if not runs.has(name) or not np.isfinite(runs.columns[name]).all():
            continue
        values = runs.columns[name]
        if (np.diff(values[order])[same] != 0).any():
            return name, values
    raise DataError(
        f"{runs.source} holds several rows a run, and none of {', '.join(ALONG)} tells how far the run had come at each",
        hint="map the column with --columns tokens=... or step=...",
    )


def position(runs: Runs, codes: Index) -> Array:
    """How far each row's run had come, (n,), by whatever column tells, else by the order of the table."""
    try:
        found = _along(runs, codes)
    except DataError:
        found = None
    return np.arange(len(codes), dtype=np.float64) if found is None else found[1]


def cut(ready: Prepared, how: Checkpoints) -> Prepared:
    """The rows that are used: without the warm-up, and the last of each run if only those are wanted.

    Raises:
        DataError: rows name no run, or nothing says how far the run had come.
    """
    codes = _needed(ready.runs)
    found = _along(ready.runs, codes)
    if found is None:
        return ready.noted("every run has one row: there are no checkpoints to weigh")
    name, values = found
    last = np.zeros(int(codes.max()) + 1)
    np.maximum.at(last, codes, values)
    keep = values >= how.warmup * last[codes]
    notes = []
    if not keep.all():
        notes.append(f"left out {int((~keep).sum())} checkpoints in the first {how.warmup:.3g} of their run's {name}")
    if how.use == "last":
        ends = np.zeros(len(values), dtype=bool)
        order = np.lexsort((values, codes))
        ends[order[np.append(np.diff(codes[order]) != 0, True)]] = True
        if (keep & ~ends).any():
            notes.append(f"left out {int((keep & ~ends).sum())} checkpoints before the last of their run")
        keep &= ends
    return ready.take(keep).noted(*notes)


def _chains(ready: Prepared) -> tuple[str, Chains] | None:
    codes = _needed(ready.runs)
    found = _along(ready.runs, codes)
    if found is None:
        return None
    name, values = found
    least = values[values > 0].min() if (values > 0).any() else 1.0
    return name, serial.chains(codes, np.log(np.maximum(values, 0.5 * least)))


def equal_runs(ready: Prepared) -> Array:
    """Weights that count each run once, (n,): with these, residuals for the correlation are made."""
    codes = _needed(ready.runs)
    return 1.0 / np.bincount(codes)[codes]


def correlation(ready: Prepared, residual: Array) -> Correlation | None:
    """The correlation within runs, from residuals in the objective's space (n,); None when no run has two rows."""
    found = _chains(ready)
    if found is None:
        return None
    name, rows = found
    estimated = serial.estimate(residual, rows) if len(residual) <= _MOST else _on_some(residual, rows)
    made = Correlation(estimated.share, estimated.length, name, len(residual), rows.count, 0.0)
    return replace(made, effective=float(serial.weights(rows, estimated).sum()))


def _on_some(residual: Array, rows: Chains) -> Serial:
    """The estimate from evenly spaced whole runs of a long table."""
    step = -(-len(residual) // _MOST)
    keep = rows.run % step == 0
    part = Chains(np.arange(int(keep.sum())), np.unique(rows.run[keep], return_inverse=True)[1], rows.gap[keep])
    return serial.estimate(residual[rows.order[keep]], part)


def weights(ready: Prepared, found: Correlation) -> Array:
    """Each row's weight, (n,), adding up to the effective number of independent rows."""
    rows = _chains(ready)
    return np.ones(len(ready.y)) if rows is None else serial.weights(rows[1], found.serial)
