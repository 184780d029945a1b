"""``rehearse``: fit on small scales, predict the withheld larger ones, publish the error.

Every forecast carries one. The error that remains after coefficient uncertainty and run-to-run noise are accounted for,
as a function of reach in decades, is what widens intervals beyond the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.certificate import scale_axis
from tenfold.core.axes import axis_of, say
from tenfold.core.errors import ConfigError
from tenfold.core.law import predict
from tenfold.core.runs import Runs
from tenfold.core.scales import Levels, decades, levels
from tenfold.engine import resample
from tenfold.engine.problem import Problem
from tenfold.engine.solve import refit, roughly
from tenfold.fit import Fit
from tenfold.nulls import null_errors
from tenfold.prepare import Prepared
from tenfold.scatter import Scatter, scatter
from tenfold.uncertainty import same_problem
from tenfold.widening import NEAR, Score, Widening, widening

Array = NDArray[np.float64]

LEAST_SCALES = 3  # scales a law must be fitted on before its prediction of the next means anything
FINE = 0.15  # decades: how wide a withheld scale is on an axis that was sampled continuously, such as steps of a curve
DRAWS = 100  # resamples a fold, for the coefficient part of its error


@dataclass(frozen=True, slots=True)
class Fold:
    """One withheld scale predicted from smaller ones.

    ``error`` is the mean log error of the level (positive: predicted too high), ``rms`` over its runs, ``reach`` in
    decades beyond the largest fitted scale, ``coefficient_sd`` what resampling the fitted runs explains. ``nulls`` maps
    each null (the last value, a plane in logarithms) to its own ``rms`` on the same rows, ``errors`` are the rows' own.
    ``inside`` is the share of rows that lie in the interval of each level as it would have been forecast then: from
    coefficients, noise, and the growth that the other withheld scales show.
    """

    fitted_to: float
    target: float
    reach: float
    n: int
    error: float
    rms: float
    coefficient_sd: float
    nulls: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[float, ...] = field(default=(), repr=False)
    inside: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "errors"}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Folds, and the extrapolation error they leave unexplained: ``growth`` is its root mean square a decade of reach,
    ``widening`` its size by chance and its side, ``freedom`` how many scales were withheld.

    Without folds, ``reason`` says why, and forecasts are marked unrehearsed.
    """

    axis: str
    folds: tuple[Fold, ...]
    growth: float
    freedom: int
    reason: str = ""
    widening: Widening = field(default_factory=Widening)

    @property
    def done(self) -> bool:
        """Whether any scale could be withheld."""
        return bool(self.folds)

    @property
    def reach(self) -> float:
        """The farthest reach that was rehearsed, in decades."""
        return max((fold.reach for fold in self.folds), default=0.0)

    def sentence(self) -> str:
        """One line, as it stands beside every forecast."""
        if not self.folds:
            return f"unrehearsed: {self.reason}"
        scales = len({fold.target for fold in self.folds})
        return (
            f"rehearsed on {scales} withheld scale{'s' if scales > 1 else ''} up to "
            f"{self.reach:.2g} decades ahead: predictions erred by {self._errors()}"
        )

    def _errors(self) -> str:
        errors = sorted(abs(fold.error) for fold in self.folds)
        low, high = errors[0], errors[-1]
        signs = {fold.error > 0 for fold in self.folds}
        side = " (always too high)" if signs == {True} else " (always too low)" if signs == {False} else ""
        text = f"{high:.1%}" if len(errors) == 1 or f"{low:.1%}" == f"{high:.1%}" else f"{low:.1%} to {high:.1%}"
        return text + (side if len(errors) > 1 else "")

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "status": "rehearsed" if self.folds else "unrehearsed",
            "axis": self.axis,
            "folds": [fold.to_dict() for fold in self.folds],
            "growth": self.growth,
            "widening": {f"{level:g}": float(self.widening.size(level)) for level in (0.5, 0.9)},
            "sides": {f"{level:g}": list(self.widening.sides(level)) for level in (0.5, 0.9)},
            "high": self.widening.high,
            "reach": self.reach,
            "freedom": self.freedom,
            "reason": self.reason,
            "sentence": self.sentence(),
        }


def unrehearsed(reason: str, *, axis: str = "") -> Rehearsal:
    """A rehearsal that could not take place, and why."""
    return Rehearsal(axis, (), float("nan"), 0, reason)


