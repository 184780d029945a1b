"""What residuals say of a fit: do they bend along an axis, does a run stand out, do they exceed what seeds explain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_CLIP = 3.0  # robust standard deviations beyond which a residual counts no more for a trend
_LEAST = 5  # degrees of freedom that a test of residuals must have


@dataclass(frozen=True, slots=True)
class Trend:
    """A bend of residuals along an axis: the quadratic part of measured over fitted, in logarithms.

    ``bend`` is how far the ends of the axis lie above its middle (positive: the law is too low at the ends); ``p`` how
    often right laws show as much.
    """

    column: str
    bend: float
    p: float

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"column": self.column, "bend": self.bend, "p": self.p}


@dataclass(frozen=True, slots=True)
class Outlier:
    """A row whose residual is not of the others' kind: ``times`` their robust standard deviation."""

    row: int
    residual: float
    times: float


@dataclass(frozen=True, slots=True)
class Seeds:
    """Runs repeated at the same point.

    ``noise`` is the standard deviation of one run about its point's mean, on ``freedom`` degrees of freedom; ``excess``
    the standard deviation of point means about the law that this noise does not explain, ``p`` how often a right law
    shows as much. All NaN without repeats.
    """

    points: int
    freedom: int
    noise: float
    excess: float
    p: float

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def trends(residual: Array, axes: Mapping[str, Array], clusters: Codes, size: int) -> tuple[Trend, ...]:
    """The bend of residuals along each positive axis, for a law of ``size`` coefficients.

    Means of clusters are regressed on 1, z and z^2 of the axis' logarithm; the standard error is robust to noise that
    changes along the axis (HC3, and t with as many degrees of freedom as the fit leaves). Residuals beyond three robust
    standard deviations are drawn in, so that one outlier makes no trend. A fit takes up some of any bend, so the test
    errs on the quiet side.
    """
    from scipy.special import stdtr

    means = _means(residual, clusters)
    freedom = len(means) - max(size, 3)
    if freedom < _LEAST:
        return ()
    scale = robust(means, 0)
    means = np.clip(means, -_CLIP * scale, _CLIP * scale) if scale > 0 else means
    made = []
    for column, values in axes.items():
        if not (values > 0).all():
            continue
        z = _means(np.log(values), clusters)
        if len(np.unique(np.round(z, 6))) < 4:
            continue
        z = 2.0 * (z - z.min()) / np.ptp(z) - 1.0
        bend, error = _quadratic(z, means)
        if error > 0:
            made.append(Trend(column, bend, float(2.0 * stdtr(freedom, -abs(bend) / error))))
    return tuple(made)


def _means(values: Array, clusters: Codes) -> Array:
    counts = np.bincount(clusters)
    return np.asarray(np.bincount(clusters, weights=values)[counts > 0] / counts[counts > 0])


def _quadratic(z: Array, y: Array) -> tuple[float, float]:
    """The coefficient of z^2 and its HC3 standard error."""
    design = np.column_stack([np.ones_like(z), z, z * z])
    inverse = np.linalg.pinv(design.T @ design)
    left = y - design @ (inverse @ design.T @ y)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    scaled = design * (left / np.maximum(1.0 - leverage, 1e-3))[:, None]
    covariance = inverse @ (scaled.T @ scaled) @ inverse
    return float((inverse @ design.T @ y)[2]), float(np.sqrt(max(covariance[2, 2], 0.0)))


def robust(residual: Array, size: int) -> float:
    """Standard deviation by the median of absolute residuals, leaving out the ``size`` smallest.

    A robust fit of ``size`` coefficients passes through about as many rows exactly; these say nothing about noise.
    """
    least = np.sort(np.abs(residual))[min(size, max(len(residual) - 3, 0)) :]
    return float(1.4826 * np.median(least))


def outliers(residual: Array, size: int, *, chance: float = 0.01) -> tuple[Outlier, ...]:
    """Rows whose residual exceeds what normal noise shows with probability ``chance`` in the whole table.

    By Student's t with as many degrees of freedom as the fit leaves, and at least five robust standard deviations:
    noise of training is a little heavier in the tails than normal.
    """
    from scipy.special import stdtrit

    freedom = len(residual) - size
    scale = robust(residual, size)
    if freedom < _LEAST or not scale > 0:
        return ()
    limit = max(float(stdtrit(freedom, 1.0 - chance / (2 * len(residual)))), 5.0)
    rows = np.flatnonzero(np.abs(residual) > limit * scale)
    rows = rows[np.argsort(-np.abs(residual[rows]), kind="stable")]
    return tuple(Outlier(int(row), float(residual[row]), float(abs(residual[row]) / scale)) for row in rows)


def seeds(residual: Array, inputs: Mapping[str, Array], runs: Codes, size: int) -> Seeds:
    """Noise between runs at the same point, and what the law misses beyond it (the classical test of lack of fit)."""
    from scipy.special import fdtrc

    points = np.column_stack([np.log(np.maximum(v, 1e-300)) for v in inputs.values()])
    _, code = np.unique(np.round(points, 9), axis=0, return_inverse=True)
    code = code.ravel()
    many = int(code.max()) + 1
    separate = np.unique(np.column_stack([code, runs]), axis=0)  # two rows of one run are no repeat
    freedom = len(separate) - many
    nothing = float("nan")
    if freedom < 1 or len(separate) != len(residual):
        return Seeds(many, max(freedom, 0), nothing, nothing, nothing)
    counts = np.bincount(code)
    means = np.bincount(code, weights=residual) / counts
    noise = float(np.sum((residual - means[code]) ** 2)) / freedom
    left = many - size
    if left < 1 or noise <= 0:
        return Seeds(many, freedom, float(np.sqrt(noise)), nothing, nothing)
    lack = float(np.sum(counts * means**2)) / left
    excess = float(np.sqrt(max(lack - noise, 0.0) / np.mean(counts)))
    return Seeds(many, freedom, float(np.sqrt(noise)), excess, float(fdtrc(left, freedom, lack / noise)))
