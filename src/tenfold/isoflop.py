"""``isoflop``: the three published routes to the compute-optimal size, side by side.

Approach 1 takes the lower envelope of the runs (or of their checkpoints), approach 2 the minimum of each budget's curve
of loss against size, approach 3 a law. They share no assumption but the runs, so their agreement means something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import say
from tenfold.core.errors import DataError
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.core.scales import levels
from tenfold.fit import Fit
from tenfold.headline import evaluate
from tenfold.io.needs import require
from tenfold.uncertainty import Draws

Array = NDArray[np.float64]

_MANY = 8  # from this many sizes on, the lowest loss at an edge may be noise, and the parabola decides

BIAS = (
    "The vertex of a parabola is exact only for alpha = beta on a centred grid; otherwise it is shifted by a constant "
    "factor that grows with the width of the grid (1.7 % at 2x, 23 % at 16x either side in one worked example), and "
    "grids whose centre drifts with compute bias the exponent too (arXiv:2603.22339)."
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One budget: the measured sizes and losses (seed means), and where the loss is least.

    ``params`` and ``loss`` are NaN when ``problem`` says why there is no answer. ``spline`` is the minimum of a
    monotone-free interpolation through the points in logarithms, ``factor`` how far from the vertex the grid reaches.
    """

    flops: float
    sizes: tuple[float, ...]
    losses: tuple[float, ...]
    params: float
    loss: float
    spline: float
    factor: float
    rms: float
    curve: tuple[float, float, float]
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Route:
    """A power law N* = coefficient * C^exponent from one approach, with its interval where one is to be had."""

    name: str
    exponent: float
    prefactor: float
    interval: tuple[float, float] | None
    n: int
    problem: str = ""

    def at(self, flops: float) -> float:
        """The optimal size at a budget."""
        return float(self.prefactor * flops**self.exponent)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Isoflop:
    """Budgets and routes, with the bias of parabolas named."""

    profiles: tuple[Profile, ...]
    routes: tuple[Route, ...]
    bias: str
    provenance: Provenance

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "profiles": [profile.to_dict() for profile in self.profiles],
            "routes": [route.to_dict() for route in self.routes],
            "bias": self.bias,
            "provenance": self.provenance.to_dict(),
        }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def isoflop(
    runs: Runs,
    *,
    fit: Fit | None = None,
    draws: Draws | None = None,
    curves: Runs | None = None,
    budgets: str = "",
) -> Isoflop:
    """Compute-optimal sizes by approach 1, 2 and, when a fit is given, 3.

    Args:
        runs: params, flops and loss; one row a run.
        fit, draws: a law in size and data, and its uncertainty, for approach 3.
        curves: checkpoints (params, flops, loss) for approach 1; without them the runs' own ends are used.
        budgets: a column that names each run's budget; found from ``flops`` when empty.

    Raises:
        DataError: a column is missing or nothing is left.

    Example:
        >>> from tenfold import isoflop, read_runs
        >>> found = isoflop(read_runs("data:bytes"))
        >>> all(profile.problem == "" for profile in found.profiles)
        True
    """
    kept = require(runs, ["params", "flops", "loss"])
    column = budgets or ("isoflop_budget" if kept.has("isoflop_budget") else "budget" if kept.has("budget") else "")
    profiles = _profiles(kept, column)
    if not profiles:
        raise DataError(
            f"{runs.source}: no budget holds two sizes",
            hint="isoFLOP profiles need several sizes trained with the same compute",
        )
    routes = [_envelope(require(curves, ["params", "flops", "loss"]) if curves is not None else kept)]
    routes.append(_second(profiles))
    if fit is not None:
        routes.append(_third(fit, draws))
    return Isoflop(tuple(profiles), tuple(routes), BIAS, provenance("isoflop", runs_id=kept.id, source=kept.source))


def _profiles(runs: Runs, column: str) -> list[Profile]:
    n, c, y = runs.column("params"), runs.column("flops"), runs.column("loss")
    if column:
        budget = runs.column(column)
        keys = np.unique(budget[np.isfinite(budget)])
        groups = [(float(key), np.flatnonzero(budget == key)) for key in keys]
    else:
        found = levels(c, gap=0.08, most=64)
        groups = [(float(v), np.flatnonzero(found.of_row == k)) for k, v in enumerate(found.values)]
    out = []
    for flops, rows in groups:
        sizes, losses = _means(n[rows], y[rows])
        if len(sizes) >= 2:
            out.append(profile_of(flops, sizes, losses))
    return out


def _means(n: Array, y: Array) -> tuple[Array, Array]:
    """Geometric mean loss of each size: seeds of one cell are one point."""
    sizes, where = np.unique(n, return_inverse=True)
    return sizes, np.exp(np.bincount(where, weights=np.log(y)) / np.bincount(where))


