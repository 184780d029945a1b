"""Residuals made as large as the noise, and the degrees of freedom of cluster-robust variances, against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import fit
from tenfold.engine import laplace, resample
from tenfold.simulate import simulate
from tenfold.uncertainty import same_problem


def problem_of(**settings):
    """A least-squares fit of a noisy ladder, its optimum, clusters and a basis of its Jacobian's columns by QR."""
    runs = simulate("ladder", low=1e18, high=3e20, seed=1, **settings).runs
    made = fit("chinchilla", runs, objective="squared", certificate=False)
    ready, problem = same_problem(made, runs)
    theta = problem.free(made.coef)
    n, d = ready.inputs["N"], ready.inputs["D"]
    c, value = made.coef, made.predict(N=n, D=d)
    a, b = c["A"] * n ** -c["alpha"], c["B"] * d ** -c["beta"]
    # of log L in log E, log A, log B, alpha, beta, by hand
    x = np.column_stack([np.full(len(n), c["E"]), a, b, -a * np.log(n), -b * np.log(d)]) / value[:, None]
    return problem, theta, ready.runs.clusters(), x


CASES = [{}, {"budgets": 4, "sizes": 3, "runs": 10}, {"checkpoints": 3}, {"seeds": 2, "budgets": 4}]


def power(matrix, exponent):
    """A symmetric matrix to a power."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0.01) ** exponent) @ vectors.T  # leverage is capped at .99


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_inflated_residuals_have_the_covariance_of_the_noise(settings):
    problem, theta, clusters, x = problem_of(**settings)
    q = np.linalg.qr(x / np.linalg.norm(x, axis=0))[0]
    maker = np.eye(len(x)) - q @ q.T  # residual = maker @ noise
    spread = np.column_stack([laplace.inflated(problem, theta, column, clusters) for column in maker.T])
    covariance = spread @ spread.T  # of inflated residuals, for noise of covariance one
    together = clusters[:, None] == clusters[None, :]
    # the Jacobian's columns are collinear to 1e-4, so bases agree to about twelve digits
    np.testing.assert_allclose(covariance[together], np.eye(len(x))[together], atol=1e-8)


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_freedom_is_satterthwaites(settings):
    problem, theta, clusters, x = problem_of(**settings)
    q, r = np.linalg.qr(x / np.linalg.norm(x, axis=0))
    maker = np.eye(len(x)) - q @ q.T
    found = []
    for j in range(x.shape[1]):
        weight = q @ np.linalg.inv(r)[j]  # of each row in coefficient j
        columns = []
        for group in range(clusters.max() + 1):
            rows = np.flatnonzero(clusters == group)
            own = np.eye(len(rows)) - q[rows] @ q[rows].T
            columns.append(maker[:, rows] @ power(own, -0.5) @ weight[rows])
        inner = np.array(columns) @ np.array(columns).T
        found.append(np.trace(inner) ** 2 / np.sum(inner**2))
    assert laplace.freedom(problem, theta, clusters) == pytest.approx(np.median(found), rel=1e-6)


def test_the_bandwidth_is_silvermans():
    residual = np.random.default_rng(0).standard_normal(100_000)
    # of a normal sample both measures of spread are one, to half a percent at this size
    assert resample.bandwidth(residual, 1000) == pytest.approx(0.9 * 1000**-0.2, rel=0.01)
