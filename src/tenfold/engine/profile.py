"""Profiles: the objective over one coefficient with all others refitted, and where it has risen by a given amount.

All points are lanes of one batched refit. They start along the straight line that the curvature at the optimum predicts,
and once more from their neighbours' ends, outward from the optimum in both directions, for as long as that lowers any.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.laplace import hessian
from tenfold.engine.newton import Solutions
from tenfold.engine.problem import Problem
from tenfold.engine.solve import refit

Array = NDArray[np.float64]

_REACHES = np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0])
_OK = (Status.CONVERGED.code, Status.AT_BOUND.code)


class Side(Enum):
    """How one end of a profile interval came about."""

    CLOSED = "The objective rises by the given amount here."
    BOUND = "The coefficient reaches its bound before the objective has risen enough."
    OPEN = "The objective never rises enough: the data allow any value on this side."
    LOWER = "The objective falls below the optimum it started from: there is a better fit on this side."


@dataclass(frozen=True, slots=True)
class Curve:
    """A profile: values of the coefficient, plain free units, the refitted objective, coefficients (G, p) and status."""

    at: Array
    value: Array
    theta: Array
    status: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Ends in plain free units; an end that is not closed is the bound that was reached, or infinite."""

    low: float
    high: float
    low_side: Side
    high_side: Side

    @property
    def low_closed(self) -> bool:
        """Whether the lower end is where the objective has risen enough."""
        return self.low_side is Side.CLOSED

    @property
    def high_closed(self) -> bool:
        """Whether the upper end is where the objective has risen enough."""
        return self.high_side is Side.CLOSED


def curve(problem: Problem, theta: Array, j: int, *, at: Array) -> Curve:
    """The profile over given values of coefficient ``j``, plain free units, from the optimum ``theta`` (p,)."""
    held = problem.holding(problem.names[j])
    grid = np.asarray(at, dtype=np.float64)
    line = _line(problem, theta, j)
    lanes = _held(held, theta + (grid - theta[j])[:, None] * line, j, grid)
    order = np.argsort(np.abs(grid - theta[j]), kind="stable")
    for side in (-1.0, 1.0):
        outward = [int(i) for i in order if (grid[i] - theta[j]) * side >= 0]
        lanes = _outward(held, lanes, j, grid, np.array(outward, dtype=np.int64))
    return Curve(grid, lanes.value, lanes.theta, lanes.status)


def interval(problem: Problem, theta: Array, j: int, *, rise: float, tolerance: float = 1e-10) -> Interval:
    """Where the profile of coefficient ``j`` lies ``rise`` above the optimum, on both sides.

    The square root of the rise is nearly a straight line in the coefficient, so a bracketed secant on it needs few steps.
    """
    if not rise > 0:
        raise ValueError(f"the rise must be positive, got {rise!r}")
    name = problem.names[j]
    bounds = _bounds(problem, name, j)
    base = float(refit(problem, theta[None]).value[0])
    # where the curvature says nothing, the first look is three units away
    most = 3.0 if problem.domains[j].transform == "log" else 3.0 * max(1.0, abs(float(theta[j])))
    step = min(float(np.sqrt(2.0 * rise * max(_variance(problem, theta, j), 1e-24))), most)
    ends = {}
    for side in (-1.0, 1.0):
        limit = bounds[0] if side < 0 else bounds[1]
        grid = theta[j] + side * step * _REACHES
        inside = grid > limit if side < 0 else grid < limit
        grid = np.append(grid[inside], limit) if np.isfinite(limit) and not inside.all() else grid[inside]
        ends[side] = _end(problem, theta, j, grid, base, rise, tolerance, limit)
    return Interval(ends[-1.0][0], ends[1.0][0], ends[-1.0][1], ends[1.0][1])


