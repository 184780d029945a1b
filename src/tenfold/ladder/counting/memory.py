"""Bytes: weights, gradients, optimizer, activations, the key-value cache, and what decoding one token moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.counting.decoder import LARGEST, Decoder, block_depth, params
from tenfold.ladder.counting.flops import keys_seen

Value = TypeVar("Value")
RECOMPUTE = ("none", "selective", "full")


@dataclass(frozen=True, slots=True)
class Precision:
    """Bytes of one weight, gradient, further master copy, optimizer moment and saved activation."""

    weight: float
    gradient: float
    master: float
    moment: float
    activation: float


PRECISIONS: Mapping[str, Precision] = MappingProxyType(
    {
        "mixed": Precision(weight=2, gradient=2, master=4, moment=4, activation=2),
        "fp32": Precision(weight=4, gradient=4, master=0, moment=4, activation=4),
        "bf16": Precision(weight=2, gradient=2, master=0, moment=2, activation=2),
    }
)
"""``mixed``: 16-bit weights and gradients, a 32-bit copy and 32-bit moments; 16 bytes a parameter with Adam."""

MOMENTS: Mapping[str, int] = MappingProxyType({"adam": 2, "lion": 1, "muon": 1, "momentum": 1, "sgd": 0})
"""Numbers that an optimizer keeps for each parameter, besides the parameter."""


@dataclass(frozen=True, slots=True)
class Sharding:
    """Over how many devices each part of the state is split (AMSP, arXiv:2311.00257); one keeps it whole.

    >>> Sharding.zero(1, devices=8)
    Sharding(params=1, gradients=1, optimizer=8)
    """

    params: int = 1
    gradients: int = 1
    optimizer: int = 1

    def __post_init__(self) -> None:
        for name in ("params", "gradients", "optimizer"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} = {value!r} is not a number of devices", path=f"sharding.{name}")

    @classmethod
    def zero(cls, stage: int, /, *, devices: int) -> Sharding:
        """ZeRO stage 0 to 3 on so many devices: optimizer, then gradients, then parameters are split."""
        if stage not in (0, 1, 2, 3):
            raise ConfigError(f"ZeRO has stages 0 to 3, not {stage}", path="sharding.zero")
        return cls(*(devices if stage >= needed else 1 for needed in (3, 2, 1)))


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one device while training, by part."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    logits: float

    @property
    def state(self) -> float:
        """Weights, gradients and optimizer: what does not depend on the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> float:
        """All parts; without the buffers of a framework, and without fragmentation."""
        return self.state + self.activations + self.logits

    def to_dict(self) -> dict[str, float]:
        """Parts by name, and their total."""
        parts = ("weights", "gradients", "optimizer", "activations", "logits")
        return {**{name: getattr(self, name) for name in parts}, "total": self.total}


def state_bytes(
    count: float, /, *, optimizer: str = "adam", precision: str = "mixed", sharding: Sharding = Sharding()
) -> tuple[float, float, float]:
    """Bytes of weights, gradients and optimizer of ``count`` parameters on one device.

    With mixed precision and Adam, 2 / p_P + 2 / p_G + 12 / p_OS bytes a parameter (AMSP, arXiv:2311.00257).

    >>> sum(state_bytes(1.0)), sum(state_bytes(1.0, sharding=Sharding.zero(3, devices=16)))
    (16.0, 1.0)
    """
    held = named(PRECISIONS, precision, "precision")
    moments = named(MOMENTS, optimizer, "optimizer")
    return (
        count * held.weight / sharding.params,
        count * held.gradient / sharding.gradients,
        count * (held.master + moments * held.moment) / sharding.optimizer,
    )


