"""A batched, projected, damped Newton method: one loop for thousands of starts or resamples.

Each lane minimises its own objective over a box. The step solves ``(H + mu M) / (1 + mu) s = -g`` with H the exact
Hessian and M the majorising curvature, plus a diagonal that grows with ``mu``. So a large ``mu`` gives Gauss-Newton
steps, then ever shorter ones towards the gradient; driven to zero near the optimum it gives pure Newton steps. Positive
definiteness is tested by the elimination. A step that does not lower the objective is shortened along its direction.
Coefficients on a bound whose gradient, or whose step, points outward are held.

The damping of a point is chosen before the point is evaluated, from how well the model predicted the step before; one
evaluation then gives everything, and the sums over rows never need a second pass.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.kernel import Evaluation, Lanes
from tenfold.engine.linalg import solve_positive

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RUNNING = -1
FEW = 32  # last steps below which a call of their own costs more than the derivatives that it spares
QUIET = 5  # steps without a gain that can be resolved, after which a lane has converged
BARE = 3  # how often a lane whose damped steps rounding drowns is looked at without damping
RAISE = 8.0  # by how much damping grows when a step fails
# and shrinks after a good one: slow enough not to fail again in a narrow valley, fast enough for few steps near the end
LOWER = 0.2
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


class Evaluate(Protocol):
    """Objective and derivatives at ``theta`` (L, p) of the lanes ``lanes`` (L,), damped by ``damping`` (L,)."""

    def __call__(self, theta: Array, lanes: Lanes, damping: Array) -> Evaluation: ...


class Values(Protocol):
    """The objective alone at ``theta`` (L, p) of the lanes ``lanes`` (L,)."""

    def __call__(self, theta: Array, lanes: Lanes) -> Array: ...


@dataclass(frozen=True, slots=True)
class Newton:
    """Solver settings.

    ``decrement`` is the predicted relative decrease at which a lane stops, after a last step; ``step`` the relative
    size of a step at which it stops; ``reach`` the longest step in any coefficient; ``damping`` the first ``mu``.
    """

    max_steps: int = 200
    decrement: float = 1e-14
    step: float = 1e-9
    reach: float = 3.0
    damping: float = 1.0
    chunk: int = 1024


@dataclass(frozen=True, slots=True)
class Solutions:
    """Where each lane ended: coefficients (L, p), objective, status codes and steps taken (L,), gradients (p, L)."""

    theta: Array
    value: Array
    status: Lanes
    steps: Lanes
    grad: Array

    def best(self, rounding: float = 0.0) -> int:
        """The lane with the lowest finite objective; among ends that rounding cannot tell apart, one that settled.

        ``rounding``: what rounding does to the objective there, where it is known.
        """
        value = np.where(np.isfinite(self.value), self.value, np.inf)
        lowest = float(value.min())
        level = value <= lowest + max(1e-10 * abs(lowest), rounding)
        settled = level & np.isin(self.status, [_CONVERGED, _AT_BOUND])
        return int(np.argmax(settled)) if settled.any() else int(np.argmin(value))


def minimise(
    evaluate: Evaluate,
    theta: Array,
    lower: Array,
    upper: Array,
    *,
    settings: Newton,
    floor: float = 0.0,
    threads: int = 1,
    linear: Mask | None = None,
    values: Values | None = None,
) -> Solutions:
    """Minimise every lane from its start.

    Args:
        evaluate: objective and derivatives of some lanes.
        theta: starts (L, p); lower, upper: (p,) or (L, p) bounds.
        floor: differences of the objective below this are rounding.
        threads: lanes are handled in chunks, side by side on this many threads.
        linear: (p,) coefficients that are not logarithms or exponents, whose longest step grows with their size.
        values: the objective alone, where that is cheaper; a lane's last step then needs no derivatives.
    """
    lanes, p = theta.shape
    lower = np.broadcast_to(lower, (lanes, p))
    upper = np.broadcast_to(upper, (lanes, p))
    # two chunks a thread even out lanes that need more steps
    size = min(settings.chunk, max(-(-lanes // (2 * threads)), 64)) if threads > 1 else settings.chunk

    def run(begin: int) -> Solutions:
        part = slice(begin, begin + size)
        index = np.arange(lanes)[part]
        return _chunk(evaluate, theta[part], lower[part], upper[part], index, settings, floor, linear, values)

    starts = range(0, lanes, size)
    if threads > 1 and len(starts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            pieces = list(pool.map(run, starts))
    else:
        pieces = [run(begin) for begin in starts]
    return join(pieces)


def join(pieces: list[Solutions]) -> Solutions:
    """Chunks of lanes, one after the other."""
    return Solutions(
        np.concatenate([piece.theta for piece in pieces]),
        np.concatenate([piece.value for piece in pieces]),
        np.concatenate([piece.status for piece in pieces]),
        np.concatenate([piece.steps for piece in pieces]),
        np.concatenate([piece.grad for piece in pieces], axis=1),
    )


class _State:
    """The lanes of one chunk that still run; the lane is the last axis of every array."""

    _ARRAYS = (
        *("index", "slot", "theta", "low", "high", "value", "grad", "matrix"),
        *("mu", "next_mu", "scale", "quiet", "bare", "bared"),
    )

    def __init__(self, index: Lanes, theta: Array, low: Array, high: Array, first: Evaluation, damping: float) -> None:
        lanes = index.size
        self.index, self.slot = index, np.arange(lanes)
        self.theta, self.low, self.high = theta, low, high
        self.value, self.grad, self.matrix = first.value, first.grad, first.hess
        self.mu = np.full(lanes, damping)  # the damping inside ``matrix``
        self.next_mu = _shrunk(self.mu)  # and of the next point
        self.quiet = np.zeros(lanes, dtype=np.int64)  # undamped steps so far whose gain rounding drowns
        self.scale = np.ones(lanes)  # of the next step, below one after a rejected one
        self.bare = np.zeros(lanes, dtype=bool)  # to be evaluated where it is, without damping
        self.bared = np.zeros(lanes, dtype=np.int64)  # how often that was done

    def keep(self, mask: Mask) -> None:
        """Drop the lanes that have ended."""
        for name in self._ARRAYS:
            setattr(self, name, getattr(self, name)[..., mask])

    def take(self, mask: Mask, theta: Array, new: Evaluation) -> None:
        """Move the lanes of ``mask`` to their new points."""
        if mask.all():
            self.theta, self.value, self.grad, self.matrix = theta, new.value, new.grad, new.hess
            return
        np.copyto(self.theta, theta, where=mask)
        np.copyto(self.value, new.value, where=mask)
        np.copyto(self.grad, new.grad, where=mask)
        np.copyto(self.matrix, new.hess, where=mask)


def _chunk(
    evaluate: Evaluate,
    theta: Array,
    lower: Array,
    upper: Array,
    index: Lanes,
    settings: Newton,
    floor: float,
    linear: Mask | None,
    values: Values | None,
) -> Solutions:
    lanes = index.size
    low, high = np.ascontiguousarray(lower.T), np.ascontiguousarray(upper.T)
    start = np.clip(np.ascontiguousarray(theta.T), low, high)
    steps, status = np.zeros(lanes, dtype=np.int64), np.full(lanes, RUNNING, dtype=np.int64)
    with np.errstate(all="ignore"):
        first = evaluate(start.T, index, np.full(lanes, settings.damping))
        out = Solutions(start.T.copy(), first.value.copy(), status, steps, first.grad.copy())
        state = _State(index, start, low, high, first, settings.damping)
        ended = np.where(np.isfinite(first.value), RUNNING, _NON_FINITE)
        for _ in range(settings.max_steps):
            _retire(state, ended, out)
            if state.index.size == 0:
                break
            steps[state.slot] += 1
            ended = _advance(state, evaluate, settings, floor, linear, values)
        _retire(state, np.where(ended == RUNNING, _OUT_OF_STEPS, ended)[: state.index.size], out)
        touching = ((out.theta <= lower) | (out.theta >= upper)) & (lower < upper)
        status[(status == _CONVERGED) & touching.any(axis=1)] = _AT_BOUND
    return out


def _retire(state: _State, ended: Lanes, out: Solutions) -> None:
    """Write the lanes that have ended into the result and let them go."""
    done = ended != RUNNING
    if not done.any():
        return
    slot = state.slot[done]
    out.theta[slot], out.value[slot] = state.theta[:, done].T, state.value[done]
    out.grad[:, slot], out.status[slot] = state.grad[:, done], ended[done]
    state.keep(~done)


def _advance(
    state: _State, evaluate: Evaluate, settings: Newton, floor: float, linear: Mask | None, values: Values | None
) -> Lanes:
    """One step of every running lane, with acceptance, damping and the tests for stopping; returns status codes."""
    theta, value = state.theta, state.value
    held, step, good, damped = _direction(state)
    size = np.abs(step)
    if linear is not None:
        size /= np.where(linear[:, None], np.maximum(1.0, np.abs(theta)), 1.0)
    size = size.max(axis=0)
    step *= state.scale * np.minimum(1.0, settings.reach / np.maximum(size, 1e-300))
    trial = np.clip(theta + step, state.low, state.high)
    moved = trial - theta
    change = np.einsum("ijl,jl->il", damped, moved)  # of the gradient
    predicted = -np.einsum("il,il->l", moved, state.grad + 0.5 * change)
    magnitude = np.abs(value)
    good &= predicted >= -(1e-16 * magnitude + floor)  # a clipped step may lead uphill, and not by rounding alone
    good &= ~state.bare
    if not good.all():
        np.copyto(trial, theta, where=~good)
    small = (np.abs(moved) <= settings.step * (1.0 + np.abs(theta))).all(axis=0)
    tiny = (predicted <= settings.decrement * magnitude + floor) | small
    last = good & tiny & (state.scale == 1.0) & (state.mu <= 1e-2)
    # a lane without a direction stays where it is and is evaluated again with more damping
    mu = np.where(good, state.next_mu, np.where(state.bare, 0.0, np.maximum(RAISE * state.mu, 1e-4)))
    if values is not None and (last.all() or np.count_nonzero(last) >= FEW):
        new = _partly(state, evaluate, values, trial, mu, last, state.grad + change)
    else:
        new = evaluate(trial.T, state.index, mu)
    # a step whose gain the objective cannot resolve is taken unless it makes matters measurably worse
    drowned = predicted <= 1e-13 * magnitude + floor
    slack = np.where(last | drowned, 1e-12, 4e-16) * magnitude + floor
    accept = np.isfinite(new.value) & (new.value <= value + slack)
    gain = (value - new.value) / np.maximum(predicted, 1e-300)
    gain[drowned] = 1.0
    # damping may be why so little was predicted, unless the lane was looked at without it and stays where it is
    still = small & (state.bared >= BARE)
    unresolved = good & drowned & (state.scale == 1.0) & ((state.mu <= 1e-2) | still)
    state.quiet += unresolved
    # rounding alone made it worse: shorter and more damped steps would not end. Where damping may be why so little was
    # predicted, the point is looked at without it, a few times at most
    worse = good & drowned & ~accept & np.isfinite(new.value) & (state.scale == 1.0)
    state.bare = worse & (state.mu > 1e-2) & (state.bared < BARE)
    state.bared += state.bare
    state.quiet[unresolved & worse] = QUIET
    _damp(state, mu, good, accept, gain)
    # the parabola through the value, the predicted slope and the rejected value has its lowest point here
    back = np.clip(predicted / np.maximum(new.value - value + 2.0 * predicted, 1e-300), 0.1, 0.5)
    state.scale = np.where(accept | state.bare, 1.0, state.scale * np.where(np.isfinite(new.value), back, 0.1))
    state.take(accept, trial, new)
    ended = np.full(value.size, RUNNING, dtype=np.int64)
    ended[last | held.all(axis=0) | (state.quiet >= QUIET) | (state.value <= floor)] = _CONVERGED  # or a perfect fit
    stuck = (ended == RUNNING) & ((state.mu > 1e12) | (state.scale < 1e-12))
    if stuck.any():
        slope = np.abs(np.where(held, 0.0, state.grad)).max(axis=0)
        ended[stuck] = np.where(slope <= 1e-7 * np.maximum(magnitude, 1e-12), _FLAT, _STALLED)[stuck]
    return ended


def _partly(
    state: _State, evaluate: Evaluate, values: Values, trial: Array, mu: Array, last: Mask, grad: Array
) -> Evaluation:
    """The trial points, those of a ``last`` step by their values only, with the gradient that the model expects there."""
    new = Evaluation(np.empty(last.size), grad, state.matrix.copy())
    new.value[last] = values(trial[:, last].T, state.index[last])
    rest = ~last
    if rest.any():
        part = evaluate(trial[:, rest].T, state.index[rest], mu[rest])
        new.value[rest], new.grad[:, rest], new.hess[:, :, rest] = part.value, part.grad, part.hess
    return new


def _shrunk(mu: Array) -> Array:
    """The damping after a step that went well; zero once it no longer matters."""
    less = LOWER * mu
    return np.where(less < 1e-9, 0.0, less)


def _damp(state: _State, mu: Array, good: Mask, accept: Mask, gain: Array) -> None:
    """Damping of the present points, ``mu`` where they are new, and of the next ones."""
    calm = np.where(gain > 0.75, _shrunk(mu), np.where(gain > 0.25, mu, np.maximum(RAISE * mu, 1e-4)))
    more = np.maximum(RAISE * np.maximum(mu, state.mu), 1e-4)
    state.next_mu = np.where(accept, np.where(good, calm, 0.3 * mu), more)
    state.mu = np.where(accept, mu, state.mu)


def _direction(state: _State) -> tuple[Mask, Array, Mask, Array]:
    """Which coefficients are held, the damped Newton direction with those frozen, whether it exists, and its matrix."""
    theta, grad = state.theta, state.grad
    at_low, at_high = theta <= state.low, theta >= state.high
    edge = bool((at_low | at_high).any())
    held = ((at_low & (grad > 0)) | (at_high & (grad < 0)) | (state.low >= state.high)) if edge else at_low & at_high
    matrix = state.matrix / (1.0 + state.mu)
    diagonal = np.abs(np.einsum("iil->il", matrix))
    # damping of each coefficient by itself keeps directions that the data do not see from being followed to infinity
    # and, after failures, turns the step towards the gradient
    extra = 1e-3 * np.where(state.scale < 1.0, state.next_mu, state.mu) * (diagonal + 1e-12 * diagonal.max(axis=0))
    np.einsum("iil->il", matrix)[...] += extra
    step, good = _frozen_solve(matrix, grad, held) if edge else solve_positive(matrix, -grad)
    if edge:  # where there is no direction, what stands in its place decides nothing
        outward = good & ((at_low & (step < 0)) | (at_high & (step > 0))) & ~held
        if outward.any():  # a clipped direction need not descend; one with these held does
            held = held | outward
            step, good = _frozen_solve(matrix, grad, held)
            held = held & ~outward
    return held, step, good & np.isfinite(step).all(axis=0), matrix


def _frozen_solve(matrix: Array, grad: Array, held: Mask) -> tuple[Array, Mask]:
    free = ~held
    reduced = matrix * (free[:, None] & free[None, :])
    np.einsum("iil->il", reduced)[...] += held
    return solve_positive(reduced, np.where(held, 0.0, -grad))
