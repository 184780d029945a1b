r"""``collapse``: two exponents that lay the curves of several sizes on one, without assuming its shape.

Finite-size scaling says y = S^{-a} F(x / S^b): plotted as y S^a against x / S^b, systems of every size S share one curve
F. The exponents are those for which they do: the mean squared distance, in logarithms, of every point to the curves of
the other sizes, interpolated between their own points, is least. Given b the best a follows in closed form, so the search
is in one dimension. Shifts so large that curves hardly overlap are no collapse and are not considered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, DataError
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.io.needs import require

Array = NDArray[np.float64]

_GRID, _ZOOM, _ROUNDS = 81, 21, 4  # steps of the search in b, and of each tenfold narrower one around the best
_SINGLE = "one run a size: points were weighted one by one, and what they share is not in the intervals"
_FEW = 5  # points of a size below which straight lines between them say little


@dataclass(frozen=True, slots=True)
class Collapse:
    """Exponents of y = S^-a F(x / S^b) and how well the curves lie on each other.

    ``quality`` is the mean squared distance of the logarithms to the interpolated curves of other sizes; ``before`` the
    same with both exponents zero. Of pure noise with relative standard deviation s it is about 1.7 s^2. ``compared`` is
    the share of points that have a neighbour of another size at the optimum.
    """

    x: str
    y: str
    size: str
    a: float
    b: float
    a_interval: tuple[float, float]
    b_interval: tuple[float, float]
    level: float
    quality: float
    before: float
    compared: float
    sizes: tuple[float, ...]
    n: int
    failed: float
    notes: tuple[str, ...]
    provenance: Provenance

    def rescale(self, x: Any, y: Any, size: Any) -> tuple[Array, Array]:
        """The coordinates of the collapsed plot, x / size^b and y size^a."""
        grown = np.asarray(size, dtype=np.float64)
        return np.asarray(x / grown**self.b), np.asarray(y * grown**self.a)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "x": self.x,
            "y": self.y,
            "size": self.size,
            "exponents": {"a": self.a, "b": self.b},
            "intervals": {"a": list(self.a_interval), "b": list(self.b_interval)},
            "level": self.level,
            "quality": self.quality,
            "before": self.before,
            "compared": self.compared,
            "sizes": list(self.sizes),
            "n": self.n,
            "failed": self.failed,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class _Curve:
    """One size: its logarithm, distinct log x in order, mean log y there, and how many rows each stands for."""

    size: float
    x: Array
    y: Array
    weight: Array


@dataclass(frozen=True, slots=True)
class _Held:
    """Exponents that are given and not searched for, and where b is searched."""

    a: float | None
    b: float | None
    low: float
    high: float
    overlap: float


def collapse(
    runs: Runs,
    *,
    x: str = "x",
    y: str = "score",
    size: str = "system_size",
    a: float | None = None,
    b: float | None = None,
    between: tuple[float, float] = (-5.0, 5.0),
    overlap: float = 0.5,
    draws: int = 200,
    level: float = 0.9,
    seed: int = 0,
) -> Collapse:
    """The exponents for which y size^a against x / size^b is one curve, with bootstrap intervals.

    Args:
        runs: a table with the columns ``x``, ``y`` and ``size``, all positive; at least 3 points of each of 2 sizes.
        a, b: exponents to hold, to ask how well the values of a theory do.
        between: where b is searched. For a variable that grows with the size, such as (T - T_c) S^{1/nu}, b is negative.
        overlap: the least share of points that must lie beside a curve of another size.
        draws, level, seed: of the bootstrap, which gives random weights to the runs of each size, or to its points when
            a size has a single run.

    Raises:
        ConfigError: bounds or shares that make no sense. DataError: too few sizes or points, values that are not
        positive, or no overlap anywhere between the bounds.

    Example:
        >>> import numpy as np
        >>> from tenfold import Runs, collapse
        >>> size = np.repeat([16.0, 32.0, 64.0, 128.0], 30)
        >>> u = np.tile(np.geomspace(0.01, 3.0, 30), 4)
        >>> runs = Runs({"x": u * size**2, "system_size": size, "score": size**-1.5 * u**-0.5 * np.exp(-u)})
        >>> found = collapse(runs, draws=20)
        >>> round(found.a, 2), round(found.b, 2)
        (1.5, 2.0)
    """
    _check_settings(between, overlap, level)
    kept = require(runs, [x, y, size], positive=False)
    columns = {name: _positive(kept, name) for name in (x, y, size)}
    sizes, of_row = np.unique(columns[size], return_inverse=True)
    _check_rows(kept, x, size, columns[x], sizes, of_row)
    logs = (np.log(columns[x]), np.log(columns[y]))
    held = _Held(a, b, *between, overlap)
    curves = _curves(sizes, of_row, *logs, np.ones(len(kept)))
    best = _search(curves, held)
    if best is None:
        raise DataError(
            f"{kept.source}: no shift of {x} with {size} between exponents {between[0]:g} and {between[1]:g} leaves "
            f"{overlap:.0%} of the points beside another size",
            hint="widen the range of x at each size, or lower the overlap",
        )
    sampled, single = _resampled(kept, sizes, of_row, logs, held, draws, np.random.default_rng(seed))
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = [np.quantile(sampled[k], tails) if len(sampled[k]) else np.array([np.nan, np.nan]) for k in (0, 1)]
    return Collapse(
        x=x,
        y=y,
        size=size,
        a=best[0],
        b=best[1],
        a_interval=(float(ends[0][0]), float(ends[0][1])),
        b_interval=(float(ends[1][0]), float(ends[1][1])),
        level=level,
        quality=best[2],
        before=float(_quality(curves, np.zeros(1), 0.0)[0][0]),
        compared=float(_quality(curves, np.array([best[1]]), best[0])[2][0]),
        sizes=tuple(sizes.tolist()),
        n=len(kept),
        failed=1.0 - len(sampled[0]) / draws if draws else 0.0,
        notes=(*kept.notes, *_notes(curves, best, held), *((_SINGLE,) if single else ())),
        provenance=provenance(
            "collapse", runs_id=kept.id, source=kept.source, x=x, y=y, size=size, a=a, b=b, seed=seed, draws=draws
        ),
    )


def _check_settings(between: tuple[float, float], overlap: float, level: float) -> None:
    if not between[0] < between[1]:
        raise ConfigError(f"the bounds of b are empty: {between[0]:g} to {between[1]:g}", path="between")
    for name, value in (("overlap", overlap), ("level", level)):
        if not 0 < value < 1:
            raise ConfigError(f"{name} is a share between 0 and 1, not {value:g}", path=name)


def _positive(runs: Runs, name: str) -> Array:
    values = runs.column(name)
    if not (values > 0).all():
        row = int(np.flatnonzero(~(values > 0))[0])
        raise DataError(
            f"{name} is {values[row]:g} in row {row + 1} of {runs.source}, and its logarithm is taken",
            hint="leave the row out with --where; distances from a critical point are taken on one side of it",
        )
    return values


def _check_rows(runs: Runs, x: str, size: str, values: Array, sizes: Array, of_row: NDArray[np.int64]) -> None:
    if len(sizes) < 2:
        raise DataError(f"every row of {runs.source} has the same {size}", hint="a collapse needs two sizes, better four")
    for k, value in enumerate(sizes):
        points = len(np.unique(values[of_row == k]))
        if points < 3:
            raise DataError(
                f"{size} {value:g} of {runs.source} has {points} values of {x}: no curve to lie on",
                hint="at least 3, better 10, of each size",
            )


def _curves(sizes: Array, of_row: NDArray[np.int64], x: Array, y: Array, weight: Array) -> list[_Curve]:
    out = []
    for k, size in enumerate(sizes):
        rows = np.flatnonzero((of_row == k) & (weight > 0))
        at, where = np.unique(x[rows], return_inverse=True)
        total = np.asarray(np.bincount(where, weights=weight[rows]), dtype=np.float64)
        out.append(_Curve(float(np.log(size)), at, np.bincount(where, weights=weight[rows] * y[rows]) / total, total))
    return out


def _quality(curves: Sequence[_Curve], b: Array, a: float | None) -> tuple[Array, Array, Array]:
    """Mean squared distance, the exponent a and the share of points compared, for every b.

    A point's distance to another curve is linear in a, so without a given one the best is a ratio of sums.
    """
    dd, dl, ll, weight = (np.zeros(len(b)) for _ in range(4))
    seen = total = np.zeros(len(b))
    for one in curves:
        beside = np.zeros((len(b), len(one.x)), dtype=bool)
        for other in curves:
            step = one.size - other.size
            if step == 0.0 or len(other.x) < 2:
                continue
            at = one.x - b[:, None] * step
            inside = (at >= other.x[0]) & (at <= other.x[-1])
            distance = one.y - np.interp(at, other.x, other.y)
            # a pair counts as often as both of its ends do
            pairs = np.where(inside, one.weight * np.interp(at, other.x, other.weight), 0.0)
            count = pairs.sum(axis=1)
            dd += (pairs * distance**2).sum(axis=1)
            dl += step * (pairs * distance).sum(axis=1)
            ll += step**2 * count
            weight += count
            beside |= inside
        seen = seen + beside @ one.weight
        total = total + one.weight.sum()
    with np.errstate(all="ignore"):
        best = -dl / ll if a is None else np.full(len(b), a)
        mean = (dd + 2.0 * best * dl + best**2 * ll) / weight
    return np.where(weight > 0, np.maximum(mean, 0.0), np.inf), best, seen / total


def _search(curves: Sequence[_Curve], held: _Held) -> tuple[float, float, float] | None:
    """The best a, b and quality, or None where too little overlaps: a grid, then ever finer ones around its best."""
    low, high = (held.low, held.high) if held.b is None else (held.b, held.b)
    count = _GRID if held.b is None else 1
    best = None
    for _ in range(_ROUNDS if held.b is None else 1):
        grid = np.linspace(low, high, count)
        mean, a, seen = _quality(curves, grid, held.a)
        mean = np.where(seen >= held.overlap, mean, np.inf)
        k = int(np.argmin(mean))
        if not np.isfinite(mean[k]):
            return best
        best = (float(a[k]), float(grid[k]), float(mean[k]))
        step = (high - low) / max(count - 1, 1)
        low, high, count = max(best[1] - step, held.low), min(best[1] + step, held.high), _ZOOM
    return best


def _resampled(
    runs: Runs,
    sizes: Array,
    of_row: NDArray[np.int64],
    logs: tuple[Array, Array],
    held: _Held,
    draws: int,
    rng: np.random.Generator,
) -> tuple[tuple[Array, Array], bool]:
    """Exponents of reweighted tables, and whether points were weighted because a size has one run.

    The Bayesian bootstrap within each size: random weights of mean one, so that no curve loses a point.
    """
    groups = []
    single = False
    for k in range(len(sizes)):
        rows = np.flatnonzero(of_row == k)
        labels = np.unique(runs.clusters()[rows], return_inverse=True)[1]
        if labels.max() == 0:
            labels, single = np.arange(len(rows)), True
        groups.append((rows, labels, int(labels.max()) + 1))
    found = []
    for _ in range(draws):
        weight = np.empty(len(of_row))
        for rows, labels, count in groups:
            drawn = rng.standard_exponential(count)
            weight[rows] = (drawn * count / drawn.sum())[labels]
        best = _search(_curves(sizes, of_row, *logs, weight), held)
        if best is not None:
            found.append(best[:2])
    table = np.array(found, dtype=np.float64).reshape(-1, 2)
    return (table[:, 0], table[:, 1]), single


def _notes(curves: Sequence[_Curve], best: tuple[float, float, float], held: _Held) -> tuple[str, ...]:
    notes = []
    step = (held.high - held.low) / (_GRID - 1)
    if held.b is None and not held.low + step < best[1] < held.high - step:
        notes.append(f"b = {best[1]:.3g} is at the end of the range searched: widen it with between=")
    fewest = min(len(curve.x) for curve in curves)
    if fewest < _FEW:
        notes.append(f"a size with {fewest} points: straight lines between them bias the exponents where the curve bends")
    if len(curves) < 3:
        notes.append("two sizes can always be laid on each other roughly: only a third tests the scaling")
    return tuple(notes)
