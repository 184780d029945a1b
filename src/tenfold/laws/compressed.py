r"""Compressed models: a format keeps a share of the parameters, which its error on Gaussian data foretells."""

from math import erfc, exp, pi, sqrt
from statistics import NormalDist

import numpy as np

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Interval, Positive, Published, Reduction, law, maths

PANFEROV = Cite(
    "Panferov et al.", 2025, "Unified Scaling Laws for Compressed Representations", "arXiv:2506.01863", "eq. 1"
)  # fmt: skip
BASE = ("E", "A", "B", "alpha", "beta")
Rate = Domain("positive", lower=0.0, transform="log", start=(0.05, 3.0))
Shape = Interval(0.1, 5.0, start=(0.3, 3.0))
MEANING = {
    "E": "irreducible loss, in the unit of the loss",
    "A": "size of the parameter term, loss times parameters^alpha",
    "B": "size of the data term, loss times tokens^beta",
    "alpha": "exponent of parameters, no unit",
    "beta": "exponent of tokens, no unit",
}
CURVE = {
    "rate": "how fast capacity is won, per bit that an ideal code would need for the same error",
    "shape": "1 where capacity starts in a straight line; more where the format breaks down early, no unit",
}


def _capacity(gmse, rate, shape):
    """log of tanh(rate * bits)^shape, with the bits that an ideal code needs for this error, log_{1/4} of it."""
    z = -2.0 * rate * maths.log(gmse) / maths.log(4.0)
    return shape * (maths.log(-maths.expm1(-z)) - maths.log1p(maths.exp(-z)))


@law(
    cite=PANFEROV,
    checks=[
        Check(
            {"N": 4e8, "D": 1e12, "capacity": 0.25},
            {"E": 1.5, "A": 2e3, "B": 3e3, "alpha": 0.5, "beta": 0.25},
            4.7,
        )
    ],
    reduces_to=[Reduction("chinchilla", when={"capacity": 1.0}, coef={name: name for name in BASE})],
    falls_in=("N", "D", "capacity"),
    aliases=("effective_parameters",),
    meaning=MEANING,
)
def compressed(N, D, capacity, *, E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent):
    r"""L = E + A (N \rho)^{-\alpha} + B D^{-\beta}

    Use it for quantised, sparse or otherwise compressed training when the capacity of each format is known:
    the share \rho of the parameters of a dense model of the same loss. Capacities of formats that are combined
    multiply, except at 2 bits and fewer. No constants are shipped; fit a dense ladder with chinchilla for them. Not
    when the capacity must come from the runs too: then try compressed_gmse, precision_weights for bits alone.
    """
    return E + A * (N * maths.minimum(capacity, 1.0)) ** -alpha + B * D**-beta


@law(
    cite=Cite("Panferov et al.", 2025, PANFEROV.title, PANFEROV.id, "eq. 3"),
    output="capacity",
    published={
        "quest-weights": Published(
            {"top": 1.0, "rate": 0.4000, "shape": 0.9357},
            where="our fit of figure 7, row without sparsity: .57, .75, .87, .99 at 2, 3, 4, 8 bits; top held at 1",
            tag="refit",
            span={"gmse": (8.7e-5, 0.119)},
            note="gmse by gmse_uniform; the paper's own constants are not printed",
        ),
        "magnitude-pruning": Published(
            {"top": 1.0, "rate": 0.2828, "shape": 0.4837},
            where="our fit of figure 9, column of 16 bits: .95 to .35 at sparsities .1 to .9; top held at 1",
            tag="refit",
            span={"gmse": (5e-4, 0.56)},
            note="gmse by gmse_sparse; the paper's own constants are not printed",
        ),
    },
    checks=[Check({"gmse": 0.25}, {"top": 0.75, "rate": 1.0986122886681098, "shape": 2.0}, 0.48)],  # tanh(ln 3) = .8
    falls_in=("gmse",),
    meaning=CURVE | {"top": "capacity at no error: 1, less for methods with a bias, fraction"},
)
def capacity(gmse, *, top: Interval(0.05, 1.0, start=(0.5, 1.0)), rate: Rate, shape: Shape):
    r"""\rho = t \tanh(F \log_{1/4} \mathrm{GMSE})^{C}

    Use it to carry the capacity of one format to its other widths or sparsities: one curve for a family (scalar
    quantisation, sparsity, a kind of vector quantisation), in the error of the format on Gaussian data of unit
    variance (gmse_uniform, gmse_sparse, or computed for the format at hand). Not across families, and with
    care at 2 bits and fewer. From runs rather than capacities fit compressed_gmse.
    """
    return top * maths.exp(_capacity(gmse, rate, shape))


