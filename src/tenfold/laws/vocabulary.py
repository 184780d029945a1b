r"""Vocabulary: loss from the sizes with and without it, and the best vocabulary for a model or a budget."""

from math import exp, log

from tenfold.core import Check, Cite, Exponent, Positive, Published, law

TAO = Cite(
    "Tao et al.", 2024, "Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies",
    "arXiv:2407.13623", "section on approach 3; optimal_Nv_predict.py of the authors' repository",
)  # fmt: skip
ONE = Cite(TAO.authors, TAO.year, TAO.title, TAO.id, "section on approach 1; optimal_Nv_predict.py")
TWO = Cite(TAO.authors, TAO.year, TAO.title, TAO.id, "section on approach 2; optimal_Nv_predict.py")
PUBLISHED_N = (-2.4846510161625193, 0.5)  # log of the prefactor and exponent of N on the best line of approach 1
PUBLISHED_NV = (-1.589031299255507, 0.4163622634135234)  # of Nv


def _raw(A1, alpha1, A2, alpha2, B, beta, E):
    """The fit was made in millions of parameters and billions of tokens; here in parameters and tokens."""
    return {
        "E": E, "A1": A1 * 1e6**alpha1, "A2": A2 * 1e6**alpha2, "B": B * 1e9**beta,
        "alpha1": alpha1, "alpha2": alpha2, "beta": beta,
    }  # fmt: skip


@law(
    cite=TAO,
    output="relative_loss",
    published={
        "tao": Published(
            _raw(
                1.8313851559554126,
                0.44660634152009615,
                0.19584238398665638,
                0.6707374679896795,
                2.1241123120064955,
                0.44660634152009615,
                5.5327846803337435,
            ),
            where="optimal_Nv_predict.py, approach 3; alpha1 was tied to beta",
            params="non-embedding",
            loss="nats/token",
            note="loss less that of the word frequencies, negative; N without and Nv with the vocabulary's tables",
        )
    },
    checks=[
        Check(
            {"N": 1e8, "Nv": 1e4, "D": 1e12},
            {"E": 5.5, "A1": 4e3, "A2": 3.0, "B": 300.0, "alpha1": 0.5, "alpha2": 0.25, "beta": 0.2},
            -3.6056784883395082,
        )
    ],
    falls_in=("N", "Nv", "D"),
    meaning={
        "E": "how far below the loss of the word frequencies an endless model ends, nats per token",
        "A1": "size of the term of the other parameters, loss times parameters^alpha1",
        "A2": "size of the term of the vocabulary's parameters, loss times parameters^alpha2",
        "B": "size of the data term, loss times tokens^beta",
        "alpha1": "exponent of the other parameters, no unit",
        "alpha2": "exponent of the vocabulary's parameters, no unit",
        "beta": "exponent of tokens, no unit",
    },
)
def vocabulary(
    N, Nv, D, *, E: Positive, A1: Positive, A2: Positive, B: Positive, alpha1: Exponent, alpha2: Exponent, beta: Exponent
):
    r"""L_u(N, N_v, D) = -E + A_1 N^{-\alpha_1} + A_2 N_v^{-\alpha_2} + B D^{-\beta}

    Use it for models with different vocabularies, whose losses per token cannot be compared: L_u is the loss
    less that of a model that knows only how often each token occurs, so it is negative, and it is fitted in
    linear space (objective huber:1e-3@linear). best_vocabulary gives the vocabulary for a size and a budget.
    Not for plain losses of one tokeniser (chinchilla), and not with the width alone changing: N_v is the
    number of tokens times the width.
    """
    return A1 * N**-alpha1 + A2 * Nv**-alpha2 + B * D**-beta - E


def best_vocabulary(coef, params, flops):
    """Vocabulary parameters with the least loss for ``params`` others, when training costs 6 (N + Nv) D = ``flops``.

    More vocabulary costs tokens. The slope of the loss in Nv changes its sign once, found by bisection.
    """

    def rises(log_nv):
        nv = exp(log_nv)
        gain = log(coef["alpha2"] * coef["A2"]) - (coef["alpha2"] + 1.0) * log_nv
        cost = log(coef["beta"] * coef["B"]) - coef["beta"] * log(flops / 6.0)
        return cost + (coef["beta"] - 1.0) * log(params + nv) > gain

    low, high = log(params) - 60.0, log(params) + 60.0
    while high - low > 1e-13 * abs(high):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if rises(middle) else (middle, high)
    return exp(0.5 * (low + high))


@law(
    cite=ONE,
    output="vocab_params",
    published={
        "isoflop": Published(
            {"k": exp(PUBLISHED_NV[0]), "gamma": PUBLISHED_NV[1]},
            where="optimal_Nv_predict.py, approach 1",
            note="compute is 6 (N + Nv) D, and N is optimal too",
        )
    },
    checks=[Check({"C": 1e20}, {"k": 0.03, "gamma": 0.5}, 3e8)],
    meaning={
        "k": "best vocabulary at one FLOP, parameters / FLOP^gamma; only a prefactor",
        "gamma": "exponent of compute, no unit",
    },
)
def vocabulary_c(C, *, k: Positive, gamma: Exponent):
    r"""N_v^*(C) = k C^{\gamma}

    Use it for the best vocabulary of each budget when size and tokens are best too; divide by the width for
    the number of tokens in it. Not for a model that is trained for longer than that: there more vocabulary
    pays (best_vocabulary of the law vocabulary).
    """
    return k * C**gamma


@law(
    cite=TWO,
    output="vocab_params",
    published={
        "derivative": Published(
            {"k": 3145728 / 33e6**0.8353974035228025, "gamma": 0.8353974035228025},
            where="optimal_Nv_predict.py, approach 2",
            params="non-embedding",
            note="scaled from the best vocabulary of 33 M parameters",
        ),
        "isoflop": Published(
            {
                "k": exp(PUBLISHED_NV[0] - PUBLISHED_N[0] * PUBLISHED_NV[1] / PUBLISHED_N[1]),
                "gamma": PUBLISHED_NV[1] / PUBLISHED_N[1],
            },
            where="optimal_Nv_predict.py, the two lines of approach 1 with compute eliminated",
            params="non-embedding",
            note="both sizes optimal for the same budget",
            cite=ONE,
        ),
    },
    checks=[Check({"N": 1e8}, {"k": 2.0, "gamma": 0.75}, 2e6)],
    meaning={
        "k": "best vocabulary at one parameter, parameters^(1 - gamma); only a prefactor",
        "gamma": "exponent of the other parameters, no unit; below one the vocabulary grows more slowly",
    },
)
def vocabulary_n(N, *, k: Positive, gamma: Exponent):
    r"""N_v^*(N) = k N^{\gamma}

    Use it for the best vocabulary of a model trained with its optimal tokens; divide by the width for the
    number of tokens in it. Not for one trained on far fewer or far more (best_vocabulary of the law
    vocabulary), and not above some 200 k tokens, where the compression of text by larger ones was not measured.
    """
    return k * N**gamma
