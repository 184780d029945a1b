"""FLOPs of training and of inference: one declared formula a convention.

Papers mean different things by "the FLOPs of a token". Each meaning is one function here, registered with its source
and with what it counts; :func:`flops_per_token` finds it by name, and tables, help and docs come from the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.counting.decoder import Decoder, Parameters, block_depth, mlp_matrices, params

Formula = Callable[[Decoder], float]


@dataclass(frozen=True, slots=True)
class Convention:
    """One meaning of "FLOPs of a training token".

    Attributes:
        name: what options and records call it.
        counts: what it counts, in one line.
        source: where the formula stands.
        formula: sizes to FLOPs of one training token, forward and backward.
        plain_only: the formula knows only plain shapes (:attr:`Decoder.plain`).
    """

    name: str
    counts: str
    source: str
    formula: Formula
    plain_only: bool = False

    def applies(self, decoder: Decoder, /) -> bool:
        """Whether the formula describes such a shape."""
        return decoder.plain or not self.plain_only


CONVENTIONS: dict[str, Convention] = {}
"""Every convention by name."""


def convention(name: str, /, *, counts: str, source: str, plain_only: bool = False) -> Callable[[Formula], Formula]:
    """Declare a convention; the decorated function takes a :class:`Decoder` and gives FLOPs of one training token."""

    def declare(formula: Formula) -> Formula:
        if name in CONVENTIONS:
            raise ValueError(f"two conventions are called {name!r}")
        CONVENTIONS[name] = Convention(name, counts, source, formula, plain_only)
        return formula

    return declare


@convention(
    "6N", counts="6 x (blocks and head), active experts", source="Kaplan et al. (2020), section 2.1, with the head"
)
def flops_6n(decoder: Decoder, /) -> float:
    """6 N, N counted without embeddings and with the head."""
    return 6 * _active_head(params(decoder))


@convention("6N-total", counts="6 x every active parameter, embeddings too", source="common usage")
def flops_6n_total(decoder: Decoder, /) -> float:
    """6 N, N counted with everything: what a model card's size times six gives."""
    return 6 * params(decoder).active


@convention(
    "kaplan-6N", counts="6 x matrices of the blocks", source="Kaplan et al. (2020), arXiv:2001.08361, section 2.1"
)
def flops_kaplan_6n(decoder: Decoder, /) -> float:
    """6 N, N counted without embeddings, head, biases and norms."""
    return 6 * params(decoder).kaplan


@convention(
    "kaplan",
    counts="kaplan-6N and the causal half of attention, 6 L s H h",
    source="Kaplan et al. (2020), arXiv:2001.08361, table 1",
)
def flops_kaplan(decoder: Decoder, /) -> float:
    """Three times a forward pass of 2 N + 2 L s H h."""
    return 6 * params(decoder).kaplan + _integer(6 * _seen(decoder) * block_depth(decoder) * decoder.query_width)


@convention(
    "palm",
    counts="6N and full attention, 12 L s H h",
    source="Chowdhery et al. (2022), arXiv:2204.02311, appendix B",
)
def flops_palm(decoder: Decoder, /) -> float:
    """6 N + 12 L H h s, N counted without an untied embedding."""
    return 6 * _active_head(params(decoder)) + _integer(12 * _seen(decoder) * block_depth(decoder) * decoder.query_width)


@convention(
    "chinchilla",
    counts="matrices of the blocks, full attention and softmax; neither embedding nor logits",
    source="Hoffmann et al. (2022), arXiv:2203.15556, appendix F as used for table A4",
)
def flops_chinchilla(decoder: Decoder, /) -> float:
    """The appendix without its embedding and logit terms: what reproduces the published table of ratios."""
    return _chinchilla(decoder, include_embed_logits=False)


@convention(
    "chinchilla+embed",
    counts="chinchilla, an embedding counted as a product, and logits",
    source="Hoffmann et al. (2022), arXiv:2203.15556, appendix F as printed",
)
def flops_chinchilla_embed(decoder: Decoder, /) -> float:
    """The appendix as printed, embedding and logits included."""
    return _chinchilla(decoder, include_embed_logits=True)


@convention(
    "narayanan",
    counts="72 L d^2 (1 + s/6d + V/12Ld): all matrix products of a plain shape",
    source="Narayanan et al. (2021), arXiv:2104.04473, section 5.1, without recomputation",
    plain_only=True,
)
def flops_narayanan(decoder: Decoder, /) -> float:
    """72 B s L d^2 (1 + s / (6 d) + V / (12 L d)) for one token."""
    d, depth = decoder.width, decoder.depth
    inner = 1 + Fraction(decoder.context, 6 * d) + Fraction(decoder.vocab, 12 * depth * d)
    return _integer(72 * depth * d**2 * inner)


