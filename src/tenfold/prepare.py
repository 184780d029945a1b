"""From runs to what one law needs of them: rows, inputs by symbol, target, and the numerical problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import AXES, OUTPUTS, axis_of, say
from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.law import Law
from tenfold.core.runs import Runs
from tenfold.engine.objective import Objective
from tenfold.engine.problem import Problem, build
from tenfold.io.needs import require

Array = NDArray[np.float64]

MIXTURE_SLACK = 0.01  # how far the shares of a mixture may be from one: tables print them to two digits
# what a law of any one axis may run along without being told, and what it never does
AXIS_COLUMNS = ("params", "tokens", "flops", "unique_tokens", "steps", "width", "depth", "experts", "x")
_ASIDE = frozenset({"seed", "lr", "seconds", *OUTPUTS} - {axis.column for axis in AXES} | {"lr_peak"})
_AXIS_WORDS = {word for axis in AXES for word in (axis.symbol, axis.column)}


@dataclass(frozen=True, eq=False)
class Prepared:
    """Runs reduced to what one law needs: the rows that can be fitted, inputs by symbol and the target."""

    law: Law
    runs: Runs
    inputs: Mapping[str, Array]
    y: Array
    columns: Mapping[str, str] = field(default_factory=dict)
    target: str = "loss"

    def take(self, rows: NDArray[np.bool_]) -> Prepared:
        """Only the rows of a mask."""
        if rows.all():
            return self
        inputs = {symbol: values[rows] for symbol, values in self.inputs.items()}
        return replace(self, runs=self.runs.take(rows), inputs=inputs, y=self.y[rows])

    def noted(self, *notes: str) -> Prepared:
        """The same rows with further notes."""
        return replace(self, runs=replace(self.runs, notes=(*self.runs.notes, *notes))) if notes else self


def prepare(law: Law, runs: Runs, *, target: str = "", axis: str = "") -> Prepared:
    """Check that the runs carry what a law needs and keep the rows that do.

    Raises:
        DataError: a column is missing, a size is not positive, nothing is left, with the reason and the way out.
    """
    target = target or law.output
    columns = {symbol: _column(law, symbol, runs, axis, target) for symbol in law.inputs}
    kept = require(runs, [*columns.values(), target])
    inputs = {symbol: kept.column(column) for symbol, column in columns.items()}
    inputs, note = _mixed(law, inputs, kept)
    along = "" if axis else columns.get("x", "")
    guessed = (
        f"taken along {along}, the column that varies; --axis names another" if along not in {"", *AXIS_COLUMNS} else ""
    )
    kept = replace(kept, notes=(*kept.notes, *filter(None, (note, guessed))))
    made = Prepared(law, kept, inputs, kept.column(target), columns, target)
    _check_metric(made)
    return made.noted(*_cautions(made))


def _check_metric(ready: Prepared) -> None:
    """Refuse a metric that never varies or that lies outside its bounds.

    Raises:
        DataError: with the value, and what to look for or to run.
    """
    y, target = ready.y, ready.target
    if OUTPUTS.get(target) == "fraction" and ((y < 0) | (y > 1)).any():
        row = int(np.flatnonzero((y < 0) | (y > 1))[0])
        percent = y.min() >= 0 and y.max() <= 100
        raise DataError(
            f"{target} is {y[row]:g} in row {row + 1} of {ready.runs.source}, and a fraction lies between 0 and 1",
            hint=f"if it is a percentage, say so with --units {target}=%"
            if percent
            else "map the right column with --columns, or leave such rows out with --where",
        )
    if len(y) > 1 and np.ptp(y) == 0:
        steps = ", ".join(nearby(ready, symbol) for symbol in ready.inputs if np.ptp(ready.inputs[symbol]) == 0)
        raise DataError(
            f"{target} is {y[0]:g} in all {len(y)} rows of {ready.runs.source}: nothing shows how it depends on "
            f"{', '.join(ready.columns.values())}",
            hint="name the measured column with --target, or read it with more digits"
            + (f"; else train at {steps}" if steps else "; else train far larger runs"),
        )


def nearby(ready: Prepared, symbol: str) -> str:
    """Two values of an input that would show what it does: 3x below the smallest that was trained, 3x above the largest.

    Bounded by the axis, and whole where the axis is.
    """
    axis, values = axis_of(symbol), ready.inputs[symbol]
    around = [float(values.min()) / 3.0, min(3.0 * float(values.max()), axis.upper)]
    if axis.integer:
        around = [max(round(value), 1) for value in around]
    words = [say(value, axis, unit=False) for value in around if not values.min() <= value <= values.max()]
    return f"{ready.columns[symbol]} {' and '.join(words)}"


def _cautions(ready: Prepared) -> tuple[str, ...]:
    """What cannot be known from these rows although the fit stands, and what to run to know it."""
    out = []
    many = len(ready.y)
    clusters = ready.runs.clusters()
    if many > 1 and clusters.max() == 0:
        out.append(
            f"all {many} rows are checkpoints or seeds of one point: how separate runs differ cannot be known, so no "
            f"interval can be drawn; train it with 2 more seeds, and runs at {nearby(ready, next(iter(ready.inputs)))}"
        )
    elif 2 < many <= 20_000 and _seeds(ready.runs) == 1 and distinct_points(ready) == many:
        point = {symbol: float(values[0]) for symbol, values in ready.inputs.items()}
        cell = ", ".join(f"{ready.columns[s]} {say(v, axis_of(s), unit=False)}" for s, v in point.items())
        out.append(
            "every run has one and the same seed: how far seeds scatter cannot be told from how far the law misses; "
            f"train one point ({cell}) with 2 more seeds"
        )
    floors = [name for name, domain in ready.law.coefs.items() if domain.name == "floor"]
    for symbol, values in ready.inputs.items():
        if floors and len(np.unique(values[:20_000])) == 2 and many > 2:
            out.append(
                f"the runs have two values of {ready.columns[symbol]}: they cannot tell its exponent from the floor "
                f"{floors[0]}; runs at {nearby(ready, symbol)} would"
            )
    return tuple(out)


def distinct_points(ready: Prepared) -> int:
    """How many different points the first twenty thousand rows hold."""
    head = [values[:20_000].tolist() for values in ready.inputs.values()]
    return len({*zip(*head, strict=True)})


def _seeds(runs: Runs) -> int:
    """How many seeds the runs name; 0 when they name none."""
    if "seed" in runs.labels:
        return len(np.unique(runs.labels["seed"].codes))
    if runs.has("seed"):
        return len(np.unique(runs.column("seed")))
    return 0


def _mixed(law: Law, inputs: dict[str, Array], runs: Runs) -> tuple[dict[str, Array], str]:
    """Shares of a mixture brought to a sum of one, when they are off by rounding.

    Raises:
        DataError: the shares of some row do not sum to one.
    """
    shares = simplex_of(law)
    if not shares:
        return inputs, ""
    total = np.sum([inputs[symbol] for symbol in shares], axis=0)
    off = np.abs(total - 1.0)
    if off.max() > MIXTURE_SLACK:
        row = int(off.argmax())
        parts = ", ".join(f"{axis_of(symbol).column} {inputs[symbol][row]:.4g}" for symbol in shares)
        raise DataError(
            f"the shares in row {row + 1} of {runs.source} sum to {total[row]:.4g}, not to 1 ({parts})",
            hint="name every source of the mixture, or use a law of one share",
        )
    note = f"shares that summed to {total.min():.4g} to {total.max():.4g} were brought to 1" if off.max() > 1e-9 else ""
    return {symbol: values / total if symbol in shares else values for symbol, values in inputs.items()}, note


def simplex_of(law: Law) -> tuple[str, ...]:
    """The inputs of a law that are shares of one mixture."""
    return tuple(symbol for symbol in law.inputs if symbol != "x" and axis_of(symbol).simplex)


def axes_along(runs: Runs, target: str = "loss") -> tuple[str, ...]:
    """The columns that a law of any one axis may run along: the axes that vary.

    Where no known one does it is the ``step`` of a curve, or else whatever positive numbers vary beside the target.

    >>> axes_along(Runs({"step": np.array([1.0, 2.0]), "lr": np.array([3e-4, 1e-4]), "loss": np.array([4.0, 3.0])}))
    ('step',)
    """
    varying = []
    for name, values in runs.columns.items():
        known = values[np.isfinite(values)]
        if name not in {target, *_ASIDE} and known.size and (known > 0).all() and np.ptp(known) > 0:
            varying.append(name)
    axes = [name for name in varying if name in AXIS_COLUMNS] or [name for name in varying if name == "step"]
    return tuple(axes or varying)


def _column(law: Law, symbol: str, runs: Runs, axis: str, target: str) -> str:
    if symbol != "x":
        return axis_of(symbol).column
    if axis:
        return axis_of(axis).column if axis in _AXIS_WORDS else axis
    if runs.has("x"):
        return "x"
    found = axes_along(runs, target) or tuple(name for name in AXIS_COLUMNS if runs.has(name))
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"law {law.name!r} holds for any axis, and the runs have {', '.join(found) or 'none'}",
        hint=f"choose one with --axis, e.g. --axis {found[0]}" if found else "map a column with --columns",
    )


def by_symbol(law: Law, columns: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of a law from values named by symbol or by canonical column."""
    values = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
    known = {
        **{symbol: symbol for symbol in law.inputs},
        **{columns[s]: s for s in law.inputs if s in columns},
    }
    out = {known[name]: value for name, value in values.items() if name in known}
    plain = {axis_of(name).symbol if name in _AXIS_WORDS else name: value for name, value in values.items()}
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
            + " ".join(did_you_mean(name, known) for name in values if not {name} & {*known, *plain, *_AXIS_WORDS}),
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


