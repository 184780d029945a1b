"""What a law claims to be: equal to simpler laws, a certain expression, and determined by its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core import maths
from tenfold.core.errors import LawError
from tenfold.core.expression import evaluate, parse
from tenfold.core.law import FUNCTIONS, Law, Reduction, predict
from tenfold.core.sampling import spread
from tenfold.testing.arithmetic import jax_values, numpy_values
from tenfold.testing.behaviour import AGREE, first
from tenfold.testing.sampling import Rows, rows_of
from tenfold.testing.synthetic import ranges

Array = NDArray[np.float64]
RANK = 1e-10  # smallest over largest singular value of the scaled Jacobian that double precision tells from zero


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
    got, want = _predict(law, held), _simpler(simpler, law, reduction, held)
    usable = np.isfinite(want) & np.isfinite(got)
    if usable.sum() < len(rows) / 2:
        yield f"only {usable.sum()} of {len(rows)} rows are finite under {dict(reduction.when)}"
    with np.errstate(invalid="ignore"):
        off = usable & (np.abs(got - want) > reduction.rel * np.abs(want))
    for row in first(off):
        yield f"{law.name} gives {got[row]:.15g}, {simpler.name} {want[row]:.15g} at {rows.at(row)}"
    free = _simpler(simpler, law, reduction, ours)
    if reduction.when and np.allclose(free, _predict(law, ours), rtol=reduction.rel, atol=0.0):
        yield f"it holds without its condition {dict(reduction.when)}: leave the condition out"


def _simpler(simpler: Law, law: Law, reduction: Reduction, env: Mapping[str, Array]) -> Array:
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
    """The expression that the law gives on symbols has its values; the structure read from it is true."""
    if law.expression is None:
        return
    rows = rows_of(law)
    env: dict[str, Any] = {**rows.coef, **rows.inputs}
    direct = numpy_values(law, rows)
    values = _evaluate(law, env)
    for row in first(~(np.abs(values - direct) <= AGREE * np.abs(direct))):
        yield f"the expression gives {values[row]:.15g}, the law {direct[row]:.15g} at {rows.at(row)}"
    none, twice = ({name: factor * rows.coef[name] for name in law.linear} for factor in (0.0, 2.0))
    low, high = _evaluate(law, {**env, **none}), _evaluate(law, {**env, **twice})
    size = np.abs(low) + np.abs(high) + np.abs(direct)
    for row in first(~(np.abs(high - 2.0 * direct + low) <= AGREE * size)):
        yield f"said to be linear in {', '.join(law.linear)}, but is not at {rows.at(row)}"
    if law.power_terms is not None:
        with np.errstate(all="ignore"):
            total = sum(np.exp(_log_term(term, env)) for term in law.power_terms)
        for row in first(~(np.abs(total - direct) <= 100.0 * AGREE * np.abs(direct))):
            yield f"the power terms sum to {total[row]:.15g}, the law is {direct[row]:.15g} at {rows.at(row)}"


def _evaluate(law: Law, env: Mapping[str, Any]) -> Array:
    assert law.expression is not None
    size = len(next(iter(env.values())))
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(evaluate(law.expression, env, FUNCTIONS), dtype=np.float64), (size,))


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
    sets += [(f"worked value {index}", check.coef, {}) for index, check in enumerate(law.checks)]
    if not sets:
        return
    what, coef, known = sets[0]
    inputs = spread(ranges(law, known), 64, 7)
    rows = Rows({name: np.full(64, float(value)) for name, value in coef.items()}, inputs, (what,) * 64)
    values, gradients = jax_values(law, rows)
    size = np.array([abs(float(coef[name])) or 1.0 for name in law.coefs])
    jacobian = gradients[:, : len(law.coefs)] * size / np.abs(values)[:, None]
    _, singular, vectors = np.linalg.svd(jacobian)
    if not singular[-1] > RANK * singular[0]:
        shares = zip(np.abs(vectors[-1]), law.coefs, strict=True)
        names = ", ".join(name for share, name in sorted(shares, reverse=True) if share > 0.1)
        spectrum = f"singular values from {singular[0]:.3g} down to {singular[-1]:.3g}"
        yield f"runs at {what} do not determine {names} ({spectrum}); say why with identifiable="
