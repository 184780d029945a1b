"""Covariances: curvature against differences, scores that vanish, sandwiches against the textbook and resampling."""

from __future__ import annotations

import numpy as np
import pytest

from cases import measured
from tenfold.core.law import law_from_text
from tenfold.engine import laplace, resample
from tenfold.engine.objective import Absolute, Huber, Squared
from tenfold.engine.problem import build
from tenfold.engine.solve import refit, solve
from tenfold.laws import get


def line(rows=60):
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(5, 15, rows))
    y = 7.0 * x**-0.21 * np.exp(0.05 * rng.standard_normal(rows))
    problem = build(law_from_text("A*N**-alpha"), {"N": x}, y, objective=Squared())
    design = np.stack([np.ones(rows) if name == "A" else -np.log(x) for name in problem.names], axis=1)
    return problem, design, np.log(y)


def test_ordinary_least_squares_in_logarithms():
    problem, design, z = line()
    theta = solve(problem).theta
    np.testing.assert_allclose(laplace.hessian(problem, theta), 2 * design.T @ design, rtol=1e-9)
    residual = z - design @ theta
    np.testing.assert_allclose(laplace.scores(problem, theta), -2 * residual[:, None] * design, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        laplace.covariance(problem, theta), np.mean(residual**2) * np.linalg.inv(design.T @ design), rtol=1e-8
    )
    clusters = np.arange(60) // 3
    bread = np.linalg.inv(design.T @ design)
    summed = np.add.reduceat(residual[:, None] * design, np.arange(0, 60, 3), axis=0)
    textbook = bread @ summed.T @ summed @ bread * 20 / 19
    np.testing.assert_allclose(laplace.sandwich(problem, theta, clusters), textbook, rtol=1e-6)


@pytest.mark.parametrize("name", ["chinchilla", "kaplan_nd"])
def test_scores_add_up_to_nothing_at_the_optimum(name):
    rng = np.random.default_rng(1)
    law = get(name)
    inputs = {key: np.exp(rng.uniform(16, 22, 50)) for key in law.inputs}
    y = 2.0 + 5.0 * inputs["N"] ** -0.1 + 8.0 * inputs["D"] ** -0.12
    problem = build(law, inputs, y * np.exp(0.01 * rng.standard_normal(50)), objective=Huber(5e-3))
    theta = solve(problem).theta
    rows = laplace.scores(problem, theta)
    assert rows.shape == (50, problem.size)
    # what is left is rounding at the size of the scores themselves
    assert np.abs(rows.sum(axis=0)).max() < 1e-6 * np.abs(rows).sum(axis=0).max()


@pytest.mark.parametrize("objective", [Huber(1e-3), Squared(), Absolute()], ids=repr)
def test_the_sandwich_resembles_the_bootstrap(objective):
    problem = measured(objective)
    theta = solve(problem).theta
    weights = resample.cluster_counts(np.arange(234), 300, np.random.default_rng(0))
    lanes = refit(problem, np.repeat(theta[None], 300, axis=0), weights=weights)
    ours = np.sqrt(np.diag(laplace.sandwich(problem, theta, np.arange(234))))
    # 300 resamples know a standard deviation to 4 %; robust objectives differ from their linearisation by a quarter
    np.testing.assert_allclose(ours, lanes.theta.std(axis=0), rtol=0.35)


def test_coefficients_on_a_bound_do_not_vary():
    problem, _, _ = line()
    boxed = build(problem.law, problem.inputs, problem.y, objective=Squared(), bounds={"alpha": (0.3, 0.5)})
    theta = solve(boxed).theta
    j = boxed.names.index("alpha")
    spread = laplace.covariance(boxed, theta)
    assert (spread[j] == 0).all()
    assert (spread[:, j] == 0).all()
    assert spread[1 - j, 1 - j] > 0