@law(
    cite=Cite("Panferov et al.", 2025, PANFEROV.title, PANFEROV.id, "eq. 1 and 3"),
    checks=[  # capacity .8^2 = .64
        Check(
            {"N": 1.5625e8, "D": 1e12, "gmse": 0.25},
            {"E": 1.5, "A": 2e3, "B": 3e3, "alpha": 0.5, "beta": 0.25, "rate": 1.0986122886681098, "shape": 2.0},
            4.7,
        )
    ],
    reduces_to=[
        Reduction(
            "compressed",
            when={},
            coef={name: name for name in BASE},
            inputs={
                "capacity": "(-expm1(2 * rate * log(gmse) / log(4)) / (1 + exp(2 * rate * log(gmse) / log(4))))**shape"
            },
        )
    ],
    falls_in=("N", "D"),
    meaning=MEANING | CURVE,
)
def compressed_gmse(
    N, D, gmse, *, E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent, rate: Rate, shape: Shape
):
    r"""L = E + A (N \rho)^{-\alpha} + B D^{-\beta}, \rho = \tanh(F \log_{1/4} \mathrm{GMSE})^{C}

    Use it for runs in one family of formats at several widths or sparsities, each given by its error on Gaussian
    data: it predicts formats of the family that were never trained. Not for a mix of families, nor for methods
    whose capacity stays below 1 at high precision: fit capacity to the capacities then. No constants are shipped.
    """
    return E + A * maths.exp(-alpha * (maths.log(N) + _capacity(gmse, rate, shape))) + B * D**-beta


def gmse_uniform(bits):
    """Mean squared error of Gaussian data of unit variance on the best symmetric uniform grid of 2^bits levels.

    The levels lie at odd multiples of half a step; the step is the one of least error. By Gauss-Legendre quadrature in
    the cells and a closed form beyond the outermost level's cell, to ten digits.

    >>> round(gmse_uniform(4), 5)
    0.01154
    """
    if bits != int(bits) or not 1 <= bits <= 16:
        raise ValueError(f"bits must be a whole number from 1 to 16, not {bits!r}")
    half = 2 ** (int(bits) - 1)
    nodes, weights = np.polynomial.legendre.leggauss(12 if half < 64 else 4)
    panels = max(1, 8 // half)  # a wide cell is cut up, so that the quadrature is exact enough in each

    def error(step):
        width = step / panels
        edges = width * np.arange((half - 1) * panels)
        last, level = (half - 1) * step, (half - 0.5) * step
        x = edges[:, None] + 0.5 * width * (1.0 + nodes)
        inside = (x - step * (np.floor(edges / step + 1e-9)[:, None] + 0.5)) ** 2 * np.exp(-0.5 * x * x)
        beyond = (1.0 + level**2) * 0.5 * erfc(last / sqrt(2)) + (last - 2.0 * level) * exp(-0.5 * last**2) / sqrt(2 * pi)
        return float((inside @ weights).sum()) * width / sqrt(2 * pi) + 2.0 * beyond

    low, high = 0.5 / half, 12.0 / half
    golden = 0.5 * (sqrt(5) - 1.0)
    for _ in range(45):  # the step to 1e-8, the error to its square
        one, two = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, two) if error(one) < error(two) else (one, high)
    return error(0.5 * (low + high))


def gmse_sparse(sparsity):
    """Mean squared error of Gaussian data of unit variance whose smallest share ``sparsity`` is set to zero.

    With t the threshold, P(abs(x) < t) = sparsity, it is sparsity - 2 t phi(t).

    >>> round(gmse_sparse(0.5), 4)
    0.0713
    """
    if not 0.0 <= sparsity < 1.0:
        raise ValueError(f"sparsity must lie in [0, 1), not {sparsity!r}")
    threshold = NormalDist().inv_cdf(0.5 * (1.0 + sparsity))
    return sparsity - 2.0 * threshold * NormalDist().pdf(threshold)
