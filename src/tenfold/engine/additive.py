r"""Sums of power terms, without autodiff and without compiling.

A law that is a sum of positive products of powers has, term by term, a logarithm that is linear in its free
coefficients: ``a_k = offset_k + sum_j F_kj theta_j`` with theta the logarithm of an amplitude or an exponent. Then
``log y = log sum_k exp a_k`` and all derivatives are moments of the shares ``p_k = exp(a_k) / sum``:

    grad log y = sum_k p_k F_k,    hess log y = sum_k p_k F_k F_k' - (sum_k p_k F_k)(sum_k p_k F_k)'

Amplitudes are quoted at the middle of the data inside the solver (features are centred), which decorrelates them from
the exponents; :meth:`AdditiveKernel.from_solver` undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.kernel import Evaluation, Kernel, row_sum
from tenfold.engine.objective import Objective

Array = NDArray[np.float64]


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
    """Terms on fixed rows, with the moments' feature products computed once."""

    def __init__(self, terms: tuple[Term, ...], *, size: int, rows: int, centre: Array | None = None) -> None:
        self.size, self.rows = size, rows
        self.shift = _centring(terms, size, centre)  # theta_plain = shift @ theta_solver
        self.terms = tuple(_centred(term, self.shift, size) for term in terms)
        self._own = [_Own(term, rows) for term in self.terms]
        self._cross = [_Cross(k, o, self.terms, rows) for k in range(len(self.terms)) for o in range(k + 1)]
        self._inverse = np.linalg.inv(self.shift)

    def to_solver(self, theta: Array) -> Array:
        return theta @ self._inverse.T

    def from_solver(self, theta: Array) -> Array:
        return theta @ self.shift.T

    def parts(self, theta: Array) -> tuple[list[Array], Array]:
        """Each term's value, (L, rows) or (L, 1), and their sum (L, rows)."""
        out = []
        for term in self.terms:
            total: Array = np.zeros((theta.shape[0], 1)) + term.offset
            for j, feature in zip(term.coefs, term.features, strict=True):
                total = total + theta[:, j : j + 1] * feature
            out.append(np.exp(np.minimum(total, 690.0, out=total), out=total))
        total = np.zeros((theta.shape[0], self.rows))
        for part in out:
            total += part
        return out, total

    def model(self, theta: Array) -> Array:
        return self.parts(theta)[1]

    def values(self, theta: Array, weights: Array, target: Array, objective: Objective) -> Array:
        total = self.model(theta)
        u = np.log(total, out=total) if objective.space == "log" else total
        return row_sum(weights, objective.value(u, target))

    def evaluate(
        self, theta: Array, weights: Array, target: Array, objective: Objective, *, curvature: bool = True
    ) -> Evaluation:
        lanes, p = theta.shape
        parts, total = self.parts(theta)
        log_space = objective.space == "log"
        v, d1, d2, m = objective.derivatives(np.log(total) if log_space else total, target)
        q = weights * d1
        c = weights * d2
        m = weights * m
        if not log_space:  # to derivatives in log y
            c, m = (c * total + q) * total, m * total * total
            q = q * total
        c -= q
        grad = np.zeros((p, lanes))
        hess = np.zeros((p, p, lanes))
        major = np.zeros((p, p, lanes))
        share = [part / total for part in parts]
        for k, own in enumerate(self._own):
            own.scatter((q * share[k]) @ own.features, grad, hess)
        for cross in self._cross:
            product = share[cross.left] * share[cross.right]
            cross.scatter((c * product) @ cross.features, hess)
            if curvature:
                cross.scatter((m * product) @ cross.features, major)
        return Evaluation(row_sum(weights, v), grad, hess, major)


class _Own:
    """Moments of one term with itself: ``sum w F`` and ``sum w F F'``."""

    def __init__(self, term: Term, rows: int) -> None:
        self.coefs = term.coefs
        vectors = [np.broadcast_to(np.asarray(f, dtype=np.float64), (rows,)) for f in term.features]
        self.pairs = [(a, b) for a in range(len(vectors)) for b in range(a + 1)]
        columns = vectors + [vectors[a] * vectors[b] for a, b in self.pairs]
        self.features = np.stack(columns, axis=1) if columns else np.zeros((rows, 0))

    def scatter(self, moments: Array, grad: Array, hess: Array) -> None:
        """Add moments (L, m) where they belong."""
        count = len(self.coefs)
        for a, j in enumerate(self.coefs):
            grad[j] += moments[:, a]
        for position, (a, b) in enumerate(self.pairs):
            _add(hess, self.coefs[a], self.coefs[b], moments[:, count + position])


class _Cross:
    """Moments of two terms: ``sum w (F G' + G F')``, once when they are the same term."""

    def __init__(self, left: int, right: int, terms: tuple[Term, ...], rows: int) -> None:
        self.left, self.right = left, right
        one, two = terms[left], terms[right]
        self.entries: list[tuple[int, int, float]] = []
        columns = []
        for a, j in enumerate(one.coefs):
            for b, i in enumerate(two.coefs):
                if left == right and b > a:
                    continue
                self.entries.append((j, i, 2.0 if left != right and i == j else 1.0))
                columns.append(np.broadcast_to(np.asarray(one.features[a] * two.features[b], dtype=np.float64), (rows,)))
        self.features = np.stack(columns, axis=1) if columns else np.zeros((rows, 0))

    def scatter(self, moments: Array, out: Array) -> None:
        """Add moments (L, m) where they belong."""
        for position, (j, i, factor) in enumerate(self.entries):
            _add(out, j, i, factor * moments[:, position] if factor != 1.0 else moments[:, position])


def _add(matrix: Array, j: int, i: int, value: Array) -> None:
    matrix[j, i] += value
    if i != j:
        matrix[i, j] += value


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
