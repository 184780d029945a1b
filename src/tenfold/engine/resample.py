"""Resampling plans as arrays, and the guard that keeps warm-started refits honest.

Clusters (a run with its checkpoints, a cell with its seeds) are whole numbers 0, 1, ..., one for each row; rows of a
cluster are drawn, weighted or flipped together. Everything follows from the generator: the same seed, the same arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.additive import AdditiveKernel
from tenfold.engine.newton import Newton, Solutions
from tenfold.engine.problem import Problem
from tenfold.engine.solve import SCREEN_ROWS, refit, roughly
from tenfold.engine.starts import Starts, spread, thinned

Array = NDArray[np.float64]
Clusters = NDArray[np.int64]

# Of all starts of a lane before the best one goes on, and of that one: it need not settle to show a better basin.
_ROUGH_STEPS, _STEPS = 25, 40
# A lane tried from another start is let go after this many steps when it stands above its first end by more than this.
_RACE, FAR = 12, 0.001
# A warm-started lane has missed a basin when another end is lower by this much of what one row adds to the objective.
WORSE = 0.01
_WEBB = np.sqrt([0.5, 1.0, 1.5])


def cluster_counts(clusters: Clusters, count: int, rng: np.random.Generator) -> Array:
    """How often each row occurs when clusters are drawn with replacement, (count, n)."""
    groups = int(clusters.max()) + 1
    drawn = rng.multinomial(groups, np.full(groups, 1.0 / groups), size=count)
    return np.take(drawn.astype(np.float64), clusters, axis=1)


def cluster_dirichlet(clusters: Clusters, count: int, rng: np.random.Generator) -> Array:
    """Weights of the Bayesian bootstrap: uniform on the simplex, times the number of clusters; (count, n)."""
    groups = int(clusters.max()) + 1
    drawn = rng.standard_exponential((count, groups))
    drawn *= groups / drawn.sum(axis=1, keepdims=True)
    return np.asarray(np.take(drawn, clusters, axis=1))


def jackknife_weights(clusters: Clusters) -> Array:
    """One for every row but those of the cluster left out, (clusters, n)."""
    groups = int(clusters.max()) + 1
    return np.asarray(np.arange(groups)[:, None] != clusters[None, :], dtype=np.float64)


def residual_targets(u: Array, residual: Array, clusters: Clusters, count: int, rng: np.random.Generator) -> Array:
    """Targets ``u`` plus residuals of other clusters, each taking those of one drawn with replacement; (count, n).

    A cluster that takes residuals from a longer or shorter one reads them in order, stretched over its own rows, so that
    what is correlated along a run stays so.
    """
    order = np.argsort(clusters, kind="stable")
    sizes = np.bincount(clusters)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = np.empty(len(u), dtype=np.int64)  # of a row within its cluster
    place[order] = np.arange(len(u)) - np.repeat(first, sizes)
    source = rng.integers(len(sizes), size=(count, len(sizes)))[:, clusters]
    offset = place * sizes[source] // sizes[clusters]
    return np.asarray(u + residual[order[first[source] + offset]])


def wild_targets(
    u: Array, residual: Array, clusters: Clusters, count: int, rng: np.random.Generator, *, kind: str = "webb"
) -> Array:
    """Targets ``u`` plus each cluster's own residuals times one random factor of mean zero and variance one; (count, n).

    ``webb``: the six points +-sqrt(1/2), +-1, +-sqrt(3/2), better with few clusters; ``rademacher``: +-1.
    """
    groups = int(clusters.max()) + 1
    factor = rng.choice([-1.0, 1.0], size=(count, groups))
    if kind == "webb":
        factor *= rng.choice(_WEBB, size=(count, groups))
    elif kind != "rademacher":
        raise ValueError(f"wild bootstrap weights are 'webb' or 'rademacher', not {kind!r}")
    return np.asarray(u + residual * np.take(factor, clusters, axis=1))


def alike(residual: Array, u: Array, clusters: Clusters, *, threshold: float = 1.645) -> bool:
    """Whether the sizes of residuals show no trend with the fitted values ``u``, so that clusters may exchange theirs.

    Spearman's rank correlation of the clusters' root mean squares with their mean fitted values, times sqrt(G - 1), is
    nearly standard normal where there is no trend; a tenth of such tables is called uneven.
    """
    sizes = np.bincount(clusters)
    if len(sizes) < 4:
        return True
    spread = np.bincount(clusters, residual**2) / sizes
    place = np.bincount(clusters, u) / sizes
    if np.ptp(spread) == 0 or np.ptp(place) == 0:
        return True
    ranks = np.argsort(np.argsort([spread, place], axis=1, kind="stable"), axis=1, kind="stable")
    correlation = np.asarray(np.corrcoef(ranks.astype(np.float64)))[0, 1]
    return bool(abs(correlation) * np.sqrt(len(sizes) - 1) < threshold)


def levels(residual: Array, u: Array) -> Array:
    """Each row's noise relative to the whole, (n,), where it changes with the fitted values: exp(b (u - mean u)).

    The likelihood of double-exponential noise, its size left free, is convex in the slope ``b``; at its top the mean of
    ``u`` weighted by |residual| / level is the plain mean. Newton's steps, a unit of the spread of ``u`` at most.
    """
    x = u - u.mean()
    spread = float(x.std())
    size = np.abs(residual)
    if spread == 0 or not size.any():
        return np.ones(len(u))
    x = x / spread
    slope = 0.0
    for _ in range(50):
        weight = size * np.exp(-slope * x)
        weight /= weight.sum()
        mean = float(weight @ x)
        step = mean / max(float(weight @ (x - mean) ** 2), 1e-12)
        slope += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-10:
            break
    return np.asarray(np.exp(slope * x))


def bandwidth(residual: Array, independent: int) -> float:
    """Standard deviation of the normal noise that smooths resampled residuals, by Silverman's rule (1986, eq. 3.31).

    A robust fit passes through as many rows as it has coefficients, and their residuals, zero, would make the centre of
    the noise look sharper than it is; smoothing repairs it (De Angelis, Hall and Young 1993, J. Am. Stat. Assoc. 88,
    1310-1316).
    """
    quarter = np.quantile(residual, [0.25, 0.75])
    return float(0.9 * min(np.std(residual), (quarter[1] - quarter[0]) / 1.349) * independent**-0.2)


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guard did: lanes searched globally, and how many of them had been improved on."""

    checked: int
    improved: int


