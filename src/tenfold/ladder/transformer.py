"""A decoder-only transformer family that is scaled by its width.

Input: the sum of ``ngram`` embedding tables, for the current code and its predecessors, so that even
the smallest model sees short strings. Blocks: pre-norm RMSNorm without gains, attention with rotary
positions and RMS-normalised queries and keys, an MLP with squared ReLU. Untied head, no biases. The
output matrices of both branches and the head start at zero.

Everything inside is feature-major: activations have shape (features, batch * context), weights
(outputs, inputs). Norms then reduce over the leading axis and every elementwise loop runs over long
contiguous rows, which on CPU is a fifth to a third faster than the usual layout. For the
same reason the columns of queries and keys hold (head, position in head) and attention weights are
stored with the query last.

Sources: rotary positions, Su et al. 2021 (arXiv:2104.09864); RMSNorm, Zhang and Sennrich 2019
(arXiv:1910.07467); squared ReLU, So et al. 2021 (arXiv:2109.08668); query-key normalisation, Henry et
al. 2020 (arXiv:2010.04245).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tenfold.ladder.counting import params_total
from tenfold.ladder.parameterization import init_std, rules
from tenfold.ladder.spec import Shape

Params = dict[str, Any]
"""``embed`` (ngram, vocab, d), ``head`` (vocab, d) and ``blocks``: a list of dicts of matrices
``qkv`` (3 d, d), ``out`` (d, d), ``up`` (r d, d), ``down`` (d, r d)."""

_EPS = 1e-6


def init(key: jax.Array, shape: Shape, /, *, parameterization: str = "mup") -> Params:
    """Initial weights in float32, see ``Params``."""
    table = rules(parameterization)
    d, hidden = shape.width, shape.mlp_ratio * shape.width

    def draw(key: jax.Array, kind: str, size: tuple[int, ...]) -> jax.Array:
        std = init_std(table[kind], fan_in=size[-1])
        return std * jax.random.normal(key, size, jnp.float32) if std else jnp.zeros(size, jnp.float32)

    sizes = {"qkv": (3 * d, d), "out": (d, d), "up": (hidden, d), "down": (d, hidden)}
    keys = jax.random.split(key, shape.depth + 2)
    blocks = []
    for block_key in keys[2:]:
        parts = zip(jax.random.split(block_key, len(sizes)), sizes.items(), strict=True)
        blocks.append({kind: draw(part, kind, size) for part, (kind, size) in parts})
    return {
        "embed": draw(keys[0], "embed", (shape.ngram, shape.vocab, d)),
        "blocks": blocks,
        "head": draw(keys[1], "head", (shape.vocab, d)),
    }


def count(shape: Shape, /) -> int:
    """Number of weights, embedding tables included."""
    return params_total(shape)


def apply(params: Params, tokens: jax.Array, shape: Shape) -> jax.Array:
    """Logits of the next code at every position.

    Args:
        params: see ``Params``.
        tokens: integer codes, shape (batch, context).
        shape: the model's sizes.

    Returns:
        float32, shape (vocab, batch * context); the second axis in the order of ``tokens.ravel()``.
    """
    x = _embed(params["embed"], tokens)
    cos, sin = _rotation(shape)
    for block in params["blocks"]:
        x = x + _attention(block, _norm(x), shape, cos, sin)
        up = jax.nn.relu(block["up"] @ _norm(x))
        x = x + block["down"] @ (up * up)
    return params["head"] @ _norm(x)


def window_losses(params: Params, windows: jax.Array, shape: Shape) -> jax.Array:
    """Mean cross-entropy of each window in nats a code; (batch, context + 1) codes in, (batch,) out."""
    logits = apply(params, windows[:, :-1], shape)
    chosen = np.arange(shape.vocab)[:, None] == windows[:, 1:].reshape(1, -1)
    picked = jnp.sum(jnp.where(chosen, logits, 0.0), axis=0)
    nats = jax.nn.logsumexp(logits, axis=0) - picked
    return jnp.mean(nats.reshape(-1, shape.context), axis=1)


def _norm(x: jax.Array) -> jax.Array:
    """Unit root mean square over the features, the leading axis."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=0, keepdims=True) + _EPS)


