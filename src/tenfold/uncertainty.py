"""``draw``: a fit's uncertainty as samples of its coefficients."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.law import predict
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.engine import laplace, nuts, profile, resample
from tenfold.engine.additive import AdditiveKernel
from tenfold.engine.newton import Solutions
from tenfold.engine.objective import Absolute, Huber, Kinked, Squared, Student
from tenfold.engine.problem import Problem
from tenfold.engine.solve import refit, roughly
from tenfold.estimators.options import rebuilt
from tenfold.fit import Fit
from tenfold.prepare import Prepared, prepare
from tenfold.priors import penalty_of

Array = NDArray[np.float64]
Rng = np.random.Generator

MIXED = 1.05  # R-hat of draws that may be used
AMPLE = 4  # runs a coefficient from which whole runs may be left out of resamples
CHEAP = 50_000_000  # rows times draws up to which refits take seconds


@dataclass(frozen=True, eq=False)
class Draws:
    """Samples of a fit's coefficients: ``coef`` maps each name to (R,), natural units.

    Every sample is a set of coefficients that some resample of the runs asks for. Few runs make resamples too much
    alike, so intervals reach farther from the fit than the samples do: by ``widening``, because a fit draws its
    residuals in, and by the factors of a Student's t of ``freedom``, because the noise itself is estimated. Both are
    applied to what is derived from the samples, never to coefficients together, which would leave the curved valley
    they lie in.
    ``failed`` is the share of resamples that reached no optimum (they are left out); ``guard`` says how many warm-started
    resamples were checked against a global search and how many it improved.
    """

    fit: Fit
    coef: Mapping[str, Array]
    method: str
    failed: float
    guard: Mapping[str, int] = field(default_factory=dict)
    provenance: Provenance | None = None
    widening: float = 1.0
    freedom: float = float("inf")

    def __len__(self) -> int:
        return len(next(iter(self.coef.values())))

    def interval(self, name: str, level: float = 0.9) -> tuple[float, float]:
        """Central interval of a coefficient."""
        if name not in self.coef:
            raise ConfigError(f"no coefficient {name!r}", hint=did_you_mean(name, self.coef))
        domain = self.fit.law.coefs[name]
        values = self.widened(self.fit.coef[name], self.coef[name], log=domain.transform == "log")
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        return float(np.clip(low, domain.lower, domain.upper)), float(np.clip(high, domain.lower, domain.upper))

    def widened(self, center: Any, values: Array, *, log: bool | None = None) -> Array:
        """What the draws say of a derived quantity, (R, ...), moved away from the fit's own value by ``widening``.

        In logarithms when everything is positive, unless ``log`` says otherwise.
        """
        center = np.asarray(center, dtype=np.float64)
        factor = self.widening * student_factors(len(values), self.freedom).reshape((-1,) + (1,) * (values.ndim - 1))
        if log is not False and (center > 0).all() and not (values <= 0).any():
            with np.errstate(all="ignore"):
                return np.asarray(center * np.exp(factor * np.log(values / center)))
        return np.asarray(center + factor * (values - center))

    def predict(self, **inputs: Any) -> Array:
        """Predictions of every draw at given inputs, widened, shape (R, ...) with the inputs' shape behind."""
        by_symbol = self.fit.by_symbol(inputs)
        shape = np.broadcast_shapes(*(np.shape(value) for value in by_symbol.values()))
        coef = {name: value.reshape((-1,) + (1,) * len(shape)) for name, value in self.coef.items()}
        with np.errstate(all="ignore"):
            many = np.asarray(self.fit.law(coef=coef, **by_symbol), dtype=np.float64)
        return self.widened(predict(self.fit.law, self.fit.coef, by_symbol), many)

    def to_dict(self) -> dict[str, Any]:
        """Summary for JSON: intervals, not the samples."""
        return {
            "method": self.method,
            "draws": len(self),
            "failed": self.failed,
            "widening": self.widening,
            "freedom": self.freedom if np.isfinite(self.freedom) else None,
            "guard": dict(self.guard),
            "intervals": {
                name: {f"{level:g}": list(self.interval(name, level)) for level in (0.5, 0.9)} for name in self.coef
            },
        }


