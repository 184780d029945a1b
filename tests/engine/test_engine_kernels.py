"""The additive kernel against the autodiff kernel and fifty digits; both against differences; tiles and lanes."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from cases import SHARED_EXPONENT, TRUTH, synthetic
from tenfold.engine import kernel as kernels
from tenfold.engine.additive import AdditiveKernel
from tenfold.engine.autodiff import AutodiffKernel
from tenfold.engine.objective import Absolute, Huber, Squared, Student
from tenfold.engine.problem import build
from tenfold.laws import get

OBJECTIVES = [Huber(1e-2), Huber(1e-2, "linear"), Squared(), Squared("linear"), Student(4.0, 1e-2)]
PAIRS = [(SHARED_EXPONENT, objective) for objective in OBJECTIVES]
PAIRS += [(get(name), Huber(1e-2)) for name in ("chinchilla", "overtrain", "power_offset")]


def inputs_of(law, rows=40):
    rng = np.random.default_rng(5)
    return {name: np.exp(rng.uniform(8, 14, rows)) for name in law.inputs}


def point_of(problem):
    theta = problem.kernel.from_solver(problem.starts(64)[0])
    return theta[[5, 17, 40]]


@pytest.mark.parametrize(("law", "objective"), PAIRS, ids=lambda part: getattr(part, "name", repr(part)))
def test_additive_and_autodiff_agree(law, objective):
    inputs = inputs_of(law)
    y = 2.0 + np.random.default_rng(1).random(40)
    weights = np.random.default_rng(2).random(40) + 0.1
    problem = build(law, inputs, y, weights=weights, objective=objective)
    ours = problem.kernel
    assert isinstance(ours, AdditiveKernel)
    logs = tuple(domain.transform == "log" for domain in problem.domains)
    other = AutodiffKernel(law.fn, inputs=problem.inputs, names=problem.names, logs=logs, fixed={})
    plain = point_of(problem)
    mu = np.array([0.0, 0.3, 5.0])
    change = ours.to_solver(np.eye(problem.size))
    ours_at = ours.evaluate(ours.to_solver(plain), weights, problem.target, objective, damping=mu)
    other_at = other.evaluate(plain, weights, problem.target, objective, damping=mu)
    hess = np.einsum("ab,bcl,dc->adl", change, ours_at.hess, change)
    # sums of 40 terms of mixed sign: rounding relative to the largest entry, not to each
    np.testing.assert_allclose(ours_at.value, other_at.value, rtol=1e-13)
    np.testing.assert_allclose(change @ ours_at.grad, other_at.grad, atol=1e-12 * np.abs(other_at.grad).max())
    for lane in range(3):
        size = np.abs(other_at.hess[..., lane]).max()
        np.testing.assert_allclose(hess[..., lane], other_at.hess[..., lane], atol=1e-11 * size)
    np.testing.assert_allclose(
        ours.jacobian(ours.to_solver(plain[:1])) @ change.T,
        other.jacobian(plain[:1]),
        atol=1e-12 * np.abs(other.jacobian(plain[:1])).max(),
    )


def test_value_gradient_and_hessian_against_fifty_digits():
    law, inputs, y = synthetic(12)
    problem = build(law, inputs, y, objective=Squared(), plain=tuple(law.coefs))
    names = list(problem.names)
    theta = problem.free({**TRUTH, "A": 300.0, "beta": 0.4})
    at = problem.kernel.evaluate(problem.kernel.to_solver(theta[None]), problem.weights, problem.target, Squared())

    def exact(*coef):
        value = dict(zip(names, coef, strict=True))
        total = mpmath.mpf(0)
        for i in range(len(y)):
            n, d = mpmath.mpf(float(inputs["N"][i])), mpmath.mpf(float(inputs["D"][i]))
            model = mpmath.exp(value["E"]) + mpmath.exp(value["A"]) * n ** -value["alpha"]
            model += mpmath.exp(value["B"]) * d ** -value["beta"]
            total += (mpmath.log(model) - mpmath.log(mpmath.mpf(float(y[i])))) ** 2
        return total

    with mpmath.workdps(50):
        point = tuple(mpmath.mpf(float(value)) for value in theta)
        assert float(at.value[0]) == pytest.approx(float(exact(*point)), rel=1e-12)
        scale = np.abs(at.hess[:, :, 0]).max()
        for i in range(5):
            order = tuple(int(k == i) for k in range(5))
            slope = float(mpmath.diff(exact, point, order))
            assert at.grad[i, 0] == pytest.approx(slope, rel=1e-11, abs=1e-13 * np.abs(at.grad).max())
        for i, j in ((0, 0), (1, 3), (3, 3), (2, 4), (0, 4)):
            order = tuple(int(k == i) + int(k == j) for k in range(5))
            assert at.hess[i, j, 0] == pytest.approx(float(mpmath.diff(exact, point, order)), abs=1e-11 * scale)


def test_results_do_not_depend_on_tiles(monkeypatch):
    law, inputs, y = synthetic(300)
    problem = build(law, inputs, y, objective=Huber(1e-3))
    theta = problem.starts(64)[0]
    whole = problem.kernel.evaluate(theta, problem.weights, problem.target, problem.objective)
    monkeypatch.setattr(kernels, "ROWS", 64)
    monkeypatch.setattr(kernels, "CELLS", 64 * 3)
    parts = problem.kernel.evaluate(theta, problem.weights, problem.target, problem.objective)
    np.testing.assert_allclose(parts.value, whole.value, rtol=1e-13)  # another order of summation
    np.testing.assert_allclose(parts.grad, whole.grad, atol=1e-12 * np.abs(whole.grad).max())
    np.testing.assert_allclose(
        problem.kernel.values(theta, problem.weights, problem.target, problem.objective), whole.value, rtol=1e-13
    )


@pytest.mark.parametrize("name", ["chinchilla", "kaplan_nd"])
def test_lanes_have_their_own_weights_and_targets(name):
    law = get(name)
    inputs = inputs_of(law, 33)
    problem = build(law, inputs, 2.0 + np.random.default_rng(0).random(33), objective=Huber(1e-2))
    rng = np.random.default_rng(1)
    weights, target = rng.random((9, 33)), problem.target + 0.1 * rng.standard_normal((9, 33))
    theta = problem.starts(64)[0][:4]
    lanes = np.array([2, 3, 6, 8])
    together = problem.kernel.evaluate(theta, weights, target, problem.objective, lanes=lanes)
    for row, lane in enumerate(lanes):
        alone = problem.kernel.evaluate(theta[row : row + 1], weights[lane], target[lane], problem.objective)
        assert together.value[row] == pytest.approx(alone.value[0], rel=1e-14)
        np.testing.assert_allclose(together.grad[:, row], alone.grad[:, 0], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("rows", [60, 300])
@pytest.mark.parametrize("objective", [Huber(1e-2), Squared("linear"), Student(4.0, 5e-3)], ids=repr)
def test_lanes_at_one_point_are_those_evaluated_alone(monkeypatch, objective, rows):
    monkeypatch.setattr(kernels, "ROWS", 128)
    law, inputs, y = synthetic(rows)
    problem = build(law, inputs, y, objective=objective)
    theta = np.repeat(problem.starts(64)[0][5:6], 4, axis=0)
    weights = np.random.default_rng(0).poisson(1.0, (9, rows)).astype(float)
    lanes, damping = np.array([2, 3, 6, 8]), np.full(4, 0.3)
    given = problem.target, problem.objective
    together = problem.kernel.evaluate(theta, weights, *given, damping=damping, lanes=lanes)
    for row, lane in enumerate(lanes):
        alone = problem.kernel.evaluate(theta[:1], weights[lane], *given, damping=damping[:1])
        assert together.value[row] == pytest.approx(alone.value[0], rel=1e-13)
        for ours, other in ((together.grad, alone.grad), (together.hess, alone.hess)):
            np.testing.assert_allclose(ours[..., row], other[..., 0], rtol=1e-10, atol=1e-12 * np.abs(other).max())


def test_absolute_deviations_evaluate():
    law, inputs, y = synthetic()
    problem = build(law, inputs, y, objective=Absolute())
    value = problem.kernel.values(
        problem.kernel.to_solver(problem.free(TRUTH)[None]), problem.weights, problem.target, Absolute()
    )
    model = TRUTH["E"] + TRUTH["A"] * inputs["N"] ** -TRUTH["alpha"] + TRUTH["B"] * inputs["D"] ** -TRUTH["beta"]
    assert value[0] == pytest.approx(np.abs(np.log(y / model)).sum(), rel=1e-12)