def profile_of(flops: float, sizes: Array, losses: Array) -> Profile:
    """The minimum of one budget's losses over size, refused without an interior minimum."""
    sizes, losses = np.asarray(sizes, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    order = np.argsort(sizes)
    sizes, losses = sizes[order], losses[order]
    problem = ""
    vertex = least = spline = factor = rms = float("nan")
    curve = (float("nan"),) * 3
    x, y = np.log(sizes), np.log(losses)
    near = _near(x, y)
    best = int(np.argmin(losses))
    edge = best in (0, len(sizes) - 1) and len(sizes) < _MANY
    if len(sizes) < 3:
        problem = f"{len(sizes)} sizes are too few for a minimum"
    elif edge:
        problem = _no_minimum(smallest=best == 0)
    else:
        middle = float(x[near].mean())
        bend, slope, level = np.polyfit(x[near] - middle, y[near], 2)
        at = middle - slope / (2 * bend)
        if bend <= 0:
            problem = "the losses are not convex in log size: noise hides the minimum"
        elif not x[0] < at < x[-1]:
            problem = _no_minimum(smallest=at <= x[0])
        else:
            vertex, least = float(np.exp(at)), float(np.exp(level - slope**2 / (4 * bend)))
            fitted = np.polyval((bend, slope, level), x[near] - middle)
            rms = float(np.sqrt(np.mean((fitted - y[near]) ** 2)))
            factor = float(np.exp(max(abs(x[near][0] - at), abs(x[near][-1] - at))))
            spline = _spline(x, y)
            curve = (
                float(bend),
                float(slope - 2 * bend * middle),
                float(level - slope * middle + bend * middle**2),
            )
    return Profile(
        flops,
        tuple(sizes.tolist()),
        tuple(losses.tolist()),
        vertex,
        least,
        spline,
        factor,
        rms,
        curve,
        problem,
    )


def _near(x: Array, y: Array) -> slice:
    """The rows a parabola is fitted on: it is a local statement, so a factor of four about the lowest, five at least."""
    best = int(np.argmin(y))
    close = np.flatnonzero(np.abs(x - x[best]) <= np.log(4.0))
    first, last = int(close[0]), int(close[-1]) + 1
    first = max(min(first, best - 2), 0)
    return slice(first, max(last, min(first + 5, len(x)), best + 3))


def _no_minimum(*, smallest: bool) -> str:
    side, way = ("smallest", "smaller") if smallest else ("largest", "larger")
    return f"the {side} size has the lowest loss: no interior minimum, train {way} sizes too"


def _spline(x: Array, y: Array) -> float:
    """Size at the minimum of an Akima interpolation (Porian et al., 2024)."""
    from scipy.interpolate import Akima1DInterpolator, CubicSpline

    grid = np.linspace(x[0], x[-1], 25 * (len(x) - 1) + 1)
    values = (Akima1DInterpolator(x, y) if len(x) >= 5 else CubicSpline(x, y))(grid)
    return float(np.exp(grid[int(np.argmin(values))]))


def _envelope(points: Runs) -> Route:
    """Approach 1: in each bin of compute the size with the least loss, then a line in logarithms."""
    n, c, y = points.column("params"), points.column("flops"), points.column("loss")
    span = float(np.ptp(np.log10(c)))
    edges = np.linspace(np.log10(c).min(), np.log10(c).max() + 1e-9, max(int(span * 8), 2) + 1)
    where = np.digitize(np.log10(c), edges) - 1
    best_n, best_c = [], []
    floor = np.inf
    for k in range(len(edges) - 1):
        rows = np.flatnonzero(where == k)
        # a bin whose best loss is not below every cheaper one is off the envelope
        if rows.size and y[rows].min() < floor:
            pick = rows[int(np.argmin(y[rows]))]
            floor = float(y[pick])
            best_n.append(n[pick])
            best_c.append(c[pick])
    if len(set(best_n)) < 3:
        return Route("approach 1", float("nan"), float("nan"), None, len(best_n), "fewer than 3 sizes on the envelope")
    return _line("approach 1", np.array(best_c), np.array(best_n))


def _second(profiles: Sequence[Profile]) -> Route:
    good = [profile for profile in profiles if not profile.problem]
    if len(good) < 2:
        return Route(
            "approach 2",
            float("nan"),
            float("nan"),
            None,
            len(good),
            f"{len(good)} of {len(profiles)} budgets have an interior minimum",
        )
    return _line("approach 2", np.array([p.flops for p in good]), np.array([p.params for p in good]))


def _line(name: str, c: Array, n: Array) -> Route:
    """Ordinary least squares of log N on log C, with a 90 % Student interval of the slope."""
    x, y = np.log(c), np.log(n)
    slope, intercept = np.polyfit(x, y, 1)
    interval = None
    freedom = len(x) - 2
    if freedom > 0:
        from scipy.special import stdtrit

        residual = y - (slope * x + intercept)
        error = np.sqrt((residual @ residual) / freedom / ((x - x.mean()) ** 2).sum())
        half = float(stdtrit(freedom, 0.95) * error)
        interval = (float(slope - half), float(slope + half))
    return Route(name, float(slope), float(np.exp(intercept)), interval, len(x))


def _third(fit: Fit, draws: Draws | None) -> Route:
    name = f"approach 3 ({fit.law.name})"
    headline = fit.certificate.headline
    if headline.key != "a":
        return Route(name, float("nan"), float("nan"), None, fit.n, "the law has no closed-form optimum")
    from tenfold.core.law import optimum_of

    exponent = float(evaluate(headline, fit.law, fit.coef))
    best = optimum_of(fit.law)
    assert best is not None
    size = float(best.fn(fit.coef, headline.compute)["N"])
    interval = None
    if draws is not None:
        low, high = np.quantile(draws.widened(exponent, evaluate(headline, fit.law, draws.coef), log=False), [0.05, 0.95])
        interval = (float(low), float(high))
    return Route(name, exponent, float(size / headline.compute**exponent), interval, fit.n)


def table(found: Isoflop) -> list[Mapping[str, str]]:
    """Rows for printing: budget, optimum by parabola and by spline, or why there is none."""
    return [
        {
            "budget": say(profile.flops, "flops"),
            "optimal size": say(profile.params, "params") if not profile.problem else "refused",
            "by spline": say(profile.spline, "params") if not profile.problem else "",
            "loss": f"{profile.loss:.4f}" if not profile.problem else profile.problem,
        }
        for profile in found.profiles
    ]
