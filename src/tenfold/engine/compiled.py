"""The Newton method for sums of power terms, one lane at a time, compiled by numba.

The same algorithm as :mod:`tenfold.engine.newton` on :mod:`tenfold.engine.additive`, step for step; sums are taken in
another order, so that results agree to rounding. Terms arrive as arrays, hence one compilation serves every law; it is
kept on disk. Imported only by :mod:`tenfold.engine.fast`, and only when the compiled path is wanted.

Rows are handled in passes over short arrays that stay in the first-level cache, each simple enough to be vectorised.
Sums may be reassociated; exp and log may not, or the rounding trick in them would be optimised away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.newton import QUIET, RAISE

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
F = TypeVar("F", bound=Callable[..., Any])

TILE, STEP = 512, 32  # rows in a pass; padded to whole vectors, since leftover rows would cost a vector each
HUBER, SQUARED, STUDENT = 0, 1, 2

_CONVERGED, _STALLED, _OUT_OF_STEPS, _FLAT, _NON_FINITE = (
    Status.CONVERGED.code,
    Status.STALLED.code,
    Status.OUT_OF_STEPS.code,
    Status.FLAT.code,
    Status.NON_FINITE.code,
)
_MAGIC, _MAGIC_BITS = 6755399441055744.0, 0x4338000000000000  # 1.5 * 2**52: adding it rounds to a whole number
_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
_TOP, _BOTTOM = 709.782712893384, -708.3964185322641  # beyond, exp overflows or is below the smallest normal number


def _jit(*, sums: bool = False, cache: bool = False) -> Callable[[F], F]:
    flags = {"contract", "nsz", "reassoc"} if sums else {"contract"}
    return cast("Callable[[F], F]", numba.njit(cache=cache, nogil=True, error_model="numpy", fastmath=flags))


def _bitcast(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    return builder.bitcast(args[0], context.get_value_type(signature.return_type))


def _float_of(context: Any, bits: Any) -> Any:
    """The float whose bits are an integer's."""

    return types.float64(types.int64), _bitcast


def _bits_of(context: Any, value: Any) -> Any:
    """The bits of a float as an integer."""

    return types.int64(types.float64), _bitcast


_as_float: Any = intrinsic(_float_of)
_as_bits: Any = intrinsic(_bits_of)


@_jit(cache=True)
def exp_rows(x: Array) -> None:
    """``x = exp(x)`` in place, within one unit in the last place; subnormal results are flushed to zero."""
    for i in range(x.size):
        given = x[i]
        y = given if given < _TOP else _TOP
        y = y if y > _BOTTOM else _BOTTOM
        rounded = y * _LOG2E + _MAGIC
        whole = rounded - _MAGIC
        r = (y - whole * _LN2_HIGH) - whole * _LN2_LOW
        p = 1.0 / 6227020800.0
        p = p * r + 1.0 / 479001600.0
        p = p * r + 1.0 / 39916800.0
        p = p * r + 1.0 / 3628800.0
        p = p * r + 1.0 / 362880.0
        p = p * r + 1.0 / 40320.0
        p = p * r + 1.0 / 5040.0
        p = p * r + 1.0 / 720.0
        p = p * r + 1.0 / 120.0
        p = p * r + 1.0 / 24.0
        p = p * r + 1.0 / 6.0
        p = p * r + 0.5
        p = 1.0 + (r + r * r * p)
        # in two halves: 2**1024 is not a number although e**709.7 is, nor is 2**-1023 a normal one
        n = _as_bits(rounded) - _MAGIC_BITS
        out = p * _as_float(((n >> 1) + 1023) << 52) * _as_float((n - (n >> 1) + 1023) << 52)
        out = out if given <= _TOP else np.inf
        out = out if given >= _BOTTOM else 0.0
        x[i] = out if given == given else given


