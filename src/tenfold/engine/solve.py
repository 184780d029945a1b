"""Global fits and refits of one problem."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine import fast, trust
from tenfold.engine.additive import AdditiveKernel
from tenfold.engine.cores import cores
from tenfold.engine.general import GeneralKernel
from tenfold.engine.kernel import Evaluation, Lanes
from tenfold.engine.laplace import smooth
from tenfold.engine.newton import Newton, Solutions, minimise
from tenfold.engine.objective import Huber, Kinked, Objective
from tenfold.engine.problem import Problem
from tenfold.engine.starts import Starts, spread, thinned

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

SCREEN_ROWS, _ROUGH_STEPS = 128, 25  # of laws that are not sums of power terms
WARM = 0.5  # first damping of refits, which start nearer to their optimum than the global search does
# Of what one row adds to the objective: a coefficient that is off by one standard error costs about as much as one row
# does, so an end this much above the optimum is a hundredth of a standard error away from it.
SETTLED = 1e-4
# A valley that runs out to a bound takes hundreds of steps: so many more for the starts that came near the best end.
FURTHER, CLOSE = 2000, 1e-3
AGREE = 1e-6  # starts whose objective is within this share of the best count as agreeing with it


@dataclass(frozen=True, slots=True)
class Solved:
    """A global fit: the best coefficients in plain free units, and what all starts did."""

    theta: Array  # (p,)
    value: float
    status: Status
    lanes: Solutions  # every refined start, plain free units
    agree: float
    basins: int
    gradient: float
    condition: float
    at_bound: tuple[int, ...]


def roughly(rows: int) -> Newton:
    """Settings for refits of resamples and folds of a law that is not a sum of power terms.

    They stop where the next step would gain a ten-thousandth of what one row adds to the objective, far below what the
    resampling moves it by; a law with a flat ridge would take its last hundred steps for less.
    """
    return Newton(damping=WARM, decrement=min(SETTLED / max(rows, 1), 1e-6), step=1e-7, max_steps=100)


def solve(
    problem: Problem, *, starts: Starts | None = None, theta0: Array | None = None, settings: Newton | None = None
) -> Solved:
    """The global optimum: screen a grid, refine the best points spread over it, compare where they end.

    Given ``theta0``, plain free coefficients (S, p), nothing is screened and only these starts are refined.
    Large tables are screened and refined on evenly spaced rows first; the distinct ends are then polished on all rows.
    """
    starts, settings = starts or Starts(), settings or Newton()
    rows = len(problem.y)
    if starts.at and theta0 is None:
        theta0 = np.array([problem.free(coef) for coef in starts.at])
    theta0 = np.zeros((1, 0)) if problem.size == 0 else theta0
    if theta0 is not None:
        begin = problem.kernel.to_solver(np.atleast_2d(np.asarray(theta0, dtype=np.float64)))
        lanes = _polish(problem, begin, problem.weights, problem.target, settings)
        if starts.at and problem.size:
            begin = np.array([trust.refined(problem, theta) for theta in begin])
            lanes = _lower(lanes, _polish(problem, begin, problem.weights, problem.target, settings))
        agree, basins = _agreement(lanes, _noise(problem, problem.objective))
    elif rows > starts.rows:
        part = problem.subset(thinned(rows, starts.rows))
        rough = _refined(part, starts, settings)
        # coordinates are centred on the rows at hand, so go through plain units
        plain = part.kernel.from_solver(rough.theta)
        distinct = _distinct(plain, rough.value)
        lanes = _polish(problem, problem.kernel.to_solver(plain[distinct]), problem.weights, problem.target, settings)
        agree, basins = _agreement(rough, _noise(part, part.objective))
    else:
        lanes = _refined(problem, starts, settings)
        agree, basins = _agreement(lanes, _noise(problem, problem.objective))
    return _summary(problem, lanes, agree, basins)


def finished(problem: Problem, solved: Solved) -> Solved:
    """The fit with its lowest starts carried on where the best one had run out of steps; as it is where it had not."""
    if solved.status is not Status.OUT_OF_STEPS:
        return solved
    lanes = replace(solved.lanes, theta=problem.kernel.to_solver(solved.lanes.theta))
    low = lanes.value <= solved.value + CLOSE * abs(solved.value)
    on = np.flatnonzero(low & (lanes.status == Status.OUT_OF_STEPS.code))
    more = _polish(problem, lanes.theta[on], problem.weights, problem.target, Newton(max_steps=FURTHER))
    theta, value, status = lanes.theta.copy(), lanes.value.copy(), lanes.status.copy()
    steps, grad = lanes.steps.copy(), lanes.grad.copy()
    theta[on], value[on], status[on] = more.theta, more.value, more.status
    steps[on], grad[:, on] = steps[on] + more.steps, more.grad
    joined = Solutions(theta, value, status, steps, grad)
    return _summary(problem, joined, *_agreement(joined, _noise(problem, problem.objective)))


def refit(
    problem: Problem,
    theta: Array,
    *,
    weights: Array | None = None,
    target: Array | None = None,
    lower: Array | None = None,
    upper: Array | None = None,
    settings: Newton | None = None,
) -> Solutions:
    """Minimise from given plain free starts (L, p), each lane with its own weights, targets or bounds if given.

    ``lower`` and ``upper`` are (L, p) in plain units and only for coefficients that must be held (lower == upper).
    """
    held = None
    if lower is not None and upper is not None:
        held = (problem, lower, upper)
    lanes = _polish(
        problem,
        problem.kernel.to_solver(theta),
        problem.weights if weights is None else weights,
        problem.target if target is None else target,
        settings or Newton(damping=WARM),
        held=held[1:] if held else None,
    )
    return _plain(problem, lanes)


def _plain(problem: Problem, lanes: Solutions) -> Solutions:
    return Solutions(problem.kernel.from_solver(lanes.theta), lanes.value, lanes.status, lanes.steps, lanes.grad)


def _refined(problem: Problem, starts: Starts, settings: Newton) -> Solutions:
    if not isinstance(problem.kernel, AdditiveKernel):
        return _refined_general(problem, starts, settings)
    theta, points = problem.starts(starts.grid)
    value = problem.values(theta, problem.weights, problem.target, problem.objective)
    picked = spread(points, np.where(np.isfinite(value), value, np.inf), starts.polish)
    return _polish(problem, theta[picked], problem.weights, problem.target, settings)


def _refined_general(problem: Problem, starts: Starts, settings: Newton) -> Solutions:
    """As above in two rounds: a few steps from four times as many starts, on some of the rows of a long table, with an
    objective as wide as their residuals.

    A narrow Huber objective is nearly flat in curvature far from its optimum, where Newton steps are of little use.
    """
    part = problem.subset(thinned(len(problem.y), SCREEN_ROWS))
    theta, points = part.starts(starts.grid)
    value = part.values(theta, part.weights, part.target, part.objective)
    if not np.isfinite(value).any():
        return _polish(problem, theta[: starts.polish], problem.weights, problem.target, settings)
    theta = theta[spread(points, np.where(np.isfinite(value), value, np.inf), 4 * starts.polish)]
    wide = _wide(part, theta)
    few = replace(settings, max_steps=_ROUGH_STEPS, decrement=1e-8)
    rough = _newton(part, wide, theta, part.weights, part.target, few, None)
    value = problem.values(rough.theta, problem.weights, problem.target, problem.objective)
    best = np.argsort(np.where(np.isfinite(value), value, np.inf), kind="stable")[: starts.polish // 2]
    # the wide objective may lead every start into one basin, and agreement would then mean nothing: half of the starts
    # are refined as they are
    begin = np.concatenate([rough.theta[best], theta[: starts.polish - len(best)]])
    return _polish(problem, begin, problem.weights, problem.target, settings)


def _wide(problem: Problem, theta: Array) -> Objective:
    """The objective, or a Huber objective whose threshold is the typical residual of the given points."""
    objective = problem.objective
    if not isinstance(objective, Huber | Kinked):
        return objective
    with np.errstate(all="ignore"):
        model = problem.kernel.model(theta)
        u = np.log(model) if objective.space == "log" else model
        width = float(np.nanmedian(np.abs(u - problem.target)))
    least = objective.delta if isinstance(objective, Huber) else 1e-9
    return Huber(max(width, least), objective.space) if np.isfinite(width) else objective


def _polish(
    problem: Problem,
    theta: Array,
    weights: Array,
    target: Array,
    settings: Newton,
    *,
    held: tuple[Array, Array] | None = None,
) -> Solutions:
    """Newton from solver coordinates; objectives with a kink through a shrinking threshold."""
    if problem.size == 0:  # every coefficient is held: there is nothing to move, only a value to state
        value = problem.values(theta, weights, target, problem.objective)
        still = np.zeros(len(theta), dtype=np.int64)
        return Solutions(theta, value, still + Status.CONVERGED.code, still, np.zeros((0, len(theta))))
    if isinstance(problem.objective, Kinked):
        return _kinked(problem, theta, weights, target, settings, held)
    return _newton(problem, problem.objective, theta, weights, target, settings, held)


def _newton(
    problem: Problem,
    objective: Objective,
    theta: Array,
    weights: Array,
    target: Array,
    settings: Newton,
    held: tuple[Array, Array] | None,
) -> Solutions:
    kernel = problem.kernel

    lower, upper = problem.lower, problem.upper
    if held is not None:
        # held coefficients are never amplitudes in centred coordinates: see Problem.holding
        fixed = held[0] == held[1]
        lower = np.where(fixed, held[0], lower)
        upper = np.where(fixed, held[1], upper)
    noise = _noise(problem, objective)
    if (
        problem.penalty is None
        and isinstance(kernel, AdditiveKernel)
        and fast.wanted(kernel, objective, len(theta), kernel.rows)
    ):
        return fast.minimise(
            kernel,
            objective,
            theta,
            weights,
            target,
            lower,
            upper,
            settings=settings,
            floor=noise,
            threads=cores(),
        )

    def evaluate(theta: Array, lanes: Lanes, damping: Array) -> Evaluation:
        return problem.evaluate(theta, weights, target, objective, damping=damping, lanes=lanes)

    def values(theta: Array, lanes: Lanes) -> Array:
        return kernel.values(theta, weights, target, objective, lanes=lanes)

    if not isinstance(kernel, AdditiveKernel):
        linear = np.array([domain.transform != "log" for domain in problem.domains])
        program = kernel.program(objective.space) if isinstance(kernel, GeneralKernel) and kernel.written else None
        if program and problem.penalty is None and fast.descends(program, objective, len(theta), kernel.rows):
            return fast.descend(
                program, objective, theta, weights, target, lower, upper, settings=settings, floor=noise, linear=linear,
                threads=cores(),
            )  # fmt: skip
        return minimise(evaluate, theta, lower, upper, settings=settings, floor=noise, linear=linear)
    alone = values if problem.penalty is None else None  # a prior is part of the objective
    return minimise(evaluate, theta, lower, upper, settings=settings, floor=noise, threads=cores(), values=alone)


def _noise(problem: Problem, objective: Objective) -> float:
    """What rounding of the model alone adds to the objective: two units in the last place of every row."""
    t = problem.target
    shift = 4.4e-16 * np.abs(t) + (4.4e-16 if objective.space == "log" else 0.0)
    return float(problem.weights @ np.abs(objective.value(t + shift, t)))


def _rounding(problem: Problem, theta: Array) -> float:
    """What rounding of the model does to the objective at solver coordinates (p,): its slope in every row, times that.

    It outweighs the part of second order (:func:`_noise`) where rows follow the law to eight digits or more.
    """
    if problem.size == 0:
        return 0.0
    with np.errstate(all="ignore"):
        model = problem.kernel.model(theta[None])[0]
        u = np.log(model) if problem.objective.space == "log" else model
        slope = np.abs(problem.objective.derivatives(u, problem.target)[1])
        found = float(problem.weights @ (slope * 4.4e-16 * (1.0 + np.abs(problem.target))))
    return found if np.isfinite(found) else 0.0


def _kinked(
    problem: Problem,
    theta: Array,
    weights: Array,
    target: Array,
    settings: Newton,
    held: tuple[Array, Array] | None,
) -> Solutions:
    assert isinstance(problem.objective, Kinked)
    model = problem.kernel.model(theta)
    u = np.log(model) if problem.objective.space == "log" else model
    width = float(np.nanmedian(np.abs(u - target))) or 1e-6
    best = None
    for shrink in (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7):
        objective = problem.objective.smoothed(width * shrink)
        lanes = _newton(problem, objective, theta, weights, target, settings, held)
        theta = lanes.theta
        found = replace(lanes, value=problem.values(theta, weights, target, problem.objective))
        best = found if best is None else _sharper(best, found)
    assert best is not None
    return best


def _sharper(before: Solutions, after: Solutions) -> Solutions:
    """The later end of each lane, unless it did not settle and is no lower than an earlier one that did.

    Where a whole edge is optimal (every second median), a sharp kink leaves no curvature to settle by.
    """
    ended = [Status.CONVERGED.code, Status.AT_BOUND.code]
    settled, earlier = np.isin(after.status, ended), np.isin(before.status, ended)
    keep = earlier & ~settled & (before.value <= after.value + 1e-7 * np.abs(after.value))
    return Solutions(
        np.where(keep[:, None], before.theta, after.theta),
        np.where(keep, before.value, after.value),
        np.where(keep, before.status, after.status),
        after.steps,
        np.where(keep, before.grad, after.grad),
    )


def _lower(one: Solutions, two: Solutions) -> Solutions:
    """The lower of two ends of each lane; of two alike the first."""
    other = ~(one.value <= two.value + 1e-10 * np.abs(two.value))
    value, status = np.where(other, two.value, one.value), np.where(other, two.status, one.status)
    theta, grad = np.where(other[:, None], two.theta, one.theta), np.where(other, two.grad, one.grad)
    return Solutions(theta, value, status, one.steps + two.steps, grad)


def _agreement(lanes: Solutions, noise: float) -> tuple[float, int]:
    """The share of lanes that end at the best value, and how many different values the settled ones end at."""
    value = np.where(np.isfinite(lanes.value), lanes.value, np.inf)
    best = value.min()
    agree = float(np.mean(value <= best + AGREE * abs(best) + 10.0 * noise))
    settled = np.isin(lanes.status, [Status.CONVERGED.code, Status.AT_BOUND.code]) & np.isfinite(value)
    ends = np.sort(value[settled]) if settled.any() else np.array([best])
    basins = 1 + int(np.sum(np.diff(ends) > 1e-5 * np.abs(ends[1:]) + 10.0 * noise))
    return agree, basins


def _distinct(theta: Array, value: Array, *, most: int = 3) -> NDArray[np.int64]:
    chosen: list[int] = []
    for index in np.argsort(np.where(np.isfinite(value), value, np.inf)):
        if all(abs(value[index] - value[other]) > 1e-5 * abs(value[index]) for other in chosen):
            chosen.append(int(index))
        if len(chosen) == most:
            break
    return np.array(chosen, dtype=np.int64)


def _summary(problem: Problem, lanes: Solutions, agree: float, basins: int) -> Solved:
    best = lanes.best(_rounding(problem, lanes.theta[lanes.best()]))
    theta = lanes.theta[best]
    plain = _plain(problem, lanes)
    if problem.size == 0:
        return Solved(theta, float(lanes.value[best]), Status.CONVERGED, plain, agree, basins, 0.0, 1.0, ())
    end = problem.evaluate(theta[None], problem.weights, problem.target, smooth(problem, plain.theta[best]))
    touching = (theta <= problem.lower) | (theta >= problem.upper)
    grad = np.where(touching, 0.0, end.grad[:, 0])
    hess = end.hess[:, :, 0]
    scale = np.sqrt(np.maximum(np.abs(np.diag(hess)), 1e-300))
    free = ~touching
    condition = float("inf")
    if free.any():
        spectrum = np.linalg.eigvalsh((hess / np.outer(scale, scale))[np.ix_(free, free)])
        condition = float(spectrum[-1] / spectrum[0]) if spectrum[0] > 0 else float("inf")
    # the gradient is quoted per unit of each coefficient's own curvature, relative to the objective: dimensionless
    size = float(np.max(np.abs(grad / scale)) / np.sqrt(max(abs(float(lanes.value[best])), 1e-300)))
    return Solved(
        plain.theta[best],
        float(lanes.value[best]),
        Status.from_code(int(lanes.status[best])),
        plain,
        agree,
        basins,
        size,
        condition,
        tuple(int(j) for j in np.flatnonzero(touching)),
    )
