"""Prediction from growing numbers of correlated Gaussian predictors: increasing, decreasing and power-law returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import zeta

from tenfold.core.errors import ConfigError
from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of, whole_grid

Array = NDArray[np.float64]

WITHIN = 0.85  # of the number of predictors at which correlations drawn at random stop being correlations
TRIES = 50  # draws of a correlation matrix before giving up on a positive definite one
POINTS = 10  # numbers of predictors a part


def explained(predictors: Array, *, mean: float, spread: float) -> Array:
    r"""Share of the variance that K predictors explain, for large K, when all correlations are drawn independently.

    With :math:`c = 1 - m` and :math:`v = K \sigma^2` the inverse of the correlation matrix without its mean has the
    trace :math:`K g`, :math:`g = (c - \sqrt{c^2 - 4 v}) / 2 v` (the semicircle law), and

    .. math:: R^2(K) = v g + \frac{m^2 K g}{1 + m K g}

    Args:
        predictors: K, from 1 to less than ``(1 - mean)^2 / (4 spread^2)``.

    Example:
        >>> import numpy as np
        >>> from tenfold.simulate.gaussian_predictors import explained
        >>> round(float(explained(np.array(468.75), mean=0.0, spread=0.02)), 12)  # (1 - sqrt(1 - 3/4)) / 2
        0.25
    """
    c, v = 1 - mean, predictors * spread**2
    g = 2 / (c + np.sqrt(c * c - 4 * v))  # the same without the cancellation at small v
    return np.asarray(v * g + mean**2 * predictors * g / (1 + mean * predictors * g))


def turning_point(*, mean: float, spread: float) -> float:
    """The number of predictors at which returns stop falling and begin to rise: where ``explained`` has no curvature.

    0 when returns rise from the start, infinity when they fall for ever.

    Example:
        >>> from tenfold.simulate.gaussian_predictors import turning_point
        >>> [turning_point(mean=m, spread=s) for m, s in ((0.0, 0.02), (0.2, 0.0))]
        [0.0, inf]
    """
    if spread == 0:
        return float("inf")
    most = (1 - mean) ** 2 / (4 * spread**2)
    grid = np.linspace(0, most, 100_001)[1:-1]
    bend = np.diff(explained(grid, mean=mean, spread=spread), 2)
    rising = np.flatnonzero(bend > 0)
    return 0.0 if not mean or not len(rising) or rising[0] == 0 else float(grid[rising[0] + 1])


def midpoint_error(predictors: int, *, a: float) -> float:
    r"""Exact error, over the variance, of a periodic field midway between the K places where it is known.

    The field has the spectrum :math:`|j|^{-(1+a)}`. Frequencies that are equal modulo K cannot be told apart at the K
    places: of each such class, with the sum S of its variances and the sum D with signs :math:`(-1)^l`,
    :math:`S - D^2/S` is lost. Both are values of Hurwitz's function.

    Example:
        >>> from tenfold.simulate.gaussian_predictors import midpoint_error
        >>> round(midpoint_error(512, a=1.0) / midpoint_error(1024, a=1.0), 2)
        2.0
    """
    p, q = 1 + a, np.arange(1, predictors) / predictors
    alternating = _signed(p, q) - _signed(p, 1 - q)
    plain = zeta(p, q) + zeta(p, 1 - q)
    none, signed = 2 * zeta(p), -2 * (1 - 2 ** (1 - p)) * zeta(p)
    lost = (plain - alternating**2 / plain).sum() + none - signed**2 / none
    return float(lost * predictors**-p / (2 * zeta(p)))


def _signed(p: float, q: Array) -> Array:
    """Hurwitz's sum with alternating signs."""
    return np.asarray(2**-p * (zeta(p, q / 2) - zeta(p, (q + 1) / 2)))


def correlations(predictors: int, rng: np.random.Generator, *, mean: float, spread: float) -> Array:
    """A correlation matrix of a target, first, and its predictors, drawn until it is positive definite.

    Raises:
        ConfigError: none of many draws is.
    """
    size = predictors + 1
    for _ in range(TRIES):
        upper = np.triu(mean + spread * rng.standard_normal((size, size)), 1)
        drawn = upper + upper.T + np.eye(size)
        if np.linalg.eigvalsh(drawn)[0] > 0:
            return drawn
    raise ConfigError(
        f"no correlations of {predictors} predictors with mean {mean:g} and spread {spread:g} are positive definite",
        path="set.spread",
        hint="lower spread",
    )


