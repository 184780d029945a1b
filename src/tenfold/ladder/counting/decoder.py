"""Decoder-only transformers as plain sizes, and how many parameters they have.

Conventions for "the number of parameters" differ by the embedding, the head, the norms and the experts that
a token does not see. Every convention is a property of one record, :class:`Parameters`; nothing is estimated.

>>> sizes = dict(width=768, depth=12, heads=12, vocab=50257, context=1024)
>>> gpt2 = Decoder(**sizes, tied=True, bias=True, norm="layer", positions=True)
>>> params(gpt2).total, params(gpt2).kaplan
(124439808, 84934656)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from tenfold.core.errors import ConfigError, did_you_mean

NORMS = ("rms", "layer")
LARGEST = 10**15
"""No size is larger, so that no count overflows a float."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """Sizes of one decoder-only transformer; what is not given follows from the rest.

    Attributes:
        width: model width d.
        depth: number of blocks L.
        heads: query heads H.
        vocab: size V of the vocabulary.
        context: length s of a sequence in tokens.
        kv_heads: key and value heads; as many as ``heads`` by default, one for multi-query attention.
        head_dim: width h of one head; ``width / heads`` by default.
        mlp: hidden width f of the MLP, or of one expert; ``4 width`` by default.
        gated: three matrices in the MLP (SwiGLU, GEGLU) in place of two.
        tied: the head is the (first) embedding table.
        bias: biases on the attention and MLP matrices.
        gate_bias: whether a gate has one too.
        norm: ``rms`` (a gain) or ``layer`` (a gain and a bias).
        gains: whether norms have parameters at all.
        block_norms: norms a block, besides a last one; one where attention and MLP run side by side on the same.
        positions: a learned embedding of each position.
        relative: Transformer-XL positions: a matrix of d x H h and two biases of H h a block (Gopher, Chinchilla).
        qk_norm: norms of queries and keys, their gains shared by all heads.
        tables: embedding tables of V x d; n-gram inputs have more than one.
        experts: MLPs a block, or one number a block. One is a dense model.
        active_experts: experts that a token sees in one routing.
        shared_experts: further experts that every token sees.
        capacity: factor on the FLOPs of routed experts where their padding is counted; 1 counts tokens only.
        iterations: routings a block, each with a router of its own (chain of experts, arXiv:2506.18945).
        window: keys that a query sees at most; all by default.
        shared_blocks: all blocks share attention, MLP and router (ALBERT, WideNet): counted once, computed L times.
        active_depth: blocks that a token passes through on average, where a router skips some; ``depth`` by default.

    Raises:
        ConfigError: a size is not a positive whole number, or sizes do not fit each other; ``path`` names it.

    >>> Decoder(width=4096, depth=32, heads=32, kv_heads=8, mlp=14336, gated=True, vocab=128256, context=8192).query_width
    4096
    """

    width: int
    depth: int
    heads: int
    vocab: int
    context: int
    kv_heads: int | None = None
    head_dim: int | None = None
    mlp: int | None = None
    gated: bool = False
    tied: bool = False
    bias: bool = False
    gate_bias: bool = True
    norm: str = "rms"
    gains: bool = True
    block_norms: int = 2
    positions: bool = False
    relative: bool = False
    qk_norm: bool = False
    tables: int = 1
    experts: int | tuple[int, ...] = 1
    active_experts: int = 1
    shared_experts: int = 0
    capacity: float = 1.0
    iterations: int = 1
    window: int | None = None
    shared_blocks: bool = False
    active_depth: float | None = None

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "vocab", "context", "tables", "active_experts", "iterations"):
            _positive(getattr(self, name), name)
        for name in ("kv_heads", "head_dim", "mlp", "window"):
            if getattr(self, name) is not None:
                _positive(getattr(self, name), name)
        if self.norm not in NORMS:
            raise ConfigError(f"unknown norm {self.norm!r}", path="model.norm", hint=did_you_mean(str(self.norm), NORMS))
        for name in ("shared_experts", "block_norms"):
            if not _whole(getattr(self, name)) or getattr(self, name) < 0:
                raise ConfigError(f"{name} = {getattr(self, name)!r} is not a count", path=f"model.{name}")
        self._check_heads()
        self._check_experts()
        if not 1 <= self.capacity < 1e6:
            raise ConfigError(f"capacity = {self.capacity} is no factor from 1", path="model.capacity")
        if self.active_depth is not None and not 0 < self.active_depth <= self.depth:
            raise ConfigError(
                f"active_depth = {self.active_depth} is not between 0 and depth = {self.depth}", path="model.active_depth"
            )

    def _check_heads(self) -> None:
        if self.head_dim is None and self.width % self.heads:
            raise ConfigError(
                f"width = {self.width} is not a multiple of heads = {self.heads}",
                path="model.heads",
                hint="change one of them or give head_dim",
            )
        if self.kv_heads is not None and self.heads % self.kv_heads:
            raise ConfigError(
                f"heads = {self.heads} is not a multiple of kv_heads = {self.kv_heads}", path="model.kv_heads"
            )

    def _check_experts(self) -> None:
        if isinstance(self.experts, tuple) and len(self.experts) != self.depth:
            raise ConfigError(
                f"experts names {len(self.experts)} blocks and depth = {self.depth}",
                path="model.experts",
                hint="give one number a block, or one for all",
            )
        if self.shared_blocks and len(self.expert_groups) > 1:
            raise ConfigError("shared_blocks needs the same experts in every block", path="model.experts")
        for count in self.experts if isinstance(self.experts, tuple) else (self.experts,):
            _positive(count, "experts")
            if self.active_experts > count:
                raise ConfigError(
                    f"active_experts = {self.active_experts} is more than experts = {count}", path="model.active_experts"
                )

    @property
    def query_width(self) -> int:
        """H h: what the queries of one token hold together."""
        return self.heads * self.head_width

    @property
    def kv_width(self) -> int:
        """Width of the keys of one token, and again of its values."""
        return (self.heads if self.kv_heads is None else self.kv_heads) * self.head_width

    @property
    def head_width(self) -> int:
        """h: ``head_dim``, or ``width / heads``."""
        return self.width // self.heads if self.head_dim is None else self.head_dim

    @property
    def mlp_width(self) -> int:
        """f: ``mlp``, or ``4 width``."""
        return 4 * self.width if self.mlp is None else self.mlp

    @property
    def expert_groups(self) -> tuple[tuple[int, int], ...]:
        """Pairs of a number of experts and of how many blocks have it."""
        if isinstance(self.experts, tuple):
            return tuple(sorted(Counter(self.experts).items()))
        return ((self.experts, self.depth),)

    @property
    def stored_groups(self) -> tuple[tuple[int, int], ...]:
        """The same for the blocks that are stored: one where all are shared."""
        return ((self.expert_groups[0][0], 1),) if self.shared_blocks else self.expert_groups

    @property
    def plain(self) -> bool:
        """As many key heads as query heads, H h = d, an ungated MLP of 4 d and one expert: what early papers count."""
        return (
            self.kv_width == self.query_width == self.width
            and not self.gated
            and self.mlp_width == 4 * self.width
            and self.expert_groups == ((1, self.depth),)
            and self.shared_experts == 0
            and self.iterations == 1
            and self.window is None
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a decoder by part; the first eight sum to ``total``.

    Attributes:
        embedding: tables of the input, ``tables`` V d.
        positions: learned positions.
        attention: query, key, value and output matrices with their biases.
        relative: the matrix and biases of relative positions.
        mlp: the matrices of all experts with their biases.
        router: the routers.
        norms: gains and biases of norms.
        head: V d, or 0 where the head is the embedding.
        readout: V d: the weights the logits are computed with, tied or not.
        matrices: matrices of attention, all experts and routers, without biases.
        unused: parameters of experts that a token does not see.
        unused_matrices: the matrices among them.
        multiplied: weights that one token is multiplied by, the readout among them: experts of every routing, and
            blocks that are shared as often as they are passed. Two FLOPs each, forward. The matrix of relative
            positions is left out: its product is one a sequence.
    """

    embedding: int
    positions: int
    attention: int
    relative: int
    mlp: int
    router: int
    norms: int
    head: int
    readout: int
    matrices: int
    unused: int
    unused_matrices: int
    multiplied: float

    @property
    def total(self) -> int:
        """Every trained number."""
        return self.embedding + self.positions + self.hidden + self.head

    @property
    def hidden(self) -> int:
        """All but the embeddings, positions and head: matrices, biases and norms."""
        return self.attention + self.relative + self.mlp + self.router + self.norms

    @property
    def hidden_head(self) -> int:
        """``hidden`` and the readout, tied or not (the count of Hoffmann et al. 2022)."""
        return self.hidden + self.readout

    @property
    def active(self) -> int:
        """``total`` without the experts that a token does not see."""
        return self.total - self.unused

    @property
    def kaplan(self) -> int:
        """Matrices of attention and of active MLPs, as Kaplan et al. (2020) count: no biases, norms, embeddings, head."""
        return self.matrices - self.router - self.unused_matrices

    @property
    def matmul(self) -> int:
        """Weights used in matrix products by one token, the readout among them, each counted once."""
        return self.matrices - self.unused_matrices + self.readout

    def to_dict(self) -> dict[str, int]:
        """Parts by name; their sum is ``total``."""
        return {name: getattr(self, name) for name in PARTS}


