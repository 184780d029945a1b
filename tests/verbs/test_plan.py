"""Plans against closed forms, published optima, brute force and their own limits."""

from __future__ import annotations

import numpy as np
import pytest
from test_fit import TRUTH, grid

from tenfold import Budget, PlanError, Runs, draw, fit, isoflop, plan
from tenfold.core.law import optimum_of, predict
from tenfold.isoflop import profile_of
from tenfold.laws import get


@pytest.fixture(scope="module")
def fitted():
    runs = grid(0.003)
    made = fit("chinchilla", runs)
    return made, draw(made, runs, method="bootstrap:200"), runs


@pytest.mark.parametrize("flops", [1e18, 5.76e23])
def test_the_closed_form_is_the_brute_force_optimum(flops):
    law = get("chinchilla")
    best = optimum_of(law).fn(TRUTH, flops)
    n = np.geomspace(best["N"] / 100, best["N"] * 100, 200_001)
    loss = predict(law, TRUTH, {"N": n, "D": flops / 6 / n})
    assert n[np.argmin(loss)] == pytest.approx(best["N"], rel=1e-4)  # the grid's own spacing is 5e-5


def test_published_optima():
    # Hoffmann's unrounded constants give 40 B at 5.76e23 FLOP, the replication's about 72 B (D/N about 18)
    law = get("chinchilla")
    for name, size in (("hoffmann", 40e9), ("besiroglu", 72e9)):
        best = optimum_of(law).fn(law.published[name].coef, 5.76e23)
        assert best["N"] == pytest.approx(size, rel=0.03), name


def test_plan_spends_the_budget_and_carries_intervals(fitted):
    made, draws, _ = fitted
    best = plan(made, draws, budget=Budget(flops=1e22))
    assert 6 * best.params.value * best.tokens.value == pytest.approx(1e22, rel=1e-9)
    for quantity in (best.params, best.tokens, best.loss):
        assert quantity.interval[0] < quantity.value < quantity.interval[1]
    assert best.binding == "flops"
    assert best.reach["params"] > 0
    assert {"params", "tokens", "loss", "regret", "binding"} <= set(best.to_dict())
    assert set(best.to_dict()["params"]) == {"value", "interval"}
    assert all(value > 0 for value in best.regret.values())


def test_serving_moves_the_optimum_to_smaller_models_trained_longer(fitted):
    made, draws, _ = fitted
    free = plan(made, draws, budget=Budget(flops=1e22))
    served = plan(made, draws, budget=Budget(flops=1e22, serve_tokens=1e12))
    assert served.params.value < free.params.value
    spent = 6 * served.params.value * served.tokens.value + 2 * served.params.value * 1e12
    assert spent == pytest.approx(1e22, rel=1e-9)
    n = np.geomspace(served.params.value / 10, served.params.value * 10, 100_001)
    d = (1e22 / n - 2e12) / 6
    loss = np.where(d > 0, predict(made.law, made.coef, {"N": n, "D": np.maximum(d, 1)}), np.inf)
    assert n[np.argmin(loss)] == pytest.approx(served.params.value, rel=1e-3)


def test_limits_bind_and_say_so(fitted):
    made, draws, _ = fitted
    free = plan(made, draws, budget=Budget(flops=1e22))
    capped = plan(made, draws, budget=Budget(flops=1e22, max_params=free.params.value / 3))
    assert capped.binding == "max_params"
    assert capped.params.value == pytest.approx(free.params.value / 3)
    dry = plan(made, draws, budget=Budget(flops=1e22, unique_tokens=free.tokens.value / 3))
    assert dry.binding == "unique_tokens"
    assert dry.tokens.value == pytest.approx(free.tokens.value / 3)
    assert dry.loss.value > free.loss.value
    with pytest.raises(PlanError) as caught:
        plan(made, draws, budget=Budget(flops=1e18, serve_tokens=1e18))
    assert caught.value.binding == "serve_tokens"
    with pytest.raises(PlanError, match="positive"):
        Budget(flops=-1.0)


def test_a_law_without_size_and_data_cannot_plan(fitted):
    _, _, runs = fitted
    with pytest.raises(PlanError) as caught:
        plan(fit("power_offset", runs, axis="flops"), budget=Budget(flops=1e22))
    assert caught.value.binding == "law"


def test_laws_without_a_closed_form_are_planned_numerically():
    runs = grid(0.0)
    made = fit("E + A*N**-a + B*D**-b", runs)
    assert optimum_of(made.law) is None
    numeric = plan(made, budget=Budget(flops=1e21))
    closed = optimum_of(get("chinchilla")).fn(TRUTH, 1e21)
    assert numeric.method.startswith("numerical")
    assert numeric.params.value == pytest.approx(closed["N"], rel=1e-4)  # golden sections on a flat optimum


def test_profiles_of_noiseless_chinchilla_runs():
    truth = {**TRUTH, "beta": TRUTH["alpha"]}  # alpha = beta and a centred grid: the vertex is exact
    base = grid(0.0, truth=truth)
    best = optimum_of(get("chinchilla"))
    budgets = np.unique(base.column("flops"))
    n = np.concatenate([best.fn(truth, c)["N"] * np.geomspace(0.5, 2, 7) for c in budgets])
    c = np.repeat(budgets, 7)
    runs = Runs(
        {
            "params": n,
            "flops": c,
            "tokens": c / 6 / n,
            "loss": predict(get("chinchilla"), truth, {"N": n, "D": c / 6 / n}),
        }
    )
    found = isoflop(runs, fit=fit("chinchilla", runs))
    for profile in found.profiles:
        assert profile.problem == ""
        assert profile.params == pytest.approx(best.fn(truth, profile.flops)["N"], rel=1e-6)
        assert profile.spline == pytest.approx(profile.params, rel=0.05)
    second = next(route for route in found.routes if route.name == "approach 2")
    third = next(route for route in found.routes if route.name.startswith("approach 3"))
    assert second.exponent == pytest.approx(0.5, abs=1e-6)
    assert third.exponent == pytest.approx(0.5, abs=1e-6)
    assert "2603.22339" in found.bias


def test_profiles_without_an_interior_minimum_are_refused():
    sizes = np.geomspace(1e6, 1e8, 5)
    falling = profile_of(1e18, sizes, 3 - np.log10(sizes) / 10)
    assert "largest size has the lowest loss" in falling.problem
    assert np.isnan(falling.params)
    assert "too few" in profile_of(1e18, sizes[:2], np.array([3.0, 2.9])).problem
    concave = profile_of(1e18, np.geomspace(1e6, 1e8, 9), np.array([2.0, 2.5, 2.8, 3.0, 3.1, 3.0, 2.8, 2.5, 1.99]))
    assert concave.problem


def test_grids_that_are_off_centre_are_biased_as_published():
    # arXiv:2603.22339: the vertex is shifted when alpha != beta; the bias grows with the width of the grid
    truth = {**TRUTH, "alpha": 0.5, "beta": 0.25}
    best = optimum_of(get("chinchilla")).fn(truth, 1e20)["N"]

    def vertex(width: float) -> float:
        n = best * np.geomspace(1 / width, width, 5)
        return profile_of(1e20, n, predict(get("chinchilla"), truth, {"N": n, "D": 1e20 / 6 / n})).params

    narrow, wide = abs(np.log(vertex(1.3) / best)), abs(np.log(vertex(4.0) / best))
    assert narrow < wide
    assert wide > 0.01
