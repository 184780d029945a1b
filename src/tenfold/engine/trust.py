"""Gauss-Newton steps in a trust region: slower than Newton's and harder to lead astray.

From a start that somebody chose, far from the optimum, exact second derivatives may point into another valley;
Gauss-Newton steps, damped in the units of the steepest slopes met so far, mostly stay on course. They need no code of
their own for an objective: its derivatives, damped without limit, are those of the quadratic that lies above it.

Sources: Levenberg 1944 (Q. Appl. Math. 2, 164); Marquardt 1963 (J. SIAM 11, 431); the units, Moré 1978 (Lect. Notes Math.
630, 105); how damping follows success, Nielsen 1999 (IMM-REP-1999-05, eq. 2.5).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.general import GeneralKernel
from tenfold.engine.kernel import Evaluation
from tenfold.engine.objective import Kinked
from tenfold.engine.problem import Problem

Array = NDArray[np.float64]

MOST = 2000  # steps
MAJOR = 1e30  # a damping at which the law's own curvature no longer counts, however large residuals are
_FIRST, _LAST = 1e-3, 1e25  # damping, in the units of the steepest slopes
_GAIN = 1e-14  # predicted gain, relative to the objective, below which a lane has settled


def refined(problem: Problem, theta: Array) -> Array:
    """Where Gauss-Newton steps in natural units lead from solver coordinates (p,), in solver coordinates.

    Logarithms, in which Newton's method works, would stretch a coefficient's way to zero without end. Where there are
    only sums of power terms, a kink in the objective or a prior, nothing moves.
    """
    kernel = problem.kernel
    if not isinstance(kernel, GeneralKernel) or isinstance(problem.objective, Kinked) or problem.penalty is not None:
        return theta
    logs = np.array(kernel.logs)
    natural = type(kernel)(
        kernel.fn, inputs=kernel.inputs, names=kernel.names, logs=(False,) * len(logs), fixed=kernel.fixed
    )

    def evaluate(point: Array, damping: float) -> Evaluation:
        mu = np.full(len(point), damping)
        return natural.evaluate(point, problem.weights, problem.target, problem.objective, damping=mu)

    with np.errstate(over="ignore"):
        begin, low, high = (np.where(logs, np.exp(x), x) for x in (theta, problem.lower, problem.upper))
    end = follow(evaluate, begin, low, high)
    return np.asarray(np.where(logs, np.log(np.maximum(end, 1e-300)), end))


def follow(evaluate: Callable[[Array, float], Evaluation], theta: Array, lower: Array, upper: Array) -> Array:
    """Where Gauss-Newton steps lead from one start.

    Args:
        evaluate: objective and derivatives at coefficients (1, p) with a damping.
        theta: the start (p,); lower, upper: bounds (p,).
    """
    theta = np.clip(theta, lower, upper)
    at = evaluate(theta[None], MAJOR)
    steepest = np.zeros(theta.size)
    damping, growth = _FIRST, 2.0
    if not np.isfinite(at.value[0]):
        return theta
    for _ in range(MOST):
        grad, curve = at.grad[:, 0], at.hess[:, :, 0] / (1.0 + MAJOR)
        steepest = np.maximum(steepest, np.diag(curve))
        free = ~(((theta <= lower) & (grad > 0)) | ((theta >= upper) & (grad < 0)) | (lower >= upper))
        moved = np.clip(theta + _step(grad, curve, steepest, damping, free), lower, upper) - theta
        gain = -float(grad @ moved + 0.5 * moved @ curve @ moved)
        if gain <= _GAIN * abs(float(at.value[0])):
            break
        new = evaluate((theta + moved)[None], MAJOR)
        better = float(at.value[0] - new.value[0])
        if np.isfinite(better) and better > 0:
            theta, at = theta + moved, new
            damping *= max(1.0 / 3.0, 1.0 - (2.0 * better / gain - 1.0) ** 3)
            growth = 2.0
        else:
            damping, growth = damping * growth, 2.0 * growth
            if damping > _LAST:
                break
    return theta


def _step(grad: Array, curve: Array, steepest: Array, damping: float, free: NDArray[np.bool_]) -> Array:
    """To the lowest point of the quadratic, damped in units of the steepest slopes, among the free coefficients."""
    out = np.zeros(grad.size)
    on = free & (steepest > 0)
    if on.any():
        unit = 1.0 / np.sqrt(steepest[on])
        matrix = unit[:, None] * curve[np.ix_(on, on)] * unit + damping * np.eye(len(unit))
        out[on] = -unit * np.linalg.solve(matrix, unit * grad[on])
    return out
