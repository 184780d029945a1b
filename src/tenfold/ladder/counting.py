"""How many parameters, how many FLOPs: one named formula a convention.

Conventions move fitted exponents far more than noise does, so each has a name and every record of a
run carries all of them. Formulas take sizes and return exact integers; tests compare them with the
arrays of an initialised model.
"""

from collections.abc import Callable
from dataclasses import replace

from tenfold.core.errors import ConfigError
from tenfold.ladder.spec import Shape


def params_hidden(shape: Shape, /) -> int:
    """Matrices of the blocks: attention (4 d^2) and MLP (2 r d^2) in each of ``depth`` blocks."""
    return shape.depth * (4 + 2 * shape.mlp_ratio) * shape.width**2


def params_hidden_head(shape: Shape, /) -> int:
    """Blocks and the output head; the "non-embedding" count of most papers with an untied head."""
    return params_hidden(shape) + shape.vocab * shape.width


def params_total(shape: Shape, /) -> int:
    """Every trained number, the ``ngram`` embedding tables included."""
    return params_hidden_head(shape) + shape.ngram * shape.vocab * shape.width


def params_compute(shape: Shape, /) -> float:
    """Counted FLOPs a token over six: the N for which C = 6 N D holds exactly."""
    return flops_per_token_matmul(shape) / 6


def flops_per_token_matmul(shape: Shape, /) -> int:
    """FLOPs of all matrix products for one training token, forward and backward.

    Forward: two a weight of the blocks and the head, plus 4 T d a block for scores and weighted
    values over the full T x T square (its masked half is computed too). Backward: twice the forward.
    Embedding lookups cost none. 3 (24 L d^2 + 4 L T d + 2 V d) at an MLP ratio of 4.
    """
    attention = 4 * shape.depth * shape.context * shape.width
    return 3 * (2 * params_hidden_head(shape) + attention)


def flops_per_token_6n(shape: Shape, /) -> int:
    """The usual estimate 6 N with N = blocks and head (Kaplan et al. 2020, arXiv:2001.08361, sec. 2.1)."""
    return 6 * params_hidden_head(shape)


PARAMETERS: dict[str, Callable[[Shape], float]] = {
    "hidden": params_hidden,
    "hidden+head": params_hidden_head,
    "total": params_total,
    "flop/6": params_compute,
}
"""Parameter counts by the name of their convention."""

FLOPS_PER_TOKEN: dict[str, Callable[[Shape], int]] = {
    "matmul": flops_per_token_matmul,
    "6N": flops_per_token_6n,
}
"""FLOPs of one training token by the name of their convention."""


def count_parameters(shape: Shape, /, *, convention: str = "flop/6") -> float:
    """Number of parameters of ``shape`` in the named convention."""
    if convention not in PARAMETERS:
        raise ConfigError(
            f"unknown parameter convention {convention!r}",
            path="convention",
            hint=f"one of {', '.join(PARAMETERS)}",
        )
    return PARAMETERS[convention](shape)


def nearest_width(params: float, /, *, convention: str = "flop/6", shape: Shape | None = None) -> int:
    """Width whose model comes nearest to ``params`` in log N; a multiple of the head dimension.

    Args:
        params: wanted number of parameters, in ``convention``.
        convention: see ``PARAMETERS``.
        shape: the family's other sizes; its width is ignored. Default: the ``bytes`` preset's.
    """
    if not params > 0:
        raise ConfigError(f"params = {params} is not positive", path="params")
    base = shape or Shape(width=8)

    def count(width: int) -> float:
        return count_parameters(replace(base, width=width), convention=convention)

    low = high = base.head_dim
    while count(high) < params:
        low, high = high, high * 2
    while high - low > base.head_dim:
        middle = (low + high) // (2 * base.head_dim) * base.head_dim
        low, high = (middle, high) if count(middle) < params else (low, middle)
    return low if params / count(low) < count(high) / params else high
