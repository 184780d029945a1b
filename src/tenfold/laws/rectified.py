r"""Rectified: fine-tuning loss, flat at first and a power law of the data later."""

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Positive, Published, Reduction, law

LIN = Cite(
    "Lin et al.", 2024, "Selecting Large Language Model to Fine-tune via Rectified Scaling Law", "arXiv:2402.02314",
    "abstract; the formula as in the authors' code, src/fit_law.py",
)  # fmt: skip
Learned = Domain("positive", lower=0.0, transform="log", start=(0.3, 3e3))


def _flan(model, rmsd, **coef):
    return Published(
        coef,
        where=f"our fit of {model} fine-tuned on FLAN in the authors' released runs, least squares of the log loss",
        tag="refit",
        loss="nats/token",
        span={"x": (200.0, 1638400.0)},
        note=f"x is fine-tuning examples, 14 sizes; root mean square residual {rmsd:g} of the log loss",
    )


@law(
    cite=LIN,
    published={
        "gpt2-flan": _flan("gpt2", 0.0075, E=1.242, B=856.0, Dl=261.0, beta=0.500),
        "lamini-124m-flan": _flan("LaMini-GPT-124M", 0.0027, E=1.069, B=564.0, Dl=166.0, beta=0.455),
        "opt-6.7b-flan": _flan("opt-6.7b", 0.0025, E=1.320, B=3.38, Dl=2.91, beta=0.126),
        "t5-small-flan": _flan("t5-small", 0.0038, E=0.0, B=42.0, Dl=11.5, beta=0.176),
    },
    checks=[Check({"x": 1e4}, {"E": 1.5, "B": 900.0, "Dl": 200.0, "beta": 0.5}, 4.5)],
    reduces_to=[Reduction("power_offset", when={"Dl": 0.0}, coef={"E": "E", "A": "B", "alpha": "beta"})],
    falls_in=("x",),
    meaning={
        "E": "loss that fine-tuning on endless data ends at, in the unit of the loss",
        "B": "size of the reducible loss, loss times examples^beta",
        "Dl": "data that pre-training is worth before the first example, examples^beta",
        "beta": "exponent of the data in the power phase, no unit",
    },
)
def rectified(x, *, E: Floor, B: Positive, Dl: Learned, beta: Exponent):
    r"""L(x) = E + \frac{B}{D_l + x^{\beta}}

    Use it for the test loss of a pre-trained model fine-tuned on more and more examples x: flat while x^\beta is
    far below D_l, a power law beyond, E + B / D_l without any. The data must reach past x = D_l^{1/\beta}. Not
    for training from scratch (power_offset, which it is at D_l = 0), nor for a curve that ends on a second
    plateau (m4).
    """
    return E + B / (Dl + x**beta)
