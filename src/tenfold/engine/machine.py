"""Runs a :mod:`tenfold.engine.program` lane by lane, compiled by numba.

The program arrives as arrays, hence one compilation serves every law; it is kept on disk
(:mod:`tenfold.engine.stored`). Imported only by :mod:`tenfold.engine.fast`.

A lane's rows with weight are gathered into the lines of a work array that stays in the core's cache, and every operation
is a pass over lines, simple enough to be vectorised. Results agree with NumPy's to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.compiled import FIRST, HUBER, SECOND, SQUARED, TARGET, VALUE, WEIGHT
from tenfold.engine.elementary import exp, jit, log
from tenfold.engine.program import Products, Program, Total

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

TILE, STEP = 512, 16  # rows in a pass; padded to whole vectors, since leftover rows would cost a vector each
LINES = 6  # that every program has: see tenfold.engine.compiled; FIRST and SECOND become those times the weights
OPS = (
    "add", "sub", "mul", "div", "neg", "exp", "log", "sqrt", "expm1", "log1p", "abs", "maximum", "minimum", "lt", "le",
    "eq", "where", "pow",
)  # fmt: skip
_BLOCK, _TOTAL, TURN = range(len(OPS), len(OPS) + 3)


@dataclass(frozen=True, eq=False)
class Packed:
    """A program as arrays.

    ``code`` (m, 5): an operation, the line of its result and those of its arguments. ``blocks`` (k, 4): how many left
    and right lines a block has, whether it is symmetric, and its first sum; ``members`` are their lines, one after the
    other. ``columns`` (c, n) are read into lines from ``LINES`` on, ``numbers`` into those after them. ``turn``: where in
    the code the model is known.
    """

    code: Ints
    blocks: Ints
    members: Ints
    columns: Array
    numbers: tuple[int, ...]
    lines: int
    turn: int


def packed(program: Program) -> Packed:
    """A program as arrays, made once."""
    if program not in _PACKED:
        _PACKED[program] = _pack(program)
    return _PACKED[program]


_PACKED: WeakKeyDictionary[Program, Packed] = WeakKeyDictionary()


def _pack(program: Program) -> Packed:
    """Lines for everything, those of operations used again once nothing needs them."""
    columns = [i for i in program.steps if isinstance(i, int) and program.ops[i] == "known"]
    used = {arg for step in program.steps for arg in _read(program, step)} | {program.model}
    rowwise = {step for step in program.steps if isinstance(step, int)}
    numbers = sorted(used - rowwise)
    line = {program.slope: FIRST, program.curve: SECOND}
    line |= {index: LINES + k for k, index in enumerate((*columns, *numbers))}
    free: list[int] = []
    top = LINES + len(columns) + len(numbers)
    kept = set(line)
    code: list[tuple[int, ...]] = []
    blocks: list[tuple[int, ...]] = []
    members: list[int] = []
    for place, step in enumerate(program.steps):
        if place == program.turn:
            code.append((TURN, 0, line[program.model], 0, 0))
        if isinstance(step, Products):
            code.append((_BLOCK, len(blocks), len(members), 0, 0))
            blocks.append((len(step.left), len(step.right), int(step.same), step.begin))
            members += [line[index] for index in (*step.left, *step.right)]
        elif isinstance(step, Total):
            code.append((_TOTAL, step.place, line[step.index], 0, 0))
        elif step not in kept:
            if free:
                line[step] = free.pop()
            else:
                line[step], top = top, top + 1
            args = [line[arg] for arg in program.args[step]]
            code.append((OPS.index(program.ops[step]), line[step], *args, *(0,) * (3 - len(args))))
        free += [line[index] for index in program.dropped[place] if index not in kept]
    return Packed(
        np.array(code, dtype=np.int64),
        np.array(blocks, dtype=np.int64).reshape(len(blocks), 4),
        np.array(members, dtype=np.int64),
        np.array([program.known[index] for index in columns]).reshape(len(columns), program.rows),
        tuple(numbers),
        top,
        next(k for k, line in enumerate(code) if line[0] == TURN),
    )


def _read(program: Program, step: int | Products | Total) -> Sequence[int]:
    match step:
        case Products():
            return (*step.left, *step.right)
        case Total():
            return (step.index,)
        case _:
            return program.args[step]


@jit()
def _exp_line(work: Array, o: int, a: int, n: int) -> None:
    for i in range(n):
        work[o, i] = exp(work[a, i])


@jit()
def _log_line(work: Array, o: int, a: int, n: int) -> None:
    for i in range(n):
        work[o, i] = log(work[a, i])


@jit()
def _expm1_line(work: Array, o: int, a: int, n: int) -> None:
    for i in range(n):
        x = work[a, i]
        whole = exp(x)  # what rounding did to it is undone by its logarithm (Kahan)
        less = whole - 1.0
        level = log(whole)
        value = less * x / level if level != 0.0 else x
        value = value if less > -1.0 else -1.0
        work[o, i] = value if whole < np.inf else whole


@jit()
def _log1p_line(work: Array, o: int, a: int, n: int) -> None:
    for i in range(n):
        x = work[a, i]
        whole = 1.0 + x
        work[o, i] = log(whole) + (x - (whole - 1.0)) / whole if whole < np.inf else whole


@jit()
def _unary(work: Array, op: int, o: int, a: int, n: int) -> None:
    if op == 4:
        for i in range(n):
            work[o, i] = -work[a, i]
    elif op == 5:
        _exp_line(work, o, a, n)
    elif op == 6:
        _log_line(work, o, a, n)
    elif op == 7:
        for i in range(n):
            work[o, i] = sqrt(work[a, i])
    elif op == 8:
        _expm1_line(work, o, a, n)
    elif op == 9:
        _log1p_line(work, o, a, n)
    else:
        for i in range(n):
            work[o, i] = abs(work[a, i])


@jit()
def _compare(work: Array, op: int, o: int, a: int, b: int, n: int) -> None:
    if op == 13:
        for i in range(n):
            work[o, i] = 1.0 if work[a, i] < work[b, i] else 0.0
    elif op == 14:
        for i in range(n):
            work[o, i] = 1.0 if work[a, i] <= work[b, i] else 0.0
    else:
        for i in range(n):
            work[o, i] = 1.0 if work[a, i] == work[b, i] else 0.0


@jit()
def _binary(work: Array, op: int, o: int, a: int, b: int, n: int) -> None:
    if op == 2:
        for i in range(n):
            work[o, i] = work[a, i] * work[b, i]
    elif op == 0:
        for i in range(n):
            work[o, i] = work[a, i] + work[b, i]
    elif op == 1:
        for i in range(n):
            work[o, i] = work[a, i] - work[b, i]
    elif op == 3:
        for i in range(n):
            work[o, i] = work[a, i] / work[b, i]
    elif op == 11:  # like NumPy's, what is not a number stays so
        for i in range(n):
            work[o, i] = work[a, i] if work[a, i] >= work[b, i] or work[a, i] != work[a, i] else work[b, i]
    elif op == 12:
        for i in range(n):
            work[o, i] = work[a, i] if work[a, i] <= work[b, i] or work[a, i] != work[a, i] else work[b, i]
    elif op == 17:
        for i in range(n):
            work[o, i] = work[a, i] ** work[b, i]
    else:
        _compare(work, op, o, a, b, n)


@jit()
def _objective(work: Array, u: int, n: int, kind: int, a: float, b: float, mu: float) -> None:
    """Value, slope and damped curvature of every row, as :meth:`tenfold.engine.objective.Objective.damped` has them."""
    if kind == HUBER:  # threshold a, multiplied by b
        for i in range(n):
            r = work[u, i] - work[TARGET, i]
            size = abs(r)
            inside = size if size < a else a
            work[VALUE, i] = b * inside * (size - 0.5 * inside)
            work[FIRST, i] = b * inside if r > 0.0 else -b * inside
            work[SECOND, i] = b * ((1.0 if size <= a else 0.0) + mu * (a / (size if size > a else a)))
    elif kind == SQUARED:
        for i in range(n):
            r = work[u, i] - work[TARGET, i]
            work[VALUE, i] = r * r
            work[FIRST, i] = 2.0 * r
            work[SECOND, i] = 2.0 + 2.0 * mu
    else:  # Student: a degrees of freedom, scale b
        base = a * b * b
        for i in range(n):
            r = work[u, i] - work[TARGET, i]
            square = r * r
            m = (a + 1.0) / (base + square)
            work[FIRST, i] = m * r
            work[SECOND, i] = m * (1.0 - 2.0 * square / (base + square)) + mu * m
            z = square / base
            # what rounding of 1 + z loses is added back
            work[VALUE, i] = 0.5 * (a + 1.0) * (log(1.0 + z) + (z - ((1.0 + z) - 1.0)) / (1.0 + z))


@jit(sums=True)
def _weigh(work: Array, n: int) -> float:
    """The weighted sum of the values; derivatives are weighted."""
    value = 0.0
    for i in range(n):
        value += work[WEIGHT, i] * work[VALUE, i]
        work[FIRST, i] *= work[WEIGHT, i]
        work[SECOND, i] *= work[WEIGHT, i]
    return value


@jit(sums=True)
def _dot(work: Array, a: int, b: int, n: int) -> float:
    out = 0.0
    for i in range(n):
        out += work[a, i] * work[b, i]
    return out


@jit(sums=True)
def _total(work: Array, a: int, n: int) -> float:
    out = 0.0
    for i in range(n):
        out += work[a, i]
    return out


@jit(sums=True)
def _four_dots(work: Array, a: int, b: Ints, n: int) -> tuple[float, float, float, float]:
    """As ``_dot`` with four lines, which reads the first of each pair once."""
    b0, b1, b2, b3 = b[0], b[1], b[2], b[3]
    out0, out1, out2, out3 = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        value = work[a, i]
        out0 += value * work[b0, i]
        out1 += value * work[b1, i]
        out2 += value * work[b2, i]
        out3 += value * work[b3, i]
    return out0, out1, out2, out3


@jit(apart=True)
def _block(work: Array, block: Ints, members: Ints, n: int, sums: Array, lane: int) -> None:
    place, right = block[3], members[block[0] :]
    for i in range(block[0]):
        j = i if block[2] else 0
        while j + 4 <= block[1]:
            four = _four_dots(work, members[i], right[j:], n)
            for k in range(4):
                sums[place + k, lane] += four[k]
            place, j = place + 4, j + 4
        for last in range(j, block[1]):
            sums[place, lane] += _dot(work, members[i], right[last], n)
            place += 1


@jit(apart=True)
def _steps(
    work: Array, code: Ints, blocks: Ints, members: Ints, n: int, kind: int, a: float, b: float, mu: float,
    sums: Array, lane: int,
) -> float:  # fmt: skip
    """All operations on the rows of one tile; returns the value."""
    value = 0.0
    for k in range(code.shape[0]):
        op, out = code[k, 0], code[k, 1]
        if op < 4 or (op > 10 and (op < 16 or op == 17)):
            _binary(work, op, out, code[k, 2], code[k, 3], n)
        elif op < 11:
            _unary(work, op, out, code[k, 2], n)
        elif op == 16:
            condition, one, two = code[k, 2], code[k, 3], code[k, 4]
            for i in range(n):
                work[out, i] = work[one, i] if work[condition, i] != 0.0 else work[two, i]
        elif op == 18:
            _block(work, blocks[out], members[code[k, 2] :], n, sums, lane)
        elif op == 19:
            sums[out, lane] += _total(work, code[k, 2], n)
        else:
            _objective(work, code[k, 2], n, kind, a, b, mu)
            value = _weigh(work, n)
    return value


@jit(apart=True)
def _read_rows(work: Array, rows: Ints, columns: Array, w: Array, t: Array) -> int:
    """The rows of a tile, and after them rows without weight up to whole vectors."""
    count = rows.size
    n = (count + STEP - 1) // STEP * STEP
    for i in range(n):
        row = rows[i if i < count else count - 1]
        work[WEIGHT, i] = w[row] if i < count else 0.0
        work[TARGET, i] = t[row]
        for c in range(columns.shape[0]):
            work[LINES + c, i] = columns[c, row]
    return n


@jit(apart=True)
def _lane(
    work: Array, rows: Ints, code: Ints, blocks: Ints, members: Ints, columns: Array, numbers: Array, w: Array,
    t: Array, mu: float, loss: Any, sums: Array, lane: int,
) -> float:  # fmt: skip
    count = 0
    for i in range(w.size):
        rows[count] = i
        count += w[i] != 0.0
    begin = LINES + columns.shape[0]
    wide = (min(TILE, count) + STEP - 1) // STEP * STEP
    for k in range(numbers.shape[0]):
        for i in range(wide):
            work[begin + k, i] = numbers[k, lane]
    value = 0.0
    for first in range(0, count, TILE):
        n = _read_rows(work, rows[first : min(first + TILE, count)], columns, w, t)
        value += _steps(work, code, blocks, members, n, loss[0], loss[1], loss[2], mu, sums, lane)
    return value


@jit(cache=True)
def run(
    code: Ints, blocks: Ints, members: Ints, columns: Array, lines: int, numbers: Array, w: Array, t: Array, mu: Array,
    loss: Any, sums: Array, value: Array,
) -> None:  # fmt: skip
    """Add the sums of every lane to ``sums`` (S, L) and write its value; weights and targets are (1, n) or (L, n)."""
    wide = (min(TILE, w.shape[1]) + STEP - 1) // STEP * STEP
    work = np.empty((lines, wide))
    rows = np.empty(w.shape[1] + 1, dtype=np.int64)
    for lane in range(value.size):
        weight, target = w[lane if w.shape[0] > 1 else 0], t[lane if t.shape[0] > 1 else 0]
        value[lane] = _lane(
            work, rows, code, blocks, members, columns, numbers, weight, target, mu[lane], loss, sums, lane
        )


@jit(cache=True)
def gather(every: Array, order: Ints, begins: Ints, cells: Ints, hess: Array) -> None:
    """Add up what belongs to each entry of the Hessians: see :class:`tenfold.engine.program.Program`."""
    for e in range(cells.size):
        out = hess[cells[e]]
        for k in range(begins[e], begins[e + 1] if e + 1 < cells.size else order.size):
            source = every[order[k]]
            for lane in range(out.size):
                out[lane] += source[lane]


@jit(cache=True)
def eliminate(h: Array, b: Array, x: Array, good: NDArray[np.bool_]) -> None:
    """As :func:`tenfold.engine.linalg.solve_positive`, into ``x`` (p, L) and ``good`` (L,)."""
    p = h.shape[0]
    work = np.empty((p, p + 1))
    for lane in range(h.shape[2]):
        fine = True
        for i in range(p):
            for j in range(i, p):
                work[i, j] = h[i, j, lane]
            work[i, p] = b[i, lane]
        for j in range(p):
            pivot = work[j, j]
            fine = fine and pivot > 1e-14 * abs(h[j, j, lane])
            for i in range(j + 1, p):
                factor = work[j, i] / pivot  # the lower half mirrors the upper
                for k in range(i, p + 1):
                    work[i, k] -= factor * work[j, k]
        for j in range(p - 1, -1, -1):
            value = work[j, p]
            for k in range(j + 1, p):
                value -= work[j, k] * x[k, lane]
            x[j, lane] = value / work[j, j]
        good[lane] = fine
