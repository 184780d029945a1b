"""Does a hyperparameter tuned on a small model serve the large one? Best rate by size, and what copying it costs.

A sweep gives, for every size and seed, the loss at several rates. The best rate of a seed is the vertex of a parabola
through its three lowest points in log rate; seeds give its standard error, which is never taken below a quarter of
the grid's step. The slope of log best rate against log size says how fast the optimum moves; the price says what it
costs to use the smallest size's best rate everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import DataError
from tenfold.core.runs import Runs

Array = NDArray[np.float64]

RATES = ("lr_scale", "lr", "lr_peak", "learning_rate")
"""Columns that hold the swept rate, the first that varies is used. ``lr_scale`` is the factor on rates tuned in a
base model; where a parameterization changes rates with size, that factor is what should stay put, not the rate."""

ENOUGH = 0.005
"""Relative loss that copying a rate may cost before it counts: half a percent, or twice its noise up to one percent."""

VERDICTS = ("transfers", "does not transfer", "not decided")


@dataclass(frozen=True, slots=True)
class Best:
    """The best rate of one size.

    Attributes:
        size: value on the axis.
        rate: best rate, geometric mean over seeds.
        low: lower end of its 90 % interval.
        high: upper end.
        loss: mean loss at the best rate.
        seeds: number of seeds.
        edge: ``low`` or ``high`` where the best is the sweep's first or last rate, else empty: then it is a bound.
        copied: mean loss with the smallest size's best rate; None outside the sweep.
        price: ``copied / loss - 1``.
        price_error: standard error of the price over seeds; None with one seed.
        sensitivity: mean over the sweep of loss minus best loss, runs that diverged counted at the worst finite loss
            (Wortsman et al. 2023, arXiv:2309.14322, with the sweep's own grid).
    """

    size: float
    rate: float
    low: float
    high: float
    loss: float
    seeds: int
    edge: str
    copied: float | None
    price: float | None
    price_error: float | None
    sensitivity: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Transfer:
    """Whether the best rate stays put along an axis, for one group of runs.

    Attributes:
        group: name of the group, such as a parameterization; empty for all runs.
        axis: the column along which size varies.
        rate: the column of the rate.
        bests: one a size, from the smallest up.
        slope: power of the size with which the best rate moves; 0 where it transfers, -1 where it falls as 1 / size.
        interval: 90 % interval of the slope.
        step: ratio of neighbouring rates in the sweep.
        verdict: one of ``VERDICTS``.
        reason: one sentence with the numbers behind it.
        curves: for pictures: size -> (rates, mean losses).
        unit: unit of the loss, where the table says it.
    """

    group: str
    axis: str
    rate: str
    bests: tuple[Best, ...]
    slope: float
    interval: tuple[float, float]
    step: float
    verdict: str
    reason: str
    curves: Mapping[float, tuple[tuple[float, ...], tuple[float, ...]]]
    unit: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "group": self.group,
            "axis": self.axis,
            "rate": self.rate,
            "verdict": self.verdict,
            "reason": self.reason,
            "slope": self.slope,
            "interval": list(self.interval),
            "step": self.step,
            "best": [best.to_dict() for best in self.bests],
        }


def transfer(
    runs: Runs, /, *, axis: str = "width", rate: str = "", target: str = "loss", by: str = ""
) -> tuple[Transfer, ...]:
    """Where the best rate lies at every size, what copying the smallest size's costs, and a verdict a group.

    Args:
        runs: a sweep: rates at two sizes or more; seeds are repeats of one size and rate.
        axis: column along which size varies.
        rate: column of the rate; empty: the first of ``RATES`` that varies.
        target: column to be small.
        by: column of groups, such as ``parameterization``; empty: one group.

    Returns:
        One ``Transfer`` a group, in the groups' order.

    Raises:
        DataError: fewer than two sizes, or fewer than three rates at a size.

    Example:
        >>> import numpy as np
        >>> width = np.repeat([32.0, 64.0, 128.0], 5)
        >>> lr = np.tile(2.0 ** np.arange(-4, 1), 3)
        >>> loss = 1.5 + 0.02 * (np.log2(lr) + 2) ** 2 + 8 / width
        >>> found, = transfer(Runs({"width": width, "lr": lr, "loss": loss}))
        >>> found.verdict, abs(round(found.slope, 3)), round(found.bests[0].rate, 3)
        ('transfers', 0.0, 0.25)
    """
    column = rate or _rate_column(runs)
    groups: Mapping[str, Runs] = runs.groups(by) if by else {"": runs}
    return tuple(_one(name, part, axis, column, target) for name, part in groups.items())


def _rate_column(runs: Runs) -> str:
    """The first column of a rate that varies."""
    for name in RATES:
        if runs.has(name) and np.unique(runs.column(name)[np.isfinite(runs.column(name))]).size > 1:
            return name
    raise DataError(
        f"no column of {runs.source} holds a rate that varies",
        hint=f"name it with --rate; looked for {', '.join(RATES)}",
    )


def _one(group: str, runs: Runs, axis: str, rate: str, target: str) -> Transfer:
    """The verdict on one group."""
    sizes, rates, losses = runs.column(axis), runs.column(rate), runs.column(target)
    seeds = runs.column("seed") if runs.has("seed") else np.zeros(len(runs))
    if (np.isfinite(rates) & (rates <= 0)).any():
        raise DataError(f"column {rate!r} holds rates that are not positive")
    where = f"{runs.source}{f' ({group})' if group else ''}"
    values = np.unique(sizes[np.isfinite(sizes)])
    if len(values) < 2:
        raise DataError(
            f"{where} has {len(values)} value of {axis!r}: nothing to transfer to",
            hint="sweep rates at two sizes or more",
        )
    sweeps = {float(value): _Sweep.of(rates, losses, seeds, sizes == value) for value in values}
    for value, sweep in sweeps.items():
        if len(sweep.rates) < 3:
            raise DataError(
                f"{where} has {len(sweep.rates)} rates at {axis} {value:g}, needs 3",
                hint="a best rate needs a rate on each side",
            )
    base = next(iter(sweeps.values())).best
    bests = tuple(_best(value, sweep, base) for value, sweep in sweeps.items())
    slope, interval = _slope(bests, [sweep.error for sweep in sweeps.values()])
    step = float(np.exp(np.median([np.median(np.diff(np.log(sweep.rates))) for sweep in sweeps.values()])))
    verdict, reason = _verdict(bests, slope, interval, step, axis)
    curves = {value: (tuple(sweep.rates.tolist()), tuple(sweep.mean.tolist())) for value, sweep in sweeps.items()}
    unit = (runs.conventions.stated().get("loss") or "") if target == "loss" else ""
    return Transfer(group, axis, rate, bests, slope, interval, step, verdict, reason, curves, unit)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Losses of one size: one row a seed, one column a rate, infinite where a run did not finish.

    Seeds that lack rates which others have are left out: their best rate would be another sweep's.
    """

    rates: Array
    table: Array

    @classmethod
    def of(cls, rates: Array, losses: Array, seeds: Array, rows: NDArray[np.bool_]) -> _Sweep:
        grid = np.unique(rates[rows & np.isfinite(rates)])
        names = np.unique(seeds[rows])
        table = np.full((len(names), len(grid)), np.nan)
        for place, seed in enumerate(names):
            for column, value in enumerate(grid):
                these = losses[rows & (seeds == seed) & (rates == value)]
                if these.size:
                    table[place, column] = np.mean(np.where(np.isfinite(these), these, np.inf))
        swept = ~np.isnan(table).any(axis=1)
        if swept.any():
            table = table[swept]
        return cls(grid, np.where(np.isnan(table), np.inf, table))

    @property
    def mean(self) -> Array:
        """Mean loss by rate; infinite where a seed did not finish."""
        return np.asarray(self.table.mean(axis=0))

    @property
    def vertices(self) -> Array:
        """Log of the best rate of every seed."""
        return np.array([_vertex(np.log(self.rates), row)[0] for row in self.table])

    @property
    def best(self) -> float:
        """Best rate, geometric mean over seeds."""
        return float(np.exp(self.vertices.mean()))

    @property
    def error(self) -> float:
        """Standard error of the log of the best rate; at least a quarter of the grid's step."""
        step = float(np.median(np.diff(np.log(self.rates))))
        count = len(self.table)
        spread = float(self.vertices.std(ddof=1)) / np.sqrt(count) if count > 1 else step / 2
        return max(spread, step / 4)

    def at(self, rate: float) -> Array:
        """Loss of every seed at a rate, on the parabola through the three nearest grid points; NaN outside the sweep.

        Along a straight line in log rate where one of the three did not finish.
        """
        x, place = np.log(self.rates), float(np.log(rate))
        if not x[0] - 1e-9 <= place <= x[-1] + 1e-9:
            return np.full(len(self.table), np.nan)
        first = int(np.clip(np.argmin(np.abs(x - place)) - 1, 0, len(x) - 3))
        near = slice(first, first + 3)
        return np.array(
            [
                np.polyval(np.polyfit(x[near] - place, row[near], 2), 0.0)
                if np.isfinite(row[near]).all()
                else np.interp(place, x, row)
                for row in self.table
            ]
        )


def _vertex(x: Array, y: Array) -> tuple[float, float]:
    """Place and value of the minimum: of the parabola through the lowest point and its neighbours, or an end point."""
    lowest = int(np.argmin(y))
    if lowest in (0, len(x) - 1) or not np.isfinite(y[lowest - 1 : lowest + 2]).all():
        return float(x[lowest]), float(y[lowest])
    a, b, c = np.polyfit(x[lowest - 1 : lowest + 2] - x[lowest], y[lowest - 1 : lowest + 2], 2)
    if a <= 0:
        return float(x[lowest]), float(y[lowest])
    place = -b / (2 * a)
    return float(x[lowest] + place), float(c - b * b / (4 * a))


def _best(size: float, sweep: _Sweep, base: float) -> Best:
    """Where one size is best, and what the base's rate costs it."""
    x, mean = np.log(sweep.rates), sweep.mean
    lowest = int(np.argmin(mean))
    edge = "low" if lowest == 0 else "high" if lowest == len(x) - 1 else ""
    own = np.array([_vertex(x, row)[1] for row in sweep.table])
    loss = float(own.mean())
    copied = sweep.at(base)
    price = error = None
    if np.isfinite(copied).all():
        prices = copied / own - 1
        price = float(prices.mean())
        error = float(prices.std(ddof=1) / np.sqrt(len(prices))) if len(prices) > 1 else None
    half = 1.645 * sweep.error
    finite = sweep.table[np.isfinite(sweep.table)]
    capped = np.where(np.isfinite(sweep.table), sweep.table, finite.max() if finite.size else np.nan)
    return Best(
        size=size,
        rate=sweep.best,
        low=float(np.exp(sweep.vertices.mean() - half)),
        high=float(np.exp(sweep.vertices.mean() + half)),
        loss=loss,
        seeds=len(sweep.table),
        edge=edge,
        copied=float(copied.mean()) if price is not None else None,
        price=price,
        price_error=error,
        sensitivity=float(np.mean(capped - own[:, None])),
    )


def _slope(bests: tuple[Best, ...], errors: list[float]) -> tuple[float, tuple[float, float]]:
    """Weighted least squares of log rate on log size, its error widened where the points scatter more than they may."""
    x = np.log([best.size for best in bests])
    y = np.log([best.rate for best in bests])
    w = np.array(errors) ** -2.0
    middle = np.sum(w * x) / np.sum(w)
    spread = np.sum(w * (x - middle) ** 2)
    slope = float(np.sum(w * (x - middle) * y) / spread)
    rest = y - np.sum(w * y) / np.sum(w) - slope * (x - middle)
    freedom = len(x) - 2
    scale = max(1.0, float(np.sqrt(np.sum(w * rest**2) / freedom))) if freedom > 0 else 1.0
    half = 1.645 * scale / float(np.sqrt(spread))
    return slope, (slope - half, slope + half)


def _verdict(
    bests: tuple[Best, ...], slope: float, interval: tuple[float, float], step: float, axis: str
) -> tuple[str, str]:
    """The verdict and the sentence behind it."""
    first, last = bests[0], bests[-1]
    moved = abs(np.log(last.rate / first.rate)) / np.log(step)
    allowed = max(ENOUGH, min(2 * ENOUGH, 2 * (last.price_error or 0.0)))
    where = f"the best rate moves as {axis}^{slope:+.2f} [{interval[0]:+.2f}, {interval[1]:+.2f}]"
    where += f", {moved:.1f} grid steps from {axis} {first.size:g} to {last.size:g}"
    paid = (
        f"; copying the smallest model's rate to the largest costs {100 * last.price:+.2f} % of loss"
        if last.price is not None
        else f"; the smallest model's rate was not swept at {axis} {last.size:g}"
    )
    if first.edge:
        return "not decided", f"the smallest model is best at the sweep's {first.edge} end; sweep further there{paid}"
    flat = interval[0] <= 0 <= interval[1]
    cheap = last.price is not None and last.price <= allowed
    if cheap and flat:
        return "transfers", where + paid
    if not flat and (last.price is None or last.price > allowed):
        bound = f" (a bound: {axis} {last.size:g} is best at the sweep's {last.edge} end)" if last.edge else ""
        return "does not transfer", where + bound + paid
    why = "the optimum moves, but flatly" if cheap else "the price is above its allowance, but the optimum does not move"
    return "not decided", f"{where}{paid}; {why}: add seeds, or sizes further apart"
