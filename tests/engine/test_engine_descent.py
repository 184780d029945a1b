"""The compiled Newton method for programs against the one in NumPy, step by step and end by end."""

from __future__ import annotations

import numpy as np
import pytest

from cases import HARD, OBJECTIVES, problem_of
from tenfold.core.status import Status
from tenfold.engine import fast, newton
from tenfold.engine.newton import Newton
from tenfold.engine.objective import Huber, SmoothQuantile, Squared
from tenfold.engine.solve import refit
from tenfold.engine.symbols import OPERATIONS

descent = pytest.importorskip("tenfold.engine.descent", reason="needs numba: pip install tenfold[fast]")


def both(problem, theta, weights, target, *, lower=None, upper=None, **settings):
    """Solutions of the compiled method and of NumPy's."""
    lower = problem.lower if lower is None else lower
    upper = problem.upper if upper is None else upper
    linear = np.array([domain.transform != "log" for domain in problem.domains])
    limits = {"settings": Newton(**settings), "floor": 1e-14, "linear": linear}
    kernel, objective = problem.kernel, problem.objective
    program = kernel.program(objective.space)
    ours = fast.descend(program, objective, theta, weights, target, lower, upper, threads=2, **limits)

    def evaluate(theta, lanes, damping):
        return kernel.evaluate(theta, weights, target, objective, damping=damping, lanes=lanes)

    return ours, newton.minimise(evaluate, theta, lower, upper, **limits)


@pytest.fixture(autouse=True)
def numpy_elsewhere(monkeypatch):
    monkeypatch.setenv("TENFOLD_NUMBA", "0")


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@pytest.mark.parametrize("rows", [40, 1300], ids=["few rows", "more rows than a tile"])
@pytest.mark.parametrize("name", HARD)
def test_steps_agree_with_numpy(name, objective, rows):
    """Rounding grows by the condition of the law with every step, so a few steps are compared, and their values."""
    problem, theta = problem_of(name, objective, rows)
    rng = np.random.default_rng(1)
    weights = rng.multinomial(rows, np.full(rows, 1 / rows), size=3).astype(float)
    targets = problem.target * (1.0 + 0.01 * rng.standard_normal((3, rows)))
    for w, t in ((weights, targets), (problem.weights, targets), (problem.weights, problem.target)):
        for steps in (1, 4):
            ours, wanted = both(problem, theta, w, t, max_steps=steps)
            np.testing.assert_allclose(ours.value, wanted.value, rtol=1e-7)
            np.testing.assert_array_equal(ours.steps, wanted.steps)
            np.testing.assert_array_equal(ours.status, wanted.status)
            scale = np.abs(wanted.grad).max(axis=0)
            assert (np.abs(ours.grad - wanted.grad) <= 1e-5 * scale + 1e-12).all()


@pytest.mark.parametrize("name", ["kaplan_nsb", "m4", "accuracy_ladder"])
def test_ends_agree_with_numpy(name):
    problem, theta = problem_of(name, Squared("linear"), 200)
    ours, wanted = both(problem, theta, problem.weights, problem.target)
    ended = [Status.CONVERGED.code, Status.AT_BOUND.code]
    assert np.isin(wanted.status, ended).any()
    for lane in np.flatnonzero(np.isin(wanted.status, ended)):
        assert ours.status[lane] == wanted.status[lane]
        assert ours.value[lane] == pytest.approx(wanted.value[lane], rel=1e-10)


def test_bounds_hold_and_held_coefficients_stay():
    problem, theta = problem_of("m4", Squared("linear"), 60)
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[0] = upper[0] = theta[0, 0]
    upper[1] = theta[:, 1].min() - 0.02
    ours, wanted = both(problem, theta, problem.weights, problem.target, lower=lower, upper=upper)
    assert (ours.theta[:, 0] == theta[0, 0]).all()
    assert (ours.theta <= upper + 1e-15).all()
    np.testing.assert_allclose(ours.value, wanted.value, rtol=1e-8)
    np.testing.assert_array_equal(ours.status, wanted.status)


