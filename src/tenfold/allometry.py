r"""``allometry``: a log-log line when both quantities are measured with error.

Least squares of log y on log x takes x as exact and makes the exponent too small when it is not. The lines here treat
both alike, in closed form:

* ``rma``, the reduced major axis: the ratio of the standard deviations, for scatter that is in the quantities themselves
  and not in their measurement;
* ``deming``: errors of known ratio of variances, ``ratio = var(log y) / var(log x)``; ``major`` is the same with ratio 1,
  total least squares;
* ``ols``: errors in y alone, for comparison.

A value of theory is tested by whether the residuals of a line with that exponent are correlated with the position along
it (Warton et al., 2006, Biological Reviews 81, 259), which is exact for normal scatter. Shared ancestry, or any other
known covariance of the rows, is taken out by generalised least squares before anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, DataError, did_you_mean
from tenfold.core.provenance import Provenance, provenance
from tenfold.core.runs import Runs
from tenfold.engine.resample import cluster_counts
from tenfold.io.needs import require
from tenfold.uncertainty import small_sample

Array = NDArray[np.float64]

METHODS = ("rma", "deming", "major", "ols")
_WEAK = 0.8  # correlation below which the choice of the line moves the exponent by a quarter


@dataclass(frozen=True, slots=True)
class Allometry:
    """A line y = A x^b through quantities that are both uncertain.

    ``b_interval`` and ``A_interval`` are bootstrap intervals at ``level``. ``slopes`` holds the exponent by every method,
    and by ``inverse``, least squares of log x on log y: how far they differ is what the choice of method decides.
    ``p`` is the probability of data as far from the ``theory`` as these, were it true.
    """

    x: str
    y: str
    method: str
    ratio: float
    A: float
    b: float
    A_interval: tuple[float, float]
    b_interval: tuple[float, float]
    level: float
    correlation: float
    n: int
    slopes: Mapping[str, float]
    theory: float | None
    p: float | None
    notes: tuple[str, ...]
    provenance: Provenance

    def predict(self, x: Any) -> Array:
        """The line at some x. For a prediction of y from an uncertain x, least squares (``ols``) is the better line."""
        return np.asarray(self.A * np.asarray(x, dtype=np.float64) ** self.b)

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "x": self.x,
            "y": self.y,
            "method": self.method,
            "ratio": self.ratio,
            "coef": {"A": self.A, "b": self.b},
            "intervals": {"A": list(self.A_interval), "b": list(self.b_interval)},
            "level": self.level,
            "correlation": self.correlation,
            "n": self.n,
            "slopes": dict(self.slopes),
            "theory": self.theory,
            "p": self.p,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class _Rows:
    """Whitened rows: a column for the constant, one for log x, one for log y; plain logarithms without a covariance."""

    one: Array
    x: Array
    y: Array

    def moments(self, weight: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Weighted means and central sums of squares and products; ``weight`` is (..., n)."""
        s11, s1x, s1y = (weight @ (self.one * other) for other in (self.one, self.x, self.y))
        mx, my = s1x / s11, s1y / s11
        sxx = weight @ self.x**2 - s11 * mx**2
        syy = weight @ self.y**2 - s11 * my**2
        sxy = weight @ (self.x * self.y) - s11 * mx * my
        return mx, my, sxx, syy, sxy


