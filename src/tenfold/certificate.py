"""The certificate: what bears on how far a fit may be trusted, in numbers. ``verdict`` turns it into sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import residuals
from tenfold.core.axes import say
from tenfold.core.law import Law
from tenfold.core.scales import decades, levels
from tenfold.core.status import Status
from tenfold.engine import laplace
from tenfold.engine.objective import Absolute, Huber, Objective, Quantile, Squared
from tenfold.engine.problem import Problem
from tenfold.engine.solve import Solved, refit
from tenfold.headline import Headline, evaluate, headline_of
from tenfold.prepare import Prepared
from tenfold.residuals import Outlier, Seeds, Trend

Array = NDArray[np.float64]

_MOST_REFITS = 512  # beyond this many runs, influence is computed for those with the largest residuals
_EXAMINED = 50_000  # rows beyond which evenly spaced ones stand for all in the certificate
DRIFT = 3.0  # standard errors by which a coefficient must move one way to be called drifting
_RIVALS = 2.0  # units of evidence: an optimum that is worse by more than e^2 in likelihood is no rival


@dataclass(frozen=True, slots=True)
class Span:
    """The range of one axis in the data."""

    column: str
    low: float
    high: float

    @property
    def decades(self) -> float:
        """Width in factors of ten."""
        return decades(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Influence:
    """One run (or cluster of rows): the headline without it, and the shift in standard errors."""

    run: str
    headline: float
    shift: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The headline under another objective, or without some rows; ``shift`` in standard errors."""

    change: str
    headline: float
    shift: float


@dataclass(frozen=True, slots=True)
class Drift:
    """A coefficient fitted without the largest scales: ``values`` from fewest scales to all.

    ``error`` is its standard error on all scales and ``spread`` that on the fewest: coefficients of fewer scales are
    less certain, and that alone makes them differ.
    """

    coef: str
    withheld: tuple[int, ...]
    values: tuple[float, ...]
    error: float
    spread: float = float("nan")

    @property
    def moves(self) -> bool:
        """Whether it moves one way as scales are added, by more than three standard errors in all.

        Where the error on the fewest scales is known it is the yardstick: it bounds the standard deviation of the
        difference (Hausman). Three, for several coefficients are looked at and few runs make errors themselves unsure: at
        two, one clean ladder in five was said to drift.
        """
        steps = np.diff(self.values)
        one_way = bool((steps > 0).all() or (steps < 0).all()) and len(self.values) >= 3
        yardstick = np.fmax(self.error, self.spread)
        return one_way and abs(self.values[-1] - self.values[0]) > DRIFT * yardstick


@dataclass(frozen=True, slots=True)
class Rival:
    """Another optimum nearly as good: how much worse, in units of evidence, and the headline there."""

    worse: float
    headline: float
    shift: float


