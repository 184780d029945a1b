"""Problems shared by the engine's tests: one measured table and small synthetic ones."""

from __future__ import annotations

import numpy as np
import polars as pl

from shared_data import shared_table
from tenfold.core.law import Law, law_from_text
from tenfold.engine.objective import Huber, Objective
from tenfold.engine.problem import Problem, build
from tenfold.laws import get

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
