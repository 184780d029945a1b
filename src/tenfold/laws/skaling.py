r"""Skaling: size and data combined under one outer exponent."""

from tenfold.core import Check, Cite, Exponent, Floor, Interval, Like, Positive, Published, Reduction, law, maths, optimum
from tenfold.laws.kaplan_joint import SteepExponent

BUSBRIDGE = Cite(
    "Busbridge et al.", 2025, "Distillation Scaling Laws", "arXiv:2502.08606",
    "section 4, the supervised law, and table 6",
)  # fmt: skip
BRANDFONBRENER = Cite(
    "Brandfonbrener et al.", 2024, "Loss-to-Loss Prediction: Scaling Laws for All Datasets", "arXiv:2411.12925",
    "section 3; loss_relationships.ipynb of the authors' repository",
)  # fmt: skip
Outer = Interval(0.05, 2.0, start=(0.15, 1.2))


@law(
    cite=BUSBRIDGE,
    published={
        "busbridge": Published(
            {"E": 1.220, "A": 3355.0, "B": 18186.0, "alpha": 0.408, "beta": 0.431, "k": 0.452},
            where="table 6, the supervised law of 73 runs; its gamma is k",
            loss="nats/token",
        ),
        "farseer-runs": Published(
            {"E": 0.2655, "A": 105.4, "B": 784.6, "alpha": 0.3915, "beta": 0.4253, "k": 0.472},
            where="our fit of the 404 public runs behind farseer, Huber 1e-3 of the log loss",
            tag="refit",
            params="non-embedding",
            span={"N": (9.96e7, 6.37e9), "D": (1e9, 5.1e11)},
            note="the unit of the loss is that of farseer, not nats per token",
        ),
    },
    checks=[
        Check({"N": 1e4, "D": 1e8}, {"E": 1.5, "A": 400.0, "B": 500.0, "alpha": 0.5, "beta": 0.25, "k": 0.5}, 4.5),
        # (16 / 2 + 128 / 16)^.75 = 16^.75
        Check({"N": 16.0, "D": 256.0}, {"E": 1.5, "A": 16.0, "B": 128.0, "alpha": 0.25, "beta": 0.5, "k": 0.75}, 9.5),
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"k": 1.0},
            coef={"E": "E", "A": "A", "B": "B", "alpha": "alpha", "beta": "beta"},
        ),
        Reduction(
            "coupled",
            when={"beta": 1.0},
            coef={"E": "E", "A": "A**(1 / alpha)", "B": "B", "alpha": "alpha * k", "beta": "k"},
        ),
    ],
    falls_in=("N", "D"),
    aliases=("supervised",),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size of the parameter term, loss^(1/k) times parameters^alpha",
        "B": "size of the data term, loss^(1/k) times tokens^beta",
        "alpha": "exponent of parameters inside, no unit; on endless data the loss falls with alpha k",
        "beta": "exponent of tokens inside, no unit; for an endless model the loss falls with beta k",
        "k": "outer exponent, no unit; 1 is chinchilla, below 1 more data makes size worth more and the reverse",
    },
)
def skaling(N, D, *, E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent, k: Outer):
    r"""L(N, D) = E + \left( A N^{-\alpha} + B D^{-\beta} \right)^{k}

    Use it as the first alternative to chinchilla: one more coefficient, the same compute-optimal size, and it
    sees that data help large models more (published again as Skaling, arXiv:2608.07222, with k of .31 to .45).
    Runs of all sizes at few tokens and of one size at many determine it. Not with sizes and tokens that rise
    together only (k then trades against the exponents), nor for repeated data (data_constrained).
    """
    size = maths.log(A) - alpha * maths.log(N)
    return E + maths.exp(k * maths.logaddexp(size, maths.log(B) - beta * maths.log(D)))


@optimum(skaling, where="the optimum of chinchilla: the outer power does not move it")
def _optimum(coef, compute, cost=6.0):
    r"""N* = G (C/k)^{\beta/(\alpha+\beta)}, G = (\alpha A / (\beta B))^{1/(\alpha+\beta)}, for C = k N D."""
    total = coef["alpha"] + coef["beta"]
    g = (coef["alpha"] * coef["A"] / (coef["beta"] * coef["B"])) ** (1.0 / total)
    n = g * (compute / cost) ** (coef["beta"] / total)
    return {"N": n, "D": compute / cost / n}


def _notebook(A, B, E, alpha, beta):
    return Published(
        {"E": E, "A": A, "B": B, "alpha": alpha, "beta": beta},
        where="loss_relationships.ipynb, step 1",
        flops="6ND",
        loss="nats/token",
        note="extrapolated by the authors to 3.3 B parameters and 1e21 FLOP",
    )


@law(
    cite=BRANDFONBRENER,
    published={
        "fineweb-edu": _notebook(6.68e7, 8.90e8, 1.97, 0.41, 0.46),
        "fineweb": _notebook(6.79e7, 9.31e8, 2.17, 0.41, 0.45),
        "slimpajama": _notebook(7.47e7, 1.06e9, 1.97, 0.40, 0.43),
        "smollm": _notebook(7.79e7, 1.06e9, 1.53, 0.42, 0.45),
        "proofpile": _notebook(2.14e7, 3.29e8, 1.32, 0.45, 0.46),
        "starcoder": _notebook(2.23e7, 3.78e8, 0.85, 0.45, 0.47),
    },
    checks=[
        Check({"N": 1e8, "D": 1e10}, {"E": 0.5, "A": 4e8, "B": 6.5e11, "alpha": 0.5, "beta": 0.25}, 3.5),
        Check({"N": 1e8, "D": 1e10}, {"E": 0.5, "A": 1.6e9, "B": 2.1e11, "alpha": 0.25, "beta": 0.5}, 5.5),
    ],
    reduces_to=[
        Reduction(
            "kaplan_nd",
            when={"E": 0.0},
            coef={"Nc": "A", "Dc": "B", "alpha_N": "alpha", "alpha_D": "beta"},
        )
    ],
    falls_in=("N", "D"),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size at which endless data leave one unit of reducible loss, parameters",
        "B": "data at which an endless model has one unit of reducible loss, tokens",
        "alpha": "exponent of parameters on endless data, no unit",
        "beta": "exponent of tokens for an endless model, and the outer exponent, no unit",
    },
)
def coupled(
    N,
    D,
    *,
    E: Floor,
    A: Like("N", low=1e-3, high=1e4),
    B: Like("D", low=1e-3, high=1e4),
    alpha: SteepExponent,
    beta: SteepExponent,
):
    r"""L(N, D) = E + \left[ (A / N)^{\alpha / \beta} + B / D \right]^{\beta}

    Use it for losses that will be compared across data sets: it is kaplan_nd with a floor, and the floor of
    each loss is what such comparisons need. It has the coefficients of chinchilla and couples size and data
    as skaling does. Not when the coupling itself is in question: it is tied to the exponent of the data here,
    and free in skaling.
    """
    size = alpha / beta * (maths.log(A) - maths.log(N))
    return E + maths.exp(beta * maths.logaddexp(size, maths.log(B) - maths.log(D)))


@optimum(coupled, where="d/dN = 0 at D = C / (k N), as in loss_relationships.ipynb")
def _coupled_optimum(coef, compute, cost=6.0):
    r"""N* = (G C/k)^{\beta/(\alpha+\beta)}, G = \alpha A^{\alpha/\beta} / (\beta B), for C = k N D."""
    p = coef["alpha"] / coef["beta"]
    n = (p * coef["A"] ** p / coef["B"] * (compute / cost)) ** (1.0 / (1.0 + p))
    return {"N": n, "D": compute / cost / n}
