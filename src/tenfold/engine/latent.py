r"""Errors in the inputs: where each row's true inputs most likely lie, given a law and its coefficients.

Observed logarithms ``x = xi + e`` carry errors of known standard deviation s; the observed target is ``t = u(xi) + eps``
with standard deviation sigma. With the law's slopes ``g = du/dx``, residuals ``r = t - u(x)`` have the covariance

    V = sigma^2 I + sum_k s_k^2 g_k g_k'   (over the rows that share the error of input k)

and ``xi = x + s^2 g (V^-1 r)`` is uncorrelated with r, so that ``sum_i w_i psi(r_i) du(xi_i)/dtheta = 0`` is an unbiased
equation for the coefficients where the one at x is not: with errors in x itself, exponents come out too small. These are
the conditional scores of Stefanski and Carroll (1987), Biometrika 74, 703-716, linear in each row's error; for a straight
line and normal errors they give Deming's regression. First order in s: what is left is of the size of u'' s^2 / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_WILD = 3.0  # standard deviations beyond which a residual says nothing more of the inputs
_ROUNDS = 200


@dataclass(frozen=True, eq=False)
class Erring:
    """One input with errors: ``sd`` of its logarithm, the law's ``slope`` there (n,), and which rows share an error."""

    sd: float
    slope: Array
    group: Index

    def summed(self, values: Array) -> Array:
        """``G values``: each row's slope times the sum of slope times value over the rows that share its error."""
        total = np.bincount(self.group, weights=self.slope * values)
        return np.asarray(self.sd**2 * self.slope * total[self.group])

    def moved(self, solved: Array) -> Array:
        """How far the input's logarithm lies from what was recorded, given ``V^-1 r``, (n,)."""
        total = np.bincount(self.group, weights=self.slope * solved)
        return np.asarray(self.sd**2 * total[self.group])


def variance(noise: float, inputs: Sequence[Erring]) -> Array:
    """Each row's variance of the residual, the diagonal of V, (n,)."""
    return np.asarray(noise**2 + np.sum([(part.sd * part.slope) ** 2 for part in inputs], axis=0))


def noise_of(residual: Array, inputs: Sequence[Erring], *, freedom: float, robust: bool) -> float:
    """The target's own standard deviation: what is left of the residuals' scatter when the inputs' errors are taken off.

    The value at which squared residuals over their variances average ``freedom`` (the share of rows that coefficients
    leave), or have the median that a normal would have. Never below a tenth of the scatter itself.
    """
    from scipy.special import chdtri

    middle = freedom * (float(chdtri(1, 0.5)) if robust else 1.0)
    average = np.median if robust else np.mean
    most = float(np.sqrt(average(residual**2) / middle))
    if most == 0:
        return 0.0
    low, high = 0.1 * most, most
    for _ in range(60):
        half = 0.5 * (low + high)
        if average(residual**2 / variance(half, inputs)) > middle:
            low = half
        else:
            high = half
    return high


def solved(residual: Array, noise: float, inputs: Sequence[Erring]) -> Array:
    """``V^-1 r``, (n,), by scaled conjugate gradients; residuals beyond three standard deviations count as three."""
    spread = variance(noise, inputs)
    r = np.clip(residual, -_WILD * np.sqrt(spread), _WILD * np.sqrt(spread))
    out = np.zeros_like(r)
    z = r / spread
    direction, size = z, float(r @ z)
    least = 1e-24 * size
    for _ in range(_ROUNDS):
        if size <= least:
            break
        image = noise**2 * direction + np.sum([part.summed(direction) for part in inputs], axis=0)
        step = size / float(direction @ image)
        out, r = out + step * direction, r - step * image
        z = r / spread
        size, before = float(r @ z), size
        direction = z + size / before * direction
    return out
