"""Certified nonlinear regressions (NIST Statistical Reference Datasets, public domain) solved by our own Newton method.

All 27 of them. Each file under ``certified/`` holds the model, both published starts, the certified coefficients and
residual sum of squares, and the data. That the certified coefficients give the certified sum proves that the data are
right. Nelson's regression is of the logarithm of y on two inputs, which laws know by the symbols ``x`` and ``size``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import mpmath
import numpy as np
import pytest

from tenfold.core import Positive, Real
from tenfold.core.domains import Domain
from tenfold.core.law import Law, law, law_from_text
from tenfold.core.status import Status
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
    inputs: Mapping[str, np.ndarray]
    space: str


def numbers(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=float)


def read(name: str) -> Certified:
    head, _, body = (FOLDER / f"{name}.txt").read_text().partition("data: y ")
    field = dict(line.split(": ", 1) for line in head.splitlines())
    symbols, *rows = body.splitlines()
    y, *inputs = np.array([row.split() for row in rows], dtype=float).T
    starts = np.stack([numbers(field["start 1"]), numbers(field["start 2"])])
    named = dict(zip(symbols.split(), inputs, strict=True))
    space = field.get("space", "linear")
    return Certified(field["model"], starts, numbers(field["certified"]), float(field["rss"]), y, named, space)


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


# From far away a start needs some damping; the valleys of the Lanczos and Bennett problems need many steps.
FAR = Newton(max_steps=3000, damping=1e-2)
# Along Bennett5's valley b1 may move by a thousandth of itself for less than a millionth of the sum, and a step that is
# still damped promises less than there is to gain: stop later.
NARROW = {"bennett5": replace(FAR, decrement=1e-16)}
# Residuals far below what the printed digits of the coefficients resolve: the data are checked in fifty digits.
EXACT = "lanczos1"


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


@functools.cache
def parsed(model: str, inputs: tuple[str, ...]) -> Law:
    """One law for all problems of the same model, which is then compiled once."""
    return law_from_text(model, inputs=inputs)


def problem_of(name: str) -> tuple[Certified, Problem]:
    case = read(name)
    known = {"roszman1": roszman1, "enso": enso}
    law = known.get(name) or replace(parsed(case.model, tuple(case.inputs)), coefs=domains_of(case))
    return case, build(law, case.inputs, case.y, objective=Squared(case.space))


def free(problem: Problem, coef: np.ndarray) -> np.ndarray:
    """Coefficients in free units; all of them, however small, are meant as they stand."""
    return np.array([float(domain.to_free(value)) for domain, value in zip(problem.domains, coef, strict=True)])


def natural(problem: Problem, theta: np.ndarray) -> np.ndarray:
    values = problem.natural(theta[None])
    return np.array([float(values[name][0]) for name in problem.law.coefs])


def digits(found: np.ndarray, certified: np.ndarray) -> float:
    return float(np.min(-np.log10(np.maximum(np.abs(found - certified) / np.abs(certified), 1e-16))))


def resolved(case: Certified) -> float:
    """How well a sum of squares can be known: to the digits printed, or to what rounding of the model leaves of it.

    A model that is off by some units in the last place of y, r + d for r, moves the sum by at most 2 |r| |d|.
    """
    units = 32 * np.finfo(float).eps * np.linalg.norm(case.y)
    return 1e-9 + 2 * float(units) / case.rss**0.5


def test_all_of_them():
    assert len(NAMES) == 27


@pytest.mark.parametrize("name", [name for name in NAMES if name != EXACT])
def test_the_data_are_the_certified_ones(name):
    case, problem = problem_of(name)
    theta = problem.kernel.to_solver(free(problem, case.coef)[None])
    # eleven digits are printed of coefficients and sum
    value = problem.kernel.values(theta, problem.weights, problem.target, problem.objective)[0]
    assert value == pytest.approx(case.rss, rel=1e-9)


def test_the_data_of_residuals_below_the_printed_digits_are_the_certified_ones():
    """The last printed digit of a coefficient is worth 1e-11 of y, the certified residuals are 1e-13.

    So the printed coefficients do not give the sum; but the optimum of these data, in fifty digits, rounds to the
    printed coefficients and gives it.
    """
    case = read(EXACT)
    with mpmath.workdps(50):
        y, x = ([mpmath.mpf(repr(float(value))) for value in column] for column in (case.y, case.inputs["x"]))
        coef = mpmath.matrix(case.coef.tolist())
        for _ in range(6):  # Gauss-Newton: with such residuals each step doubles the digits
            pairs = [(coef[i], coef[i + 1]) for i in (0, 2, 4)]
            slopes = [[part for a, b in pairs for part in (mpmath.exp(-b * t), -a * t * mpmath.exp(-b * t))] for t in x]
            left = [u - mpmath.fsum(a * mpmath.exp(-b * t) for a, b in pairs) for u, t in zip(y, x, strict=True)]
            step = mpmath.lu_solve(mpmath.matrix(slopes), mpmath.matrix(left))
            coef += step
        assert mpmath.norm(step) < 1e-30
        for found, printed in zip(coef, case.coef, strict=True):
            assert mpmath.nstr(found, 11, strip_zeros=False) == mpmath.nstr(printed, 11, strip_zeros=False)
        assert float(mpmath.fsum(part**2 for part in left)) == pytest.approx(case.rss, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_certified_coefficients_from_both_published_starts(name):
    """Of Newton's and Gauss-Newton's end the lower: each alone is led astray from one of the starts (MGH17, BoxBOD)."""
    case, problem = problem_of(name)
    at = tuple({f"b{k + 1}": value for k, value in enumerate(start)} for start in case.starts)
    found = solve(problem, starts=Starts(at=at), settings=NARROW.get(name, FAR))
    for index, theta in enumerate(found.lanes.theta):
        status = Status.from_code(int(found.lanes.status[index]))
        assert status.ok, (case.starts[index], status)
        assert digits(natural(problem, theta), case.coef) >= 6, (case.starts[index], natural(problem, theta))
        assert found.lanes.value[index] == pytest.approx(case.rss, rel=resolved(case))


@pytest.mark.parametrize("name", ["eckerle4", "mgh09", "mgh17", "thurber"])
def test_certified_coefficients_by_the_global_search(name):
    case, problem = problem_of(name)
    found = solve(problem)
    assert found.status.ok
    assert digits(natural(problem, found.theta), case.coef) >= 6