def _end(
    problem: Problem, theta: Array, j: int, grid: Array, base: float, rise: float, tolerance: float, limit: float
) -> tuple[float, Side]:
    if grid.size == 0 or limit == theta[j]:
        return float(theta[j]), Side.BOUND
    found = curve(problem, theta, j, at=grid)
    up = np.where(np.isfinite(found.value), found.value - base, np.inf)
    if up.min() < -1e-6 * abs(base) - 1e-300:
        return float(grid[np.argmin(up)]), Side.LOWER
    over = np.flatnonzero(up >= rise)
    if over.size == 0:
        return (
            (float(limit), Side.BOUND) if grid[-1] == limit else (float(np.sign(grid[-1] - theta[j]) * np.inf), Side.OPEN)
        )
    first = int(over[0])
    a = (theta[j], 0.0, theta) if first == 0 else (grid[first - 1], float(up[first - 1]), found.theta[first - 1])
    b = (grid[first], float(up[first]), found.theta[first])
    return _root(problem.holding(problem.names[j]), j, a, b, base, rise, tolerance), Side.CLOSED


def _root(
    held: Problem,
    j: int,
    a: tuple[float, float, Array],
    b: tuple[float, float, Array],
    base: float,
    rise: float,
    tolerance: float,
) -> float:
    """Bracketed secant on the square root of the rise, falling back to halving (Illinois rule)."""
    goal = float(np.sqrt(rise))
    left, right = np.sqrt(max(a[1], 0.0)) - goal, np.sqrt(b[1]) - goal
    low, high, start = a[0], b[0], b[2]
    for _ in range(60):
        at = high - right * (high - low) / (right - left) if right != left else 0.5 * (low + high)
        lane = _held(held, start[None], j, np.array([at]))
        start = lane.theta[0]
        new = float(np.sqrt(max(float(lane.value[0]) - base, 0.0))) - goal
        if abs(new) <= tolerance * goal or abs(high - low) <= 1e-13 * (1.0 + abs(at)):
            return float(at)
        if new * right < 0:
            low, left = high, right
        else:
            left *= 0.5
        high, right = at, new
    return float(at)


def _held(held: Problem, theta: Array, j: int, grid: Array) -> Solutions:
    start = theta.copy()
    start[:, j] = grid
    lower, upper = np.full_like(start, -np.inf), np.full_like(start, np.inf)
    lower[:, j] = upper[:, j] = grid
    return refit(held, start, lower=lower, upper=upper)


def _outward(held: Problem, lanes: Solutions, j: int, grid: Array, order: NDArray[np.int64]) -> Solutions:
    """Restart every point from its inward neighbour's end while that lowers any of them."""
    for _ in range(len(order)):
        if len(order) < 2:
            break
        again = _held(held, lanes.theta[order[:-1]], j, grid[order[1:]])
        old = lanes.value[order[1:]]
        least = 1e-9 * np.abs(np.where(np.isfinite(old), old, 0.0))
        better = np.isfinite(again.value) & ~(again.value >= old - least)
        if not better.any():
            break
        at = order[1:][better]
        for name in ("theta", "value", "status", "steps"):
            getattr(lanes, name)[at] = getattr(again, name)[better]
    return lanes


def _line(problem: Problem, theta: Array, j: int) -> Array:
    """How the other coefficients move along the profile, per unit of coefficient ``j``, at the optimum."""
    h = hessian(problem, theta)
    rest = np.arange(problem.size) != j
    line = np.zeros(problem.size)
    line[j] = 1.0
    scale = np.sqrt(np.maximum(np.abs(np.diag(h)), 1e-300))
    scaled = h / np.outer(scale, scale)
    if rest.any():
        solved = np.linalg.lstsq(scaled[np.ix_(rest, rest)], -scaled[rest, j], rcond=1e-10)[0]
        line[rest] = solved * scale[j] / scale[rest]
    return line


def _variance(problem: Problem, theta: Array, j: int) -> float:
    """One over the curvature of the profile at the optimum."""
    h = hessian(problem, theta)
    curvature = float(h[j] @ _line(problem, theta, j))
    return 1.0 / curvature if curvature > 1e-14 * abs(h[j, j]) else 1.0 / max(abs(float(h[j, j])) * 1e-6, 1e-300)


def _bounds(problem: Problem, name: str, j: int) -> tuple[float, float]:
    """Bounds of a coefficient in plain free units; infinite for amplitudes, whose solver bounds are not theirs."""
    held = problem.holding(name)
    low, high = float(held.lower[j]), float(held.upper[j])
    return (low if low > -690.0 else -np.inf), (high if high < 690.0 else np.inf)
