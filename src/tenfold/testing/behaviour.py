"""How a law behaves: finite, the same in every number system, differentiable, and falling where it says.

Tolerances. A law is a few dozen operations in double precision on logarithms up to about 60, so two correct
evaluations agree to 1e-14 of the value or so; ``AGREE`` leaves a factor of 100. Where a law falls through
zero digits are lost that no evaluation can keep: there the scale is a thousandth of its usual size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tenfold.core.law import Law, predict
from tenfold.testing.arithmetic import jax_loop, jax_values, numpy_values, precise_gradients, precise_values
from tenfold.testing.sampling import rows_of
from tenfold.testing.synthetic import ranges

Array = NDArray[np.float64]
AGREE = 1e-12
GRADIENT = 1e-9  # of the change per factor e of a variable; derivatives lose digits where terms cancel
GRADIENT_ROWS = 12
SHOWN = 3  # examples in a finding


def first(bad: Array) -> list[int]:
    """The rows to show."""
    return [int(row) for row in np.flatnonzero(bad)[:SHOWN]]


def finite(law: Law) -> Iterator[str]:
    """Value and gradient finite inside the domain, at its bounds and over the published spans."""
    rows = rows_of(law)
    values, gradients = jax_values(law, rows)
    names = (*law.coefs, *law.inputs)
    for row in first(~np.isfinite(values)):
        yield f"the value is {values[row]} at {rows.at(row)}"
    for row in first(np.isfinite(values) & ~np.isfinite(gradients).all(axis=1)):
        column = int(np.flatnonzero(~np.isfinite(gradients[row]))[0])
        yield f"the derivative in {names[column]} is {gradients[row, column]} at {rows.at(row)}"


def agrees(law: Law) -> Iterator[str]:
    """NumPy and JAX agree with 50-digit arithmetic."""
    rows = rows_of(law)
    exact = precise_values(law, rows)
    truth = np.array([float(value) for value in exact])
    scale = np.maximum(np.abs(truth), 1e-3 * np.median(np.abs(truth)))
    for system, values in (("NumPy", numpy_values(law, rows)), ("JAX", jax_values(law, rows)[0])):
        error = np.array([abs(float(exact[row] - float(values[row]))) for row in range(len(rows))])
        for row in first(~(error <= AGREE * scale)):
            yield f"{system} gives {values[row]:.17g}, 50 digits {truth[row]:.17g} at {rows.at(row)}"


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
        for row in first(~(error <= GRADIENT * scale)):
            got, want = f"{gradients[row, column]:.15g}", f"{truth[row, column]:.15g}"
            yield f"the derivative in {name} is {got} by JAX, {want} in 50 digits, at {rows.at(row)}"


def vectorised(law: Law) -> Iterator[str]:
    """Many rows at once equal one at a time, in JAX and in NumPy; coefficients broadcast against inputs."""
    rows = rows_of(law)
    few = rows.take(list(range(0, len(rows), -(-len(rows) // 4))))
    batch, loop = jax_values(law, few)[0], jax_loop(law, few)
    for row in first(~(np.abs(batch - loop) <= AGREE * np.abs(loop))):
        yield f"JAX gives {batch[row]:.17g} under vmap, {loop[row]:.17g} alone at {few.at(row)}"
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
            message = _rise(law, coef, span, name)
            if message:
                yield f"{what}: said to fall in {name}, but {message}"


def _rise(law: Law, coef: dict[str, float], span: dict[str, tuple[float, float]], name: str) -> str:
    """Where the law rises in one input, or that it stays the same; empty when it falls."""
    line = np.geomspace(*span[name], 65)
    falls = []
    for share in (0.0, 0.5, 1.0):
        at = {other: low * (high / low) ** share for other, (low, high) in span.items()}
        values = np.broadcast_to(predict(law, coef, {**at, name: line}), line.shape)
        falls.append(float(values[0] - values[-1]) / abs(float(values[0])))
        for i in first(~(np.diff(values) <= 1e-13 * np.abs(values[:-1]))):
            change = f"goes from {values[i]:.10g} to {values[i + 1]:.10g}"
            return f"{change} as it goes from {line[i]:.4g} to {line[i + 1]:.4g}"
    return "" if max(falls) > 1e-9 else "stays the same"
