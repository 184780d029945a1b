"""A decoder-only transformer over codes.

Input: the sum of ``ngram`` embedding tables, for the current code and its predecessors, so that even
the smallest model sees short strings. Blocks: pre-norm attention and MLP. By default RMSNorm without gains, rotary
positions, RMS-normalised queries and keys, squared ReLU, no biases, an untied head, and output matrices of both
branches and of the head that start at zero; every one of these is a field of ``Shape``.

Everything inside is feature-major: activations have shape (features, batch * context), weights
(outputs, inputs). Norms then reduce over the leading axis and every elementwise loop runs over long
contiguous rows, which on CPU is a fifth to a third faster than the usual layout. For the
same reason the columns of queries and keys hold (head, position in head) and attention weights are
stored with the query last.

Sources: rotary positions, Su et al. 2021 (arXiv:2104.09864); RMSNorm, Zhang and Sennrich 2019
(arXiv:1910.07467); squared ReLU, So et al. 2021 (arXiv:2109.08668); query-key normalisation, Henry et
al. 2020 (arXiv:2010.04245); SwiGLU, Shazeer 2020 (arXiv:2002.05202); grouped queries, Ainslie et al. 2023
(arXiv:2305.13245); z-loss, Chowdhery et al. 2022 (arXiv:2204.02311).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import Count, count_tensors
from tenfold.ladder.families import PLAIN, Scales, ignore
from tenfold.ladder.families._attention import attend, rotation
from tenfold.ladder.fields import later
from tenfold.ladder.lazy import jax, jnp

TAKES = "codes"

MLPS = ("relu2", "relu", "gelu", "swiglu")
NORMS = ("rms", "layer")
POSITIONS = ("rope", "learned", "none")

EPS = 1e-6


@dataclass(frozen=True)
class Shape:
    """Sizes of one decoder-only transformer.

    Attributes:
        width: model width; a multiple of ``head_dim``.
        depth: number of blocks.
        head_dim: width of one attention head; even.
        vocab: number of codes.
        context: window length in codes.
        ngram: number of embedding tables: current code, previous code, and so on.
        mlp_ratio: hidden width of the MLP over ``width``.
        kv_heads: heads of keys and values, each shared by a group of query heads; 0: as many as queries.
        mlp: ``relu2``, ``relu``, ``gelu`` or ``swiglu`` (three matrices instead of two).
        norm: ``rms`` or ``layer``.
        gains: norms have gains, and LayerNorm offsets.
        bias: linear layers have biases.
        positions: ``rope``, ``learned`` or ``none``.
        qk_norm: normalise queries and keys.
        tied: the head is the table of the current code.
        residual: factor on every residual branch in the base model.
        zero_init: the last matrices of both branches and the head start at zero.
        std: initial standard deviation of the tables.
    """

    width: int
    depth: int = 2
    head_dim: int = 8
    vocab: int = 128
    context: int = 64
    ngram: int = 3
    mlp_ratio: int | float = 4
    kv_heads: int = later(0)
    mlp: str = later("relu2")
    norm: str = later("rms")
    gains: bool = later(False)
    bias: bool = later(False)
    positions: str = later("rope")
    qk_norm: bool = later(True)
    tied: bool = later(False)
    residual: float = later(1.0)
    zero_init: bool = later(True)
    std: float = later(0.3)

    def __post_init__(self) -> None:
        check_sizes(self, allow_zero=("kv_heads",))
        check_names(self, mlp=MLPS, norm=NORMS, positions=POSITIONS)
        if self.head_dim % 2:
            raise ConfigError(f"head_dim = {self.head_dim} is odd", path="model.head_dim", hint="use 8")
        if self.width % self.head_dim:
            raise ConfigError(
                f"width = {self.width} is not a multiple of head_dim = {self.head_dim}",
                path="ladder.width",
                hint=f"use {max(1, round(self.width / self.head_dim)) * self.head_dim}",
            )
        if self.kv_heads and self.heads % self.kv_heads:
            raise ConfigError(
                f"kv_heads = {self.kv_heads} does not divide the {self.heads} heads of width {self.width}",
                path="model.kv_heads",
                hint="use 0 for as many as queries, or 1",
            )

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.width // self.head_dim

    @property
    def groups(self) -> int:
        """Number of heads of keys and values."""
        return self.kv_heads or self.heads

    @property
    def hidden(self) -> int:
        """Hidden width of the MLP."""
        return max(1, round(self.mlp_ratio * self.width))

    @property
    def example_tokens(self) -> int:
        """Codes predicted in one window."""
        return self.context

    @property
    def sublayers(self) -> int:
        """Residual branches."""
        return 2 * self.depth


def check_sizes(shape: Any, *, allow_zero: tuple[str, ...] = ()) -> None:
    """Raise unless every number of a shape is positive, or zero where that has a meaning."""
    for each in fields(shape):
        value = getattr(shape, each.name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if value < 0 or (value == 0 and each.name not in allow_zero):
            raise ConfigError(f"{each.name} = {value} is not positive", path=f"model.{each.name}")


def check_names(shape: Any, **known: tuple[str, ...]) -> None:
    """Raise with a suggestion unless every named choice of a shape exists."""
    from tenfold.ladder.parameterization import require

    for name, options in known.items():
        require(getattr(shape, name), options, f"model.{name}")


def tensors(shape: Shape) -> dict[str, t.Tensor]:
    """Weight arrays: tables, ``blocks.K.*`` and head."""
    held = table_tensors(shape)
    for block in range(shape.depth):
        held |= {f"blocks.{block}.{name}": tensor for name, tensor in _block(shape).items()}
    return held | head_tensors(shape)


def table_tensors(shape: Any) -> dict[str, t.Tensor]:
    """The embedding tables, and learned positions."""
    held = {"embed": t.embed(shape.ngram, shape.vocab, shape.width, fan_out=shape.width, std=shape.std)}
    if shape.positions == "learned":
        held["positions"] = t.embed(shape.context, shape.width, fan_out=shape.width, std=shape.std)
    return held


def head_tensors(shape: Any) -> dict[str, t.Tensor]:
    """The final norm and the readout."""
    held = {f"final.{name}": each for name, each in norm_tensors(shape, branch=False).items()}
    if not shape.tied:
        std = 0.0 if shape.zero_init else 1.0
        held["head"] = t.readout(shape.vocab, shape.width, fan_in=shape.width, fan_out=shape.vocab, std=std)
    return held


def norm_tensors(shape: Any, *, branch: bool) -> dict[str, t.Tensor]:
    """Gain and offset of a norm, as far as it has them."""
    held = {}
    if shape.gains:
        held["gain"] = t.gain(shape.width, branch=branch)
        if shape.norm == "layer":
            held["offset"] = t.bias(shape.width, branch=branch)
    return held


def attention_tensors(shape: Any) -> dict[str, t.Tensor]:
    """Attention with its norm."""
    d, inner = shape.width, shape.heads * shape.head_dim
    rows = inner + 2 * shape.groups * shape.head_dim
    last = 0.0 if shape.zero_init else 1.0
    held = {
        "qkv": t.hidden(rows, d, fan_in=d, fan_out=inner),
        "out": t.hidden(d, inner, fan_in=inner, fan_out=d, std=last),
    }
    if shape.bias:
        held |= {"qkv_bias": t.bias(rows), "out_bias": t.bias(d)}
    return held | {f"attention_{name}": each for name, each in norm_tensors(shape, branch=True).items()}


def mlp_tensors(shape: Any) -> dict[str, t.Tensor]:
    """MLP with its norm."""
    d, hidden = shape.width, shape.hidden
    last = 0.0 if shape.zero_init else 1.0
    held = {
        "up": t.hidden(hidden, d, fan_in=d, fan_out=hidden),
        "down": t.hidden(d, hidden, fan_in=hidden, fan_out=d, std=last, rate=0.5),
    }
    if shape.mlp == "swiglu":
        held["gate"] = t.hidden(hidden, d, fan_in=d, fan_out=hidden)
    if shape.bias:
        held |= {"up_bias": t.bias(hidden), "down_bias": t.bias(d)}
    return held | {f"mlp_{name}": each for name, each in norm_tensors(shape, branch=True).items()}


def _block(shape: Shape) -> dict[str, t.Tensor]:
    return attention_tensors(shape) | mlp_tensors(shape)


def init_keys(key: Any, shape: Shape) -> dict[str, Any]:
    """Keys of the tensors that the first shipped ladder had, so that its runs can be repeated; others are folded."""
    keys = jax.random.split(key, shape.depth + 2)
    held = {"embed": keys[0], "head": keys[1]}
    for block in range(shape.depth):
        parts = jax.random.split(keys[2 + block], 4)
        held |= {f"blocks.{block}.{name}": parts[place] for place, name in enumerate(("qkv", "out", "up", "down"))}
    return held


def attention_multiplications(shape: Any) -> int:
    """Multiplications of attention for one token: four projections, and scores and values over the whole square."""
    inner = shape.heads * shape.head_dim
    projections = 2 * shape.width * (inner + shape.groups * shape.head_dim)
    return int(projections + 2 * shape.context * inner)


def count(shape: Shape) -> Count:
    """Parameters and the FLOPs of one training token; the full T x T square, for its masked half is computed too."""
    mlp = (3 if shape.mlp == "swiglu" else 2) * shape.width * shape.hidden
    head = shape.vocab * shape.width
    forward = shape.depth * (attention_multiplications(shape) + mlp) + head
    return count_tensors(tensors(shape).values(), forward=forward)


def apply(weights: t.Weights, inputs: Any, shape: Shape, *, scales: Scales = PLAIN, see: Any = ignore) -> Any:
    """Logits of the next code at every position.

    Args:
        weights: arrays by name, multiplied.
        inputs: integer codes, shape (batch, context).
        shape: the model's sizes.
        scales: residual and attention factors.
        see: called with the residual stream, attention's and the MLP's parts and logits, and with the input of every
            hidden matrix, features first.

    Returns:
        Shape (vocab, batch * context); the second axis in the order of ``inputs.ravel()``.
    """
    turn = rotation(shape) if shape.positions == "rope" else None
    x = tables(weights, inputs, shape)
    see("embed", x)
    for place in range(shape.depth):
        block, inside = part(weights, f"blocks.{place}."), under(see, f"blocks.{place}.")
        attended = attend(block, norm(x, block, shape, "attention_"), shape, turn, scales, inside)
        x = residual(x, attended, scales, 2 * place)
        x = residual(x, mlp(block, norm(x, block, shape, "mlp_"), shape, inside), scales, 2 * place + 1)
        see(f"blocks.{place}", x)
    return readout(weights, x, shape, see)


def under(see: Any, prefix: str) -> Any:
    """``see`` with ``prefix`` before every name; ``ignore`` stays what it is.

    >>> under(lambda name, value: print(name, value), "blocks.0.")("up.input", 1.0)
    blocks.0.up.input 1.0
    """
    return see if see is ignore else lambda name, value: see(prefix + name, value)


def residual(x: Any, f: Any, scales: Scales, place: int) -> Any:
    """``skip * x + branch * f``."""
    skip, branch = scales.branch(place)
    f = f if branch == 1.0 else branch * f
    return x + f if skip == 1.0 else skip * x + f


def readout(weights: t.Weights, x: Any, shape: Any, see: Any) -> Any:
    """Final norm and logits."""
    table = weights["embed"][0] if shape.tied else weights["head"]
    logits = table @ norm(x, part(weights, "final."), shape, "")
    see("logits", logits)
    return logits


def part(weights: t.Weights, prefix: str) -> t.Weights:
    """Weights whose names start with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def losses(
    weights: t.Weights,
    examples: Any,
    shape: Shape,
    *,
    scales: Scales = PLAIN,
    see: Any = ignore,
    z_loss: float = 0.0,
) -> Any:
    """Mean cross-entropy of each window in nats a code; (batch, context + 1) codes in, (batch,) out."""
    windows = examples.astype(jnp.int32)
    return window_losses(apply(weights, windows[:, :-1], shape, scales=scales, see=see), windows, shape, z_loss)


