"""Causal attention, feature-major, with a gradient that is written out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.ladder.families import Scales
from tenfold.ladder.lazy import jax, jnp
from tenfold.ladder.tensors import Weights

_EPS = 1e-6
_SHARPNESS = 1.8
"""Normalised queries and keys give logits of ``1.8 head_dim**(3/4)`` times their correlation."""


def rotation(shape: Any) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of rotary positions, shape (head_dim / 2, 1, context), with base 4 * context."""
    half = shape.head_dim // 2
    rates = (4.0 * shape.context) ** (-np.arange(half) / half)
    angles = rates[:, None, None] * np.arange(shape.context)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def attend(block: Weights, x: Any, shape: Any, turn: Any, scales: Scales, see: Any) -> Any:
    """Causal self-attention; (d, batch * context) in and out.

    Args:
        block: ``qkv`` (queries, keys, values stacked) and ``out``, with biases if there are any.
        x: normalised activations.
        shape: sizes; ``heads`` query heads in ``groups`` groups.
        turn: see ``rotation``; None without rotary positions.
        scales: ``logits`` is the factor on the usual scale of q.k.
        see: called with queries and keys, whose products are the logits, and with the inputs of both matrices.
    """
    queries, keys, h = shape.heads * shape.head_dim, shape.groups * shape.head_dim, shape.head_dim
    see("qkv.input", x)
    qkv = block["qkv"] @ x
    if "qkv_bias" in block:
        qkv = qkv + block["qkv_bias"][:, None]
    q, k, v = (
        piece.reshape(-1, h, piece.shape[1] // shape.context, shape.context)
        for piece in (qkv[:queries], qkv[queries : queries + keys], qkv[queries + keys :])
    )
    scale = h**-0.5 * scales.logits
    if shape.qk_norm:
        q, k = _unit(q), _unit(k)
        scale = _SHARPNESS * h**-0.25 * scales.logits
    if turn is not None:
        q, k = _rotate(q, *turn), _rotate(k, *turn)
    q = scale * q
    see("queries", q)
    see("keys", k)
    if shape.groups != shape.heads:
        k, v = (jnp.repeat(piece, shape.heads // shape.groups, axis=0) for piece in (k, v))
    mixed = _mix(bounded=shape.qk_norm)(*(piece.transpose(0, 2, 1, 3) for piece in (q, k, v)))
    mixed = mixed.transpose(0, 2, 1, 3).reshape(queries, -1)
    see("out.input", mixed)
    y = block["out"] @ mixed
    return y + block["out_bias"][:, None] if "out_bias" in block else y


def _unit(x: Any) -> Any:
    """Each head's vector with unit root mean square; shape (heads, head_dim, batch, context)."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=1, keepdims=True) + _EPS)


def _rotate(x: Any, cos: np.ndarray, sin: np.ndarray) -> Any:
    """Each head's vector turned by its position."""
    cos, sin = cos.astype(x.dtype), sin.astype(x.dtype)
    a, b = jnp.split(x, 2, axis=1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=1)


@lru_cache(maxsize=2)
def _mix(*, bounded: bool) -> Any:
    """Values averaged with causal softmax weights; a function of q, k, v of shape (heads, batch, head_dim, context).

    Its gradient is written out: the weights are computed again instead of kept, and no pass over the
    (heads, batch, context, context) square is spent on masks or norms. Half the time of the derived one.
    """

    def forward(q: Any, k: Any, v: Any) -> tuple[Any, Any]:
        weights, extended = _weights(q, k, bounded=bounded), _with_ones(v)
        summed = jnp.einsum("hbck,hbkq->hbcq", extended, weights)
        return summed[:, :, :-1] / summed[:, :, -1:], (q, k, v)

    def backward(kept: Any, slope: Any) -> Any:
        # The norm's gradient rides along as one more value column.
        q, k, v = kept
        weights, extended = _weights(q, k, bounded=bounded), _with_ones(v)
        summed = jnp.einsum("hbck,hbkq->hbcq", extended, weights)
        norm = 1.0 / summed[:, :, -1:]
        slope = slope * norm
        of_norm = -jnp.sum(slope * summed[:, :, :-1] * norm, axis=2, keepdims=True)
        slopes = jnp.concatenate([slope, of_norm], axis=2)
        of_scores = weights * jnp.einsum("hbkc,hbcq->hbkq", extended.swapaxes(2, 3), slopes)
        of_q = jnp.einsum("hbck,hbkq->hbcq", k, of_scores)
        of_k = jnp.einsum("hbcq,hbkq->hbck", q, of_scores)
        of_v = jnp.einsum("hbcq,hbkq->hbck", slope, weights)
        return of_q, of_k, of_v

    mix = jax.custom_vjp(lambda q, k, v: forward(q, k, v)[0])
    mix.defvjp(forward, backward)
    return mix


def _weights(q: Any, k: Any, *, bounded: bool) -> Any:
    """Exponentials of the causal scores, shape (heads, batch, key, query).

    Normalised queries and keys bound the scores by 1.8 head_dim^(3/4), so they need no shift by the maximum.
    """
    context = q.shape[-1]
    hidden = np.where(np.tril(np.ones((context, context)), -1) > 0, -1e9, 0.0).astype(q.dtype)
    scores = jnp.einsum("hbkc,hbcq->hbkq", k.swapaxes(2, 3), q) + hidden
    if not bounded:
        scores = scores - jax.lax.stop_gradient(jnp.max(scores, axis=2, keepdims=True))
    return jnp.exp(scores)


def _with_ones(v: Any) -> Any:
    """Values with one more column of ones, so that one product gives weighted sums and their norm."""
    return jnp.concatenate([v, jnp.ones_like(v[:, :, :1])], axis=2)
