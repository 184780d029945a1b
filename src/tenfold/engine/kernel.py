"""Kernels: what the solver asks of a model on some rows, batched over lanes (starts or resamples)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.objective import Objective

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Objective and derivatives, the lane as the last axis.

    ``value`` (L,), ``grad`` (p, L), ``hess`` (p, p, L) exact, ``major`` (p, p, L) its positive semi-definite stand-in.
    """

    value: Array
    grad: Array
    hess: Array
    major: Array


class Kernel(ABC):
    """A model on fixed rows. Coefficients are free ones, in the solver's units; shape (L, p)."""

    size: int  # free coefficients
    rows: int

    @abstractmethod
    def model(self, theta: Array) -> Array:
        """The model in natural units of the output, shape (L, rows)."""

    @abstractmethod
    def evaluate(
        self, theta: Array, weights: Array, target: Array, objective: Objective, *, curvature: bool = True
    ) -> Evaluation:
        """Objective with derivatives. ``weights`` and ``target`` are (rows,) or (L, rows).

        ``curvature`` false leaves ``major`` zero, for lanes whose damping has ended.
        """

    @abstractmethod
    def values(self, theta: Array, weights: Array, target: Array, objective: Objective) -> Array:
        """The objective alone, shape (L,)."""

    def to_solver(self, theta: Array) -> Array:
        """From plain free units to the coordinates in which the kernel is well conditioned."""
        return theta

    def from_solver(self, theta: Array) -> Array:
        """Back to plain free units."""
        return theta


def row_sum(weights: Array, rows: Array) -> Array:
    """``sum_i w_i rows_i`` for each lane, whether the weights are shared or not."""
    if weights.ndim == 1:
        return np.asarray(np.einsum("ln,n->l", rows, weights))
    return np.asarray(np.einsum("ln,ln->l", rows, weights))
