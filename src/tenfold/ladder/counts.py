"""The bill of one model as its family counts it: exact integers, asserted against the arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tenfold.ladder.tensors import Tensor


@dataclass(frozen=True)
class Count:
    """Parameters, and the FLOPs of one training token (or labelled example).

    Attributes:
        total: every trained number.
        embedding: those of the input layer: tables, or a first layer on raw inputs.
        head: those of the readout.
        active: those that one token uses; less than ``total`` when experts are chosen.
        flops: all products of one token, forward and backward (twice the forward), two FLOPs a multiplication.
    """

    total: int
    embedding: int
    head: int
    active: int
    flops: int

    @property
    def hidden(self) -> int:
        """Neither input layer nor readout: "non-embedding" without the head."""
        return self.total - self.embedding - self.head

    @property
    def compute(self) -> float:
        """FLOPs a token over six: the N for which C = 6 N D holds exactly."""
        return self.flops / 6


def count_tensors(tensors: Iterable[Tensor], *, forward: int, idle: int = 0) -> Count:
    """A ``Count`` from declarations.

    Args:
        tensors: all weight arrays.
        forward: multiplications of the forward pass for one token.
        idle: parameters that one token does not use.
    """
    held = list(tensors)
    total = sum(tensor.numbers for tensor in held)
    return Count(
        total=total,
        embedding=sum(tensor.numbers for tensor in held if tensor.kind == "embed"),
        head=sum(tensor.numbers for tensor in held if tensor.kind == "readout"),
        active=total - idle,
        flops=3 * 2 * forward,
    )
