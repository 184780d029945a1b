"""``rank``: every law that the columns allow, ordered by how well it predicts withheld larger scales.

In-sample error, information criteria and the number of coefficients stand beside, and two nulls stand in the table: the
last value, and a straight line in logarithms. A law that does not beat them has learned nothing about scale.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import axis_of
from tenfold.core.errors import ConfigError, DataError, LawError, TenfoldError
from tenfold.core.law import Law
from tenfold.core.runs import Runs
from tenfold.engine.objective import Objective, parse_objective
from tenfold.engine.starts import Starts
from tenfold.fit import Fit, fit
from tenfold.io.needs import derive, require_runs
from tenfold.laws import get, laws
from tenfold.prepare import AXIS_COLUMNS, axes_along, by_symbol
from tenfold.rehearse import Fold, rehearse

Array = NDArray[np.float64]
Tell = Callable[[str, float], None]

SEARCH = Starts(grid=256, polish=8)  # of each candidate; the first law is then fitted as any other
COST = 0.1  # what a coefficient adds to a law's score, in shares of its error: of two laws that predict alike the simpler
BLIND = 2.0  # by what the score of a law is multiplied for every varying axis that it does not know
FALLING = {"loss", "error"}  # what curves of one axis describe alike
RECENT = 1e-3  # a decade: how fast folds lose weight, see fold_weights
MANY = 6  # coefficients beyond which a law is tried only if the simpler law that it extends has paid for its own


@dataclass(frozen=True, slots=True)
class Entry:
    """One law, or one null, on the runs.

    ``withheld`` is the root mean square log error on withheld larger scales; where a law has too many coefficients for
    the smallest folds, what it would be there follows from how it compares with the median law on the others. ``score``
    decides the order: ``withheld``, a tenth more for every coefficient, doubled for every axis the law is blind to.
    ``rms`` is the error on the rows that were fitted, ``aicc`` and ``bic`` the information criteria of normal log
    residuals. ``blind``: axes that vary and that the law does not know. ``axis``: along which scales were withheld.
    ``tied``: the withheld scales cannot tell it from the first. ``reason`` says why a law has no place.
    """

    law: str
    coefs: int
    rms: float
    withheld: float
    folds: tuple[Fold, ...] = ()
    null: bool = False
    tied: bool = False
    reason: str = ""
    score: float = float("nan")
    blind: tuple[str, ...] = ()
    aicc: float = float("nan")
    bic: float = float("nan")
    axis: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        numbers = {name: _or_none(getattr(self, name)) for name in ("rms", "withheld", "score", "aicc", "bic")}
        plain = {name: getattr(self, name) for name in ("law", "coefs", "null", "tied", "reason")}
        return {**plain, **numbers, "blind": list(self.blind), "folds": [fold.to_dict() for fold in self.folds]}


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Ranking:
    """Laws in order. ``best`` is the fit of the first law; ``left_out`` maps laws that have no place to the reason.

    ``basis`` is what decided: ``withheld`` scales, or in-sample error when there were too few to withhold one. ``fits``
    holds the fit of every law in the ranking, without certificates.
    """

    entries: tuple[Entry, ...]
    best: Fit
    basis: str
    scales: int
    left_out: Mapping[str, str]
    fits: Mapping[str, Fit] = field(default_factory=dict)

    def first_of(self, inputs: Collection[str]) -> str:
        """The first law in order that takes these inputs (symbols).

        Raises:
            DataError: none does.
        """
        for entry in self.entries:
            if not entry.null and set(inputs) <= set(self.fits[entry.law].law.inputs):
                return entry.law
        raise DataError(f"no law in the ranking takes {' and '.join(inputs)}", hint="name one with --law")

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
    given: Collection[str] = (),
    scale: str = "",
    objective: Objective | str = "huber:1e-3",
    withhold: int | None = None,
    certificate: bool = True,
    tell: Tell | None = None,
    **options: Any,
) -> Ranking:
    """Fit every law that the columns allow and order them by their error on withheld larger scales.

    A law that extends a simpler one by further breaks is tried only when the breaks of the simpler one paid for
    themselves on withheld data.

    Args:
        runs: the table.
        candidates: laws to try; all of the catalogue that predict ``target`` from columns that are there when empty.
        target: the column to predict. axis: the column that one-axis laws' ``x`` stands for; they take part when it is
            given, or when only one axis varies.
        given: the columns that the forecast's target will name; laws that need others are left out.
        scale: the column along which scales are withheld; compute where it can be had by default.
        objective: what is minimised. withhold: how many of the largest scales are withheld, one after the other; as
            many as leave three by default.
        certificate: whether the first law's fit is examined.
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
    require_runs(runs)
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    listed = [get(law) if isinstance(law, str) else law for law in candidates]
    along = axes_along(runs, target)
    told, axis = axis, axis or (along[0] if len(along) == 1 else "")
    told = told or (axis if axis in AXIS_COLUMNS else "")  # a guess is made again by the fit, which says so
    chosen, left_out = (listed, {}) if listed else allowed(runs, target=target, axis=axis, given=given)
    shared = {"target": target, "axis": told, "objective": objective, **options}
    if not listed:
        chosen, blind = _seeing(chosen, runs, axis)
        left_out = {**left_out, **blind}
    entries: dict[str, Entry] = {}
    fits: dict[str, Fit] = {}
    for done, law in enumerate(sorted(chosen, key=lambda law: len(law.coefs))):
        if tell is not None:
            tell(f"fitting {law.name}", done / len(chosen))
        try:
            if not listed:
                _admit(law, entries, runs)
            made = fit(law, runs, certificate=False, throw=False, starts=SEARCH, **shared)
            entries[law.name] = _entry(made, runs, scale, withhold)
            fits[law.name] = made
        except TenfoldError as error:
            left_out = {**left_out, law.name: str(error.args[0]) if error.args else str(error)}
    if not entries:
        raise DataError(
            f"no law of the catalogue can be fitted to {runs.source}: {_why_none(runs, target, left_out)}",
            hint="map columns with --columns, name the target with --target, "
            + (f"choose an axis with --axis, e.g. --axis {along[0]}, " if along and not axis else "")
            + "or write a law as a formula with --law",
        )
    order, basis = _ordered(list(entries.values()), runs)
    first = next(entry for entry in order if not entry.null)
    best = fit(fits[first.law].law, runs, throw=False, **shared) if certificate else fits[first.law]
    scales = len({fold.target for fold in first.folds})
    return Ranking(tuple(order), best, basis, scales, left_out, fits)