def memory(
    decoder: Decoder,
    /,
    *,
    batch: int,
    optimizer: str = "adam",
    precision: str = "mixed",
    sharding: Sharding = Sharding(),
    recompute: str = "none",
    dropout: bool = False,
    fused_attention: bool = True,
    activation_bytes: float | None = None,
) -> Memory:
    """Bytes on one device while training.

    Args:
        decoder: the sizes.
        batch: sequences on the device at once.
        optimizer: a key of ``MOMENTS``.
        precision: a key of ``PRECISIONS``.
        sharding: over how many devices the state is split.
        recompute: ``none``, ``selective`` (the s x s part of attention) or ``full`` (only the input of each block is
            kept).
        dropout: masks are kept, one byte an element.
        fused_attention: the s x s part is never kept (flash attention).
        activation_bytes: bytes of a saved activation where they differ from the precision's, e.g. 1 (Mesa,
            arXiv:2111.11124).

    >>> one = Decoder(width=1024, depth=1, heads=16, vocab=8, context=1024)
    >>> full = memory(one, batch=1, dropout=True, fused_attention=False)
    >>> full.activations == 1024 * 1024 * (34 + 5 * 16 * 1024 / 1024)  # Korthikanti et al. (2022), eq. 1
    True
    """
    _positive(batch, "batch")
    held = named(PRECISIONS, precision, "precision")
    each = held.activation if activation_bytes is None else activation_bytes
    weights, gradients, optimizer_bytes = state_bytes(
        params(decoder).total, optimizer=optimizer, precision=precision, sharding=sharding
    )
    tokens = batch * decoder.context
    block = activation_bytes_per_token(
        decoder, each=each, recompute=recompute, dropout=dropout, fused_attention=fused_attention
    )
    return Memory(
        weights=weights,
        gradients=gradients,
        optimizer=optimizer_bytes,
        activations=tokens * block_depth(decoder) * block,
        logits=tokens * decoder.vocab * 4.0,
    )


def activation_bytes_per_token(
    decoder: Decoder,
    /,
    *,
    each: float = 2.0,
    recompute: str = "none",
    dropout: bool = False,
    fused_attention: bool = True,
) -> float:
    """Bytes that one block keeps of one token for the backward pass.

    A plain block with dropout and without fused attention keeps d (34 + 5 H s / d) bytes at 16 bits; the parts are
    the inputs of both norms (4 d), of the attention's products (10 d, a mask of d, 5 H s) and of the MLP's (18 d, a
    mask of d), as Korthikanti et al. (2022, arXiv:2205.05198) list them.

    Args:
        decoder: the sizes.
        each: bytes of one saved number; masks take one byte.
        recompute: see :func:`memory`.
        dropout: see :func:`memory`.
        fused_attention: see :func:`memory`.
    """
    if recompute not in RECOMPUTE:
        raise ConfigError(
            f"unknown recomputation {recompute!r}", path="recompute", hint=did_you_mean(recompute, RECOMPUTE)
        )
    d, q, kv, f = decoder.width, decoder.query_width, decoder.kv_width, decoder.mlp_width
    if recompute == "full":
        return d * each
    most = max(count for count, _ in decoder.expert_groups)
    used = (decoder.iterations * decoder.active_experts if most > 1 else 1) + decoder.shared_experts
    norms = 2 * d * each
    attention = (d + q + 2 * kv + q) * each + (d if dropout else 0)
    scores = 0.0
    if recompute == "none" and not fused_attention:
        scores = decoder.heads * decoder.context * ((2 if dropout else 1) * each + (1 if dropout else 0))
    inner = 3 * f if decoder.gated else 2 * f  # gate, up and their product; or before and after the non-linearity
    mlp = d * each + used * inner * each + (d if dropout else 0) + (most * each if most > 1 else 0)
    return norms + attention + scores + mlp


def kv_cache_bytes(decoder: Decoder, /, *, batch: int = 1, tokens: int | None = None, number_bytes: float = 2.0) -> float:
    """Bytes of the key-value cache.

    Args:
        decoder: the sizes.
        batch: sequences.
        tokens: tokens of each sequence; the whole context by default. A window keeps no more than itself.
        number_bytes: bytes of one key or value number.

    >>> kv_cache_bytes(Decoder(width=8192, depth=80, heads=64, kv_heads=8, vocab=32000, context=4096))
    1342177280.0
    """
    _positive(batch, "batch")
    length = decoder.context if tokens is None else tokens
    if decoder.window is not None:
        length = min(length, decoder.window)
    return 2.0 * decoder.depth * decoder.kv_width * length * batch * number_bytes


