r"""Allocation: the compute-optimal size, tokens and steps as powers of the budget."""

from math import exp

from tenfold.core import Check, Cite, Exponent, Positive, Published, law
from tenfold.laws.kaplan import KAPLAN, PF_DAY

HENIGHAN = Cite(
    "Henighan et al.", 2020, "Scaling Laws for Autoregressive Generative Modeling", "arXiv:2010.14701", "table 1",
)  # fmt: skip
PORIAN = Cite(
    "Porian et al.", 2024, "Resolving Discrepancies in Compute-Optimal Scaling of Language Models",
    "arXiv:2406.19146", "section 2: N* = n_0 C^a",
)  # fmt: skip
GEMSTONES = Cite(
    "McLeish et al.", 2025, "Gemstones: A Model Suite for Multi-Faceted Scaling Laws", "arXiv:2502.06857",
    "section on approach 1; parameters/approach_1_linear_regression_*.json of the authors' repository",
)  # fmt: skip
DEEPSEEK = Cite(
    "DeepSeek-AI", 2024, "DeepSeek LLM: Scaling Open-Source Language Models with Longtermism", "arXiv:2401.02954",
    "section 3.2, M_opt and D_opt",
)  # fmt: skip
TAO = Cite(
    "Tao et al.", 2024, "Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies",
    "arXiv:2407.13623", "section on approach 1; optimal_Nv_predict.py of the authors' repository",
)  # fmt: skip
KAPLAN_FRONTIER = Cite(KAPLAN.authors, KAPLAN.year, KAPLAN.title, KAPLAN.id, "section 6, figure 14")
LEAST = "C is the least compute, at a batch far below critical"
HOT = "learning rate not cooled down, checkpoints of 22 shapes; compute as their calculator counts it"


def _per_day(days, a):
    """(C / days)^a with days in petaflop/s-days."""
    return {"n0": (days * PF_DAY) ** -a, "a": a}


def _henighan(days, a):
    return Published(
        _per_day(days, a),
        where="table 1, column N_opt(C), from petaflop/s-days",
        params="non-embedding",
        flops="kaplan",
        cite=HENIGHAN,
    )


def _kaplan(coef, note=LEAST, where="section 6, figure 14, from petaflop/s-days"):
    return Published(
        coef, where=where, tag="verified-secondary", params="non-embedding", flops="kaplan", note=note,
        cite=KAPLAN_FRONTIER,
    )  # fmt: skip


def _gemstones(coef, what, params="total", note=HOT):
    return Published(coef, where=what, params=params, flops="counted", note=note, cite=GEMSTONES)


def _porian(n0, a, what, params, theirs):
    return Published(
        {"n0": n0, "a": a},
        where=f"our spline minima of the budgets of their table, one line through all, {what}; tested",
        tag="refit",
        params=params,
        flops="6ND",
        span={"C": (1.25e16, 2.56e19)},
        note=f"their own line, weighted by a noise model, has a = {theirs}",
        cite=PORIAN,
    )


def _deepseek(**coef):
    return Published(
        coef,
        where="section 3.2",
        tag="verified-secondary",
        params="flop/6",
        flops="counted",
        note="size as non-embedding FLOP per token, here over 6; other data move the exponent from .45 to .58",
        cite=DEEPSEEK,
    )