def regression(matrix: Array, count: int, rng: np.random.Generator) -> tuple[float, float]:
    """Share explained by the best prediction, and the error of least squares on ``count`` drawn observations.

    The share is a mean over all variables as the target, one after the other: they are alike. Least squares predicts the
    first; its error is exact over new observations, for the coefficients found.
    """
    inner, outer = matrix[1:, 1:], matrix[0, 1:]
    best = np.linalg.solve(inner, outer)
    share = float(outer @ best)
    root = np.linalg.cholesky(inner)
    white = rng.standard_normal((count, len(best)))
    target = white @ (root.T @ best) + np.sqrt(1 - share) * rng.standard_normal(count)
    found = np.linalg.lstsq(white, target, rcond=None)[0]  # coefficients of the whitened predictors
    off = solve_triangular(root.T, found, lower=False) - best
    everyone = 1 - 1 / np.diag(np.linalg.inv(matrix))
    return float(everyone.mean()), float(1 - share + off @ inner @ off)


def field_regression(predictors: int, count: int, rng: np.random.Generator, *, a: float) -> float:
    """Error of least squares on ``count`` drawn fields, over the variance, midway between the places that are seen.

    Fields are drawn exactly on the places and the points midway; all midpoints are predicted and tested on as many
    new fields.
    """
    size, p = 2 * predictors, 1 + a
    q = np.arange(1, predictors + 1) / size
    power = np.concatenate([[2 * zeta(p)], zeta(p, q) + zeta(p, 1 - q)]) / (2 * zeta(p)) * size**-p
    noise = np.fft.rfft(rng.standard_normal((2 * count, size)), axis=1)
    fields = np.fft.irfft(noise * np.sqrt(power * size), n=size, axis=1)
    seen, wanted = fields[:, ::2], fields[:, 1::2]
    coef = np.linalg.lstsq(seen[:count], wanted[:count], rcond=None)[0]
    return float(np.mean((wanted[count:] - seen[count:] @ coef) ** 2))


