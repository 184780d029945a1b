r"""D-CPT: continual pre-training on a mixture of a domain's corpus and a general one."""

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Positive, Reduction, law

QUE = Cite(
    "Que et al.", 2024, "D-CPT Law: Domain-specific Continual Pre-Training Scaling Law for Large Language Models",
    "arXiv:2406.01375", "section 3",
)  # fmt: skip
Small = Domain("positive", lower=0.0, transform="log", start=(1e-3, 1.0))


@law(
    cite=QUE,
    checks=[  # 1.5 + .2 + .9 * .16^.75 + .4 / .25^.6 in 30 digits
        Check(
            {"N": 1e8, "D": 1e12, "share": 0.16},
            {
                "E": 1.5, "A": 2e3, "alpha": 0.5, "B": 9e2, "beta": 0.25, "eta": 0.75,
                "C": 0.4, "eps": 0.09, "gamma": 0.6,
            },
            2.8466426755297514,
        )
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"C": 0.0, "eta": 0.0},
            coef={name: name for name in ("E", "A", "B", "alpha", "beta")},
        )
    ],
    falls_in=("N", "D"),
    meaning={
        "E": "irreducible loss on the corpus, in the unit of the loss",
        "A": "size of the parameter term, loss times parameters^alpha",
        "alpha": "exponent of parameters, no unit",
        "B": "size of the data term at a share of one, loss times tokens^beta",
        "beta": "exponent of tokens, no unit",
        "eta": "exponent with which the data term grows in the share, no unit",
        "C": "size of the term of the share, in the unit of the loss",
        "eps": "share that counts as present where there is none, fraction",
        "gamma": "exponent of the share, no unit",
    },
)  # fmt: skip
def dcpt(
    N, D, share, *,
    E: Floor, A: Positive, alpha: Exponent, B: Positive, beta: Exponent, eta: Exponent,
    C: Positive, eps: Small, gamma: Exponent,
):  # fmt: skip
    r"""L = E + A N^{-\alpha} + B r^{\eta} D^{-\beta} + \frac{C}{(r + \epsilon)^{\gamma}}

    Use it for models trained further on D tokens of which a share r comes from one corpus: the loss on a
    domain's corpus with r its share, the loss on the general corpus with r one less that. Runs must vary size,
    tokens and share. The data term grows with the share on purpose; the last term makes the loss fall. Not for
    training from scratch on many sources (mix_additive3, mix_exp5), nor for repeated corpora. No constants are
    shipped.
    """
    return E + A * N**-alpha + B * share**eta * D**-beta + C / (share + eps) ** gamma
