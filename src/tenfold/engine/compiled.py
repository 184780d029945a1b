"""The Newton method for sums of power terms, one lane at a time, compiled by numba.

The same algorithm as :mod:`tenfold.engine.newton` on :mod:`tenfold.engine.additive`, step for step; sums are taken in
another order, so that results agree to rounding. Terms arrive as arrays, hence one compilation serves every law; it is
kept on disk (:mod:`tenfold.engine.stored`). Imported only by :mod:`tenfold.engine.fast`, and only when the compiled path
is wanted.

Rows with weight, two thirds of them in a bootstrap resample, are gathered once for a lane into a work array that stays in
the core's cache; everything is then computed in passes over its lines, each simple enough to be vectorised. Only the
outermost function allocates. The others are compiled without counting references: the counts are atomic, and for a few
hundred rows cost as much as the arithmetic.
Sums may be reassociated; :mod:`tenfold.engine.elementary` says what may not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.status import Status
from tenfold.engine.elementary import exp, jit, log
from tenfold.engine.newton import LOWER, QUIET, RAISE

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

TILE, STEP = 512, 16  # rows in a pass; padded to whole vectors, since leftover rows would cost a vector each
# lines of the work array that every law has; then come its features, the values of its terms and the rows J_j
WEIGHT, TARGET, TOTAL, VALUE, FIRST, SECOND, SPARE, FEATURES = range(8)
HUBER, SQUARED, STUDENT = 0, 1, 2

_CONVERGED, _STALLED, _OUT_OF_STEPS, _FLAT, _NON_FINITE = (
    Status.CONVERGED.code,
    Status.STALLED.code,
    Status.OUT_OF_STEPS.code,
    Status.FLAT.code,
    Status.NON_FINITE.code,
)


@jit()
def _copy(source: Array, out: Array) -> None:
    for i in range(source.size):
        out[i] = source[i]


@jit()
def _objective(work: Array, n: int, kind: int, a: float, b: float, mu: float) -> None:
    """Value, first derivative and damped second derivative of every row, from its residual in ``VALUE``."""
    if kind == HUBER:  # threshold a, multiplied by b
        for i in range(n):
            r = work[VALUE, i]
            size = abs(r)
            inside = size if size < a else a
            work[VALUE, i] = b * inside * (size - 0.5 * inside)
            work[FIRST, i] = b * inside if r > 0.0 else -b * inside
            work[SECOND, i] = b * ((1.0 if size <= a else 0.0) + mu * (a / (size if size > a else a)))
    elif kind == SQUARED:
        for i in range(n):
            r = work[VALUE, i]
            work[VALUE, i] = r * r
            work[FIRST, i] = 2.0 * r
            work[SECOND, i] = 2.0 + 2.0 * mu
    else:  # Student: a degrees of freedom, scale b
        base = a * b * b
        for i in range(n):
            r = work[VALUE, i]
            square = r * r
            m = (a + 1.0) / (base + square)
            work[FIRST, i] = m * r
            work[SECOND, i] = m * (1.0 - 2.0 * square / (base + square)) + mu * m
            z = square / base
            # what rounding of 1 + z loses is added back
            work[VALUE, i] = 0.5 * (a + 1.0) * (log(1.0 + z) + (z - ((1.0 + z) - 1.0)) / (1.0 + z))


@jit()
def _model(theta: Array, terms: Any, work: Array, n: int) -> None:
    """Each term's value on every row, and their sum in ``TOTAL``."""
    begins, coefs, pointers, scalars, _, constants, offsets, features, _ = terms
    for i in range(n):
        work[TOTAL, i] = 0.0
    for k in range(offsets.size):
        share, constant = FEATURES + features.shape[0] + k, constants[k]
        for e in range(begins[k], begins[k + 1]):
            if pointers[e] < 0:
                constant += theta[coefs[e]] * scalars[e]
        flat = True
        if offsets[k] >= 0:
            flat = False
            for i in range(n):
                work[share, i] = work[offsets[k], i] + constant
        for e in range(begins[k], begins[k + 1]):
            slope, row = theta[coefs[e]], pointers[e]
            if row >= 0 and flat:
                flat = False
                for i in range(n):
                    work[share, i] = constant + slope * work[row, i]
            elif row >= 0:
                for i in range(n):
                    work[share, i] += slope * work[row, i]
        if flat:
            value = exp(constant)
            for i in range(n):
                work[share, i] = value
                work[TOTAL, i] += value
        else:
            for i in range(n):
                work[share, i] = exp(work[share, i])
                work[TOTAL, i] += work[share, i]


