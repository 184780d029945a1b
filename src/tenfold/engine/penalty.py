"""What is known about coefficients before the runs are looked at, as a quadratic added to the objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine.kernel import Evaluation, Kernel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Penalty:
    """A normal prior on plain free coefficients: ``dispersion / 2 * sum(((theta - mean) / sd)**2)``.

    ``mean`` and ``sd`` are (p,); an infinite ``sd`` says nothing about a coefficient. Objectives are not likelihoods:
    ``dispersion`` is the objective's unit of evidence (mean psi^2 over mean psi'), so that rows and prior weigh as much
    as they do in a posterior.
    """

    mean: Array
    sd: Array
    dispersion: float

    @property
    def precision(self) -> Array:
        """The curvature it adds, (p,), in units of the objective."""
        return np.asarray(self.dispersion / self.sd**2)

    def value(self, plain: Array) -> Array:
        """What it adds to the objective at plain free coefficients (L, p)."""
        return np.asarray(0.5 * ((plain - self.mean) ** 2) @ self.precision)

    def added(self, found: Evaluation, theta: Array, kernel: Kernel, damping: Array | None = None) -> Evaluation:
        """An evaluation at solver coordinates (L, p) with the prior in it.

        The prior is its own majoriser: where the Hessian is damped, ``H + mu M`` with ``damping`` mu (L,), it counts
        ``1 + mu`` times, or steps along what it holds would be too long by that factor.
        """
        plain = kernel.from_solver(theta)
        change = kernel.from_solver(np.eye(theta.shape[1]))  # rows: plain coordinates of solver unit vectors
        slope = (plain - self.mean) * self.precision
        curvature = (change * self.precision) @ change.T
        return Evaluation(
            found.value + self.value(plain),
            found.grad + change @ slope.T,
            found.hess + curvature[:, :, None] * (1.0 if damping is None else 1.0 + damping),
        )
