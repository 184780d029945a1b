"""Sharpness: the largest eigenvalues of the loss's Hessian, alone or as the optimizer feels them.

Under a rule that is right, sharpness during training is the same at every width and depth, which is why the largest
usable rate is (Noci et al. 2024, arXiv:2402.17457). Gradient descent at rate ``eta`` is driven to sharpness ``2 / eta``
(Cohen et al. 2021, arXiv:2103.00065), Adam to preconditioned sharpness ``2 (1 + b1) / ((1 - b1) eta)`` (Cohen et al.
2022, arXiv:2207.14484).

Eigenvalues come from Lanczos' iteration with full reorthogonalisation, so that no eigenvalue appears twice. Products
with the Hessian are gradients of gradients, both in reverse: attention has a gradient of its own, which forward
differentiation cannot pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError
from tenfold.ladder.coordinates import batch_of, moved, quick
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import Model, key
from tenfold.ladder.optimizers import direction
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.stepper import mean_loss, rates

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Eigenvalues:
    """The ends of a symmetric operator's spectrum.

    Attributes:
        largest: the largest eigenvalues found, falling.
        residuals: how far each may be from a true eigenvalue.
        smallest: the smallest eigenvalue found.
        products: products with the operator that it took.
    """

    largest: tuple[float, ...]
    residuals: tuple[float, ...]
    smallest: float
    products: int


def top_eigenvalues(
    operator: Callable[[Array], Array],
    /,
    *,
    size: int,
    count: int = 1,
    products: int = 100,
    tolerance: float = 1e-4,
    seed: int = 0,
) -> Eigenvalues:
    """The largest eigenvalues of a symmetric operator, by Lanczos with full reorthogonalisation.

    Args:
        operator: a function from a vector to its product, both of shape (size,).
        size: length of the vectors.
        count: how many eigenvalues.
        products: at most this many products.
        tolerance: stop when every residual is below this share of the largest eigenvalue's size.
        seed: of the first vector.

    Raises:
        ConfigError: ``count`` is not between 1 and ``size``, or a product is undefined.

    Example:
        >>> values = np.array([5.0, 3.0, -1.0])
        >>> [round(value, 9) for value in top_eigenvalues(lambda v: values * v, size=3, count=2).largest]
        [5.0, 3.0]
    """
    if not 1 <= count <= size:
        raise ConfigError(f"count = {count} eigenvalues of {size}", path="count", hint="use 1")
    steps = min(size, max(products, count))
    basis = np.empty((steps, size))
    diagonal, beside = np.empty(steps), np.empty(steps)
    vector = np.random.default_rng(seed).normal(size=size)
    vector /= np.linalg.norm(vector)
    for step in range(steps):
        basis[step] = vector
        product = np.asarray(operator(vector), np.float64)
        if not np.all(np.isfinite(product)):
            raise ConfigError("the curvature is undefined: training diverged", path="weights", hint="lower the rate")
        diagonal[step] = vector @ product
        held = basis[: step + 1]
        for _ in range(2):  # Twice is enough (Kahan and Parlett).
            product = product - held.T @ (held @ product)
        beside[step] = np.linalg.norm(product)
        scale = np.abs(diagonal[: step + 1]).max() + beside[: step + 1].max()
        last = step + 1 == steps or beside[step] <= 1e-14 * scale
        if step + 1 >= count and (last or step % 5 == 4):
            values, vectors = np.linalg.eigh(_tridiagonal(diagonal[: step + 1], beside[:step]))
            wanted = slice(-1, -count - 1, -1)
            residuals = np.abs(beside[step] * vectors[-1, wanted])
            if last or np.all(residuals <= tolerance * np.abs(values).max()):
                break
        if last:
            raise ConfigError(
                f"the operator has only {step + 1} distinct eigenvalues, not {count}", path="count", hint="ask for fewer"
            )
        vector = product / beside[step]
    return Eigenvalues(tuple(map(float, values[wanted])), tuple(map(float, residuals)), float(values[0]), step + 1)


def _tridiagonal(diagonal: Array, beside: Array) -> Array:
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def hessian_product(loss: Callable[[Any], Any], weights: Any, /) -> Callable[[Any], Any]:
    """A compiled function from a tree like ``weights`` to its product with the Hessian of ``loss`` there."""

    def along(at: Any, vector: Any) -> Any:
        slopes = jax.grad(loss)(at)
        products = jax.tree.map(lambda s, v: jnp.sum(s * v), slopes, vector)
        return sum(jax.tree.leaves(products))

    product = quick(jax.grad(along))
    return lambda vector: product(weights, vector)


def sharpness(
    model: Model,
    weights: Any,
    examples: Any,
    /,
    *,
    step_sizes: Mapping[str, Any] | None = None,
    count: int = 1,
    products: int = 100,
    tolerance: float = 1e-3,
) -> Eigenvalues:
    """Largest eigenvalues of the training loss's Hessian on one batch.

    Args:
        model: the model.
        weights: arrays by name.
        examples: one batch.
        step_sizes: for each weight array a number, or an array of its size: what a unit of its gradient moves it by,
            in units of the rate. With it the eigenvalues are those of ``P^-1/2 H P^-1/2``, ``P^-1`` the step sizes:
            what the optimizer feels, the same for every way of writing one rule. See ``rate_factors`` and
            ``adam_step_sizes``. None: the plain Hessian in the weights as stored.
        count: how many eigenvalues.
        products: at most this many products with the Hessian.
        tolerance: see ``top_eigenvalues``; products are in float32.

    Returns:
        Eigenvalues in units of the loss, per square of a weight.

    Example:
        >>> from tenfold.ladder.families.mlp import Shape
        >>> model = Model("mlp", Shape(width=8, depth=1), Optimizer(base_width=8))
        >>> sharpness(model, model.init(key(0)), batch_of(model, 16)).largest[0] > 0
        True
    """
    roots = {
        name: np.broadcast_to(np.sqrt(np.asarray(1.0 if step_sizes is None else step_sizes[name])), value.shape)
        for name, value in weights.items()
    }
    names = list(weights)
    ends = np.cumsum([np.size(weights[name]) for name in names])
    product = hessian_product(lambda at: mean_loss(model, at, examples), weights)

    def operator(vector: Array) -> Array:
        parts = np.split(vector, ends[:-1])
        tree = {
            name: (part.reshape(roots[name].shape) * roots[name]).astype(np.float32)
            for name, part in zip(names, parts, strict=True)
        }
        found = product(tree)
        return np.concatenate([(np.asarray(found[name], np.float64) * roots[name]).ravel() for name in names])

    return top_eigenvalues(operator, size=int(ends[-1]), count=count, products=products, tolerance=tolerance)


def rate_factors(model: Model, /) -> dict[str, float]:
    """Each array's peak rate over ``lr_hidden * lr_scale``: the step sizes of gradient descent."""
    base = model.optimizer.lr_hidden * model.optimizer.lr_scale
    return {name: rate / base for name, rate in model.rates.items()}


