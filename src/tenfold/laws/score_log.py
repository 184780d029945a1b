r"""Scores in a logarithm: a translation score in its pre-training data, and the rise of one run from chance."""

from math import log

from tenfold.core import Check, Cite, Exponent, Interval, Like, Positive, Real, law, maths

ISIK = Cite(
    "Isik et al.", 2024, "Scaling Laws for Downstream Task Performance of Large Language Models", "arXiv:2402.04177",
    "eq. of the score, f(D) = (log(A D^alpha))^beta",
)  # fmt: skip
MAGNUSSON = Cite(
    "Magnusson et al.", 2025, "DataDecide: How to Predict Best Pretraining Data with Small Experiments",
    "arXiv:2504.11393", "early-stopping fit, eq. of the released code",
)  # fmt: skip
BLEU = {"A": 1e-4, "alpha": 0.5, "beta": 1.5}
ONSET = {"base": 0.25, "a": 0.0625, "d": 100.0}


@law(
    cite=ISIK,
    output="score",
    checks=[Check({"D": 1e10}, BLEU, 3.494005087826985), Check({"D": 1e12}, BLEU, 9.8825387644110386)],
    aliases=("bleu_log",),
    meaning={
        "A": "size of the data inside the logarithm, tokens^-alpha",
        "alpha": "exponent of tokens, no unit",
        "beta": "power of the logarithm, no unit",
    },
)
def score_log(D, *, A: Positive, alpha: Exponent, beta: Interval(0.05, 20.0, start=(0.3, 6.0))):
    r"""f(D) = \left( \log( A D^{\alpha} ) \right)^{\beta} \text{ for } A D^{\alpha} > 1, \; 0 \text{ below}

    Use it for a translation score after fine-tuning, against the tokens of pre-training that fits the task. Not when the
    score falls or wavers while the cross-entropy falls: then the pre-training data do not suit the task, and no law of
    the score holds. Compare with log_law and hill. No constants are shipped.
    """
    u = maths.log(A) + alpha * maths.log(D)
    return maths.where(u > 0.0, maths.where(u > 0.0, u, 1.0) ** beta, 0.0)


@law(
    cite=MAGNUSSON,
    output="accuracy",
    checks=[Check({"x": 700.0}, ONSET, 0.4375), Check({"x": 100.0}, ONSET, 0.3125)],
    meaning={
        "base": "score at x = 0, in the unit of the output: chance",
        "a": "gain per doubling of x, in the unit of the output",
        "d": "where the rise begins, in the unit of x; the paper's c / b",
    },
)
def log_onset(x, *, base: Real, a: Real, d: Like("x", low=1e-3, high=3.0)):
    r"""y(x) = y_0 + a \log_2 (1 + x / d)

    Use it for one run's score against its steps, to stop early: flat at chance, then a constant gain per doubling. Not
    past the data: it has no ceiling (sigmoid_log). The paper's b and c count only as their ratio. No constants are
    shipped.
    """
    return base + a / log(2.0) * maths.log1p(x / d)
