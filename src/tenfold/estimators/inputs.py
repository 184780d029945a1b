"""Errors in the inputs: sizes that were miscounted, points that were read off a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.core.law import predict
from tenfold.engine import latent
from tenfold.engine.latent import Erring
from tenfold.engine.objective import Objective, Squared
from tenfold.engine.problem import Problem, build
from tenfold.engine.solve import Solved, refit, solve
from tenfold.prepare import Prepared

Array = NDArray[np.float64]

_STEP = 1e-4  # of the logarithm of an input, for the law's slope
_ROUNDS = 60
_SETTLED = 1e-9


@dataclass(frozen=True, eq=False)
class Moved:
    """A fit's rows at their likeliest inputs. ``noise`` is the target's own scatter, ``shift`` by symbol (n,) how far
    the logarithm of an input was moved."""

    problem: Problem
    noise: float
    shift: Mapping[str, Array]


def check_errors(ready: Prepared, errors: Mapping[str, float], objective: Objective) -> dict[str, float]:
    """Standard deviations of logarithms by the law's symbol; ``target`` is the key of the target's own.

    Raises:
        ConfigError: a name that the law does not take, a value that is no small positive number, or a linear objective.
    """
    if not errors:
        return {}
    if objective.space != "log":
        raise ConfigError(
            f"errors in inputs are handled in the logarithm, and {objective.spec()} compares plain values",
            path="errors",
            hint="use an objective in log space, such as huber:1e-3",
        )
    known = {word: s for s in ready.law.inputs for word in (s, ready.columns[s])} | {ready.target: "target"}
    out = {}
    for name, value in errors.items():
        if name not in known:
            raise ConfigError(
                f"law {ready.law.name!r} takes no {name!r} whose error could matter",
                path="errors",
                hint=did_you_mean(name, known),
            )
        if not (np.isfinite(value) and 0 < value <= 1):
            raise ConfigError(
                f"the error of {name} is the standard deviation of its logarithm, above 0 and at most 1, got {value:g}",
                path=f"errors.{name}",
                hint="0.05 says that it is known to five percent",
            )
        out[known[name]] = float(value)
    return out


def moved(
    ready: Prepared, problem: Problem, theta: Array, errors: Mapping[str, float], *, noise: float | None = None
) -> Moved:
    """The problem whose rows stand at their likeliest inputs, given coefficients; see :mod:`tenfold.engine.latent`.

    Targets go along the law's own slope, so that each row keeps its residual, and rows weigh by its variance. Rows that
    record exactly the same value of an input share its error: a size is counted once for all of its runs.
    """
    coef = {name: float(values[0]) for name, values in problem.natural(theta[None]).items()}
    fitted = np.log(predict(ready.law, coef, ready.inputs))
    residual = np.log(ready.y) - fitted
    parts = {symbol: _erring(ready, coef, symbol, sd) for symbol, sd in errors.items() if symbol != "target"}
    if noise is None and "target" in errors:
        noise = errors["target"]
    if noise is None:
        freedom = max(1.0 - problem.size / len(residual), 0.1)
        robust = not isinstance(problem.objective, Squared)
        noise = latent.noise_of(residual, list(parts.values()), freedom=freedom, robust=robust)
    if noise == 0 or not parts:
        return Moved(problem, float(noise), {})
    solved = latent.solved(residual, noise, list(parts.values()))
    shift = {symbol: part.moved(solved) for symbol, part in parts.items()}
    spread = latent.variance(noise, list(parts.values()))
    inputs = {s: values * np.exp(shift[s]) if s in shift else values for s, values in ready.inputs.items()}
    along = np.sum([part.slope * shift[symbol] for symbol, part in parts.items()], axis=0)
    made = build(
        problem.law,
        inputs,
        ready.y * np.exp(along),
        weights=problem.weights * (1.0 / spread) / np.mean(1.0 / spread),
        objective=problem.objective,
        fixed=problem.fixed,
        bounds=problem.bounds,
        penalty=problem.penalty,
    )
    return Moved(made, float(noise), shift)


def _erring(ready: Prepared, coef: Mapping[str, float], symbol: str, sd: float) -> Erring:
    values = ready.inputs[symbol]
    up, down = ({**ready.inputs, symbol: values * np.exp(step)} for step in (_STEP, -_STEP))
    slope = (np.log(predict(ready.law, coef, up)) - np.log(predict(ready.law, coef, down))) / (2 * _STEP)
    group = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return Erring(sd, slope, group)


def corrected(
    ready: Prepared, problem: Problem, first: Solved, errors: Mapping[str, float]
) -> tuple[Problem, Solved, float, tuple[str, ...]]:
    """The fit with errors in its inputs: the problem at the likeliest inputs, its solution, the noise, and notes.

    Coefficients and likeliest inputs are found in turn; each is the other's fixed point.
    """
    theta, settled = first.theta, False
    for _ in range(_ROUNDS):
        here = moved(ready, problem, theta, errors)
        after = refit(here.problem, theta[None]).theta[0]
        step = float(np.max(np.abs(after - theta) / (1.0 + np.abs(theta)), initial=0.0))
        theta = after
        if step < _SETTLED:
            settled = True
            break
    here = moved(ready, problem, theta, errors)
    found = solve(here.problem, theta0=theta[None])
    found = replace(found, lanes=first.lanes, agree=first.agree, basins=first.basins)
    return here.problem, found, here.noise, _notes(ready, errors, here, first, found, settled=settled)


def _notes(
    ready: Prepared, errors: Mapping[str, float], here: Moved, first: Solved, found: Solved, *, settled: bool
) -> tuple[str, ...]:
    """What was assumed, what it changed, and what it cannot do."""
    given = {ready.columns[symbol]: sd for symbol, sd in errors.items() if symbol != "target"}
    told = ", ".join(f"{name} {sd:.3g}" for name, sd in given.items())
    out = [f"errors in inputs (log standard deviation): {told}; the {ready.target}'s own scatter is {here.noise:.2%}"]
    before, after = (here.problem.natural(solved.theta[None]) for solved in (first, found))
    changed = [
        f"{name} {float(before[name][0]):.4g} to {float(after[name][0]):.4g}"
        for name in here.problem.names
        if here.problem.law.coefs[name].name == "exponent"
    ]
    if changed:
        out.append(f"errors in inputs move {', '.join(changed)}")
    for symbol, sd in errors.items():
        if symbol == "target":
            continue
        spread = float(np.std(np.log(ready.inputs[symbol])))
        if sd > 0.5 * spread:
            out.append(
                f"the error of {ready.columns[symbol]} is {sd / spread:.0%} of its spread among the runs: the correction "
                "is first order and holds below about half"
            )
        shared = len(np.unique(ready.inputs[symbol]))
        if shared < len(ready.y):
            out.append(
                f"runs that record the same {ready.columns[symbol]} share its error ({shared} values); standard errors "
                "count runs as independent and are too small by that part"
            )
    if not settled:
        out.append(f"errors in inputs: no fixed point was reached in {_ROUNDS} rounds; lower the stated errors")
    return tuple(out)
