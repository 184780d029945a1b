"""A decoder-only transformer family that is scaled by its width.

Input: the sum of ``ngram`` embedding tables, for the current code and its predecessors, so that even
the smallest model sees short strings. Blocks: pre-norm RMSNorm without gains, attention with rotary
positions and RMS-normalised queries and keys, an MLP with squared ReLU. Untied head, no biases. The
output matrices of both branches and the head start at zero.

The columns of queries and keys run over (position in head, head), head fastest, so that rotation and
normalisation act on long contiguous rows. It is a permutation of the usual columns, no other model.

Sources: rotary positions, Su et al. 2021 (arXiv:2104.09864); RMSNorm, Zhang and Sennrich 2019
(arXiv:1910.07467); squared ReLU, So et al. 2021 (arXiv:2109.08668); query-key normalisation, Henry et
al. 2020 (arXiv:2010.04245).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tenfold.ladder.parameterization import init_std, rules
from tenfold.ladder.spec import Shape

Params = dict[str, Any]
"""``embed`` (ngram, vocab, d), ``head`` (d, vocab) and ``blocks``: a list of dicts of matrices
``qkv`` (d, 3 d), ``out`` (d, d), ``up`` (d, r d), ``down`` (r d, d)."""

_EPS = 1e-6


def init(key: jax.Array, shape: Shape, /, *, parameterization: str = "mup") -> Params:
    """Initial weights in float32, see ``Params``."""
    table = rules(parameterization)
    d, hidden = shape.width, shape.mlp_ratio * shape.width

    def draw(key: jax.Array, kind: str, size: tuple[int, ...]) -> jax.Array:
        std = init_std(table[kind], fan_in=size[-2])
        return std * jax.random.normal(key, size, jnp.float32) if std else jnp.zeros(size, jnp.float32)

    sizes = {"qkv": (d, 3 * d), "out": (d, d), "up": (d, hidden), "down": (hidden, d)}
    keys = jax.random.split(key, shape.depth + 2)
    blocks = []
    for block_key in keys[2:]:
        parts = zip(jax.random.split(block_key, len(sizes)), sizes.items(), strict=True)
        blocks.append({kind: draw(part, kind, size) for part, (kind, size) in parts})
    return {
        "embed": draw(keys[0], "embed", (shape.ngram, shape.vocab, d)),
        "blocks": blocks,
        "head": draw(keys[1], "head", (d, shape.vocab)),
    }


def apply(params: Params, tokens: jax.Array, shape: Shape) -> jax.Array:
    """Logits of the next code at every position.

    Args:
        params: see ``Params``.
        tokens: integer codes, shape (batch, context).
        shape: the model's sizes.

    Returns:
        float32, shape (batch, context, vocab).
    """
    x = _embed(params["embed"], tokens)
    cos, sin = _rotation(shape)
    for block in params["blocks"]:
        x = x + _attention(block, _norm(x), shape, cos, sin)
        up = jax.nn.relu(_norm(x) @ block["up"])
        x = x + (up * up) @ block["down"]
    return _norm(x) @ params["head"]


def loss(params: Params, windows: jax.Array, shape: Shape) -> jax.Array:
    """Mean cross-entropy in nats a code over ``windows``, integer codes of shape (batch, context + 1)."""
    logits = apply(params, windows[:, :-1], shape)
    picked = jnp.take_along_axis(logits, windows[:, 1:, None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked)


def _norm(x: jax.Array) -> jax.Array:
    """Unit root mean square over the last axis."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + _EPS)


def _embed(tables: jax.Array, tokens: jax.Array) -> jax.Array:
    """Sum of the tables at the current code, the previous code ...; code 0 stands before the window."""
    ngram, vocab, width = tables.shape
    padded = jnp.pad(tokens, ((0, 0), (ngram - 1, 0)))
    length = tokens.shape[1]
    shifted = [padded[:, ngram - 1 - k : ngram - 1 - k + length] + k * vocab for k in range(ngram)]
    return jnp.sum(tables.reshape(ngram * vocab, width)[jnp.stack(shifted, axis=2)], axis=2)


def _rotation(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines, shape (context, head_dim / 2, 1), with base 4 * context."""
    half = shape.head_dim // 2
    rates = (4.0 * shape.context) ** (-np.arange(half) / half)
    angles = np.arange(shape.context)[:, None, None] * rates[None, :, None]
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _attention(block: Params, x: jax.Array, shape: Shape, cos: np.ndarray, sin: np.ndarray) -> jax.Array:
    """Causal self-attention with normalised, rotated queries and keys; (batch, context, d) in and out."""
    batch, length, width = x.shape
    qkv = x @ block["qkv"]
    columns = (batch, length, shape.head_dim, shape.heads)
    q = _rotate(qkv[..., :width].reshape(columns), cos, sin)
    k = _rotate(qkv[..., width : 2 * width].reshape(columns), cos, sin)
    v = qkv[..., 2 * width :].reshape(columns)
    scale = 1.8 * shape.head_dim**-0.25
    scores = scale * jnp.einsum("bqch,bkch->bhqk", q, k)
    mask = np.tril(np.ones((length, length), dtype=bool))
    weights = jax.nn.softmax(jnp.where(mask, scores, -1e30), axis=-1)
    mixed = jnp.einsum("bhqk,bkch->bqch", weights, v)
    return mixed.reshape(batch, length, width) @ block["out"]


def _rotate(x: jax.Array, cos: np.ndarray, sin: np.ndarray) -> jax.Array:
    """Normalise each head's vector to unit root mean square, then turn it by its position."""
    x = x * jax.lax.rsqrt(jnp.mean(x * x, axis=2, keepdims=True) + _EPS)
    a, b = jnp.split(x, 2, axis=2)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=2)
