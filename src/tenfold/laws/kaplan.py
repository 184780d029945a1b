r"""Kaplan et al.: pure power laws in size, in data and in compute."""

from dataclasses import replace

from tenfold.core import Check, Cite, Exponent, Like, Published, Reduction, law

KAPLAN = Cite("Kaplan et al.", 2020, "Scaling Laws for Neural Language Models", "arXiv:2001.08361", "eq. 1.1")
PF_DAY = 8.64e19  # FLOP in one petaflop/s-day
N_SCALE = "size at which the term is one nat, parameters without embeddings"
D_SCALE = "data at which the term is one nat, tokens"


def published(where, tag="verified-secondary", note="", **coef):
    return Published(coef, where=where, tag=tag, params="non-embedding", flops="kaplan", loss="nats/token", note=note)


@law(
    cite=KAPLAN,
    published={"kaplan": published("eq. 1.1, WebText2", Nc=8.8e13, alpha_N=0.076)},
    checks=[Check({"N": 1e8}, {"Nc": 1e12, "alpha_N": 0.5}, 100.0)],
    reduces_to=[Reduction("power", when={}, coef={"A": "Nc**alpha_N", "alpha": "alpha_N"}, inputs={"x": "N"})],
    falls_in=("N",),
    meaning={"Nc": N_SCALE, "alpha_N": "exponent of parameters, no unit"},
)
def kaplan_n(N, *, Nc: Like("N", low=1.0, high=1e8), alpha_N: Exponent):
    r"""L(N) = (N_c / N)^{\alpha_N}

    Use it for models of several sizes, each trained to convergence on ample data. Not for far forecasts,
    because it has no floor: compare with power_offset. Its published constants hold for WebText2, one
    tokeniser and no embeddings.
    """
    return (Nc / N) ** alpha_N


@law(
    cite=replace(KAPLAN, where="eq. 1.2"),
    published={"kaplan": published("eq. 1.2, WebText2, early stopping", Dc=5.4e13, alpha_D=0.095)},
    checks=[Check({"D": 1e8}, {"Dc": 1e12, "alpha_D": 0.5}, 100.0)],
    reduces_to=[Reduction("power", when={}, coef={"A": "Dc**alpha_D", "alpha": "alpha_D"}, inputs={"x": "D"})],
    falls_in=("D",),
    meaning={"Dc": D_SCALE, "alpha_D": "exponent of tokens, no unit"},
)
def kaplan_d(D, *, Dc: Like("D", low=1.0, high=1e8), alpha_D: Exponent):
    r"""L(D) = (D_c / D)^{\alpha_D}

    Use it for large models stopped early on data sets of several sizes. Not for far forecasts, because it has
    no floor: compare with power_offset. When the models also differ in size, use kaplan_nd or chinchilla.
    """
    return (Dc / D) ** alpha_D


@law(
    cite=replace(KAPLAN, where="eq. 1.3 and appendix A"),
    published={
        "kaplan": published(
            "appendix A", note="naive: every run at one fixed batch size", Cc=1.6e7 * PF_DAY, alpha_C=0.057
        ),
        "kaplan-min": published(
            "eq. 1.3",
            note="C is the least compute, at a batch far below critical",
            Cc=3.1e8 * PF_DAY,
            alpha_C=0.050,
        ),
    },
    checks=[Check({"C": 1e20}, {"Cc": 1e24, "alpha_C": 0.25}, 10.0)],
    reduces_to=[Reduction("power", when={}, coef={"A": "Cc**alpha_C", "alpha": "alpha_C"}, inputs={"x": "C"})],
    falls_in=("C",),
    meaning={"Cc": "compute at which the loss is one nat, FLOP", "alpha_C": "exponent of compute, no unit"},
)
def kaplan_c(C, *, Cc: Like("C", low=1.0, high=1e12), alpha_C: Exponent):
    r"""L(C) = (C_c / C)^{\alpha_C}

    Use it for the lower envelope of loss against compute, one point a budget. Not for single runs, which lie
    above the envelope (overtrain, chinchilla), and not far out: it has no floor (power_offset).
    """
    return (Cc / C) ** alpha_C
