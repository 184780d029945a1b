"""The Newton method for a :mod:`tenfold.engine.program`, one lane at a time, compiled by numba.

The same algorithm as :mod:`tenfold.engine.newton`, step for step. A step of a lane costs what its rows cost: its numbers,
the sums' way into gradient and Hessian, and the direction are compiled as well, and nothing waits for other lanes.
Imported only by :mod:`tenfold.engine.fast`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.compiled import (
    _copy,
    _direction,
    _extrapolate,
    _next_damping,
    _occupied,
    _propose,
    _shorter,
    _shrunk,
    _stuck,
    _take,
)
from tenfold.engine.elementary import exp, jit, log
from tenfold.engine.machine import LINES, OPS, STEP, TILE, Packed, _read_rows, _steps, packed
from tenfold.engine.newton import BARE, QUIET, RAISE
from tenfold.engine.program import Program

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CONVERGED, _OUT_OF_STEPS, _NON_FINITE = (
    status.code for status in (Status.CONVERGED, Status.OUT_OF_STEPS, Status.NON_FINITE)
)


@dataclass(frozen=True, eq=False)
class Slots:
    """A program's numbers as arrays: every number and every sum of a lane has a slot of one column.

    ``start`` (K, 1) holds what is known, the sums come first. ``before`` and ``after`` (m, 5): an operation, the slot of
    its result and those of its arguments. ``coefs`` and ``grad`` (p,), ``given``: the slots of coefficients, of the
    gradient, and of the numbers that rows need. ``order``, ``begins``, ``cells``: as the program has them, by slot.
    """

    start: Array
    before: Ints
    after: Ints
    coefs: Ints
    grad: Ints
    given: Ints
    order: Ints
    begins: Ints
    cells: Ints

    def arrays(self) -> tuple[Array | Ints, ...]:
        """All of them, in order."""
        return (
            self.start, self.before, self.after, self.coefs, self.grad, self.given, self.order, self.begins, self.cells,
        )  # fmt: skip


def slots(program: Program) -> Slots:
    """A program's numbers as arrays, made once."""
    if program not in _SLOTS:
        _SLOTS[program] = _slots(program, packed(program))
    return _SLOTS[program]


_SLOTS: WeakKeyDictionary[Program, Slots] = WeakKeyDictionary()


def _slots(program: Program, rows: Packed) -> Slots:
    slot: dict[int, int] = {}
    known: list[tuple[int, float]] = []

    def of(index: int) -> int:
        if program.ops[index] == "sum":
            return program.totals[program.args[index][0]]
        if index not in slot:
            slot[index] = program.sums + len(slot)
            if program.ops[index] == "known":
                known.append((slot[index], float(program.known[index])))
        return slot[index]

    def code(wanted: tuple[int, ...]) -> Ints:
        lines = []
        for index in wanted:
            if program.ops[index] in OPS:
                args = [of(arg) for arg in program.args[index]]
                lines.append((OPS.index(program.ops[index]), of(index), *args, *(0,) * (3 - len(args))))
        return np.array(lines, dtype=np.int64).reshape(len(lines), 5)

    coefs = [of(index) for index in program.coefs]
    before, after = code(program.before), code(program.after)
    grad, numbers = [of(index) for index in program.gradient], [of(index) for index in program.numbers]
    given = [of(index) for index in rows.numbers]
    start = np.zeros((program.sums + len(slot), 1))
    for place, value in known:
        start[place] = value
    order = [int(place) if place < program.sums else numbers[place - program.sums] for place in program.order]
    own = [np.array(each, dtype=np.int64) for each in (coefs, grad, given, order)]
    return Slots(start, before, after, own[0], own[1], own[2], own[3], program.begins, program.cells)


@jit(apart=True)
def _number(op: int, x: float, y: float, z: float) -> float:
    """One operation on numbers; ``OPS`` names them."""
    if op == 0:
        return x + y
    if op == 1:
        return x - y
    if op == 2:
        return x * y
    if op == 3:
        return x / y
    if op == 4:
        return -x
    if op == 5:
        return exp(x)
    if op == 6:
        return log(x)
    if op == 7:
        return sqrt(x)
    if op == 8:
        return float(np.expm1(x))
    if op == 9:
        return float(np.log1p(x))
    if op == 10:
        return abs(x)
    if op == 11:
        return x if x >= y or x != x else y
    if op == 12:
        return x if x <= y or x != x else y
    if op == 13:
        return 1.0 if x < y else 0.0
    if op == 14:
        return 1.0 if x <= y else 0.0
    if op == 15:
        return 1.0 if x == y else 0.0
    if op == 16:
        return y if x != 0.0 else z
    return float(x**y)


