"""Points spread over the inputs of a law, for runs that are made and not measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import axis_of

Array = NDArray[np.float64]


def spread(span: Mapping[str, tuple[float, float]], n: int, seed: int) -> dict[str, Array]:
    """A Latin hypercube in the logarithms: every input visits each of ``n`` equal strata once."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, (low, high) in span.items():
        share = (rng.permutation(n) + rng.random(n)) / n
        out[name] = np.exp(np.log(low) + share * (np.log(high) - np.log(low)))
    return out


def legal(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Inputs by symbol as their axes allow them: shares of a mixture that sum to one, counts that are whole.

    Shares that are spread over their usual range are mapped to the simplex, uniformly.
    """
    made = _mixed(dict(inputs))
    return {name: np.round(values) if axis_of(name).integer else values for name, values in made.items()}


def _mixed(inputs: dict[str, Array]) -> dict[str, Array]:
    shares = [name for name in inputs if axis_of(name).simplex]
    if not shares:
        return inputs
    low = {name: axis_of(name).usual for name in shares}
    unit = {n: np.log(inputs[n] / low[n][0]) / np.log(low[n][1] / low[n][0]) for n in shares}
    drawn = {name: -np.log(np.clip(unit[name], 1e-12, 1.0 - 1e-12)) for name in shares}
    total = np.sum(list(drawn.values()), axis=0)
    return {name: drawn[name] / total if name in shares else values for name, values in inputs.items()}