def _seeing(chosen: Sequence[Law], runs: Runs, axis: str) -> tuple[list[Law], dict[str, str]]:
    """Without the laws of one axis that do not know another one which varies, where a law of both is at hand."""
    columns = {law.name: [axis if s == "x" else axis_of(s).column for s in law.inputs] for law in chosen}
    unseen = {law.name: {*_unseen(columns[law.name], derive(runs, columns[law.name]))} for law in chosen}
    kept, left_out = [], {}
    for law in chosen:
        mine = unseen[law.name]
        if len(law.inputs) == 1 and any(unseen[other.name] < mine for other in chosen if len(other.inputs) > 1):
            left_out[law.name] = f"does not know {', '.join(sorted(mine))}, which also decide"
        else:
            kept.append(law)
    return kept, left_out


def _admit(law: Law, entries: Mapping[str, Entry], runs: Runs) -> None:
    """Refuse a law of many coefficients whose simpler form has not paid for its own.

    Raises:
        LawError: with what the simpler forms withheld.
    """
    if len(law.coefs) <= MANY:
        return
    if len(law.coefs) > len(runs) - 2:
        raise LawError(f"{len(runs)} rows cannot rehearse {len(law.coefs)} coefficients")
    for reduction in law.reduces_to:
        simpler = entries.get(reduction.to)
        if reduction.to not in laws() or len(laws()[reduction.to].coefs) < MANY - 1:
            continue
        if simpler is None:
            raise LawError(f"its simpler form {reduction.to} has no place")
        basis = [entries[r.to] for r in laws()[reduction.to].reduces_to if r.to in entries]
        judged = {entry.law: entry for entry in scored([simpler, *basis])}
        if any(judged[entry.law].score <= judged[simpler.law].score for entry in basis):
            raise LawError(f"the further coefficients of {simpler.law} did not pay on withheld scales, let alone more")


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


