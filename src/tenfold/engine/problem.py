"""From a law and arrays to a problem the solver understands: kernel, box and starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tenfold.core.domains import Domain
from tenfold.core.expression import Expr, evaluate, linear_parts
from tenfold.core.law import FUNCTIONS, Law
from tenfold.engine.additive import AdditiveKernel, Term
from tenfold.engine.autodiff import AutodiffKernel
from tenfold.engine.general import GeneralKernel, followed
from tenfold.engine.kernel import Evaluation, Kernel, Lanes, in_cache
from tenfold.engine.objective import Objective
from tenfold.engine.penalty import Penalty
from tenfold.engine.starts import SMALL, product_grid, project

Array = NDArray[np.float64]

# How far below the smallest and above the largest observation a term may lie, in natural logarithms: a term at the
# lower end contributes 1.5e-8 of the smallest loss, which no data can tell from zero.
_BELOW, _ABOVE = 18.0, 12.0


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, objective and box of one fit. All coefficients are free ones, in plain units (logarithms where positive)."""

    law: Law
    kernel: Kernel
    inputs: Mapping[str, Array]
    y: Array
    weights: Array
    objective: Objective
    names: tuple[str, ...]
    domains: tuple[Domain, ...]
    lower: Array  # solver coordinates
    upper: Array
    fixed: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    plain: tuple[str, ...] = ()  # coefficients that the kernel must not centre, because they will be held
    penalty: Penalty | None = None  # what was known beforehand

    @property
    def size(self) -> int:
        """Free coefficients."""
        return len(self.names)

    @property
    def target(self) -> Array:
        """Observations in the objective's space."""
        return self.objective.target(self.y)

    def subset(self, rows: NDArray[np.int64]) -> Problem:
        """The same problem on some rows."""
        return build(
            self.law,
            {name: values[rows] for name, values in self.inputs.items()},
            self.y[rows],
            weights=self.weights[rows],
            objective=self.objective,
            fixed=self.fixed,
            bounds=self.bounds,
            plain=self.plain,
            penalty=self.penalty,
        )

    def holding(self, name: str) -> Problem:
        """The same problem in coordinates in which ``name`` itself can be held: see ``lower`` and ``upper`` of refit."""
        return build(
            self.law,
            self.inputs,
            self.y,
            weights=self.weights,
            objective=self.objective,
            fixed=self.fixed,
            bounds=self.bounds,
            plain=(*self.plain, name),
            penalty=self.penalty,
        )

    def with_objective(self, objective: Objective) -> Problem:
        """The same rows and law under another objective."""
        return replace(self, objective=objective)

    def with_penalty(self, penalty: Penalty | None) -> Problem:
        """The same rows and law with another prior."""
        return replace(self, penalty=penalty)

    def evaluate(
        self,
        theta: Array,
        weights: Array,
        target: Array,
        objective: Objective,
        *,
        damping: Array | None = None,
        lanes: Lanes | None = None,
    ) -> Evaluation:
        """Objective and derivatives at solver coordinates (L, p), the prior included."""
        found = self.kernel.evaluate(theta, weights, target, objective, damping=damping, lanes=lanes)
        return found if self.penalty is None else self.penalty.added(found, theta, self.kernel, damping)

    def values(self, theta: Array, weights: Array, target: Array, objective: Objective) -> Array:
        """The objective alone at solver coordinates (L, p), the prior included."""
        found = self.kernel.values(theta, weights, target, objective)
        return found if self.penalty is None else found + self.penalty.value(self.kernel.from_solver(theta))

    def natural(self, theta: Array) -> dict[str, Array]:
        """Plain free coefficients (L, p) to natural ones by name, fixed ones included, each (L,)."""
        out: dict[str, Array] = {}
        for j, (name, domain) in enumerate(zip(self.names, self.domains, strict=True)):
            out[name] = np.asarray(domain.to_natural(theta[:, j]))
        for name, value in self.fixed.items():
            out[name] = np.full(theta.shape[0], float(value))
        return {name: out[name] for name in self.law.coefs}

    def free(self, coef: Mapping[str, float]) -> Array:
        """Natural coefficients to plain free ones, shape (p,); zeros of positive ones become tiny."""
        tiny = np.exp(-_BELOW) * float(self.y.min()) if self.y.min() > 0 else 1e-12
        values = [
            domain.to_free(max(coef[name], tiny) if domain.transform == "log" else coef[name])
            for name, domain in zip(self.names, self.domains, strict=True)
        ]
        return np.array(values, dtype=np.float64)

    def starts(self, grid: int) -> tuple[Array, Array]:
        """Screening points in solver coordinates (S, p) and the nonlinear coordinates they came from (S, r)."""
        if isinstance(self.kernel, AdditiveKernel):
            return _additive_starts(self, self.kernel, grid)
        return _general_starts(self, grid)


