"""The case that rules judge: a fit or published constants, with whatever else is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from tenfold.certificate import Certificate, Span
from tenfold.core.axes import AXES, say
from tenfold.core.law import Law, Published, predict
from tenfold.core.status import Status

MATERIAL = 0.005  # of a loss: clean ladders are described no better than to .5 %, so less than that decides nothing
MATERIAL_EXPONENT = 0.02  # of the exponent of the optimal size: 5 % of the size a decade


class Judged(Protocol):
    """What is read of a fit."""

    @property
    def law(self) -> Law: ...
    @property
    def coef(self) -> Mapping[str, float]: ...
    @property
    def status(self) -> Status: ...
    @property
    def n(self) -> int: ...
    @property
    def rms(self) -> float: ...
    @property
    def target(self) -> str: ...
    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def bounds(self) -> Mapping[str, tuple[float, float]]: ...
    @property
    def priors(self) -> Mapping[str, object]: ...
    @property
    def certificate(self) -> Certificate: ...


class Folded(Protocol):
    """What is read of a fold of a rehearsal."""

    @property
    def fitted_to(self) -> float: ...
    @property
    def target(self) -> float: ...
    @property
    def reach(self) -> float: ...
    @property
    def n(self) -> int: ...
    @property
    def error(self) -> float: ...
    @property
    def rms(self) -> float: ...
    @property
    def coefficient_sd(self) -> float: ...
    @property
    def nulls(self) -> Mapping[str, float]: ...


class Rehearsed(Protocol):
    """What is read of a rehearsal."""

    @property
    def axis(self) -> str: ...
    @property
    def folds(self) -> Sequence[Folded]: ...
    @property
    def reason(self) -> str: ...
    @property
    def reach(self) -> float: ...


class Drawn(Protocol):
    """What is read of draws."""

    @property
    def method(self) -> str: ...
    @property
    def failed(self) -> float: ...
    @property
    def guard(self) -> Mapping[str, int]: ...
    def __len__(self) -> int: ...


class Predicted(Protocol):
    """What is read of one prediction of a forecast."""

    @property
    def at(self) -> Mapping[str, float]: ...
    @property
    def center(self) -> float: ...
    @property
    def intervals(self) -> Mapping[float, tuple[float, float]]: ...
    @property
    def reach(self) -> Mapping[str, float]: ...
    @property
    def parts(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Case:
    """What there is to judge; anything may be missing. ``evidence`` are published constants used without a fit."""

    fit: Judged | None = None
    rehearsal: Rehearsed | None = None
    draws: Drawn | None = None
    prediction: Predicted | None = None
    law: Law | None = None
    evidence: Published | None = None

    @property
    def certificate(self) -> Certificate | None:
        """The fit's certificate."""
        return None if self.fit is None else self.fit.certificate

    @cached_property
    def folds(self) -> tuple[Folded, ...]:
        """Folds whose error is known, nearest first."""
        found = [] if self.rehearsal is None else [f for f in self.rehearsal.folds if np.isfinite(f.error)]
        return tuple(sorted(found, key=lambda fold: fold.reach))

    @cached_property
    def fair(self) -> tuple[Folded, ...]:
        """The folds that may be held against a law: those fitted up to one of the larger half of the scales tried.

        A rehearsal goes down to three scales, where even a right law is hardly determined; a forecast is made from all.
        """
        starts = sorted({fold.fitted_to for fold in self.folds})
        kept = set(starts[len(starts) // 2 :])
        return tuple(fold for fold in self.folds if fold.fitted_to in kept)

    @property
    def far(self) -> float:
        """How far the prediction lies beyond the runs on any axis or in scale, decades; zero inside them."""
        reach = self.prediction.reach.values() if self.prediction is not None else ()
        return max((value for value in reach if value is not None and np.isfinite(value)), default=0.0)

    @cached_property
    def half(self) -> float:
        """Half the width of the 90 % interval in logarithms; NaN without one, or where it is not positive."""
        pairs = self.prediction.intervals if self.prediction is not None else {}
        low, high = next((pair for level, pair in pairs.items() if abs(level - 0.9) < 1e-9), (np.nan, np.nan))
        return float(0.5 * np.log(high / low)) if low > 0 and high > low else float("nan")

    @cached_property
    def doubt(self) -> float:
        """``half`` without the noise of one run, which no knowledge of the law would take away."""
        noise = self.prediction.parts.get("noise", 0.0) if self.prediction is not None else 0.0
        return float(np.sqrt(max(self.half**2 - (1.645 * np.nan_to_num(noise)) ** 2, 0.0)))

    @cached_property
    def gain(self) -> float:
        """By how much, in logarithms, the law's value at the target differs from that at the edge of the runs.

        The edge is the target with every input brought back into the range of the runs and, where size and tokens then
        still cost more than the largest run, both reduced alike. NaN where there is nothing to compare.
        """
        if self.fit is None or self.prediction is None or not self.far > 0:
            return float("nan")
        at = {s: self.prediction.at.get(column, np.nan) for s, column in self.fit.columns.items()}
        span = self.fit.certificate.span
        edge = {s: float(np.clip(v, span[s].low, span[s].high)) if s in span else v for s, v in at.items()}
        compute = self.fit.certificate.headline.compute
        if {"N", "D"} <= set(edge) and compute > 0 and (cost := 6.0 * edge["N"] * edge["D"]) > compute:
            edge |= {s: edge[s] * float(np.sqrt(compute / cost)) for s in ("N", "D")}
        here, there = (float(predict(self.fit.law, self.fit.coef, point)) for point in (at, edge))
        return abs(float(np.log(here / there))) if here > 0 and there > 0 else float("nan")

    @property
    def seed_noise(self) -> float:
        """Standard deviation of one run: between seeds where runs were repeated, else that of the residuals."""
        misfit = None if self.fit is None else self.fit.certificate.misfit
        if misfit is None:
            return float("nan")
        if misfit.seeds is not None and np.isfinite(misfit.seeds.noise) and misfit.seeds.freedom >= 5:
            return misfit.seeds.noise
        return misfit.noise

    def material(self, change: float, value: float) -> bool:
        """Whether a change of the headline is worth a word: see ``MATERIAL`` and ``MATERIAL_EXPONENT``."""
        if self.fit is not None and self.fit.certificate.headline.key == "a":
            return abs(change) > MATERIAL_EXPONENT
        return abs(change) > MATERIAL * abs(value)


# ---------------------------------------------------------------------------------------------------------------------
# words that rules share


def percent(value: float) -> str:
    """A fraction to two digits: ``0.41 %``, ``12 %``, ``340 %``."""
    scaled = 100.0 * value
    return f"{scaled:.0f} %" if abs(scaled) >= 10 else f"{scaled:.2g} %"


def change(value: float) -> str:
    """A change of a logarithm as people say it: ``4.1 %``, or from a factor of two on ``a factor of 3.4``."""
    return percent(value) if value < 0.7 else f"a factor of {float(f'{np.exp(min(value, 600.0)):.2g}'):.6g}"


def chance(p: float) -> str:
    """A small probability: ``.003``, ``2e-9``."""
    text = f"{p:.0e}"
    return f"{p:.1g}" if p > 1e-3 else f"{text[0]}e-{int(text[3:])}"


def amount(value: float, column: str) -> str:
    """A value of a column as people say it, with its unit."""
    known = next((axis for axis in AXES if axis.column == column), None)
    if known is None:
        return f"{value:.3g}"
    return say(value, known) + (" parameters" if column == "params" else "")


def words_of(column: str) -> str:
    """What people call a column: ``training tokens``."""
    known = next((axis for axis in AXES if axis.column == column), None)
    return known.title if known is not None and column != "x" else column


def stretch(span: Span, *, to: float = 1.0) -> float:
    """The factor that widens a span to so many decades, rounded up to one that people say."""
    wanted = 10.0 ** max(to - span.decades, 0.1)
    return next((float(f) for f in (1.5, 2, 3, 4, 5, 6, 8, 10) if f >= wanted * 0.999), 10.0)


def exponents_along(fit: Judged, symbol: str) -> tuple[str, ...]:
    """The exponents and floors whose effect changes along an input: those that this input must vary to show.

    By mixed differences of the law in the middle of the runs: a coefficient whose effect on the value does not change
    along the input cannot be learnt from it.
    """
    span = fit.certificate.span
    middle = {s: float(np.sqrt(v.low * v.high)) if v.low > 0 else 0.5 * (v.low + v.high) for s, v in span.items()}
    if set(middle) != set(fit.law.inputs) or not middle[symbol] > 0:
        return ()
    shares = {}
    for name, domain in fit.law.coefs.items():
        if domain.name != "exponent":
            continue
        step = 1e-3 * max(abs(fit.coef[name]), 1e-3)
        moved = {**fit.coef, name: fit.coef[name] + step}
        effect = [
            float(predict(fit.law, moved, point)) - float(predict(fit.law, fit.coef, point))
            for point in (middle, {**middle, symbol: middle[symbol] * 1.5})
        ]
        size = max(abs(effect[0]), abs(effect[1]))
        shares[name] = abs(effect[1] - effect[0]) / size if size > 0 else 0.0
    return tuple(name for name, share in shares.items() if share > 1e-3)


def reach_in_words(case: Case) -> str:
    """``1.3 decades of training compute beyond the runs``: the axis on which the prediction lies farthest out."""
    reach = {} if case.prediction is None else case.prediction.reach
    name = max(reach, key=lambda key: (reach[key], key == "scale"), default="scale")
    of = "" if name == "scale" else f" of {words_of(name)}"
    return f"{case.far:.1f} decades{of}"


def factor_in_words(value: float) -> str:
    """A reach in decades as a factor: ``20 times``."""
    return f"{float(f'{10.0**value:.2g}'):,.0f} times".replace(",", " ") if value >= 0.3 else f"{10.0**value:.2g} times"