@_jit(cache=True)
def log_rows(x: Array, out: Array) -> None:
    """``out = log(x)`` within one unit in the last place (the rational form of fdlibm's e_log.c)."""
    for i in range(x.size):
        given = x[i]
        tiny = given < 2.2250738585072014e-308
        bits = _as_bits(given * 18014398509481984.0 if tiny else given)
        low = bits & 0x000FFFFFFFFFFFFF
        # mantissas above the root of two are halved
        carry = (low + 0x95F6400000000) & 0x10000000000000
        f = _as_float(low | (carry ^ 0x3FF0000000000000)) - 1.0
        exponent = (bits >> 52) + (carry >> 52) - 1023
        e = (_as_float(exponent + _MAGIC_BITS) - _MAGIC) - (54.0 if tiny else 0.0)
        s = f / (2.0 + f)
        z = s * s
        p = 1.479819860511658591e-01
        p = p * z + 1.531383769920937332e-01
        p = p * z + 1.818357216161805012e-01
        p = p * z + 2.222219843214978396e-01
        p = p * z + 2.857142874366239149e-01
        p = p * z + 3.999999999940941908e-01
        p = p * z + 6.666666666666735130e-01
        half = 0.5 * f * f
        y = e * _LN2_HIGH - ((half - (s * (half + p * z) + e * _LN2_LOW)) - f)
        y = y if given > 0.0 else (-np.inf if given == 0.0 else np.nan)
        out[i] = y if given < np.inf else given


