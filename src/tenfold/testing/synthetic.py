"""Runs that follow a law: points spread over the inputs, the law's value, and noise if wanted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tenfold.core.axes import AXES, OUTPUTS, Conventions
from tenfold.core.errors import LawError, did_you_mean
from tenfold.core.law import Law, predict
from tenfold.core.runs import Runs
from tenfold.core.sampling import legal, spread

Array = NDArray[np.float64]


def ranges(law: Law, span: Mapping[str, tuple[float, float]] | None = None) -> dict[str, tuple[float, float]]:
    """The range of every input: as given, else as usual for the axis, stretched to the worked values."""
    return law.spans(span)


def synthetic(
    law: Law,
    coef: Mapping[str, float] | str,
    *,
    n: int = 64,
    noise: float = 0.0,
    seed: int = 0,
    span: Mapping[str, tuple[float, float]] | None = None,
) -> Runs:
    """Runs that follow a law.

    Args:
        law: the law.
        coef: its coefficients, or the name of a published set, whose span and conventions are then used.
        n: how many runs.
        noise: standard deviation of the logarithm of a factor on the law's value; 0 for exact data.
        seed: of the points and the noise; the same seed gives the same points whatever the noise.
        span: low and high of each input, by symbol; inputs left out take a usual range of their axis.

    Raises:
        LawError: the set is unknown, or the law is not finite somewhere in the span.
    """
    conventions = Conventions()
    if isinstance(coef, str):
        if coef not in law.published:
            raise LawError(f"law {law.name!r} has no published set {coef!r}", hint=did_you_mean(coef, law.published))
        chosen = law.published[coef]
        coef, conventions, span = chosen.coef, chosen.conventions, {**chosen.span, **(span or {})}
    inputs = legal(spread(ranges(law, span), n, seed))
    value = predict(law, coef, inputs)
    if not np.isfinite(value).all():
        row = int(np.flatnonzero(~np.isfinite(value))[0])
        at = ", ".join(f"{name} = {values[row]:.6g}" for name, values in inputs.items())
        raise LawError(f"law {law.name!r} is {value[row]} at {at}", hint="give another span")
    exact, value = value, value * np.exp(noise * np.random.default_rng([seed, 1]).standard_normal(n))
    top = next((axis.upper for axis in AXES if axis.column == law.output), np.inf)
    top = min(top, 1.0) if OUTPUTS.get(law.output) == "fraction" else top
    value = np.where(exact <= top, np.minimum(value, top), value)  # noise must not make a share of more than one
    columns = {law.column_of(name): values for name, values in inputs.items()}
    return Runs({**columns, law.output: value}, conventions=conventions, source=f"synthetic {law.name}")