def allometry(
    runs: Runs,
    *,
    x: str,
    y: str,
    method: str = "rma",
    ratio: float = 1.0,
    theory: float | None = None,
    covariance: Any = None,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
) -> Allometry:
    """The exponent and size of y = A x^b when x and y are both uncertain, with intervals.

    Args:
        runs: a table with the columns ``x`` and ``y``, both positive. Rows that share ``cell`` or ``run`` are resampled
            together.
        method: ``rma``, ``deming``, ``major`` or ``ols``; see the module.
        ratio: for ``deming``, variance of the error of log y over that of log x.
        theory: an exponent to test.
        covariance: covariance of the rows up to a factor, (n, n), such as shared branch lengths of a phylogeny.
        draws, level, seed: of the bootstrap and its central intervals.

    Raises:
        ConfigError: an unknown method, or a ratio that is not positive.
        DataError: fewer than 3 rows, a value that is not positive, no spread or no correlation.

    Example:
        >>> from tenfold import Runs, allometry
        >>> animals = Runs({"mass": [0.02, 0.3, 3.0, 70.0, 4000.0], "rate": [0.2, 1.6, 8.0, 90.0, 2000.0]})
        >>> found = allometry(animals, x="mass", y="rate", theory=0.75)
        >>> round(found.b, 2), found.p > 0.1
        (0.75, True)
    """
    ratio = _ratio_of(method, ratio)
    kept = require(runs, [x, y], positive=False)
    if covariance is not None and len(kept) != len(runs):
        raise DataError(
            f"{runs.source}: {len(runs) - len(kept)} of {len(runs)} rows cannot be used, and the covariance is of all",
            hint="drop these rows from the table and from the covariance first",
        )
    rows = _whitened(_logs(kept, x), _logs(kept, y), covariance)
    n = len(kept)
    mx, my, sxx, syy, sxy = (float(value) for value in rows.moments(np.ones(n)))
    _check(kept, n, x, y, sxx, syy, sxy)
    b = float(_slope(method, ratio, sxx, syy, sxy))
    correlation = sxy / float(np.sqrt(sxx * syy))
    clusters = kept.clusters()
    groups = int(clusters.max()) + 1
    sampled = _sampled(rows, clusters, method, ratio, draws, np.random.default_rng(seed))
    wide = small_sample(groups, 2)
    tails = [(1 - level) / 2, (1 + level) / 2]
    log_size = my - b * mx
    b_low, b_high = b + wide * (np.quantile(sampled[0], tails) - b)
    a_low, a_high = np.exp(log_size + wide * (np.quantile(sampled[1], tails) - log_size))
    return Allometry(
        x=x,
        y=y,
        method=method,
        ratio=ratio,
        A=float(np.exp(log_size)),
        b=b,
        A_interval=(float(a_low), float(a_high)),
        b_interval=(float(b_low), float(b_high)),
        level=level,
        correlation=correlation,
        n=n,
        slopes={
            **{name: float(_slope(name, ratio if name == "deming" else 1.0, sxx, syy, sxy)) for name in METHODS},
            "inverse": syy / sxy,
        },
        theory=theory,
        p=None if theory is None else _p_of(method, ratio, theory, n, sxx, syy, sxy),
        notes=(*kept.notes, *_notes(correlation, method, groups, n)),
        provenance=provenance(
            "allometry", runs_id=kept.id, source=kept.source, x=x, y=y, method=method, ratio=ratio, seed=seed
        ),
    )


def _ratio_of(method: str, ratio: float) -> float:
    if method not in METHODS:
        raise ConfigError(f"unknown method {method!r}", path="method", hint=did_you_mean(method, METHODS))
    if not (np.isfinite(ratio) and ratio > 0):
        raise ConfigError(f"the ratio of the error variances must be positive, got {ratio!r}", path="ratio")
    return float(ratio) if method == "deming" else 1.0


def _logs(runs: Runs, name: str) -> Array:
    values = runs.column(name)
    if not (values > 0).all():
        row = int(np.flatnonzero(~(values > 0))[0])
        raise DataError(
            f"{name} is {values[row]:g} in row {row + 1} of {runs.source}, and its logarithm is taken",
            hint="leave the row out with --where",
        )
    return np.log(values)