@convention("matmul", counts="every matrix product, attention over the full square", source="counted")
def flops_matmul(decoder: Decoder, /) -> float:
    """Three times the forward products: two FLOPs a weight, and scores and values over all s x s pairs."""
    return 3 * forward_flops(decoder)


@convention("causal", counts="every matrix product, attention over the pairs a causal mask leaves", source="counted")
def flops_causal(decoder: Decoder, /) -> float:
    """As ``matmul``, but a query meets (s + 1) / 2 keys on average, fewer with a window."""
    return 3 * forward_flops(decoder, causal=True)


def flops_per_token(decoder: Decoder, /, *, convention: str = "matmul") -> float:
    """FLOPs of one training token, forward and backward; a whole number where the sizes allow one.

    Args:
        decoder: the sizes.
        convention: a key of ``CONVENTIONS``.

    Raises:
        ConfigError: an unknown convention, or one whose formula does not know such a shape.

    >>> small = Decoder(width=640, depth=10, heads=10, vocab=32000, context=2048)
    >>> 2048 * flops_per_token(small, convention="chinchilla")
    929877196800
    """
    found = CONVENTIONS.get(convention)
    if found is None:
        raise ConfigError(
            f"unknown FLOP convention {convention!r}", path="convention", hint=did_you_mean(convention, CONVENTIONS)
        )
    if not found.applies(decoder):
        raise ConfigError(
            f"convention {convention!r} knows only plain shapes: as many key heads as query heads, "
            "an ungated MLP of 4 x width, one expert, no window",
            path="convention",
            hint="use matmul",
        )
    return found.formula(decoder)


def flops_by_convention(decoder: Decoder, /) -> dict[str, float]:
    """FLOPs of one training token in every convention that applies."""
    return {name: found.formula(decoder) for name, found in CONVENTIONS.items() if found.applies(decoder)}


def convention_spread(decoder: Decoder, /, *, base: str = "6N") -> tuple[float, float]:
    """The smallest and the largest of all conventions over ``base``."""
    values = flops_by_convention(decoder)
    return min(values.values()) / values[base], max(values.values()) / values[base]


def train_flops(decoder: Decoder, /, *, tokens: float, convention: str = "matmul", recompute: bool = False) -> float:
    """FLOPs of training on ``tokens`` tokens.

    Args:
        decoder: the sizes.
        tokens: tokens seen, repetitions included.
        convention: a key of ``CONVENTIONS``.
        recompute: blocks are computed once more in the backward pass (the head is not).

    >>> gpt2 = Decoder(width=768, depth=12, heads=12, vocab=50257, context=1024)
    >>> train_flops(gpt2, tokens=1024, convention="narayanan")
    874944921600
    """
    one = flops_per_token(decoder, convention=convention)
    if recompute:
        one += forward_flops(decoder) - 2 * params(decoder).readout
    return one * tokens


def forward_flops(decoder: Decoder, /, *, causal: bool = False) -> float:
    """FLOPs of the matrix products of one token's forward pass: 2 a weight and 4 L keys H h for attention."""
    keys = keys_seen(decoder, causal=causal)
    return _integer(2 * params(decoder).multiplied + 4 * block_depth(decoder) * keys * decoder.query_width)


def keys_seen(decoder: Decoder, /, *, causal: bool = True) -> Fraction:
    """Keys that a query meets: averaged over a sequence if causal, else all of the context or window.

    >>> keys_seen(Decoder(width=8, depth=1, heads=1, vocab=8, context=5))
    Fraction(3, 1)
    """
    seen = _seen(decoder)
    return Fraction(seen) - Fraction(seen * (seen - 1), 2 * decoder.context) if causal else Fraction(seen)


def _seen(decoder: Decoder) -> int:
    return decoder.context if decoder.window is None else min(decoder.window, decoder.context)


def _active_head(found: Parameters) -> int:
    return found.hidden_head - found.unused


def _chinchilla(decoder: Decoder, *, include_embed_logits: bool) -> float:
    """Appendix F for one token; key heads, gates and experts are counted where the shape has them."""
    d, q, seen = decoder.width, decoder.query_width, _seen(decoder)
    routed = decoder.iterations * decoder.active_experts
    used = sum(times * ((routed if count > 1 else 1) + decoder.shared_experts) for count, times in decoder.expert_groups)
    attention = 2 * d * (q + 2 * decoder.kv_width) + 4 * seen * q + 3 * decoder.heads * seen + 2 * q * d
    dense = Fraction(2 * used * mlp_matrices(decoder), decoder.depth)
    ends = 2 * decoder.vocab * d * (decoder.tables + 1) if include_embed_logits else 0
    return _integer(3 * (Fraction(block_depth(decoder)) * (attention + dense) + ends))


def _integer(value: float | Fraction) -> float:
    """A whole number as an exact int, anything else as a float."""
    if isinstance(value, int):
        return value
    return int(value) if value == int(value) else float(value)