def guard(
    problem: Problem,
    warm: Solutions,
    *,
    weights: Array | None = None,
    target: Array | None = None,
    sample: int | None = None,
    settings: Newton | None = None,
) -> tuple[Solutions, Guarded]:
    """Check warm-started lanes against a global search; where any of the checked ones was wrong, repair them all.

    A sum of power terms is cheap enough to search every lane globally. Of any other law the better ends that the checked
    lanes found become further warm starts of all the others.

    Args:
        warm: plain free coefficients, as :func:`tenfold.engine.solve.refit` gives them.
        weights, target: each lane's own, (L, n), as given to ``refit``.
        sample: how many lanes to check, evenly spaced; 32, or 8 of a law that is not a sum of power terms.
    """
    lanes = len(warm.value)
    additive = isinstance(problem.kernel, AdditiveKernel)
    sample = sample or (32 if additive else 8)
    chosen = np.unique(np.linspace(0, lanes - 1, min(sample, lanes)).astype(np.int64))
    polish = 8 if additive else 4
    found = _search(problem, chosen, weights, target, polish, settings)
    worse = WORSE / len(problem.y)
    better = _better(found, warm, chosen, worse)
    if not better.any():
        return warm, Guarded(len(chosen), 0)
    every = np.arange(lanes)
    rest = np.setdiff1d(every, chosen)
    out = _replace(warm, found, chosen, better)
    if not rest.size:
        return out, Guarded(lanes, int(better.sum()))
    if additive:
        others = _search(problem, rest, weights, target, polish, settings)
        out = _replace(out, others, rest, _better(others, out, rest, worse))
    else:
        for start in _distinct(found.theta[better]):
            out = _moved(problem, out, start, rest, weights, target, settings or roughly(len(problem.y)))
    return out, Guarded(lanes, int(np.sum(out.value < warm.value - worse * np.abs(warm.value))))


def search(
    problem: Problem, weights: Array, *, warm: Array | None = None, polish: int = 0, settings: Newton | None = None
) -> Solutions:
    """The global optimum of every lane, each with its own weights (L, n): all lanes in one batch.

    A lane's best starts of the screening grid take a few steps and the lowest goes on; ``warm``, plain free coefficients
    (S, p), are tried by every lane beside them. The lower end stands. ``polish``: starts a lane; 8, or 4 of a law that is
    not a sum of power terms.
    """
    polish = polish or (8 if isinstance(problem.kernel, AdditiveKernel) else 4)
    every = np.arange(len(weights))
    out = _search(problem, every, weights, None, polish, settings)
    for start in np.zeros((0, problem.size)) if warm is None else np.atleast_2d(warm):
        begin = np.repeat(start[None], len(every), axis=0)
        other = _from(problem, begin, every, weights, None, settings or roughly(len(problem.y)))
        out = _replace(out, other, every, _better(other, out, every, WORSE / len(problem.y)))
    return out


def _moved(
    problem: Problem,
    warm: Solutions,
    start: Array,
    lanes: NDArray[np.int64],
    weights: Array | None,
    target: Array | None,
    settings: Newton,
) -> Solutions:
    """Lanes tried from another start as well: those that are far from lower after a few steps are let go, then those
    that are not lower after some more, and the others settle.
    """
    worse = WORSE / len(problem.y)
    first = np.where(np.isfinite(warm.value), warm.value, np.inf)
    on, theta, out = lanes, np.repeat(start[None], len(lanes), axis=0), warm
    for most, far in ((_RACE, FAR), (_STEPS - _RACE, -worse), (settings.max_steps, -worse)):
        others = _from(problem, theta, on, weights, target, replace(settings, max_steps=min(most, settings.max_steps)))
        lower = _better(others, warm, on, worse)
        out = _replace(out, others, on, lower & (others.value <= out.value[on]))
        more = (others.value < first[on] + far * np.abs(first[on])) & (others.status == Status.OUT_OF_STEPS.code)
        on, theta = on[more], others.theta[more]
        if not on.size:
            break
    return out


