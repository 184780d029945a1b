"""Noiseless data at published coefficients are recovered, for every law in the catalogue."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import fit
from tenfold.core import Runs
from tenfold.core.law import predict
from tenfold.core.status import Status
from tenfold.engine.objective import Squared
from tenfold.engine.problem import build
from tenfold.engine.solve import solve
from tenfold.laws import laws
from tenfold.testing.synthetic import ranges, spread

ROWS = 128


def sets(law):
    """One set of coefficients a law is tried at, with its span: the first published, else the first worked value."""
    if law.published:
        first = next(iter(law.published.values()))
        return first.coef, first.span
    return law.checks[0].coef, None


@pytest.mark.parametrize("name", list(laws()))
def test_noiseless_data_are_recovered(name):
    law = laws()[name]
    coef, span = sets(law)
    inputs = spread(ranges(law, span), ROWS, 0)
    y = predict(law, coef, inputs)
    objective = Squared() if (y > 0).all() else Squared("linear")
    problem = build(law, inputs, y, objective=objective)
    found = solve(problem)
    natural = {key: float(value[0]) for key, value in problem.natural(found.theta[None]).items()}
    if law.identifiable:
        # the law says why its coefficients are not determined; its predictions are, as well as a search of their many
        # equivalent valleys gets within the steps it is given
        assert np.abs(predict(law, natural, inputs) / y - 1).max() < 0.05, law.identifiable
        return
    assert found.status.ok
    assert found.value < ROWS * 1e-24
    for key, value in coef.items():
        assert natural[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key


def test_data_that_follow_a_law_to_eight_digits_are_fitted_however_they_round():
    """The objective is then only known to eight digits: an end that settled must not lose to one that rounding stopped."""
    x = np.geomspace(1e2, 1e5, 40)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = 0.08 * x**-0.4 * np.exp(1e-8 * np.sin(np.arange(40.0))) * (1 + 2.0**-52 * rng.integers(-4, 5, 40))
        made = fit("power", Runs({"flops": x, "loss": y}), axis="flops", certificate=False, throw=False)
        assert made.status is Status.CONVERGED, seed
        assert made.coef["alpha"] == pytest.approx(0.4, abs=1e-8)
