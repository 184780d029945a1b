"""``rank``: every law that the columns allow, ordered by how well it predicts withheld larger scales.

In-sample error and the number of coefficients stand beside, and two nulls stand in the table: the last value, and a
straight line in logarithms. A law that does not beat them has learned nothing about scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.certificate import scale_axis
from tenfold.core.axes import axis_of
from tenfold.core.errors import DataError, LawError, TenfoldError
from tenfold.core.law import Law
from tenfold.core.runs import Runs
from tenfold.core.scales import Levels, levels
from tenfold.engine.objective import Objective, parse_objective
from tenfold.fit import Fit, fit
from tenfold.io.needs import derive
from tenfold.laws import get, laws
from tenfold.prepare import prepare
from tenfold.rehearse import LEAST_SCALES, Fold, log_error, rehearse

Array = NDArray[np.float64]
Tell = Callable[[str, float], None]

WITHHELD = 3  # of the largest scales, one after the other, at most


@dataclass(frozen=True, slots=True)
class Entry:
    """One law, or one null, on the runs.

    ``withheld`` is the root mean square log error on withheld larger scales, averaged over them; ``rms`` the same on the
    rows that were fitted; ``tied`` whether the withheld scales cannot tell it from the first. ``reason`` says why a law
    has no place.
    """

    law: str
    coefs: int
    rms: float
    withheld: float
    folds: tuple[Fold, ...] = ()
    null: bool = False
    tied: bool = False
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "law": self.law,
            "coefs": self.coefs,
            "rms": _or_none(self.rms),
            "withheld": _or_none(self.withheld),
            "null": self.null,
            "tied": self.tied,
            "reason": self.reason,
            "folds": [fold.to_dict() for fold in self.folds],
        }


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Ranking:
    """Laws in order. ``best`` is the fit of the first law; ``left_out`` maps laws that have no place to the reason.

    ``basis`` is what decided: ``withheld`` scales, or in-sample error when there were too few to withhold one.
    """

    entries: tuple[Entry, ...]
    best: Fit
    basis: str
    scales: int
    left_out: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form: the best fit's keys at the top, the ranking beside them."""
        return {
            **self.best.to_dict(),
            "basis": self.basis,
            "scales": self.scales,
            "ranking": [entry.to_dict() for entry in self.entries],
            "left_out": dict(self.left_out),
        }


def rank(
    runs: Runs,
    *,
    candidates: Sequence[Law | str] = (),
    target: str = "loss",
    axis: str = "",
    objective: Objective | str = "huber:1e-3",
    withhold: int = WITHHELD,
    tell: Tell | None = None,
    **options: Any,
) -> Ranking:
    """Fit every law that the columns allow and order them by their error on withheld larger scales.

    Args:
        runs: the table.
        candidates: laws to try; all of the catalogue that predict ``target`` from columns that are there when empty.
        target: the column to predict. axis: the column that one-axis laws' ``x`` stands for; they take part when it is
            given, or when only one axis varies.
        objective: what is minimised. withhold: how many of the largest scales are withheld, one after the other.
        tell: called with what is being done and the share done.
        options: further options of ``fit``.

    Raises:
        DataError: no law can be fitted to these columns.

    Example:
        >>> from tenfold import rank, read_runs
        >>> made = rank(read_runs("data:bytes"), candidates=["chinchilla", "kaplan_nd"])
        >>> made.entries[0].law
        'chinchilla'
    """
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    listed = [get(law) if isinstance(law, str) else law for law in candidates]
    axis = axis or _only_axis(runs)
    chosen, left_out = (listed, {}) if listed else allowed(runs, target=target, axis=axis)
    entries, fits = [], {}
    for done, law in enumerate(chosen):
        if tell is not None:
            tell(f"fitting {law.name}", done / len(chosen))
        try:
            made = fit(law, runs, target=target, axis=axis, objective=objective, certificate=False, **options)
            entries.append(_entry(made, runs, withhold))
            fits[law.name] = made
        except TenfoldError as error:
            left_out = {**left_out, law.name: str(error.args[0]) if error.args else str(error)}
    if not entries:
        raise DataError(
            f"no law of the catalogue can be fitted to {runs.source}: {_why_none(runs, target, left_out)}",
            hint="map columns with --columns, name the target with --target, or write a law as a formula with --law",
        )
    first = next(iter(fits.values()))
    return _ordered(entries, fits, _nulls(first, runs, withhold), left_out, runs, target, axis, objective, options)


def _why_none(runs: Runs, target: str, left_out: Mapping[str, str]) -> str:
    """What stands in the way of every law, in a few words."""
    tried = [f"{name}: {why}" for name, why in left_out.items() if not why.startswith(("needs ", "holds along"))]
    if tried:
        return "; ".join(tried[:3])
    known = sorted({law.output for law in laws().values()})
    if target not in known:
        return f"none predicts {target!r} (they predict {', '.join(known)})"
    return (
        f"it has the columns {', '.join(runs.names)}, and laws of {target} need others, such as params, tokens or flops"
    )


def allowed(runs: Runs, *, target: str = "loss", axis: str = "") -> tuple[list[Law], dict[str, str]]:
    """The laws of the catalogue that predict a column from columns that are there, and why the others do not."""
    good, left_out = [], {}
    for law in laws().values():
        if law.output != target:
            continue
        columns = [axis if symbol == "x" else axis_of(symbol).column for symbol in law.inputs]
        if "" in columns:
            left_out[law.name] = "holds along one axis, and several vary: choose one with --axis"
            continue
        ready = derive(runs, columns)
        missing = [name for name in columns if not ready.has(name)]
        if missing:
            left_out[law.name] = f"needs {', '.join(missing)}"
            continue
        good.append(law)
    return good, left_out