@jit()
def _residual(work: Array, n: int, log_space: Any) -> None:
    """The model, or its logarithm, minus the target, in ``VALUE``."""
    if log_space:
        for i in range(n):
            work[VALUE, i] = log(work[TOTAL, i]) - work[TARGET, i]
    else:
        for i in range(n):
            work[VALUE, i] = work[TOTAL, i] - work[TARGET, i]


@jit(sums=True)
def _weigh(work: Array, n: int, log_space: Any) -> float:
    """The weighted sum of the values; derivatives are weighted and become those in the model's logarithm.

    ``TOTAL`` becomes one over itself.
    """
    value = 0.0
    if log_space:
        for i in range(n):
            value += work[WEIGHT, i] * work[VALUE, i]
            work[FIRST, i] *= work[WEIGHT, i]
            work[SECOND, i] = work[WEIGHT, i] * work[SECOND, i] - work[FIRST, i]
            work[TOTAL, i] = 1.0 / work[TOTAL, i]
    else:
        for i in range(n):
            value += work[WEIGHT, i] * work[VALUE, i]
            scale = work[WEIGHT, i] * work[TOTAL, i]
            work[FIRST, i] *= scale
            work[SECOND, i] *= scale * work[TOTAL, i]
            work[TOTAL, i] = 1.0 / work[TOTAL, i]
    return value


@jit(sums=True)
def _moments(terms: Any, work: Array, n: int, grad: Array, hess: Array) -> None:
    """Add the rows' part of the gradient and of the Hessian's lower half.

    ``J_j = sum_k p_k F_kj`` with shares ``p_k``; then ``sum q J_j`` and ``sum c J_i J_j + q sum_k p_k F_ki F_kj``.
    """
    begins, coefs, pointers, scalars, fresh, _, _, features, lines = terms
    share = FEATURES + features.shape[0]
    for k in range(begins.size - 1):
        none = _share(work, n, share + k)
        for e in range(begins[k], begins[k + 1]):
            j, row, scalar = coefs[e], pointers[e], scalars[e]
            one, two = scalar * none, scalar * scalar * none
            if row >= 0:
                one, two = _varying(work, n, share + k, row, lines[j], fresh[e])
            elif lines[j] != share + k:
                _constant(work, n, share + k, scalar, lines[j], fresh[e])
            grad[j] += one
            hess[j, j] += two
            for d in range(begins[k], e):
                low, high = min(j, coefs[d]), max(j, coefs[d])
                if pointers[d] < 0:
                    hess[high, low] += scalars[d] * one
                elif row < 0:
                    hess[high, low] += scalar * _product(work, n, pointers[d])
                else:
                    hess[high, low] += _product_of_two(work, n, pointers[d], row)
    _gram(work, n, lines, hess)


@jit(sums=True)
def _share(work: Array, n: int, share: int) -> float:
    """A term's value becomes its share, ``SPARE`` that times the first derivative, of which the sum is returned."""
    total = 0.0
    for i in range(n):
        part = work[share, i] * work[TOTAL, i]
        work[share, i] = part
        work[SPARE, i] = work[FIRST, i] * part
        total += work[FIRST, i] * part
    return total


@jit(sums=True)
def _varying(work: Array, n: int, share: int, row: int, out: int, fresh: Any) -> tuple[float, float]:
    """Add a share times a feature to a row ``J_j``; the sums of ``SPARE`` times the feature and times its square."""
    one, two = 0.0, 0.0
    if not fresh:
        for i in range(n):
            work[out, i] += work[row, i] * work[share, i]
    else:
        for i in range(n):
            work[out, i] = work[row, i] * work[share, i]
    for i in range(n):
        part = work[SPARE, i] * work[row, i]
        one += part
        two += part * work[row, i]
    return one, two


