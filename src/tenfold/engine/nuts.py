"""Draws from the posterior of a fit by the no-U-turn sampler, with the noise unknown."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError
from tenfold.engine import laplace
from tenfold.engine.objective import Squared, Student
from tenfold.engine.precision import x64
from tenfold.engine.problem import Problem

Array = NDArray[np.float64]

TAIL = 4.0  # degrees of freedom of the noise that stands for a robust objective


@dataclass(frozen=True, slots=True)
class Sampled:
    """Draws (R, p) in plain free coordinates, the noise's standard deviation (R,) and what the sampler says of itself."""

    theta: Array
    noise: Array
    divergent: int
    r_hat: float  # largest over the coordinates; 1.01 or less is what is asked for


def installed() -> bool:
    """Whether NumPyro is there."""
    return importlib.util.find_spec("numpyro") is not None


def sample(
    problem: Problem, theta: Array, clusters: NDArray[np.int64], *, draws: int, warmup: int, chains: int, seed: int
) -> Sampled:
    r"""Draws from the posterior of coefficients and noise.

    The likelihood follows the objective: normal noise for squared residuals, Student's t (of the objective's degrees of
    freedom, else four) for a robust one, in the objective's space, with an unknown standard deviation of density
    1/sigma. A row's log-likelihood counts by its weight over the number of rows of its cluster, so that a run counts once
    however many checkpoints it has. Priors are the problem's penalty; without one a floor is uniform on its natural
    scale and other coefficients in their free units, within their bounds.

    The sampler (Hoffman and Gelman 2014, Journal of Machine Learning Research 15, 1593-1623) moves in coordinates in
    which the curvature at ``theta`` is the identity.

    Raises:
        ConfigError: NumPyro is not installed.
    """
    if not installed():
        raise ConfigError(
            "posterior draws by NUTS need numpyro, which is not installed",
            path="uncertainty",
            hint="pip install 'tenfold[bayes]', or use posterior (normal draws) or laplace",
        )
    with x64():
        return _sample(problem, theta, clusters, draws, warmup, chains, seed)


def _sample(
    problem: Problem, theta: Array, clusters: NDArray[np.int64], draws: int, warmup: int, chains: int, seed: int
) -> Sampled:
    import jax
    from numpyro.diagnostics import split_gelman_rubin
    from numpyro.infer import MCMC, NUTS

    root = _root(problem, theta)
    share = problem.weights / np.bincount(clusters)[clusters]
    noise = _first_noise(problem, theta, share)
    potential = energy(problem, theta, root, share, noise)
    kernel = NUTS(potential_fn=potential, target_accept_prob=0.9)
    keep = -(-draws // chains)
    run = MCMC(
        kernel, num_warmup=warmup, num_samples=keep, num_chains=chains, chain_method="vectorized", progress_bar=False
    )
    size = problem.size + 1
    first = 0.1 * np.random.default_rng(seed).standard_normal((chains, size))
    begin = jax.numpy.asarray(first if chains > 1 else first[0])
    run.run(jax.random.PRNGKey(seed), init_params=begin, extra_fields=("diverging",))
    grouped = np.asarray(run.get_samples(group_by_chain=True), dtype=np.float64).reshape(chains, keep, size)
    flat = grouped.reshape(-1, size)[:draws]
    return Sampled(
        theta + flat[:, :-1] @ root.T,
        noise * np.exp(flat[:, -1]),
        int(np.asarray(run.get_extra_fields()["diverging"]).sum()),
        float(np.max(split_gelman_rubin(grouped))),
    )


def _root(problem: Problem, theta: Array) -> Array:
    """Coordinates in which the curvature is the identity: theta = mode + root z; directions that are flat move by one."""
    covariance = laplace.covariance(problem, theta) if problem.penalty is None else laplace.posterior(problem, theta)
    values, vectors = np.linalg.eigh(covariance)
    top = values.max(initial=0.0)
    return np.asarray(vectors * np.where(values > 1e-14 * top, np.sqrt(np.maximum(values, 0.0)), 1.0))


def _first_noise(problem: Problem, theta: Array, share: Array) -> float:
    model = problem.kernel.model(problem.kernel.to_solver(theta[None]))[0]
    u = np.log(model) if problem.objective.space == "log" else model
    freedom = max(float(share.sum()) - problem.size, 1.0)
    return float(np.sqrt(np.sum(share * (u - problem.target) ** 2) / freedom)) or 1e-12


def energy(problem: Problem, theta: Array, root: Array, share: Array, noise: float) -> Any:
    """The negative log posterior at z (p + 1,): whitened coefficients and the log of the noise over its first value."""
    import jax.numpy as jnp

    law, objective = problem.law, problem.objective
    tail = objective.nu if isinstance(objective, Student) else 0.0 if isinstance(objective, Squared) else TAIL
    low = np.array([domain.free_bounds()[0] for domain in problem.domains])
    high = np.array([domain.free_bounds()[1] for domain in problem.domains])
    for j, name in enumerate(problem.names):
        if name in problem.bounds:
            ends = problem.bounds[name]
            log = problem.domains[j].transform == "log"
            low[j], high[j] = (
                (np.log(end) if end > 0 else outer) if log else end
                for end, outer in zip(ends, (low[j], high[j]), strict=True)
            )
    floors = np.array([domain.name == "floor" for domain in problem.domains])
    penalty = problem.penalty
    known = np.zeros(problem.size, dtype=bool) if penalty is None else np.isfinite(penalty.sd)
    mean = np.zeros(problem.size) if penalty is None else np.where(known, penalty.mean, 0.0)
    sd = np.ones(problem.size) if penalty is None else np.where(known, penalty.sd, 1.0)

    def at(z: Any) -> Any:
        free = theta + root @ z[:-1]
        log_sigma = jnp.log(noise) + z[-1]
        coef = {
            name: jnp.exp(free[j]) if problem.domains[j].transform == "log" else free[j]
            for j, name in enumerate(problem.names)
        }
        model = law(coef={**coef, **problem.fixed}, **problem.inputs)
        u = jnp.log(model) if objective.space == "log" else model
        scaled = (u - problem.target) / jnp.exp(log_sigma)
        row = 0.5 * (tail + 1.0) * jnp.log1p(scaled**2 / tail) if tail else 0.5 * scaled**2
        out = jnp.sum(share * (row + log_sigma))
        out += 0.5 * jnp.sum(jnp.where(known, ((free - mean) / sd) ** 2, 0.0))
        out -= jnp.sum(jnp.where(floors & ~known, free, 0.0))  # uniform on the natural scale
        inside = jnp.all((free >= low) & (free <= high))
        return jnp.where(inside & jnp.isfinite(out), out, jnp.inf)

    return at
