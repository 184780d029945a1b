r"""Routed language models: loss in the size one token sees and the number of experts."""

from math import log

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Interval, Positive, Published, law, maths

CLARK = Cite("Clark et al.", 2022, "Unified Scaling Laws for Routed Language Models", "arXiv:2202.01169", "eq. 1")
INFERENCE = Cite(
    "Yun et al.", 2024, "Toward Inference-optimal Mixture-of-Expert Large Language Models", "arXiv:2404.02852",
    "the joint law (eq. in experts, parameters and tokens)",
)  # fmt: skip

# Counted experts run from E_start at one expert to E_max at endlessly many; the two domains meet but do not overlap.
FewExperts = Domain("number of experts", lower=1.0, upper=16.0, transform="log", start=(1.1, 8.0))
ManyExperts = Domain("number of experts", lower=16.0, upper=1e4, transform="log", start=(32.0, 1000.0))
EXPERTS = {
    "E_start": "what one expert counts as, experts",
    "E_max": "what endlessly many experts count as, experts",
}
OWN = {"a": -0.1, "b": -0.2, "c": 0.02, "d": 1.2, "E_start": 2.0, "E_max": 200.0}
# As printed and as fitted to the released curves: a, b, c, d, E_start, E_max.
ROUTERS = {
    "s-base": (
        "S-Base",
        (-0.082, -0.108, 0.009, 1.104, 1.847, 314.5),
        (-0.08302556, -0.1180454, 0.009925058, 1.113582, 2.074587, 238.6775),
    ),
    "rl-r": (
        "RL-R",
        (-0.083, -0.126, 0.012, 1.111, 1.880, 470.0),
        (-0.08272981, -0.1234173, 0.01123265, 1.107015, 1.721968, 470.0627),
    ),
    "hash": (
        "Hash",
        (-0.087, -0.136, 0.012, 1.157, 4.175, 477.7),
        (-0.08735735, -0.1383678, 0.0126356, 1.159537, 4.269074, 427.2596),
    ),
}
JOINT = {
    "A": 300.0, "alpha": 0.3, "B": 3.0, "beta": 0.6, "G": 800.0, "gamma": 0.33, "F": 1.5,
    "d": 0.0008, "E_start": 2.0, "E_max": 80.0,
}  # fmt: skip


def saturating(experts, start, limit):
    r"""1/K' = 1 / (K - 1 + (1/E_{start} - 1/E_{max})^{-1}) + 1/E_{max}: how many experts K experts count as."""
    gap = 1.0 / start - 1.0 / limit
    return 1.0 / (gap / (1.0 + (experts - 1.0) * gap) + 1.0 / limit)


def _clark(where, tag, row, note=""):
    """One router; logarithms to base ten."""
    return Published(
        dict(zip(OWN, row, strict=True)),
        where=where,
        tag=tag,
        params="active",
        loss="nats/token",
        span={"N": (1.65e7, 1.31e9), "K": (1.0, 512.0)},
        note="; ".join(filter(None, ("250,000 steps, 130 B tokens, for every size", note))),
    )