PARTS = tuple(item.name for item in fields(Parameters)[:8])
"""Names of the parts that sum to the total."""


def params(decoder: Decoder, /) -> Parameters:
    """Parameters of a decoder by part.

    The formulas are those of ``docs/counting.md``; tests hold them against released models to the last parameter.

    >>> dense = Decoder(width=64, depth=2, heads=4, vocab=128, context=64, gains=False)
    >>> params(dense).hidden == 12 * 2 * 64**2
    True
    """
    d, h, f = decoder.width, decoder.head_width, decoder.mlp_width
    q, kv = decoder.query_width, decoder.kv_width
    attention = 2 * d * q + 2 * d * kv
    attention_bias = q + 2 * kv + d if decoder.bias else 0
    mlp = mlp_matrices(decoder)
    mlp_bias = (2 * f if decoder.gated and decoder.gate_bias else f) + d if decoder.bias else 0
    groups = decoder.stored_groups
    blocks = sum(times for _, times in groups)
    stored = sum(times * (count + decoder.shared_experts) for count, times in groups)
    used = decoder.iterations * decoder.active_experts
    idle = sum(times * (count - min(used, count)) for count, times in groups)
    routers = sum(times * decoder.iterations * d * count for count, times in groups if count > 1)
    table = decoder.vocab * d
    return Parameters(
        embedding=decoder.tables * table,
        positions=decoder.context * d if decoder.positions else 0,
        attention=blocks * (attention + attention_bias),
        relative=blocks * (d * q + 2 * q) if decoder.relative else 0,
        mlp=stored * (mlp + mlp_bias),
        router=routers,
        norms=_norms(decoder, h),
        head=0 if decoder.tied else table,
        readout=table,
        matrices=blocks * attention + stored * mlp + routers,
        unused=idle * (mlp + mlp_bias),
        unused_matrices=idle * mlp,
        multiplied=table + _multiplied(decoder, attention, mlp),
    )


