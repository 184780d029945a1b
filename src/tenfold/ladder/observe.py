"""What a trained model looks like inside: norms, ranks and concentration of its layers, and its gradient noise.

Soft rank ``exp(-sum p log p)`` and hard rank ``(sum l)**2 / sum l**2`` of the covariance of activations, with
eigenvalues ``l`` and ``p = l / sum l``, follow the spectral scaling of feed-forward layers (arXiv:2510.00537).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np

from tenfold.ladder.corpora import Dataset
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.models import Model
from tenfold.ladder.spec import RunSpec
from tenfold.ladder.stepper import EVALUATION_BLOCK, mean_loss, program

NOISE_BATCHES = 16
"""Batches whose gradients measure the noise scale."""

TOP_SHARE = 8
"""Concentration is the share of variance in the ``TOP_SHARE`` largest directions (a name of ours)."""


def layers(model: Model, weights: Any, examples: Any, /) -> tuple[dict[str, Any], ...]:
    """Norms of every weight array, and ranks of every activation seen on one block of examples.

    Returns:
        For weights ``layer, rms, spectral`` (largest singular value of the matrix as multiplied), for activations
        ``layer, rms, soft_rank, hard_rank, top_share, width``.
    """
    rows = []
    multiplied = model.multiplied(weights)
    for name in model.tensors:
        value = np.asarray(multiplied[name], dtype=np.float64)
        row = {"layer": name, "what": "weight", "rms": float(np.sqrt(np.mean(value**2)))}
        if value.ndim >= 2:
            row["spectral"] = float(np.linalg.norm(value.reshape(-1, value.shape[-1]), 2))
        rows.append(row)
    block = jax.tree.map(lambda x: x[:EVALUATION_BLOCK], examples)
    for name, value in activations(model, weights, block).items():
        if name.endswith(".input"):
            continue
        features = features_first(value)
        rows.append({"layer": name, "what": "activation", **ranks(features)})
    return tuple(rows)


def activations(model: Model, weights: Any, examples: Any, /) -> dict[str, np.ndarray]:
    """Everything that the family shows of one batch, by name; repeated names are numbered."""
    seen: dict[str, Any] = {}

    def see(name: str, value: Any) -> None:
        held, place = name, 1
        while held in seen:
            place += 1
            held = f"{name}.{place}"
        seen[held] = value

    model.losses(weights, examples, see=see)
    return {name: np.asarray(value, dtype=np.float64) for name, value in seen.items()}


def features_first(value: np.ndarray, /) -> np.ndarray:
    """An activation as (features, samples): families show features first."""
    return value.reshape(value.shape[0], -1)


def ranks(features: np.ndarray, /) -> dict[str, float]:
    """Size and effective dimension of activations of shape (features, samples).

    Example:
        >>> found = ranks(np.random.default_rng(0).normal(size=(8, 20000)))
        >>> round(found["soft_rank"], 1), round(found["hard_rank"], 1)
        (8.0, 8.0)
    """
    spread = features - features.mean(axis=1, keepdims=True)
    values = np.clip(np.linalg.eigvalsh(spread @ spread.T / features.shape[1]), 0.0, None)[::-1]
    total = float(values.sum())
    size = float(np.sqrt(np.mean(features**2)))
    if total <= 0:
        return {"rms": size, "width": float(len(features)), "soft_rank": 0.0, "hard_rank": 0.0, "top_share": 0.0}
    share = values / total
    kept = share[share > 0]
    return {
        "rms": size,
        "width": float(len(features)),
        "soft_rank": float(np.exp(-np.sum(kept * np.log(kept)))),
        "hard_rank": float(total**2 / np.sum(values**2)),
        "top_share": float(share[:TOP_SHARE].sum()),
    }


def noise_scale(model: Model, weights: Any, data: Dataset, spec: RunSpec, /) -> float:
    """Gradient noise scale ``tr(covariance) / |gradient|**2`` in codes or labels, without bias in either part.

    From ``NOISE_BATCHES`` gradients at the run's batch and their mean (McCandlish et al. 2018, arXiv:1812.06162,
    appendix A.1). Infinite where the gradient is lost in noise.
    """
    small = spec.batch * spec.shape.example_tokens
    big = small * NOISE_BATCHES
    stream = data.batches(spec.shape, batch=spec.batch, seed=spec.seed + 10_000, chunk=NOISE_BATCHES)
    examples = next(iter(islice(stream, 1)))[1]
    of_small, of_big = (float(value) for value in _norms(program(model))(weights, examples))
    return simple_noise_scale(of_small, of_big, small=small, big=big)


def simple_noise_scale(of_small: float, of_big: float, /, *, small: float, big: float) -> float:
    """The noise scale from mean squared gradient norms at two batches.

    Example:
        >>> round(simple_noise_scale(1.0 + 100 / 16, 1.0 + 100 / 512, small=16, big=512), 6)
        100.0
    """
    signal = (big * of_big - small * of_small) / (big - small)
    noise = (of_small - of_big) / (1 / small - 1 / big)
    return noise / signal if signal > 0 else float("inf")


@lru_cache(maxsize=8)
def _norms(model: Model) -> Callable[..., Any]:
    """A compiled function: mean squared norm of the gradients of single batches, and that of their mean."""

    def run(weights: Any, batches: Any) -> tuple[Any, Any]:
        def one(total: Any, examples: Any) -> tuple[Any, Any]:
            gradient = jax.grad(lambda w: mean_loss(model, w, examples))(weights)
            return jax.tree.map(jnp.add, total, gradient), _square(gradient)

        zeros = jax.tree.map(jnp.zeros_like, weights)
        total, squares = jax.lax.scan(one, zeros, batches)
        return jnp.mean(squares), _square(total) / NOISE_BATCHES**2

    return jax.jit(run)


def _square(tree: Any) -> Any:
    return sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(tree))
