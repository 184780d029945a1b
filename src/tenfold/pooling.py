"""``pool``: one law on groups of runs that share some coefficients, wholly or in part.

Shared wholly, a coefficient has one value and the others one a group, fitted together. Shared in part, each group's own
value comes from a common normal distribution whose centre and spread are estimated too, so that a group with few runs
leans on the others and one with many does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.derive import grouped, indicator, own_name
from tenfold.core.domains import Domain
from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.law import Law
from tenfold.core.runs import Runs
from tenfold.engine import laplace
from tenfold.engine.objective import Objective, parse_objective
from tenfold.engine.problem import Problem, build
from tenfold.engine.solve import Solved, refit, solve
from tenfold.fit import Fit, fit
from tenfold.laws import get
from tenfold.prepare import Prepared, distinct_points, next_point, prepare, problem_of
from tenfold.priors import Prior, penalty_of
from tenfold.uncertainty import Draws, small_sample
from tenfold.verdict import Verdict, merged

Array = NDArray[np.float64]

_LEAST_GROUPS = {"share": 2, "partial": 3}
_ROUNDS, _INNER, _SETTLED = 12, 1000, 1e-3
_LEAST_TAU = 1e-4  # in free units; below it groups are alike and the iteration would only creep


@dataclass(frozen=True, slots=True)
class Common:
    """A coefficient that groups have in common: its value, standard error and spread between groups, natural units.

    ``spread`` is zero for a coefficient that is shared wholly; of one solved for in its logarithm it is relative.
    """

    value: float
    error: float
    spread: float

    def to_dict(self) -> dict[str, float]:
        """The stable JSON form."""
        return {"value": self.value, "error": self.error, "spread": self.spread}


@dataclass(frozen=True, eq=False)
class Pooled:
    """A law on groups of runs. ``fits`` are ordinary fits, one a group, and work with every other verb.

    ``draws`` holds samples of each group's coefficients in which what is common varies too; forecasts and plans of a
    group take them with ``draws=``.
    """

    law: Law
    by: str
    common: Mapping[str, Common]
    fits: Mapping[str, Fit]
    draws: Mapping[str, Draws]
    rms: float
    agree: float
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the groups' verdicts, with every reason that any of them has."""
        return merged(found.verdict for found in self.fits.values())

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "law": self.law.name,
            "by": self.by,
            "verdict": self.verdict.to_dict(),
            "pooled": {name: found.to_dict() for name, found in self.common.items()},
            "rms": self.rms,
            "agree": self.agree,
            "notes": list(self.notes),
            "groups": {
                name: {**found.to_dict(), "draws": self.draws[name].to_dict()} for name, found in self.fits.items()
            },
        }


def pool(
    law: Law | str,
    runs: Runs,
    *,
    by: str = "group",
    share: Sequence[str] = (),
    partial: Sequence[str] = (),
    objective: Objective | str = "huber:1e-3",
    target: str = "",
    axis: str = "",
    draws: int = 500,
    seed: int = 0,
) -> Pooled:
    """Fit a law to groups of runs with some coefficients in common.

    Args:
        law: a law or its name. runs: the table.
        by: the column that tells groups apart.
        share: coefficients with one value for all groups; the others are each group's own.
        partial: coefficients whose values in the groups scatter around a common one. One of the two is given.
        objective: as for ``fit``. target, axis: likewise.
        draws, seed: how many samples of each group's coefficients, and their seed.

    Raises:
        DataError: too few groups. ConfigError: an unknown coefficient, or both or neither of ``share`` and ``partial``.

    Example:
        >>> from tenfold import pool, read_runs
        >>> runs = read_runs("data:bytes")
        >>> made = pool("chinchilla[beta=alpha]", runs, by="seed", share=["alpha", "E"], draws=100)
        >>> sorted(made.common)
        ['E', 'alpha']
    """
    law = get(law) if isinstance(law, str) else law
    objective = parse_objective(objective) if isinstance(objective, str) else objective
    _check_names(law, share, partial)
    ready = prepare(law, runs, target=target, axis=axis)
    parts = ready.runs.groups(by)
    kind = "share" if share else "partial"
    if len(parts) < _LEAST_GROUPS[kind]:
        raise DataError(
            f"{by!r} splits {ready.runs.source} into {len(parts)} group{'s' * (len(parts) != 1)}, and "
            f"{_LEAST_GROUPS[kind]} are needed to {'share a coefficient' if share else 'see how a coefficient scatters'}",
            hint="name another column with --group" + (", or use --share, which needs two" if partial else ""),
        )
    pieces = {name: prepare(law, part, target=target, axis=axis) for name, part in parts.items()}
    _check_groups(pieces, by, share=share, partial=partial)
    maker = _Shared if share else _Partial
    return maker(law, ready, pieces, by, tuple(share or partial), objective, axis).made(draws, seed)


