"""A law's value and gradient in three number systems: NumPy, JAX in 64 bits, and mpmath in 50 digits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import LawError
from tenfold.core.law import Law, predict
from tenfold.testing.sampling import Rows

Array = NDArray[np.float64]
CHUNK = 32  # rows in one compiled call; the last chunk is padded, so a law compiles once
DIGITS = 50


def numpy_values(law: Law, rows: Rows) -> Array:
    """Values by NumPy, all rows in one call."""
    return np.broadcast_to(predict(law, rows.coef, rows.inputs), (len(rows),))


def jax_values(law: Law, rows: Rows) -> tuple[Array, Array]:
    """Values, and gradients in (coefficients, inputs) order, by JAX in 64 bits under jit and vmap."""
    import jax

    names = (*law.coefs, *law.inputs)
    table = np.stack([{**rows.coef, **rows.inputs}[name] for name in names], axis=1)
    values, gradients = [], []
    with jax.enable_x64(True):
        compiled = _compiled(law)
        for start in range(0, len(table), CHUNK):
            chunk = table[start : start + CHUNK]
            padded = np.concatenate([chunk, np.repeat(chunk[:1], CHUNK - len(chunk), axis=0)])
            value, gradient = compiled(padded)
            values.append(np.asarray(value)[: len(chunk)])
            gradients.append(np.asarray(gradient)[: len(chunk)])
    return np.concatenate(values), np.concatenate(gradients)


def jax_loop(law: Law, rows: Rows) -> Array:
    """Values by JAX in 64 bits, one row after the other, without jit and vmap."""
    import jax

    with jax.enable_x64(True):
        out = []
        for row in range(len(rows)):
            scalars = {name: jax.numpy.asarray(values[row]) for name, values in {**rows.inputs, **rows.coef}.items()}
            out.append(float(law.fn(**scalars)))
    return np.array(out)


@functools.lru_cache(maxsize=128)
def _compiled(law: Law) -> Callable[[Array], Any]:
    import jax

    names = (*law.coefs, *law.inputs)

    def one(vector: Any) -> Any:
        return law.fn(**{name: vector[index] for index, name in enumerate(names)})

    return jax.jit(jax.vmap(jax.value_and_grad(one)))


def precise_values(law: Law, rows: Rows) -> list[Any]:
    """Values in 50 digits, as mpmath numbers."""
    mp = _mpmath()
    with mp.workdps(DIGITS):
        return [law.fn(**_scalars(mp, rows, row)) for row in range(len(rows))]


def precise_gradients(law: Law, rows: Rows) -> Array:
    """Gradients in (coefficients, inputs) order by central differences in 50 digits.

    The step is 1e-18 of the variable (or 1e-18 at zero): the error of the difference is then near 1e-32.
    """
    mp = _mpmath()
    out = np.empty((len(rows), len(law.coefs) + len(law.inputs)))
    with mp.workdps(DIGITS):
        for row in range(len(rows)):
            at = _scalars(mp, rows, row)
            for column, name in enumerate((*law.coefs, *law.inputs)):
                step = mp.mpf(10) ** -18 * (abs(at[name]) or 1)
                up = law.fn(**{**at, name: at[name] + step})
                down = law.fn(**{**at, name: at[name] - step})
                out[row, column] = float((up - down) / (2 * step))
    return out


def _scalars(mp: Any, rows: Rows, row: int) -> dict[str, Any]:
    return {name: mp.mpf(float(values[row])) for name, values in {**rows.inputs, **rows.coef}.items()}


def _mpmath() -> Any:
    try:
        from mpmath import mp
    except ImportError:
        raise LawError("the contract of laws needs mpmath", hint="pip install mpmath") from None
    return mp
