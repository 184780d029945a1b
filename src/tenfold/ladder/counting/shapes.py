"""The same counts for a ladder's own shapes, by the names that records use.

Formulas take sizes and return exact integers; tests compare them with the arrays of an initialised model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder.counting.decoder import decoder_of, params
from tenfold.ladder.counting.flops import flops_matmul


def params_hidden(shape: Any, /) -> int:
    """Parameters of the blocks: attention (4 d^2) and MLP (2 r d^2) in each of ``depth`` blocks of a plain shape."""
    return params(decoder_of(shape)).hidden


def params_hidden_head(shape: Any, /) -> int:
    """Blocks and the output head; the "non-embedding" count of most papers with an untied head."""
    return params(decoder_of(shape)).hidden_head


def params_total(shape: Any, /) -> int:
    """Every trained number, the ``ngram`` embedding tables included."""
    return params(decoder_of(shape)).total


def params_compute(shape: Any, /) -> float:
    """Counted FLOPs a token over six: the N for which C = 6 N D holds exactly."""
    return flops_per_token_matmul(shape) / 6


def flops_per_token_matmul(shape: Any, /) -> int:
    """FLOPs of all matrix products for one training token, forward and backward.

    Forward: two a weight of the blocks and the head, plus 4 T d a block for scores and weighted
    values over the full T x T square (its masked half is computed too). Backward: twice the forward.
    Embedding lookups cost none. 3 (24 L d^2 + 4 L T d + 2 V d) at an MLP ratio of 4.
    """
    return int(flops_matmul(decoder_of(shape)))


def flops_per_token_6n(shape: Any, /) -> int:
    """The usual estimate 6 N with N = blocks and head (Kaplan et al. 2020, arXiv:2001.08361, sec. 2.1)."""
    return 6 * params_hidden_head(shape)


PARAMETERS: dict[str, Callable[[Any], float]] = {
    "hidden": params_hidden,
    "hidden+head": params_hidden_head,
    "total": params_total,
    "flop/6": params_compute,
}
"""Parameter counts by the name of their convention."""

FLOPS_PER_TOKEN: dict[str, Callable[[Any], int]] = {
    "matmul": flops_per_token_matmul,
    "6N": flops_per_token_6n,
}
"""FLOPs of one training token by the name of their convention."""


def count_parameters(shape: Any, /, *, convention: str = "flop/6") -> float:
    """Number of parameters of ``shape`` in the named convention."""
    if convention not in PARAMETERS:
        raise ConfigError(
            f"unknown parameter convention {convention!r}",
            path="convention",
            hint=f"one of {', '.join(PARAMETERS)}",
        )
    return PARAMETERS[convention](shape)


def nearest_width(params: float, /, *, convention: str = "flop/6", shape: Any = None) -> int:
    """Width whose model comes nearest to ``params`` in log N; a multiple of the head dimension.

    Args:
        params: wanted number of parameters, in ``convention``.
        convention: see ``PARAMETERS``.
        shape: the family's other sizes; its width is ignored. Default: the ``bytes`` preset's.
    """
    if not params > 0:
        raise ConfigError(f"params = {params} is not positive", path="params")
    base = shape or _bytes_shape()

    def count(width: int) -> float:
        return count_parameters(replace(base, width=width), convention=convention)

    low = high = base.head_dim
    while count(high) < params:
        low, high = high, high * 2
    while high - low > base.head_dim:
        middle = (low + high) // (2 * base.head_dim) * base.head_dim
        low, high = (middle, high) if count(middle) < params else (low, middle)
    return int(low if params / count(low) < count(high) / params else high)


def _bytes_shape() -> Any:
    from tenfold.ladder.spec import Shape

    return Shape(width=8)