def test_where_there_is_no_direction_at_a_bound_it_is_damped():
    """A quartic with a ridge at its bound: curvature is negative there, and the way down leads inward."""
    from tenfold.engine.general import GeneralKernel

    kernel = GeneralKernel(
        lambda x, *, a, b: (b - x) * (b - x) - a * a,
        inputs={"x": np.zeros(3)},
        names=("a", "b"),
        logs=(False, False),
        fixed={},
    )
    objective, target = Squared("linear"), np.full(3, -4.0)
    start, low, high = np.array([[1e-3, 0.5]]), np.array([1e-3, -3.0]), np.array([3.0, 3.0])
    limits = {"settings": Newton(), "floor": 0.0, "linear": np.ones(2, dtype=bool)}
    ours = fast.descend(kernel.program("linear"), objective, start, np.ones(3), target, low, high, threads=1, **limits)

    def evaluate(theta, lanes, damping):
        return kernel.evaluate(theta, np.ones(3), target, objective, damping=damping, lanes=lanes)

    wanted = newton.minimise(evaluate, start, low, high, **limits)
    for found in (ours, wanted):
        assert found.value[0] == pytest.approx(0.0, abs=1e-12), "b^2 - a^2 = -4 is within the bounds"


def test_lanes_without_rows_or_without_a_value_end_at_once():
    problem, theta = problem_of("m4", Squared("linear"), 40)
    theta = theta[:2].copy()
    weights = np.ones((2, 40))
    weights[0] = 0.0
    targets = np.repeat(problem.target[None], 2, axis=0)
    targets[1, 3] = np.nan
    ours, wanted = both(problem, theta, weights, targets)
    assert wanted.status.tolist() == [Status.CONVERGED.code, Status.NON_FINITE.code]
    np.testing.assert_array_equal(ours.status, wanted.status)
    np.testing.assert_array_equal(ours.theta, wanted.theta)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_numbers_are_what_numpy_makes_of_them(name):
    """Exponentials and logarithms are within two units in the last place of NumPy's."""
    from tenfold.engine.machine import OPS

    cases = [(0.7, 1.3, 2.0), (1.9, 0.4, -1.0), (2.5, 2.5, 0.0), (1e-9, 3.0, 1.0), (0.0, 1.0, 2.0)]
    code = np.array([[OPS.index(name), 3, 0, 1, 2]], dtype=np.int64)
    count = {"neg": 1, "exp": 1, "log": 1, "sqrt": 1, "expm1": 1, "log1p": 1, "abs": 1, "where": 3}.get(name, 2)
    for case in cases:
        with np.errstate(all="ignore"):
            wanted = float(OPERATIONS[name](*case[:count]))
        assert descent.numbers_of(code, np.array(case)) == pytest.approx(wanted, rel=5e-16, nan_ok=True)


def test_a_refit_uses_it_where_it_pays(monkeypatch):
    problem, theta = problem_of("bnsl1", Huber(1e-2, "linear"), 60)
    targets = problem.target * (1.0 + 0.01 * np.random.default_rng(2).standard_normal((3, 60)))
    plain = refit(problem, theta, target=targets)
    called = []
    real = fast.descend
    monkeypatch.setattr(fast, "descend", lambda *a, **k: called.append(1) or real(*a, **k))
    monkeypatch.setenv("TENFOLD_NUMBA", "1")
    compiled = refit(problem, theta, target=targets)
    assert called
    np.testing.assert_allclose(compiled.value, plain.value, rtol=1e-9)


def test_objectives_that_are_not_compiled_are_left_to_numpy(monkeypatch):
    monkeypatch.setenv("TENFOLD_NUMBA", "1")
    problem, _ = problem_of("bnsl1", SmoothQuantile(0.3, 1e-2, "linear"))
    program = problem.kernel.program("linear")
    assert not fast.descends(program, problem.objective, 10**6, 10**6)
    assert fast.descends(program, Squared("linear"), 10, 10)
