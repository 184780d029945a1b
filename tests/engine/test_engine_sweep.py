"""Derivatives by sweeps over a law's operations, against 30-digit differentiation, JAX and differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from cases import HARD, OBJECTIVES, problem_of
from tenfold.core import maths
from tenfold.engine import kernel as kernels
from tenfold.engine.autodiff import AutodiffKernel
from tenfold.engine.general import GeneralKernel, followed
from tenfold.engine.objective import Huber, SmoothQuantile, Squared
from tenfold.engine.sweep import RULES, Tape
from tenfold.laws import laws

# a function of two numbers for every rule, and points at which none of them has a kink
USES = {
    "add": lambda m, x, y: x + 2.0 * y,
    "sub": lambda m, x, y: 3.0 - x * y - y,
    "mul": lambda m, x, y: x * y * x,
    "div": lambda m, x, y: x / y + 2.0 / y - x / 3.0,
    "pow": lambda m, x, y: x**y + x**3 + 2.0**x + y**-0.7 + x**2 + y**0.5 + y**-1 + x**1 + x**0,
    "neg": lambda m, x, y: -x * y,
    "exp": lambda m, x, y: m.exp(x * y),
    "log": lambda m, x, y: m.log(x + y * y),
    "sqrt": lambda m, x, y: m.sqrt(x * y),
    "expm1": lambda m, x, y: m.expm1(x - 0.5 * y),
    "log1p": lambda m, x, y: m.log1p(x * y),
    "softplus": lambda m, x, y: m.softplus(x - 2.0 * y) + m.softplus(x * y),
    "logaddexp": lambda m, x, y: m.logaddexp(x, y * y) + m.logaddexp(1.0, y) + m.logaddexp(x, 0.5),
    "maximum": lambda m, x, y: m.maximum(x * x, y) + m.maximum(x, 0.1),
    "minimum": lambda m, x, y: m.minimum(x * x, y) * y,
    "where": lambda m, x, y: m.where(x > y, x * y, x * y * y) + m.where(x <= y, 1.0, x),
}
POINTS = [(0.7, 1.3), (1.9, 0.4)]


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("point", POINTS)
def test_every_rule_has_the_derivatives_of_its_function(name, point):
    use = USES[name]
    tape = Tape(np)
    out = use(maths, *(tape.coefficient(np.float64(value), j) for j, value in enumerate(point)))
    hess = np.zeros((2, 2))
    gradient, parts = tape.down(out, np.float64(1.0), np.float64(0.0))
    assert gradient == pytest.approx(out.slopes, rel=1e-14)
    for part in parts:
        matrix = np.zeros((2, 2))
        for i, left in part.left.items():
            for j, right in part.right.items():
                matrix[i, j] += part.weight * left * right
        hess += matrix if part.left is part.right else matrix + matrix.T
    with mpmath.workdps(30):

        def exact(x, y):
            return mpmath.mpf(use(maths, x, y))

        at = tuple(mpmath.mpf(value) for value in point)
        assert float(out.value) == pytest.approx(float(exact(*at)), rel=1e-14)
        for i, order in enumerate(((1, 0), (0, 1))):
            assert float(out.slopes.get(i, 0.0)) == pytest.approx(
                float(mpmath.diff(exact, at, order)), rel=1e-13, abs=1e-14
            )
        for (i, j), order in {(0, 0): (2, 0), (0, 1): (1, 1), (1, 1): (0, 2)}.items():
            assert hess[i, j] == pytest.approx(float(mpmath.diff(exact, at, order)), rel=1e-12, abs=1e-13)
            assert hess[i, j] == pytest.approx(hess[j, i], rel=1e-14)


def test_nothing_to_a_power_stays_nothing():
    tape = Tape(np)
    base = np.array([0.0, 2.0])
    with np.errstate(divide="ignore"):  # as the engine has it
        out = base ** tape.coefficient(np.float64(1.5), 0)
    np.testing.assert_allclose(out.value, [0.0, 2.0**1.5], rtol=1e-15)
    np.testing.assert_allclose(out.slopes[0], [0.0, np.log(2.0) * 2.0**1.5], rtol=1e-15)


def test_a_law_may_not_branch_on_a_coefficient():
    def body(x, *, a):
        return x * a if a > 0 else x

    assert not followed(body, ("x",), ("a",), (False,), ())


GENERAL = sorted(name for name, law in laws().items() if law.power_terms is None)


def same(found, wanted, *, tolerance):
    """Sums of rows of mixed sign: rounding relative to the largest entry of each lane."""
    assert np.isfinite(wanted.value).all()
    np.testing.assert_allclose(found.value, wanted.value, rtol=tolerance)
    for one, two in ((found.grad, wanted.grad), (found.hess, wanted.hess)):
        for lane in range(one.shape[-1]):
            np.testing.assert_allclose(one[..., lane], two[..., lane], atol=tolerance * np.abs(two[..., lane]).max())


@pytest.mark.parametrize("name", GENERAL)
def test_every_law_has_the_derivatives_of_its_values(name):
    objective = Squared("linear")
    problem, theta = problem_of(name, objective)
    kernel = problem.kernel
    assert type(kernel) is GeneralKernel
    given = (problem.weights, problem.target, objective)
    at = kernel.evaluate(theta, *given)
    np.testing.assert_allclose(at.value, kernel.values(theta, *given), rtol=1e-12)
    # central differences: their error falls with the square of the step, and rounding is divided by it
    step = 1e-5
    for j in range(problem.size):
        move = step * np.eye(problem.size)[j]
        up, down = kernel.evaluate(theta + move, *given), kernel.evaluate(theta - move, *given)
        scale = np.abs(at.grad).max(axis=0) + np.abs(at.hess).max(axis=(0, 1))
        assert (np.abs((up.value - down.value) / (2 * step) - at.grad[j]) <= 1e-5 * (scale + at.value)).all()
        assert (np.abs((up.grad - down.grad) / (2 * step) - at.hess[j]).max(axis=0) <= 1e-5 * scale).all()
    slopes = kernel.jacobian(theta[:1])
    rows = (kernel.model(theta[:1]) - problem.target)[0]
    np.testing.assert_allclose(2.0 * rows @ slopes, at.grad[:, 0], rtol=1e-9, atol=1e-10 * np.abs(at.grad[:, 0]).max())


@pytest.mark.parametrize("name", HARD)
def test_hard_laws_agree_with_jax(name):
    problem, theta = problem_of(name, Huber(1e-2, "linear"))
    ours = problem.kernel
    jax = AutodiffKernel(ours.fn, inputs=ours.inputs, names=ours.names, logs=ours.logs, fixed=ours.fixed)
    given = (problem.weights, problem.target, problem.objective)
    mu = np.array([0.0, 0.3, 5.0])
    same(ours.evaluate(theta, *given, damping=mu), jax.evaluate(theta, *given, damping=mu), tolerance=1e-10)
    slopes = jax.jacobian(theta[:1])
    np.testing.assert_allclose(ours.jacobian(theta[:1]), slopes, rtol=1e-10, atol=1e-12 * np.abs(slopes).max())


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
@pytest.mark.parametrize("rows", [40, 1300], ids=["few rows", "more rows than a tile"])
def test_compiled_programs_agree_with_numpy(monkeypatch, objective, rows):
    pytest.importorskip("numba", reason="the compiled path needs numba: pip install tenfold[fast]")
    for name in HARD:
        problem, theta = problem_of(name, objective, rows)
        rng = np.random.default_rng(1)
        weights = rng.multinomial(rows, np.full(rows, 1 / rows), size=5).astype(float)
        targets = problem.target * (1.0 + 0.01 * rng.standard_normal((5, rows)))
        for w, t, lanes in ((weights, targets, np.array([4, 0, 2])), (problem.weights, problem.target, None)):
            out = []
            for switch in ("0", "1"):
                monkeypatch.setenv("TENFOLD_NUMBA", switch)
                out.append(
                    problem.kernel.evaluate(theta, w, t, objective, damping=np.array([0.0, 1.0, 3.0]), lanes=lanes)
                )
            same(out[1], out[0], tolerance=1e-11)


@pytest.mark.parametrize("switch", ["0", "1"], ids=["NumPy", "compiled"])
def test_many_lanes_give_what_each_gives_alone(monkeypatch, switch):
    monkeypatch.setenv("TENFOLD_NUMBA", switch)
    rows = 60
    problem, theta = problem_of("bnsl2", Huber(1e-2, "linear"), rows)
    theta = np.concatenate([theta + 0.001 * k for k in range(100)])  # several tiles of lanes
    rng = np.random.default_rng(1)
    weights = rng.multinomial(rows, np.full(rows, 1 / rows), size=400).astype(float)
    targets = problem.target * (1.0 + 0.01 * rng.standard_normal((400, rows)))
    lanes, mu = np.sort(rng.permutation(400)[:300]), rng.random(300)
    every = problem.kernel.evaluate(theta, weights, targets, problem.objective, damping=mu, lanes=lanes)
    for k in (0, 1, 150, 298, 299):
        own = weights[lanes[k]], targets[lanes[k]]
        alone = problem.kernel.evaluate(theta[k : k + 1], *own, problem.objective, damping=mu[k : k + 1])
        assert every.value[k] == pytest.approx(alone.value[0], rel=1e-12)
        np.testing.assert_allclose(every.hess[..., k], alone.hess[..., 0], atol=1e-12 * np.abs(alone.hess).max())


def test_objectives_that_are_not_compiled_run_by_numpy(monkeypatch):
    monkeypatch.setenv("TENFOLD_NUMBA", "1")
    objective = SmoothQuantile(0.3, 1e-2, "linear")
    problem, theta = problem_of("m4", objective)
    given = (problem.weights, problem.target, objective)
    found = problem.kernel.evaluate(theta, *given)
    np.testing.assert_allclose(found.value, problem.kernel.values(theta, *given), rtol=1e-12)


def test_shares_of_lanes_on_threads_change_nothing(monkeypatch):
    pytest.importorskip("numba", reason="the compiled path needs numba: pip install tenfold[fast]")
    monkeypatch.setenv("TENFOLD_NUMBA", "1")
    problem, theta = problem_of("bnsl2", Huber(1e-2, "linear"), 500)
    theta = np.repeat(theta, 21, axis=0)
    given = (problem.weights, problem.target, problem.objective)
    out = []
    for threads in ("1", "3"):
        monkeypatch.setenv("TENFOLD_THREADS", threads)
        out.append(problem.kernel.evaluate(theta, *given))
    np.testing.assert_array_equal(out[0].value, out[1].value)
    np.testing.assert_array_equal(out[0].hess, out[1].hess)


def test_rows_in_tiles_change_nothing_but_rounding(monkeypatch):
    monkeypatch.setenv("TENFOLD_NUMBA", "0")
    problem, theta = problem_of("kaplan_nsb", Squared("linear"), 100)
    given = (problem.weights, problem.target, problem.objective)
    whole = problem.kernel.evaluate(theta, *given)
    monkeypatch.setattr(kernels, "ROWS", 7)
    same(problem.kernel.evaluate(theta, *given), whole, tolerance=1e-12)


def test_a_number_for_all_rows_is_a_law_too():
    kernel = GeneralKernel(lambda x, *, a: maths.exp(a), inputs={"x": np.ones(5)}, names=("a",), logs=(False,), fixed={})
    at = kernel.evaluate(np.array([[0.5]]), np.ones(5), np.zeros(5), Squared("linear"))
    assert at.value[0] == pytest.approx(5 * np.exp(1.0))
    assert at.grad[0, 0] == pytest.approx(10 * np.exp(1.0))
    assert at.hess[0, 0, 0] == pytest.approx(20 * np.exp(1.0))


def test_a_body_that_does_more_is_differentiated_by_jax():
    def body(x, *, a, b):
        import jax.numpy as jnp

        return a + jnp.tanh(b * x)

    x = np.linspace(0.1, 2.0, 30)
    made = {"names": ("a", "b"), "logs": (False, True), "fixed": {}}
    assert not followed(body, ("x",), ("a", "b"), (False, True), ())
    jax = AutodiffKernel(body, inputs={"x": x}, **made)
    # tanh z = 1 - 2 / (1 + exp 2z), which can be written down
    ours = GeneralKernel(lambda x, *, a, b: a + 1 - 2 / (1 + maths.exp(2 * b * x)), inputs={"x": x}, **made)
    given = (np.ones(30), x, Squared("linear"))
    theta = np.array([[0.2, -0.3], [0.5, 0.1]])
    same(jax.evaluate(theta, *given), ours.evaluate(theta, *given), tolerance=1e-12)


@pytest.mark.parametrize("lanes", [1, 7])
def test_compiled_elimination_agrees_with_numpy(lanes):
    machine = pytest.importorskip("tenfold.engine.machine", reason="needs numba: pip install tenfold[fast]")
    rng = np.random.default_rng(2)
    root = rng.standard_normal((9, 9, lanes))
    h = np.einsum("ikl,jkl->ijl", root, root)
    h[0, 0, -1] = -1.0  # not positive definite
    b = rng.standard_normal((9, lanes))
    x, good = np.empty((9, lanes)), np.empty(lanes, dtype=bool)
    machine.eliminate(h, b, x, good)
    assert good.tolist() == [True] * (lanes - 1) + [False]
    for lane in range(lanes - 1):
        np.testing.assert_allclose(x[:, lane], np.linalg.solve(h[..., lane], b[:, lane]), rtol=1e-8)
