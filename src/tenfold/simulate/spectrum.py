r"""Power-law spectra: sums over all their modes, and what kernels with such a spectrum learn.

Mode k has the eigenvalue :math:`\lambda_k = k^{-b}` and carries the share :math:`k^{-a}` of the target's variance. Sums
over infinitely many modes are exact to about nine digits: the first modes one by one, the rest as an integral.

The losses of ridgeless regression on D samples with N random features are closed forms in the resolution κ. With Gaussian
features they hold up to corrections of order 1/min(D, N); :mod:`tenfold.simulate.teacher_student` measures them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FIRST = 4096  # modes summed one by one; the midpoint rule for the rest is off by about 1/(24 FIRST^2) of what remains
NODES = 8  # Gauss-Legendre nodes for each factor e of the mode number
DIGITS = 37.0  # factors e by which a summand must have fallen before the sum is cut


def modes(slowest: float, *, count: int = 0) -> tuple[Array, Array]:
    """Mode numbers and weights: ``term(k) @ weight`` is the sum of ``term`` over k = 1, 2, 3, ...

    Args:
        slowest: the sum of what remains beyond k falls at least as k to the power of minus this; above 0.
        count: how many modes there are; 0 for infinitely many.

    Example:
        >>> from tenfold.simulate.spectrum import modes
        >>> k, weight = modes(1.0)
        >>> round(float(k**-2.0 @ weight), 8)  # pi^2 / 6
        1.64493407
    """
    if count:
        k = np.arange(1.0, count + 1.0)
        return k, np.ones(count)
    k = np.arange(1.0, FIRST + 1.0)
    start = np.log(FIRST + 0.5)
    end = min(start + DIGITS / slowest, 690.0)  # exp(690) is the last factor that a double holds
    edges = np.linspace(start, end, int(np.ceil(end - start)) + 1)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(edges)[:, None] / 2
    u = (edges[:-1, None] + half * (1 + nodes)).ravel()
    far = np.exp(u)
    return np.concatenate([k, far]), np.concatenate([np.ones(FIRST), (half * weights).ravel() * far])


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues k^-b and a target whose mode k holds the variance k^-a; a > 1, b > 1.

    ``count`` is the number of modes, 0 for infinitely many.

    Example:
        >>> from tenfold.simulate.spectrum import Spectrum
        >>> kernel = Spectrum(a=2.0, b=2.0)
        >>> round(float(kernel.data_limited(100) / kernel.size_limited(100)), 9)  # equal where every weight is alike
        1.0
    """

    a: float
    b: float
    count: int = 0
    k: Array = field(init=False, repr=False)
    weight: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        k, weight = modes(min(self.a, self.b) - 1, count=self.count)
        object.__setattr__(self, "k", k)
        object.__setattr__(self, "weight", weight)

    def sum(self, term: Callable[[Array], Array]) -> Array:
        """The sum over the modes of a function of the mode number; further axes go first."""
        return np.asarray(term(self.k) @ self.weight)

    def remaining(self, times: ArrayLike) -> Array:
        """Loss under gradient flow at given times without any other limit: sum of k^-a exp(-2 k^-b t)."""
        t = np.asarray(times, dtype=np.float64)[..., None]
        return self.sum(lambda k: k**-self.a * np.exp(-2 * k**-self.b * t))

    def resolution(self, n: ArrayLike) -> Array:
        r"""κ with :math:`\sum_k \lambda_k/(\lambda_k + \kappa) = n`: n samples, or features, learn the modes above it.

        Newton's method on logarithms, where the left side is close to a straight line.
        """
        size = np.asarray(n, dtype=np.float64)[..., None]
        lam = self.k**-self.b
        log = -self.b * np.log(size)
        for _ in range(60):
            share = lam / (lam + np.exp(log))
            held = (share @ self.weight)[..., None]
            slope = ((share * (share - 1)) @ self.weight)[..., None]
            step = (np.log(size) - np.log(held)) * held / slope
            log = log + np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-13:
                break
        return np.exp(log[..., 0])

    def data_limited(self, n: ArrayLike) -> Array:
        r"""Mean test loss of ridgeless regression on n samples, all features: falls as n^-min(a-1, 2b).

        :math:`(1-\gamma)^{-1} \sum_k k^{-a} \kappa^2/(\lambda_k+\kappa)^2`,
        :math:`\gamma = n^{-1} \sum_k \lambda_k^2/(\lambda_k+\kappa)^2` (Bordelon et al., 2020; Simon et al., 2021).
        """
        return self.ridgeless(n, np.inf)

    def size_limited(self, n: ArrayLike) -> Array:
        r"""Mean loss of the best fit with n random features, all data: falls as n^-min(a-1, b).

        :math:`\sum_k k^{-a} \kappa/(\lambda_k+\kappa)`: what a random projection onto n directions leaves.
        """
        return self.ridgeless(np.inf, n)

    def ridgeless(self, samples: ArrayLike, features: ArrayLike) -> Array:
        """Mean test loss of the least-norm fit to D samples with N random features; infinite at D = N.

        Simon et al. (2023), More is better, arXiv:2311.14646, the omniscient risk estimate of random-feature regression
        at ridge zero. Shapes broadcast; either may be infinite.
        """
        d, n = np.broadcast_arrays(np.asarray(samples, np.float64), np.asarray(features, np.float64))
        smaller = np.minimum(d, n)
        kappa = self.resolution(smaller)[..., None]
        share = self.k**-self.b / (self.k**-self.b + kappa)
        lost, power = 1 - share, self.k**-self.a
        q = (share**2) @ self.weight
        with np.errstate(divide="ignore", invalid="ignore"):
            enough = (power * lost) @ self.weight / (1 - n / d)
            # With N features beyond D samples: N/(N - q) (1 - D/N) of the learned modes' part is taken off.
            off = np.where(np.isinf(n), 1.0, (n - d) / (n - q))
            noise = np.where(np.isinf(n), q / d, (q * (1 - 2 * d / n) + d * d / n) / (d * (1 - q / n)))
            scarce = ((power * lost) @ self.weight - off * ((power * lost * share) @ self.weight)) / (1 - noise)
            return np.where(d > n, enough, np.where(d < n, scarce, np.inf))