class Method(ABC):
    """How uncertainty is drawn. Subclasses are final frozen dataclasses."""

    kind: ClassVar[str]
    resamples: ClassVar[bool] = True  # whether runs are resampled while what was known beforehand stays as it was
    widened: ClassVar[bool] = True  # whether draws must still be widened for the few runs they come from
    scaled: ClassVar[bool] = False  # whether its residuals are made as large as the noise beforehand
    pooled: ClassVar[bool] = True  # whether noise is judged from all runs together, not by each run's own residuals

    def widening(self, groups: int, fitted: float) -> float:
        """What residuals of ``fitted`` coefficients on ``groups`` runs lack to be as large as the noise."""
        return 1.0 if self.scaled else float(np.sqrt(groups / max(groups - fitted, 1.0)))

    @abstractmethod
    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        """Plain free coefficients (R, p), the share that failed and the guard's report."""


@dataclass(frozen=True, slots=True)
class Bootstrap(Method):
    """Resample runs with replacement; checkpoints of a run and seeds of a cell stay together.

    ``weights="counts"`` draws runs with replacement, ``"dirichlet"`` smooth weights (the Bayesian bootstrap), which never
    loses a run; ``"auto"`` takes the first while there are four runs a coefficient, because resamples of fewer often lack
    what determines one. Each resample starts at the fit; a sample of them is checked globally.
    """

    n: int = 1000
    weights: str = "auto"
    kind: ClassVar[str] = "bootstrap"

    def whole(self, groups: int, fitted: float) -> bool:
        """Whether whole runs are drawn."""
        return groups >= AMPLE * fitted if self.weights == "auto" else self.weights == "counts"

    def widening(self, groups: int, fitted: float) -> float:
        """None where whole runs are drawn: designs that vary already spread the fits as much as residuals lack."""
        return 1.0 if self.whole(groups, fitted) else float(np.sqrt(groups / max(groups - fitted, 1.0)))

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        clusters = ready.runs.clusters()
        whole = self.whole(int(clusters.max()) + 1, problem.size)
        make = resample.cluster_counts if whole else resample.cluster_dirichlet
        return _batches(
            self.n,
            len(problem.y),
            lambda count: _guarded(problem, theta, make(clusters, count, rng) * problem.weights, None),
        )


@dataclass(frozen=True, slots=True)
class Residual(Method):
    """Keep the design, resample whole clusters of residuals, made as large as the noise.

    Assumes that the noise is alike everywhere, or changes evenly along the fitted values: where its size shows such a
    trend, residuals are exchanged in units of it (:func:`tenfold.engine.resample.levels`). Robust objectives smooth them
    (:func:`tenfold.engine.resample.bandwidth`).
    """

    n: int = 1000
    kind: ClassVar[str] = "residual"
    scaled: ClassVar[bool] = True

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        return _by_targets(self.n, ready, problem, theta, rng, resample.residual_targets, exchanged=True)


@dataclass(frozen=True, slots=True)
class Wild(Method):
    """Keep the design and each cluster's residuals, made as large as the noise, and flip their signs at random.

    The noise may differ between runs. Its variance is then less certain, which the degrees of freedom say
    (:func:`tenfold.engine.laplace.freedom`). Robust objectives smooth the residuals as :class:`Residual` does.
    """

    n: int = 1000
    kind: ClassVar[str] = "wild"
    scaled: ClassVar[bool] = True
    pooled: ClassVar[bool] = False

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        return _by_targets(self.n, ready, problem, theta, rng, resample.wild_targets)


@dataclass(frozen=True, slots=True)
class Laplace(Method):
    """Normal draws from the cluster-robust sandwich covariance at the optimum, in free coordinates."""

    n: int = 1000
    kind: ClassVar[str] = "laplace"
    scaled: ClassVar[bool] = True
    pooled: ClassVar[bool] = False
    resamples: ClassVar[bool] = False

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        covariance = laplace.sandwich(problem, theta, ready.runs.clusters(), inflate=True)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return theta + rng.standard_normal((self.n, len(theta))) @ root.T, 0.0, {}


