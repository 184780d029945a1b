"""Problems shared by the engine's tests: one measured table and small synthetic ones."""

from __future__ import annotations

import numpy as np
import polars as pl

import tenfold.testing
from shared_data import shared_table
from tenfold.core.law import Law, law_from_text
from tenfold.engine.objective import Huber, Objective, SmoothAbsolute, Squared, Student
from tenfold.engine.problem import Problem, build
from tenfold.laws import get, laws

TRUTH = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}


def points() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The 234 points of the Chinchilla figure: inputs and losses."""
    table = pl.read_csv(shared_table("chinchilla_svg.csv"))
    return {"N": table["params"].to_numpy(), "D": table["tokens"].to_numpy()}, table["loss"].to_numpy()


def measured(objective: Objective | None = None) -> Problem:
    """Chinchilla's law on its points, Huber 1e-3 of the log loss unless another objective is given."""
    inputs, loss = points()
    return build(get("chinchilla"), inputs, loss, objective=objective or Huber(1e-3))


def synthetic(rows: int = 60, *, noise: float = 0.01, seed: int = 3, law: Law | None = None) -> tuple:
    """Inputs and noisy losses of a sum of power terms."""
    rng = np.random.default_rng(seed)
    inputs = {"N": np.exp(rng.uniform(16, 24, rows)), "D": np.exp(rng.uniform(20, 27, rows))}
    exact = TRUTH["E"] + TRUTH["A"] * inputs["N"] ** -TRUTH["alpha"] + TRUTH["B"] * inputs["D"] ** -TRUTH["beta"]
    return law or get("chinchilla"), inputs, exact * np.exp(noise * rng.standard_normal(rows))


def coefficients(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Natural coefficients in the law's order."""
    values = problem.natural(theta[None])
    return np.array([float(values[name][0]) for name in problem.law.coefs])


SHARED_EXPONENT = law_from_text("E + A*N**-alpha*D**-beta + B*D**-beta")


# equations solved in the body, piecewise laws, links and a product with many coefficients
HARD = ["kaplan_nsb", "m4", "data_constrained", "accuracy_ladder", "bnsl2", "moe_inference"]
OBJECTIVES = [Huber(1e-2, "linear"), Squared("linear"), Student(4.0, 1e-2, "linear"), SmoothAbsolute(1e-2, "linear")]


def problem_of(name: str, objective, rows: int = 40):
    """Noisy rows of a law, and three points near its own coefficients (3, p)."""
    law = laws()[name]
    coef = next(iter(law.published)) if law.published else dict(law.checks[0].coef)
    runs = tenfold.testing.synthetic(law, coef, n=rows)
    y = runs.column(law.output)
    y = y + 0.05 * np.abs(y) * np.random.default_rng(3).standard_normal(rows)
    inputs = {symbol: runs.column(law.column_of(symbol)) for symbol in law.inputs}
    problem = build(law, inputs, y, objective=objective)
    natural = law.published[coef].coef if isinstance(coef, str) else coef
    theta = problem.free({**natural, **{c: natural[c] or 0.1 for c in law.coefs}})
    return problem, theta + 0.01 * np.random.default_rng(4).standard_normal((3, problem.size))