def _check_names(law: Law, share: Sequence[str], partial: Sequence[str]) -> None:
    for name in (*share, *partial):
        if name not in law.coefs:
            raise ConfigError(
                f"law {law.name!r} has no coefficient {name!r}", path="share", hint=did_you_mean(name, law.coefs)
            )
    if bool(share) == bool(partial):
        raise ConfigError(
            "give the coefficients that groups have in common, either wholly (share) or in part (partial)",
            path="share",
            hint=f"the coefficients of {law.name!r} are {', '.join(law.coefs)}",
        )


def _check_groups(pieces: Mapping[str, Prepared], by: str, *, share: Sequence[str], partial: Sequence[str]) -> None:
    """Refuse groups whose own coefficients their runs cannot determine.

    Raises:
        DataError: with the group, and how many runs of it would do.
    """
    points = {name: distinct_points(piece) for name, piece in pieces.items()}
    if partial and sum(count > 1 for count in points.values()) < 2:
        first = next(iter(pieces))
        raise DataError(
            f"{len(points)} groups of {by!r} hold one run each: how a coefficient scatters between groups cannot be told "
            "from how runs scatter",
            hint=f"train at least two groups at several scales, such as {first} at {next_point(pieces[first])}",
        )
    for name, piece in pieces.items():
        own = [coef for coef in piece.law.coefs if coef not in (*share, *partial)]
        if points[name] < len(own):
            raise DataError(
                f"group {name!r} holds {points[name]} point{'s' * (points[name] != 1)} and has {len(own)} coefficients "
                f"of its own ({', '.join(own)})",
                hint=f"train {len(own) - points[name]} more of it, such as {next_point(piece)}, or have more "
                f"coefficients in common with --{'share' if share else 'partial'}",
            )


@dataclass(frozen=True, eq=False)
class _Pooling:
    """What both ways have at hand."""

    law: Law
    ready: Prepared
    pieces: Mapping[str, Prepared]
    by: str
    names: tuple[str, ...]
    objective: Objective
    axis: str

    def group_fit(self, name: str, **known: Any) -> Fit:
        """An ordinary fit of one group."""
        piece = self.pieces[name]
        return fit(
            self.law, piece.runs, target=piece.target, axis=self.axis, objective=self.objective, throw=False, **known
        )

    def pooled(
        self, common: Mapping[str, Common], fits: Mapping[str, Fit], draws: Mapping[str, Draws], agree: float
    ) -> Pooled:
        """The result."""
        square = sum(found.n * found.rms**2 for found in fits.values())
        notes = [f"group {name}: {found.status.value}" for name, found in fits.items() if not found.status.ok]
        rows = sum(found.n for found in fits.values())
        return Pooled(self.law, self.by, common, fits, draws, float(np.sqrt(square / rows)), agree, tuple(notes))


