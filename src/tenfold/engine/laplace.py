"""Covariances from the curvature at the optimum, in plain free coordinates (logarithms where a domain is positive)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.objective import Huber, Kinked, Objective, SmoothAbsolute, SmoothQuantile
from tenfold.engine.problem import Problem

Array = NDArray[np.float64]


def hessian(problem: Problem, theta: Array) -> Array:
    """The exact Hessian of the objective at plain free coefficients (p,), in those coordinates."""
    objective = smooth(problem, theta)
    solver = problem.kernel.to_solver(theta[None])
    h = problem.evaluate(solver, problem.weights, problem.target, objective).hess[:, :, 0]
    change = problem.kernel.to_solver(np.eye(problem.size))  # rows: solver coordinates of plain unit vectors
    return np.asarray(change @ h @ change.T)


def scores(problem: Problem, theta: Array) -> Array:
    """Each row's gradient of the objective at plain free coefficients, (n, p); they add up to zero at an optimum."""
    objective = smooth(problem, theta)
    solver = problem.kernel.to_solver(theta[None])
    model = problem.kernel.model(solver)[0]
    log_space = objective.space == "log"
    u = np.log(model) if log_space else model
    first = objective.derivatives(u, problem.target)[1] * problem.weights
    slope = first / model if log_space else first  # per unit of the model
    change = problem.kernel.to_solver(np.eye(problem.size))
    return np.asarray((slope[:, None] * problem.kernel.jacobian(solver)) @ change.T)


def covariance(problem: Problem, theta: Array) -> Array:
    """Inverse curvature times the dispersion of the score: right when rows are independent and alike."""
    return _inverse(problem, theta) * dispersion(problem, theta)


def dispersion(problem: Problem, theta: Array) -> float:
    """Mean square of the rows' scores over their mean curvature: the objective's unit of evidence."""
    u, objective = _fitted(problem, theta), smooth(problem, theta)
    _, first, _, _ = objective.derivatives(u, problem.target)
    return float(np.mean(first**2) / np.mean(_slopes(objective, u, problem.target)))


def sandwich(problem: Problem, theta: Array, clusters: NDArray[np.int64]) -> Array:
    """Cluster-robust covariance ``H^-1 (sum_g s_g s_g') H^-1`` with the usual factor G / (G - 1)."""
    groups = int(clusters.max()) + 1
    summed = np.zeros((groups, problem.size))
    np.add.at(summed, clusters, scores(problem, theta))
    bread = _inverse(problem, theta)
    meat = summed.T @ summed * (groups / max(groups - 1, 1))
    if problem.penalty is not None:  # the prior's own score varies too
        meat = meat + np.diag(problem.penalty.precision * problem.penalty.dispersion)
    return np.asarray(bread @ meat @ bread)


def inflated(problem: Problem, theta: Array, residual: Array, clusters: NDArray[np.int64]) -> Array:
    """Residuals (n,) made as large as the noise: each cluster's times ``(1 - H_gg)^(-1/2)``, H the hat matrix of the fit.

    A fit draws its rows towards itself, those of much leverage most. Bell and McCaffrey (2002), Survey Methodology 28,
    169-181: the cluster-robust covariance of such residuals has no bias where rows are independent and alike. Rows count
    as equally curved, so for a robust objective this is the correction of its least-squares counterpart.
    """
    basis = _orthogonal(problem, theta)
    out = residual.copy()
    sizes = np.bincount(clusters)
    single = sizes[clusters] == 1
    out[single] /= np.sqrt(_spared(np.sum(basis[single] ** 2, axis=1)))
    order = np.argsort(clusters, kind="stable")
    for group in np.flatnonzero(sizes > 1):
        first = int(sizes[:group].sum())
        rows = order[first : first + sizes[group]]
        left, values, _ = np.linalg.svd(basis[rows], full_matrices=False)
        gain = 1.0 / np.sqrt(_spared(values**2)) - 1.0
        out[rows] += left @ (gain * (left.T @ residual[rows]))
    return out


def _spared(leverage: Array) -> Array:
    """One minus the leverage, not below a hundredth: a row that alone decides a coefficient says nothing of noise."""
    return np.maximum(1.0 - leverage, 0.01)