def adam_step_sizes(model: Model, second: Mapping[str, Any], /, *, steps: int) -> dict[str, Any]:
    """Step sizes of Adam: the rate's factor over ``sqrt(second / (1 - b2**steps)) + eps``.

    Args:
        model: the model.
        second: Adam's mean squared gradients by array, as Optax keeps them in ``nu``.
        steps: optimizer steps so far, at least one.
    """
    settings, factors = model.optimizer, rate_factors(model)
    fix = 1.0 - settings.b2**steps
    scaled = {name: (rule.eps if settings.eps_rule == "scaled" else 1.0) for name, rule in model.rules.items()}
    return {
        # A scaled epsilon is a scaled gradient: the square is divided by that scale, see optimizers.direction.
        name: factors[name] / (scaled[name] * (np.sqrt(np.asarray(value, np.float64) / fix) + settings.eps))
        for name, value in second.items()
    }


def threshold(rate: float, /, *, b1: float | None = None) -> float:
    """Sharpness above which a rate is unstable: ``2 / rate``, or with Adam's ``b1`` that of preconditioned sharpness.

    >>> threshold(0.1), round(threshold(0.1, b1=0.9), 9)
    (20.0, 380.0)
    """
    return 2.0 / rate if b1 is None else 2.0 * (1.0 + b1) / ((1.0 - b1) * rate)


def spread(values: Sequence[float], /) -> float:
    """Standard deviation over mean: how far a quantity is from being the same at every size.

    >>> spread([2.0, 2.0, 2.0]), round(spread([1.0, 3.0]), 3)
    (0.0, 0.707)
    """
    found = np.asarray(values, np.float64)
    return float(np.std(found, ddof=1) / np.mean(found))


