"""The no-U-turn sampler against a posterior that is known in closed form, where NumPyro is installed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tenfold import ConfigError, Nuts, Runs, draw, fit
from tenfold.core import Labels
from tenfold.engine import nuts
from tenfold.engine.precision import x64
from tenfold.uncertainty import same_problem

X = np.geomspace(1.0, 1e3, 12)


def line():
    """A straight line in log x, fitted by least squares in linear space, and its least-squares theory."""
    y = 5.0 - 0.4 * np.log(X) + 0.05 * np.random.default_rng(3).standard_normal(len(X))
    runs = Runs({"x": X, "score": y})
    made = fit("log_law", runs, target="score", objective="squared@linear", certificate=False)
    return made, runs, y


def test_a_straight_line_has_students_posterior():
    pytest.importorskip("numpyro", reason="NumPyro is an extra: pip install 'tenfold[bayes]'")
    made, runs, y = line()
    drawn = draw(made, runs, method=Nuts(2000, warmup=300, chains=1), seed=1)
    design = np.column_stack([np.ones(len(X)), -np.log(X)])
    covariance = np.linalg.inv(design.T @ design)
    best = covariance @ design.T @ y
    variance = np.sum((y - design @ best) ** 2) / 10
    assert drawn.guard["divergent"] <= 2
    for j, name in enumerate(("a", "b")):
        # flat coefficients and 1/sigma: Student's t with 12 - 2 degrees of freedom about least squares
        theory = stats.t(10, best[j], np.sqrt(variance * covariance[j, j]))
        # 2000 draws that are worth at least 500: quantiles of the probability to four times sqrt(.1 .9 / 500)
        share = theory.cdf(np.quantile(drawn.coef[name], [0.1, 0.5, 0.9]))
        assert np.all(np.abs(share - [0.1, 0.5, 0.9]) < [0.055, 0.09, 0.055])


def test_the_posterior_is_likelihood_times_prior_and_a_run_counts_once():
    """The energy at two points against logarithms of textbook densities (SciPy's); constants drop out of differences."""
    y = np.array([3.1, 2.9, 2.5, 2.3, 2.2])
    run = Labels.of(["a", "a", "b", "c", "d"])
    runs = Runs({"x": np.array([1.0, 2.0, 4.0, 8.0, 16.0]), "loss": y}, {"run": run})
    made = fit("power_offset", runs, objective="student:5", priors={"alpha": (0.5, 0.1)}, certificate=False, throw=False)
    ready, problem = same_problem(made, runs)
    theta, share = problem.free(made.coef), np.array([0.5, 0.5, 1.0, 1.0, 1.0])
    energy = nuts.energy(problem, theta, np.eye(problem.size), share, 0.01)

    def by_hand(z):
        coef = {k: float(v[0]) for k, v in problem.natural((theta + z[:-1])[None]).items()}
        sigma = 0.01 * np.exp(z[-1])
        residual = np.log(made.law(coef=coef, x=ready.inputs["x"])) - np.log(y)
        out = share @ stats.t(5, scale=sigma).logpdf(residual)
        return out + stats.norm(0.5, 0.1).logpdf(coef["alpha"]) + np.log(coef["E"])  # a floor is uniform

    rng = np.random.default_rng(0)
    one, two = 0.01 * rng.standard_normal((2, problem.size + 1))
    with x64():
        ours = float(energy(one) - energy(two))
    assert ours == pytest.approx(by_hand(two) - by_hand(one), rel=1e-10)


def test_without_numpyro_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(nuts, "installed", lambda: False)
    made, runs, _ = line()
    with pytest.raises(ConfigError, match=r"not installed; pip install 'tenfold\[bayes\]'"):
        draw(made, runs, method="nuts:100")