@jit(apart=True)
def _numbers(code: Ints, cells: Array) -> None:
    for k in range(code.shape[0]):
        cells[code[k, 1], 0] = _number(code[k, 0], cells[code[k, 2], 0], cells[code[k, 3], 0], cells[code[k, 4], 0])


def numbers_of(code: Ints, given: Array) -> float:
    """The result of the last of some operations on numbers, to try them out."""
    cells = np.concatenate([given, np.zeros(len(code))])[:, None]
    _run(code, cells)
    return float(cells[code[-1, 1], 0])


@jit(cache=True)
def _run(code: Ints, cells: Array) -> None:
    _numbers(code, cells)


@jit(apart=True)
def _evaluate(
    theta: Array, rows: Any, mu: float, whole: Any, loss: Any, program: Any, numbers: Any, loaded: int, work: Array,
    cells: Array, grad: Array, hess: Array,
) -> float:  # fmt: skip
    """The objective and, if ``whole``, its gradient and its damped Hessian at one point; infinite where undefined.

    The ``loaded`` rows are in place when one tile holds all.
    """
    weight, target, index, count = rows
    code, blocks, members, columns, turn = program
    start, before, after, coefs, slopes, given, order, begins, entries = numbers
    for k in range(start.shape[0]):
        cells[k, 0] = start[k, 0]
    for j in range(coefs.size):
        cells[coefs[j], 0] = theta[j]
    _numbers(before, cells)
    wide = (min(TILE, count) + STEP - 1) // STEP * STEP
    for k in range(given.size):
        value = cells[given[k], 0]
        for i in range(wide):
            work[LINES + columns.shape[0] + k, i] = value
    total = 0.0
    steps = code if whole else code[: turn + 1]
    for first in range(0, count, TILE):
        n = loaded
        if count > TILE:
            n = _read_rows(work, index[first : min(first + TILE, count)], columns, weight, target)
        total += _steps(work, steps, blocks, members, n, loss[0], loss[1], loss[2], mu, cells, 0)
    if not np.isfinite(total):
        return np.inf
    return _derivatives(total, after, slopes, order, begins, entries, cells, grad, hess) if whole else total