@dataclass(frozen=True, slots=True)
class SharpnessCourse:
    """Sharpness on the way, for models of several sizes.

    Attributes:
        axis: what varied.
        values: its values.
        steps: after how many steps it was measured.
        sharpness: by value, then step; mean over seeds.
        losses: training loss at the same places.
        threshold: where training at this rate becomes unstable.
        preconditioned: as Adam feels it, or as gradient descent with each array's own rate.
    """

    axis: str
    values: tuple[float, ...]
    steps: tuple[int, ...]
    sharpness: tuple[tuple[float, ...], ...]
    losses: tuple[tuple[float, ...], ...]
    threshold: float
    preconditioned: str

    @property
    def super_consistency(self) -> tuple[float, ...]:
        """At each step, spread of sharpness over the values: small where rates transfer (arXiv:2402.17457)."""
        return tuple(spread([course[place] for course in self.sharpness]) for place in range(len(self.steps)))

    @property
    def loss_spread(self) -> tuple[float, ...]:
        """At each step, spread of the loss over the values, to compare with: it grows as larger models pull ahead."""
        return tuple(spread([course[place] for course in self.losses]) for place in range(len(self.steps)))

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self) | {"super_consistency": self.super_consistency, "loss_spread": self.loss_spread}


def sharpness_course(
    shape: Any,
    optimizer: Optimizer,
    *,
    values: Sequence[int],
    at: Sequence[int],
    family: str = "mlp",
    axis: str = "width",
    seeds: int = 1,
    batch: int = 64,
    data: Any = None,
    products: int = 60,
) -> SharpnessCourse:
    """Train models along an axis on one batch and measure sharpness as their optimizer feels it.

    Args:
        shape: the sizes that do not vary.
        optimizer: ``sgd``, or one of Adam's kind; its rate is constant.
        values: sizes on the axis, at least two.
        at: steps after which to measure, rising; Adam's from 1 on.
        family: the family's name.
        axis: a field of the shape.
        seeds: how many.
        batch: examples in the batch.
        data: see ``coordinate_check``.
        products: see ``top_eigenvalues``.

    Raises:
        ConfigError: the optimizer's preconditioner is not known, or there is nothing to compare.
    """
    adam = optimizer.name in ("adam", "adamw")
    if not adam and optimizer.name != "sgd":
        raise ConfigError(
            f"the preconditioner of {optimizer.name!r} is not known", path="optimizer.name", hint="use 'adam' or 'sgd'"
        )
    if len(values) < 2 or list(at) != sorted(set(at)) or not at or at[0] < adam:
        raise ConfigError("two values or more, and rising steps (Adam's from 1 on)", path="at", hint="at = (1, 10)")
    found, losses = [], []
    for value in values:
        model = Model(family, replace(shape, **{axis: value}), optimizer)
        runs = [_one_course(model, at, seed, batch, data, products, adam=adam) for seed in range(seeds)]
        mean = np.mean(runs, axis=0)
        found.append(tuple(map(float, mean[0])))
        losses.append(tuple(map(float, mean[1])))
    rate = optimizer.lr_hidden * optimizer.lr_scale
    return SharpnessCourse(
        axis, tuple(map(float, values)), tuple(at), tuple(found), tuple(losses),
        threshold(rate, b1=optimizer.b1 if adam else None), "adam" if adam else "rates",
    )  # fmt: skip


def _one_course(
    model: Model, at: Sequence[int], seed: int, batch: int, data: Any, products: int, *, adam: bool
) -> tuple[list[float], list[float]]:
    """Sharpness and loss of one model after each of the steps ``at``."""
    import optax

    examples, turn, peak = batch_of(model, batch, seed=seed, data=data), direction(model), rates(model)

    def step(weights: Any, memory: Any) -> Any:
        update, memory = turn.update(jax.grad(lambda w: mean_loss(model, w, examples))(weights), memory, weights)
        return moved(weights, update, peak), memory

    advance = quick(step)
    measure = quick(lambda w: mean_loss(model, w, examples))
    weights = quick(model.init)(key(seed))
    memory, found, losses = turn.init(weights), [], []
    for number in range(at[-1] + 1):
        if number in at:
            sizes = (
                adam_step_sizes(model, optax.tree_utils.tree_get(memory, "nu"), steps=number)
                if adam
                else rate_factors(model)
            )
            found.append(sharpness(model, weights, examples, step_sizes=sizes, products=products).largest[0])
            losses.append(float(measure(weights)))
        if number < at[-1]:
            weights, memory = advance(weights, memory)
    return found, losses
