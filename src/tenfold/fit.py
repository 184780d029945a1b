"""``fit``: the coefficients of a law on some runs, with a certificate of how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.certificate import Certificate, certify
from tenfold.core.axes import Conventions, axis_of
from tenfold.core.errors import ConfigError, DataError, FitError, did_you_mean
from tenfold.core.law import Law, predict
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.core.status import Status
from tenfold.engine.objective import Huber, Objective, parse_objective
from tenfold.engine.problem import Problem, build
from tenfold.engine.solve import Solved, solve
from tenfold.engine.starts import Starts
from tenfold.io.needs import require
from tenfold.laws import get

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A law's coefficients on some runs.

    ``value`` is the objective as defined: summed, unscaled, in the data's own units. ``rms`` is the root mean square
    residual of the logarithm. Holds no data, only its hash.
    """

    law: Law
    coef: Mapping[str, float]
    status: Status
    value: float
    objective: Objective
    n: int
    rms: float
    target: str
    columns: Mapping[str, str]
    fixed: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    conventions: Conventions
    certificate: Certificate
    notes: tuple[str, ...]
    provenance: Provenance

    def predict(self, **inputs: Any) -> Array:
        """The fitted law at given inputs, by symbol or canonical column, any broadcastable shapes."""
        return predict(self.law, self.coef, self.by_symbol(inputs))

    def by_symbol(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs keyed by the law's symbols; canonical columns are accepted and what can be derived is derived."""
        return by_symbol(self.law, self.columns, inputs)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "law": self.law.name,
            "formula": self.law.formula,
            "coef": dict(self.coef),
            "objective": self.objective.spec(),
            "value": self.value,
            "n": self.n,
            "rms": self.rms,
            "status": self.status.name.lower(),
            "status_text": self.status.value,
            "target": self.target,
            "columns": dict(self.columns),
            "fixed": dict(self.fixed),
            "bounds": {name: list(pair) for name, pair in self.bounds.items()},
            "conventions": self.conventions.stated(),
            "certificate": self.certificate.to_dict(),
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Prepared:
    """Runs reduced to what one law needs: the rows that can be fitted, inputs by symbol and the target."""

    law: Law
    runs: Runs
    inputs: Mapping[str, Array]
    y: Array
    columns: Mapping[str, str] = field(default_factory=dict)
    target: str = "loss"


def prepare(law: Law, runs: Runs, *, target: str = "", axis: str = "") -> Prepared:
    """Check that the runs carry what a law needs and keep the rows that do.

    Raises:
        DataError: a column is missing, a size is not positive, nothing is left, with the reason and the way out.
    """
    target = target or law.output
    columns = {symbol: _column(law, symbol, runs, axis) for symbol in law.inputs}
    kept = require(runs, [*columns.values(), target])
    inputs = {symbol: kept.column(column) for symbol, column in columns.items()}
    return Prepared(law, kept, inputs, kept.column(target), columns, target)


def _column(law: Law, symbol: str, runs: Runs, axis: str) -> str:
    if symbol != "x":
        return axis_of(symbol).column
    if axis:
        return axis_of(axis).column if axis in _axis_words() else axis
    if runs.has("x"):
        return "x"
    present = [name for name in ("params", "tokens", "flops", "unique_tokens", "steps", "width") if runs.has(name)]
    if len(present) == 1:
        return present[0]
    raise DataError(
        f"law {law.name!r} holds for any axis, and the runs have {', '.join(present) or 'none that is known'}",
        hint="choose one with --axis, e.g. --axis flops",
    )


def _axis_words() -> set[str]:
    from tenfold.core.axes import AXES

    return {word for axis in AXES for word in (axis.symbol, axis.column)}


def by_symbol(law: Law, columns: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of a law from values named by symbol or by canonical column."""
    values = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
    known = {**{symbol: symbol for symbol in law.inputs}, **{columns[s]: s for s in law.inputs if s in columns}}
    out = {known[name]: value for name, value in values.items() if name in known}
    plain = {axis_of(name).symbol if name in _axis_words() else name: value for name, value in values.items()}
    for symbol in law.inputs:
        if symbol not in out and symbol in plain:
            out[symbol] = plain[symbol]
    _complete(law, out, plain)
    missing = [symbol for symbol in law.inputs if symbol not in out]
    if missing:
        words = ", ".join(columns.get(symbol, symbol) for symbol in missing)
        raise ConfigError(
            f"law {law.name!r} also needs {words}",
            path="at",
            hint="give it like params=7e10,tokens=1.4e12. "
            + " ".join(did_you_mean(name, known) for name in values if name not in known and name not in plain),
        )
    return out


def _complete(law: Law, out: dict[str, Any], plain: Mapping[str, Any]) -> None:
    """Derive compute, the token multiplier and unique tokens where the others are given."""
    n, d, c = (plain.get(symbol) for symbol in ("N", "D", "C"))
    if c is None and n is not None and d is not None:
        c = 6.0 * n * d
    if d is None and c is not None and n is not None:
        d = c / (6.0 * n)
    if n is None and c is not None and d is not None:
        n = c / (6.0 * d)
    derived = {"N": n, "D": d, "C": c, "U": d, "M": None if n is None or d is None else d / n}
    for symbol in law.inputs:
        if symbol not in out and derived.get(symbol) is not None:
            out[symbol] = derived[symbol]


def fit(
    law: Law | str,
    runs: Runs,
    *,
    target: str = "",
    axis: str = "",
    objective: Objective | str = Huber(1e-3),
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    weights: str = "",
    starts: Starts | None = None,
    certificate: bool = True,
    throw: bool = True,
) -> Fit:
    """Fit a law to runs, globally, with a certificate.

    Args:
        law: a law, its name, ``file.py:name`` or a one-line formula.
        runs: the table; rows that cannot be used are left out, and the fit's notes say which and why.
        target: the column to predict; the law's own output when empty.
        axis: the column that a one-axis law's ``x`` stands for.
        objective: what is minimised, summed over rows.
        fixed: coefficients held at a value, natural units. bounds: narrower domains, natural units.
        weights: a column of row weights.
        starts: how starts are made.
        certificate: whether to compute influence, sensitivity and drift, which take further refits.
        throw: raise when the end point is not an optimum; otherwise return it with its status.

    Raises:
        DataError: the runs cannot carry the fit. LawError: the law is unknown. FitError: no optimum was reached; the
        error's ``fit`` holds the end point.

    Example:
        >>> from tenfold import fit, read_runs
        >>> fitted = fit("chinchilla", read_runs("data:bytes"))
        >>> round(fitted.certificate.agree, 2)
        1.0
    """
    law = get(law) if isinstance(law, str) else law
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    ready = prepare(law, runs, target=target, axis=axis)
    _check_coefs(law, fixed, bounds)
    problem = problem_of(ready, objective=objective, fixed=fixed, bounds=bounds, weights=weights)
    _check_rows(ready, problem)
    solved = solve(problem, starts=starts)
    made = _assemble(ready, problem, solved, certify(ready, problem, solved, deep=certificate), weights)
    if throw and not made.status.ok:
        raise FitError(
            f"law {law.name!r} on {ready.runs.source}: {made.status.value}",
            fit=made,
            hint="fix a coefficient with --fixed, choose a simpler law, or add runs where the axes are short.",
        )
    return made


def problem_of(
    ready: Prepared,
    *,
    objective: Objective,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    weights: str = "",
) -> Problem:
    """The numerical problem behind a fit."""
    _check_target(ready, objective)
    return build(
        ready.law,
        ready.inputs,
        ready.y,
        weights=_weights(ready, weights),
        objective=objective,
        fixed=fixed,
        bounds=bounds,
    )


def _weights(ready: Prepared, name: str) -> Array | None:
    if not name:
        return None
    values = ready.runs.column(name)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
        raise DataError(f"weights {name!r} must be finite and not negative, and not all zero")
    return values


def _check_target(ready: Prepared, objective: Objective) -> None:
    if objective.space == "log" and not (ready.y > 0).all():
        row = int(np.flatnonzero(~(ready.y > 0))[0])
        raise DataError(
            f"{ready.target} is {ready.y[row]:g} in row {row + 1} of {ready.runs.source}, and its logarithm is fitted",
            hint="use an objective in linear space (--objective squared@linear), or leave the row out with --where",
        )


def _check_coefs(
    law: Law, fixed: Mapping[str, float] | None, bounds: Mapping[str, tuple[float, float]] | None
) -> None:
    for what, given in (("fixed", fixed or {}), ("bounds", bounds or {})):
        for name in given:
            if name not in law.coefs:
                raise ConfigError(
                    f"law {law.name!r} has no coefficient {name!r};", path=what, hint=did_you_mean(name, law.coefs)
                )
    for name, value in (fixed or {}).items():
        if not law.coefs[name].contains(value):
            raise ConfigError(
                f"{name} = {value:g} is outside its domain ({law.coefs[name].describe()})", path=f"fixed.{name}"
            )
    for name, (low, high) in (bounds or {}).items():
        if not low < high:
            raise ConfigError(f"bounds of {name} are empty: {low:g} to {high:g}", path=f"bounds.{name}")


def _check_rows(ready: Prepared, problem: Problem) -> None:
    distinct = len({*zip(*(values.tolist() for values in ready.inputs.values()), strict=True)}) if len(ready.y) < 20000 else 20000
    if distinct < problem.size:
        raise DataError(
            f"{ready.runs.source}: {distinct} distinct points cannot determine {problem.size} coefficients of "
            f"{ready.law.name!r}",
            hint=f"train at least {problem.size + 1} points, fix coefficients with --fixed, or use a simpler law",
        )
    for symbol, values in ready.inputs.items():
        if np.ptp(values) == 0:
            raise DataError(
                f"every run has the same {ready.columns[symbol]} ({values[0]:g}): one scale cannot show how "
                f"{ready.target} depends on it",
                hint=f"add runs at other {ready.columns[symbol]}, or use a law without {symbol}",
            )


def _assemble(ready: Prepared, problem: Problem, solved: Solved, certificate: Certificate, weights: str) -> Fit:
    natural = {name: float(values[0]) for name, values in problem.natural(solved.theta[None]).items()}
    for j in solved.at_bound:
        name = problem.names[j]
        if problem.domains[j].name == "floor" and solved.theta[j] < np.log(max(ready.y.min(), 1e-300)) - 10:
            natural[name] = 0.0
    fitted = predict(ready.law, natural, ready.inputs)
    with np.errstate(all="ignore"):
        residual = np.log(fitted / ready.y) if (ready.y > 0).all() and (fitted > 0).all() else fitted - ready.y
    return Fit(
        law=ready.law,
        coef=natural,
        status=solved.status,
        value=solved.value,
        objective=problem.objective,
        n=len(ready.y),
        rms=float(np.sqrt(np.mean(residual**2))),
        target=ready.target,
        columns=ready.columns,
        fixed=dict(problem.fixed),
        bounds=dict(problem.bounds),
        conventions=ready.runs.conventions,
        certificate=certificate,
        notes=ready.runs.notes,
        provenance=provenance(
            "fit",
            runs_id=ready.runs.id,
            source=ready.runs.source,
            law=ready.law.name,
            objective=problem.objective.spec(),
            weights=weights,
        ),
    )