@_jit()
def _copy(source: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = source[i]


@_jit()
def _objective(kind: int, a: float, b: float, mu: float, r: Array, v: Array, q: Array, c: Array) -> None:
    """Value, first derivative and damped second derivative of every row; its residual ``r`` is overwritten."""
    if kind == HUBER:  # threshold a, multiplied by b
        for i in range(r.size):
            size = abs(r[i])
            inside = size if size < a else a
            v[i] = b * inside * (size - 0.5 * inside)
            q[i] = b * inside if r[i] > 0.0 else -b * inside
            c[i] = b * ((1.0 if size <= a else 0.0) + mu * (a / (size if size > a else a)))
    elif kind == SQUARED:
        for i in range(r.size):
            v[i] = r[i] * r[i]
            q[i] = 2.0 * r[i]
            c[i] = 2.0 + 2.0 * mu
    else:  # Student: a degrees of freedom, scale b
        base = a * b * b
        for i in range(r.size):
            square = r[i] * r[i]
            m = (a + 1.0) / (base + square)
            q[i] = m * r[i]
            c[i] = m * (1.0 - 2.0 * square / (base + square)) + mu * m
            r[i] = square / base
            v[i] = 1.0 + r[i]
        log_rows(v, v)
        for i in range(r.size):  # what rounding of 1 + z loses is added back
            v[i] = 0.5 * (a + 1.0) * (v[i] + (r[i] - ((1.0 + r[i]) - 1.0)) / (1.0 + r[i]))


@_jit()
def _shares(theta: Array, terms: Any, tile: int, n: int, share: Array, total: Array) -> None:
    """Each term's value on the ``n`` rows of a tile, and their sum."""
    begins, coefs, pointers, scalars, _, flat, offsets, features = terms
    off, feature = offsets[tile], features[tile]
    base = 0.0
    for k in range(flat.size):
        constant, open_row = 0.0, True
        for e in range(begins[k], begins[k + 1]):
            if pointers[e] < 0:
                constant += theta[coefs[e]] * scalars[e]
        if flat[k]:
            share[k, 0] = off[k, 0] + constant
            exp_rows(share[k][:1])
            base += share[k, 0]
            for i in range(n):
                share[k, i] = share[k, 0]
            continue
        for e in range(begins[k], begins[k + 1]):
            slope, row = theta[coefs[e]], pointers[e]
            if row >= 0 and open_row:
                for i in range(n):
                    share[k, i] = slope * feature[row, i] + (off[k, i] + constant)
                open_row = False
            elif row >= 0:
                for i in range(n):
                    share[k, i] += slope * feature[row, i]
        if open_row:
            for i in range(n):
                share[k, i] = off[k, i] + constant
        exp_rows(share[k][:n])
    for i in range(n):
        total[i] = base
    for k in range(flat.size):
        if not flat[k]:
            for i in range(n):
                total[i] += share[k, i]


@_jit(sums=True)
def _moments(
    terms: Any, tile: int, share: Array, inverse: Array, jac: Array, q: Array, c: Array, grad: Array, hess: Array
) -> None:
    """Add the rows' part of the gradient and of the Hessian's lower half.

    ``J_j = sum_k p_k F_kj`` with shares ``p_k``; then ``sum q J_j`` and ``sum c J_i J_j + q sum_k p_k F_ki F_kj``.
    """
    begins, coefs, pointers, scalars, fresh, flat, _, features = terms
    feature, n, p = features[tile], q.size, grad.size
    spare = jac[p]
    for k in range(flat.size):
        for i in range(n):
            share[k, i] *= inverse[i]
        for e in range(begins[k], begins[k + 1]):
            j, row, scalar = coefs[e], pointers[e], scalars[e]
            if not fresh[e]:
                for i in range(n):
                    jac[j, i] += (scalar if row < 0 else feature[row, i]) * share[k, i]
            elif row < 0:
                for i in range(n):
                    jac[j, i] = scalar * share[k, i]
            else:
                for i in range(n):
                    jac[j, i] = feature[row, i] * share[k, i]
        _own(begins[k], begins[k + 1], terms, feature, q, share[k], spare, hess)
    for a in range(p):
        first = 0.0
        for i in range(n):
            first += q[i] * jac[a, i]
            spare[i] = c[i] * jac[a, i]
        grad[a] += first
        for b in range(a + 1):
            second = 0.0
            for i in range(n):
                second += spare[i] * jac[b, i]
            hess[a, b] += second


@_jit(sums=True)
def _own(begin: int, end: int, terms: Any, feature: Array, q: Array, share: Array, spare: Array, hess: Array) -> None:
    """Add ``sum q p_k F_ki F_kj`` of one term: sums over the rows for no, one and two features that depend on them."""
    _, coefs, pointers, scalars, _, _, _, _ = terms
    n, none = q.size, 0.0
    for i in range(n):
        spare[i] = q[i] * share[i]
        none += spare[i]
    for e in range(begin, end):
        row, one = pointers[e], 0.0
        if row >= 0:
            for i in range(n):
                one += spare[i] * feature[row, i]
        else:
            one = scalars[e] * none
        for d in range(begin, end):
            i, j = coefs[e], coefs[d]
            if pointers[d] < 0:  # one of them is constant; each such pair is met from the side of the other
                if row >= 0 or d <= e:
                    hess[max(i, j), min(i, j)] += scalars[d] * one
            elif row >= 0 and d <= e:
                both = 0.0
                for r in range(n):
                    both += spare[r] * feature[row, r] * feature[pointers[d], r]
                hess[max(i, j), min(i, j)] += both


@_jit()
def _weigh(w: Array, total: Array, log_space: Any, q: Array, c: Array) -> None:
    """Weighted derivatives in the model's logarithm; ``total`` becomes one over itself."""
    if log_space:
        for i in range(q.size):
            q[i] *= w[i]
            c[i] = c[i] * w[i] - q[i]
            total[i] = 1.0 / total[i]
    else:
        for i in range(q.size):
            q[i] *= w[i] * total[i]
            c[i] *= w[i] * total[i] * total[i]
            total[i] = 1.0 / total[i]


@_jit(sums=True)
def _weighted(w: Array, v: Array) -> float:
    total = 0.0
    for i in range(v.size):
        total += w[i] * v[i]
    return total


@_jit()
def _evaluate(
    theta: Array, w: Array, t: Array, mu: float, loss: Any, terms: Any, work: Array, grad: Array, hess: Array
) -> float:
    """The objective, its gradient and its damped Hessian at one point; ``w`` and ``t`` are (tiles, TILE), padded."""
    kind, a, b, log_space, rows = loss
    count, p = terms[5].size, theta.size
    share, jac, rest = work[:count], work[count : count + p + 1], work[count + p + 1 :]
    for i in range(p):
        grad[i] = 0.0
        for j in range(p):
            hess[i, j] = 0.0
    value = 0.0
    for tile in range(w.shape[0]):
        n = min(TILE, rows - tile * TILE)
        total, r, v, q, c = rest[0][:n], rest[1][:n], rest[2][:n], rest[3][:n], rest[4][:n]
        weights, aim = w[tile][:n], t[tile][:n]
        _shares(theta, terms, tile, n, share, total)
        if log_space:
            log_rows(total, r)
            for i in range(n):
                r[i] -= aim[i]
        else:
            for i in range(n):
                r[i] = total[i] - aim[i]
        _objective(kind, a, b, mu, r, v, q, c)
        value += _weighted(weights, v)
        _weigh(weights, total, log_space, q, c)
        _moments(terms, tile, share, total, jac, q, c, grad, hess)
    for i in range(p):
        for j in range(i):
            hess[j, i] = hess[i, j]
    return value


@_jit()
def _solve(matrix: Array, grad: Array, held: Any, m: Array, step: Array) -> bool:
    """The Newton step with some coefficients held, by elimination; false when the matrix is not positive definite."""
    p = grad.size
    for i in range(p):
        for j in range(p):
            m[i, j] = 0.0 if held[i] or held[j] else matrix[i, j]
        if held[i]:
            m[i, i] = 1.0
        step[i] = 0.0 if held[i] else -grad[i]
    for j in range(p):
        # m[j, j] may have lost 14 digits to cancellation; then it is rounding, not curvature
        least = 1e-14 * (1.0 if held[j] else abs(matrix[j, j]))
        if not m[j, j] > least:
            return False
        for i in range(j + 1, p):
            factor = m[i, j] / m[j, j]
            for k in range(j + 1, p):
                m[i, k] -= factor * m[j, k]
            step[i] -= factor * step[j]
    for j in range(p - 1, -1, -1):
        step[j] /= m[j, j]
        for i in range(j):
            step[i] -= m[i, j] * step[j]
    finite = True
    for j in range(p):
        finite = finite and np.isfinite(step[j])
    return finite


@_jit()
def _direction(
    theta: Array,
    low: Array,
    high: Array,
    grad: Array,
    hess: Array,
    mu: float,
    extra: float,
    held: Any,
    damped: Array,
    m: Array,
    step: Array,
) -> bool:
    """The damped Newton direction, with coefficients on a bound held when gradient or step points outward."""
    p = theta.size
    largest = 0.0
    for j in range(p):
        largest = max(largest, abs(hess[j, j]))
    for i in range(p):
        for j in range(p):
            damped[i, j] = hess[i, j] / (1.0 + mu)
    for j in range(p):
        damped[j, j] += 1e-3 * extra / (1.0 + mu) * (abs(hess[j, j]) + 1e-12 * largest)
        held[j] = (theta[j] <= low[j] and grad[j] > 0) or (theta[j] >= high[j] and grad[j] < 0) or low[j] >= high[j]
    good = _solve(damped, grad, held, m, step)
    outward = False
    for j in range(p):
        if not held[j] and ((theta[j] <= low[j] and step[j] < 0) or (theta[j] >= high[j] and step[j] > 0)):
            outward = True
            held[j] = True
    return _solve(damped, grad, held, m, step) if outward else good


@_jit()
def lane(
    theta: Array,
    low: Array,
    high: Array,
    w: Array,
    t: Array,
    loss: Any,
    terms: Any,
    settings: Any,
    work: Array,
    out: Array,
) -> tuple[float, int, int]:
    """Minimise one lane from ``theta``, which becomes the end point; ``out`` becomes the gradient there.

    Returns:
        The objective, the status and the number of steps.
    """
    max_steps, decrement, least, reach, damping, floor = settings
    p = theta.size
    small = np.empty((4, p))
    grad, step, trial, new_grad = small[0], small[1], small[2], small[3]
    square = np.empty((4, p, p))
    hess, new_hess, damped, scratch = square[0], square[1], square[2], square[3]
    held = np.zeros(p, dtype=np.bool_)
    mu, next_mu, scale = damping, _shrunk(damping), 1.0
    value = _evaluate(theta, w, t, mu, loss, terms, work, grad, hess)
    status, steps, quiet = _OUT_OF_STEPS, 0, 0
    if not np.isfinite(value):
        _copy(grad, out)
        return value, _NON_FINITE, 0
    for _ in range(max_steps):
        steps += 1
        good = _direction(theta, low, high, grad, hess, mu, next_mu if scale < 1.0 else mu, held, damped, scratch, step)
        predicted, tiny, free = _propose(theta, low, high, grad, step, damped, scale, reach, least, trial, held)
        good = good and predicted >= 0.0
        if not good:
            _copy(theta, trial)
            tiny = True
        magnitude = abs(value)
        tiny = tiny or predicted <= decrement * magnitude + floor
        last = good and tiny and scale == 1.0 and mu <= 1e-2
        used = next_mu if good else max(RAISE * mu, 1e-4)
        new = _evaluate(trial, w, t, used, loss, terms, work, new_grad, new_hess)
        drowned = predicted <= 1e-13 * magnitude + floor
        accept = np.isfinite(new) and new <= value + (1e-12 if last or drowned else 4e-16) * magnitude + floor
        gain = 1.0 if drowned else (value - new) / max(predicted, 1e-300)
        if good and drowned and scale == 1.0 and mu <= 1e-2:
            quiet += 1
        if accept:
            if good:
                next_mu = _shrunk(used) if gain > 0.75 else (used if gain > 0.25 else max(RAISE * used, 1e-4))
            else:
                next_mu = 0.3 * used
            mu, scale, value = used, 1.0, new
            _copy(trial, theta)
            _copy(new_grad, grad)
            for i in range(p):
                _copy(new_hess[i], hess[i])
        else:
            next_mu = max(RAISE * max(used, mu), 1e-4)
            back = min(max(predicted / max(new - value + 2.0 * predicted, 1e-300), 0.1), 0.5)
            scale *= back if np.isfinite(new) else 0.1
        if last or not free or quiet >= QUIET or value <= floor:
            status = _CONVERGED
            break
        if mu > 1e12 or scale < 1e-12:
            slope = 0.0
            for j in range(p):
                slope = max(slope, 0.0 if held[j] else abs(grad[j]))
            status = _FLAT if slope <= 1e-7 * max(magnitude, 1e-12) else _STALLED
            break
    _copy(grad, out)
    return value, status, steps


@_jit()
def _shrunk(mu: float) -> float:
    return 0.0 if 0.05 * mu < 1e-9 else 0.05 * mu


@_jit()
def _propose(
    theta: Array,
    low: Array,
    high: Array,
    grad: Array,
    step: Array,
    damped: Array,
    scale: float,
    reach: float,
    least: float,
    trial: Array,
    held: Any,
) -> tuple[float, bool, bool]:
    """The trial point, the decrease that the model predicts there, whether the move is tiny and whether any is free."""
    p = theta.size
    size = 0.0
    for j in range(p):
        size = max(size, abs(step[j]))
    factor = scale * min(1.0, reach / max(size, 1e-300))
    tiny, free = True, False
    for j in range(p):
        trial[j] = min(max(theta[j] + factor * step[j], low[j]), high[j])
        tiny = tiny and abs(trial[j] - theta[j]) <= least * (1.0 + abs(theta[j]))
        outward = (theta[j] <= low[j] and grad[j] > 0) or (theta[j] >= high[j] and grad[j] < 0) or low[j] >= high[j]
        free = free or not outward
    predicted = 0.0
    for i in range(p):
        curved = 0.0
        for j in range(p):
            curved += damped[i, j] * (trial[j] - theta[j])
        predicted -= (trial[i] - theta[i]) * (grad[i] + 0.5 * curved)
    return predicted, tiny, free


@_jit(cache=True)
def chunk(
    theta: Array, low: Array, high: Array, weights: Array, target: Array, loss: Any, terms: Any, settings: Any
) -> tuple[Array, Ints, Ints, Array]:
    """Minimise lanes (L, p) one after the other, in place; weights and targets are (L, n), or (1, n) when shared.

    Returns:
        Objectives, statuses, steps and gradients (p, L).
    """
    lanes, p = theta.shape
    tiles, n = terms[6].shape[0], weights.shape[1]
    work = np.zeros((terms[5].size + p + 6, TILE))
    # rows beyond the last have no weight; their targets only need to be finite
    w, t = np.zeros((tiles, TILE)), np.ones((tiles, TILE))
    flat_w, flat_t = w.ravel()[:n], t.ravel()[:n]
    value, grad = np.empty(lanes), np.empty((p, lanes))
    status, steps = np.empty(lanes, dtype=np.int64), np.empty(lanes, dtype=np.int64)
    out = np.empty(p)
    for i in range(lanes):
        if i == 0 or weights.shape[0] > 1:
            _copy(weights[i], flat_w)
        if i == 0 or target.shape[0] > 1:
            _copy(target[i], flat_t)
        for j in range(p):
            theta[i, j] = min(max(theta[i, j], low[i, j]), high[i, j])
        value[i], status[i], steps[i] = lane(theta[i], low[i], high[i], w, t, loss, terms, settings, work, out)
        for j in range(p):
            grad[j, i] = out[j]
    return value, status, steps, grad
