"""Nulls: predictions of larger scales that know no law. A law that does not beat them has learned nothing about scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def last_value(inputs: Mapping[str, Array], y: Array, *, small: Mask, last: Mask, rows: Mask) -> Array:
    """The least value of the largest fitted scale, for every withheld row."""
    return np.full(int(rows.sum()), float(y[last].min()))


def log_linear(inputs: Mapping[str, Array], y: Array, *, small: Mask, last: Mask, rows: Mask) -> Array:
    """A plane in logarithms of every input, by least squares through the fitted rows."""
    logs = np.column_stack([np.ones(len(y)), *(np.log(np.maximum(v, 1e-300)) for v in inputs.values())])
    slope = np.linalg.lstsq(logs[small], np.log(y[small]), rcond=None)[0]
    return np.asarray(np.exp(logs[rows] @ slope))


NULLS: Mapping[str, Callable[..., Array]] = {"last value": last_value, "log-linear": log_linear}


def null_errors(inputs: Mapping[str, Array], y: Array, *, small: Mask, last: Mask, rows: Mask) -> dict[str, float]:
    """Root mean square log error of each null on the withheld ``rows``, given the ``small`` ones.

    ``last`` marks the rows of the largest fitted scale. Nothing where a value is not positive: logarithms would mean
    nothing there.

    >>> x, y = np.array([1.0, 10.0, 100.0, 1000.0]), np.array([8.0, 4.0, 2.0, 1.0])
    >>> small, rows = x < 500, x > 500
    >>> found = null_errors({"x": x}, y, small=small, last=x == 100, rows=rows)
    >>> round(found["last value"], 3), round(found["log-linear"], 3)
    (0.693, 0.0)
    """
    if not (y > 0).all():
        return {}
    made = {}
    for name, null in NULLS.items():
        errors = np.log(null(inputs, y, small=small, last=last, rows=rows) / y[rows])
        made[name] = float(np.sqrt(np.mean(errors**2)))
    return made
