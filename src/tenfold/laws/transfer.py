r"""Transfer: the fine-tuning data that pre-training is worth."""

from tenfold.core import Check, Cite, Domain, Exponent, Interval, Like, Published, Reduction, law, maths

HERNANDEZ = Cite("Hernandez et al.", 2021, "Scaling Laws for Transfer", "arXiv:2102.01293", "eq. 1.1, table 1")
Worth = Domain("positive", lower=0.0, transform="log", start=(1e-2, 1e8))
SteepExponent = Interval(0.01, 3.0, start=(0.02, 1.5))
MEANING = {
    "k": "data that pre-training is worth to one parameter at one unit of fine-tuning data, in that unit",
    "a": "exponent of the fine-tuning data: small where the two distributions are close, no unit",
    "b": "exponent of parameters, no unit",
}


def _python(k, a, what):
    return Published(
        {"k": k, "a": a, "b": 0.38},
        where=f"table 1, {what}",
        tag="verified-secondary",
        params="non-embedding",
        note="data are characters; for fine-tuning sets up to a tenth of what a model from scratch could use",
    )


@law(
    cite=HERNANDEZ,
    output="tokens",
    published={
        "text-to-python": _python(1.9e4, 0.18, "pre-trained on text, fine-tuned on Python"),
        "text-and-code-to-python": _python(2.1e5, 0.096, "half text, half other code, fine-tuned on Python"),
    },
    checks=[Check({"N": 1e8, "U": 1e12}, {"k": 3.0, "a": 0.25, "b": 0.375}, 3e6)],
    meaning=MEANING,
)
def transfer_data(N, U, *, k: Worth, a: Exponent, b: Exponent):
    r"""D_T = k U^{a} N^{b}

    Use it for the data D_T that a model of the same size from scratch would need on top of the fine-tuning set U
    to reach the loss of the fine-tuned one. U and D_T share any unit. Not where fine-tuning data are
    plentiful: there pre-training can even do harm to small models, which a power law cannot show. For the loss
    use transfer_loss, for one model's fine-tuning curve rectified.
    """
    return k * U**a * N**b


@law(
    cite=Cite("Hernandez et al.", 2021, HERNANDEZ.title, HERNANDEZ.id, "eq. 1.1 and B.1 in eq. 1.5 of arXiv:2001.08361"),
    checks=[  # 1.9e10 + 3 * 1e6 * 327 = 2e10 effective
        Check(
            {"N": 1e8, "U": 1e10},
            {"Nc": 4e8, "Dc": 6.5e11, "alpha_N": 0.5, "alpha_D": 0.25, "k": 3e6, "a": 0.125, "b": 0.28125},
            (16.0 + 6.5e11 / (1e10 + 3e6 * 10.0**1.25 * 10.0**2.25)) ** 0.25,
        )
    ],
    reduces_to=[
        Reduction(
            "kaplan_nd",
            when={"k": 0.0},
            coef={name: name for name in ("Nc", "Dc", "alpha_N", "alpha_D")},
            inputs={"D": "U"},
        )
    ],
    falls_in=("N", "U"),
    meaning={
        "Nc": "size at which the loss is one nat on endless data, parameters without embeddings",
        "Dc": "data at which the loss of an endless model is one nat, in the unit of the fine-tuning data",
        "alpha_N": "exponent of parameters on endless data, no unit",
        "alpha_D": "exponent of data for an endless model, no unit",
        **MEANING,
    },
)
def transfer_loss(
    N, U, *,
    Nc: Like("N", low=1.0, high=1e8), Dc: Like("U", low=1.0, high=1e8), alpha_N: SteepExponent, alpha_D: SteepExponent,
    k: Worth, a: Exponent, b: Exponent,
):  # fmt: skip
    r"""L = \left[ (N_c / N)^{\alpha_N / \alpha_D} + \frac{D_c}{U + k U^a N^b} \right]^{\alpha_D}

    Use it for models of several sizes fine-tuned on sets of several sizes U, each stopped early: kaplan_nd with the
    effective data U + D_T of transfer_data. Fit kaplan_nd on runs from scratch first and hold its coefficients, or
    pool both kinds of runs; fine-tuned runs alone leave k and D_c loosely determined. Not for plentiful
    fine-tuning data. No constants are shipped.
    """
    size = alpha_N / alpha_D * maths.log(Nc / N)
    worth = maths.log(k) + a * maths.log(U) + b * maths.log(N)
    data = maths.log(Dc) - maths.logaddexp(maths.log(U), worth)
    return maths.exp(alpha_D * maths.logaddexp(size, data))
