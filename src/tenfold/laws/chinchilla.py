r"""Chinchilla: loss as a floor plus one power law in size and one in data."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, law, optimum

HOFFMANN = Cite("Hoffmann et al.", 2022, "Training Compute-Optimal Large Language Models", "arXiv:2203.15556", "eq. 10")
BESIROGLU = Cite("Besiroglu et al.", 2024, "Chinchilla Scaling: A replication attempt", "arXiv:2404.10102", "table 1")
SPAN = {"N": (4.4e7, 1.6e10), "D": (2e8, 1.5e12)}


@law(
    cite=HOFFMANN,
    published={
        "besiroglu": Published(
            dict(E=1.8169, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658),
            where="240 points, least absolute deviations of log loss",
            params="total",
            flops="6ND",
            loss="nats/token",
            span=SPAN,
            cite=BESIROGLU,
        ),
        "hoffmann": Published(
            dict(E=1.6934, A=406.4, B=410.7, alpha=0.33917084, beta=0.2849083),
            where="approach 3, unrounded from the source of the paper",
            params="total",
            flops="6ND",
            loss="nats/token",
            span=SPAN,
            note="the fit had not converged: the replication finds other exponents on the same points",
        ),
    },
    checks=[Check(dict(N=1e4, D=1e8), dict(E=1.5, A=2.0, B=3.0, alpha=0.5, beta=0.25), 1.55)],
    falls_in=("N", "D"),
    aliases=("hoffmann",),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size of the parameter term, loss times parameters^alpha",
        "B": "size of the data term, loss times tokens^beta",
        "alpha": "exponent of parameters",
        "beta": "exponent of tokens",
    },
)
def chinchilla(N, D, *, E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent):
    r"""L(N, D) = E + A N^{-\alpha} + B D^{-\beta}

    Use it for runs that vary both size and tokens, each trained once over fresh data with a schedule matched to its
    length. Not for repeated data (data_constrained), and with care far above the fitted tokens per parameter.
    """
    return E + A * N**-alpha + B * D**-beta


@optimum(chinchilla, where="eq. 4")
def _optimum(coef, compute, cost=6.0):
    r"""N* = G (C/k)^{\beta/(\alpha+\beta)}, D* = (C/k)/N*, for C = k N D."""
    total = coef["alpha"] + coef["beta"]
    g = (coef["alpha"] * coef["A"] / (coef["beta"] * coef["B"])) ** (1.0 / total)
    n = g * (compute / cost) ** (coef["beta"] / total)
    return {"N": n, "D": compute / cost / n}
