r"""The best peak learning rate as a product of powers of size, data or compute."""

from tenfold.core import Check, Cite, Exponent, Positive, Published, Real, Reduction, law

STEP_LAW = Cite(
    "Li et al.",
    2025,
    "Predictable Scale: Part I, Optimal Hyperparameter Scaling Law in Large Language Model Pretraining",
    "arXiv:2503.04715",
    "abstract; constants in the authors' repository",
)
PORIAN = Cite(
    "Porian et al.",
    2024,
    "Resolving Discrepancies in Compute-Optimal Scaling of Language Models",
    "arXiv:2406.19146",
    "section on tuned hyperparameters, and the authors' plotting code",
)
DEEPSEEK = Cite(
    "DeepSeek-AI", 2024, "DeepSeek LLM: Scaling Open-Source Language Models with Longtermism", "arXiv:2401.02954",
    "section 3.1",
)  # fmt: skip


@law(
    cite=STEP_LAW,
    output="lr_peak",
    published={
        "step-law": Published(
            {"k": 1.79, "alpha": 0.713, "beta": 0.307},
            where="rounded means of the authors' 1000 bootstrap rows, sd .030 of alpha and .019 of beta",
            params="non-embedding",
            note="AdamW, decay to a fixed 1e-5; a rate that ends at a share of its peak has another constant",
        )
    },
    checks=[Check({"N": 1e8, "D": 1e10}, {"k": 3.0, "alpha": 0.5, "beta": 0.2}, 0.03)],  # 3 * 1e-4 * 1e2
    reduces_to=[Reduction("lr_n", when={"beta": 0.0}, coef={"k": "k", "alpha": "alpha"})],
    falls_in=("N",),
    aliases=("step_lr",),
    meaning={
        "k": "rate at one parameter and one token, parameters^alpha / tokens^beta",
        "alpha": "how fast the best rate falls with parameters, no unit",
        "beta": "how fast it rises with tokens, no unit; negative where it falls",
    },
)
def lr_nd(N, D, *, k: Positive, alpha: Real, beta: Real):
    r"""\eta(N, D) = k N^{-\alpha} D^{\beta}

    Use it for the best rates of a grid over sizes and tokens, one optimizer, schedule and parameterization.
    Not across those: the constant moves with the final rate, the warm-up and muP. With runs along one line
    of tokens per parameter only, fit lr_n or lr_c, for alpha and beta are then not told apart.
    """
    return k * N**-alpha * D**beta


@law(
    cite=PORIAN,
    output="lr_peak",
    published={
        "porian": Published(
            {"k": 0.0047 * 108e6 ** (1 / 3), "alpha": 1 / 3},
            where="the rule drawn in the authors' code, .0047 at 108 M parameters",
            params="non-embedding+head",
            span={"N": (2.5e7, 1.1e8)},
            note="20 tokens a parameter; the batch grows too (batch_n:porian), and beta2 rises where it is small",
        )
    },
    checks=[Check({"N": 1e8}, {"k": 3.0, "alpha": 0.5}, 3e-4)],
    reduces_to=[Reduction("power", when={}, coef={"A": "k", "alpha": "alpha"}, inputs={"x": "N"})],
    falls_in=("N",),
    meaning={"k": "rate at one parameter, parameters^alpha", "alpha": "exponent of parameters, no unit"},
)
def lr_n(N, *, k: Positive, alpha: Exponent):
    r"""\eta(N) = k N^{-\alpha}

    Use it for tuned rates of several sizes at one ratio of tokens to parameters. Not where that ratio
    varies (lr_nd), and not under muP, whose point is that the best rate stays the same.
    """
    return k * N**-alpha


@law(
    cite=DEEPSEEK,
    output="lr_peak",
    published={
        "deepseek": Published(
            {"k": 0.3118, "alpha": 0.1250},
            where="section 3.1, grid searches at 1e17 to 2e19 FLOP, checked at 1e20",
            tag="verified-secondary",
            flops="counted",
            span={"C": (1e17, 2e19)},
            note="C = M D with M the FLOP a token without embeddings and head, 72 layers width^2 + 12 layers width "
            "context; rates within .25 % of the best loss; rates fall in steps, not by a cosine",
        )
    },
    checks=[Check({"C": 1e20}, {"k": 3.0, "alpha": 0.2}, 3e-4)],
    reduces_to=[Reduction("power", when={}, coef={"A": "k", "alpha": "alpha"}, inputs={"x": "C"})],
    falls_in=("C",),
    aliases=("deepseek_lr",),
    meaning={"k": "rate at one FLOP, FLOP^alpha", "alpha": "exponent of compute, no unit"},
)
def lr_c(C, *, k: Positive, alpha: Exponent):
    r"""\eta(C) = k C^{-\alpha}

    Use it for tuned rates along the compute-optimal line, where size and tokens both follow from the budget.
    Not for over-trained or repeated runs, which need size and tokens apart (lr_nd).
    """
    return k * C**-alpha