def problem_of(
    ready: Prepared,
    *,
    objective: Objective,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    weights: str | Array = "",
) -> Problem:
    """The numerical problem behind a fit; ``weights`` is a column or one number a row, (n,)."""
    _check_target(ready, objective)
    return build(
        ready.law,
        ready.inputs,
        ready.y,
        weights=weights_of(ready, weights) if isinstance(weights, str) else weights,
        objective=objective,
        fixed=fixed,
        bounds=bounds,
    )


def weights_of(ready: Prepared, name: str) -> Array | None:
    """The weights that a column holds, (n,); None without a name.

    Raises:
        DataError: they are missing somewhere, negative, or all zero.
    """
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


def check_coefs(
    law: Law,
    fixed: Mapping[str, float] | None,
    bounds: Mapping[str, tuple[float, float]] | None,
    *,
    values: str = "fixed",
) -> None:
    """Refuse unknown coefficients, values outside their domains and empty bounds; ``values``: what the first ones are."""
    for what, given in ((values, fixed or {}), ("bounds", bounds or {})):
        for name in given:
            if name not in law.coefs:
                raise ConfigError(
                    f"law {law.name!r} has no coefficient {name!r};",
                    path=what,
                    hint=did_you_mean(name, law.coefs),
                )
    for name, value in (fixed or {}).items():
        if not law.coefs[name].contains(value):
            raise ConfigError(
                f"{name} = {value:g} is outside its domain ({law.coefs[name].describe()})",
                path=f"{values}.{name}",
            )
    for name, (low, high) in (bounds or {}).items():
        if not low < high:
            raise ConfigError(f"bounds of {name} are empty: {low:g} to {high:g}", path=f"bounds.{name}")


