r"""Sums of power terms, without autodiff and without compiling.

A law that is a sum of positive products of powers has, term by term, a logarithm that is linear in its free
coefficients: ``a_k = offset_k + sum_j F_kj theta_j`` with theta the logarithm of an amplitude or an exponent. Then
``log y = log sum_k exp a_k`` and all derivatives are moments of the shares ``p_k = exp(a_k) / sum``:

    grad log y = sum_k p_k F_k,    hess log y = sum_k p_k F_k F_k' - (sum_k p_k F_k)(sum_k p_k F_k)'

Amplitudes are quoted at the middle of the data inside the solver (features are centred), which decorrelates them from
the exponents; :meth:`AdditiveKernel.from_solver` undoes it.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.kernel import Block, Evaluation, Kernel, Lanes, blocks, pick
from tenfold.engine.objective import Objective

Array = NDArray[np.float64]

# Cells of a matrix product, rows times columns times depth, up to which OpenBLAS stays on the calling thread.
_PRODUCT = 250_000
_held = threading.local()


def _scratch(name: str, *shape: int) -> Array:
    """This thread's work array of that name, with whatever was left in it; good until the name is asked for again.

    Arrays made anew for each tile are the size at which an allocator hands memory back, and the system clears it again:
    in a process that has not yet held larger ones, that costs as much as the arithmetic.
    """
    size = math.prod(shape)
    array: Array | None = _held.__dict__.get(name)
    if array is None or array.size < size:
        array = _held.__dict__[name] = np.empty(size)
    return array[:size].reshape(shape)


@dataclass(frozen=True, slots=True)
class Term:
    """One power term: which coefficients it holds, their features (scalar or (rows,)) and an offset.

    ``scalar`` is true when nothing in it depends on the row.
    """

    coefs: tuple[int, ...]
    features: tuple[float | Array, ...]
    offset: float | Array

    @property
    def scalar(self) -> bool:
        return not any(isinstance(part, np.ndarray) for part in (*self.features, self.offset))


class AdditiveKernel(Kernel):
    """Terms on fixed rows, with everything about them that does not depend on the coefficients computed once."""

    def __init__(self, terms: tuple[Term, ...], *, size: int, rows: int, centre: Array | None = None) -> None:
        self.size, self.rows = size, rows
        self.shift = _centring(terms, size, centre)  # theta_plain = shift @ theta_solver
        self.terms = tuple(_centred(term, self.shift, size) for term in terms)
        self._plan = _Plan(self.terms, size, rows)
        self._inverse = np.linalg.inv(self.shift)

    def to_solver(self, theta: Array) -> Array:
        return theta @ self._inverse.T

    def from_solver(self, theta: Array) -> Array:
        return theta @ self.shift.T

    def model(self, theta: Array) -> Array:
        out = np.empty((theta.shape[0], self.rows))
        for block in blocks(*out.shape):
            out[block.lanes, block.rows] = self._plan.parts(theta[block.lanes], block.rows)[1]
        return out

    def jacobian(self, theta: Array) -> Array:
        out = np.zeros((self.rows, self.size))
        for term in self.terms:
            part = np.exp(term.offset + sum(theta[0, j] * f for j, f in zip(term.coefs, term.features, strict=True)))
            for j, feature in zip(term.coefs, term.features, strict=True):
                out[:, j] += part * feature
        return out

    def values(
        self, theta: Array, weights: Array, target: Array, objective: Objective, *, lanes: Lanes | None = None
    ) -> Array:
        out = np.zeros(theta.shape[0])
        for block in blocks(theta.shape[0], self.rows):
            total = self._plan.parts(theta[block.lanes], block.rows)[1]
            u = np.log(total, out=total) if objective.space == "log" else total
            v = objective.value(u, pick(target, block, lanes))
            out[block.lanes] += np.vecdot(v, pick(weights, block, lanes))
        return out

    def evaluate(
        self,
        theta: Array,
        weights: Array,
        target: Array,
        objective: Objective,
        *,
        damping: Array | None = None,
        lanes: Lanes | None = None,
    ) -> Evaluation:
        count, p = theta.shape
        if count > 1 and weights.ndim == 2 and target.ndim == 1 and _all_alike(theta, damping):
            mu, index = None if damping is None else damping[:1], np.arange(count) if lanes is None else lanes
            flat = np.ascontiguousarray(self.sums_at(theta[:1], weights, target, objective, mu, index).T)
            return Evaluation(flat[0], flat[1 : 1 + p], flat[1 + p :].reshape(p, p, count))
        out = Evaluation(np.zeros(count), np.zeros((p, count)), np.zeros((p, p, count)))
        for block in blocks(count, self.rows):
            mu = None if damping is None else damping[block.lanes]
            w, t = pick(weights, block, lanes), pick(target, block, lanes)
            self._add(out, block, theta[block.lanes], w, t, objective, mu)
        return out

    def _add(
        self, out: Evaluation, block: Block, theta: Array, w: Array, t: Array, objective: Objective, mu: Array | None
    ) -> None:
        """Add one tile's share of the objective and its derivatives."""
        parts, total = self._plan.parts(theta, block.rows)
        v, q, c = _in_log_model(objective, total, t, mu)
        out.value[block.lanes] += np.vecdot(v, w)
        q *= w
        c *= w
        self._plan.moments(out, block, parts, np.divide(1.0, total, out=total), q, c)

    def sums_at(
        self, theta: Array, weights: Array, target: Array, objective: Objective, mu: Array | None, lanes: Lanes
    ) -> Array:
        """Objective, gradient and Hessian of lanes that differ in their weights only, as resamples do at their start.

        The derivatives of every row at the one point (1, p) are computed once; each lane's sums, here in a row of
        1 + p + p * p, are then a product of matrices.
        """
        p = self.size
        sums = np.zeros((lanes.size, 1 + p + p * p))
        for tile in blocks(1, self.rows):
            parts, total = self._plan.parts(theta, tile.rows)
            v, q, c = _in_log_model(objective, total, target[tile.rows], mu)
            grad, hess = self._plan.by_row(parts, total, tile.rows, q, c)
            by_row = np.concatenate([v, grad, hess.reshape(p * p, -1)]).T.copy()
            wide = max(_PRODUCT // by_row.size, 1)
            for begin in range(0, lanes.size, wide):
                part = slice(begin, min(begin + wide, lanes.size))
                sums[part] += pick(weights, Block(part, tile.rows), lanes) @ by_row
        return sums


def _all_alike(theta: Array, damping: Array | None) -> bool:
    return bool((theta == theta[0]).all()) and (damping is None or bool((damping == damping[0]).all()))


def _in_log_model(objective: Objective, total: Array, t: Array, mu: Array | None) -> tuple[Array, Array, Array]:
    """Value, first and damped second derivative of every row in the logarithm of the model, whose value is ``total``."""
    log_space = objective.space == "log"
    u = np.log(total, out=_scratch("log", *total.shape)) if log_space else total
    v, q, c = objective.damped(u, t, None if mu is None or not mu.any() else mu[:, None])
    if log_space:
        c -= q
    else:  # y q sum_k p_k F_k F_k' is all that the curvature of y adds
        q *= total
        c *= total
        c *= total
    return v, q, c


class _Plan:
    """How a tile is computed: which rows are multiplied with which, and where the sums go.

    Rows ``J_j = sum_k p_k F_kj`` give the gradient ``sum q J_j`` and the Hessian ``sum c J_i J_j`` plus
    ``sum q sum_k p_k F_ki F_kj``. A term with a coefficient of its own of constant feature one (its ``anchor``, an
    amplitude) has its share there.
    """

    def __init__(self, terms: tuple[Term, ...], size: int, rows: int) -> None:
        self.terms, self.size = terms, size
        # asked for on every tile: coefficients, features, whether nothing depends on the row, offset
        self.steps = [(list(term.coefs), _matrix(term, rows), term.scalar, term.offset) for term in terms]
        users = [sum(j in term.coefs for term in terms) for j in range(size)]
        self.slots: list[int] = []  # of each term's share among the rows
        self.count = size
        for term in terms:
            anchors = [j for j, f in zip(term.coefs, term.features, strict=True) if users[j] == 1 and _is_one(f)]
            self.slots.append(anchors[0] if anchors else self.count)
            self.count += not anchors
        self.products = [
            (j, slot, feature)
            for term, slot in zip(terms, self.slots, strict=True)
            for j, feature in zip(term.coefs, term.features, strict=True)
            if j != slot
        ]
        self.extras, self.scatter = _own_moments(terms, self.slots, users, size, rows)

    def parts(self, theta: Array, rows: slice) -> tuple[list[Array], Array]:
        """Each term's value, (l, rows) or (l, 1), and their sum (l, rows)."""
        out, flat, deep = [], np.zeros((theta.shape[0], 1)), []
        shape = theta.shape[0], rows.stop - rows.start
        for k, (coefs, matrix, scalar, offset) in enumerate(self.steps):
            if scalar:
                part = theta[:, coefs] @ matrix
            else:
                part = np.matmul(theta[:, coefs], matrix[:, rows], out=_scratch(f"part {k}", *shape))
            if isinstance(offset, np.ndarray):
                part += offset[rows]
            elif offset:
                part += offset
            np.exp(part, out=part)
            out.append(part)
            if scalar:
                flat += part
            else:
                deep.append(part)
        total = np.add(deep[0] if deep else 0.0, flat, out=_scratch("total", *shape))
        for part in deep[1:]:
            total += part
        return out, total

    def moments(self, out: Evaluation, block: Block, parts: list[Array], inverse: Array, q: Array, c: Array) -> None:
        """Sums over the tile's rows of the gradient and of the Hessian; ``inverse`` is one over the model."""
        rows = block.rows
        jac, spare = _scratch("rows", self.count, *q.shape), _scratch("spare", *q.shape)
        for part, slot, term in zip(parts, self.slots, self.terms, strict=True):
            if term.coefs:
                np.multiply(part, inverse, out=jac[slot])
        seen: set[int] = set()
        for j, slot, feature in self.products:
            f = feature[rows] if isinstance(feature, np.ndarray) else feature
            if j in seen:
                jac[j] += np.multiply(jac[slot], f, out=spare)
            else:
                np.multiply(jac[slot], f, out=jac[j])
            seen.add(j)
        first = np.vecdot(jac[: self.size], q)
        out.grad[:, block.lanes] += first
        sums = [first]
        for slot, features in self.extras:
            sums.append(np.vecdot(np.multiply(jac[slot], q, out=spare), features[:, None, rows]))
        own = self.scatter @ np.concatenate(sums) if len(sums) > 1 else self.scatter @ first
        hess = own.reshape(self.size, self.size, -1)
        for i in range(self.size):
            row = np.vecdot(jac[: i + 1], np.multiply(c, jac[i], out=spare))
            hess[i, : i + 1] += row
            hess[:i, i] += row[:i]
        out.hess[:, :, block.lanes] += hess

    def by_row(self, parts: list[Array], total: Array, rows: slice, q: Array, c: Array) -> tuple[Array, Array]:
        """Gradient (p, rows) and Hessian (p, p, rows) of each row at one point, where parts are (1, rows) or (1, 1)."""
        jac, own = np.zeros((self.size, total.size)), np.zeros((self.size, self.size, total.size))
        for term, part in zip(self.terms, parts, strict=True):
            features = [f[rows] if isinstance(f, np.ndarray) else f for f in term.features]
            share = part[0] / total[0]
            for i, left in zip(term.coefs, features, strict=True):
                jac[i] += share * left
                for j, right in zip(term.coefs, features, strict=True):
                    own[i, j] += share * left * right
        return q * jac, c * jac[:, None] * jac + q * own


def _matrix(term: Term, rows: int) -> Array:
    """A term's features, one row for each coefficient; one column when the term does not depend on the row."""
    shape = (1,) if all(not isinstance(f, np.ndarray) for f in term.features) else (rows,)
    if isinstance(term.offset, np.ndarray):
        shape = (rows,)
    columns = [np.broadcast_to(np.asarray(f, dtype=np.float64), shape) for f in term.features]
    return np.stack(columns) if columns else np.zeros((0, *shape))


def _is_one(feature: float | Array) -> bool:
    return not isinstance(feature, np.ndarray) and feature == 1.0


def _own_moments(
    terms: tuple[Term, ...], slots: list[int], users: list[int], size: int, rows: int
) -> tuple[list[tuple[int, Array]], Array]:
    """Sums ``sum q p_k F_ki F_kj``: which rows beyond the gradient's are needed, and where each sum goes.

    Returns:
        For each term that needs some, its slot and (m, rows) products of features; and the matrix (p * p, sums) that
        takes gradient and these sums, in order, to the Hessian.
    """
    extras: list[tuple[int, Array]] = []
    places: list[tuple[int, int, int, float]] = []  # row, column, sum, factor
    count = size
    for term, slot in zip(terms, slots, strict=True):
        known: dict[tuple[int, ...], int] = {}  # product of features -> which sum
        if slot < size:
            known[()] = slot
        for j, feature in zip(term.coefs, term.features, strict=True):
            if users[j] == 1 and isinstance(feature, np.ndarray):
                known[(id(feature),)] = j
        new: list[Array] = []
        for a, (i, left) in enumerate(zip(term.coefs, term.features, strict=True)):
            for j, right in list(zip(term.coefs, term.features, strict=True))[: a + 1]:
                arrays = [f for f in (left, right) if isinstance(f, np.ndarray)]
                factor = float(np.prod([f for f in (left, right) if not isinstance(f, np.ndarray)]))
                key = tuple(sorted(id(f) for f in arrays))
                if key not in known:
                    known[key] = count + len(new)
                    new.append(np.prod([np.ones(rows), *arrays], axis=0))
                places.append((i, j, known[key], factor))
        if new:
            extras.append((slot, np.stack(new)))
            count += len(new)
    scatter = np.zeros((size, size, count))
    for i, j, which, factor in places:
        scatter[i, j, which] += factor
        if i != j:
            scatter[j, i, which] += factor
    return extras, scatter.reshape(size * size, count)


def _centring(terms: tuple[Term, ...], size: int, keep: Array | None) -> Array:
    """The linear map from solver to plain coordinates: amplitudes at the middle of the data instead of at one."""
    shift = np.eye(size)
    count = np.zeros(size, dtype=int)
    for term in terms:
        for j in term.coefs:
            count[j] += 1
    for term in terms:
        scalars = [
            (j, float(f))
            for j, f in zip(term.coefs, term.features, strict=True)
            if not isinstance(f, np.ndarray) and count[j] == 1 and (keep is None or not keep[j])
        ]
        if len(scalars) != 1:
            continue
        amplitude, unit = scalars[0]
        for j, feature in zip(term.coefs, term.features, strict=True):
            if isinstance(feature, np.ndarray):
                # feature*theta = (feature - mean)*theta + mean*theta; the mean joins the amplitude
                shift[amplitude, j] = -float(feature.mean()) / unit
    return shift


def _centred(term: Term, shift: Array, size: int) -> Term:
    rows: dict[int, float | Array] = dict.fromkeys(term.coefs, 0.0)
    for j, feature in zip(term.coefs, term.features, strict=True):
        for i in range(size):
            if shift[j, i] != 0.0:
                rows[i] = rows.get(i, 0.0) + feature * shift[j, i]
    kept = {i: f for i, f in rows.items() if isinstance(f, np.ndarray) or f != 0.0}
    return Term(tuple(kept), tuple(kept.values()), term.offset)
