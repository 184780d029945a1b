"""How a law behaves: finite, the same in every number system, differentiable, and equal to what it claims.

Tolerances. A law is a few dozen operations in double precision on logarithms up to about 60, so two correct
evaluations agree to 1e-14 of the value or so; ``AGREE`` leaves a factor of 100. Where a law falls through zero the
value loses digits that no evaluation can keep, so the scale is at least a thousandth of the law's usual size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core import maths
from tenfold.core.errors import LawError
from tenfold.core.expression import evaluate, parse
from tenfold.core.law import FUNCTIONS, Law, Reduction, predict
from tenfold.testing.arithmetic import jax_loop, jax_values, numpy_values, precise_gradients, precise_values
from tenfold.testing.sampling import Rows, rows_of
from tenfold.testing.synthetic import ranges, spread

Array = NDArray[np.float64]
AGREE = 1e-12
GRADIENT = 1e-9  # of the change per factor e of a variable; derivatives lose digits where terms cancel
RANK = 1e-10  # smallest over largest singular value of the scaled Jacobian: below, double precision sees none
GRADIENT_ROWS = 12
SHOWN = 3


def finite(law: Law) -> Iterator[str]:
    """Value and gradient finite inside the domain, at its bounds and over the published spans."""
    rows = rows_of(law)
    values, gradients = jax_values(law, rows)
    names = (*law.coefs, *law.inputs)
    bad = [row for row in range(len(rows)) if not np.isfinite(values[row])]
    for row in bad[:SHOWN]:
        yield f"the value is {values[row]} at {rows.at(row)}"
    bad = [
        row for row in range(len(rows)) if np.isfinite(values[row]) and not np.isfinite(gradients[row]).all()
    ]
    for row in bad[:SHOWN]:
        column = int(np.flatnonzero(~np.isfinite(gradients[row]))[0])
        yield f"the derivative in {names[column]} is {gradients[row, column]} at {rows.at(row)}"


def agrees(law: Law) -> Iterator[str]:
    """NumPy and JAX agree with 50-digit arithmetic."""
    rows = rows_of(law)
    exact = precise_values(law, rows)
    truth = np.array([float(value) for value in exact])
    scale = np.maximum(np.abs(truth), 1e-3 * np.median(np.abs(truth)))
    for system, values in (("NumPy", numpy_values(law, rows)), ("JAX", jax_values(law, rows)[0])):
        error = np.array([abs(float(exact[row] - float(values[row]))) for row in range(len(rows))]) / scale
        for row in np.flatnonzero(~(error <= AGREE))[:SHOWN]:
            yield f"{system} gives {float(values[row])!r}, 50 digits {float(truth[row])!r} at {rows.at(row)}"


def differentiable(law: Law) -> Iterator[str]:
    """The gradient equals differences in 50 digits, in every coefficient and input."""
    rows = rows_of(law)
    rows = rows.take(list(range(0, len(rows), -(-len(rows) // GRADIENT_ROWS))))
    values, gradients = jax_values(law, rows)
    truth = precise_gradients(law, rows)
    for column, name in enumerate((*law.coefs, *law.inputs)):
        at = {**rows.coef, **rows.inputs}[name]
        unit = np.where(at == 0.0, 1.0, np.abs(at))
        error = np.abs(gradients[:, column] - truth[:, column]) * unit
        scale = np.maximum(np.abs(truth[:, column]) * unit, 1e-3 * np.abs(values))
        for row in np.flatnonzero(~(error <= GRADIENT * scale))[:SHOWN]:
            yield (
                f"the derivative in {name} is {float(gradients[row, column])!r} by JAX, {float(truth[row, column])!r} by 50-digit "
                f"differences at {rows.at(row)}"
            )


def vectorised(law: Law) -> Iterator[str]:
    """One call on many rows equals one call a row, in JAX and in NumPy, and coefficients broadcast against inputs."""
    rows = rows_of(law)
    few = rows.take(list(range(0, len(rows), -(-len(rows) // 4))))
    batch, loop = jax_values(law, few)[0], jax_loop(law, few)
    for row in np.flatnonzero(~(np.abs(batch - loop) <= AGREE * np.abs(loop))):
        yield f"JAX gives {float(batch[row])!r} under vmap, {float(loop[row])!r} alone at {few.at(row)}"
    grid = predict(law, {name: values[:, None] for name, values in few.coef.items()}, few.inputs)
    if grid.shape != (len(few), len(few)):
        yield f"coefficients of shape ({len(few)}, 1) on inputs ({len(few)},) give the shape {grid.shape}"
        return
    for i in range(len(few)):
        alone = predict(law, {name: values[i] for name, values in few.coef.items()}, few.inputs)
        if not np.allclose(grid[i], alone, rtol=AGREE, atol=0.0, equal_nan=True):
            yield f"NumPy gives {grid[i]} in one call, {alone} with the coefficients of {few.at(i)} alone"


def monotone(law: Law) -> Iterator[str]:
    """The prediction falls where ``falls_in`` says so, at published coefficients (or the worked ones)."""
    sets = {f"published {name}": (p.coef, p.span) for name, p in law.published.items()}
    sets = sets or {f"worked value {index}": (check.coef, {}) for index, check in enumerate(law.checks)}
    for what, (coef, known) in sets.items():
        span = ranges(law, known)
        for name in law.falls_in:
            largest_fall = 0.0
            for share in (0.0, 0.5, 1.0):
                at = {k: low * (high / low) ** share for k, (low, high) in span.items()}
                line = np.geomspace(*span[name], 65)
                values = predict(law, coef, {**at, name: line})
                largest_fall = max(largest_fall, (values[0] - values[-1]) / abs(values[0]))
                rising = np.flatnonzero(~(np.diff(values) <= 1e-13 * np.abs(values[:-1])))
                if rising.size:
                    i = int(rising[0])
                    yield (
                        f"{what}: said to fall in {name}, but goes from {values[i]:.10g} to {values[i + 1]:.10g} as "
                        f"{name} goes from {line[i]:.4g} to {line[i + 1]:.4g}"
                    )
                    break
            else:
                if not largest_fall > 1e-9:
                    yield f"{what}: said to fall in {name}, but stays the same"


def reduces(law: Law) -> Iterator[str]:
    """Every declared reduction holds, and its condition matters."""
    for reduction in law.reduces_to:
        yield from (f"reduction to {reduction.to}: {message}" for message in _reduction(law, reduction))


def _reduction(law: Law, reduction: Reduction) -> Iterator[str]:
    from tenfold.laws import laws

    if reduction.to not in laws():
        yield f"no law {reduction.to!r} in the catalogue"
        return
    simpler, rows = laws()[reduction.to], rows_of(law)
    missing = [name for name in simpler.coefs if name not in reduction.coef]
    if missing:
        yield f"it does not say what {', '.join(missing)} of {simpler.name} is"
        return
    ours: dict[str, Array] = {**rows.coef, **rows.inputs}
    held = {**ours, **{name: _formula(law, value, ours) for name, value in reduction.when.items()}}
    want = _simpler(law, simpler, reduction, held)
    got = _predict(law, held)
    usable = np.flatnonzero(np.isfinite(want) & np.isfinite(got))
    if usable.size < max(4, len(rows) // 2):
        yield f"only {usable.size} of {len(rows)} rows are finite under {dict(reduction.when)}"
    off = usable[np.abs(got - want)[usable] > reduction.rel * np.abs(want[usable])]
    for row in off[:SHOWN]:
        yield f"{law.name} gives {float(got[row])!r}, {simpler.name} gives {float(want[row])!r} at {rows.at(int(row))}"
    free = _simpler(law, simpler, reduction, ours)
    if reduction.when and np.allclose(free, _predict(law, ours), rtol=reduction.rel, atol=0.0):
        yield f"it holds without its condition {dict(reduction.when)}: leave the condition out"


def _simpler(law: Law, simpler: Law, reduction: Reduction, env: Mapping[str, Array]) -> Array:
    mapped = {**{name: name for name in simpler.inputs}, **reduction.coef, **reduction.inputs}
    return _predict(simpler, {name: _formula(law, text, env) for name, text in mapped.items()})


def _predict(law: Law, env: Mapping[str, Array]) -> Array:
    coef = {name: env[name] for name in law.coefs}
    return predict(law, coef, {name: env[name] for name in law.inputs})


def _formula(law: Law, text: float | str, env: Mapping[str, Array]) -> Array:
    size = len(next(iter(env.values())))
    if not isinstance(text, str):
        return np.full(size, float(text))
    expr = parse(text, maths.FUNCTIONS)
    unknown = sorted(expr.names() - set(env))
    if unknown:
        raise LawError(f"the formula {text!r} names {', '.join(unknown)}, which {law.name} does not have")
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(evaluate(expr, env, FUNCTIONS), dtype=np.float64), (size,))


def traced(law: Law) -> Iterator[str]:
    """The expression found by calling the law on symbols has its values, and the structure read from it is true."""
    expr = law.expression
    if expr is None:
        return
    rows = rows_of(law)
    env: dict[str, Any] = {**rows.coef, **rows.inputs}
    with np.errstate(all="ignore"):
        values = np.broadcast_to(evaluate(expr, env, FUNCTIONS), (len(rows),))
        direct = numpy_values(law, rows)
        for row in np.flatnonzero(~(np.abs(values - direct) <= AGREE * np.abs(direct)))[:SHOWN]:
            yield f"the expression gives {float(values[row])!r}, the law {float(direct[row])!r} at {rows.at(int(row))}"
        none, twice = ({name: factor * rows.coef[name] for name in law.linear} for factor in (0.0, 2.0))
        low, high = (evaluate(expr, {**env, **changed}, FUNCTIONS) for changed in (none, twice))
        size = np.abs(low) + np.abs(high) + np.abs(direct)
        for row in np.flatnonzero(~(np.abs(high - 2.0 * direct + low) <= AGREE * size))[:SHOWN]:
            yield f"said to be linear in {', '.join(law.linear)}, but is not at {rows.at(int(row))}"
        if law.power_terms is not None:
            total = sum(np.exp(_log_term(term, env)) for term in law.power_terms)
            for row in np.flatnonzero(~(np.abs(total - direct) <= 100.0 * AGREE * np.abs(direct)))[:SHOWN]:
                yield f"the power terms sum to {float(total[row])!r}, the law is {float(direct[row])!r} at {rows.at(int(row))}"


def _log_term(term: Mapping[Any, Any], env: Mapping[str, Array]) -> Any:
    out: Any = 0.0
    for key, part in term.items():
        factor = 1.0 if key is None else (np.log(env[key[1]]) if key[0] == "log" else env[key[1]])
        out = out + factor * evaluate(part, env, FUNCTIONS)
    return out


def identifiable(law: Law) -> Iterator[str]:
    """Exact runs over the usual ranges determine every coefficient, or the law says why not.

    Local: the Jacobian of the predictions in the coefficients, each scaled by its size, has full rank.
    """
    if law.identifiable is not None:
        if len(law.identifiable) < 20:
            yield f"the reason why runs do not determine it is no reason: {law.identifiable!r}"
        return
    sets = [(f"published {name}", p.coef, p.span) for name, p in law.published.items()]
    sets = sets[:1] or [("the last worked value", law.checks[-1].coef, {})]
    for what, coef, known in sets:
        inputs = spread(ranges(law, known), 64, 7)
        rows = Rows({k: np.full(64, float(v)) for k, v in coef.items()}, inputs, (what,) * 64)
        values, gradients = jax_values(law, rows)
        size = np.array([abs(float(coef[name])) or 1.0 for name in law.coefs])
        jacobian = gradients[:, : len(law.coefs)] * size / np.abs(values)[:, None]
        _, singular, vectors = np.linalg.svd(jacobian)
        if not singular[-1] > RANK * singular[0]:
            pairs = sorted(zip(np.abs(vectors[-1]), law.coefs, strict=True), reverse=True)
            names = ", ".join(name for weight, name in pairs if weight > 0.1)
            yield (
                f"runs at {what} do not determine {names} (singular values from {singular[0]:.3g} down to "
                f"{singular[-1]:.3g}); say why with identifiable="
            )
