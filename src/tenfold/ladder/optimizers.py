"""Directions of descent: what an optimizer makes of a gradient before rate and decay are applied.

Optax does what it has; Adam-atan2 and Muon's orthogonal update are written here. Importing needs no JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import Model
from tenfold.ladder.spec import Optimizer
from tenfold.ladder.tensors import Tensor, Weights

ATAN2_SCALE = 1.27
"""Adam-atan2 gives ``1.27 atan2(m, sqrt(v))``: about 4 / pi, so that a steady gradient moves a weight by one rate."""

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of Muon's quintic iteration; five steps bring singular values near one (Jordan et al. 2024)."""

Transformation = Any
"""An Optax gradient transformation."""


def direction(model: Model, /) -> Transformation:
    """Gradient to direction, clipping included; the trainer then moves ``w -= rate * (direction + decay * w)``."""
    import optax

    settings = model.optimizer
    steps = [optax.clip_by_global_norm(settings.clip)]
    if settings.eps_rule == "scaled" and settings.name != "sgd":
        steps.append(_scaled({name: 1.0 / rule.eps for name, rule in model.rules.items()}))
    if settings.name in ("muon", "muon-rms"):
        adam = optax.scale_by_adam(b1=0.9, b2=settings.b2, eps=settings.eps)
        labels = {name: "muon" if _is_matrix(tensor) else "adam" for name, tensor in model.tensors.items()}
        matrices = {name: tensor for name, tensor in model.tensors.items() if _is_matrix(tensor)}
        muon = _muon(settings.b1, matrices, rms=settings.name == "muon-rms")
        steps.append(optax.partition({"muon": muon, "adam": adam}, labels))
    else:
        steps.append(_PLAIN[settings.name](settings))
    return optax.chain(*steps)


def _adam(settings: Optimizer) -> Transformation:
    import optax

    return optax.scale_by_adam(b1=settings.b1, b2=settings.b2, eps=settings.eps)


def _lion(settings: Optimizer) -> Transformation:
    import optax

    return optax.scale_by_lion(b1=settings.b1, b2=settings.b2)


def _sgd(settings: Optimizer) -> Transformation:
    import optax

    return optax.trace(decay=settings.b1) if settings.b1 else optax.identity()


def _adafactor(_settings: Optimizer) -> Transformation:
    """Factored second moments, updates clipped at unit RMS and scaled by the weights' own RMS."""
    import optax

    return optax.chain(optax.scale_by_factored_rms(), optax.clip_by_block_rms(1.0), optax.scale_by_param_block_rms())


def _atan2(settings: Optimizer) -> Transformation:
    """Adam with ``atan2(m, sqrt(v))`` for ``m / (sqrt(v) + eps)``: no epsilon, the same for gradients of any scale."""
    import optax

    b1, b2 = settings.b1, settings.b2

    def init(weights: Weights) -> Any:
        first, second = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
        return jnp.zeros((), jnp.int32), first, second

    def update(gradient: Weights, state: Any, _weights: Any = None) -> tuple[Weights, Any]:
        count, first, second = state
        count = count + 1
        first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradient)
        second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, second, gradient)
        fix1, fix2 = 1 - b1**count, 1 - b2**count
        moved = jax.tree.map(lambda m, v: ATAN2_SCALE * jnp.arctan2(m / fix1, jnp.sqrt(v / fix2)), first, second)
        return moved, (count, first, second)

    return optax.GradientTransformation(init, update)


_PLAIN: dict[str, Callable[[Optimizer], Transformation]] = {
    "adam": _adam,
    "adamw": _adam,
    "adam-atan2": _atan2,
    "lion": _lion,
    "sgd": _sgd,
    "adafactor": _adafactor,
}


def _scaled(factors: Mapping[str, float]) -> Transformation:
    """Gradients times a factor each: an epsilon ``f`` times smaller is a gradient ``f`` times larger, for Adam."""
    import optax

    return optax.stateless(lambda gradient, _: {name: factors[name] * value for name, value in gradient.items()})


def _is_matrix(tensor: Tensor) -> bool:
    """Whether Muon moves this tensor: hidden matrices and kernels."""
    return tensor.kind == "hidden"


def _muon(momentum: float, matrices: Mapping[str, Tensor], *, rms: bool) -> Transformation:
    """Nesterov momentum, orthogonalised, with the scale that makes rates transfer (``rms``: that matches Adam).

    A kernel is one matrix, outputs by inputs; a stack of matrices, as of experts, is turned one by one.
    """
    import optax

    def init(weights: Weights) -> Any:
        return jax.tree.map(jnp.zeros_like, weights)

    def update(gradient: Weights, state: Any, _weights: Any = None) -> tuple[Weights, Any]:
        state = jax.tree.map(lambda m, g: momentum * m + g, state, gradient)
        ahead = jax.tree.map(lambda m, g: momentum * m + g, state, gradient)
        return jax.tree_util.tree_map_with_path(_turned, ahead), state

    def _turned(path: Any, moved: Any) -> Any:
        tensor = matrices[path[-1].key]
        stacked = moved.ndim > 2 and math.prod(moved.shape[1:]) != tensor.fan_in
        flat = moved.reshape(-1, *moved.shape[-2:]) if stacked else moved.reshape(moved.shape[0], -1)
        scale = 0.2 * math.sqrt(max(flat.shape[-2:])) if rms else math.sqrt(tensor.fan_out / tensor.fan_in)
        return scale * (jax.vmap(orthogonal) if stacked else orthogonal)(flat).reshape(moved.shape)

    return optax.GradientTransformation(init, update)


def orthogonal(matrix: Any, /, *, steps: int = 5) -> Any:
    """The nearest matrix with singular values near one, by Newton and Schulz.

    Args:
        matrix: shape (rows, columns).
        steps: iterations; five leave singular values between about 0.7 and 1.2, the smallest ones below.
    """
    a, b, c = NEWTON_SCHULZ
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.T