@jit(apart=True)
def _derivatives(
    total: float, after: Ints, slopes: Ints, order: Ints, begins: Ints, entries: Ints, cells: Array, grad: Array,
    hess: Array,
) -> float:  # fmt: skip
    """Gradient and Hessian from the sums; returns the value, infinite where one of them is not defined."""
    p = grad.size
    _numbers(after, cells)
    finite = True
    for j in range(p):
        grad[j] = cells[slopes[j], 0]
        finite = finite and np.isfinite(grad[j])
        for k in range(p):
            hess[j, k] = 0.0
    for e in range(entries.size):
        value = 0.0
        for k in range(begins[e], begins[e + 1] if e + 1 < entries.size else order.size):
            value += cells[order[k], 0]
        hess[entries[e] // p, entries[e] % p] = value
        finite = finite and np.isfinite(value)
    return total if finite else np.inf


@jit(apart=True)
def _lane(
    theta: Array, low: Array, high: Array, linear: Mask, rows: Any, loss: Any, program: Any, numbers: Any, settings: Any,
    space: Any, out: Array,
) -> tuple[float, int, int]:  # fmt: skip
    """Minimise one lane from ``theta``, which becomes the end point; ``out`` becomes the gradient there.

    Returns:
        The objective, the status and the number of steps.
    """
    max_steps, decrement, least, reach, damping, floor = settings
    p = theta.size
    work, cells, small, square, held = space
    grad, step, trial, new_grad = small[0], small[1], small[2], small[3]
    hess, new_hess, damped, scratch = square[0], square[1], square[2], square[3]
    weight, target, index, count = rows
    loaded = _read_rows(work, index[: min(count, TILE)], program[3], weight, target)
    mu, next_mu, scale = damping, _shrunk(damping), 1.0
    value = _evaluate(theta, rows, mu, True, loss, program, numbers, loaded, work, cells, grad, hess)
    status, steps, quiet, bare, bared = _OUT_OF_STEPS, 0, 0, False, 0
    if not np.isfinite(value):
        for j in range(p):
            out[j] = 0.0
        return value, _NON_FINITE, 0
    for _ in range(max_steps):
        steps += 1
        extra = next_mu if scale < 1.0 else mu
        good = _direction(theta, low, high, grad, hess, mu, extra, held, damped, scratch, step)
        predicted, tiny, free = _propose(theta, low, high, grad, step, damped, scale, reach, least, trial, held, linear)
        magnitude, still = abs(value), tiny and bared >= BARE
        good = good and predicted >= -(1e-16 * magnitude + floor) and not bare
        if not good:
            _copy(theta, trial)
        tiny = tiny or predicted <= decrement * magnitude + floor
        last = good and tiny and scale == 1.0 and mu <= 1e-2
        used = next_mu if good else (0.0 if bare else max(RAISE * mu, 1e-4))
        new = _evaluate(trial, rows, used, not last, loss, program, numbers, loaded, work, cells, new_grad, new_hess)
        if last:
            _extrapolate(grad, damped, theta, trial, new_grad)
        drowned = predicted <= 1e-13 * magnitude + floor
        accept = np.isfinite(new) and new <= value + (1e-12 if last or drowned else 4e-16) * magnitude + floor
        gain = 1.0 if drowned else (value - new) / max(predicted, 1e-300)
        worse = good and drowned and not accept and np.isfinite(new) and scale == 1.0
        if good and drowned and scale == 1.0 and (mu <= 1e-2 or still):
            quiet = QUIET if worse else quiet + 1  # rounding alone made it worse
        bare = worse and mu > 1e-2 and bared < BARE
        bared += bare
        next_mu = _next_damping(accept, good, gain, used, mu)
        if accept:
            mu, scale, value = used, 1.0, new
            _take(trial, new_grad, new_hess, theta, grad, hess)
        else:
            scale = 1.0 if bare else scale * _shorter(predicted, value, new)
        if last or not free or quiet >= QUIET or value <= floor:
            status = _CONVERGED
            break
        if mu > 1e12 or scale < 1e-12:
            status = _stuck(grad, held, magnitude)
            break
    _copy(grad, out)
    return value, status, steps


@jit(cache=True)
def chunk(
    theta: Array, low: Array, high: Array, linear: Mask, weights: Array, target: Array, loss: Any, program: Any,
    lines: int, numbers: Any, settings: Any,
) -> tuple[Array, Ints, Ints, Array]:  # fmt: skip
    """Minimise lanes (L, p) one after the other, in place; weights and targets are (L, n), or (1, n) when shared.

    Returns:
        Objectives, statuses, steps and gradients (p, L).
    """
    lanes, p = theta.shape
    work = np.ones((lines, (min(TILE, weights.shape[1]) + STEP - 1) // STEP * STEP))
    cells = np.empty((numbers[0].shape[0], 1))
    space = (work, cells, np.empty((4, p)), np.empty((4, p, p)), np.empty(p, dtype=np.bool_))
    index = np.empty(weights.shape[1] + 1, dtype=np.int64)
    value, grad = np.empty(lanes), np.empty((p, lanes))
    status, steps = np.empty(lanes, dtype=np.int64), np.empty(lanes, dtype=np.int64)
    out, count = np.empty(p), 0
    for i in range(lanes):
        w, t = weights[min(i, weights.shape[0] - 1)], target[min(i, target.shape[0] - 1)]
        if i == 0 or weights.shape[0] > 1:
            count = _occupied(w, index)
        rows = (w, t, index, count)
        value[i], status[i], steps[i] = _lane(
            theta[i], low[i], high[i], linear, rows, loss, program, numbers, settings, space, out
        )
        for j in range(p):
            grad[j, i] = out[j]
    return value, status, steps, grad
