"""Priors: what is known of a coefficient beforehand, from evidence or from a person, in the unit of the objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.core.law import Law
from tenfold.engine import laplace
from tenfold.engine.penalty import Penalty
from tenfold.engine.problem import Problem
from tenfold.engine.solve import solve

Array = NDArray[np.float64]

ASSUMED_NOISE = 0.005  # of log losses of one recipe's runs, where the runs are too few to show it
_LEAST_SPREAD = 0.1  # of a coefficient borrowed from papers, relative: their own disagreement is rarely less
_ROUNDS = 3  # refits in which the noise is measured anew


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal belief about one coefficient, natural units: ``mean`` and standard deviation ``sd``.

    Coefficients that are solved for in their logarithm (sizes, floors) are normal there, with ``sd / mean`` as spread.
    """

    mean: float
    sd: float
    why: str = ""

    def to_dict(self) -> dict[str, float | str]:
        """The stable JSON form."""
        return {"mean": self.mean, "sd": self.sd, "why": self.why}


def evidence_prior(law: Law, name: str, chosen: str = "") -> Prior:
    """A prior from a law's published sets: centred on one of them, as wide as they differ among themselves.

    Args:
        law: the law. name: the coefficient. chosen: the set to centre on; the mean of all sets when empty.

    Raises:
        ConfigError: the law has no published coefficients, or no such set or coefficient.

    Example:
        >>> from tenfold.laws import get
        >>> prior = evidence_prior(get("chinchilla"), "alpha", "besiroglu")
        >>> round(prior.mean, 4)
        0.3478
    """
    _known(law, name)
    if not law.published:
        raise ConfigError(
            f"law {law.name!r} has no published coefficients to take a prior from",
            path=f"prior.{name}",
            hint="write the prior out, like alpha=0.35:0.02",
        )
    if chosen and chosen not in law.published:
        raise ConfigError(
            f"law {law.name!r} has no published set {chosen!r}",
            path=f"prior.{name}",
            hint=did_you_mean(chosen, law.published),
        )
    values = np.array([float(found.coef[name]) for found in law.published.values()])
    mean = float(law.published[chosen].coef[name]) if chosen else float(values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    sd = max(spread, _LEAST_SPREAD * abs(mean))
    where = f"the set {chosen}" if chosen else f"{len(values)} published sets"
    return Prior(mean, sd, f"{where} of {law.name}")


def parse_priors(law: Law, given: Mapping[str, str | Prior | tuple[float, float]]) -> dict[str, Prior]:
    """Priors from what a person writes: ``0.35:0.02`` (mean and standard deviation), ``evidence``, or a set's name."""
    out = {}
    for name, value in given.items():
        _known(law, name)
        if isinstance(value, str):
            value = _parse(law, name, value)
        elif not isinstance(value, Prior):
            value = Prior(float(value[0]), float(value[1]))
        if not (np.isfinite(value.mean) and np.isfinite(value.sd) and value.sd > 0):
            raise ConfigError(
                f"the prior of {name} has mean {value.mean:g} and standard deviation {value.sd:g}",
                path=f"prior.{name}",
                hint="the standard deviation must be positive, like 0.35:0.02",
            )
        domain = law.coefs[name]
        if not domain.contains(value.mean) or (domain.transform == "log" and value.mean <= 0):
            raise ConfigError(
                f"the prior of {name} is centred on {value.mean:g}, outside its domain ({domain.describe()})",
                path=f"prior.{name}",
            )
        out[name] = value
    return out


def _known(law: Law, name: str) -> None:
    if name not in law.coefs:
        raise ConfigError(
            f"law {law.name!r} has no coefficient {name!r}", path="prior", hint=did_you_mean(name, law.coefs)
        )


def _parse(law: Law, name: str, text: str) -> Prior:
    mean, colon, sd = text.partition(":")
    if not colon:
        return evidence_prior(law, name, "" if text == "evidence" else text)
    try:
        return Prior(float(mean), float(sd))
    except ValueError:
        raise ConfigError(
            f"cannot read the prior {text!r} of {name}",
            path=f"prior.{name}",
            hint="write mean:sd like 0.35:0.02, 'evidence', or the name of a published set",
        ) from None


def penalty_of(problem: Problem, priors: Mapping[str, Prior], dispersion: float) -> Penalty:
    """Priors by coefficient as the quadratic that the engine adds."""
    mean, sd = np.zeros(problem.size), np.full(problem.size, np.inf)
    for j, (name, domain) in enumerate(zip(problem.names, problem.domains, strict=True)):
        if name in priors:
            prior = priors[name]
            mean[j] = float(domain.to_free(prior.mean))
            sd[j] = prior.sd / prior.mean if domain.transform == "log" else prior.sd
    return Penalty(mean, sd, dispersion)


def with_priors(
    problem: Problem, priors: Mapping[str, Prior], *, dispersion: float | None = None, independent: int = 0
) -> tuple[Problem, tuple[str, ...]]:
    """The problem with its priors, weighed against the noise that the runs show; and notes that say how.

    Unless ``dispersion`` is given, the noise follows from the residuals, with as many degrees of freedom as the rows
    leave; it starts at half a percent and is measured anew after each refit. Where the rows leave fewer than two degrees
    of freedom it stays assumed. ``independent`` is how many rows count as such: checkpoints of one run say little more
    than one of them, and are weighed so.
    """
    held = {name: prior for name, prior in priors.items() if name in problem.names}
    if not held:
        return problem, ()
    notes = [
        f"prior on {name}: {p.mean:.4g} +- {p.sd:.2g}" + (f" ({p.why})" if p.why else "") for name, p in held.items()
    ]
    if dispersion is not None:
        return problem.with_penalty(penalty_of(problem, held, dispersion)), tuple(notes)
    alike = len(problem.y) / independent if independent else 1.0
    dispersion, measured = _assumed(problem) * alike, False
    for _ in range(_ROUNDS):
        trial = problem.with_penalty(penalty_of(problem, held, dispersion))
        theta = solve(trial).theta
        freedom = len(problem.y) - float(np.trace(laplace.from_data(trial, theta)))
        if freedom < 2.0:
            break
        found = alike * laplace.dispersion(problem, theta) * len(problem.y) / freedom
        measured = True
        if abs(found - dispersion) <= 1e-3 * dispersion:
            break
        dispersion = max(found, 1e-6 * alike * _assumed(problem))
    if not measured:
        notes.append(
            f"the runs are too few to show their noise: {ASSUMED_NOISE:.1%} is assumed to weigh them against priors"
        )
    return problem.with_penalty(penalty_of(problem, held, dispersion)), tuple(notes)


def _assumed(problem: Problem) -> float:
    """The dispersion of the objective for normal noise of the assumed size."""
    from scipy.special import ndtri

    scale = 1.0 if problem.objective.space == "log" else float(np.median(np.abs(problem.y)))
    residual = ASSUMED_NOISE * scale * ndtri((np.arange(200) + 0.5) / 200)
    return problem.objective.scale(residual, np.zeros(200))