def rehearse(
    fit: Fit, runs: Runs, *, axis: str = "", withhold: int | None = None, seed: int = 0, draws: int = DRAWS
) -> Rehearsal:
    """Withhold the largest scales one after the other, refit on the rest and predict what was withheld.

    Args:
        fit: the fit whose law, objective and fixed coefficients are rehearsed.
        runs: the runs it was made from.
        axis: the scale, a column; compute when empty.
        withhold: how many of the largest scales, at most; as many as leave three by default.
        seed: of the resampling inside each fold. draws: how many resamples a fold; without any the whole error is the
            law's.

    Raises:
        ConfigError: ``withhold`` is not positive, or leaves too few scales.
    """
    if withhold is not None and withhold < 1:
        raise ConfigError(f"withhold must be 1 or more, got {withhold}", path="rehearse.withhold")
    ready, problem = same_problem(fit, runs)
    name, scale = _scale(ready, axis)
    if scale is None:
        return unrehearsed("the runs have no positive axis to withhold along")
    found = levels(scale, width=FINE)
    room = len(found) - LEAST_SCALES
    if room < 1:
        many = "one scale" if len(found) == 1 else f"{len(found)} scales"
        return unrehearsed(f"the runs hold {many} of {name} and {LEAST_SCALES + 1} are needed to withhold one", axis=name)
    if withhold is not None and withhold > room:
        raise ConfigError(
            f"cannot withhold {withhold} of {len(found)} scales of {name}: {LEAST_SCALES} must remain",
            path="rehearse.withhold",
            hint=f"withhold {room} or fewer",
        )
    tops = [len(found) - held for held in range(1, (withhold or room) + 1)]
    folds = _folds(fit, ready, problem, found, tops, seed, draws)
    return rehearsal_of(folds, name, scatter_about(fit, ready).sd)


def rehearsal_of(folds: Sequence[Fold], axis: str, noise: float) -> Rehearsal:
    """The rehearsal that folds amount to, given the noise of a run."""
    if not folds:
        return unrehearsed("the smaller scales alone do not determine the coefficients", axis=axis)
    wide = widening_of(folds, noise)
    return Rehearsal(axis, _judged(folds, noise), wide.deviation, wide.scales, widening=wide)


def _judged(folds: Sequence[Fold], noise: float) -> tuple[Fold, ...]:
    """Folds with the share of their rows inside the intervals that the other withheld scales would have given."""
    from scipy.special import ndtri

    out = []
    for fold in folds:
        others = [other for other in folds if other.target != fold.target]
        if not others or not fold.errors:
            out.append(fold)
            continue
        wide = widening_of(others, noise)
        normal = float(np.hypot(fold.coefficient_sd, noise))
        inside = {}
        for level in (0.5, 0.9):
            # normal and rehearsed parts add in squares at their own quantiles: exact for either alone
            low, high = np.hypot(normal * ndtri(0.5 + level / 2), np.array(wide.sides(level)) * fold.reach)
            inside[f"{level:g}"] = float(np.mean([-low <= error <= high for error in fold.errors]))
        out.append(replace(fold, inside=inside))
    return tuple(out)


def _scale(ready: Prepared, axis: str) -> tuple[str, Array | None]:
    if axis:
        column = axis_of(axis).column if axis in ("N", "D", "C", "S", "U") else axis
        for symbol, name in ready.columns.items():
            if name == column:
                return column, ready.inputs[symbol]
        if column == "flops" and {"N", "D"} <= set(ready.inputs):
            if ready.runs.has("flops"):
                return column, ready.runs.column("flops")
            return column, 6.0 * ready.inputs["N"] * ready.inputs["D"]
        return column, ready.runs.column(column)
    if ready.runs.has("flops"):
        return "flops", ready.runs.column("flops")
    scale = scale_axis(ready.inputs)
    if "C" in ready.inputs or {"N", "D"} <= set(ready.inputs):
        return "flops", scale
    widest = max(ready.inputs, key=lambda s: np.ptp(np.log(np.maximum(ready.inputs[s], 1e-300))))
    return ready.columns[widest], scale


def _folds(
    fit: Fit, ready: Prepared, problem: Problem, found: Levels, tops: Sequence[int], seed: int, draws: int
) -> list[Fold]:
    """Fit below each level of ``tops`` and score every level from it on; all folds are fitted in one batch."""
    clusters = np.unique(ready.runs.clusters(), return_inverse=True)[1]
    kept = [top for top in tops if _enough(found.of_row < top, clusters, problem.size)]
    if not kept:
        return []
    weights = np.stack([np.where(found.of_row < top, problem.weights, 0.0) for top in kept])
    lanes = resample.search(problem, weights, warm=problem.free(fit.coef))
    natural = problem.natural(lanes.theta)
    out: list[Fold] = []
    for k, top in enumerate(kept):
        if not np.isfinite(lanes.value[k]):
            continue
        coef = {name: float(values[k]) for name, values in natural.items()}
        many = _resampled(problem, lanes.theta[k], weights[k], clusters, draws, seed)
        out.extend(_scored(fit, ready, found, top, coef, many))
    return out