def _only_axis(runs: Runs) -> str:
    """The one axis that varies, or nothing."""
    varying = [
        name
        for name in runs.columns
        if name in ("params", "tokens", "flops", "unique_tokens", "steps", "width", "depth", "experts", "x")
        and runs.has(name)
        and np.ptp(runs.columns[name][np.isfinite(runs.columns[name])]) > 0
    ]
    return varying[0] if len(varying) == 1 else ""


def _entry(made: Fit, runs: Runs, withhold: int) -> Entry:
    rehearsal = rehearse(made, runs, withhold=_room(made, runs, withhold), draws=0)
    error = float(np.mean([fold.rms for fold in rehearsal.folds])) if rehearsal.done else float("nan")
    return Entry(made.law.name, len(made.law.coefs) - len(made.fixed), made.rms, error, rehearsal.folds)


def _room(made: Fit, runs: Runs, withhold: int) -> int | None:
    """How many scales are withheld; None where there are too few, and the rehearsal says so."""
    room = len(_levels(made, runs)[0]) - LEAST_SCALES
    return min(withhold, room) if room > 0 else None


def _levels(made: Fit, runs: Runs) -> tuple[Levels, dict[str, Array], Array]:
    """Scales, inputs and target of the rows of a fit."""
    ready = prepare(made.law, runs, target=made.target, axis=made.columns.get("x", ""))
    scale = _scale_of(ready.runs, ready.inputs)
    return levels(scale), dict(ready.inputs), ready.y


def _scale_of(runs: Runs, inputs: Mapping[str, Array]) -> Array:
    if runs.has("flops"):
        return runs.column("flops")
    scale = scale_axis(inputs)
    if scale is None:
        raise LawError("the runs have no positive axis")
    return scale


def _nulls(made: Fit, runs: Runs, withhold: int) -> list[Entry]:
    """The last value and the straight line, scored on the same withheld scales as the laws."""
    found, inputs, y = _levels(made, runs)
    if not (y > 0).all() or len(found) <= LEAST_SCALES:
        return []
    logs = np.column_stack([np.ones(len(y)), *(np.log(np.maximum(v, 1e-300)) for v in inputs.values())])
    out = []
    for name, coefs, predictor in (("last value", 0, _last_value), ("log-linear", logs.shape[1], _log_linear)):
        errors = []
        for held in range(1, min(withhold, len(found) - LEAST_SCALES) + 1):
            top = len(found) - held
            small = found.of_row < top
            for level in range(top, len(found)):
                rows = found.of_row == level
                predicted = predictor(logs, y, small, rows, found.of_row == top - 1)
                errors.append(float(np.sqrt(np.mean(log_error(predicted, y[rows]) ** 2))))
        everywhere = np.ones(len(y), dtype=bool)
        rms = np.sqrt(np.mean(log_error(predictor(logs, y, everywhere, everywhere, everywhere), y) ** 2))
        out.append(Entry(name, coefs, float(rms), float(np.mean(errors)), null=True))
    return out


def _last_value(logs: Array, y: Array, small: Any, rows: Any, last: Any) -> Array:
    """The least loss of the largest fitted scale."""
    return np.full(int(rows.sum()), float(y[last].min()))


def _log_linear(logs: Array, y: Array, small: Any, rows: Any, last: Any) -> Array:
    """A plane in logarithms through the fitted rows."""
    slope = np.linalg.lstsq(logs[small], np.log(y[small]), rcond=None)[0]
    return np.exp(logs[rows] @ slope)


def _ordered(
    entries: list[Entry],
    fits: Mapping[str, Fit],
    nulls: list[Entry],
    left_out: Mapping[str, str],
    runs: Runs,
    target: str,
    axis: str,
    objective: Objective,
    options: Mapping[str, Any],
) -> Ranking:
    """Entries in order with ties marked, and the first law fitted with its certificate."""
    rehearsed = any(np.isfinite(entry.withheld) for entry in entries)
    basis = "withheld" if rehearsed else "in-sample"

    def key(entry: Entry) -> tuple[float, int]:
        value = entry.withheld if rehearsed else _corrected(entry, len(runs))
        return (value if np.isfinite(value) else np.inf, entry.coefs)

    order = sorted(entries, key=key)
    first = order[0]
    marked = [_tied(entry, first) if rehearsed else entry for entry in order]
    best = fit(fits[first.law].law, runs, target=target, axis=axis, objective=objective, **options)
    scales = len({fold.target for fold in first.folds})
    return Ranking(tuple(sorted([*marked, *nulls], key=key)), best, basis, scales, left_out)


def _corrected(entry: Entry, rows: int) -> float:
    """In-sample error per degree of freedom left, where no scale can be withheld."""
    return entry.rms * np.sqrt(rows / max(rows - entry.coefs - 1, 1e-9)) if rows > entry.coefs + 1 else np.inf


def _tied(entry: Entry, first: Entry) -> Entry:
    """Marked when the withheld scales cannot tell a law from the first: the difference is within its standard error."""
    if entry is first or len(entry.folds) != len(first.folds) or not entry.folds:
        return entry
    gap = np.array([a.rms - b.rms for a, b in zip(entry.folds, first.folds, strict=True)])
    scales = len({fold.target for fold in entry.folds})
    error = float(gap.std(ddof=1) / np.sqrt(scales)) if len(gap) > 1 else float("inf")
    return replace(entry, tied=bool(gap.mean() <= error))