def allowed(
    runs: Runs, *, target: str = "loss", axis: str = "", given: Collection[str] = ()
) -> tuple[list[Law], dict[str, str]]:
    """The laws of the catalogue that predict a column from columns that are there, and why the others do not.

    ``given``: the columns that a forecast's target names; laws that need others are left out.
    """
    good, left_out = [], {}
    for law in laws().values():
        if law.output != target and not (tuple(law.inputs) == ("x",) and {law.output, target} <= FALLING):
            continue
        columns = [axis if symbol == "x" else axis_of(symbol).column for symbol in law.inputs]
        if target in columns:
            continue
        if "" in columns:
            left_out[law.name] = "holds along one axis, and several vary: choose one with --axis"
            continue
        ready = derive(runs, columns)
        missing = [name for name in columns if not ready.has(name)]
        if missing:
            left_out[law.name] = f"needs {', '.join(missing)}"
            continue
        if given and (why := _not_given(law, columns, given)):
            left_out[law.name] = why
            continue
        good.append(law)
    return good, left_out


def _not_given(law: Law, columns: Sequence[str], given: Collection[str]) -> str:
    """What a law needs that a target does not name, in words; nothing where all of it is named or follows."""
    try:
        by_symbol(law, dict(zip(law.inputs, columns, strict=True)), dict.fromkeys(given, 1.0))
    except ConfigError as error:
        return f"the target lacks an input: {error.args[0]}"
    return ""


def _entry(made: Fit, runs: Runs, scale: str, withhold: int | None) -> Entry:
    rehearsal = rehearse(made, runs, axis=scale, withhold=withhold, draws=0)
    coefs = len(made.law.coefs) - len(made.fixed)
    left = made.n - coefs - 2
    fitness = made.n * np.log(max(made.rms, 1e-12) ** 2)
    aicc = fitness + 2.0 * (coefs + 1) * made.n / left if left > 0 else float("nan")
    bic = fitness + np.log(made.n) * (coefs + 1)
    blind = _unseen(made.columns.values(), runs)
    return Entry(
        made.law.name,
        coefs,
        made.rms,
        float("nan"),
        rehearsal.folds,
        blind=blind,
        aicc=float(aicc),
        bic=float(bic),
        axis=rehearsal.axis,
    )


def _unseen(columns: Iterable[str], runs: Runs) -> tuple[str, ...]:
    """Axes that vary in the runs, are no function of those that a law knows, and that it does not know."""
    known = {name: runs.columns[name] for name in columns if runs.has(name)}
    logs = [np.log(values) for values in known.values() if (values > 0).all()]
    out = []
    for name in AXIS_COLUMNS:
        if name in known or not runs.has(name):
            continue
        values = runs.columns[name]
        if not (np.isfinite(values).all() and (values > 0).all()) or len({*values.tolist()}) < 2:
            continue
        basis = np.column_stack([np.ones(len(values)), *logs])
        rest = np.log(values) - basis @ np.linalg.lstsq(basis, np.log(values), rcond=None)[0]
        if rest.std() > 0.1:  # a tenth of a factor e: more than rounded products of the others leave
            out.append(name)
    return tuple(out)


def scored(entries: Sequence[Entry]) -> list[Entry]:
    """Entries with ``withheld`` and ``score`` on one footing, whatever folds each law could be fitted on."""
    keys = sorted({(fold.fitted_to, fold.target) for entry in entries for fold in entry.folds})
    table = np.full((len(entries), len(keys)), np.nan)
    for row, entry in enumerate(entries):
        found = {(fold.fitted_to, fold.target): fold.rms for fold in entry.folds}
        table[row] = [found.get(key, np.nan) for key in keys]
    if not keys:
        return list(entries)
    usual, weights = np.nanmedian(table, axis=0), fold_weights(keys)
    whole = _rms(usual, weights)
    out = []
    for row, entry in enumerate(entries):
        have = np.isfinite(table[row])
        ratio = np.nan
        if have.any():
            ratio = _rms(table[row][have], weights[have]) / max(_rms(usual[have], weights[have]), 1e-15)
        out.append(
            replace(
                entry, withheld=ratio * whole, score=ratio * whole * (1 + COST * entry.coefs) * BLIND ** len(entry.blind)
            )
        )
    return out


