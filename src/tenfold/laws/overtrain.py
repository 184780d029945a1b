r"""Over-training: loss in compute and tokens per parameter, with one exponent."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Reduction, law, optimum

GADRE = Cite(
    "Gadre et al.", 2024, "Language models scale reliably with over-training and on downstream tasks",
    "arXiv:2403.08540", "eq. 4",
)  # fmt: skip
SPAN = {"C": (1.5e16, 2.0e19), "M": (20.0, 320.0)}


def _from_code(first, second, exponent, floor):
    """The released code fits first N^-2eta + second 6^-eta (M N)^-2eta; with C = 6 N^2 M this is exact."""
    eta = exponent / 2
    return Published(
        {"E": floor, "a": first * 6.0**eta, "b": second, "eta": eta},
        where="the authors' recipe on their released runs: four sizes at M = 20, one at M = 320",
        tag="refit",
        params="total",
        flops="6ND",
        loss="nats/token",
        span=SPAN,
        note="loss on the C4 validation set",
    )


@law(
    cite=GADRE,
    published={
        "redpajama": _from_code(166.2, 366.7, 0.27285, 1.8366),
        "c4": _from_code(113.7, 189.5, 0.2425, 1.508),
        "refinedweb": _from_code(125.1, 246.2, 0.2544, 1.734),
    },
    checks=[Check({"C": 1e16, "M": 16.0}, {"E": 1.5, "a": 3000.0, "b": 1000.0, "eta": 0.25}, 2.15)],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={},
            coef={"E": "E", "A": "a * 6**-eta", "B": "b * 6**-eta", "alpha": "2 * eta", "beta": "2 * eta"},
            inputs={"N": "sqrt(C / (6 * M))", "D": "sqrt(C * M / 6)"},
        )
    ],
    falls_in=("C",),
    aliases=("gadre",),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "a": "size of the parameter term, loss times FLOP^eta",
        "b": "size of the data term, loss times FLOP^eta",
        "eta": "exponent of compute at a fixed ratio, half that of parameters and of tokens, no unit",
    },
)
def overtrain(C, M, *, E: Floor, a: Positive, b: Positive, eta: Exponent):
    r"""L(C, M) = E + \left( a M^{\eta} + b M^{-\eta} \right) C^{-\eta}

    Use it when runs are given by compute and tokens per parameter M = D / N, above all to forecast small
    models trained for very long. It is chinchilla with equal exponents, hence parallel lines at every ratio;
    when the optimal ratio moves with compute, use chinchilla. Not for repeated data (data_constrained).
    """
    return E + (a * M**eta + b * M**-eta) * C**-eta


@optimum(overtrain, where="dL/dM = 0 of eq. 4")
def _optimum(coef, compute, cost=6.0):
    r"""M* = (b/a)^{1/(2\eta)} at any budget; a cost k N D buys 6/k of it as the law counts, C = 6 N D."""
    ratio = (coef["b"] / coef["a"]) ** (0.5 / coef["eta"])
    return {"C": 6.0 / cost * compute, "M": ratio + 0.0 * compute}