def _better(found: Solutions, warm: Solutions, lanes: NDArray[np.int64], worse: float) -> NDArray[np.bool_]:
    """Whether another end is lower by more than the share ``worse``."""
    old = np.where(np.isfinite(warm.value[lanes]), warm.value[lanes], np.inf)
    return np.asarray(found.value < old - worse * np.abs(np.where(np.isfinite(old), old, 0.0)))


def _replace(warm: Solutions, found: Solutions, lanes: NDArray[np.int64], better: NDArray[np.bool_]) -> Solutions:
    theta, value, status = warm.theta.copy(), warm.value.copy(), warm.status.copy()
    steps, grad = warm.steps.copy(), warm.grad.copy()
    at = lanes[better]
    theta[at], value[at], status[at] = found.theta[better], found.value[better], found.status[better]
    steps[at], grad[:, at] = found.steps[better], found.grad[:, better]
    return Solutions(theta, value, status, steps, grad)


def _distinct(theta: Array, *, most: int = 2) -> list[Array]:
    """A few ends that lie far apart: the first, and the one farthest from it in units of their spread."""
    scale = np.maximum(np.ptp(theta, axis=0), 1e-9 * (1.0 + np.abs(theta[0])))
    far = np.abs((theta - theta[0]) / scale).sum(axis=1)
    return [theta[0], *([theta[int(far.argmax())]] if most > 1 and far.max() > 0 else [])]


def _from(
    problem: Problem,
    begin: Array,
    lanes: NDArray[np.int64],
    weights: Array | None,
    target: Array | None,
    settings: Newton | None,
) -> Solutions:
    """Refits of some lanes from given starts, each with its own weights and targets."""
    w = None if weights is None else weights[lanes]
    t = None if target is None else target[lanes]
    return refit(problem, begin, weights=w, target=t, settings=settings)


def _search(
    problem: Problem,
    lanes: NDArray[np.int64],
    weights: Array | None,
    target: Array | None,
    polish: int,
    settings: Newton | None,
) -> Solutions:
    """The best end of ``polish`` starts for each lane, chosen from the screening grid by the lane's own objective.

    All starts take a few steps, and the one that is lowest then goes on.
    """
    settings = settings or Newton(max_steps=_STEPS)
    starts = _starts(problem, lanes, weights, target, polish)
    few = replace(settings, max_steps=min(_ROUGH_STEPS, settings.max_steps))
    each = np.repeat(lanes, polish)
    rows = _enough(problem, lanes, weights)
    if rows is None:
        rough = _from(problem, starts, each, weights, target, few)
    else:
        w = None if weights is None else weights[:, rows]
        t = None if target is None else target[:, rows]
        rough = _from(problem.subset(rows), starts, each, w, t, few)
    value = np.where(np.isfinite(rough.value), rough.value, np.inf).reshape(-1, polish)
    best = np.arange(len(lanes)) * polish + value.argmin(axis=1)
    return _from(problem, rough.theta[best], lanes, weights, target, settings)


def _enough(problem: Problem, lanes: NDArray[np.int64], weights: Array | None) -> NDArray[np.int64] | None:
    """Evenly spaced rows that tell a lane's starts apart as well as all rows do, or None where there are no such.

    A lane whose weights leave it few of them, as those of a fold at the small end of a ladder do, needs all of its rows.
    """
    if isinstance(problem.kernel, AdditiveKernel) or len(problem.y) <= SCREEN_ROWS:
        return None
    rows = thinned(len(problem.y), SCREEN_ROWS)
    if weights is not None and np.count_nonzero(weights[lanes][:, rows], axis=1).min() < SCREEN_ROWS // 4:
        return None
    return rows


def _starts(
    problem: Problem, lanes: NDArray[np.int64], weights: Array | None, target: Array | None, polish: int
) -> Array:
    """Plain free starts of every lane, one lane after the other; the grid's predictions serve all of them."""
    additive = isinstance(problem.kernel, AdditiveKernel)
    rows = thinned(len(problem.y), Starts().rows if additive else SCREEN_ROWS)
    part = problem if rows.size == len(problem.y) else problem.subset(rows)
    theta, points = part.starts(Starts().grid)
    with np.errstate(all="ignore"):
        model = part.kernel.model(theta)
        u = np.log(model) if part.objective.space == "log" else model
        known = 0.0 if part.penalty is None else part.penalty.value(part.kernel.from_solver(theta))
        starts = [np.zeros((0, problem.size))]
        shared = part.objective.value(u, part.target) if target is None else None
        for lane in lanes:
            w = problem.weights if weights is None else weights[lane]
            loss = np.asarray(shared if target is None else part.objective.value(u, target[lane][rows]))
            value = loss @ w[rows] + known
            picked = spread(points, np.where(np.isfinite(value), value, np.inf), polish)
            starts.append(theta[np.resize(picked, polish)])
    return part.kernel.from_solver(np.concatenate(starts))
