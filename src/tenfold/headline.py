"""The headline: the one number of a fit that decisions hang on, computed for many coefficient sets at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import axis_of, say
from tenfold.core.law import Law, optimum_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Headline:
    """What is followed when runs are left out or the objective is changed.

    For a law with a compute optimum it is the exponent of the optimal size, ``N* ~ C^a``, at the largest compute in the
    data; otherwise the prediction one decade beyond the largest run.
    """

    key: str
    text: str
    point: Mapping[str, float]
    compute: float = 0.0


def headline_of(law: Law, inputs: Mapping[str, Array], columns: Mapping[str, str], target: str) -> Headline:
    """The headline of a law on some runs."""
    if optimum_of(law) is not None and {"N", "D"} <= set(law.inputs):
        compute = float((6.0 * inputs["N"] * inputs["D"]).max())
        return Headline("a", "exponent a of the compute-optimal size, N* ~ C^a", {}, compute)
    moved = [symbol for symbol in law.inputs if symbol in law.falls_in] or list(law.inputs[:1])
    point = {
        symbol: min(float(values.max()) * 10.0, axis_of(symbol).upper)
        if symbol in moved and not axis_of(symbol).simplex
        else float(np.median(values))
        for symbol, values in inputs.items()
    }
    words = ", ".join(f"{columns.get(s, s)} {say(v, axis_of(s), unit=False)}" for s, v in point.items())
    return Headline("beyond", f"{target} predicted one decade beyond the largest run ({words})", point)


def evaluate(headline: Headline, law: Law, coef: Mapping[str, Any]) -> Array:
    """The headline for coefficient arrays of shape (R,), or scalars."""
    with np.errstate(all="ignore"):
        if headline.key == "a":
            # as arrays: at a coefficient that is zero the optimum is then infinite or undefined, and no exception
            coef = {name: np.asarray(value, dtype=np.float64) for name, value in coef.items()}
            best = optimum_of(law)
            assert best is not None
            step = 1e-3
            high = best.fn(coef, headline.compute * np.exp(step))["N"]
            low = best.fn(coef, headline.compute * np.exp(-step))["N"]
            return np.asarray(np.log(high / low) / (2 * step), dtype=np.float64)
        return np.asarray(law(coef=coef, **headline.point), dtype=np.float64)
