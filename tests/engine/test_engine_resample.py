"""Resampling plans keep clusters together and repeat with the seed; the guard repairs what warm starts miss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cases import measured
from tenfold.core.domains import Interval
from tenfold.core.law import law_from_text
from tenfold.engine import resample
from tenfold.engine.objective import Squared
from tenfold.engine.problem import build
from tenfold.engine.solve import refit, solve

CLUSTERS = np.array([0, 0, 0, 1, 2, 2, 3, 3, 3, 3])


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("make", [resample.cluster_counts, resample.cluster_dirichlet])
def test_weights_are_by_cluster_and_deterministic(make):
    weights = make(CLUSTERS, 500, rng())
    assert weights.shape == (500, 10)
    for cluster in range(4):
        part = weights[:, cluster == CLUSTERS]
        assert (part == part[:, :1]).all()
    first = weights[:, [0, 3, 4, 6]]
    np.testing.assert_allclose(first.sum(axis=1), 4.0, rtol=1e-12)  # as many clusters as there are
    # a mean over 500 draws of variance below one: five standard errors
    assert abs(first.mean() - 1.0) < 1e-12
    assert np.abs(first.mean(axis=0) - 1.0).max() < 5 / np.sqrt(500)
    np.testing.assert_array_equal(make(CLUSTERS, 500, rng()), weights)
    assert (make(CLUSTERS, 500, rng(1)) != weights).any()


def test_counts_are_whole_and_dirichlet_weights_positive():
    counts = resample.cluster_counts(CLUSTERS, 50, rng())
    np.testing.assert_array_equal(counts, np.round(counts))
    assert (resample.cluster_dirichlet(CLUSTERS, 50, rng()) > 0).all()


def test_jackknife_leaves_out_one_cluster_each():
    weights = resample.jackknife_weights(CLUSTERS)
    assert weights.shape == (4, 10)
    for cluster in range(4):
        np.testing.assert_array_equal(weights[cluster] == 0, cluster == CLUSTERS)


def test_residuals_move_as_clusters():
    u, residual = np.linspace(1, 2, 10), np.arange(10.0)
    target = resample.residual_targets(u, residual, CLUSTERS, 300, rng())
    moved = target - u
    # the three residuals of cluster 0 read over the four rows of cluster 3, in order
    rows = moved[np.isclose(moved[:, 6], 0.0)][:, 6:]
    assert len(rows) > 0
    np.testing.assert_allclose(rows, np.tile([0.0, 0.0, 1.0, 2.0], (len(rows), 1)), atol=1e-12)
    alone = resample.residual_targets(u, residual, np.arange(10), 300, rng()) - u
    assert set(np.round(alone.ravel(), 9)) == set(residual)
    np.testing.assert_array_equal(resample.residual_targets(u, residual, CLUSTERS, 300, rng()), target)


@pytest.mark.parametrize("kind", ["webb", "rademacher"])
def test_wild_factors_have_mean_zero_and_variance_one(kind):
    u, residual = np.zeros(10), np.ones(10)
    factor = resample.wild_targets(u, residual, CLUSTERS, 4000, rng(), kind=kind)
    assert (factor[:, 0] == factor[:, 2]).all()
    values = factor[:, [0, 3, 4, 6]]
    assert len(np.unique(values)) == (6 if kind == "webb" else 2)
    assert abs(values.mean()) < 5 / np.sqrt(values.size)
    assert abs(values.var() - 1.0) < 5 / np.sqrt(values.size)
    with pytest.raises(ValueError, match="rademacher"):
        resample.wild_targets(u, residual, CLUSTERS, 2, rng(), kind="gauss")


def test_the_guard_leaves_good_lanes_alone():
    problem = measured()
    weights = resample.cluster_counts(np.arange(234), 60, rng())
    warm = refit(problem, np.repeat(solve(problem).theta[None], 60, axis=0), weights=weights)
    lanes, report = resample.guard(problem, warm, weights=weights, sample=12)
    assert report == resample.Guarded(checked=12, improved=0)
    assert lanes is warm


@pytest.mark.parametrize("by", ["weights", "target"])
def test_the_guard_repairs_bad_lanes(by):
    problem = measured()
    theta = solve(problem).theta
    given = {"weights": resample.cluster_counts(np.arange(234), 20, rng())}
    if by == "target":
        given = {"target": problem.target + 0.003 * rng().standard_normal((20, 234))}
    right = refit(problem, np.repeat(theta[None], 20, axis=0), **given)
    bad = replace(right, theta=right.theta.copy(), value=right.value.copy(), status=right.status.copy())
    bad.value[::2] *= 1.5
    bad.theta[::2] += 0.1
    lanes, report = resample.guard(problem, bad, **given, sample=5)
    assert report == resample.Guarded(checked=20, improved=10)
    np.testing.assert_allclose(lanes.value, right.value, rtol=1e-9)
    np.testing.assert_allclose(lanes.theta, right.theta, rtol=1e-6)


def test_a_guard_that_checks_every_lane_repairs_what_it_checked():
    """Few resamples of a law with two valleys, all started in the shallower one."""
    x = np.linspace(0.0, 1.0, 60)
    y = 2.0 + np.exp(-((x - 0.25) ** 2) / 0.002) + 0.9 * np.exp(-((x - 0.75) ** 2) / 0.002)
    law = law_from_text("2 + exp(-(x - m)**2 / 0.002)", domains={"m": Interval(0.0, 1.0)}, inputs=("x",))
    problem = build(law, {"x": x}, y, objective=Squared("linear"))
    for lanes in (4, 20):
        weights = np.ones((lanes, 60))
        warm = refit(problem, np.full((lanes, 1), 0.75), weights=weights)
        assert np.abs(warm.theta - 0.75).max() < 0.02
        found, report = resample.guard(problem, warm, weights=weights)
        assert found.theta == pytest.approx(0.25, abs=0.02)
        assert report.improved == lanes


def test_levels_follow_noise_that_changes_along_the_fitted_values():
    """Normal noise exp(1.5 x) times as large, x uniform on 400 rows: the slope is known to sqrt(0.57 / n) of 1 / sd(x)."""
    rng = np.random.default_rng(3)
    u = rng.uniform(-1.0, 1.0, 400)
    found = resample.levels(np.exp(1.5 * u) * rng.standard_normal(400), u)
    slope = np.polyfit(u, np.log(found), 1)
    assert slope[0] == pytest.approx(1.5, abs=3 * np.sqrt(0.57 / 400) / u.std())
    np.testing.assert_allclose(np.log(found), np.polyval(slope, u), atol=1e-9)  # a straight line in the fitted values
    assert np.log(found).mean() == pytest.approx(0.0, abs=1e-9)
    flat = resample.levels(rng.standard_normal(400), u)
    assert abs(np.polyfit(u, np.log(flat), 1)[0]) < 3 * np.sqrt(0.57 / 400) / u.std()
    np.testing.assert_array_equal(resample.levels(np.zeros(5), np.arange(5.0)), np.ones(5))
    np.testing.assert_array_equal(resample.levels(np.ones(5), np.ones(5)), np.ones(5))
