r"""Encoder and decoder: loss of a translation model from the sizes of its two halves."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Reduction, law

GHORBANI = Cite(
    "Ghorbani et al.", 2021, "Scaling Laws for Neural Machine Translation", "arXiv:2109.07740",
    "eq. 2, the bivariate law",
)  # fmt: skip


@law(
    cite=GHORBANI,
    checks=[Check({"Ne": 1e8, "Nd": 1.6e9}, {"E": 1.5, "A": 8e4, "p": 0.25, "q": 0.5}, 1.52)],  # 8e4 / (100 * 4e4)
    reduces_to=[
        Reduction(
            "power_offset",
            when={"Nd": "Ne"},
            coef={"E": "E", "A": "A", "alpha": "p + q"},
            inputs={"x": "Ne"},
        )
    ],
    falls_in=("Ne", "Nd"),
    aliases=("nmt_bivariate",),
    meaning={
        "E": "loss of endless models on these data, in the unit of the loss",
        "A": "height above the floor at one parameter each, loss times parameters^(p + q)",
        "p": "exponent of encoder parameters, no unit",
        "q": "exponent of decoder parameters, no unit",
    },
)
def encoder_decoder(Ne, Nd, *, E: Floor, A: Positive, p: Exponent, q: Exponent):
    r"""L(N_e, N_d) = E + A N_e^{-p} N_d^{-q}

    Use it for encoder-decoder models whose halves were scaled separately, on data that do not run out; the
    paper's reference sizes are part of A. The best split of a total size is best_split. Not with the total
    size alone or with halves that always grow together: p and q are then only known by their sum
    (power_offset). No constants are shipped: they differ by language, test set and its direction.
    """
    return E + A * Ne**-p * Nd**-q


def best_split(coef, params):
    """Encoder and decoder parameters, of ``params`` in all, with the least loss: in proportion to the exponents.

    >>> best_split({"p": 0.1, "q": 0.3}, 4e8)
    {'Ne': 100000000.0, 'Nd': 300000000.0}
    """
    share = coef["p"] / (coef["p"] + coef["q"])
    return {"Ne": share * params, "Nd": (1.0 - share) * params}
