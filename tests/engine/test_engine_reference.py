"""The reference optimum: agreement of all starts, other optimisers, other units, orders and weights, closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from cases import coefficients, measured, points, synthetic
from tenfold.core.domains import Interval
from tenfold.core.law import law_from_text
from tenfold.core.status import Status
from tenfold.engine.objective import Absolute, Huber, Squared, Student
from tenfold.engine.problem import build
from tenfold.engine.solve import refit, solve
from tenfold.laws import get

# Huber 1e-3, summed over log residuals of the 234 points; every digit agrees with a second optimiser below.
VALUE = 8.400931199574e-04
COEF = {"E": 1.783894128, "A": 442.1640573, "B": 1271.807992, "alpha": 0.3426260429, "beta": 0.3420019008}


def plain_objective(problem):
    """The objective and its gradient in plain free units, for other optimisers."""
    kernel, change = problem.kernel, problem.kernel.to_solver(np.eye(problem.size))

    def fn(theta):
        at = kernel.evaluate(kernel.to_solver(theta[None]), problem.weights, problem.target, problem.objective)
        return float(at.value[0]), change @ at.grad[:, 0]

    return fn


def test_the_published_points():
    problem = measured()
    found = solve(problem)
    assert found.status is Status.CONVERGED
    assert found.value == pytest.approx(VALUE, rel=1e-11)  # as many digits as are written above
    np.testing.assert_allclose(coefficients(problem, found.theta), list(COEF.values()), rtol=1e-8)
    assert found.agree == 1.0
    assert found.basins == 1
    assert len(found.lanes.value) == 16
    assert found.at_bound == ()


@pytest.mark.parametrize("objective", [Huber(1e-2), Squared(), Squared("linear"), Student(4.0, 5e-3), Absolute()])
def test_every_start_agrees_for_every_objective(objective):
    found = solve(measured(objective))
    assert found.status.ok
    assert found.agree == 1.0


def test_least_absolute_deviations_interpolate_as_many_points_as_coefficients():
    _inputs, loss = points()
    problem = measured(Absolute())
    found = solve(problem)
    model = problem.kernel.model(problem.kernel.to_solver(found.theta[None]))[0]
    residual = np.sort(np.abs(np.log(model / loss)))
    # a vertex of the objective: five residuals vanish, and the smoothing that leads there ends at 1e-7 of the median
    assert residual[4] < 1e-7 < residual[5]
    assert found.value == pytest.approx(0.94951368900, rel=1e-9)


@pytest.mark.parametrize("objective", [Huber(1e-3), Squared("linear"), Student(4.0, 5e-3)], ids=lambda o: o.spec())
def test_scipy_finds_the_same_optimum(objective):
    from scipy.optimize import minimize

    problem = measured(objective)
    found = solve(problem)
    fn = plain_objective(problem)
    scale = 1.0 / found.value  # tolerances of other optimisers are absolute
    start = found.theta + np.array([0.01, 0.1, -0.1, 0.005, -0.005])
    best = np.inf
    for method, options in (("L-BFGS-B", {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10}), ("BFGS", {"gtol": 1e-9})):
        end = minimize(lambda t: tuple(scale * part for part in fn(t)), start, jac=True, method=method, options=options)
        best = min(best, float(end.fun) / scale)
    assert found.value <= best * (1 + 1e-13)
    assert best == pytest.approx(found.value, rel=1e-8)


def test_iminuit_finds_the_same_optimum():
    from iminuit import Minuit

    problem = measured()
    found = solve(problem)
    fn = plain_objective(problem)
    scale = 1e4 / found.value  # its stopping rule is an absolute distance of about 1e-6
    start = found.theta + np.array([0.01, 0.1, -0.1, 0.005, -0.005])
    minuit = Minuit(lambda t: scale * fn(t)[0], start, grad=lambda t: scale * fn(t)[1])
    minuit.errordef, minuit.tol, minuit.strategy = Minuit.LEAST_SQUARES, 1e-4, 2
    for _ in range(5):
        minuit.migrad(ncall=20000)
    end = np.array(minuit.values)
    assert found.value <= minuit.fval / scale * (1 + 1e-13)
    assert minuit.fval / scale == pytest.approx(found.value, rel=1e-8)
    # the objective's curvature turns 1e-8 of its value into about 1e-4 of a standard error; what migrad reaches is better
    np.testing.assert_allclose(end, found.theta, rtol=1e-5)


def test_millions_instead_of_units_change_the_amplitude_only():
    inputs, loss = points()
    found = coefficients(measured(), solve(measured()).theta)
    problem = build(get("chinchilla"), {**inputs, "N": inputs["N"] / 1e6}, loss, objective=Huber(1e-3))
    other = coefficients(problem, solve(problem).theta)
    other[1] *= 1e6 ** other[3]
    np.testing.assert_allclose(other, found, rtol=1e-8)


def test_order_of_rows_and_unit_of_loss_do_not_matter():
    inputs, loss = points()
    found = solve(measured())
    order = np.random.default_rng(0).permutation(len(loss))
    shuffled = {name: values[order] for name, values in inputs.items()}
    again = solve(build(get("chinchilla"), shuffled, loss[order], objective=Huber(1e-3)))
    np.testing.assert_allclose(again.theta, found.theta, rtol=1e-9)
    bits = solve(build(get("chinchilla"), inputs, loss / np.log(2), objective=Huber(1e-3)))
    shift = np.array([np.log(np.log(2))] * 3 + [0.0, 0.0])
    np.testing.assert_allclose(bits.theta + shift, found.theta, rtol=1e-8)
    assert bits.value == pytest.approx(found.value, rel=1e-10)


def test_a_row_twice_is_a_row_of_weight_two():
    law, inputs, y = synthetic()
    twice = np.concatenate([np.arange(60), [4, 17, 31]])
    doubled = solve(build(law, {k: v[twice] for k, v in inputs.items()}, y[twice], objective=Huber(1e-2)))
    weights = np.bincount(twice).astype(float)
    weighted = solve(build(law, inputs, y, weights=weights, objective=Huber(1e-2)))
    assert doubled.value == pytest.approx(weighted.value, rel=1e-11)
    np.testing.assert_allclose(doubled.theta, weighted.theta, rtol=1e-8, atol=1e-10)


def test_a_power_law_is_a_straight_line_in_logarithms():
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(5, 15, 50))
    y = 7.0 * x**-0.21 * np.exp(0.05 * rng.standard_normal(50))
    problem = build(law_from_text("A*N**-alpha"), {"N": x}, y, objective=Squared())
    found = coefficients(problem, solve(problem).theta)
    slope, level = np.polyfit(np.log(x), np.log(y), 1)
    by_name = dict(zip(problem.law.coefs, found, strict=True))
    assert by_name["alpha"] == pytest.approx(-slope, rel=1e-11)
    assert by_name["A"] == pytest.approx(np.exp(level), rel=1e-11)


def test_an_exponent_declared_positive_is_fitted_as_such():
    # its solver unit is a logarithm, in which the term is not linear: such a law is not a sum of power terms
    from tenfold.core.domains import Positive

    x = np.exp(np.linspace(2, 12, 30))
    law = law_from_text("A*N**-alpha", domains={"A": Positive, "alpha": Positive})
    problem = build(law, {"N": x}, 7.0 * x**-0.21, objective=Squared())
    found = dict(zip(law.coefs, coefficients(problem, solve(problem).theta), strict=True))
    assert found["alpha"] == pytest.approx(0.21, rel=1e-9)
    assert found["A"] == pytest.approx(7.0, rel=1e-9)


def test_tall_tables_are_searched_on_a_part_and_finished_on_all_rows():
    law, inputs, y = synthetic(6000)
    problem = build(law, inputs, y, objective=Huber(1e-3))
    tall = solve(problem)
    again = refit(problem, tall.theta[None] + 0.01)
    assert tall.status is Status.CONVERGED
    assert again.value[0] == pytest.approx(tall.value, rel=1e-12)


def test_explicit_starts_and_bounds():
    problem = measured()
    found = solve(problem)
    given = solve(problem, theta0=found.theta[None] + 0.02)
    assert given.value == pytest.approx(found.value, rel=1e-12)
    inputs, loss = points()
    boxed = build(get("chinchilla"), inputs, loss, objective=Huber(1e-3), bounds={"alpha": (0.4, 0.6)})
    end = solve(boxed)
    assert end.status is Status.AT_BOUND
    assert coefficients(boxed, end.theta)[3] == 0.4
    assert end.at_bound == (3,)
    fixed = build(get("chinchilla"), inputs, loss, objective=Huber(1e-3), fixed={"alpha": 0.4})
    assert solve(fixed).value == pytest.approx(end.value, rel=1e-9)
    amplitude = build(get("chinchilla"), inputs, loss, objective=Huber(1e-3), bounds={"A": (1e-3, 1e9)})
    assert solve(amplitude).value == pytest.approx(found.value, rel=1e-10)


def test_a_rough_surface_is_called_rough():
    """Two valleys of nearly one depth: not every start ends in the same, and the certificate's numbers say so."""
    x = np.linspace(0.0, 1.0, 60)
    y = 2.0 + np.exp(-((x - 0.25) ** 2) / 0.002) + 0.98 * np.exp(-((x - 0.75) ** 2) / 0.002)
    law = law_from_text("2 + exp(-(x - m)**2 / 0.002)", domains={"m": Interval(0.0, 1.0)}, inputs=("x",))
    found = solve(build(law, {"x": x}, y, objective=Squared("linear")))
    assert found.theta[0] == pytest.approx(0.25, abs=0.01)
    assert found.agree < 1.0
    assert found.basins > 1
