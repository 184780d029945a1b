"""``fit``: the coefficients of a law on some runs, with a certificate of how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.certificate import Certificate, certify
from tenfold.core.axes import Conventions
from tenfold.core.errors import FitError
from tenfold.core.law import Law, predict
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.core.status import Status
from tenfold.engine.objective import Objective, parse_objective
from tenfold.engine.starts import Starts
from tenfold.estimators import Checkpoints, Estimators, Near, Outliers, Screening, estimators
from tenfold.estimators.solving import Estimated, Recipe, estimated
from tenfold.laws import get
from tenfold.prepare import by_symbol, check_coefs, check_starts, prepare
from tenfold.priors import Prior, parse_priors
from tenfold.verdict import Verdict, verdict

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A law's coefficients on some runs.

    ``value`` is the objective as defined: summed, unscaled, in the data's own units. ``rms`` is the root mean square
    residual of the logarithm. ``priors`` were weighed against the rows at ``dispersion``, the objective's unit of
    evidence. ``estimators`` says which rows were used and how they weighed, ``screening`` which runs are outliers;
    ``handling`` holds the notes about both, which belong beside every number that is made of the fit.
    Holds no data, only its hash.
    """

    law: Law
    coef: Mapping[str, float]
    status: Status
    value: float
    objective: Objective
    n: int
    rms: float
    target: str
    columns: Mapping[str, str]
    fixed: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    conventions: Conventions
    certificate: Certificate
    notes: tuple[str, ...]
    provenance: Provenance
    priors: Mapping[str, Prior] = field(default_factory=dict)
    dispersion: float = float("nan")
    estimators: Estimators = field(default_factory=Estimators)
    screening: Screening | None = None
    handling: tuple[str, ...] = ()

    @cached_property
    def verdict(self) -> Verdict:
        """How far the coefficients may be used, by the certificate alone: a forecast has a verdict of its own."""
        return verdict(self)

    def predict(self, **inputs: Any) -> Array:
        """The fitted law at given inputs, by symbol or canonical column, any broadcastable shapes."""
        return predict(self.law, self.coef, self.by_symbol(inputs))

    def by_symbol(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs keyed by the law's symbols; canonical columns are accepted and what can be derived is derived."""
        return by_symbol(self.law, self.columns, inputs)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "law": self.law.name,
            "formula": self.law.formula,
            "coef": dict(self.coef),
            "objective": self.objective.spec(),
            "value": self.value,
            "n": self.n,
            "rms": self.rms,
            "status": self.status.name.lower(),
            "status_text": self.status.value,
            "verdict": self.verdict.to_dict(),
            "target": self.target,
            "columns": dict(self.columns),
            "fixed": dict(self.fixed),
            "bounds": {name: list(pair) for name, pair in self.bounds.items()},
            "priors": {name: prior.to_dict() for name, prior in self.priors.items()},
            "conventions": self.conventions.stated(),
            "certificate": self.certificate.to_dict(),
            "estimators": self.estimators.to_dict(),
            "outliers": None if self.screening is None else self.screening.to_dict(),
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }


def fit(
    law: Law | str,
    runs: Runs,
    *,
    target: str = "",
    axis: str = "",
    objective: Objective | str = "huber:1e-3",
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, str | Prior | tuple[float, float]] | None = None,
    dispersion: float | None = None,
    weights: str = "",
    checkpoints: Checkpoints | str | None = None,
    warmup: float = 0.0,
    near: Near | str | None = None,
    outliers: Outliers | str = "flag",
    errors: Mapping[str, float] | None = None,
    starts: Starts | None = None,
    certificate: bool = True,
    throw: bool = True,
) -> Fit:
    """Fit a law to runs, globally, with a certificate.

    Args:
        law: a law, its name, ``file.py:name`` or a one-line formula.
        runs: the table; rows that cannot be used are left out, and the fit's notes say which and why.
        target: the column to predict; the law's own output when empty.
        axis: the column that a one-axis law's ``x`` stands for.
        objective: what is minimised, summed over rows.
        fixed: coefficients held at a value, natural units. bounds: narrower domains, natural units.
        priors: what is known of coefficients beforehand, natural units: ``(mean, sd)``, ``"0.35:0.02"``,
            ``"evidence"`` (the law's published sets) or the name of one of them. They decide where the runs cannot.
        dispersion: the objective's unit of evidence, against which priors are weighed; measured when left out.
        weights: a column of row weights.
        checkpoints: ``"pooled"`` weighs the checkpoints of each run by the independent points that they amount to,
            ``"last"`` keeps the last of each; every row counts alike when left out. warmup: the share of each run's
            tokens whose checkpoints are cut.
        near: rows weigh less the farther they lie from the scale that is forecast at, ``"flops=1e21"``.
        outliers: ``"flag"`` names runs that lie far from a robust fit, ``"drop"`` also leaves them out, ``"keep"``
            does not look.
        errors: standard deviations of the logarithm of inputs, by column, ``{"params": 0.05}``: exponents are then
            freed of the attenuation that such errors cause.
        starts: how starts are made; ``Starts(at=({"A": 400, ...},))`` begins there and searches nowhere else.
        certificate: whether to compute influence, sensitivity and drift, which take further refits.
        throw: raise when the end point is not an optimum; otherwise return it with its status.

    Raises:
        DataError: the runs cannot carry the fit. LawError: the law is unknown. FitError: no optimum was reached; the
        error's ``fit`` holds the end point.

    Example:
        >>> from tenfold import fit, read_runs
        >>> fitted = fit("chinchilla", read_runs("data:bytes"))
        >>> round(fitted.certificate.agree, 2)
        1.0
    """
    law = get(law) if isinstance(law, str) else law
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    how = estimators(weights=weights, checkpoints=checkpoints, warmup=warmup, near=near, outliers=outliers, errors=errors)
    whole = prepare(law, runs, target=target, axis=axis)
    check_coefs(law, fixed, bounds)
    check_starts(law, starts.at if starts else (), fixed)
    recipe = Recipe(objective, fixed or {}, bounds or {}, parse_priors(law, priors or {}), dispersion, starts)
    found = estimated(whole, how, recipe, deep=certificate)
    deep = certificate and found.solved.status.ok and found.problem.size > 0
    made = _assemble(found, certify(found.ready, found.problem, found.solved, deep=deep), recipe, whole.runs.id)
    if throw and not made.status.ok:
        raise FitError(
            f"law {law.name!r} on {whole.runs.source}: {made.status.value}",
            fit=made,
            hint="fix a coefficient with --fixed, choose a simpler law, or add runs where the axes are short.",
        )
    return made


def _assemble(found: Estimated, certificate: Certificate, recipe: Recipe, runs_id: str) -> Fit:
    ready, problem, solved = found.ready, found.problem, found.solved
    screening = found.compared(certificate.headline, certificate.headline_error)
    handling = (*found.notes, *(() if screening is None else screening.notes()))
    natural = {name: float(values[0]) for name, values in problem.natural(solved.theta[None]).items()}
    for j in solved.at_bound:
        name = problem.names[j]
        if problem.domains[j].name == "floor" and solved.theta[j] < np.log(max(ready.y.min(), 1e-300)) - 10:
            natural[name] = 0.0
    fitted = predict(ready.law, natural, ready.inputs)
    with np.errstate(all="ignore"):
        residual = np.log(fitted / ready.y) if (ready.y > 0).all() and (fitted > 0).all() else fitted - ready.y
    made = Fit(
        law=ready.law,
        coef=natural,
        status=solved.status,
        value=solved.value - (0.0 if problem.penalty is None else float(problem.penalty.value(solved.theta))),
        objective=problem.objective,
        n=len(ready.y),
        rms=float(np.sqrt(np.average(residual**2, weights=problem.weights))),
        target=ready.target,
        columns=ready.columns,
        fixed=dict(problem.fixed),
        bounds=dict(problem.bounds),
        conventions=ready.runs.conventions,
        certificate=certificate,
        notes=tuple(dict.fromkeys((*ready.runs.notes, *handling))),
        provenance=provenance(
            "fit",
            runs_id=runs_id,
            source=ready.runs.source,
            law=ready.law.name,
            objective=problem.objective.spec(),
            **found.how.asked(),
        ),
        priors={name: prior for name, prior in recipe.priors.items() if name in problem.names},
        dispersion=float("nan") if problem.penalty is None else problem.penalty.dispersion,
        estimators=found.how,
        screening=screening,
        handling=handling,
    )
    against = tuple(reason.engineer for reason in made.verdict.reasons if reason.level != "trust")
    return replace(made, certificate=replace(certificate, warnings=against))