def _orthogonal(problem: Problem, theta: Array) -> Array:
    """An orthonormal basis of the weighted Jacobian's columns, (n, p): its outer product is the hat matrix."""
    solver = problem.kernel.to_solver(theta[None])
    jacobian = problem.kernel.jacobian(solver)
    if problem.objective.space == "log":
        jacobian = jacobian / problem.kernel.model(solver)[0][:, None]
    free = (solver[0] > problem.lower) & (solver[0] < problem.upper)
    weighted = np.sqrt(problem.weights)[:, None] * jacobian[:, free]
    weighted = weighted / np.maximum(np.linalg.norm(weighted, axis=0), 1e-300)
    left, values, _ = np.linalg.svd(weighted, full_matrices=False)
    return np.asarray(left[:, values > 1e-10 * values.max(initial=0.0)])


def posterior(problem: Problem, theta: Array) -> Array:
    """Covariance of the coefficients given rows and prior, at the dispersion that the prior was weighed with."""
    assert problem.penalty is not None
    return _inverse(problem, theta) * problem.penalty.dispersion


def from_data(problem: Problem, theta: Array) -> Array:
    """How much of each plain free coefficient the rows decide, (p, p): the identity without a prior.

    ``(B + P)^-1 B`` with the rows' curvature B and the prior's P; its trace counts the coefficients that were fitted.
    """
    if problem.penalty is None:
        return np.eye(problem.size)
    return np.asarray(_inverse(problem, theta) @ curvature(problem, theta))


def _fitted(problem: Problem, theta: Array) -> Array:
    model = problem.kernel.model(problem.kernel.to_solver(theta[None]))[0]
    return np.asarray(np.log(model) if problem.objective.space == "log" else model)


def _slopes(objective: Objective, u: Array, target: Array) -> Array:
    """Each row's second derivative of the objective, (n,), never negative.

    Of Huber's loss it is one within the threshold. A threshold far below the residuals leaves only a few there, and the
    fit has drawn some of them in; then the window is widened to hold half of the residuals and the weight lowered to
    match (the kernel estimate of Powell, 1991, which does not assume that rows are alike).
    """
    if isinstance(objective, Huber | SmoothAbsolute | SmoothQuantile):
        size = np.abs(u - target)
        window = max(objective.delta, float(np.quantile(size, 0.5)))
        height = (
            objective.delta if isinstance(objective, Huber) else 0.5 if isinstance(objective, SmoothQuantile) else 1.0
        )
        return np.asarray(height / window * (size <= window))
    return np.maximum(objective.derivatives(u, target)[2], 0.0)


def curvature(problem: Problem, theta: Array) -> Array:
    """The rows' expected curvature ``sum_i w_i psi'_i J_i J_i'``, in plain free coordinates.

    The exact Hessian is one sample of it, and for a Huber threshold below the residuals a noisy one.
    """
    u, objective = _fitted(problem, theta), smooth(problem, theta)
    jacobian = problem.kernel.jacobian(problem.kernel.to_solver(theta[None]))
    if objective.space == "log":
        jacobian = jacobian / np.exp(u)[:, None]
    jacobian = jacobian @ problem.kernel.to_solver(np.eye(problem.size)).T
    return np.asarray((jacobian.T * (problem.weights * _slopes(objective, u, problem.target))) @ jacobian)


def smooth(problem: Problem, theta: Array) -> Objective:
    """The objective, or for one with a kink the same rounded off over half of the residuals, which has a curvature."""
    if not isinstance(problem.objective, Kinked):
        return problem.objective
    model = problem.kernel.model(problem.kernel.to_solver(theta[None]))
    u = np.log(model) if problem.objective.space == "log" else model
    return problem.objective.smoothed(float(np.median(np.abs(u - problem.target))) or 1e-6)


def _inverse(problem: Problem, theta: Array) -> Array:
    """Inverse expected curvature with the prior's; zero for coefficients on a bound, without directions that are flat."""
    solver = problem.kernel.to_solver(theta[None])[0]
    free = (solver > problem.lower) & (solver < problem.upper)
    out = np.zeros((problem.size, problem.size))
    if not free.any():
        return out
    at = np.ix_(free, free)
    h = curvature(problem, theta)[at]
    if problem.penalty is not None:
        h = h + np.diag(problem.penalty.precision[free])
    scale = np.sqrt(np.maximum(np.abs(np.diag(h)), 1e-300))
    values, vectors = np.linalg.eigh(h / np.outer(scale, scale))
    inverse = np.where(values > 1e-13 * values.max(), 1.0 / np.maximum(values, 1e-300), 0.0)
    out[at] = (vectors * inverse) @ vectors.T / np.outer(scale, scale)
    return out
