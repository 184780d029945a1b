"""``Scatter``: how far one run lies from a law, and whether that changes with what the law predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tenfold.engine import resample

Array = NDArray[np.float64]

MANY_ROWS = 20  # from so many on, the median size of the residuals says how large the noise is


@dataclass(frozen=True, slots=True)
class Scatter:
    """The noise of one run about a law: ``sd``, the standard deviation of its logarithm for a run like those fitted.

    Where the residuals show a trend with the predictions, ``ends`` holds the least and the largest logarithm of a
    prediction and ``levels`` the standard deviation at either; it changes evenly between them, and beyond them no more.
    """

    sd: float
    ends: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def at(self, predicted: Array) -> Array:
        """The standard deviation of one run's logarithm where the law predicts such values; shape of ``predicted``."""
        if not self.ends:
            return np.full(np.shape(predicted), self.sd)
        with np.errstate(all="ignore"):
            place = np.where(predicted > 0, np.log(predicted), self.ends[0])
        return np.asarray(np.exp(np.interp(place, self.ends, np.log(self.levels))))


def scatter(residual: Array, predicted: Array, clusters: NDArray[np.int64], coefs: float) -> Scatter:
    """From log residuals (n,) of a law with so many coefficients, its predictions (n,) and the run of every row (n,).

    The trend is one that residuals are also exchanged by (:func:`tenfold.engine.resample.levels`), and only taken where
    a rank test shows it (:func:`tenfold.engine.resample.alike`).

    >>> rng = np.random.default_rng(0)
    >>> loss = np.geomspace(2.0, 4.0, 60)
    >>> made = scatter(0.01 * (loss / 4) ** 2 * rng.standard_normal(60), loss, np.arange(60), 0)
    >>> made.at(np.array([1.0, 2.0, 4.0])).round(3).tolist()
    [0.003, 0.003, 0.009]
    """
    sd = run_noise(residual, coefs)
    if not (predicted > 0).all() or resample.alike(residual, np.log(predicted), clusters):
        return Scatter(sd)
    place = np.log(predicted)
    level = resample.levels(residual, place)
    usual = run_noise(residual / level, coefs)
    order = [int(place.argmin()), int(place.argmax())]
    if not usual > 0:
        return Scatter(sd)
    return Scatter(sd, tuple(place[order].tolist()), tuple((usual * level[order]).tolist()))


def run_noise(residual: Array, coefs: float) -> float:
    """Standard deviation of one run's logarithm from the residuals of a law with so many coefficients.

    From twenty runs on the median size of the residuals, so that outliers do not widen every forecast, without as many
    of the smallest as there are coefficients: a robust fit passes through about that many runs, whose residuals say
    nothing of the noise. Below twenty the root mean square, times the root of n / (n - p).
    """
    n, fitted = len(residual), min(round(coefs), len(residual) - 1)
    if n >= MANY_ROWS:
        return float(1.4826 * np.median(np.sort(np.abs(residual))[fitted:]))
    return float(np.sqrt(np.mean(residual**2) * n / max(n - coefs, 1.0)))
