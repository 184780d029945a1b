"""``forecast``: predictions with intervals that combine coefficients, noise and the rehearsed extrapolation error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.choose import AUTO, Choice
from tenfold.core.axes import AXES, OUTPUTS, axis_of
from tenfold.core.errors import ConfigError
from tenfold.core.law import Law, Published, predict
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.core.scales import decades
from tenfold.fit import Fit
from tenfold.prepare import by_symbol, simplex_of
from tenfold.rehearse import Rehearsal, rehearse, scatter_of
from tenfold.scatter import Scatter
from tenfold.uncertainty import Draws, Method, draw, parse_method
from tenfold.verdict import Verdict, merged, verdict, verdict_of_evidence

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One target. ``intervals`` maps a level to (low, high); ``parts`` are standard deviations of the log prediction.

    ``verdict`` says how far this number may be used.
    """

    at: Mapping[str, float]
    center: float
    intervals: Mapping[float, tuple[float, float]]
    reach: Mapping[str, float]
    parts: Mapping[str, float]
    status: str
    verdict: Verdict | None = None

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "at": dict(self.at),
            "center": self.center,
            "intervals": {f"{level:g}": list(pair) for level, pair in self.intervals.items()},
            "reach": dict(self.reach),
            "parts": dict(self.parts),
            "status": self.status,
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """Predictions with their rehearsal. ``source`` is ``fit`` or ``evidence`` (published constants, no runs)."""

    law: str
    target: str
    predictions: tuple[Prediction, ...]
    rehearsal: Rehearsal | None
    source: str
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def verdict(self) -> Verdict | None:
        """The worst level of the predictions, with every reason that any of them has; None when none was judged."""
        judged = [prediction.verdict for prediction in self.predictions if prediction.verdict is not None]
        return merged(judged) if judged else None

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form: the first prediction's keys at the top, every prediction under ``predictions``.

        ``verdict`` at the top is that of all predictions together.
        """
        first = self.predictions[0].to_dict()
        return {
            "law": self.law,
            "target": self.target,
            "source": self.source,
            **first,
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
            "rehearsal": self.rehearsal.to_dict() if self.rehearsal is not None else {"status": "unrehearsed"},
            "predictions": [prediction.to_dict() for prediction in self.predictions],
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }


Targets = Sequence[Mapping[str, float]]


def forecast(
    source: Fit | Choice,
    runs: Runs,
    *,
    at: Targets,
    draws: Draws | None = None,
    rehearsal: Rehearsal | None = None,
    method: Method | str = "auto",
    levels: Sequence[float] = (0.5, 0.9),
    withhold: int | None = None,
    seed: int = 0,
) -> Forecast:
    """Predict at given points, with intervals.

    The logarithm of a prediction varies by the draws' coefficients, by the noise of one run (the spread of the fit's own
    residuals, :func:`tenfold.scatter.scatter`) and, beyond the data, by the error that rehearsal measured, growing in
    proportion to reach, its quantiles conformal as far as the withheld scales are many, and to the side that it erred to
    (:mod:`tenfold.widening`). The prediction itself stays the law's: moved by the rehearsed errors, those of the arena
    were farther off. Where nothing could be withheld the status says ``unrehearsed`` and the interval holds the first two
    alone.

    Args:
        source: a fit, or a choice of laws, which brings its draws and its rehearsal. runs: the runs it was made from.
        at: targets, by symbol or canonical column, e.g. ``[{"params": 7e10, "tokens": 1.4e12}]``.
        draws, rehearsal: made here when not given. method: of the draws.
        levels: coverage levels of the intervals.

    Raises:
        ConfigError: a target lacks an input or is not positive.

    Example:
        >>> from tenfold import fit, forecast, read_runs
        >>> runs = read_runs("data:bytes")
        >>> seen = forecast(fit("chinchilla", runs), runs, at=[{"params": 1e6, "tokens": 3e8}], method="bootstrap:200")
        >>> seen.predictions[0].status
        'rehearsed'
    """
    base = source.best if isinstance(source, Choice) else source
    if isinstance(source, Choice):
        _check_members(source, at)
    targets = [check_target(base.law, base.columns, point) for point in at]
    for level in levels:
        if not 0 < level < 1:
            raise ConfigError(f"an interval's level lies between 0 and 1, got {level:g}", path="levels")
    if isinstance(source, Choice):
        draws, rehearsal = source.members[0].draws, source.rehearsal
    if draws is None:
        draws = draw(base, runs, method=parse_method(method) if isinstance(method, str) else method, seed=seed)
    if rehearsal is None:
        rehearsal = rehearse(base, runs, withhold=withhold, seed=seed)
    around = source.scatter if isinstance(source, Choice) else scatter_of(source, runs)
    top = 1.0 if OUTPUTS.get(base.target) == "fraction" and runs.span(base.target)[1] <= 1.0 else np.inf
    bare = [
        _predict(source, draws, rehearsal, point, around=around, top=top, levels=tuple(levels), seed=seed)
        for point in targets
    ]
    made = tuple(replace(each, verdict=verdict(base, rehearsal=rehearsal, draws=draws, prediction=each)) for each in bare)
    stacked = (f"stacked from {source.formula()}", *source.notes) if isinstance(source, Choice) else ()
    return Forecast(
        AUTO if isinstance(source, Choice) else base.law.name,
        base.target,
        made,
        rehearsal,
        "fit",
        (*stacked, *base.certificate.warnings, *base.handling),
        provenance("forecast", runs_id=base.provenance.runs_id, source=base.provenance.source, seed=seed),
    )


def _check_members(choice: Choice, at: Targets) -> None:
    """Refuse targets that lack what one of the chosen laws takes."""
    for point in at:
        for member in choice.members:
            law, columns = member.fit.law, member.fit.columns
            try:
                by_symbol(law, columns, dict.fromkeys(point, 1.0))
            except ConfigError as error:
                raise ConfigError(
                    f"the choice holds {law.name!r} ({member.weight:.0%}), which takes "
                    f"{', '.join(columns.values())}; the target names {', '.join(point) or 'nothing'}",
                    path="at",
                    hint=f"name them all, or choose among laws of what the target names: choose(runs, given={[*point]})",
                ) from error


def check_target(law: Law, columns: Mapping[str, str], point: Mapping[str, float]) -> dict[str, float]:
    """Inputs of a law by symbol from one target: legal, whole where they must be, and a mixture that sums to one.

    Raises:
        ConfigError: a value is not legal on its axis, or an input is missing.
    """
    known = {word: axis for axis in AXES for word in (axis.symbol, axis.column)}
    for name, value in point.items():
        axis = known.get(name, known["x"])
        if not axis.allows(value):
            raise ConfigError(f"{name} must be {axis.rule}, got {value:g}", path=f"at.{name}")
        if axis.integer and value != round(value):
            raise ConfigError(f"{name} must be a whole number, got {value:g}", path=f"at.{name}")
    out = {symbol: float(value) for symbol, value in by_symbol(law, columns, point).items()}
    shares = simplex_of(law)
    if shares and abs(sum(out[symbol] for symbol in shares) - 1.0) > 1e-6:
        total = sum(out[symbol] for symbol in shares)
        raise ConfigError(
            f"the shares of the mixture sum to {total:.4g}, not to 1", path="at", hint="give every source's share"
        )
    return out


def reach_of(source: Fit, inputs: Mapping[str, float]) -> dict[str, float]:
    """Decades beyond the fitted range, by column, positive outside it; ``scale`` is the reach in compute."""
    out = {}
    for symbol, span in source.certificate.span.items():
        value = inputs[symbol]
        out[span.column] = round(max(decades(span.high, value), decades(value, span.low), 0.0), 6)
    out["scale"] = _scale_reach(source, inputs, out)
    return out


def _scale_reach(source: Fit, inputs: Mapping[str, float], each: Mapping[str, float]) -> float:
    spans = source.certificate.span
    if {"N", "D"} <= set(inputs) and source.certificate.headline.compute > 0:
        return round(max(decades(source.certificate.headline.compute, 6.0 * inputs["N"] * inputs["D"]), 0.0), 6)
    if "C" in spans:
        return each[spans["C"].column]
    return max(each.values(), default=0.0)


@dataclass(frozen=True, eq=False)
class Spread:
    """What is predicted at P points: ``center`` (P,), ``intervals`` by level, each (P,) and (P,), ``reach`` in decades
    and the standard deviations of the log prediction that the interval is made of.
    """

    center: Array
    intervals: Mapping[float, tuple[Array, Array]]
    reach: Array
    parts: Mapping[str, Array]


def spread(
    center: Array,
    many: Array,
    *,
    noise: float | Array,
    rehearsal: Rehearsal,
    reach: Array,
    levels: Sequence[float] = (0.5, 0.9),
    seed: int = 0,
) -> Spread:
    """Intervals from what varies: coefficients, the noise of one run, and the error that rehearsal measured.

    Args:
        center: predictions, shape (P,). many: the draws' predictions, (R, P).
        noise: standard deviation of one run's logarithm, one or (P,). reach: decades beyond the data, (P,).
        rehearsal: its ``widening`` is added in proportion to reach. levels: of the intervals. seed: of the sampling.
    """
    rng = np.random.default_rng(seed)
    size = 20_000 if len(center) <= 16 else 4_000
    positive = (center > 0) & (np.sum(many > 0, axis=0) > 1)
    with np.errstate(all="ignore"):
        shift = np.where(positive, np.log(many / center), many - center)
    far = reach if rehearsal.done else np.zeros(len(center))
    picked = rng.integers(len(many), size=size)
    scale = np.broadcast_to(np.asarray(noise, dtype=np.float64), center.shape)
    one, wide = rng.standard_normal(size), rehearsal.widening.sample(rng, size)
    intervals = {level: (np.empty(len(center)), np.empty(len(center))) for level in levels}
    deviation = np.empty(len(center))
    for j in range(len(center)):
        known = shift[:, j][np.isfinite(shift[:, j])]
        known = known if len(known) else np.zeros(1)
        total = known[picked % len(known)] + scale[j] * one + far[j] * wide
        deviation[j] = np.std(known)
        for level in levels:
            low, high = np.quantile(total, [(1 - level) / 2, (1 + level) / 2])
            pair = (
                (center[j] * np.exp(low), center[j] * np.exp(high))
                if positive[j]
                else (center[j] + low, center[j] + high)
            )
            intervals[level][0][j], intervals[level][1][j] = pair
    beyond = rehearsal.growth * far if rehearsal.done else far
    parts = {"coefficients": deviation, "noise": np.array(scale), "extrapolation": beyond}
    return Spread(center, intervals, reach, parts)


def _predict(
    source: Fit | Choice,
    draws: Draws,
    rehearsal: Rehearsal,
    inputs: Mapping[str, float],
    *,
    around: Scatter,
    top: float,
    levels: tuple[float, ...],
    seed: int,
) -> Prediction:
    base = source.best if isinstance(source, Choice) else source
    at = {base.columns.get(symbol, symbol): value for symbol, value in inputs.items()}
    if isinstance(source, Choice):
        center, many = float(source.center(at)), source.many(at, size=4000, seed=seed)
    else:
        center, many = float(predict(source.law, source.coef, inputs)), draws.predict(**inputs)
    reach = reach_of(base, inputs)
    # outside the data on any axis counts as reach, even where compute alone does not show it
    far = max(reach["scale"], *(value for name, value in reach.items() if name != "scale"))
    made = spread(
        np.array([center]),
        many.reshape(-1, 1),
        noise=around.at(np.array([center])),
        rehearsal=rehearsal,
        reach=np.array([far]),
        levels=levels,
        seed=seed,
    )
    # resamples may all lie on one side of the fit, and a share of everything is no more than one
    intervals = {
        level: (min(float(low[0]), center), max(min(float(high[0]), top), center))
        for level, (low, high) in made.intervals.items()
    }
    parts = {name: float(values[0]) for name, values in made.parts.items()}
    status = "unrehearsed"
    if rehearsal.done:
        status = "rehearsed" if far <= rehearsal.reach + 1e-9 else "beyond rehearsal"
    return Prediction(at, center, intervals, reach, parts, status)


def forecast_evidence(law: Law, name: str, evidence: Published, *, at: Targets) -> Forecast:
    """A forecast from published coefficients alone: no runs, no interval, and it says so."""
    columns = {symbol: axis_of(symbol).column for symbol in law.inputs}
    notes = [f"evidence, not a fit: {law.name} with the coefficients of {evidence.cite or law.cite} ({evidence.where})"]
    made = []
    for point in at:
        inputs = check_target(law, columns, point)
        reach = {}
        for symbol, (low, high) in evidence.span.items():
            if symbol in inputs:
                beyond = round(max(decades(high, inputs[symbol]), decades(inputs[symbol], low), 0.0), 3)
                reach[columns[symbol]] = beyond
                if beyond > 0:
                    notes.append(f"{columns[symbol]} lies {beyond:.2g} decades beyond the published data")
        center = float(predict(law, evidence.coef, inputs))
        bare = Prediction({columns[s]: v for s, v in inputs.items()}, center, {}, reach, {}, "unrehearsed")
        made.append(replace(bare, verdict=verdict_of_evidence(law, evidence, prediction=bare)))
    if evidence.note:
        notes.append(evidence.note)
    return Forecast(
        law.name,
        law.output,
        tuple(made),
        None,
        f"evidence:{name}",
        tuple(notes),
        provenance("forecast", runs_id="none", source="published", law=law.name, set=name),
    )
