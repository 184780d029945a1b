"""From prepared rows to a solution: weights that need residuals, priors, outliers, errors of inputs, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.objective import Objective
from tenfold.engine.problem import Problem
from tenfold.engine.solve import Solved, finished, refit, solve
from tenfold.engine.starts import Starts
from tenfold.estimators import checkpoints, inputs, near, outliers
from tenfold.estimators.options import Estimators, kept, problem_with
from tenfold.estimators.outliers import Screening
from tenfold.headline import Headline, evaluate
from tenfold.prepare import Prepared, check_rows
from tenfold.priors import Prior, with_priors

Array = NDArray[np.float64]

_LOOKED = 200_000  # rows up to which outliers are flagged unasked


@dataclass(frozen=True, eq=False)
class Recipe:
    """What is fitted, apart from rows and weights."""

    objective: Objective
    fixed: Mapping[str, float] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    priors: Mapping[str, Prior] = field(default_factory=dict)
    dispersion: float | None = None
    starts: Starts | None = None

    def problem(self, ready: Prepared, how: Estimators) -> tuple[Problem, tuple[str, ...]]:
        """The problem with its priors, and notes about these."""
        problem = problem_with(ready, how, objective=self.objective, fixed=self.fixed, bounds=self.bounds)
        known = {name: prior for name, prior in self.priors.items() if name in problem.names}
        check_rows(ready, problem, known=len(known))
        # weights by effective number say already how much checkpoints of one run repeat each other
        independent = int(ready.runs.clusters().max()) + 1 if known and not how.pooled else 0
        return with_priors(problem, known, dispersion=self.dispersion, independent=independent)


@dataclass(frozen=True, eq=False)
class Estimated:
    """Rows that were used, the problem on them, where it ended, and what was estimated on the way.

    ``other`` are the coefficients with outliers in, where they were left out, or without them, where they were not.
    """

    ready: Prepared
    problem: Problem
    solved: Solved
    how: Estimators
    notes: tuple[str, ...]
    screening: Screening | None = None
    other: Mapping[str, float] = field(default_factory=dict)

    def compared(self, headline: Headline, error: float) -> Screening | None:
        """What looking for outliers found, with the headline with and without them."""
        if self.screening is None or not self.other:
            return self.screening
        law, problem = self.ready.law, self.problem
        here = float(evaluate(headline, law, {k: v[0] for k, v in problem.natural(self.solved.theta[None]).items()}))
        there = float(evaluate(headline, law, self.other))
        with_them, without = (there, here) if self.how.dropped else (here, there)
        shift = (without - with_them) / error if error > 0 else float("nan")
        return replace(self.screening, headline=headline.text, kept=with_them, without=without, shift=shift)


def estimated(whole: Prepared, how: Estimators, recipe: Recipe, *, deep: bool = True) -> Estimated:
    """Choose and weigh rows, solve, look for outliers, and correct for errors of inputs.

    ``deep``: whether outliers are looked for when they would only be flagged.
    """
    errors = inputs.check_errors(whole, how.errors, recipe.objective)
    ready = kept(whole, how)
    notes = list(ready.runs.notes[len(whole.runs.notes) :])
    if how.pooled:
        how, told = _weighed(ready, how, recipe)
        notes += told
    if how.near is not None:
        notes.append(near.sentence(how.near, near.weights(ready, how.near)))
    problem, told = recipe.problem(ready, how)
    solved = solve(problem, starts=recipe.starts)
    if deep:
        solved = finished(problem, solved)
    made = Estimated(ready, problem, solved, how, (*notes, *told))
    if solved.status.ok and problem.size and (deep or how.outliers.action == "drop"):
        made = _screened(made, recipe)
    if errors and made.solved.status.ok and made.problem.size:
        problem, solved, noise, told = inputs.corrected(made.ready, made.problem, made.solved, errors)
        found = replace(made.how, noise=noise)
        made = replace(made, problem=problem, solved=solved, how=found, notes=(*made.notes, *told))
    return made


def _weighed(ready: Prepared, how: Estimators, recipe: Recipe) -> tuple[Estimators, tuple[str, ...]]:
    """Weights by the effective number of independent checkpoints: residuals of a fit that counts every run once."""
    problem, _ = recipe.problem(ready, how)
    theta = solve(problem, starts=recipe.starts).theta
    model = problem.kernel.model(problem.kernel.to_solver(theta[None]))[0]
    with np.errstate(all="ignore"):
        residual = problem.target - (np.log(model) if problem.objective.space == "log" else model)
    found = checkpoints.correlation(ready, np.nan_to_num(residual))
    if found is None:
        return how, ()
    return replace(how, correlation=found), (found.sentence(),)


def _screened(made: Estimated, recipe: Recipe) -> Estimated:
    """Outliers named, and the fit without them or with them beside it."""
    how, ready, problem, solved = made.how, made.ready, made.problem, made.solved
    action = how.outliers.action
    if action == "keep":
        return made
    if action == "flag" and len(ready.y) > _LOOKED:
        return replace(made, notes=(*made.notes, f"outliers: not looked for beyond {_LOOKED:,} rows"))
    nearness = near.weights(ready, how.near) if how.near is not None else None
    seen = outliers.screen(ready, problem, solved.theta, how.outliers, nearness)
    if seen is None:
        asked = ("outliers: the runs are too few, or the objective follows no middle, so none can be told",)
        return replace(made, notes=(*made.notes, *asked)) if action == "drop" else made
    screening, rows = seen
    if not rows.any():
        return replace(made, screening=screening)
    if action == "drop":
        found = replace(how, dropped=tuple(int(row) for row in np.flatnonzero(rows)))
        less, notes = ready.take(~rows), made.notes
        if how.correlation is not None:  # outliers had their part in it
            notes = tuple(note for note in notes if note != how.correlation.sentence())
            found, told = _weighed(less, replace(found, correlation=None), recipe)
            notes = (*notes, *told)
        problem, _ = recipe.problem(less, found)
        again = finished(problem, solve(problem, starts=recipe.starts))
        return Estimated(less, problem, again, found, notes, screening, _natural(made.problem, solved.theta))
    weights = np.where(rows, 0.0, problem.weights)
    other = refit(problem, solved.theta[None], weights=weights[None]).theta[0]
    return replace(made, screening=screening, other=_natural(problem, other))


def _natural(problem: Problem, theta: Array) -> dict[str, float]:
    return {name: float(values[0]) for name, values in problem.natural(theta[None]).items()}
