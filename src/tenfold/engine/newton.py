"""A batched, projected, damped Newton method: one loop for thousands of starts or resamples.

Each lane minimises its own objective over a box. The step solves ``(H + mu M) s = -g`` with H the exact Hessian, M the
majorising curvature and ``mu`` driven to zero near the optimum, so that the last steps are pure Newton; positive
definiteness is tested by the Cholesky factors. Coefficients on a bound whose gradient points outward are held.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.kernel import Evaluation
from tenfold.engine.linalg import cholesky_solve

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Evaluate = Callable[[Array, NDArray[np.int64], bool], Evaluation]
Values = Callable[[Array, NDArray[np.int64]], Array]

_RUNNING = -1
_CONVERGED, _AT_BOUND, _STALLED, _OUT_OF_STEPS, _FLAT, _NON_FINITE = (
    status.code
    for status in (
        Status.CONVERGED,
        Status.AT_BOUND,
        Status.STALLED,
        Status.OUT_OF_STEPS,
        Status.FLAT,
        Status.NON_FINITE,
    )
)


@dataclass(frozen=True, slots=True)
class Newton:
    """Solver settings. ``decrement`` is the predicted relative decrease at which a lane stops, after a last step."""

    max_steps: int = 200
    decrement: float = 1e-14
    step: float = 1e-9
    reach: float = 3.0
    damping: float = 1e-2
    chunk: int = 128


@dataclass(frozen=True, slots=True)
class Solutions:
    """Where each lane ended: coefficients (L, p), objective (L,), status codes (L,), steps taken (L,), gradients (p, L)."""

    theta: Array
    value: Array
    status: Codes
    steps: Codes
    grad: Array

    def best(self) -> int:
        """The lane with the lowest finite objective."""
        value = np.where(np.isfinite(self.value), self.value, np.inf)
        return int(np.argmin(value))


def minimise(
    evaluate: Evaluate, values: Values, theta: Array, lower: Array, upper: Array, *, settings: Newton, threads: int = 1
) -> Solutions:
    """Minimise every lane from its start.

    Args:
        evaluate: objective and derivatives of some lanes, given their coefficients and their indices.
        values: the objective alone.
        theta: starts (L, p); lower, upper: (p,) or (L, p) bounds.
    """
    lanes, p = theta.shape
    lower = np.broadcast_to(lower, (lanes, p))
    upper = np.broadcast_to(upper, (lanes, p))
    starts = range(0, lanes, settings.chunk)

    def run(begin: int) -> Solutions:
        index = np.arange(begin, min(begin + settings.chunk, lanes))
        return _chunk(evaluate, values, np.clip(theta[index], lower[index], upper[index]), lower, upper, index, settings)

    if threads > 1 and len(starts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            pieces = list(pool.map(run, starts))
    else:
        pieces = [run(begin) for begin in starts]
    return Solutions(
        np.concatenate([piece.theta for piece in pieces]),
        np.concatenate([piece.value for piece in pieces]),
        np.concatenate([piece.status for piece in pieces]),
        np.concatenate([piece.steps for piece in pieces]),
        np.concatenate([piece.grad for piece in pieces], axis=1),
    )


class _State:
    """Working arrays of one chunk of lanes; lives only inside :func:`_chunk`."""

    def __init__(self, theta: Array, first: Evaluation, damping: float) -> None:
        lanes = theta.shape[0]
        self.theta, self.value = theta.copy(), first.value.copy()
        self.grad, self.hess, self.major = first.grad.copy(), first.hess.copy(), first.major.copy()
        self.mu = np.full(lanes, damping)
        self.damped = np.ones(lanes, dtype=bool)  # whether ``major`` belongs to the present point
        self.status = np.full(lanes, _RUNNING, dtype=np.int64)
        self.steps = np.zeros(lanes, dtype=np.int64)

    def keep(
        self, at: NDArray[np.int64], theta: Array, new: Evaluation, pick: NDArray[np.bool_], *, damped: bool
    ) -> None:
        rows = at[pick]
        self.damped[rows] = damped
        self.theta[rows], self.value[rows] = theta[pick], new.value[pick]
        self.grad[:, rows], self.hess[:, :, rows] = new.grad[:, pick], new.hess[:, :, pick]
        self.major[:, :, rows] = new.major[:, :, pick]


def _chunk(
    evaluate: Evaluate, values: Values, theta: Array, lower: Array, upper: Array, index: Codes, settings: Newton
) -> Solutions:
    with np.errstate(all="ignore"):
        low, high = lower[index], upper[index]
        state = _State(theta, evaluate(theta, index, True), settings.damping)
        state.status[~np.isfinite(state.value)] = _NON_FINITE
        for _ in range(settings.max_steps):
            live = np.flatnonzero(state.status == _RUNNING)
            if live.size == 0:
                break
            _advance(state, live, evaluate, index, low[live], high[live], settings)
        state.status[state.status == _RUNNING] = _OUT_OF_STEPS
        touching = ((state.theta <= low) | (state.theta >= high)) & (low < high)
        state.status[(state.status == _CONVERGED) & touching.any(axis=1)] = _AT_BOUND
    return Solutions(state.theta, state.value, state.status, state.steps, state.grad)


def _advance(
    state: _State, live: Codes, evaluate: Evaluate, index: Codes, low: Array, high: Array, settings: Newton
) -> None:
    """One step of the lanes in ``live``, with acceptance, damping and the tests for stopping."""
    stale = live[(state.mu[live] > 0) & ~state.damped[live]]
    if stale.size:
        state.major[:, :, stale] = evaluate(state.theta[stale], index[stale], True).major
        state.damped[stale] = True
    theta, grad, value = state.theta[live], state.grad[:, live], state.value[live]
    held = ((theta <= low) & (grad.T > 0)) | ((theta >= high) & (grad.T < 0)) | (low >= high)
    step, good, curvature = _direction(state, live, held)
    slope = np.einsum("pl,pl->l", grad, step)
    usable = good & (slope < 0)
    size = np.abs(step).max(axis=0)
    step = step * np.minimum(1.0, settings.reach / np.maximum(size, 1e-300))
    trial = np.clip(theta + step.T, low, high)
    predicted = -slope - 0.5 * curvature
    moved = np.abs(trial - theta)
    tiny = (predicted <= settings.decrement * np.abs(value)) | (
        (moved <= settings.step * (1.0 + np.abs(theta))).all(axis=1)
    )
    nothing_free = held.all(axis=1)
    state.status[live[nothing_free]] = _CONVERGED
    damped = bool((state.mu[live] > 2e-8).any())
    new = evaluate(trial, index[live], damped)
    state.steps[live] += 1
    better = usable & np.isfinite(new.value) & (new.value <= value * (1.0 + 4e-16) + 1e-300)
    unresolved = predicted <= 1e-13 * np.abs(value)  # rounding drowns the gain
    gain = np.where(unresolved, 1.0, (value - new.value) / np.maximum(predicted, 1e-300))
    last = usable & tiny & (state.mu[live] <= 1e-2)
    # the last step is below what the objective can resolve: it is taken unless it makes matters measurably worse
    accept = better | (last & np.isfinite(new.value) & (new.value <= value * (1.0 + 1e-12) + 1e-300))
    state.keep(live, trial, new, accept & ~nothing_free, damped=damped)
    mu = state.mu[live]
    shrink = np.where(gain > 0.75, 0.05, np.where(gain > 0.25, 0.3, 1.0))
    mu = np.where(accept, np.where(mu * shrink < 1e-9, 0.0, mu * shrink), np.maximum(mu * 8.0, 1e-4))
    state.mu[live] = mu
    done = last & ~nothing_free
    state.status[live[done]] = _CONVERGED
    stuck = ~accept & (mu > 1e12)
    flat = stuck & (np.abs(np.where(held.T, 0.0, grad)).max(axis=0) <= 1e-7 * np.maximum(np.abs(value), 1e-12))
    state.status[live[stuck]] = _STALLED
    state.status[live[flat]] = _FLAT


def _direction(state: _State, live: Codes, held: NDArray[np.bool_]) -> tuple[Array, NDArray[np.bool_], Array]:
    """The damped Newton direction with held coefficients frozen, whether it exists, and ``s'Hs`` along it."""
    p = held.shape[1]
    major = state.major[:, :, live]
    hess = state.hess[:, :, live]
    matrix = hess + state.mu[live] * major
    diagonal = np.einsum("iil->il", major)
    for j in range(p):
        # a touch of absolute damping keeps directions that the data do not see from being followed to infinity
        matrix[j, j] += state.mu[live] * 1e-3 * (diagonal[j] + 1e-12 * diagonal.max(axis=0))
    frozen = held.T
    for j in range(p):
        matrix[j, :, frozen[j]] = 0.0
        matrix[:, j, frozen[j]] = 0.0
        matrix[j, j, frozen[j]] = 1.0
    right = np.where(frozen, 0.0, -state.grad[:, live])
    step, good = cholesky_solve(matrix, right)
    curvature = np.einsum("il,il->l", step, np.einsum("ijl,jl->il", hess, step))
    return step, good & np.isfinite(step).all(axis=0), curvature