class _Shared(_Pooling):
    """One value for all groups: all groups are one problem."""

    def made(self, count: int, seed: int) -> Pooled:
        """Fit all groups together, then hold what is shared in each group's own fit."""
        joint = self._problem()
        solved = solve(joint, theta0=self._starts(joint))
        clusters = self.ready.runs.clusters()
        covariance = laplace.sandwich(joint, solved.theta, clusters)
        natural = {name: float(values[0]) for name, values in joint.natural(solved.theta[None]).items()}
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0)) * _widening(clusters, joint.size)
        common = {}
        for name in self.names:
            j = joint.names.index(name)
            scale = natural[name] if joint.domains[j].transform == "log" else 1.0
            common[name] = Common(natural[name], float(spread[j] * scale), 0.0)
        fits = {name: self.group_fit(name, fixed={k: natural[k] for k in self.names}) for name in self.pieces}
        return self.pooled(common, fits, self._draws(joint, solved, covariance, fits, count, seed), solved.agree)

    def _problem(self) -> Problem:
        own = [name for name in self.law.coefs if name not in self.names]
        groups = list(self.pieces)
        law = grouped(self.law, groups, own)
        rows = {name: [] for name in (*law.inputs, "y")}
        for index, piece in enumerate(self.pieces.values()):
            for symbol in self.law.inputs:
                rows[symbol].append(piece.inputs[symbol])
            for other in range(len(groups)):
                rows[indicator(other)].append(np.full(len(piece.y), float(other == index)))
            rows["y"].append(piece.y)
        arrays = {name: np.concatenate(values) for name, values in rows.items()}
        return build(law, {name: arrays[name] for name in law.inputs}, arrays["y"], objective=self.objective)

    def _starts(self, joint: Problem) -> Array:
        """The law on all rows at once; every group by itself; and both with the shared coefficients moved."""
        whole = _coefs(self.law, self.ready, self.objective)
        alone = {name: _coefs(self.law, piece, self.objective) for name, piece in self.pieces.items()}
        middle = {name: _middle(self.law.coefs[name], [found[name] for found in alone.values()]) for name in self.names}
        starts = []
        for shared, own in ((whole, None), (middle, alone), (middle, None), (whole, alone)):
            for factor in (1.0, 0.7, 1.4):
                coef = {name: shared[name] * factor for name in self.names}
                for name in self.law.coefs:
                    if name not in self.names:
                        coef |= {own_name(name, g): (own[g] if own else whole)[name] for g in self.pieces}
                starts.append(np.clip(joint.free(coef), *_box(joint)))
        return np.array(starts)

    def _draws(
        self, joint: Problem, solved: Solved, covariance: Array, fits: Mapping[str, Fit], count: int, seed: int
    ) -> dict[str, Draws]:
        """Normal draws of the joint sandwich, dealt out to the groups."""
        rng = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        sampled = np.clip(solved.theta + rng.standard_normal((count, joint.size)) @ root.T, *_box(joint))
        natural = joint.natural(sampled)
        return {
            group: Draws(
                found,
                {n: natural[n if n in self.names else own_name(n, group)] for n in self.law.coefs},
                "laplace",
                0.0,
                widening=_widening(self.ready.runs.clusters(), joint.size),
            )
            for group, found in fits.items()
        }


class _Partial(_Pooling):
    """Values scatter around a common one: centre and spread by expectation-maximisation, groups by their posteriors."""

    def made(self, count: int, seed: int) -> Pooled:
        """Estimate the common distribution, then fit each group with it as a prior."""
        from tenfold.uncertainty import draw

        problems = {name: problem_of(piece, objective=self.objective) for name, piece in self.pieces.items()}
        centre, tau, error, dispersion = self._common(problems)
        domains = self.law.coefs
        wide = np.sqrt(tau**2 + error**2)  # a group scatters about a centre that is itself not known exactly
        why = f"{len(problems)} groups, partially pooled"
        priors = {}
        common = {}
        for j, name in enumerate(self.names):
            natural = float(domains[name].to_natural(centre[j]))
            scale = natural if domains[name].transform == "log" else 1.0
            priors[name] = Prior(natural, float(wide[j] * scale), why)
            common[name] = Common(natural, float(error[j] * scale), float(tau[j]))
        fits = {name: self.group_fit(name, priors=priors, dispersion=dispersion) for name in self.pieces}
        draws = {
            name: draw(found, self.pieces[name].runs, method=f"posterior:{count}", seed=seed)
            for name, found in fits.items()
        }
        agree = float(np.mean([found.certificate.agree for found in fits.values()]))
        return self.pooled(common, fits, draws, agree)

    def _common(self, problems: Mapping[str, Problem]) -> tuple[Array, Array, Array, float]:
        """Centre and spread of the pooled coefficients in free units, the centre's standard error, and the dispersion.

        Each group's rows are replaced by their quadratic at the group's present optimum; expectation-maximisation on
        quadratics is arithmetic, and the optima and quadratics are then taken anew, until neither moves.
        """
        whole = problem_of(self.ready, objective=self.objective)
        start = solve(whole).theta
        at = [whole.names.index(name) for name in self.names]
        theta = {name: start.copy() for name in problems}
        centre, tau = start[at].copy(), np.full(len(at), 0.3)
        alike = len(whole.y) / (int(self.ready.runs.clusters().max()) + 1)  # rows of one run say the same
        dispersion = alike * laplace.dispersion(whole, start)
        for _ in range(_ROUNDS):
            priors = self._priors(centre, tau)
            bread, pull, noise = [], [], []
            for name, problem in problems.items():
                held = problem.with_penalty(penalty_of(problem, priors, dispersion))
                theta[name] = refit(held, np.stack([theta[name], start])).theta[0]
                assert held.penalty is not None
                bread.append(laplace.curvature(problem, theta[name]))
                pull.append(bread[-1] @ theta[name] + held.penalty.precision * (theta[name] - held.penalty.mean))
                freedom = max(len(problem.y) - float(np.trace(laplace.from_data(held, theta[name]))), 1.0)
                noise.append((laplace.dispersion(problem, theta[name]) * len(problem.y), freedom))
            dispersion = alike * sum(total for total, _ in noise) / sum(freedom for _, freedom in noise)
            before = centre, tau
            centre, tau = _maximised(bread, pull, at, (centre, tau), dispersion)
            centre = np.clip(centre, *_box(whole)[:, at])
            if np.abs(np.log(tau / before[1])).max() < _SETTLED and np.abs(centre - before[0]).max() < _SETTLED:
                break
        return centre, tau, _centre_error(bread, at, tau, float(dispersion)), float(dispersion)

    def _priors(self, centre: Array, tau: Array) -> dict[str, Prior]:
        out = {}
        for j, name in enumerate(self.names):
            natural = float(self.law.coefs[name].to_natural(centre[j]))
            scale = natural if self.law.coefs[name].transform == "log" else 1.0
            out[name] = Prior(natural, float(tau[j] * scale))
        return out


