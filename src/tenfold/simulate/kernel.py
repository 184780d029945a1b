"""Ridgeless kernel regression in closed form: learning curves in data and in features, dual to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of
from tenfold.simulate.spectrum import Spectrum

Array = NDArray[np.float64]


def declared(spectrum: Spectrum, *, low: float, high: float, noise: float = 0.0) -> dict[str, Exponent]:
    """Exponents of data and size for a spectrum, each with how far the closed form is off over these sizes.

    ``noise`` is added to the tolerance where the losses are drawn.
    """
    grid = np.geomspace(low, high, 9)
    theory = {"data": -min(spectrum.a - 1, 2 * spectrum.b), "size": -min(spectrum.a - 1, spectrum.b)}
    closed = {"data": spectrum.data_limited(grid), "size": spectrum.size_limited(grid)}
    out = {}
    for (name, value), axis in zip(theory.items(), ("tokens", "params"), strict=True):
        slope = float(np.polyfit(np.log(grid), np.log(closed[name]), 1)[0])
        reason = f"over these sizes the closed form has the slope {slope:.3f}"
        out[name] = Exponent(axis, value, part=name, tolerance=abs(slope - value) + 0.01 + noise, reason=reason)
    return out


KERNELS = Cite(
    "Bahri et al.", 2021, "Explaining Neural Scaling Laws", "arXiv:2102.06701", "resolution-limited scaling of kernels"
)


@simulator(KERNELS)
def kernel(
    *,
    alpha: float = 1.0,
    target: float = 0.0,
    low: float = 10.0,
    high: float = 10_000.0,
    points: int = 25,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Ridgeless kernel regression in closed form: learning curves in data and features, and both at once.

    The kernel's eigenvalues fall as :math:`\lambda_k = k^{-(1+\alpha)}`, without end. A kernel of smoothness t in d
    dimensions has :math:`\alpha \ge t/d`. The target's mode k carries :math:`\lambda_k w_k^2 = k^{-(1+\tau)}` of its
    variance; with :math:`\tau = \alpha` all weights are alike, as for a teacher drawn from the student's own prior.

    With the resolution κ that solves :math:`\sum_k \lambda_k/(\lambda_k+\kappa) = D`, the mean test loss of D samples is
    :math:`(1-\gamma)^{-1} \sum_k \kappa^2 \lambda_k w_k^2/(\lambda_k+\kappa)^2`,
    :math:`\gamma = D^{-1}\sum_k \lambda_k^2/(\lambda_k+\kappa)^2`; that of P random features and all data is
    :math:`\sum_k \kappa \lambda_k w_k^2/(\lambda_k+\kappa)`. Nothing is drawn; :mod:`tenfold.simulate.teacher_student`
    draws what this predicts.

    Parts of the table (label ``part``):

    * ``data``: loss against ``tokens`` D (samples), all features. :math:`D^{-\min(\tau,\,2(1+\alpha))}`.
    * ``size``: loss against ``params`` P (features), all data. :math:`P^{-\min(\tau,\,1+\alpha)}`.
    * ``grid``: both finite. The loss is infinite at P = D, where least-norm fits break; that diagonal is left out, and
      laws that fall in both axes do not hold near it.

    Duality: with all weights alike, the curves of data and of size are the same function. With other targets only the
    exponents agree, and only while :math:`\tau \le 1+\alpha`.

    Args:
        alpha: decay of the eigenvalues beyond 1; above 0.
        target: decay of the target's variance beyond 1; 0 for ``alpha``.
        low, high: ends of samples and of features.
        points: how many of each, evenly on a logarithmic scale.
        seed: not used; the model is exact.

    Raises:
        ConfigError: a setting is outside its range.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("kernel", alpha=1.0)
        >>> round(made.measured()["data"], 3), made.truth["data"].value
        (-0.998, -1.0)
    """
    between("alpha", alpha, low=0.05, high=4, why="above 4 doubles do not resolve the spectrum")
    between("target", target, low=0.0, high=12)
    tau = target or alpha
    between("target", tau, low=0.05, why="give 0 for the same decay as the kernel's")
    between("low", low, low=2)
    between("high", high, low=10 * low, high=1e6, why="a slope takes a decade")
    between("points", points, low=5, high=100)
    spectrum = Spectrum(1 + tau, 1 + alpha)
    n = np.geomspace(low, high, points)
    d, p = (axis.ravel() for axis in np.meshgrid(n[::4], n[::4], indexing="ij"))
    d, p = d[d != p], p[d != p]
    runs = runs_of(
        {
            "data": {"tokens": n, "loss": spectrum.data_limited(n)},
            "size": {"params": n, "loss": spectrum.size_limited(n)},
            "grid": {"tokens": d, "params": p, "loss": spectrum.ridgeless(d, p)},
        },
        source="simulated kernel",
        notes=("tokens are samples, params are features; a missing axis has no limit",),
    )

    def value(inputs: Mapping[str, Any]) -> Array:
        d, p = (inputs.get(symbol, inputs.get(column, np.inf)) for symbol, column in (("D", "tokens"), ("N", "params")))
        return spectrum.ridgeless(d, p)

    return runs, Truth(declared(spectrum, low=low, high=high), value=value)