@law(
    cite=CLARK,
    published={
        **{
            key: _clark(
                f"{router} router, three decimals", "verified-secondary", row, "the decimals alone move a loss by 1 %"
            )
            for key, (router, row, _) in ROUTERS.items()
        },
        **{
            f"{key}-refit": _clark(
                f"released losses of the {router} router and the dense runs, squared log", "refit", row
            )
            for key, (router, _, row) in ROUTERS.items()
        },
    },
    checks=[Check({"N": 1e8, "K": 33.0}, OWN, 2.1951260247169545)],  # 40 digits, 29.07458... counted experts
    falls_in=("N",),
    aliases=("clark", "moe_routed"),
    meaning={
        "a": "slope of log10 loss against log10 parameters at one counted expert, no unit",
        "b": "slope of log10 loss against log10 counted experts at one parameter, no unit",
        "c": "how much either slope flattens per decade of the other, no unit",
        "d": "log10 of the loss at one parameter and one counted expert",
        **EXPERTS,
    },
)
def routed(
    N, K, *, a: Interval(-1.0, 0.5, start=(-0.2, -0.02)), b: Interval(-2.0, 1.0, start=(-0.4, 0.0)),
    c: Interval(-0.2, 0.2, start=(0.0, 0.04)), d: Interval(-2.0, 5.0, start=(0.6, 2.0)),
    E_start: FewExperts, E_max: ManyExperts,
):  # fmt: skip
    r"""\log_{10} L = a \log_{10} N + b \log_{10} K' + c \log_{10} N \log_{10} K' + d

    Use it for models with K experts in every other block, one expert a token, all trained for the same steps;
    N is the size that one token sees, and dense models are K = 1. The counted
    experts K' = saturating(K, E_start, E_max) run from E_start to E_max. With c > 0 experts help less the larger the
    model, down to nothing at cutoff(coef). Not when the number of tokens varies: the fading gain is then partly
    an artefact of fixed tokens, and moe_joint, which has them, fits better.
    """
    ten = log(10.0)
    size, count = maths.log(N) / ten, maths.log(saturating(K, E_start, E_max)) / ten
    return maths.exp(ten * (d + a * size + (b + c * size) * count))


def effective_params(coef, N, K):
    r"""N^{\alpha(K') / \alpha(E_{start})} (K' / E_{start})^{b / \alpha(E_{start})}, \alpha(K) = a + c \log_{10} K

    The size of the dense model with the loss of N parameters and K experts under ``routed``.
    """
    count = saturating(K, coef["E_start"], coef["E_max"])
    slope = coef["a"] + coef["c"] * maths.log(coef["E_start"]) / log(10.0)
    own = coef["a"] + coef["c"] * maths.log(count) / log(10.0)
    return N ** (own / slope) * (count / coef["E_start"]) ** (coef["b"] / slope)


def cutoff(coef):
    r"""10^{-b/c}: the size beyond which more experts no longer help under ``routed``, parameters."""
    return 10.0 ** (-coef["b"] / coef["c"])


@law(
    cite=INFERENCE,
    checks=[Check({"N": 1e8, "K": 33.0, "D": 1e10}, JOINT, 3.7117865560132373)],
    falls_in=("D",),
    meaning={
        "A": "size of the parameter term, loss times parameters^alpha, at one counted expert",
        "alpha": "exponent of parameters, no unit",
        "B": "size of the expert term, loss times experts^beta, at one parameter",
        "beta": "exponent of counted experts, no unit",
        "G": "size of the data term, loss times tokens^gamma, at one counted expert",
        "gamma": "exponent of tokens, no unit",
        "F": "irreducible loss at one counted expert, in the unit of the loss",
        "d": "how log loss changes per factor e of parameters and of counted experts, no unit",
        **EXPERTS,
    },
)
def moe_inference(
    N, K, D, *, A: Positive, alpha: Exponent, B: Positive, beta: Exponent, G: Positive, gamma: Exponent, F: Floor,
    d: Interval(-0.05, 0.05, start=(-0.005, 0.005)), E_start: FewExperts, E_max: ManyExperts,
):  # fmt: skip
    r"""\log L = \log \left( A N^{-\alpha} + B K'^{-\beta} + G D^{-\gamma} + F \right) + d \log N \log K'

    Use it to weigh experts against size, tokens and the cost of serving, on runs that vary all three; N is the
    dense base without embeddings. Its authors print no coefficients, so none are shipped: fit your own. Not for
    a few dozen runs, which do not carry ten coefficients: hold E_max, which is the least determined, or fit
    chinchilla for each number of experts.
    """
    count = saturating(K, E_start, E_max)
    total = A * N**-alpha + B * count**-beta + G * D**-gamma + F
    return total * maths.exp(d * maths.log(N) * maths.log(count))
