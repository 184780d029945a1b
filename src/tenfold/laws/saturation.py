r"""Saturation: rises to a ceiling, by a ratio, a power, an exponential or a sigmoid in the logarithm."""

from tenfold.core import Check, Cite, Exponent, Interval, Like, Positive, Real, Reduction, law, maths

MICHAELIS = Cite(
    "Michaelis and Menten", 1913, "Die Kinetik der Invertinwirkung", "Biochemische Zeitschrift 49, 333",
    "rate eq. v = V S / (S + K) in today's letters",
)  # fmt: skip
HILL = Cite(
    "Hill", 1910, "The possible effects of the aggregation of the molecules of haemoglobin on its dissociation curves",
    "Journal of Physiology 40, iv", "the eq. y = 100 K x^n / (1 + K x^n)",
)  # fmt: skip
RUAN = Cite(
    "Ruan et al.", 2024, "Observational Scaling Laws and the Predictability of Language Model Performance",
    "arXiv:2405.10938", "section on the sigmoidal fit: a floor and a sigmoid of what is linear in log compute",
)  # fmt: skip
MISRA = Cite(
    "Misra", 1978, "Dental Research Monomolecular Adsorption Study", "NIST StRD Misra1a", "model eq. of the data file"
)
BHAGIA = Cite(
    "Bhagia et al.", 2024, "Establishing Task Scaling Laws via Compute-Efficient Model Ladders", "arXiv:2412.04403",
    "direct accuracy eq. of the released fitting functions, one axis",
)  # fmt: skip
Top = Like("output", low=0.5, high=3.0)
Steepness = Interval(0.0, 20.0, start=(0.2, 4.0))
TOP = "ceiling, in the unit of the output"
HALF = "where half of the rise is done, in the unit of x"


def _share(x, half, n):
    """x^n / (x^n + half^n) without overflow."""
    return maths.exp(-maths.softplus(n * (maths.log(half) - maths.log(x))))


@law(
    cite=MICHAELIS,
    output="score",
    checks=[Check({"x": 400.0}, {"top": 6.0, "half": 200.0}, 4.0)],
    aliases=("rational_saturation",),
    meaning={"top": TOP, "half": HALF},
)
def michaelis_menten(x, *, top: Top, half: Like("x", low=0.1, high=30.0)):
    r"""y(x) = \frac{y_\infty x}{x + x_{1/2}}

    Use it for a gain that starts in proportion to x and is limited by something that fills up. Not for curves with an
    onset (hill), with a value at x = 0 (exp_approach), or that keep gaining by a power (power_ceiling).
    """
    return top * x / (x + half)


@law(
    cite=HILL,
    output="score",
    checks=[Check({"x": 400.0}, {"top": 6.0, "half": 200.0, "n": 3.0}, 5.333333333333333)],
    reduces_to=[Reduction("michaelis_menten", when={"n": 1.0}, coef={"top": "top", "half": "half"})],
    meaning={"top": TOP, "half": HALF, "n": "steepness, no unit; above 1 there is an onset"},
)
def hill(x, *, top: Top, half: Like("x", low=0.1, high=30.0), n: Steepness):
    r"""y(x) = \frac{y_\infty x^{n}}{x^{n} + x_{1/2}^{n}}

    Use it for a score that starts at zero and rises to a ceiling around one place in x. Not when it starts at chance
    (sigmoid_log). With no point beyond x_{1/2} the ceiling is a guess: fix it.
    """
    return top * _share(x, half, n)


@law(
    cite=RUAN,
    output="accuracy",
    checks=[
        Check({"x": 400.0}, {"low": 0.25, "high": 0.75, "half": 200.0, "n": 3.0}, 0.6944444444444444),  # 1/4 + 4/9
        Check({"x": 100.0}, {"low": 0.25, "high": 0.75, "half": 200.0, "n": 3.0}, 0.3055555555555556),  # 1/4 + 1/18
    ],
    reduces_to=[Reduction("hill", when={"low": 0.0}, coef={"top": "high", "half": "half", "n": "n"})],
    meaning={
        "low": "level far to the left, chance for an accuracy, in the unit of the output",
        "high": "level far to the right, in the unit of the output",
        "half": HALF,
        "n": "steepness, no unit: the slope in log x at the middle is n (high - low) / 4",
    },
)
def sigmoid_log(x, *, low: Real, high: Top, half: Like("x", low=0.1, high=30.0), n: Steepness):
    r"""y(x) = y_0 + \frac{y_\infty - y_0}{1 + (x_{1/2} / x)^{n}}

    Use it for a score between chance and a ceiling against compute, size or data; fix the chance level when it is known
    (--fixed low=0.25). Not before the middle has been passed: then the ceiling is not in the data, and m4 on the error,
    or a link from the loss (accuracy_link), says more.
    """
    return low + (high - low) * _share(x, half, n)


@law(
    cite=MISRA,
    output="score",
    checks=[
        Check({"x": 300.0}, {"start": 0.25, "top": 2.0, "d": 200.0}, 1.6095222197402478),
        Check({"x": 100.0}, {"start": 0.25, "top": 2.0, "d": 200.0}, 0.93857134550289151),
    ],
    meaning={
        "start": "value at x = 0, in the unit of the output",
        "top": TOP,
        "d": "distance in which the gap to the ceiling shrinks by 1/e, in the unit of x",
    },
)
def exp_approach(x, *, start: Real, top: Real, d: Like("x", low=0.1, high=30.0)):
    r"""y(x) = y_\infty - (y_\infty - y_0) e^{-x / d}

    Use it for a quantity that closes the same share of its gap with every step of x: few decades, a hard ceiling. The
    certified problem has y_0 = 0. Not for data over many decades of x, where gains by powers look like this for a
    while: compare with power_ceiling, and with stretched_exp for a fall.
    """
    return top - (top - start) * maths.exp(-x / d)


@law(
    cite=BHAGIA,
    output="accuracy",
    checks=[Check({"x": 1e4}, {"top": 0.875, "A": 5.0, "alpha": 0.5}, 0.825)],
    meaning={
        "top": TOP,
        "A": "gap below the ceiling at x = 1, in the unit of the output",
        "alpha": "exponent of x, no unit",
    },
)
def power_ceiling(x, *, top: Real, A: Positive, alpha: Exponent):
    r"""y(x) = y_\infty - A x^{-\alpha}

    Use it for a score whose gap to a ceiling falls as a power of x: the mirror of power_offset. Not near chance, which
    it runs through (sigmoid_log), and not when the ceiling is known: fit the error with power instead.
    """
    return top - A * x**-alpha