def check_starts(law: Law, at: Sequence[Mapping[str, float]], fixed: Mapping[str, float] | None) -> None:
    """Refuse starts that do not say where every free coefficient begins, or begin outside its domain."""
    for start in at:
        check_coefs(law, start, None, values="start")
        missing = [name for name in law.coefs if name not in start and name not in (fixed or {})]
        if missing:
            raise ConfigError(
                f"a start says where every coefficient begins, and this one does not for {', '.join(missing)}",
                path="start",
                hint=f"add {missing[0]}=..., or hold it with --fixed; without a start the search is global",
            )


def check_rows(ready: Prepared, problem: Problem, *, known: int = 0) -> None:
    """Refuse runs that cannot determine the coefficients: too few distinct points, or an axis that never varies.

    ``known`` coefficients have priors and need no points of their own, and then an axis may stay at one scale.
    """
    distinct = distinct_points(ready)
    if distinct < problem.size - known:
        raise DataError(
            f"{ready.runs.source}: {distinct} distinct points cannot determine {problem.size} coefficients of "
            f"{ready.law.name!r}",
            hint=f"train {problem.size + 1 - distinct} more points, such as {next_point(ready)}, hold coefficients with "
            "--fixed, borrow them with --prior, or use a simpler law",
        )
    for symbol, values in ready.inputs.items():
        if np.ptp(values) == 0 and not known:
            raise DataError(
                f"every run has the same {ready.columns[symbol]} ({values[0]:g}): one scale cannot show how "
                f"{ready.target} depends on it",
                hint=f"train the same at {nearby(ready, symbol)}, or use a law without {symbol}",
            )


def next_point(ready: Prepared) -> str:
    """A point outside the runs in every input at once."""
    return ", ".join(nearby(ready, symbol).rpartition(" and ")[0] or nearby(ready, symbol) for symbol in ready.inputs)