@dataclass(frozen=True, slots=True)
class Misfit:
    """What residuals say: see :mod:`tenfold.residuals`.

    ``spread`` is the standard deviation of the target's logarithm in the table, ``noise`` a robust one of the
    residuals; ``outliers`` names runs with their residual and how many times the noise it is.
    """

    spread: float
    noise: float
    trends: tuple[Trend, ...] = ()
    outliers: tuple[tuple[str, Outlier], ...] = ()
    seeds: Seeds | None = None

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "spread": self.spread,
            "noise": self.noise,
            "trends": [trend.to_dict() for trend in self.trends],
            "outliers": [{"run": name, "residual": o.residual, "times": o.times} for name, o in self.outliers],
            "seeds": None if self.seeds is None else self.seeds.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known about a fit besides its coefficients.

    ``agree`` is the share of starts, 0 to 1, that end within 1e-6 of the best objective; ``basins`` how many distinct
    optima they found; ``gradient`` the largest gradient component, per unit of its own curvature and relative to the
    objective; ``condition`` the condition number of the scaled Hessian; ``errors`` cluster-robust
    standard errors. ``independent`` counts the independent runs and ``free`` the coefficients they decide;
    ``warnings`` are the sentences of the verdict on the fit that lower it. ``lr`` is the range of the recorded learning
    rate, where the rows are checkpoints of runs by their step; ``epochs`` that of tokens over unique tokens, where the
    law knows both.
    """

    agree: float
    basins: int
    starts: int
    gradient: float
    condition: float
    at_bound: tuple[str, ...]
    span: Mapping[str, Span]
    headline: Headline
    headline_value: float
    headline_error: float
    errors: Mapping[str, float]
    influence: tuple[Influence, ...]
    sensitivity: tuple[Sensitivity, ...]
    drift: tuple[Drift, ...]
    warnings: tuple[str, ...]
    independent: int = 0
    free: int = 0
    rivals: tuple[Rival, ...] = ()
    misfit: Misfit | None = None
    lr: Span | None = None
    epochs: Span | None = None

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "agree": self.agree,
            "basins": self.basins,
            "starts": self.starts,
            "gradient": self.gradient,
            "condition": self.condition,
            "at_bound": list(self.at_bound),
            "span": {s.column: {"low": s.low, "high": s.high, "decades": s.decades} for s in self.span.values()},
            "headline": {
                "what": self.headline.text,
                "key": self.headline.key,
                "value": self.headline_value,
                "error": self.headline_error,
            },
            "errors": dict(self.errors),
            "influence": [{"run": i.run, "headline": i.headline, "shift": i.shift} for i in self.influence],
            "sensitivity": [{"change": s.change, "headline": s.headline, "shift": s.shift} for s in self.sensitivity],
            "drift": [
                {"coef": d.coef, "withheld": list(d.withheld), "values": list(d.values), "moves": d.moves}
                for d in self.drift
            ],
            "warnings": list(self.warnings),
            "independent": self.independent,
            "free": self.free,
            "rivals": [{"worse": r.worse, "headline": r.headline, "shift": r.shift} for r in self.rivals],
            "misfit": None if self.misfit is None else self.misfit.to_dict(),
            "lr": None if self.lr is None else {"low": self.lr.low, "high": self.lr.high},
            "epochs": None if self.epochs is None else {"low": self.epochs.low, "high": self.epochs.high},
        }


def certify(ready: Prepared, problem: Problem, solved: Solved, *, deep: bool = True) -> Certificate:
    """Examine a solved problem. ``deep`` adds what takes further refits: influence, sensitivity and drift."""
    natural = {name: float(values[0]) for name, values in problem.natural(solved.theta[None]).items()}
    headline = headline_of(ready.law, ready.inputs, ready.columns, ready.target)
    value = float(evaluate(headline, ready.law, natural))
    span = {s: Span(ready.columns[s], float(v.min()), float(v.max())) for s, v in ready.inputs.items()}
    names = tuple(problem.names[j] for j in solved.at_bound)
    influence: tuple[Influence, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    drift: tuple[Drift, ...] = ()
    rivals: tuple[Rival, ...] = ()
    misfit: Misfit | None = None
    errors: dict[str, float] = {}
    error = float("nan")
    if deep:
        part, rows, shrink = _thinned(ready, problem)
        here = solved if part is ready else replace(solved, theta=refit(rows, solved.theta[None]).theta[0])
        now = {name: float(values[0]) for name, values in rows.natural(here.theta[None]).items()}
        errors, error = _errors(part, rows, here, headline)
        influence = _influence(part, rows, here, headline, error)
        level = value if part is ready else float(evaluate(headline, ready.law, now))
        sensitivity = _sensitivity(part, rows, here, headline, level, error)
        drift = _drift(part, rows, here, now, errors)
        rivals = _rivals(problem, solved, ready.law, headline, value, error * shrink)
        misfit = _misfit(part, rows, here)
        errors = {name: found * shrink for name, found in errors.items()}
        error *= shrink
    return Certificate(
        agree=solved.agree,
        basins=solved.basins,
        starts=len(solved.lanes.value),
        gradient=solved.gradient,
        condition=solved.condition,
        at_bound=names,
        span=span,
        headline=headline,
        headline_value=value,
        headline_error=error,
        errors=errors,
        influence=influence,
        sensitivity=sensitivity,
        drift=drift,
        warnings=(),
        independent=int(ready.runs.clusters().max()) + 1,
        free=problem.size,
        rivals=rivals,
        misfit=misfit,
        lr=_rates(ready),
        epochs=_epochs(ready),
    )


def _rates(ready: Prepared) -> Span | None:
    """The range of the learning rate over rows that lie along a run's steps; None where it is not recorded."""
    if "step" not in ready.columns.values() or not ready.runs.has("lr"):
        return None
    rates = ready.runs.column("lr")
    return Span("lr", float(np.nanmin(rates)), float(np.nanmax(rates)))