def fold_weights(folds: Sequence[tuple[float, float]]) -> Array:
    """How much each fold counts: a thousandth for every decade that its fitted scales end before those of the last fold.

    The last folds resemble the forecast most: they were fitted on nearly everything. ``folds``: the largest fitted scale
    and the target of each.
    """
    edges = np.log10([fitted_to for fitted_to, _ in folds])
    return np.asarray(RECENT ** (edges.max() - edges))


def _rms(values: Array, weights: Array) -> float:
    return float(np.sqrt(np.average(values**2, weights=weights)))


def _nulls(entries: Sequence[Entry]) -> list[Entry]:
    """The nulls, scored on the folds of the law that has most."""
    widest = max(entries, key=lambda entry: len(entry.folds))
    names = widest.folds[0].nulls if widest.folds else {}
    out = []
    for name in names:
        folds = tuple(replace(fold, rms=fold.nulls[name], error=float("nan")) for fold in widest.folds)
        out.append(Entry(name, 0, float("nan"), float("nan"), folds, null=True))
    return out


def _ordered(entries: list[Entry], runs: Runs) -> tuple[list[Entry], str]:
    """Entries in order with ties marked, and what decided."""
    if not any(entry.folds for entry in entries):
        order = sorted(entries, key=lambda entry: (_corrected(entry, len(runs)), entry.coefs))
        return [replace(entry, score=_corrected(entry, len(runs))) for entry in order], "in-sample"
    marked = scored([*entries, *_nulls(entries)])

    def key(entry: Entry) -> tuple[float, int]:
        return (entry.score if np.isfinite(entry.score) else np.inf, entry.coefs)

    order = sorted(marked, key=key)
    first = next(entry for entry in order if not entry.null)
    return [tied_with(entry, first) for entry in order], "withheld"


def _corrected(entry: Entry, rows: int) -> float:
    """In-sample error per degree of freedom left, where no scale can be withheld."""
    return float(entry.rms * np.sqrt(rows / (rows - entry.coefs - 1))) if rows > entry.coefs + 1 else float("inf")


def tied_with(entry: Entry, first: Entry) -> Entry:
    """Marked when the withheld rows cannot tell a law from the first.

    Squared errors are compared row by row (Diebold and Mariano, 1995), folds weighted as in the score: tied is a mean
    difference within 1.64 of its standard errors, 90 % both sides.
    """
    if entry.law == first.law or entry.null:
        return entry
    mine = {(fold.fitted_to, fold.target): fold for fold in entry.folds}
    common = [key for fold in first.folds if (key := (fold.fitted_to, fold.target)) in mine]
    if not common:
        return entry
    theirs = {(fold.fitted_to, fold.target): fold for fold in first.folds}
    rows: dict[tuple[float, int], float] = {}
    for key, weight in zip(common, fold_weights(common), strict=True):
        pairs = zip(mine[key].errors or (mine[key].rms,), theirs[key].errors or (theirs[key].rms,), strict=False)
        for row, (a, b) in enumerate(pairs):
            rows[key[1], row] = rows.get((key[1], row), 0.0) + weight * (a**2 - b**2)
    gap = np.array(list(rows.values()))
    if len(gap) < 3:  # too few to compare row by row: twice the error is a difference
        return replace(entry, tied=bool(max(mine[key].rms / max(theirs[key].rms, 1e-12) for key in common) <= 2.0))
    error = float(np.sqrt(np.sum((gap - gap.mean()) ** 2) / max(len(gap) - 1, 1) / len(gap)))
    return replace(entry, tied=bool(gap.mean() <= 1.64 * error))
