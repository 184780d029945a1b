r"""Allometric: a power law of any sign, alone, with a logarithm, and in two axes."""

from tenfold.core import Check, Cite, Floor, Positive, Published, Real, Reduction, law, maths

SHARMA = Cite(
    "Sharma and Venkadesan", 2026, "Size and shape of terrestrial animals", "arXiv:2602.00832",
    "abstract: aspect ratio against body mass",
)  # fmt: skip
LI = Cite(
    "Li et al.", 2024, "On the Scalability of Diffusion-based Text-to-Image Generation", "arXiv:2404.02883",
    "section on scaling laws, printed fits of the Pareto frontier",
)  # fmt: skip
MIZGERD = Cite(
    "Mizgerd et al.", 2025, "On the chromatic number of random triangle-free graphs", "arXiv:2509.01376", "abstract"
)
BOUNDED = "TIFA score, bounded by 1; the printed fit in the model size leaves that range and is not shipped"


@law(
    cite=SHARMA,
    output="score",
    published={
        "tifa-compute": Published(
            {"A": 0.47, "b": 0.02},
            where="S = .47 C^.02 on the Pareto frontier",
            span={"x": (1e11, 1e12)},
            note=f"x is training compute in GFLOP; {BOUNDED}",
            cite=LI,
        ),
        "tifa-data": Published(
            {"A": 0.64, "b": 0.03},
            where="S = .64 D^.03 on the Pareto frontier",
            span={"x": (2e3, 6e3)},
            note=f"x is millions of image-noun pairs; {BOUNDED}",
            cite=LI,
        ),
    },
    checks=[Check({"x": 16.0}, {"A": 0.5, "b": 0.75}, 4.0)],
    meaning={"A": "value at x = 1, in the unit of the output", "b": "exponent of x, no unit; positive where it rises"},
)
def allometric(x, *, A: Positive, b: Real):
    r"""y(x) = A x^{b}

    Use it for a quantity that rises or falls along a straight line in a log-log plot: organ against body, score
    against size. It takes x as exact: when x is measured too, allometry() has the lines for errors in both. Not for
    bounded scores far out (power_ceiling, sigmoid_log), nor when the line bends (bnsl1, log_power).
    """
    return A * x**b


@law(
    cite=MIZGERD,
    output="score",
    checks=[
        Check({"x": 7.38905609893065}, {"A": 2.0, "a": 0.5, "b": -0.25}, 4.571586890401047),  # x = e^2: 2 e 2^-1/4
        Check({"x": 54.598150033144239}, {"A": 2.0, "a": 0.5, "b": -0.25}, 10.449703348243359),  # x = e^4
    ],
    reduces_to=[Reduction("allometric", when={"b": 0.0}, coef={"A": "A", "b": "a"})],
    meaning={
        "A": "value at x = e but for the power, in the unit of the output",
        "a": "exponent of x, no unit; the theorems have 4/3 and 3/2",
        "b": "exponent of the logarithm of x, no unit; the theorems have -1/3 and -1/2",
    },
)
def log_power(x, *, A: Positive, a: Real, b: Real):
    r"""y(x) = A x^{a} (\ln x)^{b}

    Use it where theory gives a power with a factor of a logarithm, and x is well above 1; hold one exponent at the
    theory's value (--fixed b=-0.333) to test the other. Not with both exponents free on a few decades: ln x and ln ln x
    are nearly collinear, so a and b trade off. The condition number in the certificate shows it; then use allometric.
    """
    return A * x**a * maths.log(x) ** b


@law(
    cite=SHARMA,
    output="score",
    checks=[Check({"x": 100.0, "size": 16.0}, {"E": 0.5, "A": 3.0, "p": -0.5, "q": 0.25}, 1.1)],
    reduces_to=[
        Reduction("allometric", when={"E": 0.0, "q": 0.0}, coef={"A": "A", "b": "p"}),
    ],
    meaning={
        "E": "floor, in the unit of the output",
        "A": "height above the floor where both inputs are 1, in the unit of the output",
        "p": "exponent of x, no unit",
        "q": "exponent of the size, no unit",
    },
)
def product_power(x, size, *, E: Floor, A: Positive, p: Real, q: Real):
    r"""y(x, S) = E + A x^{p} S^{q}

    Use it for two axes that multiply: the effect of one is the same share of the rest at every value of the other, so
    the lines of a log-log plot are parallel above the floor. Not for axes that each leave a term of their own
    (chinchilla), nor when the curves fall together under rescaling (finite_size).
    """
    return E + A * x**p * size**q