@simulator(
    Cite("Schaefer", 2025, "When Should we Expect Non-Decreasing Returns from Data in Prediction Tasks?",
         "arXiv:2503.03602", "abstract, for what is modelled; the closed forms are derived here")
)  # fmt: skip
def gaussian_predictors(
    *,
    mean: float = 0.2,
    spread: float = 0.04,
    a: float = 1.0,
    observations: int = 8,
    largest: int = 128,
    draws: int = 4,
    seed: int = 0,
) -> tuple[Runs, Truth]:
    r"""Linear regression on correlated Gaussian predictors: increasing, decreasing and power-law returns to their number.

    A target and K predictors (``params``) of variance 1 are jointly Gaussian. ``explained`` is the share of the target's
    variance in the best prediction (a mean over all variables as the target), ``loss`` the test error of least squares on
    ``tokens`` observations, both means over the draws; ``expected`` and ``expected_loss`` are their closed forms. Least
    squares on n observations of exactly Gaussian predictors has the mean error :math:`(1 - R^2)(n-1)/(n-K-1)`.

    Derivation. Correlations drawn independently with mean m and standard deviation :math:`\sigma` make the predictors'
    matrix :math:`(1-m) 1 + m J + \sigma W` with a Wigner matrix W, independent of the target's correlations. The
    semicircle law for its resolvent and Sherman and Morrison's formula for the rank-one mean give :func:`explained`.
    Correlations stop being positive definite at :math:`K_c = (1-m)^2/4\sigma^2`.

    Parts of the table (label ``part``):

    * ``random``: m = 0. :math:`R^2 = (1 - \sqrt{1 - K/K_c})/2`: returns increase everywhere, and ``gap``
      :math:`= 1/2 - R^2` goes as ``distance`` :math:`= 1 - K/K_c` to the power 1/2.
    * ``shared``: :math:`\sigma = 0`, every correlation is m. :math:`R^2 = m^2 K / (1 - m + m K)`: returns decrease
      everywhere, and ``gap`` :math:`= m - R^2` goes as :math:`(K + (1-m)/m)^{-1}`.
    * ``mixed``: both. Returns decrease, then increase, from :func:`turning_point` on.
    * ``field``: the target lies midway between two of K places where a periodic field with the spectrum
      :math:`|j|^{-(1+a)}` is seen; correlations follow from the spectrum. The best prediction leaves
      :math:`\propto K^{-a}` (:func:`midpoint_error`), and so does least squares at a fixed ``observations`` a predictor.

    Args:
        mean: of the correlations, above 0 and at most 0.8. spread: their standard deviation, 0.005 to 0.05.
        a: exponent of the field, above 0 and at most 6.
        observations: drawn for a regression, per predictor, at least 2.
        largest: number of places where the field is seen, at most.
        draws: of each correlation matrix and its observations.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("gaussian-predictors", largest=32, draws=2)
        >>> made.truth["increasing"].value, made.truth["field"].value
        (0.5, -1.0)

    Raises:
        ConfigError: a setting outside its range.
    """
    for name, value, low, high in (
        ("mean", mean, 0.01, 0.8), ("spread", spread, 0.005, 0.05), ("a", a, 0.05, 6.0),
        ("observations", observations, 2, 1000), ("largest", largest, 32, 1024), ("draws", draws, 1, 1000),
    ):  # fmt: skip
        between(name, value, low=low, high=high)
    rng = np.random.default_rng(seed)
    sizes = {
        "random": _sizes(WITHIN / (4 * spread**2)),
        "shared": _sizes(256),
        "mixed": _sizes(WITHIN * (1 - mean) ** 2 / (4 * spread**2)),
    }
    kinds = {"random": (0.0, spread), "shared": (mean, 0.0), "mixed": (mean, spread)}
    parts = {
        name: _part(sizes[name], rng, mean=m, spread=s, observations=observations, draws=draws)
        for name, (m, s) in kinds.items()
    }
    parts["random"] |= {"gap": 0.5 - parts["random"]["explained"], "distance": 1 - 4 * spread**2 * sizes["random"]}
    parts["shared"] |= {"gap": mean - parts["shared"]["explained"], "beyond": sizes["shared"] + (1 - mean) / mean}
    parts["field"] = _field(whole_grid(16, largest, ratio=2), rng, a=a, observations=observations, draws=draws)
    edge = "correlations of finitely many predictors fluctuate near the edge of the semicircle"
    places, limit = parts["field"]["params"], parts["field"]["expected_loss"]
    slope = float(np.polyfit(np.log(places), np.log(limit), 1)[0])
    ends = f"over these sizes the closed form has the slope {slope:.3f}; and finitely many drawn fields"
    return runs_of(parts, source="gaussian-predictors"), Truth(
        {
            "increasing": Exponent("distance", 0.5, quantity="gap", part="random", tolerance=0.05, reason=edge),
            "decreasing": Exponent("beyond", -1.0, quantity="gap", part="shared", tolerance=1e-6, reason="rounding"),
            "field": Exponent("params", -a, part="field", tolerance=0.03 + 0.01 * a + abs(slope + a), reason=ends),
        }
    )


def _sizes(largest: float) -> Array:
    return np.unique(np.round(np.linspace(largest / POINTS, largest, POINTS)))


def _part(
    sizes: Array, rng: np.random.Generator, *, mean: float, spread: float, observations: int, draws: int
) -> dict[str, Array]:
    rows = []
    for size in sizes.astype(int):
        made = [
            regression(correlations(size, rng, mean=mean, spread=spread), observations * size, rng) for _ in range(draws)
        ]
        rows.append(np.mean(made, axis=0))
    share, loss = np.array(rows).T
    expected = explained(sizes, mean=mean, spread=spread)
    return {
        "params": sizes, "tokens": observations * sizes, "explained": share, "expected": expected, "loss": loss,
        "expected_loss": (1 - expected) * _inflation(sizes, observations),
    }  # fmt: skip


def _inflation(sizes: Array, observations: int) -> Array:
    """Mean error of least squares over that of the best prediction."""
    count = observations * sizes
    return (count - 1) / (count - sizes - 1)


def _field(
    sizes: NDArray[np.int64], rng: np.random.Generator, *, a: float, observations: int, draws: int
) -> dict[str, Array]:
    repeats = draws * int(sizes[-1]) // sizes  # the same number of fields at every size
    loss = [
        np.mean([field_regression(int(size), int(observations * size), rng, a=a) for _ in range(times)])
        for size, times in zip(sizes, repeats, strict=True)
    ]
    left = np.array([midpoint_error(int(k), a=a) for k in sizes])
    grown = sizes.astype(np.float64)
    return {"params": grown, "tokens": observations * grown, "loss": np.array(loss), "expected": 1 - left,
            "expected_loss": left * _inflation(grown, observations)}  # fmt: skip