def build(
    law: Law,
    inputs: Mapping[str, Array],
    y: Array,
    *,
    weights: Array | None = None,
    objective: Objective,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    plain: tuple[str, ...] = (),
    penalty: Penalty | None = None,
) -> Problem:
    """A problem. ``inputs`` by symbol, each (rows,); ``fixed`` and ``bounds`` in natural units.

    Amplitudes are centred inside the solver unless they have bounds or stand in ``plain``.
    """
    fixed, bounds = dict(fixed or {}), dict(bounds or {})
    names = tuple(name for name in law.coefs if name not in fixed)
    domains = tuple(law.coefs[name] for name in names)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    inputs = {name: np.asarray(inputs[name], dtype=np.float64) for name in law.inputs}
    y = np.asarray(y, dtype=np.float64)
    terms = _terms(law, inputs, names, fixed)
    kernel: Kernel
    if terms is not None:
        keep = np.array([name in bounds or name in plain for name in names])
        kernel = AdditiveKernel(terms, size=len(names), rows=len(y), centre=keep)
    else:
        logs = tuple(domain.transform == "log" for domain in domains)
        plainly = followed(law.fn, tuple(inputs), names, logs, tuple(fixed))
        kind = GeneralKernel if plainly else AutodiffKernel
        kernel = kind(law.fn, inputs=inputs, names=names, logs=logs, fixed=fixed)
    lower, upper = _box(kernel, names, domains, bounds, y, {*bounds, *plain})
    return Problem(
        law, kernel, inputs, y, weights, objective, names, domains, lower, upper, fixed, bounds, plain, penalty
    )


def _terms(
    law: Law, inputs: Mapping[str, Array], names: tuple[str, ...], fixed: Mapping[str, float]
) -> tuple[Term, ...] | None:
    """The law's power terms evaluated on the rows, or None when the law is not a sum of them."""
    if law.power_terms is None:
        return None
    index = {name: j for j, name in enumerate(names)}
    out = []
    for form in law.power_terms:
        coefs: dict[int, float | Array] = {}
        offset: float | Array = 0.0
        for key, expr in form.items():
            part = _reduce(evaluate(expr, inputs, FUNCTIONS))
            if key is None:
                offset = offset + part
            elif key[1] in index:
                coefs[index[key[1]]] = part
            else:
                held = fixed[key[1]]
                if key[0] == "log" and held <= 0:
                    offset = -np.inf  # a term whose amplitude is fixed at zero
                else:
                    offset = offset + part * (np.log(held) if key[0] == "log" else held)
        if not np.isneginf(offset).all():
            out.append(Term(tuple(coefs), tuple(coefs.values()), offset))
    return tuple(out)


def _reduce(value: float | Array) -> float | Array:
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def _box(
    kernel: Kernel,
    names: tuple[str, ...],
    domains: tuple[Domain, ...],
    bounds: Mapping[str, tuple[float, float]],
    y: Array,
    plain: set[str],
) -> tuple[Array, Array]:
    low = np.array([domain.free_bounds()[0] for domain in domains])
    high = np.array([domain.free_bounds()[1] for domain in domains])
    if isinstance(kernel, AdditiveKernel) and (y > 0).all():
        # an amplitude that is not centred is the term's value far from the data, about which nothing is known here
        for j in (j for j in _amplitudes(kernel).values() if names[j] not in plain):
            low[j], high[j] = np.log(y.min()) - _BELOW, np.log(y.max()) + _ABOVE
    for j, (name, domain) in enumerate(zip(names, domains, strict=True)):
        if name in bounds:
            a, b = bounds[name]
            if domain.transform == "log":
                low[j] = np.log(a) if a > 0 else low[j]
                high[j] = np.log(b) if np.isfinite(b) else high[j]
            else:
                low[j], high[j] = a, b
    return low, high


def _amplitudes(kernel: AdditiveKernel) -> dict[int, int]:
    """Term index -> the coefficient that multiplies it: alone of its kind there, with unit feature."""
    use: dict[int, int] = {}
    for term in kernel.terms:
        for j in term.coefs:
            use[j] = use.get(j, 0) + 1
    out = {}
    for k, term in enumerate(kernel.terms):
        for j, feature in zip(term.coefs, term.features, strict=True):
            if not isinstance(feature, np.ndarray) and feature == 1.0 and use[j] == 1:
                out[k] = j
                break
    return out


