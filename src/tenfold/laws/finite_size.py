r"""Finite size: curves of systems of several sizes that fall on one when both axes are rescaled."""

from tenfold.core import Check, Cite, Domain, Interval, Like, Positive, Real, law, maths

GANGULY = Cite(
    "Ganguly", 2025, "Scaling Properties of Avalanche Activity in the Two-Dimensional Abelian Sandpile Model",
    "arXiv:2510.09631", "abstract",
)  # fmt: skip
MIZGERD = Cite(
    "Mizgerd et al.", 2025, "On the chromatic number of random triangle-free graphs", "arXiv:2509.01376", "abstract"
)
Cutoff = Domain("positive", lower=0.0, transform="log", start=(1e-3, 10.0))
PILE = {"A": 5.0, "a": 1.5, "b": 2.0, "d": 8e4, "c3": 0.25, "c4": 0.0625}
WINDOW = {"B": 2.0, "p": 1.0, "W": 0.5, "q": 0.4}


@law(
    cite=GANGULY,
    output="score",
    checks=[
        Check({"x": 1e8, "size": 25.0}, PILE, 0.023141140515459293),  # u = 2
        Check({"x": 1e8, "size": 50.0}, PILE, 0.021281535686914241),  # u = 1/2
    ],
    falls_in=("x",),
    meaning={
        "A": "height of the scaling function beyond the crossover, output times size^a",
        "a": "exponent of the height, no unit; 2 in the paper",
        "b": "exponent of the scale of x, no unit; 2 in the paper",
        "d": "crossover from the power -1/2 to the cutoff, in the unit of x / size^b; about .1 in the paper",
        "c3": "first coefficient of the cutoff, per crossover; d times that of the paper",
        "c4": "second coefficient of the cutoff, per crossover squared; d^2 times that of the paper",
    },
)
def finite_size(
    x, size, *, A: Positive, a: Real, b: Interval(0.0, 5.0, start=(0.3, 3.0)), d: Like("x", low=1e-6, high=1.0),
    c3: Cutoff, c4: Cutoff,
):  # fmt: skip
    r"""P(x, S) = A S^{-a} \left( 1 + 1 / u \right)^{1/2} e^{-c_3 u - c_4 u^2}, \; u = x / (d S^{b})

    Use it for distributions or responses of systems of several sizes whose scaling function falls as u^{-1/2} and is
    then cut off; between the two limits of the paper the square root is our smooth bridge. Not on data
    that end before the cutoff, nor for another shape: collapse() finds a and b without assuming one, and is the check on
    this law too.
    """
    grown = maths.log(size)
    u = maths.exp(maths.log(x) - maths.log(d) - b * grown)
    return A * maths.exp(0.5 * maths.log1p(1.0 / u) - a * grown - (c3 + c4 * u) * u)


@law(
    cite=MIZGERD,
    output="accuracy",
    checks=[
        Check({"x": 130.0, "size": 64.0}, WINDOW, 0.6808885634051715),
        Check({"x": 400.0, "size": 190.0}, WINDOW, 0.99263841605808463),
    ],
    meaning={
        "B": "position of the transition at size 1, in the unit of x",
        "p": "exponent of the position, no unit",
        "W": "width of the transition at size 1, in the unit of x",
        "q": "exponent of the width, no unit; the paper proves 4/3 and 3/2 with powers of a logarithm",
    },
)
def transition_window(x, size, *, B: Like("x", low=1e-3, high=1.0), p: Real, W: Like("x", low=1e-4, high=0.3), q: Real):
    r"""y(x, S) = \left( 1 + e^{-(x - B S^{p}) / (W S^{q})} \right)^{-1}

    Use it for the share of yes answers across a threshold that moves and sharpens with the size of the system: the
    exponents of its place and of its width come out with it (fit counts with --objective binomial). Not for a size
    alone: q needs several. A width with a factor of a logarithm is log_power, fitted to the widths of each size.
    """
    return maths.exp(-maths.softplus((B * size**p - x) / (W * size**q)))
