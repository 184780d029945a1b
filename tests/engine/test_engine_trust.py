"""Gauss-Newton steps in a trust region: against SciPy's, within bounds, and through the public verb."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from cases import problem_of
from tenfold import ConfigError, Runs, fit
from tenfold.cli import main
from tenfold.core import maths
from tenfold.engine.general import GeneralKernel
from tenfold.engine.objective import Huber, Squared
from tenfold.engine.starts import Starts
from tenfold.engine.trust import follow, refined
from tenfold.laws import get


def evaluator(kernel, y, objective):
    def evaluate(theta, damping):
        return kernel.evaluate(theta, np.ones(len(y)), y, objective, damping=np.full(len(theta), damping))

    return evaluate


@pytest.fixture
def decay():
    x = np.linspace(0.1, 6.0, 40)
    y = 2.0 * np.exp(-0.7 * x) + 0.3 + 0.02 * np.random.default_rng(0).standard_normal(40)

    def law(x, *, a, b, c):
        return a * maths.exp(-b * x) + c

    return GeneralKernel(law, inputs={"x": x}, names=("a", "b", "c"), logs=(False,) * 3, fixed={}), x, y


@pytest.mark.parametrize("start", [(1.0, 1.0, 0.0), (30.0, 4.0, -5.0), (0.1, 0.01, 2.0)])
def test_it_ends_where_scipy_does(decay, start):
    kernel, x, y = decay
    box = np.full(3, np.inf)
    end = follow(evaluator(kernel, y, Squared("linear")), np.array(start), -box, box)
    wanted = least_squares(lambda t: t[0] * np.exp(-t[1] * x) + t[2] - y, start, method="lm", xtol=1e-14, ftol=1e-14)
    np.testing.assert_allclose(end, wanted.x, rtol=1e-6)


def test_a_robust_objective_needs_no_code_of_its_own(decay):
    kernel, x, y = decay
    y[::9] += 1.5
    box = np.full(3, np.inf)
    end = follow(evaluator(kernel, y, Huber(0.05, "linear")), np.array([1.0, 1.0, 0.0]), -box, box)
    wanted = least_squares(
        lambda t: t[0] * np.exp(-t[1] * x) + t[2] - y, (1.0, 1.0, 0.0), loss="huber", f_scale=0.05, xtol=1e-14, ftol=1e-14
    )
    np.testing.assert_allclose(end, wanted.x, rtol=1e-4)


def test_bounds_hold(decay):
    kernel, _, y = decay
    low, high = np.array([-9.0, 0.9, 0.25]), np.array([9.0, 9.0, 0.25])
    evaluate = evaluator(kernel, y, Squared("linear"))
    end = follow(evaluate, np.array([1.0, 2.0, 0.1]), low, high)
    assert end[1:].tolist() == [0.9, 0.25]
    at = evaluate(end[None], 0.0)
    assert abs(at.grad[0, 0]) < 1e-6 * at.value[0]
    assert at.grad[1, 0] > 0, "the bound keeps it from going lower"


def test_a_start_without_a_value_stays(decay):
    kernel, _, y = decay
    start = np.array([1.0, -1e6, 0.0])
    box = np.full(3, np.inf)
    np.testing.assert_array_equal(follow(evaluator(kernel, y, Squared("linear")), start, -box, box), start)


def test_it_works_in_natural_units_and_gives_back_logarithms():
    problem, theta = problem_of("m4", Squared("linear"), 60)
    assert any(problem.kernel.logs)
    before = problem.evaluate(theta[:1], problem.weights, problem.target, problem.objective).value[0]
    end = refined(problem, theta[0])
    after = problem.evaluate(end[None], problem.weights, problem.target, problem.objective).value[0]
    assert after < 0.999 * before
    assert ((end >= problem.lower) & (end <= problem.upper)).all()


RUNS = Runs({"params": np.geomspace(1e6, 1e9, 12), "loss": 1.7 + 40.0 * np.geomspace(1e6, 1e9, 12) ** -0.31})


def test_a_fit_begins_where_it_is_told():
    law = get("power_offset")
    start = dict.fromkeys(law.coefs, 1.0) | {"alpha": 0.2}
    made = fit(law, RUNS, axis="params", starts=Starts(at=(start, start)))
    assert made.certificate.starts == 2
    assert made.rms < 1e-8
    with pytest.raises(ConfigError, match="does not for"):
        fit(law, RUNS, axis="params", starts=Starts(at=({"alpha": 0.2},)))
    with pytest.raises(ConfigError, match="has no coefficient 'alfa'"):
        fit(law, RUNS, axis="params", starts=Starts(at=({**start, "alfa": 0.2},)))
    with pytest.raises(ConfigError, match="outside its domain") as caught:
        fit(law, RUNS, axis="params", starts=Starts(at=({**start, "alpha": -1.0},)))
    assert caught.value.path == "start.alpha"


def test_the_command_line_takes_starts(tmp_path, capsys):
    path = tmp_path / "runs.csv"
    rows = zip(RUNS.columns["params"], RUNS.columns["loss"], strict=True)
    path.write_text("\n".join(["params,loss", *(f"{n},{y}" for n, y in rows)]))
    given = ["fit", str(path), "--law", "power_offset", "--axis", "params", "--draws", "none"]
    names = list(get("power_offset").coefs)
    start = ",".join(f"{name}={0.3 if name == 'alpha' else 1}" for name in names)
    assert main([*given, "--start", start]) == 0
    assert "100 % of 1 starts" in " ".join(capsys.readouterr().out.split())
    assert main([*given, "--start", f"{names[0]}=1"]) == 2
    assert "a start says where every coefficient begins" in capsys.readouterr().err