def mlp_matrices(decoder: Decoder, /) -> int:
    """Weights of one MLP or expert, without biases: 2 d f, or 3 d f gated."""
    return (3 if decoder.gated else 2) * decoder.width * decoder.mlp_width


def block_depth(decoder: Decoder, /) -> float:
    """Blocks that a token passes through."""
    return decoder.depth if decoder.active_depth is None else decoder.active_depth


def _multiplied(decoder: Decoder, attention: int, mlp: int) -> float:
    """Weights of the blocks that one token is multiplied by."""
    routed = decoder.iterations * decoder.active_experts
    seen = (routed if decoder.capacity == 1 else routed * decoder.capacity) + decoder.shared_experts
    once = sum(
        times
        * (
            attention
            + (seen if count > 1 else 1 + decoder.shared_experts) * mlp
            + (decoder.iterations * decoder.width * count if count > 1 else 0)
        )
        for count, times in decoder.expert_groups
    )
    return once if decoder.active_depth is None else once * decoder.active_depth / decoder.depth


def _norms(decoder: Decoder, h: int) -> int:
    """Parameters of the norms: of each block, a last one, and those of queries and keys."""
    if not decoder.gains:
        return 0
    of_block = decoder.block_norms * decoder.width + (2 * h if decoder.qk_norm else 0)
    return (2 if decoder.norm == "layer" else 1) * (decoder.depth * of_block + decoder.width)