def _epochs(ready: Prepared) -> Span | None:
    """How often the runs saw their data, where the law is told."""
    by_column = {ready.columns[symbol]: values for symbol, values in ready.inputs.items()}
    if not {"tokens", "unique_tokens"} <= set(by_column):
        return None
    times = by_column["tokens"] / by_column["unique_tokens"]
    return Span("epochs", float(times.min()), float(times.max()))


def _thinned(ready: Prepared, problem: Problem) -> tuple[Prepared, Problem, float]:
    """The rows that are examined, and how much smaller standard errors are on all rows than on those.

    Beyond fifty thousand rows no single one matters, and evenly spaced ones say as much about objectives and scales;
    errors shrink with the number of independent runs, not of rows.
    """
    if len(ready.y) <= _EXAMINED:
        return ready, problem, 1.0
    rows = np.unique(np.linspace(0, len(ready.y) - 1, _EXAMINED * 2 // 5).astype(np.int64))
    part = replace(
        ready,
        runs=ready.runs.take(rows),
        inputs={name: values[rows] for name, values in ready.inputs.items()},
        y=ready.y[rows],
    )
    independent = int(part.runs.clusters().max()) + 1, int(ready.runs.clusters().max()) + 1
    return part, problem.subset(rows), float(np.sqrt(independent[0] / independent[1]))


def _errors(ready: Prepared, problem: Problem, solved: Solved, headline: Headline) -> tuple[dict[str, float], float]:
    """Cluster-robust standard errors of the coefficients and, to first order, of the headline.

    From the sandwich covariance, widened by sqrt(m / (m - p)) for p coefficients on m independent runs. Leaving out one
    run at a time would not do: the jackknife is not consistent for objectives with a kink.
    """
    clusters = ready.runs.clusters()
    count = int(clusters.max()) + 1
    if count < 3 and problem.penalty is None:
        return {}, float("nan")
    if problem.penalty is None:
        covariance = laplace.sandwich(problem, solved.theta, clusters) * count / max(count - problem.size, 1)
    else:  # few runs say little about their own scatter; rows and priors were weighed against each other already
        covariance = laplace.posterior(problem, solved.theta)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    natural = problem.natural(solved.theta[None])
    errors = {
        name: float(spread[j] * (natural[name][0] if problem.domains[j].transform == "log" else 1.0))
        for j, name in enumerate(problem.names)
    }
    # a coefficient that is not determined spreads over many orders; its step stays where the law can be computed
    step = 1e-3 * np.clip(spread, 1e-12, np.maximum(1.0, np.abs(solved.theta)))
    moved = np.concatenate([solved.theta + np.diag(step), solved.theta - np.diag(step)])
    values = evaluate(headline, ready.law, problem.natural(moved))
    slope = (values[: problem.size] - values[problem.size :]) / (2 * step)
    return errors, float(np.sqrt(max(float(slope @ covariance @ slope), 0.0)))


def _influence(
    ready: Prepared, problem: Problem, solved: Solved, headline: Headline, error: float
) -> tuple[Influence, ...]:
    """Leave out one cluster of rows at a time, refit, and keep the five that move the headline most."""
    clusters = ready.runs.clusters()
    count = int(clusters.max()) + 1
    chosen = np.arange(count)
    if count > _MOST_REFITS:
        chosen = _largest_residuals(problem, solved, clusters, count)
    if count < 3:
        return ()
    if len(problem.y) * len(chosen) > 4_000_000:  # the weights of all refits at once would not be small
        chosen = chosen[: max(4_000_000 // len(problem.y), 8)]
    weights = np.where(clusters[None, :] == chosen[:, None], 0.0, problem.weights[None, :])
    lanes = refit(problem, np.repeat(solved.theta[None], len(chosen), axis=0), weights=weights)
    without = evaluate(headline, ready.law, problem.natural(lanes.theta))
    full = float(evaluate(headline, ready.law, {k: v[0] for k, v in problem.natural(solved.theta[None]).items()}))
    shift = (without - full) / error if error > 0 else np.zeros_like(without)
    order = np.argsort(-np.abs(np.nan_to_num(shift)))[:5]
    first = {int(c): i for i, c in reversed(list(enumerate(clusters.tolist())))}
    rows = [first[int(chosen[i])] for i in order]
    return tuple(
        Influence(_name(ready, row), float(without[i]), float(shift[i])) for i, row in zip(order, rows, strict=True)
    )


def _largest_residuals(problem: Problem, solved: Solved, clusters: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    model = problem.kernel.model(problem.kernel.to_solver(solved.theta[None]))[0]
    total = np.bincount(
        clusters,
        weights=np.abs(np.log(np.maximum(model, 1e-300)) - np.log(np.abs(problem.y))),
        minlength=count,
    )
    return np.argsort(-total)[: _MOST_REFITS // 4].astype(np.int64)


def _name(ready: Prepared, row: int) -> str:
    for label in ("run", "cell"):
        if label in ready.runs.labels:
            text = ready.runs.labels[label].values()[row] if len(ready.y) < 5000 else None
            if text:
                return text
    parts = [f"{ready.columns[s]} {say(float(v[row]), s, unit=False)}" for s, v in ready.inputs.items()]
    return f"row {row + 1} ({', '.join(parts)})"


def _sensitivity(
    ready: Prepared, problem: Problem, solved: Solved, headline: Headline, value: float, error: float
) -> tuple[Sensitivity, ...]:
    """The headline under other objectives, and without the highest losses."""
    out = []
    for objective in _others(problem.objective):
        lanes = refit(problem.with_objective(objective), solved.theta[None])
        out.append((objective.spec(), problem.natural(lanes.theta)))
    drop = max(1, round(0.02 * len(problem.y)))
    weights = problem.weights.copy()
    weights[np.argsort(-problem.y)[:drop]] = 0.0
    if (weights > 0).sum() > problem.size + 1:
        lanes = refit(problem, solved.theta[None], weights=weights[None])
        many = "value" if drop == 1 else f"{drop} values"
        out.append((f"without the highest {many} of {ready.target}", problem.natural(lanes.theta)))
    made = []
    for change, natural in out:
        moved = float(evaluate(headline, ready.law, {k: v[0] for k, v in natural.items()}))
        made.append(Sensitivity(change, moved, (moved - value) / error if error > 0 else float("nan")))
    return tuple(made)


def _others(objective: Objective) -> list[Objective]:
    if objective.space != "log" or isinstance(objective, Quantile):  # another objective asks for another quantile
        return []
    candidates: list[Objective] = [Huber(1e-3), Huber(1e-2), Squared(), Absolute()]
    return [candidate for candidate in candidates if candidate != objective]


def scale_axis(inputs: Mapping[str, Array]) -> Array | None:
    """What counts as scale for a table: compute where it can be had, else the axis that spans most."""
    if "C" in inputs:
        return inputs["C"]
    if {"N", "D"} <= set(inputs):
        return 6.0 * inputs["N"] * inputs["D"]
    spans = {symbol: np.ptp(np.log(values)) for symbol, values in inputs.items() if (values > 0).all()}
    return inputs[max(spans, key=lambda symbol: spans[symbol])] if spans else None


def _drift(
    ready: Prepared,
    problem: Problem,
    solved: Solved,
    natural: Mapping[str, float],
    errors: Mapping[str, float],
) -> tuple[Drift, ...]:
    """Refit without the largest one and two scales and see which coefficients move."""
    scale = scale_axis(ready.inputs)
    if scale is None or not errors:
        return ()
    found = levels(scale)
    withheld = [k for k in (2, 1) if len(found) - k >= 3 and (found.of_row < len(found) - k).sum() > problem.size]
    if not withheld:
        return ()
    weights = np.stack([np.where(found.of_row < len(found) - k, problem.weights, 0.0) for k in withheld])
    lanes = refit(problem, np.repeat(solved.theta[None], len(withheld), axis=0), weights=weights)
    without = problem.natural(lanes.theta)
    spreads = _spreads(ready, problem, lanes.theta[0], weights[0])
    return tuple(
        Drift(
            name,
            (*withheld, 0),
            (*(float(v) for v in without[name]), natural[name]),
            errors.get(name, float("nan")),
            spreads.get(name, float("nan")),
        )
        for name in problem.names
    )


def _spreads(ready: Prepared, problem: Problem, theta: Array, weights: Array) -> dict[str, float]:
    """Standard errors of the coefficients on the rows with weight; empty where they cannot be had."""
    rows = np.flatnonzero(weights > 0)
    part = problem.subset(rows)
    clusters = np.unique(ready.runs.clusters()[rows], return_inverse=True)[1].astype(np.int64)
    count = int(clusters.max()) + 1
    if count <= problem.size or problem.penalty is not None:
        return {}
    covariance = laplace.sandwich(part, theta, clusters) * count / (count - problem.size)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    natural = problem.natural(theta[None])
    return {
        name: float(spread[j] * (natural[name][0] if problem.domains[j].transform == "log" else 1.0))
        for j, name in enumerate(problem.names)
    }


def _rivals(
    problem: Problem, solved: Solved, law: Law, headline: Headline, value: float, error: float
) -> tuple[Rival, ...]:
    """Other optima that the runs can hardly tell from the best, each with the headline it would give; nearest first."""
    lanes = solved.lanes
    settled = np.isin(lanes.status, [Status.CONVERGED.code, Status.AT_BOUND.code]) & np.isfinite(lanes.value)
    unit = laplace.dispersion(problem, solved.theta)
    if not (unit > 0 and settled.any()):
        return ()
    worse = (lanes.value - solved.value) / unit
    found: list[Rival] = []
    for lane in np.flatnonzero(settled & (worse < _RIVALS))[np.argsort(worse[settled & (worse < _RIVALS)])]:
        other = float(evaluate(headline, law, {k: v[0] for k, v in problem.natural(lanes.theta[lane][None]).items()}))
        shift = (other - value) / error if error > 0 else 0.0
        if abs(shift) > 1.0 and all(abs(other - r.headline) > error for r in found):
            found.append(Rival(float(worse[lane]), other, float(shift)))
    return tuple(found[:3])


def _misfit(ready: Prepared, problem: Problem, solved: Solved) -> Misfit:
    """What residuals say; in logarithms where they make sense, else relative to the spread of the target."""
    model = problem.kernel.model(problem.kernel.to_solver(solved.theta[None]))[0]
    y = problem.y
    positive = bool((y > 0).all() and (model > 0).all())
    residual = np.log(y / model) if positive else y - model
    kept = problem.weights > 0
    residual, y = residual[kept], y[kept]
    inputs = {symbol: values[kept] for symbol, values in ready.inputs.items()}
    clusters = np.unique(ready.runs.clusters()[kept], return_inverse=True)[1].astype(np.int64)
    axes = {ready.columns[symbol]: values for symbol, values in inputs.items()}
    if {"N", "D"} <= set(inputs):
        axes["flops"] = 6.0 * inputs["N"] * inputs["D"]
    where = np.flatnonzero(kept)
    return Misfit(
        spread=float(np.std(np.log(y) if positive else y)),
        noise=residuals.robust(residual, problem.size) if len(residual) > problem.size else float("nan"),
        trends=residuals.trends(residual, axes, clusters, problem.size),
        outliers=tuple(
            (_name(ready, int(where[found.row])), found) for found in residuals.outliers(residual, problem.size)
        ),
        seeds=residuals.seeds(residual, inputs, _runs(ready)[kept], problem.size),
    )


def _runs(ready: Prepared) -> NDArray[np.int64]:
    """Which rows are of one run: those that share the label; else each row is a run."""
    if "run" in ready.runs.labels and (ready.runs.labels["run"].codes >= 0).all():
        return ready.runs.labels["run"].codes.astype(np.int64)
    return np.arange(len(ready.y), dtype=np.int64)
