"""Certified nonlinear regressions (NIST Statistical Reference Datasets, public domain) solved by our own Newton method.

Each file under ``certified/`` holds the model, both published starts, the certified coefficients and residual sum of
squares, and the data. That the certified coefficients give the certified sum proves that the data are right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.core import Real
from tenfold.core.law import Law, law, law_from_text
from tenfold.engine.newton import Newton
from tenfold.engine.objective import Squared
from tenfold.engine.problem import Problem, build
from tenfold.engine.solve import solve
from tenfold.engine.starts import Starts

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


def law_of(name: str, case: Certified) -> Law:
    if name in ("roszman1", "enso"):
        return {"roszman1": roszman1, "enso": enso}[name]
    domains = {f"b{i + 1}": replace(Real, start=(-3.0, 3.0)) for i in range(len(case.coef))}
    return law_from_text(case.model, domains=domains, inputs=("x",))


def problem_of(name: str) -> tuple[Certified, Problem]:
    case = read(name)
    return case, build(law_of(name, case), {"x": case.x}, case.y, objective=Squared("linear"))


def digits(found: np.ndarray, certified: np.ndarray) -> float:
    return float(np.min(-np.log10(np.maximum(np.abs(found - certified) / np.abs(certified), 1e-16))))


@pytest.mark.parametrize("name", NAMES)
def test_the_data_are_the_certified_ones(name):
    case, problem = problem_of(name)
    model = problem.kernel.model(case.coef[None])[0]
    # eleven digits are printed of coefficients and sum
    assert np.sum((case.y - model) ** 2) == pytest.approx(case.rss, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_certified_coefficients_from_both_published_starts(name):
    case, problem = problem_of(name)
    for start in case.starts:
        found = solve(problem, theta0=start[None], settings=Newton(max_steps=2000))
        assert found.status.ok, (start, found.status)
        assert digits(found.theta, case.coef) >= 6, (start, found.theta)
        assert found.value == pytest.approx(case.rss, rel=1e-9)