PARAMETER_CONVENTIONS: Mapping[str, Callable[[Parameters], float]] = MappingProxyType(
    {
        "total": lambda found: found.total,
        "active": lambda found: found.active,
        "non-embedding": lambda found: found.hidden - found.unused,
        "non-embedding+head": lambda found: found.hidden_head - found.unused,
        "kaplan": lambda found: found.kaplan,
        "matmul": lambda found: found.matmul,
    }
)
"""What people call the number of parameters. All but ``total`` leave out the experts that a token does not see."""


_READ = {
    "kv_heads": "kv_heads",
    "tied": "tied",
    "bias": "bias",
    "norm": "norm",
    "gains": "gains",
    "experts": "experts",
    "active": "active_experts",
    "shared": "shared_experts",
    "ngram": "tables",
}
"""Attributes of a ladder's shape that have the same meaning, and their names here."""

_GATED = ("swiglu", "geglu")


def decoder_of(shape: Any, /) -> Decoder:
    """The sizes of a ladder's shape: of the families ``transformer`` and ``moe``, or any like them.

    Width, vocabulary and context are required; further attributes are read where the shape has them. Where a shape of
    a ladder says nothing, it has norms without gains. Its norms of queries and keys have none either.

    Raises:
        ConfigError: the shape is of another kind of model.

    >>> from tenfold.ladder.spec import Shape
    >>> params(decoder_of(Shape(width=32))).total
    40960
    """
    absent = [name for name in ("width", "vocab", "context") if not hasattr(shape, name)]
    if absent:
        raise ConfigError(
            f"{type(shape).__name__} has no {absent[0]}: it is no decoder",
            path="family",
            hint="use the family's own count",
        )
    width = int(shape.width)
    head_dim = int(getattr(shape, "head_dim", width))
    own = {ours: getattr(shape, name) for name, ours in _READ.items() if getattr(shape, name, None)}  # 0: the default
    return Decoder(
        width=width,
        depth=int(getattr(shape, "depth", 1)),
        heads=int(getattr(shape, "heads", width // head_dim)),
        head_dim=head_dim,
        vocab=int(shape.vocab),
        context=int(shape.context),
        mlp=int(getattr(shape, "hidden", 0) or round(getattr(shape, "mlp_ratio", 4) * width)),
        **{"gains": False, **own},
        gated=getattr(shape, "mlp", "") in _GATED,
        gate_bias=False,
        positions=getattr(shape, "positions", "") == "learned",
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _positive(value: Any, name: str) -> None:
    if not _whole(value) or not 1 <= value <= LARGEST:
        shown = f"{value:.3g}" if _whole(value) and value > LARGEST else repr(value)
        raise ConfigError(f"{name} = {shown} is not a whole number from 1 to 10^15", path=f"model.{name}")
