"""Certified nonlinear regressions (NIST Statistical Reference Datasets, public domain) solved by our own Newton method.

Each file under ``certified/`` holds the model, both published starts, the certified coefficients and residual sum of
squares, and the data. That the certified coefficients give the certified sum proves that the data are right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.core import Positive, Real
from tenfold.core.domains import Domain
from tenfold.core.law import law, law_from_text
from tenfold.core.status import Status
from tenfold.engine.newton import Newton
from tenfold.engine.objective import Squared
from tenfold.engine.problem import Problem, build
from tenfold.engine.solve import solve

FOLDER = Path(__file__).parent / "certified"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


@dataclass(frozen=True)
class Certified:
    model: str
    starts: np.ndarray
    coef: np.ndarray
    rss: float
    y: np.ndarray
    x: np.ndarray


def numbers(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=float)


def read(name: str) -> Certified:
    head, _, body = (FOLDER / f"{name}.txt").read_text().partition("data: y x\n")
    field = dict(line.split(": ", 1) for line in head.splitlines())
    y, x = np.array([line.split() for line in body.splitlines()], dtype=float).T
    starts = np.stack([numbers(field["start 1"]), numbers(field["start 2"])])
    return Certified(field["model"], starts, numbers(field["certified"]), float(field["rss"]), y, x)


def _module(value):
    """NumPy or JAX: these two models need functions that laws do not have."""
    import jax

    return jax.numpy if isinstance(value, jax.core.Tracer) else np


@law()
def roszman1(x, *, b1: Real, b2: Real, b3: Real, b4: Real):
    return b1 - b2 * x - _module(b3).arctan(b3 / (x - b4)) / np.pi


@law()
def enso(x, *, b1: Real, b2: Real, b3: Real, b4: Real, b5: Real, b6: Real, b7: Real, b8: Real, b9: Real):
    xp, turn = _module(b1), 2 * np.pi * x
    return (
        b1 + b2 * xp.cos(turn / 12) + b3 * xp.sin(turn / 12)
        + b5 * xp.cos(turn / b4) + b6 * xp.sin(turn / b4)
        + b8 * xp.cos(turn / b7) + b9 * xp.sin(turn / b7)
    )  # fmt: skip


# Where the second-order path from a published start leads into another valley; the global search finds the optimum.
ASTRAY = {"mgh17": (0, "exp(-b4 x) and exp(-b5 x) vanish on all rows but the first: a plateau leads away")}


def domains_of(case: Certified) -> dict[str, Domain]:
    """Positive where both starts are, as a user would declare them; starts are drawn from around the published ones."""
    out = {}
    for i, column in enumerate(case.starts.T):
        if (column > 0).all():
            out[f"b{i + 1}"] = replace(Positive, start=(float(column.min()) / 3, float(column.max()) * 3))
        else:
            span = (min(0.0, 1.5 * float(column.min())), max(0.0, 1.5 * float(column.max())))
            out[f"b{i + 1}"] = replace(Real, start=span)
    return out


def problem_of(name: str) -> tuple[Certified, Problem]:
    case = read(name)
    known = {"roszman1": roszman1, "enso": enso}
    law = known[name] if name in known else law_from_text(case.model, domains=domains_of(case), inputs=("x",))
    return case, build(law, {"x": case.x}, case.y, objective=Squared("linear"))


def free(problem: Problem, coef: np.ndarray) -> np.ndarray:
    return problem.free(dict(zip(problem.law.coefs, coef, strict=True)))


def natural(problem: Problem, theta: np.ndarray) -> np.ndarray:
    values = problem.natural(theta[None])
    return np.array([float(values[name][0]) for name in problem.law.coefs])


def digits(found: np.ndarray, certified: np.ndarray) -> float:
    return float(np.min(-np.log10(np.maximum(np.abs(found - certified) / np.abs(certified), 1e-16))))


@pytest.mark.parametrize("name", NAMES)
def test_the_data_are_the_certified_ones(name):
    case, problem = problem_of(name)
    model = problem.kernel.model(problem.kernel.to_solver(free(problem, case.coef)[None]))[0]
    # eleven digits are printed of coefficients and sum
    assert np.sum((case.y - model) ** 2) == pytest.approx(case.rss, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_certified_coefficients_from_both_published_starts(name):
    case, problem = problem_of(name)
    starts = np.stack([free(problem, start) for start in case.starts])
    found = solve(problem, theta0=starts, settings=Newton(max_steps=1000, damping=1e-2))
    for index, theta in enumerate(found.lanes.theta):
        status = Status.from_code(int(found.lanes.status[index]))
        if name in ASTRAY and index == ASTRAY[name][0]:
            assert found.lanes.value[index] > 10 * case.rss, "no longer astray: remove it from the list"
            continue
        assert status.ok, (case.starts[index], status)
        assert digits(natural(problem, theta), case.coef) >= 6, (case.starts[index], natural(problem, theta))
        assert found.lanes.value[index] == pytest.approx(case.rss, rel=1e-9)


@pytest.mark.parametrize("name", sorted({*ASTRAY, "mgh09", "thurber", "eckerle4"}))
def test_certified_coefficients_by_the_global_search(name):
    case, problem = problem_of(name)
    found = solve(problem)
    assert found.status.ok
    assert digits(natural(problem, found.theta), case.coef) >= 6