@jit(sums=True)
def _constant(work: Array, n: int, share: int, scalar: float, out: int, fresh: Any) -> None:
    """Add a share times a constant feature to a row ``J_j``."""
    if fresh:
        for i in range(n):
            work[out, i] = scalar * work[share, i]
    else:
        for i in range(n):
            work[out, i] += scalar * work[share, i]


@jit(sums=True)
def _product(work: Array, n: int, row: int) -> float:
    total = 0.0
    for i in range(n):
        total += work[SPARE, i] * work[row, i]
    return total


@jit(sums=True)
def _product_of_two(work: Array, n: int, row: int, other: int) -> float:
    total = 0.0
    for i in range(n):
        total += work[SPARE, i] * work[row, i] * work[other, i]
    return total


@jit(sums=True)
def _gram(work: Array, n: int, lines: Ints, hess: Array) -> None:
    """Add ``sum c J_i J_j``, two rows with two in a pass; a last row without a partner is its own."""
    p = lines.size
    for a in range(0, p, 2):
        a1 = min(a + 1, p - 1)
        for b in range(0, a + 1, 2):
            b1 = min(b + 1, p - 1)
            aa, ab, ba, bb = _four(work, n, lines[a], lines[a1], lines[b], lines[b1])
            hess[a, b] += aa
            if b < b1 <= a:
                hess[a, b1] += ab
            if a < a1:
                hess[a1, b] += ba
                hess[a1, b1] += bb


@jit(sums=True)
def _four(work: Array, n: int, x: int, y: int, s: int, t: int) -> tuple[float, float, float, float]:
    """The sums of ``c x s``, ``c x t``, ``c y s`` and ``c y t``: each row that is read serves two of them."""
    xs, xt, ys, yt = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        cx, cy = work[SECOND, i] * work[x, i], work[SECOND, i] * work[y, i]
        xs += cx * work[s, i]
        xt += cx * work[t, i]
        ys += cy * work[s, i]
        yt += cy * work[t, i]
    return xs, xt, ys, yt


