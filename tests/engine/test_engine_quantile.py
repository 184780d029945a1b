"""Quantile fits against linear programming, which solves them exactly where the law is linear in the logarithm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from tenfold import Runs, fit
from tenfold.engine import laplace
from tenfold.engine.objective import Quantile
from tenfold.engine.problem import build
from tenfold.engine.solve import refit
from tenfold.laws import get


def _sweep(rows: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Runs of a sweep: most are badly tuned, so losses scatter upwards only."""
    rng = np.random.default_rng(3)
    tokens = np.exp(rng.uniform(np.log(1e7), np.log(1e11), rows))
    return tokens, 40.0 * tokens**-0.12 * np.exp(rng.exponential(0.05, rows))


def _by_linear_programming(x: np.ndarray, t: np.ndarray, q: float) -> tuple[np.ndarray, float]:
    """Koenker and Bassett's linear programme: intercept and slope, free; residuals split into their two signs."""
    n = len(x)
    design = np.column_stack([np.ones(n), x, np.eye(n), -np.eye(n)])
    cost = np.r_[0.0, 0.0, np.full(n, q), np.full(n, 1.0 - q)]
    found = linprog(cost, A_eq=design, b_eq=t, bounds=[(None, None)] * 2 + [(0, None)] * 2 * n, method="highs")
    return found.x[:2], float(found.fun)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_a_log_linear_law_agrees_with_linear_programming(q):
    tokens, loss = _sweep()
    made = fit("A * D**-alpha", Runs({"tokens": tokens, "loss": loss}), objective=f"quantile:{q}", certificate=False)
    exact, value = _by_linear_programming(np.log(tokens), np.log(loss), q)
    # both end in the vertex through two runs; the smoothing that is left is 1e-7 of the typical residual
    assert made.value == pytest.approx(value, rel=1e-7)
    assert np.log(made.coef["A"]) == pytest.approx(exact[0], abs=1e-6)
    assert made.coef["alpha"] == pytest.approx(-exact[1], abs=1e-7)
    below = np.mean(loss <= made.predict(tokens=tokens) * (1 + 1e-9))
    assert abs(below - q) <= 2 / len(tokens)  # two runs lie on the line and count for either side


def test_the_low_quantile_of_a_law_with_a_floor_is_the_lower_envelope_and_no_simplex_improves_it():
    rng = np.random.default_rng(5)
    tokens = np.exp(rng.uniform(np.log(1e7), np.log(1e11), 200))
    law = get("power_offset")
    truth = {"E": 1.7, "A": 60.0, "alpha": 0.2}
    best = law(coef=truth, x=tokens)
    loss = best * np.exp(rng.exponential(0.03, 200) * (rng.random(200) > 0.2))  # a fifth of the runs are tuned
    made = fit(law, Runs({"tokens": tokens, "loss": loss}), axis="tokens", objective="quantile:0.1", certificate=False)
    # a fifth of the runs lie on the truth exactly, so every quantile below a fifth is the truth itself
    for name, value in truth.items():
        assert made.coef[name] == pytest.approx(value, rel=1e-5), name
    middle = fit(law, Runs({"tokens": tokens, "loss": loss}), axis="tokens", certificate=False)
    assert middle.predict(tokens=1e10) > 1.005 * made.predict(tokens=1e10)

    def pinball(point: np.ndarray) -> float:
        r = np.log(law(coef=dict(zip(truth, np.exp(point), strict=True)), x=tokens)) - np.log(loss)
        return float(np.sum(np.where(r > 0, 0.9 * r, -0.1 * r)))

    other = minimize(pinball, 1.05 * np.log(list(truth.values())), method="Nelder-Mead", options={"maxiter": 1000})
    assert made.value <= other.fun * (1 + 1e-7)  # forty runs lie in one vertex, each within 1e-7 of the residuals' width


def test_the_sandwich_of_a_quantile_fit_is_as_wide_as_refits_scatter():
    rng = np.random.default_rng(8)
    x = np.exp(rng.uniform(np.log(1e7), np.log(1e11), 122))
    losses = 40.0 * x**-0.12 * np.exp(0.03 * rng.standard_normal((60, 122)))
    problem = build(get("A * D**-alpha"), {"D": x}, losses[0], objective=Quantile(0.25))
    start = problem.free({"A": 40.0, "alpha": 0.12})
    found = refit(problem, np.repeat(start[None], 60, axis=0), target=np.log(losses))
    errors = [
        np.sqrt(laplace.sandwich(build(problem.law, {"D": x}, y, objective=Quantile(0.25)), at, np.arange(122))[1, 1])
        for y, at in zip(losses, found.theta, strict=True)
    ]
    # 60 slopes show their spread to 9 %, and the density at the quantile is read from half of 122 residuals
    assert np.mean(errors) == pytest.approx(np.std(found.theta[:, 1]), rel=0.3)


def test_a_flat_optimum_is_a_settled_end():
    rng = np.random.default_rng(8)
    x = np.exp(rng.uniform(np.log(1e7), np.log(1e11), 120))  # a quarter of 120 is whole: an edge is optimal
    for _ in range(6):
        loss = 40.0 * x**-0.12 * np.exp(0.03 * rng.standard_normal(120))
        made = fit("A * D**-alpha", Runs({"tokens": x, "loss": loss}), objective="quantile:0.25", certificate=False)
        assert made.status.ok