def _embed(tables: jax.Array, tokens: jax.Array) -> jax.Array:
    """Sum of the tables at the current code, the previous code ...; code 0 stands before the window."""
    ngram, vocab, width = tables.shape
    length = tokens.shape[1]
    padded = jnp.pad(tokens, ((0, 0), (ngram - 1, 0)))
    rows = [padded[:, ngram - 1 - k : ngram - 1 - k + length] + k * vocab for k in range(ngram)]
    return jnp.sum(tables.reshape(ngram * vocab, width)[jnp.stack(rows).reshape(ngram, -1)], axis=0).T


def _rotation(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines, shape (head_dim / 2, 1, context), with base 4 * context."""
    half = shape.head_dim // 2
    rates = (4.0 * shape.context) ** (-np.arange(half) / half)
    angles = rates[:, None, None] * np.arange(shape.context)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _attention(block: Params, x: jax.Array, shape: Shape, cos: np.ndarray, sin: np.ndarray) -> jax.Array:
    """Causal self-attention with normalised, rotated queries and keys; (d, batch * context) in and out."""
    qkv = (block["qkv"] @ x).reshape(3, shape.heads, shape.head_dim, -1, shape.context)
    scale = 1.8 * shape.head_dim**-0.25
    q = scale * _rotate(qkv[0], cos, sin)
    k = _rotate(qkv[1], cos, sin)
    mixed = _mix(*(part.transpose(0, 2, 1, 3) for part in (q, k, qkv[2])))
    return block["out"] @ mixed.transpose(0, 2, 1, 3).reshape(shape.width, -1)


@jax.custom_vjp
def _mix(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Values averaged with causal softmax weights; all of shape (heads, batch, head_dim, context).

    Its gradient is written out: the weights are computed again instead of kept, and no pass over the
    (heads, batch, context, context) square is spent on masks or norms. Half the time of the derived one.
    """
    return _mix_forward(q, k, v)[0]


def _mix_forward(q: jax.Array, k: jax.Array, v: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """The average, and what the gradient needs."""
    weights, extended = _weights(q, k), _with_ones(v)
    summed = jnp.einsum("hbck,hbkq->hbcq", extended, weights)
    return summed[:, :, :-1] / summed[:, :, -1:], (q, k, v)


def _mix_backward(kept: tuple[jax.Array, ...], slope: jax.Array) -> tuple[jax.Array, ...]:
    """Gradients of queries, keys and values. The norm's gradient rides along as one more value column."""
    q, k, v = kept
    weights, extended = _weights(q, k), _with_ones(v)
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


_mix.defvjp(_mix_forward, _mix_backward)


def _weights(q: jax.Array, k: jax.Array) -> jax.Array:
    """Exponentials of the causal scores, shape (heads, batch, key, query).

    Normalised queries and keys bound the scores by 1.8 head_dim^(3/4), so no shift by the maximum.
    """
    context = q.shape[-1]
    hidden = np.where(np.tril(np.ones((context, context)), -1) > 0, -1e9, 0.0).astype(np.float32)
    return jnp.exp(jnp.einsum("hbkc,hbcq->hbkq", k.swapaxes(2, 3), q) + hidden)


def _with_ones(v: jax.Array) -> jax.Array:
    """Values with one more column of ones, so that one product gives weighted sums and their norm."""
    return jnp.concatenate([v, jnp.ones_like(v[:, :, :1])], axis=2)


def _rotate(x: jax.Array, cos: np.ndarray, sin: np.ndarray) -> jax.Array:
    """Normalise each head's vector to unit root mean square, then turn it by its position.

    Args:
        x: shape (heads, head_dim, batch, context).
        cos: see ``_rotation``.
        sin: see ``_rotation``.
    """
    x = x * jax.lax.rsqrt(jnp.mean(x * x, axis=1, keepdims=True) + _EPS)
    a, b = jnp.split(x, 2, axis=1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=1)