@jit()
def _load(rows: Any, terms: Any, tile: int, work: Array) -> int:
    """Bring a tile of the rows that count into the work array; how many, padded with the last one at no weight."""
    weights, target, lane_w, lane_t, index, count = rows
    features, begin = terms[7], tile * TILE
    n = min(TILE, count - begin)
    if count == weights.shape[1]:
        _copy(weights[lane_w, begin : begin + n], work[WEIGHT])
        _copy(target[lane_t, begin : begin + n], work[TARGET])
        for row in range(features.shape[0]):
            _copy(features[row, begin : begin + n], work[FEATURES + row])
    else:
        for i in range(n):
            work[WEIGHT, i] = weights[lane_w, index[begin + i]]
            work[TARGET, i] = target[lane_t, index[begin + i]]
        for row in range(features.shape[0]):
            for i in range(n):
                work[FEATURES + row, i] = features[row, index[begin + i]]
    padded: int = -(-n // STEP) * STEP
    for i in range(n, padded):
        work[WEIGHT, i], work[TARGET, i] = 0.0, work[TARGET, n - 1]
        for row in range(FEATURES, FEATURES + features.shape[0]):
            work[row, i] = work[row, n - 1]
    return padded


@jit(apart=True)
def _evaluate(
    theta: Array,
    rows: Any,
    mu: float,
    whole: Any,
    loss: Any,
    terms: Any,
    loaded: int,
    work: Array,
    grad: Array,
    hess: Array,
) -> float:
    """The objective and, if ``whole``, its gradient and its damped Hessian at one point.

    The ``loaded`` rows are in place when one tile holds all.
    """
    kind, a, b, log_space = loss
    p, count = theta.size, rows[5]
    for i in range(p):
        grad[i] = 0.0
        for j in range(p):
            hess[i, j] = 0.0
    value = 0.0
    for tile in range(-(-count // TILE)):
        n: int = loaded if count <= TILE else _load(rows, terms, tile, work)
        _model(theta, terms, work, n)
        _residual(work, n, log_space)
        _objective(work, n, kind, a, b, mu)
        value += _weigh(work, n, log_space)
        if whole:
            _moments(terms, work, n, grad, hess)
    for i in range(p):
        for j in range(i):
            hess[j, i] = hess[i, j]
    return value


@jit(apart=True)
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
        inverse = 1.0 / m[j, j]
        for i in range(j + 1, p):
            factor = m[i, j] * inverse
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


@jit()
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
    for j in range(p if good else 0):  # where there is no direction, what stands in its place decides nothing
        if not held[j] and ((theta[j] <= low[j] and step[j] < 0) or (theta[j] >= high[j] and step[j] > 0)):
            outward = True
            held[j] = True
    return _solve(damped, grad, held, m, step) if outward else good


@jit(apart=True)
def lane(
    theta: Array,
    low: Array,
    high: Array,
    rows: Any,
    loss: Any,
    terms: Any,
    settings: Any,
    space: Any,
    first: Array,
    out: Array,
) -> tuple[float, int, int]:
    """Minimise one lane from ``theta``, which becomes the end point; ``out`` becomes the gradient there.

    The last step is below what the objective resolves: the value is computed there, to be sure that it is no worse, but
    the gradient is what the last Hessian makes of it.

    Args:
        first: objective, gradient and Hessian at the start, in a row; empty when they are not known.

    Returns:
        The objective, the status and the number of steps.
    """
    max_steps, decrement, least, reach, damping, floor = settings
    work, small, square, held, linear = space
    grad, step, trial, new_grad = small[0], small[1], small[2], small[3]
    hess, new_hess, damped, scratch = square[0], square[1], square[2], square[3]
    mu, next_mu, scale = damping, _shrunk(damping), 1.0
    loaded = _load(rows, terms, 0, work)
    if first.size > 0:
        value = _unpack(first, grad, hess)
    else:
        value = _evaluate(theta, rows, mu, True, loss, terms, loaded, work, grad, hess)
    status, steps, quiet = _OUT_OF_STEPS, 0, 0
    if not np.isfinite(value):
        _copy(grad, out)
        return value, _NON_FINITE, 0
    for _ in range(max_steps):
        steps += 1
        good = _direction(theta, low, high, grad, hess, mu, next_mu if scale < 1.0 else mu, held, damped, scratch, step)
        predicted, tiny, free = _propose(theta, low, high, grad, step, damped, scale, reach, least, trial, held, linear)
        magnitude = abs(value)
        good = good and predicted >= -(1e-16 * magnitude + floor)
        if not good:
            _copy(theta, trial)
            tiny = True
        tiny = tiny or predicted <= decrement * magnitude + floor
        last = good and tiny and scale == 1.0 and mu <= 1e-2
        used = next_mu if good else max(RAISE * mu, 1e-4)
        new = _evaluate(trial, rows, used, not last, loss, terms, loaded, work, new_grad, new_hess)
        if last:
            _extrapolate(grad, damped, theta, trial, new_grad)
        drowned = predicted <= 1e-13 * magnitude + floor
        accept = np.isfinite(new) and new <= value + (1e-12 if last or drowned else 4e-16) * magnitude + floor
        gain = 1.0 if drowned else (value - new) / max(predicted, 1e-300)
        if good and drowned and scale == 1.0 and mu <= 1e-2:
            quiet = quiet + 1 if accept or not np.isfinite(new) else QUIET  # rounding alone made it worse
        next_mu = _next_damping(accept, good, gain, used, mu)
        if accept:
            mu, scale, value = used, 1.0, new
            _take(trial, new_grad, new_hess, theta, grad, hess)
        else:
            scale *= _shorter(predicted, value, new)
        if last or not free or quiet >= QUIET or value <= floor:
            status = _CONVERGED
            break
        if mu > 1e12 or scale < 1e-12:
            status = _stuck(grad, held, magnitude)
            break
    _copy(grad, out)
    return value, status, steps


@jit()
def _unpack(first: Array, grad: Array, hess: Array) -> float:
    """The objective, with gradient and Hessian, from one row."""
    p = grad.size
    for i in range(p):
        grad[i] = first[1 + i]
        for j in range(p):
            hess[i, j] = first[1 + p + i * p + j]
    value: float = first[0]
    return value


@jit()
def _extrapolate(grad: Array, matrix: Array, theta: Array, trial: Array, out: Array) -> None:
    for i in range(theta.size):
        out[i] = grad[i]
        for j in range(theta.size):
            out[i] += matrix[i, j] * (trial[j] - theta[j])


@jit()
def _shrunk(mu: float) -> float:
    return 0.0 if LOWER * mu < 1e-9 else LOWER * mu


@jit()
def _next_damping(accept: Any, good: Any, gain: float, used: float, mu: float) -> float:
    """Of the point after a trial with damping ``used``, from how much of the predicted gain it brought."""
    if not accept:
        return max(RAISE * max(used, mu), 1e-4)
    if not good:
        return 0.3 * used
    return _shrunk(used) if gain > 0.75 else (used if gain > 0.25 else max(RAISE * used, 1e-4))


@jit()
def _shorter(predicted: float, value: float, new: float) -> float:
    """By what a rejected step is shortened: to the lowest point of the parabola through both values and the slope."""
    if not np.isfinite(new):
        return 0.1
    return min(max(predicted / max(new - value + 2.0 * predicted, 1e-300), 0.1), 0.5)


@jit()
def _take(trial: Array, new_grad: Array, new_hess: Array, theta: Array, grad: Array, hess: Array) -> None:
    """Move to the trial point."""
    _copy(trial, theta)
    _copy(new_grad, grad)
    for i in range(theta.size):
        for j in range(theta.size):
            hess[i, j] = new_hess[i, j]


@jit()
def _stuck(grad: Array, held: Any, magnitude: float) -> int:
    """The status where neither damping nor shorter steps help: flat where the slope vanishes."""
    slope = 0.0
    for j in range(grad.size):
        slope = max(slope, 0.0 if held[j] else abs(grad[j]))
    return _FLAT if slope <= 1e-7 * max(magnitude, 1e-12) else _STALLED


@jit()
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
    linear: Any,
) -> tuple[float, bool, bool]:
    """The trial point, the decrease that the model predicts there, whether the move is tiny and whether any is free.

    The longest step of a ``linear`` coefficient, no logarithm or exponent, grows with its size.
    """
    p = theta.size
    size = 0.0
    for j in range(p):
        size = max(size, abs(step[j]) / (max(1.0, abs(theta[j])) if linear[j] else 1.0))
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


@jit()
def _occupied(weights: Array, index: Ints) -> int:
    """Which rows have weight, and how many they are."""
    count = 0
    for i in range(weights.size):
        index[count] = i
        count += weights[i] != 0.0
    return count


@jit(cache=True)
def chunk(
    theta: Array,
    low: Array,
    high: Array,
    weights: Array,
    target: Array,
    loss: Any,
    terms: Any,
    settings: Any,
    first: Array,
) -> tuple[Array, Ints, Ints, Array]:
    """Minimise lanes (L, p) one after the other, in place; weights and targets are (L, n), or (1, n) when shared.

    ``first`` (L, 1 + p + p * p) is what is known of the starts, or (L, 0).

    Returns:
        Objectives, statuses, steps and gradients (p, L).
    """
    lanes, p = theta.shape
    # copies: the counts of references to what another thread uses too would travel between the cores
    own = (
        terms[0].copy(), terms[1].copy(), terms[2].copy(), terms[3].copy(), terms[4].copy(),
        terms[5].copy(), terms[6].copy(), terms[7].copy(), terms[8].copy(),
    )  # fmt: skip
    work = np.ones((FEATURES + terms[7].shape[0] + terms[6].size + p, TILE))
    space = (work, np.empty((4, p)), np.empty((4, p, p)), np.empty(p, dtype=np.bool_), np.zeros(p, dtype=np.bool_))
    index = np.empty(weights.shape[1], dtype=np.int64)
    value, grad = np.empty(lanes), np.empty((p, lanes))
    status, steps = np.empty(lanes, dtype=np.int64), np.empty(lanes, dtype=np.int64)
    out, count = np.empty(p), 0
    for i in range(lanes):
        lane_w, lane_t = min(i, weights.shape[0] - 1), min(i, target.shape[0] - 1)
        if i == 0 or lane_w > 0:
            count = _occupied(weights[lane_w], index)
        rows = (weights, target, lane_w, lane_t, index, count)
        value[i], status[i], steps[i] = lane(theta[i], low[i], high[i], rows, loss, own, settings, space, first[i], out)
        for j in range(p):
            grad[j, i] = out[j]
    return value, status, steps, grad
