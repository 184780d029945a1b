"""Profiles against refits with the coefficient fixed, and intervals against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from cases import measured, points, synthetic
from tenfold.core.law import law_from_text
from tenfold.engine import profile
from tenfold.engine.objective import Huber, Squared
from tenfold.engine.problem import build
from tenfold.engine.solve import solve
from tenfold.laws import get


@pytest.mark.parametrize("name", ["A", "alpha", "E"])
def test_a_point_of_the_profile_is_a_fit_with_the_coefficient_fixed(name):
    problem = measured()
    theta = solve(problem).theta
    j = problem.names.index(name)
    at = theta[j] + np.array([-0.02, 0.0, 0.015])
    found = profile.curve(problem, theta, j, at=at)
    inputs, loss = points()
    for value, point in zip(found.value, at, strict=True):
        natural = float(problem.domains[j].to_natural(point))
        fixed = build(get("chinchilla"), inputs, loss, objective=Huber(1e-3), fixed={name: natural})
        assert value == pytest.approx(solve(fixed).value, rel=1e-9)
    assert np.allclose(found.theta[:, j], at, rtol=1e-14)


def test_intervals_of_a_straight_line_are_exact():
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(5, 15, 40))
    y = 7.0 * x**-0.21 * np.exp(0.05 * rng.standard_normal(40))
    problem = build(law_from_text("A*N**-alpha"), {"N": x}, y, objective=Squared())
    theta = solve(problem).theta
    design = np.stack([np.ones(40), -np.log(x)], axis=1)
    order = [("A", "alpha").index(name) for name in problem.names]
    spread = np.linalg.inv(design.T @ design)
    for j, column in enumerate(order):
        sides = profile.interval(problem, theta, j, rise=0.3)
        half = np.sqrt(0.3 * spread[column, column])  # the objective is the sum of squares, not half of it
        assert sides.low_closed
        assert sides.high_closed
        assert sides.low == pytest.approx(theta[j] - half, rel=1e-8)
        assert sides.high == pytest.approx(theta[j] + half, rel=1e-8)


def test_ends_lie_at_the_rise():
    problem = measured()
    found = solve(problem)
    for name in ("B", "beta"):
        j = problem.names.index(name)
        sides = profile.interval(problem, found.theta, j, rise=1e-5)
        ends = profile.curve(problem, found.theta, j, at=np.array([sides.low, sides.high]))
        assert sides.low < found.theta[j] < sides.high
        np.testing.assert_allclose(ends.value - found.value, 1e-5, rtol=1e-6)


def test_a_side_without_an_end_says_so():
    law, inputs, y = synthetic(30)
    problem = build(law, inputs, y, objective=Huber(1e-3), bounds={"alpha": (0.3, 0.5)})
    theta = solve(problem).theta
    sides = profile.interval(problem, theta, problem.names.index("alpha"), rise=10.0)
    assert sides.low_side is profile.Side.BOUND
    assert sides.high_side is profile.Side.BOUND
    assert (sides.low, sides.high) == (0.3, 0.5)
    # a floor of which the data see nothing may be as small as it likes
    x = np.exp(np.linspace(2, 12, 30))
    flat = build(get("power_offset"), {"x": x}, 5 * x**-0.3, objective=Squared())
    low = profile.interval(flat, solve(flat).theta, flat.names.index("E"), rise=1e-3)
    assert not low.low_closed
    assert low.high_closed


def test_rise_must_be_positive():
    problem = measured()
    with pytest.raises(ValueError, match="rise"):
        profile.interval(problem, solve(problem).theta, 0, rise=0.0)