def _enough(small: NDArray[np.bool_], clusters: NDArray[np.int64], size: int) -> bool:
    """Whether rows outnumber the coefficients, and independent runs too."""
    return bool(small.sum() > size and len(np.unique(clusters[small])) > size)


def _scored(
    fit: Fit, ready: Prepared, found: Levels, top: int, coef: Mapping[str, float], many: Mapping[str, Array]
) -> list[Fold]:
    """Every level from ``top`` on, predicted by coefficients that were fitted below it."""
    out = []
    edge = float(found.values[top - 1])
    for level in range(top, len(found)):
        rows = np.flatnonzero(found.of_row == level)
        inputs = {s: v[rows] for s, v in ready.inputs.items()}
        center = predict(fit.law, coef, inputs)
        error = log_error(center, ready.y[rows])
        spread = np.zeros(1)
        if many:
            with np.errstate(all="ignore"):
                spread = log_error(np.asarray(fit.law(coef=dict(many), **inputs)), center).mean(axis=-1)
        nulls = null_errors(
            ready.inputs, ready.y, small=found.of_row < top, last=found.of_row == top - 1, rows=found.of_row == level
        )
        target = float(found.values[level])
        out.append(
            Fold(
                edge,
                target,
                decades(edge, target),
                len(rows),
                float(error.mean()),
                float(np.sqrt(np.mean(error**2))),
                float(np.nanstd(spread)),
                nulls,
                tuple(error.tolist()),
            )
        )
    return out


def _resampled(
    problem: Problem, theta: Array, weights: Array, clusters: NDArray[np.int64], draws: int, seed: int
) -> dict[str, Array]:
    """Natural coefficients of fits to resampled runs of positive weight, each (R, 1); empty without draws."""
    if not draws:
        return {}
    inside = np.flatnonzero(weights > 0)
    within = np.unique(clusters[inside], return_inverse=True)[1]
    many = np.zeros((draws, len(weights)))
    many[:, inside] = resample.cluster_counts(within, draws, np.random.default_rng(seed)) * weights[inside]
    lanes = refit(problem, np.repeat(theta[None], draws, axis=0), weights=many, settings=roughly(len(weights)))
    return {k: v[:, None] for k, v in problem.natural(lanes.theta).items()}


def log_error(predicted: Array, measured: Array) -> Array:
    """Log error where both are positive, else relative error."""
    with np.errstate(all="ignore"):
        ratio = predicted / measured
        return np.where(ratio > 0, np.log(np.where(ratio > 0, ratio, 1.0)), ratio - 1.0)


def scatter_of(fit: Fit, runs: Runs) -> Scatter:
    """The noise of one run around a fit, from its own residuals."""
    return scatter_about(fit, same_problem(fit, runs)[0])


def scatter_about(fit: Fit, ready: Prepared) -> Scatter:
    """The noise of one run around a fit, on rows that are prepared."""
    predicted = np.asarray(predict(fit.law, fit.coef, ready.inputs))
    residual = log_error(predicted, ready.y)
    return scatter(residual, predicted, ready.runs.clusters(), len(fit.law.coefs) - len(fit.fixed))


def _excess(fold: Fold, noise: float) -> float:
    """A level's error a decade of reach, without what resampled coefficients and the noise of its mean explain."""
    left = fold.error**2 - fold.coefficient_sd**2 - noise**2 / fold.n
    return float(np.sqrt(max(left, 0.0)) / max(fold.reach, NEAR))


def widening_of(folds: Sequence[Fold], noise: float) -> Widening:
    """What forecasts beyond the data are widened by, from folds and the noise of a run."""
    return widening([Score(fold.target, _excess(fold, noise), fold.error > 0) for fold in folds])


def drifts(fit: Fit) -> tuple[str, ...]:
    """The coefficients that move one way as larger scales are added, as the certificate found them."""
    return tuple(drift.coef for drift in fit.certificate.drift if drift.moves)


def describe(rehearsal: Rehearsal, columns: Mapping[str, str] | None = None) -> list[str]:
    """A line a fold: what was withheld, how far ahead it lay and how the prediction erred."""
    axis = axis_of(rehearsal.axis) if rehearsal.axis in ("params", "tokens", "flops", "steps", "unique_tokens") else None
    return [
        f"fitted up to {say(fold.fitted_to, axis)}, predicted {say(fold.target, axis)} "
        f"({fold.reach:.2g} decades ahead, {fold.n} runs): {fold.error:+.2%}"
        for fold in rehearsal.folds
    ]