@law(
    cite=PORIAN,
    output="params",
    published={
        "porian-refinedweb": _porian(0.11632957, 0.49741232, "RefinedWeb, tuned", "non-embedding+head", ".497"),
        "porian-openwebtext": _porian(0.045438577, 0.51911334, "OpenWebText2, tuned", "non-embedding+head", ".519"),
        "porian-as-kaplan": _porian(
            4.7344544e-8, 0.83264597, "RefinedWeb, trained and counted as Kaplan et al.", "non-embedding", ".835"
        ),
        "kaplan": _kaplan({"n0": 1.3e9 * PF_DAY**-0.73, "a": 0.73}),
        "kaplan-naive": _kaplan(
            {"n0": 1.6e9 * PF_DAY**-0.88, "a": 0.88},
            note="every run at one fixed batch size",
            where="section 6, as later plotting codes quote it, from petaflop/s-days",
        ),
        "deepseek": _deepseek(n0=0.1715 / 6, a=0.5243),
        "gemstones": _gemstones({"n0": exp(-2.8451076960767026), "a": 0.499380216082636}, "hull up to 100 B tokens"),
        "gemstones-long": _gemstones(
            {"n0": exp(-1.025860400775425), "a": 0.45790307973088284}, "hull up to 350 B tokens"
        ),
        "gemstones-long-body": _gemstones(
            {"n0": exp(-6.50468487200348), "a": 0.5689324102290297}, "hull up to 350 B tokens", "non-embedding"
        ),
        "gemstones-cooled": _gemstones(
            {"n0": exp(-7.522191520048853), "a": 0.5969810173757477},
            "hull of the ends of cool-downs",
            note="compute as their calculator counts it",
        ),
        "vocabulary": Published(
            {"n0": exp(-2.4846510161625193), "a": 0.5},
            where="optimal_Nv_predict.py, approach 1; the exponent was held",
            params="non-embedding",
            note="parameters outside the vocabulary, when the vocabulary is optimal too; compute is 6 (N + Nv) D",
            cite=TAO,
        ),
        "henighan-language": _henighan(3.3e-13, 0.73),
        "henighan-image-8": _henighan(5.3e-14, 0.64),
        "henighan-image-16": _henighan(4.8e-12, 0.75),
        "henighan-image-32": _henighan(1.6e-13, 0.65),
        "henighan-vq-16": _henighan(6.2e-14, 0.64),
        "henighan-vq-32": _henighan(9.4e-13, 0.7),
        "henighan-text-to-image": _henighan(9.4e-13, 0.7),
        "henighan-image-to-text": _henighan(3.3e-12, 0.72),
        "henighan-video": _henighan(1.13e-12, 0.71),
        "henighan-math": _henighan(2.3e-12, 0.69),
    },
    checks=[Check({"C": 1e20}, {"n0": 0.3, "a": 0.5}, 3e9)],
    aliases=("optimal_params",),
    meaning={
        "n0": "optimal size at one FLOP, parameters / FLOP^a; only a prefactor",
        "a": "exponent of compute, no unit; .5 keeps tokens per parameter constant",
    },
)
def allocation(C, *, n0: Positive, a: Exponent):
    r"""N^*(C) = n_0 C^{a}

    Use it for the best size of each budget, found by isoFLOP curves or from the envelope of many runs, and to
    hold published allocations against each other. Not across conventions: counting the head or the embeddings
    moves a by .1 and more. A law of the loss (chinchilla, skaling) gives the same line and what leaving it costs.
    """
    return n0 * C**a


@law(
    cite=PORIAN,
    output="tokens",
    published={
        "kaplan": _kaplan({"d0": 2e10 * PF_DAY**-0.27, "b": 0.27}),
        "deepseek": _deepseek(d0=5.8316, b=0.4757),
        "gemstones": _gemstones({"d0": exp(1.8963208273327723), "b": 0.4809888232129201}, "hull up to 100 B tokens"),
        "gemstones-long": _gemstones(
            {"d0": exp(-0.02952087043010465), "b": 0.5248986844440133}, "hull up to 350 B tokens"
        ),
    },
    checks=[Check({"C": 1e20}, {"d0": 5.0, "b": 0.5}, 5e10)],
    aliases=("optimal_tokens",),
    meaning={
        "d0": "optimal tokens at one FLOP, tokens / FLOP^b; only a prefactor",
        "b": "exponent of compute, no unit; 1 - a where compute is 6 N D",
    },
)
def allocation_tokens(C, *, d0: Positive, b: Exponent):
    r"""D^*(C) = d_0 C^{b}

    Use it for the tokens of the best run of each budget; with allocation it gives tokens per parameter. Not as
    a second, independent fit where compute is 6 N D: there b = 1 - a, and one of the two says all.
    """
    return d0 * C**b


@law(
    cite=KAPLAN_FRONTIER,
    output="steps",
    published={"kaplan": _kaplan({"s0": 5.4e3 * PF_DAY**-0.03, "c": 0.03}, note=f"{LEAST}, and steps the least")},
    checks=[Check({"C": 1e20}, {"s0": 2.0, "c": 0.2}, 2e4)],
    aliases=("optimal_steps",),
    meaning={
        "s0": "optimal steps at one FLOP, steps / FLOP^c; only a prefactor",
        "c": "exponent of compute, no unit",
    },
)
def allocation_steps(C, *, s0: Positive, c: Exponent):
    r"""S^*(C) = s_0 C^{c}

    Use it for the optimiser steps of the best run of each budget, when batch and size grow with it. Not where
    the batch is chosen for other reasons: fit allocation_tokens and divide by the batch.
    """
    return s0 * C**c