@dataclass(frozen=True, slots=True)
class Profile(Method):
    """Draws whose every margin follows the profile likelihood, joined by the correlations at the optimum.

    A standard normal is carried through each coefficient's signed root of the profile, z(c) = sign(c - c*) sqrt(2 rise /
    dispersion); so margins are as skewed as the objective says, which a sandwich cannot show. Rows count as independent.
    """

    n: int = 1000
    kind: ClassVar[str] = "profile"
    resamples: ClassVar[bool] = False

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        clusters = ready.runs.clusters()
        covariance = laplace.covariance(problem, theta)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        moving = spread > 0
        stretch = np.ones(problem.size)
        if int(clusters.max()) + 1 < len(clusters):  # rows of a run say less than rows of their own
            covariance = laplace.sandwich(problem, theta, clusters, inflate=True)
            robust = np.sqrt(np.maximum(np.diag(covariance), 0.0))
            stretch[moving] = robust[moving] / spread[moving]
            moving &= robust > 0
            spread = robust
        correlation = np.eye(problem.size)
        inner = np.ix_(moving, moving)
        correlation[inner] = covariance[inner] / np.outer(spread[moving], spread[moving])
        values, vectors = np.linalg.eigh(correlation)
        normal = rng.standard_normal((self.n, problem.size)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
        dispersion = laplace.unit_of_rise(problem, theta)
        out = np.repeat(theta[None], self.n, axis=0)
        for j in np.flatnonzero(moving):
            unit = dispersion * stretch[j] ** 2
            out[:, j] = _through_profile(problem, theta, int(j), float(spread[j]), unit, normal[:, j])
        return out, 0.0, {}


@dataclass(frozen=True, slots=True)
class Posterior(Method):
    """Normal draws from the curvature of rows and priors together, at the dispersion that priors were weighed with.

    Rows count as independent. For groups of few runs, whose own scatter says little, when the dispersion is known better.
    """

    n: int = 1000
    kind: ClassVar[str] = "posterior"
    resamples: ClassVar[bool] = False
    widened: ClassVar[bool] = False

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        if problem.penalty is None:
            raise ConfigError("posterior draws need priors", path="uncertainty", hint="give --prior, or use laplace")
        values, vectors = np.linalg.eigh(laplace.posterior(problem, theta))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return theta + rng.standard_normal((self.n, len(theta))) @ root.T, 0.0, {}


@dataclass(frozen=True, slots=True)
class Nuts(Method):
    """Draws from the posterior itself by the no-U-turn sampler, with the noise unknown (needs ``tenfold[bayes]``).

    Priors of the fit count as such; without them floors are uniform in natural units and all else in free units. A run
    counts once, however many checkpoints it has. See :func:`tenfold.engine.nuts.sample`.
    """

    n: int = 1000
    warmup: int = 500
    chains: int = 2
    kind: ClassVar[str] = "nuts"
    resamples: ClassVar[bool] = False
    widened: ClassVar[bool] = False

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        made = nuts.sample(
            problem,
            theta,
            ready.runs.clusters(),
            draws=self.n,
            warmup=self.warmup,
            chains=self.chains,
            seed=int(rng.integers(2**31)),
        )
        if not made.r_hat < MIXED:
            raise DataError(
                f"the sampler did not mix on {ready.runs.source}: R-hat is {made.r_hat:.3g} and should be below {MIXED}",
                hint="the runs leave a coefficient open: give --prior, hold one with --fixed, or use bootstrap",
            )
        return made.theta, 0.0, {"divergent": made.divergent}


@dataclass(frozen=True, slots=True)
class Auto(Method):
    """The shortest intervals that were measured to hold the truth as often as they say (docs/coverage.md).

    Residuals are exchanged between runs (:class:`Residual`). Where rows are weighted, and for quantiles and counts, whose
    noise does not lie to both sides alike, runs are resampled (:class:`Bootstrap`). Tables whose refits would take long
    get the sandwich (:class:`Laplace`). With priors, normal draws from the posterior: runs that need priors are too few
    to be resampled.
    """

    n: int = 1000
    kind: ClassVar[str] = "auto"

    def choose(self, problem: Problem, theta: Array, clusters: NDArray[np.int64]) -> Method:
        """The method for a problem at its optimum, with the cluster of every row."""
        if problem.penalty is not None:
            return Posterior(self.n)
        if len(problem.y) * self.n > CHEAP:
            return Laplace(self.n)
        even = isinstance(problem.objective, Squared | Huber | Absolute | Student)
        return Bootstrap(self.n) if not even or np.ptp(problem.weights) > 0 else Residual(self.n)

    def sample(self, ready: Prepared, problem: Problem, theta: Array, rng: Rng) -> tuple[Array, float, dict[str, int]]:
        return self.choose(problem, theta, ready.runs.clusters()).sample(ready, problem, theta, rng)


METHODS: dict[str, Callable[..., Method]] = {
    cls.kind: cls for cls in (Auto, Bootstrap, Residual, Wild, Laplace, Profile, Posterior, Nuts)
}


def parse_method(text: str) -> Method:
    """Read ``bootstrap``, ``bootstrap:4000``, ``wild:500``, ``laplace`` ...

    >>> parse_method("bootstrap:4000")
    Bootstrap(n=4000, weights='auto')
    """
    name, _, count = text.partition(":")
    if name not in METHODS:
        raise ConfigError(f"unknown method {text!r}", path="uncertainty", hint=did_you_mean(name, METHODS))
    if not count:
        return METHODS[name]()
    if not count.isdigit() or int(count) < 2:
        raise ConfigError(f"the number of draws must be 2 or more, got {count!r}", path="uncertainty")
    return METHODS[name](n=int(count))


def draw(fit: Fit, runs: Runs, *, method: Method | str = "auto", seed: int = 0) -> Draws:
    """Draw coefficient sets that the data do not rule out.

    Args:
        fit: a fit of these runs.
        runs: the same runs, checked by hash.
        method: a method or its name (``bootstrap``, ``residual``, ``wild``, ``laplace``, ``profile``, ``posterior``,
            ``nuts``, each with ``:COUNT``); ``auto`` takes the one that was measured to cover (:class:`Auto`).
        seed: of the generator; the same seed gives the same draws.

    Raises:
        DataError: the runs are not those of the fit, or are too few to resample.

    Example:
        >>> from tenfold import draw, fit, read_runs
        >>> runs = read_runs("data:bytes")
        >>> len(draw(fit("chinchilla", runs), runs, method="bootstrap:200"))
        200
    """
    method = parse_method(method) if isinstance(method, str) else method
    ready, problem = same_problem(fit, runs)
    theta = problem.free(fit.coef)
    if isinstance(method, Auto):
        method = method.choose(problem, theta, ready.runs.clusters())
    made = provenance("draw", runs_id=fit.provenance.runs_id, source=ready.runs.source, method=repr(method), seed=seed)
    if problem.size == 0:  # every coefficient is held: all draws are alike
        return Draws(fit, problem.natural(np.zeros((2, 0))), method.kind, 0.0, {}, made)
    if method.resamples or (isinstance(method, Laplace) and problem.penalty is None):
        _check_independent(ready)
    rng = np.random.default_rng(seed)
    sampled, failed, guard = method.sample(ready, problem, theta, rng)
    widening, freedom = 1.0, float("inf")
    if method.widened:
        fitted = float(np.trace(laplace.from_data(problem, theta)))
        clusters = ready.runs.clusters()
        groups = int(clusters.max()) + 1
        freedom = max(groups - fitted, 1.0)
        widening = method.widening(groups, fitted)
        if not method.pooled:
            freedom = min(freedom, laplace.freedom(problem, theta, clusters))
    if method.resamples and problem.penalty is not None:
        sampled = sampled + _prior_draws(problem, theta, len(sampled), rng)
    sampled = np.clip(sampled, *_plain_box(problem))
    return Draws(fit, problem.natural(sampled), method.kind, failed, guard, made, widening, freedom)


def _check_independent(ready: Prepared) -> None:
    """Refuse to resample what one or two runs say: how far separate runs scatter does not follow from them.

    Raises:
        DataError: with how many there are.
    """
    count = int(ready.runs.clusters().max()) + 1
    if count < 3:
        raise DataError(
            f"{ready.runs.source} holds {count} independent run{'s' * (count > 1)}: there is nothing to resample",
            hint="train at least 3 (better 8) separate runs, or weigh what is known with --prior",
        )


def _prior_draws(problem: Problem, theta: Array, count: int, rng: Rng) -> Array:
    """How coefficients move when the priors' means are drawn anew, to first order; resampling holds those still."""
    assert problem.penalty is not None
    known = np.isfinite(problem.penalty.sd)
    drawn = np.zeros((count, problem.size))
    drawn[:, known] = rng.standard_normal((count, int(known.sum()))) * problem.penalty.sd[known]
    return np.asarray(drawn @ (np.eye(problem.size) - laplace.from_data(problem, theta)).T)


@functools.cache
def student_factors(count: int, freedom: float) -> Array:
    """What normal draws are multiplied by to become draws of Student's t: sqrt(freedom / chi-square), (count,).

    Evenly spaced quantiles in a fixed random order, so that the same draws are always moved in the same way.
    """
    if not np.isfinite(freedom):
        return np.ones(count)
    from scipy.special import gammaincinv

    share = (np.random.default_rng(count).permutation(count) + 0.5) / count
    return np.asarray(np.sqrt(0.5 * freedom / gammaincinv(0.5 * freedom, share)))


def small_sample(clusters: int, size: float) -> float:
    """How much wider draws must be than resampling makes them, for ``size`` coefficients on few independent runs.

    Residuals of a fit are smaller than the noise by sqrt(1 - size/clusters) on average, and the spread is itself
    estimated on ``clusters - size`` degrees of freedom (the variance of Student's t, capped where that does not exist).
    """
    freedom = max(clusters - size, 1)
    return float(np.sqrt(clusters / freedom * freedom / max(freedom - 2, 1)))


def _plain_box(problem: Problem) -> tuple[Array, Array]:
    """Domains in plain free units: widened draws stay inside them."""
    bounds = np.array([domain.free_bounds() for domain in problem.domains])
    return bounds[:, 0], bounds[:, 1]


def same_problem(fit: Fit, runs: Runs) -> tuple[Prepared, Problem]:
    """The rows and the numerical problem of a fit, rebuilt and checked against its hash."""
    axis = fit.columns.get("x", "")
    ready = prepare(fit.law, runs, target=fit.target, axis=axis)
    if ready.runs.id != fit.provenance.runs_id:
        raise DataError(
            f"these runs ({ready.runs.id}) are not the ones that were fitted ({fit.provenance.runs_id})",
            hint="pass the table that was given to fit, with the same filters",
        )
    ready, problem = rebuilt(
        ready, fit.estimators, objective=fit.objective, fixed=fit.fixed, bounds=fit.bounds, coef=fit.coef
    )
    if fit.priors:
        problem = problem.with_penalty(penalty_of(problem, fit.priors, fit.dispersion))
    return ready, problem


@dataclass(frozen=True, slots=True)
class ProfileInterval:
    """A likelihood-type interval of one coefficient; an open side says so instead of giving a number."""

    coef: str
    low: float
    high: float
    closed: tuple[bool, bool]
    level: float


def profile_interval(fit: Fit, runs: Runs, coef: str, *, level: float = 0.9) -> ProfileInterval:
    """The values of a coefficient at which the refitted objective rises by the amount that ``level`` allows.

    The rise is calibrated by the dispersion of the score, so it holds for robust objectives too (the square of Student's
    t times mean(psi^2)/mean(psi'), with what the coefficients took up given back).
    """
    _, problem = same_problem(fit, runs)
    if coef not in problem.names:
        raise ConfigError(f"{coef!r} was not fitted", path="coef", hint=did_you_mean(coef, problem.names))
    from scipy.special import stdtrit

    theta = problem.free(fit.coef)
    rows = len(problem.y)
    freedom = max(rows - problem.size, 1)
    rise = 0.5 * float(stdtrit(freedom, 0.5 + level / 2)) ** 2 * laplace.unit_of_rise(problem, theta) * rows / freedom
    j = problem.names.index(coef)
    sides = profile.interval(problem, theta, j, rise=rise)
    domain = problem.domains[j]
    return ProfileInterval(
        coef,
        float(domain.to_natural(sides.low)),
        float(domain.to_natural(sides.high)),
        (sides.low_closed, sides.high_closed),
        level,
    )


def _space(problem: Problem, theta: Array) -> Array:
    model = problem.kernel.model(problem.kernel.to_solver(theta[None]))[0]
    return np.asarray(np.log(model) if problem.objective.space == "log" else model)


def _guarded(
    problem: Problem, theta: Array, weights: Array | None, target: Array | None
) -> tuple[Solutions, dict[str, int]]:
    given = weights if weights is not None else target
    assert given is not None
    count = len(given)
    additive = isinstance(problem.kernel, AdditiveKernel)
    settings = None if additive else roughly(len(problem.y))  # sums of powers cost nothing to finish
    warm = refit(problem, np.repeat(theta[None], count, axis=0), weights=weights, target=target, settings=settings)
    lanes, report = resample.guard(problem, warm, weights=weights, target=target)
    return lanes, {"checked": report.checked, "improved": report.improved}


def _through_profile(problem: Problem, theta: Array, j: int, spread: float, dispersion: float, normal: Array) -> Array:
    """Standard normals as values of one coefficient, through the signed root of its profile.

    Where the profile stays flat the far end of the grid, six standard errors out or the bound, stands for the rest.
    """
    low, high = problem.domains[j].free_bounds()
    grid = np.unique(np.clip(theta[j] + spread * np.linspace(-6.0, 6.0, 25), low, high))
    found = profile.curve(problem, theta, j, at=grid)
    base = float(refit(problem, theta[None]).value[0])
    root = np.sign(grid - theta[j]) * np.sqrt(np.maximum(2.0 * (found.value - base) / dispersion, 0.0))
    keep = np.isfinite(root)  # a point whose refit failed says nothing
    grid, root = grid[keep], root[keep]
    middle = int(np.argmin(np.abs(grid - theta[j])))
    root[middle:] = np.maximum.accumulate(root[middle:])
    root[: middle + 1] = np.minimum.accumulate(root[: middle + 1][::-1])[::-1]
    return np.asarray(np.interp(normal, root, grid))


def _by_targets(
    total: int, ready: Prepared, problem: Problem, theta: Array, rng: Rng, make: Any, *, exchanged: bool = False
) -> tuple[Array, float, dict[str, int]]:
    """Refits of new targets that ``make`` draws from the fitted values and the residuals.

    ``exchanged``: residuals go from run to run, in units of their level where that shows a trend.
    """
    u = _space(problem, theta)
    clusters = ready.runs.clusters()
    residual = laplace.inflated(problem, theta, problem.target - u, clusters)
    uneven = exchanged and not resample.alike(residual, u, clusters)
    level = resample.levels(residual, u) if uneven else np.ones(len(u))
    residual = residual / level
    blur = resample.bandwidth(residual, int(clusters.max()) + 1) if _robust(problem) else 0.0

    def targets(count: int) -> Array:
        moved = make(np.zeros(len(u)), residual, clusters, count, rng)
        moved = moved + blur * rng.standard_normal(moved.shape) if blur else moved
        return np.asarray(u + level * moved)

    return _batches(total, len(problem.y), lambda count: _guarded(problem, theta, None, targets(count)))


def _robust(problem: Problem) -> bool:
    """Whether the objective draws the fit through some of the rows, whose residuals then are nearly zero."""
    return isinstance(problem.objective, Huber | Kinked)


def _batches(total: int, rows: int, make: Any) -> tuple[Array, float, dict[str, int]]:
    """Run resamples in batches whose weights stay below a quarter gigabyte; only the first batch is guarded fully."""
    size = max(min(total, 32_000_000 // max(rows, 1)), 8)
    theta, good, guard = [], [], {"checked": 0, "improved": 0}
    done = 0
    while done < total:
        count = min(size, total - done)
        lanes, report = make(count)
        theta.append(lanes.theta)
        good.append(np.isfinite(lanes.value) & np.isfinite(lanes.theta).all(axis=1))
        guard = {name: guard[name] + report[name] for name in guard}
        done += count
    kept = np.concatenate(good)
    every = np.concatenate(theta)
    return every[kept], float(1 - kept.mean()), guard
