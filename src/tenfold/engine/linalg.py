"""Small dense linear algebra over many lanes at once: the lane is the last axis and every operation a vector one."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LARGE = 8  # coefficients from which on compiled elimination pays


def solve_positive(h: Array, b: Array) -> tuple[Array, Mask]:
    """Solve ``h x = b`` for each lane by elimination without pivoting, which positive definite matrices do not need.

    Args:
        h: symmetric matrices, shape (p, p, L).
        b: right-hand sides, shape (p, L).

    Returns:
        Solutions (p, L) and which lanes were positive definite; the others hold rubbish.
    """
    p, lanes = b.shape
    machine = sys.modules.get("tenfold.engine.machine") if p >= LARGE else None
    if machine is not None:  # compiled code is at hand: see tenfold.engine.fast
        solution, fine = np.empty((p, lanes)), np.empty(lanes, dtype=np.bool_)
        machine.eliminate(np.ascontiguousarray(h), np.ascontiguousarray(b), solution, fine)
        return solution, fine
    work = np.concatenate([h, b[:, None]], axis=1)
    # a pivot that lost 14 digits to cancellation is rounding, not curvature
    least = 1e-14 * np.abs(np.einsum("iil->il", h))
    for j in range(p - 1):
        factor = work[j + 1 :, j] / work[j, j]
        work[j + 1 :, j + 1 :] -= factor[:, None] * work[j, j + 1 :]
    pivots = np.einsum("iil->il", work[:, :p])
    good = (pivots > least).all(axis=0)
    x = work[:, p]
    for j in range(p - 1, -1, -1):
        x[j] /= pivots[j]
        if j:
            x[:j] -= work[:j, j] * x[j]
    return x, good


def nonnegative_least_squares(gram: Array, rhs: Array, free: Mask) -> tuple[Array, Array]:
    """Minimise ``x'Gx - 2 b'x`` over ``x >= 0`` (entries of ``free`` may be negative), lane by lane, exactly.

    Args:
        gram: (q, q, L) Gram matrices; rhs: (q, L); free: (q,) coefficients without a sign.

    Returns:
        Solutions (q, L) and the attained values (L,). Every subset of active coefficients is tried, largest first,
        which for the handful of linear coefficients of a law is exact and needs no iteration.
    """
    q, lanes = rhs.shape
    scale = np.sqrt(np.maximum(np.einsum("iil->il", gram), 1e-300))
    g = gram / (scale[:, None] * scale[None, :])
    b = rhs / scale
    g = g + 1e-13 * np.eye(q)[:, :, None]
    best = np.zeros((q, lanes))
    value = np.zeros(lanes)
    open_lanes = np.arange(lanes)
    must = [j for j in range(q) if free[j]]
    subsets = sorted((s for s in range(1, 2**q) if all(s >> j & 1 for j in must)), key=lambda s: -int(s).bit_count())
    for subset in subsets:
        if open_lanes.size == 0:
            break
        rows = np.array([j for j in range(q) if subset >> j & 1])
        x, good = solve_positive(g[np.ix_(rows, rows, open_lanes)], b[np.ix_(rows, open_lanes)])
        feasible = good.copy()
        for position, j in enumerate(rows):
            if not free[j]:
                feasible &= x[position] >= 0
        attained = -(x * b[np.ix_(rows, open_lanes)]).sum(axis=0)
        better = feasible & (attained < value[open_lanes])
        hit = open_lanes[better]
        value[hit] = attained[better]
        full = np.zeros((q, better.sum()))
        full[rows] = x[:, better]
        best[:, hit] = full
        if len(rows) == q:  # the unconstrained optimum is feasible: nothing smaller can beat it
            open_lanes = open_lanes[~feasible]
    return best / scale, value