def _whitened(x: Array, y: Array, covariance: Any) -> _Rows:
    if covariance is None:
        return _Rows(np.ones(len(x)), x, y)
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (len(x), len(x)):
        raise DataError(
            f"the covariance has the shape {matrix.shape}, and there are {len(x)} rows",
            hint="give one row and one column for each row of the table, in its order",
        )
    try:
        root = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise DataError(
            "the covariance of the rows is not positive definite", hint="two rows may be the same, or it is no covariance"
        ) from None
    return _Rows(*np.linalg.solve(root, np.stack([np.ones(len(x)), x, y], axis=1)).T)


def _check(runs: Runs, n: int, x: str, y: str, sxx: float, syy: float, sxy: float) -> None:
    if n < 3:
        raise DataError(f"{runs.source} holds {n} rows: a line with an interval needs 3", hint="add rows")
    for name, value in ((x, sxx), (y, syy)):
        if not value > 1e-20:
            raise DataError(f"{name} is the same in every row of {runs.source}", hint="a line needs both to vary")
    if abs(sxy) <= 1e-12 * np.sqrt(sxx * syy):
        raise DataError(f"{x} and {y} are not correlated in {runs.source}", hint="no line describes them")


def _slope(method: str, ratio: float, sxx: Any, syy: Any, sxy: Any) -> Any:
    """The exponent from the central sums, in closed form."""
    if method == "ols":
        return sxy / sxx
    if method == "rma":
        return np.sign(sxy) * np.sqrt(syy / sxx)
    half = 0.5 * (syy - ratio * sxx)
    root = np.hypot(half, np.sqrt(ratio) * sxy)
    # the larger of two equal forms: no cancellation whichever variance is the greater
    return np.where(half >= 0, (half + root) / sxy, ratio * sxy / np.where(root - half > 0, root - half, 1.0))


def _sampled(rows: _Rows, clusters: NDArray[np.int64], method: str, ratio: float, draws: int, rng: Any) -> Array:
    """Exponents and logarithms of sizes of resampled rows, (2, draws); resamples without spread are left out."""
    counts = cluster_counts(clusters, draws, rng)
    with np.errstate(all="ignore"):
        mx, my, sxx, syy, sxy = rows.moments(counts)
        b = _slope(method, ratio, sxx, syy, sxy)
    found = np.stack([b, my - b * mx])
    return found[:, np.isfinite(found).all(axis=0) & (sxx > 1e-12)]


def _p_of(method: str, ratio: float, theory: float, n: int, sxx: float, syy: float, sxy: float) -> float:
    """Two-sided probability that the residual from the theory's line is this correlated with the place along it.

    The place is x for least squares, x and y / theory in equal parts for the reduced major axis, and ratio x + theory y
    for errors of known ratio; with the true exponent it is independent of the residual y - theory x.
    """
    from scipy.special import stdtr

    along_x, along_y = {"ols": (1.0, 0.0), "rma": (theory, 1.0)}.get(method, (ratio, theory))
    product = -theory * along_x * sxx + along_y * syy + (along_x - theory * along_y) * sxy
    residual = syy - 2 * theory * sxy + theory**2 * sxx
    along = along_x**2 * sxx + 2 * along_x * along_y * sxy + along_y**2 * syy
    r = product / np.sqrt(residual * along) if residual * along > 0 else 0.0
    if n < 3 or abs(r) >= 1:
        return 0.0 if abs(r) >= 1 else 1.0
    return float(2 * stdtr(n - 2, -abs(r) * np.sqrt((n - 2) / (1 - r * r))))


def _notes(correlation: float, method: str, groups: int, n: int) -> tuple[str, ...]:
    notes = []
    if abs(correlation) < _WEAK:
        notes.append(
            f"the correlation of the logarithms is {correlation:.2f}: the exponent depends on the method more than on "
            f"the data, between that of ols and that of inverse"
        )
    if groups < n:
        notes.append(f"resampled by {groups} groups of rows; the test of a theory takes rows as independent")
    if groups < 8:
        notes.append(f"{groups} independent rows: the interval is rough")
    return tuple(notes)
