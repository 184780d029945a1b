"""A decoder-only transformer over codes whose MLPs are mixtures of experts.

Everything but the MLPs is as in the family ``transformer``. A router, one row an expert, gives every code a softmax
over ``experts``; the ``active`` most probable ones are computed and their outputs summed with weights that are the
probabilities divided by their sum over the chosen (Shazeer et al. 2017, arXiv:1701.06538). With one active expert its
weight is the probability itself, as in Switch (Fedus et al. 2021, arXiv:2101.03961), since a normalised one would be 1
and give the router no gradient. ``shared`` experts see every code and have no weight (Dai et al. 2024, arXiv:2401.06066).

What is computed: codes are sorted by their expert and multiplied with a ragged product, so there is no capacity, no code
is dropped, and the products are those of the active experts. ``count`` bills exactly these. JAX on a CPU expands a ragged
product into one with every expert, so there a step costs more time than its bill, by up to ``experts / active``.

Training adds two terms to the loss, evaluation none: ``balance`` times the Switch loss ``experts * sum_e f_e p_e``, where
``f_e`` is the share of choices that fell on expert e and ``p_e`` its mean probability, and ``router_z`` times the mean
squared log of the router's normaliser (Zoph et al. 2022, arXiv:2202.08906). Both are taken within each window and
averaged over blocks, so that a run does not depend on how a batch is divided.

The router has growing inputs and a fixed number of outputs: it is a ``readout`` to every parameterization, at the
rate of hidden layers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import Count, count_tensors
from tenfold.ladder.families import PLAIN, Scales, ignore, transformer
from tenfold.ladder.families._attention import attend, rotation
from tenfold.ladder.families.transformer import (
    attention_multiplications,
    attention_tensors,
    check_sizes,
    head_tensors,
    mlp,
    mlp_tensors,
    norm,
    norm_tensors,
    part,
    readout,
    residual,
    table_tensors,
    tables,
    under,
    window_losses,
)
from tenfold.ladder.lazy import jax, jnp

TAKES = "codes"


@dataclass(frozen=True)
class Shape(transformer.Shape):
    """Sizes of one decoder with mixtures of experts: those of a transformer and these.

    Attributes:
        experts: experts that the router chooses from.
        active: experts that it chooses for a code.
        shared: experts beside them that see every code.
        balance: factor on the load-balancing loss in training.
        router_z: factor on the router's z-loss in training.

    ``mlp_ratio`` is the hidden width of one expert over ``width``.
    """

    experts: int = 8
    active: int = 2
    shared: int = 0
    balance: float = 0.01
    router_z: float = 0.001

    def __post_init__(self) -> None:
        own = {each.name for each in fields(transformer.Shape)}
        transformer.Shape(**{name: getattr(self, name) for name in own})
        check_sizes(self, allow_zero=("kv_heads", "shared", "balance", "router_z"))
        if self.active > self.experts:
            raise ConfigError(
                f"active = {self.active} is more than the {self.experts} experts",
                path="model.active",
                hint=f"use {self.experts} or less",
            )


def tensors(shape: Shape) -> dict[str, t.Tensor]:
    """Weight arrays: tables, ``blocks.K.*`` with ``router``, ``up``, ``down`` and ``shared.*``, and head."""
    held = table_tensors(shape)
    for block in range(shape.depth):
        held |= {f"blocks.{block}.{name}": tensor for name, tensor in _block(shape).items()}
    return held | head_tensors(shape)


def _block(shape: Shape) -> dict[str, t.Tensor]:
    """Attention, router, experts (matrices stacked over experts) and shared experts (side by side in one MLP)."""
    norms = {f"mlp_{name}" for name in norm_tensors(shape, branch=True)}
    expert = mlp_tensors(shape)
    router = t.Tensor((shape.experts, shape.width), "readout", shape.width, shape.experts, 1.0, branch=True)
    held = attention_tensors(shape) | {"router": router}
    for name, tensor in expert.items():
        held[name] = tensor if name in norms else replace(tensor, size=(shape.experts, *tensor.size))
    if shape.shared:
        for name, tensor in mlp_tensors(_Together(shape)).items():
            if name not in norms:
                held[f"shared.{name}"] = tensor
    return held


class _Together:
    """The shared experts' sizes: one MLP as wide as all of them."""

    def __init__(self, shape: Shape) -> None:
        self._shape, self.hidden = shape, shape.shared * shape.hidden

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shape, name)


def count(shape: Shape) -> Count:
    """Parameters, and the FLOPs of one training token: those of the active and shared experts and of the router.

    >>> bill = count(Shape(width=16, depth=1, experts=8, active=2))
    >>> bill.total - bill.active == 6 * 2 * 16 * 64
    True
    """
    matrices = 3 if shape.mlp == "swiglu" else 2
    expert = matrices * shape.width * shape.hidden
    block = attention_multiplications(shape) + (shape.active + shape.shared) * expert + shape.experts * shape.width
    biases = shape.hidden + shape.width if shape.bias else 0
    held = tensors(shape)
    bill = count_tensors(
        held.values(),
        forward=shape.depth * block + shape.vocab * shape.width,
        idle=shape.depth * (shape.experts - shape.active) * (expert + biases),
    )
    return replace(bill, head=held["head"].numbers if "head" in held else 0)


@dataclass(frozen=True)
class Routed:
    """What one router did.

    Attributes:
        probabilities: softmax over experts, shape (experts, codes).
        chosen: how often each expert was chosen, 0 or 1, shape (experts, codes).
        normaliser: log of the softmax's normaliser, shape (codes,).
    """

    probabilities: Any
    chosen: Any
    normaliser: Any


