"""Kernels: what the solver asks of a model on some rows, batched over lanes (starts or resamples)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.objective import Objective

Array = NDArray[np.float64]
Lanes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Objective and derivatives, the lane as the last axis.

    ``value`` (L,), ``grad`` (p, L) and ``hess`` (p, p, L): the exact Hessian plus the damping that was asked for.
    """

    value: Array
    grad: Array
    hess: Array


class Kernel(ABC):
    """A model on fixed rows. Coefficients are free ones, in the solver's units; shape (L, p)."""

    size: int  # free coefficients
    rows: int

    @abstractmethod
    def model(self, theta: Array) -> Array:
        """The model in natural units of the output, shape (L, rows)."""

    @abstractmethod
    def jacobian(self, theta: Array) -> Array:
        """Derivatives of the model in natural units at one point (1, p), shape (rows, p)."""

    @abstractmethod
    def evaluate(
        self,
        theta: Array,
        weights: Array,
        target: Array,
        objective: Objective,
        *,
        damping: Array | None = None,
        lanes: Lanes | None = None,
    ) -> Evaluation:
        """Objective with derivatives. ``weights`` and ``target`` are (rows,), or (L, rows), or picked by ``lanes``.

        ``damping`` (L,) times the objective's majorising curvature, which is never negative, is added to the Hessian.
        """

    @abstractmethod
    def values(
        self, theta: Array, weights: Array, target: Array, objective: Objective, *, lanes: Lanes | None = None
    ) -> Array:
        """The objective alone, shape (L,)."""

    def to_solver(self, theta: Array) -> Array:
        """From plain free units to the coordinates in which the kernel is well conditioned."""
        return theta

    def from_solver(self, theta: Array) -> Array:
        """Back to plain free units."""
        return theta


@dataclass(frozen=True, slots=True)
class Block:
    """A tile of lanes by rows, small enough that its work arrays stay in a core's cache."""

    lanes: slice
    rows: slice


ROWS, CELLS = 2048, 12_000  # rows in a tile, and lanes times rows: about 100 kB an array


def blocks(lanes: int, rows: int, cells: int = CELLS) -> Iterator[Block]:
    """Tiles that cover all lanes and rows, row tiles innermost.

    Sums over tiles are taken in this order whatever the number of threads, so results do not depend on it. Tiles are
    also far below the sizes at which a BLAS starts threads of its own.
    """
    deep = min(max(rows, 1), ROWS)
    wide = max(cells // deep, 1)
    for lane in range(0, lanes, wide):
        for row in range(0, rows, deep):
            yield Block(slice(lane, min(lane + wide, lanes)), slice(row, min(row + deep, rows)))


def in_cache(lanes: int, rows: int) -> Iterator[slice]:
    """Lanes in turn, as many at a time as stay in a core's cache with all of their rows."""
    wide = max(CELLS // max(rows, 1), 1)
    for lane in range(0, lanes, wide):
        yield slice(lane, min(lane + wide, lanes))


def pick(array: Array, block: Block, lanes: Lanes | None) -> Array:
    """The block's part of weights or targets that are shared (rows,) or per lane (L, rows)."""
    if array.ndim == 1:
        return array[block.rows]
    if lanes is None:
        return array[block.lanes, block.rows]
    index = lanes[block.lanes]
    if index[-1] - index[0] == index.size - 1:  # neighbours, as long as no lane has ended: no copy
        return array[index[0] : index[-1] + 1, block.rows]
    return array[index, block.rows]