def window_losses(logits: Any, windows: Any, shape: Any, z_loss: float = 0.0) -> Any:
    """Mean cross-entropy of each window from logits of shape (vocab, batch * context), in float32."""
    logits = logits.astype(jnp.float32)
    chosen = np.arange(shape.vocab)[:, None] == windows[:, 1:].reshape(1, -1)
    picked = jnp.sum(jnp.where(chosen, logits, 0.0), axis=0)
    normaliser = jax.nn.logsumexp(logits, axis=0)
    nats = normaliser - picked
    if z_loss:
        nats = nats + z_loss * normaliser**2
    return jnp.mean(nats.reshape(-1, shape.context), axis=1)


def norm(x: Any, weights: t.Weights, shape: Any, prefix: str) -> Any:
    """RMSNorm or LayerNorm over the features, the leading axis."""
    if shape.norm == "layer":
        x = x - jnp.mean(x, axis=0, keepdims=True)
    x = x * jax.lax.rsqrt(jnp.mean(x * x, axis=0, keepdims=True) + EPS)
    if shape.gains:
        x = x * weights[f"{prefix}gain"][:, None]
        if shape.norm == "layer":
            x = x + weights[f"{prefix}offset"][:, None]
    return x


def mlp(block: t.Weights, x: Any, shape: Any, see: Any = ignore) -> Any:
    """The feed-forward branch; (d, batch * context) in and out."""
    see("up.input", x)
    if shape.mlp == "swiglu":
        see("gate.input", x)
    up = linear(block, "up", x)
    if shape.mlp == "relu2":
        up = jax.nn.relu(up)
        up = up * up
    elif shape.mlp == "relu":
        up = jax.nn.relu(up)
    elif shape.mlp == "gelu":
        up = jax.nn.gelu(up)
    else:
        up = jax.nn.silu(block["gate"] @ x) * up
    see("mlp", up)
    see("down.input", up)
    return linear(block, "down", up)


def linear(block: t.Weights, name: str, x: Any) -> Any:
    """A linear layer, with a bias if it has one."""
    y = block[name] @ x
    return y + block[f"{name}_bias"][:, None] if f"{name}_bias" in block else y


def tables(weights: t.Weights, codes: Any, shape: Any) -> Any:
    """Sum of the tables at the current code, the previous code ...; code 0 stands before the window."""
    table = weights["embed"]
    ngram, vocab, width = table.shape
    length = codes.shape[1]
    padded = jnp.pad(codes, ((0, 0), (ngram - 1, 0)))
    rows = [padded[:, ngram - 1 - k : ngram - 1 - k + length] + k * vocab for k in range(ngram)]
    x = jnp.sum(table.reshape(ngram * vocab, width)[jnp.stack(rows).reshape(ngram, -1)], axis=0).T
    if "positions" in weights:
        x = x + jnp.tile(weights["positions"][:length].T, (1, codes.shape[0]))
    return x