def apply(weights: t.Weights, inputs: Any, shape: Shape, *, scales: Scales = PLAIN, see: Any = ignore) -> Any:
    """Logits of the next code at every position, shape (vocab, batch * context); see ``transformer.apply``."""
    return _forward(weights, inputs, shape, scales, see)[0]


def _forward(weights: t.Weights, inputs: Any, shape: Shape, scales: Scales, see: Any) -> tuple[Any, list[Routed]]:
    """Logits, and what every router did."""
    turn = rotation(shape) if shape.positions == "rope" else None
    x = tables(weights, inputs, shape)
    see("embed", x)
    all_routed = []
    for place in range(shape.depth):
        block, look = part(weights, f"blocks.{place}."), under(see, f"blocks.{place}.")
        x = residual(x, attend(block, norm(x, block, shape, "attention_"), shape, turn, scales, look), scales, 2 * place)
        mixed, routed = mixture(block, norm(x, block, shape, "mlp_"), shape, look)
        x = residual(x, mixed, scales, 2 * place + 1)
        all_routed.append(routed)
        see(f"blocks.{place}", x)
    return readout(weights, x, shape, see), all_routed


def mixture(block: t.Weights, x: Any, shape: Shape, see: Any = ignore) -> tuple[Any, Routed]:
    """The mixture's output, shape (width, codes) as ``x``, and what the router did."""
    gates, picks, routed = route(block["router"], x, shape)
    see("router", routed.probabilities)
    order = jnp.argsort(picks.reshape(-1))
    sizes = jnp.sum(routed.chosen, axis=1).astype(jnp.int32)
    owner = jnp.repeat(jnp.arange(shape.experts), sizes, total_repeat_length=order.shape[0])
    rows = _experts(block, x.T[order // shape.active], sizes, owner, shape)
    back = jnp.argsort(order)
    each = rows[back].reshape(-1, shape.active, shape.width) * gates[:, :, None].astype(x.dtype)
    y = jnp.sum(each, axis=1).T
    if shape.shared:
        y = y + mlp(part(block, "shared."), x, shape, see)
    return y, routed


def route(router: Any, x: Any, shape: Shape) -> tuple[Any, Any, Routed]:
    """Weights and numbers of the chosen experts, both of shape (codes, active), and what the router did; in float32."""
    logits = router.astype(jnp.float32) @ x.astype(jnp.float32)
    normaliser = jax.nn.logsumexp(logits, axis=0)
    probabilities = jnp.exp(logits - normaliser)
    gates, picks = jax.lax.top_k(probabilities.T, shape.active)
    if shape.active > 1:
        gates = gates / jnp.sum(gates, axis=1, keepdims=True)
    chosen = jnp.sum(picks[:, :, None] == jnp.arange(shape.experts), axis=1).T
    return gates, picks, Routed(probabilities, chosen, normaliser)


def _experts(block: t.Weights, rows: Any, sizes: Any, owner: Any, shape: Shape) -> Any:
    """Rows through their experts; ``rows`` are sorted by expert, ``sizes`` says how many each has."""

    def through(name: str, rows: Any) -> Any:
        y = jax.lax.ragged_dot(rows, block[name].swapaxes(1, 2), sizes)
        return y + block[f"{name}_bias"][owner] if f"{name}_bias" in block else y

    up = through("up", rows)
    if shape.mlp == "swiglu":
        up = jax.nn.silu(through("gate", rows)) * up
    elif shape.mlp == "relu2":
        up = jax.nn.relu(up) ** 2
    else:
        up = jax.nn.relu(up) if shape.mlp == "relu" else jax.nn.gelu(up)
    return through("down", up)


def losses(
    weights: t.Weights,
    examples: Any,
    shape: Shape,
    *,
    scales: Scales = PLAIN,
    see: Any = ignore,
    z_loss: float = 0.0,
) -> Any:
    """Mean cross-entropy of each window in nats a code, without the terms of training; see ``transformer.losses``."""
    windows = examples.astype(jnp.int32)
    return window_losses(apply(weights, windows[:, :-1], shape, scales=scales, see=see), windows, shape, z_loss)


def training_losses(
    weights: t.Weights,
    examples: Any,
    shape: Shape,
    *,
    scales: Scales = PLAIN,
    see: Any = ignore,
    z_loss: float = 0.0,
) -> Any:
    """What training minimises: ``losses`` and the router's two terms, for each window."""
    windows = examples.astype(jnp.int32)
    logits, all_routed = _forward(weights, windows[:, :-1], shape, scales, see)
    total = window_losses(logits, windows, shape, z_loss)
    for routed in all_routed:
        total = total + (shape.balance * balance(routed, shape) + shape.router_z * router_z(routed, shape)) / shape.depth
    return total


def balance(routed: Routed, shape: Shape) -> Any:
    """``experts * sum_e f_e p_e`` of each window, shape (batch,): 1 when choices and probabilities are uniform."""
    share = jnp.mean(routed.chosen.reshape(shape.experts, -1, shape.context) / shape.active, axis=2)
    mean = jnp.mean(routed.probabilities.reshape(shape.experts, -1, shape.context), axis=2)
    return shape.experts * jnp.sum(share * mean, axis=0)


def router_z(routed: Routed, shape: Shape) -> Any:
    """Mean squared log of the router's normaliser in each window, shape (batch,)."""
    return jnp.mean(routed.normaliser.reshape(-1, shape.context) ** 2, axis=1)
