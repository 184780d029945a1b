r"""Code, one programming language at a time: size and data by the scale at which each costs one nat."""

from tenfold.core import Check, Cite, Floor, Like, Reduction, law, maths
from tenfold.laws.kaplan_joint import SteepExponent

CODE = Cite(
    "Yang et al.", 2025, "Scaling Laws for Code: Every Programming Language Matters", "arXiv:2512.13472",
    "eq. of the law of one language",
)  # fmt: skip


@law(
    cite=CODE,
    checks=[
        Check(
            {"N": 1e8, "D": 1e10},
            {"E": 0.75, "Nc": 2.5e7, "Dc": 1.6e9, "alpha_N": 0.5, "alpha_D": 0.25},
            1.8824555320336759,
        ),
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={},
            coef={"E": "E", "A": "Nc**alpha_N", "B": "Dc**alpha_D", "alpha": "alpha_N", "beta": "alpha_D"},
        )
    ],
    falls_in=("N", "D"),
    meaning={
        "E": "irreducible loss of the language, in the unit of the loss",
        "Nc": "size at which the parameter term is one, parameters",
        "Dc": "data at which the data term is one, tokens",
        "alpha_N": "exponent of parameters, no unit",
        "alpha_D": "exponent of tokens, no unit",
    },
)
def code_language(
    N, D, *, E: Floor, Nc: Like("N", low=1e-4, high=1e4), Dc: Like("D", low=1e-4, high=1e4),
    alpha_N: SteepExponent, alpha_D: SteepExponent,
):  # fmt: skip
    r"""L(N, D) = E + (N_c / N)^{\alpha_N} + (D_c / D)^{\alpha_D}

    Use it to compare programming languages, or any sources, each trained alone: the scales N_c and D_c are read
    more easily than the sizes of terms, and it is chinchilla otherwise. Not for mixtures of languages, where
    they help each other (the laws of mixtures). No set is shipped: the paper prints the exponents and the floor
    of seven languages but neither scale; hold them with fixed=, as Python's .221, 1.217 and .566.
    """
    size, data = maths.log(Nc) - maths.log(N), maths.log(Dc) - maths.log(D)
    return E + maths.exp(alpha_N * size) + maths.exp(alpha_D * data)