def _maximised(
    bread: Sequence[Array], pull: Sequence[Array], at: Sequence[int], first: tuple[Array, Array], dispersion: float
) -> tuple[Array, Array]:
    """Centre and spread of the pooled coefficients, by expectation-maximisation.

    A group's objective is ``theta' B theta / 2 - pull' theta`` with curvature ``B``, in units of the dispersion.
    """
    centre, tau = first
    size = len(pull[0])
    rows, pulls = _ridged(bread), np.array(pull)
    for _ in range(_INNER):
        precision, weighed = np.zeros(size), np.zeros(size)
        precision[at] = dispersion / tau**2
        weighed[at] = centre * precision[at]
        inverse = np.linalg.inv(rows + np.diag(precision))
        means = np.einsum("gij,gj->gi", inverse, pulls + weighed)[:, at]
        variances = dispersion * np.einsum("gii->gi", inverse)[:, at]
        moved = means.mean(axis=0)
        spread = np.maximum(np.sqrt(np.mean((means - moved) ** 2 + variances, axis=0)), _LEAST_TAU)
        step = np.abs(np.log(spread / tau)).max() + np.abs(moved - centre).max()
        # expectation-maximisation creeps; a step up to twice as long still converges
        centre, tau = moved, np.maximum(tau * (spread / tau) ** 1.8, _LEAST_TAU)
        if step < 0.1 * _SETTLED:
            break
    return centre, tau


def _ridged(bread: Sequence[Array]) -> Array:
    """The groups' curvatures, (g, p, p), each made invertible: a group alone may not determine everything."""
    return np.array(bread) + 1e-12 * np.trace(np.sum(bread, axis=0)) * np.eye(len(bread[0]))


def _centre_error(bread: Sequence[Array], at: Sequence[int], tau: Array, dispersion: float) -> Array:
    """Standard errors of the common centre: each group tells of it with precision ``(S + T)^-1``.

    S is the covariance of the group's own estimate and T that of the groups' values. It is written ``T^-1 - T^-1 C T^-1``
    with C the covariance of the group's coefficients given its runs and the centre, which exists even where S does not.
    """
    precision = np.zeros(len(bread[0]))
    precision[at] = dispersion / tau**2
    inner = dispersion * np.linalg.inv(_ridged(bread) + np.diag(precision))[np.ix_(range(len(bread)), at, at)]
    told = np.diag(1.0 / tau**2) - inner / np.outer(tau**2, tau**2)
    return np.asarray(np.sqrt(np.maximum(np.diag(np.linalg.inv(told.sum(axis=0))), 0.0)))


def _coefs(law: Law, ready: Prepared, objective: Objective) -> dict[str, float]:
    problem = problem_of(ready, objective=objective)
    return {name: float(values[0]) for name, values in problem.natural(solve(problem).theta[None]).items()}


def _middle(domain: Domain, values: Sequence[float]) -> float:
    log = domain.transform == "log"
    return float(domain.to_natural(np.median([domain.to_free(max(v, 1e-300) if log else v) for v in values])))


def _box(problem: Problem) -> Array:
    """Lower and upper bounds in plain free units, (2, p)."""
    return np.asarray([domain.free_bounds() for domain in problem.domains], dtype=np.float64).T


def _widening(clusters: NDArray[np.int64], size: int) -> float:
    return small_sample(int(clusters.max()) + 1, size)
