r"""Quantisation after training: the loss it adds grows with the tokens a model has seen."""

from math import exp, log

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Interval, Positive, Published, Reduction, law, maths
from tenfold.laws.precision import BASE, COUNTED, MEANING, SPAN, Nothing, Sharpness, kept

TITLE = "Scaling Laws for Precision"
Steepness = Interval(0.0, 10.0, start=(0.2, 3.0))
Robust = Domain("positive", lower=0.0, transform="log", start=(0.05, 5.0))
ADDED = {
    "C": "size of the degradation, loss times parameters^gamma_N over tokens^gamma_D",
    "gamma_D": "exponent with which the degradation grows in tokens, no unit",
    "gamma_N": "exponent with which it falls in parameters, no unit",
    "kappa": "rate at which it falls in bits, 1/bit: a bit less multiplies it by e^kappa",
}
# Table 2 lists C_T .0598, gamma .5907 and b 1.1277. Appendix K says that every exponential is fitted with an offset that
# is added in its exponent, as n is in precision; so the size is C_T e^b. With -b a model of 30M parameters would
# turn up only beyond 5e10 tokens at 3 bits, outside the 2.6e10 in which figure 2 shows it to.
TABLE_2 = {"C": 0.0598 * exp(1.1277), "gamma_D": 0.5068, "gamma_N": 0.3439, "kappa": 1 / 0.5907}
NOTE = "GPTQ on weights of models trained in 16 bits; C is C_T e^b, the offset b entering as appendix K says"
OWN = {"C": 0.016, "gamma_D": 1 / 3, "gamma_N": 0.125, "kappa": log(2.0)}
CHINCHILLA = {"E": 1.5, "A": 2e3, "B": 3e3, "alpha": 0.5, "beta": 0.25}


@law(
    cite=Cite("Kumar et al.", 2024, TITLE, "arXiv:2411.04330", "eq. 2, appendix K"),
    output="degradation",
    published={
        "kumar": Published(
            TABLE_2, where="table 2", span=SPAN, note=NOTE, **COUNTED
        )
    },
    checks=[Check({"N": 1e8, "D": 1e12, "bits_post": 4.0}, OWN, 1.0)],  # .016 * 1e4 / 10 / 16
    falls_in=("N", "bits_post"),
    meaning=ADDED,
)  # fmt: skip
def ptq(N, D, bits_post, *, C: Positive, gamma_D: Exponent, gamma_N: Exponent, kappa: Steepness):
    r"""\delta = C D^{\gamma_D} N^{-\gamma_N} e^{-\kappa P_{\mathrm{post}}}

    Use it for the loss that quantising the weights after training adds to models trained in 16 bits: the loss
    after less the loss before, for several sizes, tokens and widths. Not for models trained in low precision,
    which lose less (precision_ptq), nor for training that quantises itself (qat_error). For the loss itself use
    ptq_loss.
    """
    return C * D**gamma_D * N**-gamma_N * maths.exp(-kappa * bits_post)


@law(
    cite=Cite("Kumar et al.", 2024, TITLE, "arXiv:2411.04330", "eq. 29, appendix K"),
    published={
        "kumar": Published(
            BASE | TABLE_2, where="table 2", span=SPAN, note=NOTE, **COUNTED
        )
    },
    checks=[Check({"N": 1e8, "D": 1e12, "bits_post": 4.0}, CHINCHILLA | OWN, 5.7)],  # 1.5 + .2 + 3 + 1
    reduces_to=[
        Reduction("chinchilla", when={"bits_post": float("inf")}, coef={name: name for name in CHINCHILLA})
    ],
    falls_in=("N", "bits_post"),
    meaning=MEANING | ADDED,
)  # fmt: skip
def ptq_loss(
    N, D, bits_post, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent,
    C: Positive, gamma_D: Exponent, gamma_N: Exponent, kappa: Steepness,
):  # fmt: skip
    r"""L = E + A N^{-\alpha} + B D^{-\beta} + C D^{\gamma_D} N^{-\gamma_N} e^{-\kappa P_{\mathrm{post}}}

    Use it for the loss of models that are trained in 16 bits and served in fewer: it says when more tokens do
    harm (critical_tokens). The runs must vary size, tokens and width. Not for models trained in low precision
    (precision_weights, and precision_ptq when they are quantised further).
    """
    return E + A * N**-alpha + B * D**-beta + C * D**gamma_D * N**-gamma_N * maths.exp(-kappa * bits_post)


def critical_tokens(coef, params, bits):
    r"""The tokens beyond which more data raises the loss of a model quantised to ``bits`` after training (eq. 13).

    :math:`D = (\beta B N^{\gamma_N} e^{\kappa P} / (\gamma_D C))^{1/(\gamma_D + \beta)}`, by coefficients of ptq_loss.
    """
    rest = coef["beta"] * coef["B"] / (coef["gamma_D"] * coef["C"])
    grown = rest * params ** coef["gamma_N"] * maths.exp(coef["kappa"] * bits)
    return grown ** (1.0 / (coef["gamma_D"] + coef["beta"]))


@law(
    cite=Cite("Kumar et al.", 2024, TITLE, "arXiv:2411.04330", "eq. 9 and 11"),
    checks=[  # half of the parameters left, C D^(1/3) / 10 / 4 = 2, half of it lost to robustness
        Check(
            {"N": 2e8, "D": 1e12, "bits_w": 4.0, "bits_post": 2.0},
            CHINCHILLA | OWN | {"C": 0.008, "gamma_w": 2.0, "p_w": 4 - 2 * log(2.0), "robust": 0.5 * log(2.0)},
            5.7,
        )
    ],
    reduces_to=[
        Reduction(
            "precision_weights",
            when={"bits_post": "bits_w"},
            coef={name: name for name in (*CHINCHILLA, "gamma_w", "p_w")},
        ),
        Reduction("ptq_loss", when={"bits_w": float("inf")}, coef={name: name for name in (*CHINCHILLA, *ADDED)}),
    ],
    meaning=MEANING
    | ADDED
    | {
        "gamma_w": "bits of a weight in training in which what is lost falls by a factor e",
        "p_w": "bits of a weight at which nothing is left",
        "robust": "rate at which the degradation sets in, 1/bit below the width in training",
    },
)
def precision_ptq(
    N, D, bits_w, bits_post, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent, gamma_w: Sharpness, p_w: Nothing,
    C: Positive, gamma_D: Exponent, gamma_N: Exponent, kappa: Steepness, robust: Robust,
):  # fmt: skip
    r"""L = E + A N_e^{-\alpha} + B D^{-\beta} + C D^{\gamma_D} N_e^{-\gamma_N} e^{-\kappa P} (1 - e^{-c (P_w - P)})

    Use it for models trained with weights of some width P_w and then quantised to fewer bits P: a model trained
    in few bits has fewer effective parameters N_e = N (1 - e^{-(P_w - p_w)/\gamma_w}), and loses less afterwards.
    The runs must vary both widths. Not for P above P_w, which is taken as P_w. No constants are shipped: the
    paper prints none for c. With one of the widths fixed use precision_weights or ptq_loss.
    """
    size = maths.log(N * kept(bits_w, gamma_w, p_w))
    gap = -maths.expm1(-robust * maths.maximum(bits_w - bits_post, 0.0))
    added = C * D**gamma_D * maths.exp(-gamma_N * size - kappa * bits_post) * gap
    return E + A * maths.exp(-alpha * size) + B * D**-beta + added