def start_range(problem: Problem, j: int) -> tuple[float, float]:
    """Where starts of a free coefficient are drawn from, in solver units of that coefficient alone."""
    domain = problem.domains[j]
    low, high = domain.start
    if domain.like == "output":
        top = problem.y.min() if domain.name == "floor" else problem.y.max()
        low, high = low * float(problem.y.min()), high * float(top)
    elif domain.like:
        values = problem.inputs[domain.like] if domain.like in problem.inputs else next(iter(problem.inputs.values()))
        low, high = low * float(values.min()), high * float(values.max())
    if domain.transform == "log":
        low, high = np.log(max(low, 1e-300)), np.log(max(high, 1e-300))
    if problem.names[j] in problem.bounds:
        low, high = max(low, problem.lower[j]), min(high, problem.upper[j])
        if low > high:
            low, high = problem.lower[j], problem.upper[j]
    return float(low), float(high)


def _additive_starts(problem: Problem, kernel: AdditiveKernel, grid: int) -> tuple[Array, Array]:
    amplitude = _amplitudes(kernel)
    linear = set(amplitude.values())
    nonlinear = [j for j in range(problem.size) if j not in linear]
    ranges = [start_range(problem, j) for j in nonlinear]
    points = product_grid(np.array([r[0] for r in ranges]), np.array([r[1] for r in ranges]), grid)
    shapes, rest = [], np.zeros((1, 1))
    order = []
    for k, term in enumerate(kernel.terms):
        total = np.zeros((points.shape[0] if len(term.coefs) > (k in amplitude) else 1, 1)) + term.offset
        for j, feature in zip(term.coefs, term.features, strict=True):
            if j in nonlinear:
                total = total + points[:, nonlinear.index(j)][:, None] * feature
        if k in amplitude:
            shapes.append(np.exp(total))
            order.append(amplitude[k])
        else:
            rest = rest + np.exp(total)
    theta = np.zeros((points.shape[0], problem.size))
    theta[:, nonlinear] = points
    if shapes:
        solved = project(shapes, rest, problem.y, problem.weights, np.zeros(len(shapes), dtype=bool))
        # an amplitude that projects to zero starts a thousandth of the loss below, where it can still be moved
        floor = 1e-3 * problem.y.min()
        theta[:, order] = np.log(np.maximum(solved, floor))
    return np.clip(theta, problem.lower, problem.upper), points


def _general_starts(problem: Problem, grid: int) -> tuple[Array, Array]:
    law = problem.law
    candidates = [name for name in law.linear if name in problem.names]
    linear = _jointly_linear(law, candidates)
    nonlinear = [j for j, name in enumerate(problem.names) if name not in linear]
    ranges = [start_range(problem, j) for j in nonlinear]
    points = product_grid(
        np.array([r[0] for r in ranges]),
        np.array([r[1] for r in ranges]),
        grid * (1 if len(nonlinear) < 3 else 4 if len(nonlinear) < 6 else 16),
    )
    theta = np.zeros((points.shape[0], problem.size))
    theta[:, nonlinear] = points
    if linear:
        for part in in_cache(len(points), len(problem.y)):
            _project_general(problem, theta[part], nonlinear, linear)
    return np.clip(theta, problem.lower, problem.upper), points


def _jointly_linear(law: Law, names: list[str]) -> list[str]:
    # more than six linear coefficients would make the exact active-set search long; the rest are searched
    return [] if law.expression is None else names[:6]


def _project_general(problem: Problem, theta: Array, nonlinear: list[int], linear: list[str]) -> None:
    expr = problem.law.expression
    assert expr is not None
    parts = linear_parts(expr, linear)
    assert parts is not None
    env: dict[str, object] = dict(problem.inputs)
    env.update({name: np.float64(value) for name, value in problem.fixed.items()})
    for j in nonlinear:
        column = theta[:, j : j + 1]
        env[problem.names[j]] = np.exp(column) if problem.domains[j].transform == "log" else column
    points = theta.shape[0]
    index = [problem.names.index(name) for name in linear]

    def rows(part: Expr | None) -> Array:
        value = np.zeros((1, 1)) if part is None else np.asarray(evaluate(part, env, FUNCTIONS), dtype=np.float64)
        return np.atleast_2d(value)

    with np.errstate(all="ignore"):
        basis = [np.broadcast_to(rows(parts[name]), (points, len(problem.y))) for name in linear]
        rest = rows(parts.get(None))
        sizes = [np.abs(part).mean(axis=1) for part in basis]
        bad = ~np.all([np.isfinite(size) for size in sizes], axis=0)  # not finite, or its sum is not
        basis = [np.where(bad[:, None], 1.0, part) for part in basis]
        free = np.array([problem.domains[j].lower < 0 for j in index])
        solved = project(basis, rest, problem.y, problem.weights, free)
    floor = 1e-3 * max(float(np.abs(problem.y).min()), SMALL * float(np.abs(problem.y).max()))
    for position, target in enumerate(index):
        values = solved[:, position]
        if problem.domains[target].transform == "log":
            size = np.where(bad, 1.0, sizes[position])
            values = np.log(np.maximum(values, floor / np.maximum(size, 1e-300)))
        theta[:, target] = np.where(bad, 0.0, values)