@dataclass(frozen=True, slots=True)
class Decode:
    """What decoding one token takes, each share of a batch.

    Attributes:
        flops: FLOPs of matrix products.
        weight_bytes: weights read, divided among the batch.
        cache_bytes: keys and values read, and the new ones written.
    """

    flops: float
    weight_bytes: float
    cache_bytes: float

    @property
    def bytes(self) -> float:
        """All traffic of one token."""
        return self.weight_bytes + self.cache_bytes

    @property
    def intensity(self) -> float:
        """FLOPs a byte."""
        return self.flops / self.bytes


def decode(
    decoder: Decoder,
    /,
    *,
    batch: int = 1,
    tokens: int | None = None,
    weight_number_bytes: float = 2.0,
    cache_number_bytes: float = 2.0,
) -> Decode:
    """FLOPs and memory traffic of one decoded token.

    Every step reads all weights that some sequence of the batch needs once: of a mixture's experts, as many as a batch of
    independent and even choices meets, E (1 - (1 - k/E)^B). Activations stay on chip.

    Args:
        decoder: the sizes.
        batch: sequences decoded together.
        tokens: tokens already in the cache; the whole context by default.
        weight_number_bytes: bytes of a weight.
        cache_number_bytes: bytes of a key or value number.

    >>> llama = Decoder(width=4096, depth=32, heads=32, mlp=11008, gated=True, vocab=32000, context=4096)
    >>> round(decode(llama, tokens=1).intensity, 2)
    1.0
    """
    _positive(batch, "batch")
    length = decoder.context if tokens is None else tokens
    _positive(length, "tokens")
    found = params(decoder)
    seen = min(length, int(keys_seen(decoder, causal=False))) if decoder.window is not None else length
    flops = 2 * found.multiplied + 4 * block_depth(decoder) * seen * decoder.query_width
    dense = found.total - found.embedding - found.positions + (found.readout if decoder.tied else 0)
    rows = decoder.width * (decoder.tables + (1 if decoder.positions else 0))
    read = (dense - _idle_experts(decoder, batch)) * weight_number_bytes / batch + rows * weight_number_bytes
    keys = 2.0 * block_depth(decoder) * decoder.kv_width * (seen + 1) * cache_number_bytes
    return Decode(flops=float(flops), weight_bytes=read, cache_bytes=keys)


def arithmetic_intensity(decoder: Decoder, /, *, batch: int = 1, tokens: int | None = None) -> float:
    """FLOPs a byte of decoding at 16 bits; see :func:`decode`."""
    return decode(decoder, batch=batch, tokens=tokens).intensity


def pipeline_bubble(stages: int, /, *, microbatches: int) -> float:
    """Share of a pipeline's time in which a stage waits, (K - 1) / (M + K - 1) (GPipe, arXiv:1811.06965).

    >>> pipeline_bubble(4, microbatches=16)
    0.15789473684210525
    """
    _positive(stages, "stages")
    _positive(microbatches, "microbatches")
    return (stages - 1) / (microbatches + stages - 1)


def _idle_experts(decoder: Decoder, batch: int) -> float:
    """Parameters of experts that no sequence of the batch meets in one step, on average."""
    found = params(decoder)
    if not found.unused:
        return 0.0
    one = found.mlp / sum(times * (count + decoder.shared_experts) for count, times in decoder.stored_groups)
    draws = decoder.iterations * batch
    idle = (times * count * (1 - decoder.active_experts / count) ** draws for count, times in decoder.stored_groups)
    return one * sum(idle)


def named(table: Mapping[str, Value], name: str, what: str) -> Value:
    """A value of a table by its name, or an error that names similar ones."""
    if name not in table:
        raise ConfigError(f"unknown {what} {name!r}", path=what, hint=did_you_mean(name, table))
    return table[name]


def _positive(value: int, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST:
        raise ConfigError(f"{name} = {value!r} is not a whole number from 1 to 10^15", path=name)
