"""Noisy synthetic ladders from any law: what measured runs suffer from, one setting each, with the truth beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import AXES, axis_of
from tenfold.core.errors import ConfigError
from tenfold.core.evidence import found_evidence
from tenfold.core.law import Cite, Law, Published, optimum_of, predict
from tenfold.core.runs import Labels, Runs
from tenfold.core.sampling import legal, spread
from tenfold.laws import get, laws
from tenfold.simulate.kinds import Truth, simulator

Array = NDArray[np.float64]
Inputs = dict[str, Array]

BREAK = Cite("Caballero et al.", 2023, "Broken Neural Scaling Laws", "arXiv:2210.14891", "eq. 1, for breaks")
SHARPNESS = 0.2  # of a break: it is spread over about 10^(2 x 0.2) of the scale on each side
ASPECT = 64.0  # width over depth of the transformers whose embedding is left out of the count
FIRST = 0.125  # share of its tokens at which a run's first checkpoint lies
WIDE = 4.0  # the sizes at one budget reach from this much below the middle one to this much above it
INTERACTION = (0.15, 0.05)  # exponents of the term that the law lacks, G N^-g D^-h: slower than most published ones


@simulator(cite=BREAK)
def ladder(
    *,
    law: str = "chinchilla",
    budgets: int = 6,
    sizes: int = 6,
    low: float = 0.0,
    high: float = 0.0,
    seeds: int = 1,
    runs: int = 0,
    noise: float = 0.004,
    noise_growth: float = 1.0,
    outliers: float = 0.0,
    outlier_size: float = 0.05,
    checkpoints: int = 1,
    correlation: float = 0.9,
    break_at: float = 0.0,
    bend: float = 0.1,
    interaction: float = 0.0,
    drift: float = 0.0,
    mixed: float = 0.0,
    vocabulary: int = 32_000,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    """Noisy ladder of any law: seeds, outliers, correlated checkpoints, a break, a wrong law, mixed counting.

    Points: a law of size and tokens is laid out by ``budgets`` of compute C = 6 N D from ``low`` to ``high`` with
    ``sizes`` each, a factor of four to both sides of the compute optimum; any other law by ``budgets`` values of the
    first input that it falls in, with ``sizes`` points spread over the others. Rows carry the labels ``cell`` (seeds of
    a point), ``run`` (checkpoints of a run), and ``outlier`` and ``counted`` where these settings are used.

    Args:
        law: a law's name, or ``NAME:SET`` for one of its published sets; the first of them when left out.
        budgets, sizes: points of the grid. low, high: ends of the scale (FLOP, or the input's unit); 0 for the span of
            the published set.
        seeds: runs a point. runs: how many points are kept, drawn at random; 0 for all.
        noise: standard deviation of the log loss of one run, at the largest scale. noise_growth: its factor a decade
            below that.
        outliers: share of the runs whose loss is too high, by half to one and a half times ``outlier_size``, in log.
        checkpoints: rows a run, at an eighth of its tokens up to all. correlation: of neighbouring checkpoints' errors.
        break_at: scale of a break, 0 for none. bend: what it takes off the exponent of the reducible loss beyond.
        interaction: a term in N D that the law lacks, as a share of the reducible loss in the middle of the ladder.
        drift: by how much the log loss falls a decade of scale for reasons outside the law.
        mixed: share of the points whose parameters are counted without the embedding of ``vocabulary`` tokens.
        seed: of all that is drawn.

    The truth holds the law and its coefficients while the law holds, and the true value at any inputs always.

    Raises:
        ConfigError: a setting is not legal, or the law has no axis that it needs.
    """
    chosen, published = _law(law)
    _check(budgets=budgets, sizes=sizes, seeds=seeds, runs=runs, vocabulary=vocabulary, checkpoints=checkpoints)
    _check(outliers=outliers, mixed=mixed, noise=noise, noise_growth=noise_growth, low=low, high=high)
    _check(correlation=correlation, break_at=break_at, interaction=interaction)
    _needs(chosen, mixed={"N"} if mixed else (), interaction={"N", "D"} if interaction else ())
    _needs(chosen, checkpoints={"D"} if checkpoints > 1 else ())
    span = chosen.spans(published.span)
    rng = np.random.default_rng(seed)
    points = _points(chosen, published, span, (budgets, sizes), (low, high), seed)
    count = len(next(iter(points.values())))
    kept = np.sort(rng.permutation(count)[:runs]) if 0 < runs < count else np.arange(count)
    scale = _scale(chosen, points)
    bending = _Departures(chosen, published.coef, span, scale, break_at, bend, interaction, drift)
    cell = np.repeat(kept, seeds)
    made, run = _rows(chosen, {name: values[cell] for name, values in points.items()}, checkpoints)
    value = bending.value(made)
    if not np.isfinite(value).all():
        raise ConfigError(f"law {law} is not finite on this ladder", path="set.high", hint="give other ends")
    sd = noise * noise_growth ** np.log10(scale.max() / scale[cell])
    error = sd[run] * _correlated(rng, len(cell), checkpoints, correlation)
    off = rng.random(len(cell)) < outliers
    error = error + np.where(off, outlier_size * (0.5 + rng.random(len(cell))), 0.0)[run]
    top = next((axis.upper for axis in AXES if axis.column == chosen.output), np.inf)
    columns = {chosen.column_of(name): values for name, values in made.items()}
    if {"N", "D"} <= set(made):
        columns.setdefault("flops", 6.0 * made["N"] * made["D"])
    columns |= {"seed": np.tile(np.arange(seeds, dtype=np.float64), len(kept))[run]}
    labels = {
        "cell": Labels.of(f"c{k:03d}" for k in cell[run]),
        "run": Labels.of(f"c{cell[k]:03d}-s{k % seeds}" for k in run),
    }
    if outliers:
        labels["outlier"] = Labels.of(np.where(off, "yes", "no")[run])
    if mixed:
        without = (rng.random(count) < mixed)[cell][run]
        columns["params"] = np.where(without, non_embedding(made["N"], vocabulary), made["N"])
        labels["counted"] = Labels.of(np.where(without, "non-embedding", "total"))
    columns[chosen.output] = np.minimum(value * np.exp(error), top)  # noise must not make a share of more than one
    conventions = replace(published.conventions, params="unspecified") if mixed else published.conventions
    exact = not (break_at or interaction or drift)
    truth = Truth(
        law=chosen.name if exact else "",
        coef=dict(published.coef) if exact else {},
        value=bending.at,
        optimum=bending.best,
    )
    return Runs(columns, labels, conventions, f"simulated ladder of {law}"), truth


def _law(text: str) -> tuple[Law, Published]:
    """A law and the coefficients that are true: a published set, or those of its first worked value."""
    name, colon, _ = text.partition(":")
    if colon and not name.endswith(".py"):
        chosen, _, published = found_evidence(laws().values(), text)[0]
        return chosen, published
    chosen = get(text)
    if chosen.published:
        return chosen, next(iter(chosen.published.values()))
    return chosen, Published(chosen.checks[0].coef, where="its first worked value")


_LEAST = {"runs": 0, "budgets": 1, "sizes": 1, "seeds": 1, "vocabulary": 1, "checkpoints": 1}


def _check(**given: float) -> None:
    """Refuse values that make no ladder."""
    for name, value in given.items():
        if name in _LEAST:
            legal, rule = value >= _LEAST[name], f"must be {_LEAST[name]} or more"
        elif name in ("outliers", "mixed"):
            legal, rule = 0 <= value <= 1, "is a share between 0 and 1"
        elif name == "correlation":
            legal, rule = 0 <= value < 1, "must be 0 or more, and less than 1"
        elif name == "noise_growth":
            legal, rule = 0 < value < np.inf, "must be positive"
        else:
            legal, rule = 0 <= value < np.inf, "must be zero or positive"
        if not legal:
            raise ConfigError(f"{name} {rule}, got {value:g}", path=f"set.{name}")


def _needs(law: Law, **inputs: Iterable[str]) -> None:
    """Refuse settings that a law lacks the axes for."""
    for name, symbols in inputs.items():
        lacking = [axis_of(symbol).column for symbol in sorted(symbols) if symbol not in law.inputs]
        if lacking:
            has = ", ".join(law.column_of(symbol) for symbol in law.inputs)
            raise ConfigError(
                f"{name} needs a law of {' and '.join(lacking)}; {law.name} has {has}",
                path=f"set.{name}",
            )


def _points(
    law: Law,
    published: Published,
    span: Mapping[str, tuple[float, float]],
    grid: tuple[int, int],
    ends: tuple[float, float],
    seed: int,
) -> Inputs:
    """The ladder's points, each input (budgets * sizes,)."""
    budgets, sizes = grid
    paired = {"N", "D"} <= set(law.inputs)
    main = "C" if paired else next((name for name in law.falls_in if name in law.inputs), law.inputs[0])
    usual = (6.0 * span["N"][0] * span["D"][0], 6.0 * span["N"][1] * span["D"][1]) if paired else span[main]
    low, high = ends[0] or usual[0], ends[1] or usual[1]
    if not low < high and budgets > 1:
        raise ConfigError(f"the scale runs from low {low:g} to high {high:g}", path="set.high", hint="raise high")
    scale = np.repeat(np.geomspace(low, high, budgets), sizes)
    rest = {name: ends for name, ends in span.items() if name != main and not (paired and name in ("N", "D"))}
    out = spread(rest, budgets * sizes, seed)
    if paired:
        best = optimum_of(law)
        middle = best.fn(published.coef, scale)["N"] if best is not None else np.sqrt(scale / 120.0)
        shift = np.geomspace(1.0 / WIDE, WIDE, sizes) if sizes > 1 else np.ones(1)
        out["N"] = middle * np.tile(shift, budgets)
        out["D"] = scale / (6.0 * out["N"])
    else:
        out[main] = scale
    return legal({name: out[name] for name in law.inputs})


def _scale(law: Law, inputs: Mapping[str, Array]) -> Array:
    """The one number that a rung has: compute, or the first input that the law falls in."""
    if {"N", "D"} <= set(inputs):
        return np.asarray(6.0 * inputs["N"] * inputs["D"])
    main = next((name for name in law.falls_in if name in inputs), law.inputs[0])
    return np.asarray(inputs[main], dtype=np.float64)


def _rows(law: Law, inputs: Inputs, checkpoints: int) -> tuple[Inputs, NDArray[np.int64]]:
    """Every run's checkpoints, one run after the other, and which run each row belongs to."""
    count = len(next(iter(inputs.values())))
    run = np.repeat(np.arange(count), checkpoints)
    made = {name: values[run] for name, values in inputs.items()}
    if checkpoints > 1:
        made["D"] = made["D"] * np.tile(np.geomspace(FIRST, 1.0, checkpoints), count)
    return made, run


def _correlated(rng: np.random.Generator, runs: int, checkpoints: int, correlation: float) -> Array:
    """Standard normal errors, a stationary first-order autoregression along each run; (runs * checkpoints,)."""
    fresh = rng.standard_normal((runs, checkpoints))
    out = fresh.copy()
    for k in range(1, checkpoints):
        out[:, k] = correlation * out[:, k - 1] + np.sqrt(1.0 - correlation**2) * fresh[:, k]
    return out.ravel()


def non_embedding(total: Array, vocabulary: float) -> Array:
    """Parameters without the embedding, N - V w, of a decoder whose blocks hold 12 depth w^2 with width w = 64 depth.

    The width solves 12 w^3 / 64 + V w = N, a cubic with one real root.
    """
    a, b = vocabulary * ASPECT / 12.0, np.asarray(total, dtype=np.float64) * ASPECT / 12.0
    # w^3 + a w = b: the hyperbolic form of the root has no cancellation
    width = 2.0 * np.sqrt(a / 3.0) * np.sinh(np.arcsinh(1.5 * b / a * np.sqrt(3.0 / a)) / 3.0)
    return np.asarray(total - vocabulary * width)


@dataclass(frozen=True)
class _Departures:
    """The true value: the law's, with what the law lacks."""

    law: Law
    coef: Mapping[str, float]
    span: Mapping[str, tuple[float, float]]
    scales: Array  # of the ladder's points
    break_at: float
    bend: float
    interaction: float
    drift: float

    def value(self, inputs: Mapping[str, Array]) -> Array:
        """The truth at inputs by symbol, before noise."""
        value = predict(self.law, self.coef, inputs)
        if not (self.break_at or self.interaction or self.drift):
            return value
        scale = _scale(self.law, inputs)
        floor = sum(float(self.coef[name]) for name, domain in self.law.coefs.items() if domain.name == "floor")
        above = value - floor
        if self.interaction:
            above = above + self.interaction * self._lacking(inputs, floor)
        if self.break_at:
            above = above * (1.0 + (scale / self.break_at) ** (1.0 / SHARPNESS)) ** (self.bend * SHARPNESS)
        return np.asarray((floor + above) * np.exp(-self.drift * np.log10(scale / self.scales.min())))

    def _lacking(self, inputs: Mapping[str, Array], floor: float) -> Array:
        """A term in both sizes, as large as the reducible value at the optimum for the middle of the ladder."""
        compute = float(np.sqrt(self.scales.min() * self.scales.max()))
        best = optimum_of(self.law)
        n = float(best.fn(self.coef, compute)["N"]) if best is not None else float(np.sqrt(compute / 120.0))
        middle = {name: np.asarray(np.sqrt(low * high)) for name, (low, high) in self.span.items()}
        middle |= {"N": np.asarray(n), "D": np.asarray(compute / (6.0 * n))}
        size = float(predict(self.law, self.coef, {name: middle[name] for name in self.law.inputs})) - floor
        powers = [(inputs[name] / middle[name]) ** -g for name, g in zip(("N", "D"), INTERACTION, strict=True)]
        return np.asarray(size * powers[0] * powers[1])

    def at(self, inputs: Mapping[str, Array]) -> Array:
        """The truth at inputs by symbol or canonical column."""
        by_symbol = {axis_of(name).symbol: np.asarray(value, dtype=np.float64) for name, value in inputs.items()}
        missing = [axis_of(name).column for name in self.law.inputs if name not in by_symbol]
        if missing:
            raise ConfigError(f"the truth of {self.law.name} needs {', '.join(missing)} too", path="at")
        return self.value({name: by_symbol[name] for name in self.law.inputs})

    def best(self, compute: float) -> float:
        """The parameters at which the truth is lowest for ``compute`` = 6 N D, by a search over a fine grid."""
        if set(self.law.inputs) != {"N", "D"}:
            raise ConfigError(f"{self.law.name} is not a law of parameters and tokens alone", path="law")
        low, high = np.log(1e3), np.log(compute / 6.0)
        for _ in range(12):  # the span shrinks by a hundred each time, until rounding stops it
            n = np.exp(np.linspace(low, high, 401))
            value = self.value({"N": n, "D": compute / (6.0 * n)})
            k = int(np.clip(np.argmin(value), 1, 399))
            low, high = np.log(n[k - 1]), np.log(n[k + 1])
            if high - low < 1e-6:
                break
        return float(np.exp(0.5 * (low + high)))
