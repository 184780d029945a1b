"""How rows are chosen and weighed, as one value that a fit carries, so that every refit does the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError
from tenfold.engine.objective import Objective
from tenfold.engine.problem import Problem
from tenfold.estimators import checkpoints as pooling
from tenfold.estimators import inputs
from tenfold.estimators import near as nearness
from tenfold.estimators.checkpoints import Checkpoints, Correlation
from tenfold.estimators.near import Near, parse_near
from tenfold.estimators.outliers import Outliers, parse_outliers
from tenfold.prepare import Prepared, problem_of, weights_of

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimators:
    """What was asked for, and what was estimated of it.

    Asked for: a column of ``weights``, how ``checkpoints`` are used, weights by nearness (``near``), what is done about
    ``outliers``, and ``errors`` of inputs (log standard deviation, by column). Estimated: the ``correlation`` within
    runs, the rows ``dropped`` as outliers (numbers among the rows that are left), the target's own ``noise``.
    """

    weights: str = ""
    checkpoints: Checkpoints | None = None
    near: Near | None = None
    outliers: Outliers = field(default_factory=Outliers)
    errors: Mapping[str, float] = field(default_factory=dict)
    correlation: Correlation | None = None
    dropped: tuple[int, ...] = ()
    noise: float = float("nan")

    @property
    def pooled(self) -> bool:
        """Whether checkpoints are weighed by what they amount to."""
        return self.checkpoints is not None and self.checkpoints.use == "pooled"

    def asked(self) -> dict[str, Any]:
        """What was asked for, by option, without what was left at its default."""
        plain = Estimators()
        every = {name: getattr(self, name) for name in ("weights", "checkpoints", "near", "outliers", "errors")}
        given = {name: value for name, value in every.items() if name == "weights" or value != getattr(plain, name)}
        return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in given.items()}

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "weights": self.weights,
            "checkpoints": None if self.checkpoints is None else self.checkpoints.to_dict(),
            "near": None if self.near is None else self.near.to_dict(),
            "outliers": self.outliers.to_dict(),
            "errors": dict(self.errors),
            "correlation": None if self.correlation is None else self.correlation.to_dict(),
            "dropped_rows": list(self.dropped),
            "noise": self.noise,
        }


def estimators(
    *,
    weights: str = "",
    checkpoints: Checkpoints | str | None = None,
    warmup: float = 0.0,
    near: Near | str | None = None,
    outliers: Outliers | str = "flag",
    errors: Mapping[str, float] | None = None,
) -> Estimators:
    """Options as people write them, checked.

    Raises:
        ConfigError: a word or a number that has no meaning, with those that have.
    """
    if isinstance(checkpoints, Checkpoints):
        if warmup:
            raise ConfigError("the warm-up is given twice", path="warmup", hint="say it inside Checkpoints alone")
    elif checkpoints or warmup:
        checkpoints = Checkpoints(checkpoints or "pooled", warmup)
    else:
        checkpoints = None
    return Estimators(
        weights=weights,
        checkpoints=checkpoints,
        near=(parse_near(near) if near else None) if isinstance(near, str) else near,
        outliers=parse_outliers(outliers) if isinstance(outliers, str) else outliers,
        errors=dict(errors or {}),
    )


def kept(ready: Prepared, how: Estimators) -> Prepared:
    """The rows that are used: without the warm-up, and without what was dropped."""
    if how.checkpoints is not None:
        ready = pooling.cut(ready, how.checkpoints)
    if how.dropped:
        keep = np.ones(len(ready.y), dtype=bool)
        keep[list(how.dropped)] = False
        ready = ready.take(keep)
    return ready


def row_weights(ready: Prepared, how: Estimators) -> Array | None:
    """Each row's weight, (n,); None where all weigh alike. ``ready`` holds the rows that are used."""
    parts = []
    if how.weights:
        parts.append(weights_of(ready, how.weights))
    if how.correlation is not None:
        parts.append(pooling.weights(ready, how.correlation))
    elif how.pooled:
        parts.append(pooling.equal_runs(ready))
    if how.near is not None:
        parts.append(nearness.weights(ready, how.near))
    return np.prod([part for part in parts if part is not None], axis=0) if parts else None


def problem_with(
    ready: Prepared,
    how: Estimators,
    *,
    objective: Objective,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Problem:
    """The numerical problem on rows that are used, weighed; inputs as recorded."""
    made = row_weights(ready, how)
    return problem_of(ready, objective=objective, fixed=fixed, bounds=bounds, weights="" if made is None else made)


def rebuilt(
    ready: Prepared,
    how: Estimators,
    *,
    objective: Objective,
    fixed: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
    coef: Mapping[str, float],
) -> tuple[Prepared, Problem]:
    """Rows and problem of a fit that was made with ``how`` and ended at ``coef``, from all prepared rows."""
    ready = kept(ready, how)
    problem = problem_with(ready, how, objective=objective, fixed=fixed, bounds=bounds)
    if how.errors:
        errors = inputs.check_errors(ready, how.errors, objective)
        problem = inputs.moved(ready, problem, problem.free(coef), errors, noise=how.noise).problem
    return ready, problem
